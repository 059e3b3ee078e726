/**
 * Derivative, Taylor and batching rules of operations on complex numbers, as functions of their parts: against finite differences to second order,
 * derivatives along lines, and loops over examples. Numbers keep away from cuts and poles.
 */
import { describe, it } from "vitest";
import { checkGradsWith, type CheckMode } from "../../ad/check.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as arithmetic from "../../ops/arithmetic.ts";
import { where } from "../../ops/compare.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { concatenate } from "../../ops/concatenate.ts";
import { conv } from "../../ops/conv.ts";
import { tril } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { cumprod } from "../../ops/cumulative.ts";
import { diag, trace } from "../../ops/diagonal.ts";
import { einsum } from "../../ops/einsum.ts";
import { silu } from "../../ops/functions.ts";
import { scatterAdd, take } from "../../ops/indexing.ts";
import { dot, matmul, outer } from "../../ops/matmul.ts";
import { norm, std, variance } from "../../ops/norm.ts";
import { broadcastTo } from "../../ops/operand.ts";
import { pad, slice } from "../../ops/pad.ts";
import { abs, sign } from "../../ops/piecewise.ts";
import { angle, polar } from "../../ops/polar.ts";
import { pow } from "../../ops/power.ts";
import { cross, kron, multiDot, vander, vdot, vecdot } from "../../ops/products.ts";
import { roll } from "../../ops/rearrange.ts";
import { mean, prod, sum } from "../../ops/reductions.ts";
import { repeat } from "../../ops/repeat.ts";
import { flip, transpose } from "../../ops/transpose.ts";
import { functions } from "../ops/complex-numbers.ts";
import { numbers } from "../ops/support.ts";
import { interpret } from "./values.ts";

type F = (...args: Tensor[]) => Tensor;

const x = (shape: readonly number[], seed = 1): Tensor => numbers(shape, { seed, low: 0.3, high: 1.2 }).tensor;
/** In the first and the third quadrant, by turns. */
const z = (shape: readonly number[], seed = 1): Tensor => {
  const signs = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i % 2 ? -1 : 1));
  const turn = constant(signs, { shape: [...shape] });
  return complex(arithmetic.mul(x(shape, seed), turn), arithmetic.mul(x(shape, seed + 50), turn));
};

const check = (f: F, args: readonly Tensor[], modes: readonly CheckMode[] = ["fwd", "rev", "jet", "vmap"]): Promise<void> =>
  checkGradsWith(interpret, f, args, { order: 2, modes });

describe("functions", () => {
  const all: Record<string, F> = {
    ...(functions as Record<string, F>),
    ...({ silu, abs, angle, sign, conj, real, imag } as object),
    neg: arithmetic.neg as F,
    square: arithmetic.square as F,
    reciprocal: arithmetic.reciprocal as F,
    cube: (a) => pow(a!, 3),
    "fifth root": (a) => pow(a!, 0.2),
    "power of -4": (a) => pow(a!, -4),
  };
  it.each(Object.keys(all))("%s", (name) => check(all[name]!, [z([3])]));
});

describe("of two numbers", () => {
  const { add, sub, mul, div } = arithmetic as unknown as Record<string, F>;
  const cases: readonly (readonly [string, F, readonly Tensor[]])[] = [
    ["add", add!, [z([3]), z([3], 2)]],
    ["add a real one", add!, [z([3]), x([3], 2)]],
    ["sub", sub!, [x([3]), z([3], 2)]],
    ["mul", mul!, [z([3]), z([3], 2)]],
    ["mul by a real one", mul!, [z([3]), x([3], 2)]],
    ["mul, broadcast", mul!, [z([2, 1]), z([3], 2)]],
    ["div", div!, [z([3]), z([3], 2)]],
    ["div by a real one", div!, [z([3]), x([3], 2)]],
    ["div of a real one", div!, [x([3]), z([3], 2)]],
    ["pow", pow as F, [z([3]), z([3], 2)]],
    ["pow of real exponents", pow as F, [z([3]), x([3], 2)]],
    ["pow of a real base", pow as F, [x([3]), z([3], 2)]],
    ["polar", polar as F, [x([3]), x([3], 2)]],
    ["complex", complex as F, [x([3]), x([3], 2)]],
    ["where", (a, b) => where(constant([true, false, true]), a!, b!), [z([3]), x([3], 2)]],
  ];
  it.each(cases)("%s", (_, f, args) => check(f, args));
});

describe("of arrays", () => {
  const cases: readonly (readonly [string, F, readonly Tensor[]])[] = [
    ["sum", (a) => sum(a!, 0), [z([2, 3])]],
    ["mean", (a) => mean(a!, 1), [z([2, 3])]],
    ["prod", (a) => prod(a!, 1), [z([2, 3])]],
    ["cumsum", (a) => cumsum(a!, 1), [z([2, 3])]],
    ["cumprod", (a) => cumprod(a!, 0), [z([3, 2])]],
    ["var", (a) => variance(a!), [z([4])]],
    ["std", (a) => std(a!, { correction: 1 }), [z([4])]],
    ["norm", (a) => norm(a!), [z([4])]],
    ["norm of order 1", (a) => norm(a!, { ord: 1 }), [z([4])]],
    ["norm of order 3", (a) => norm(a!, { ord: 3 }), [z([4])]],
    ["rearranged", (a) => roll(flip(transpose(slice(a!, [0, 0], [2, 2]))), 1), [z([2, 3])]],
    ["broadcast and repeated", (a) => repeat(broadcastTo(a!, [2, 3]), 2), [z([3])]],
    ["concatenated", (a, b) => concatenate([a!, b!]), [z([2]), x([3], 2)]],
    ["padded", (a) => pad(a!, 1), [z([3])]],
    ["taken", (a) => take(a!, [0, 2, 2]), [z([3])]],
    ["scattered", (a, b) => scatterAdd(a!, [0, 0, 2], b!), [z([3]), z([3], 2)]],
    ["tril and trace", (a) => arithmetic.mul(trace(a!), tril(a!)), [z([3, 3])]],
    ["diag", (a) => diag(a!), [z([3])]],
    ["matmul", matmul as F, [z([2, 3]), z([3, 2], 2)]],
    ["matmul with a real one", matmul as F, [x([2, 2, 3]), z([3, 2], 2)]],
    ["einsum", (a, b) => einsum("ij,kj->ik", a!, b!), [z([2, 3]), z([2, 3], 2)]],
    ["dot", dot as F, [z([3]), z([3], 2)]],
    ["vdot", vdot as F, [z([3]), z([3], 2)]],
    ["vecdot", (a, b) => vecdot(a!, b!), [z([2, 3]), z([2, 3], 2)]],
    ["outer", outer as F, [z([3]), z([2], 2)]],
    ["kron", kron as F, [z([2, 2]), z([2, 1], 2)]],
    ["cross", (a, b) => cross(a!, b!), [z([3]), z([3], 2)]],
    ["vander", (a) => vander(a!), [z([3])]],
    ["multiDot", (a, b, d) => multiDot([a!, b!, d!]), [z([2, 3]), z([3, 2], 2), z([2, 2], 3)]],
    ["conv", (a, b) => conv(a!, b!), [z([1, 2, 5]), z([2, 2, 3], 2)]],
  ];
  it.each(cases)("%s", (_, f, args) => check(f, args, ["fwd", "rev", "vmap"]));
});
