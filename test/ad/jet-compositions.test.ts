/** Taylor mode of random compositions of all elementwise primitives, against nested derivatives to order 6. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as fx from "fluxion";
import { checkGradsWith } from "../../ad/check.ts";
import { jet } from "../../ad/jet.ts";
import { topological } from "../../core/graph.ts";
import type { Tensor } from "../../core/tensor.ts";
import { noTangent } from "../../ops/elementwise.ts";
import * as arithmetic from "../../ops/arithmetic.ts";
import * as binary from "../../ops/binary.ts";
import * as functions from "../../ops/functions.ts";
import * as piecewise from "../../ops/piecewise.ts";
import * as power from "../../ops/power.ts";
import type { RuledPrimitive } from "../../ops/primitive.ts";
import { Random } from "./cases.ts";
import { type Curve, expectClose, nested, ORDER } from "./judge-jets.ts";
import { interpret, valuesOf } from "./values.ts";

const { add, mul, sub } = fx as unknown as Record<"add" | "mul" | "sub", (x: unknown, y: unknown) => Tensor>;
type Unary = (x: Tensor) => Tensor;
const loose = fx as unknown as Record<string, Unary>;

// ---- what takes any real number where a function is smooth
const bounded: Unary = (x) => mul(fx.tanh(x), 0.7);
const positive: Unary = (x) => add(1.3, mul(fx.tanh(x), 0.6));
const above1: Unary = (x) => add(2.1, mul(fx.tanh(x), 0.6));
const unit: Unary = (x) => add(0.5, mul(fx.tanh(x), 0.3));

const on = (domain: Unary, ...names: readonly string[]): [string, Unary][] => names.map((n) => [n, (x) => loose[n]!(domain(x))]);
/** The functions of complex numbers, along a line through the plane. */
const complexOn = (domain: Unary, ...names: readonly string[]): [string, Unary][] =>
  names.map((n) => [
    `complex ${n}`,
    (x) => {
      const z = loose[n]!(fx.complex(domain(x), mul(bounded(x), 0.6) as never));
      return add(fx.real(z), mul(fx.imag(z), 0.5));
    },
  ]);
const smooth: readonly [string, Unary][] = [
  ...on((x) => x, "sin", "cos", "tanh", "sigmoid", "softplus", "erf", "atan", "asinh", "ndtr", "i0e", "sinc", "gelu", "silu"),
  ...on(
    bounded,
    "exp",
    "expm1",
    "exp2",
    "sinh",
    "cosh",
    "tan",
    "asin",
    "acos",
    "atanh",
    "erfinv",
    "erfc",
    "erfcx",
    "logNdtr",
    "i0",
    "i1",
    "i1e",
  ),
  ...on(positive, "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "lgamma", "digamma", "entr", "square", "neg"),
  ...on(above1, "acosh"),
  ...on(unit, "logit", "ndtri"),
  ["polygamma", (x) => fx.polygamma(2, positive(x))],
  ["pow of a constant", (x) => fx.pow(positive(x), 1.7)],
  ["relu beside its kink", (x) => fx.relu(sub(bounded(x), 1))],
  ["abs beside its kink", (x) => fx.abs(sub(bounded(x), 3))],
  ["maximum of what does not meet", (x) => fx.maximum(bounded(x), 2 as never)],
  ["minimum of what does not meet", (x) => fx.minimum(bounded(x), add(x, 9) as never)],
  ["clip inside", (x) => fx.clip(bounded(x), -1, 1)],
  ["rem between its steps", (x) => fx.rem(add(5.5, mul(bounded(x), 0.1)), 2)],
  ["where", (x) => fx.where(fx.less(fx.stopGradient(x), 0), fx.sin(x), fx.cos(x) as never) as Tensor],
  ["copysign", (x) => fx.copysign(positive(x), -1)],
  ...complexOn(
    bounded,
    "exp",
    "expm1",
    "exp2",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "asin",
    "acos",
    "atan",
    "asinh",
    "atanh",
    "sigmoid",
  ),
  ...complexOn(positive, "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "angle", "abs"),
  ...complexOn(above1, "acosh"),
  ["complex pow", (x) => fx.real(fx.pow(fx.complex(positive(x), x as never), fx.complex(bounded(x), 0.2 as never)))],
  ["complex pow of real exponent", (x) => fx.imag(fx.pow(fx.complex(positive(x), x as never), 1.3))],
];
const joined: readonly [string, (x: Tensor, y: Tensor) => Tensor][] = [
  ["add", add],
  ["sub", sub],
  ["mul", (x, y) => mul(bounded(x), y)],
  ["div", (x, y) => fx.div(x, positive(y) as never)],
  ["pow", (x, y) => fx.pow(positive(x), bounded(y))],
  ["atan2", (x, y) => fx.atan2(positive(x), y as never)],
  ["hypot", (x, y) => fx.hypot(positive(x), y as never)],
  ["logaddexp", (x, y) => fx.logaddexp(x, y as never)],
  ["xlogy", (x, y) => fx.xlogy(x, positive(y) as never)],
  ["xlog1py", (x, y) => fx.xlog1py(x, positive(y) as never)],
  ["complex div", (x, y) => fx.real(fx.div(fx.complex(x, y as never), fx.complex(positive(y), x as never) as never))],
];

/** A function of some steps, each of one or two values before it; `first` is among them. */
function compose(random: Random, size: number, first?: (...xs: Tensor[]) => Tensor): Unary {
  const steps = Array.from({ length: size }, (_, i) => {
    const f = i === 0 && first ? first : random.next() < 0.6 ? random.pick(smooth)[1] : random.pick(joined)[1];
    return { f: f as (...xs: Tensor[]) => Tensor, inputs: [random.next(), random.next()] };
  });
  return (x) => {
    const values = [x];
    for (const { f, inputs } of steps) values.push(f(...inputs.slice(0, f.length).map((u) => values[Math.floor(u * values.length)]!)));
    return values.slice(-3).reduce(add);
  };
}

function expectJets(f: Unary, random: Random): void {
  const [x, v] = [random.tensor([3], -1, 1), random.tensor([3], -1, 1)];
  const got = jet(f, x, [v, ...new Array<null>(ORDER - 1).fill(null)])[1] as Tensor[];
  const expected = nested(((s) => f(add(x, mul(s, v)))) satisfies Curve, ORDER);
  expectClose(valuesOf(...got), valuesOf(...expected), 1e-10);
}

describe("compositions agree with nested derivatives to order 6", () => {
  it.each([...smooth, ...joined].map(([name, f], seed) => [name, f, seed] as const))("with %s", (_, f, seed) => {
    const random = new Random(seed);
    expectJets(compose(random, 2, f), random);
  });
  it("of any of them", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        expectJets(compose(random, random.integer(2, 6)), random);
      }),
      { numRuns: 10 },
    );
  });
  it("have gradients that finite differences confirm, to second order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = new Random(seed);
        const f = compose(random, 3);
        const third = (x: Tensor, v: Tensor): Tensor => (jet(f, x, [v, null, null])[1] as Tensor[]).reduce(add);
        const x = random.tensor([3], -1, 1);
        await checkGradsWith(interpret, third, [x, random.tensor([3], -1, 1)], { rtol: 1e-4, atol: 1e-4, seed });
      }),
      { numRuns: 4 },
    );
  });
  it("and nothing elementwise is left out", () => {
    const x = new Random(1).tensor([2]);
    const met = new Set(
      topological([...smooth, ...joined].map(([, f]) => (f as (...xs: Tensor[]) => Tensor)(x, x))).map((t) => t.primitive.name),
    );
    const all = [arithmetic, binary, functions, piecewise, power].flatMap((file): readonly RuledPrimitive[] => file.primitives);
    // Steps have no derivative; `preference` is the share of a tie, which maximum's has.
    const moving = all.filter((p) => p.jvp !== undefined && p.jvp !== noTangent && p.name !== "preference");
    expect(moving.map((p) => p.name).filter((name) => !met.has(name))).toEqual([]);
    expect(moving.length).toBeGreaterThan(40);
  });
});
