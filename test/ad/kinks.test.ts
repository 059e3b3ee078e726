/** Derivatives exactly at kinks, ties, zeros and infinities: the conventions, each by its number. */
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { hessian } from "../../ad/jacobian.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul, square } from "../../ops/arithmetic.ts";
import { greater, where } from "../../ops/compare.ts";
import { gelu, log, sigmoid, sqrt, tanh } from "../../ops/functions.ts";
import { abs, clip, maximum, minimum, relu } from "../../ops/piecewise.ts";
import { hypot } from "../../ops/polar.ts";
import { logaddexp, pow, xlogy } from "../../ops/power.ts";
import { norm } from "../../ops/norm.ts";
import { max, min, prod, sum } from "../../ops/reductions.ts";
import { sinc } from "../../ops/sinc.ts";
import { logsumexp } from "../../ops/softmax.ts";
import { valueOf, valuesOf } from "./values.ts";

const vec = (...v: number[]): Tensor => constant(v, { dtype: "float64" });
/** The derivative of an elementwise function at points; the sign of a zero is of no interest here. */
const slope = (f: (x: Tensor) => Tensor, ...at: number[]): number[] =>
  valueOf(grad((x: Tensor) => sum(f(x)))(vec(...at))).map((v) => v + 0);
const slopes2 = (f: (x: Tensor, y: Tensor) => Tensor, x: number, y: number): number[] =>
  valuesOf(...(grad((a: Tensor, b: Tensor) => sum(f(a, b)), { argnums: [0, 1] })(vec(x), vec(y)) as Tensor[])).flat();

describe("ties", () => {
  it("maximum and minimum split the cotangent evenly", () => {
    expect(slopes2(maximum, 2, 2)).toEqual([0.5, 0.5]);
    expect(slopes2(minimum, 2, 2)).toEqual([0.5, 0.5]);
    expect(slopes2(maximum, 0, -0)).toEqual([0.5, 0.5]);
    expect(slopes2(maximum, 1, 2)).toEqual([0, 1]);
  });
  it("max and min of an array split it among all that tie", () => {
    expect(valueOf(grad((x: Tensor) => max(x))(vec(1, 3, 3, 2, 3, 3)))).toEqual([0, 0.25, 0.25, 0, 0.25, 0.25]);
    expect(valueOf(grad((x: Tensor) => min(x))(vec(1, 3, 1)))).toEqual([0.5, 0, 0.5]);
  });
});

describe("kinks", () => {
  it("abs and relu have slope 0 at 0", () => {
    expect(slope(abs, -2, 0, -0, 2)).toEqual([-1, 0, 0, 1]);
    expect(slope(relu, -1, 0, 1)).toEqual([0, 0, 1]);
  });
  it("clip passes inside and at neither bound", () => expect(slope((x) => clip(x, -1, 2), -2, -1, 0, 2, 3)).toEqual([0, 0, 1, 0, 0]));
});

describe("zeros", () => {
  it("grad(prod) is exact with one zero, with two, and with none", () => {
    const g = (...x: number[]): number[] => valueOf(grad((t: Tensor) => prod(t))(vec(...x)));
    expect(g(2, 0, 4)).toEqual([0, 8, 0]);
    expect(g(0, 0, 4)).toEqual([0, 0, 0]);
    expect(g(2, 3, 4)).toEqual([12, 8, 6]);
    expect(g()).toEqual([]);
  });
  it("the Hessian of prod at zeros is exact", () => {
    expect(valueOf(hessian((t: Tensor) => prod(t))(vec(0, 0, 5)))).toEqual([0, 5, 0, 5, 0, 0, 0, 0, 0]);
  });
  it("a norm has gradient 0 at 0, and so has hypot", () => {
    expect(valueOf(grad((t: Tensor) => norm(t))(vec(0, 0)))).toEqual([0, 0]);
    expect(slopes2(hypot, 0, 0)).toEqual([0, 0]);
  });
  it("powers at 0 and of negatives", () => {
    expect(slope((x) => pow(x, 2), 0, -3)).toEqual([0, -6]);
    expect(slope((x) => pow(x, 1), 0)).toEqual([1]);
    expect(slope((x) => pow(x, 0), 0, 5)).toEqual([0, 0]);
    expect(slope((x) => pow(x, 3), -2)).toEqual([12]);
    expect(valueOf(hessian((x: Tensor) => sum(pow(x, 2)))(vec(0)))).toEqual([2]);
    expect(valueOf(hessian((x: Tensor) => sum(pow(x, 3)))(vec(0)))).toEqual([0]);
  });
  it("sinc is smooth at 0: 1, 0, -pi^2/3", () => {
    expect(valueOf(sinc(vec(0)))).toEqual([1]);
    expect(slope(sinc, 0)).toEqual([0]);
    expect(valueOf(hessian((x: Tensor) => sum(sinc(x)))(vec(0)))[0]).toBeCloseTo(-(Math.PI ** 2) / 3, 13);
  });
  it("xlogy(0, 0) is 0, with no derivative by y", () => {
    expect(valueOf(xlogy(vec(0), vec(0)))).toEqual([0]);
    expect(slopes2(xlogy, 0, 0)[1]).toBe(0);
  });
});

describe("far out", () => {
  it("saturated functions have derivative 0, not NaN", () => {
    expect(slope(tanh, -1000, 1000)).toEqual([0, 0]);
    expect(slope(sigmoid, -1000, 1000)).toEqual([0, 0]);
    expect(slope(gelu, -1000, 1000)).toEqual([0, 1]);
  });
  it("logsumexp and logaddexp survive infinities", () => {
    expect(valueOf(logsumexp(vec(-Infinity, -Infinity)))).toEqual([-Infinity]);
    expect(valueOf(logsumexp(vec(Infinity, 1)))).toEqual([Infinity]);
    expect(valueOf(logsumexp(vec(1000, 1000)))[0]).toBeCloseTo(1000 + Math.LN2, 12);
    expect(valueOf(grad((x: Tensor) => logsumexp(x))(vec(1000, 1000)))).toEqual([0.5, 0.5]);
    expect(slopes2(logaddexp, -Infinity, 0)).toEqual([0, 1]);
    expect(slopes2(logaddexp, 1000, 1000)).toEqual([0.5, 0.5]);
  });
  it("a guarded branch does not leak NaN when the guard is inside", () => {
    const safe = (x: Tensor): Tensor => where(greater(x, 0), log(where(greater(x, 0), x, 1)), 0);
    expect(slope(safe, -1, 0, 2)).toEqual([0, 0, 0.5]);
  });
  it("sqrt has an infinite slope at 0", () => expect(slope(sqrt, 0)).toEqual([Infinity]));
  it("square and mul agree", () => expect(slope((x) => mul(x, x), 3)).toEqual(slope(square, 3)));
});
