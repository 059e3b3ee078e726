/** Methods are the functions of the same operation, on every tensor that there is. */
import { expect, it } from "vitest";
import * as fluxion from "../../index.ts";
import { numbersOf } from "./support.ts";

const x = fluxion.tensor([
  [1, -2, 3],
  [4, 5, -6],
]);
const y = fluxion.tensor([2, 3, -4]);

it("a method gives the very node that its function gives", () => {
  const f = fluxion as unknown as Record<string, (...args: unknown[]) => fluxion.Tensor>;
  const named: Record<string, string> = {
    eq: "equal",
    ne: "notEqual",
    lt: "less",
    le: "lessEqual",
    gt: "greater",
    ge: "greaterEqual",
    and: "logicalAnd",
    or: "logicalOr",
    not: "logicalNot",
  };
  const args: Record<string, unknown[]> = {
    ...Object.fromEntries(
      ["add", "sub", "mul", "div", "rem", "pow", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "matmul", "dot"].map((name) => [
        name,
        [y],
      ]),
    ),
    ...Object.fromEntries(
      [
        "neg",
        "abs",
        "sign",
        "square",
        "reciprocal",
        "sqrt",
        "exp",
        "log",
        "sin",
        "cos",
        "tanh",
        "sigmoid",
        "floor",
        "ceil",
        "round",
        "not",
        "transpose",
        "squeeze",
        "flip",
      ].map((name) => [name, []]),
    ),
    ...Object.fromEntries(
      ["sum", "mean", "prod", "max", "min", "argmax", "argmin", "all", "any", "var", "std", "norm", "cumsum"].map((name) => [name, [1]]),
    ),
    clip: [-1, 2],
    reshape: [[3, 2]],
    broadcastTo: [[4, 2, 3]],
    expandDims: [1],
    slice: [[0, 1]],
    take: [[0, 1], 0],
    astype: ["int32"],
  };
  for (const [method, rest] of Object.entries(args)) {
    const node = (x as unknown as Record<string, (...rest: unknown[]) => fluxion.Tensor>)[method]!(...rest);
    const expected = f[named[method] ?? method]!(x, ...rest);
    // Positions given as arrays are constants of their own, interned by identity.
    if (method === "take") expect(numbersOf(node)).toEqual(numbersOf(expected));
    else expect(node, method).toBe(expected);
  }
  expect(x.T).toBe(fluxion.transpose(x));
});

it("methods chain", () => {
  expect(numbersOf(x.mul(y).add(1).sum(1))).toEqual([2 - 6 - 12 + 3, 8 + 15 + 24 + 3]);
});

it("operators on tensors are refused with the method to use", () => {
  expect(() => (x as unknown as number) * 2).toThrow(/Use x\.mul\(y\) for x \* y/);
});
