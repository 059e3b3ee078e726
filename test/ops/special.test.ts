/** Special functions as users meet them: derivatives of several orders against closed forms, kinks and NaN, dtypes, bad input. */
import "../../ops/methods.ts";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as floating from "../../ops/floating.ts";
import { deg2rad, sigmoid } from "../../ops/functions.ts";
import * as special from "../../ops/special.ts";
import { primitiveNamed } from "../../ops/table.ts";
import { derivativesAt, expectNear, numbersOf } from "./support.ts";

const f64 = (...v: number[]): Tensor => constant(Float64Array.from(v));
const close = (got: readonly number[], expected: readonly number[], tolerance = 1e-13): void => expectNear(got, expected, tolerance);
const gammaOfEuler = 0.5772156649015329;
const zeta3 = 1.2020569031595942;
const zeta5 = 1.0369277551433699;

describe("derivatives by closed forms", () => {
  it("of lgamma at 1 are zeta values", () =>
    close(derivativesAt(special.lgamma, 1, 6), [
      0,
      -gammaOfEuler,
      Math.PI ** 2 / 6,
      -2 * zeta3,
      Math.PI ** 4 / 15,
      -24 * zeta5,
      (8 * Math.PI ** 6) / 63,
    ]));
  it("of digamma at 1/2", () =>
    close(derivativesAt(special.digamma, 0.5, 2), [-gammaOfEuler - 2 * Math.LN2, Math.PI ** 2 / 2, -14 * zeta3]));
  it("of i0 and i1 at 0, where quotients would be 0/0", () => {
    close(derivativesAt(special.i0, 0, 6), [1, 0, 1 / 2, 0, 3 / 8, 0, 5 / 16], 1e-15);
    close(derivativesAt(special.i1, 0, 5), [0, 1 / 2, 0, 3 / 8, 0, 5 / 16], 1e-15);
    close(derivativesAt(special.i1e, 0, 1), [0, 1 / 2], 1e-15);
  });
  it("of i0 satisfy Bessel's equation x y'' + y' = x y, near and far", () => {
    for (const x of [0.3, 2, 7.9, 8.1, 30]) {
      const [y, d, dd] = derivativesAt(special.i0, x, 2);
      close([(x * dd! + d!) / (x * y!)], [1], 1e-14);
    }
  });
  it("of erfinv and ndtri at the middle", () => {
    const c = Math.PI ** 1.5;
    close(derivativesAt(special.erfinv, 0, 3), [0, Math.sqrt(Math.PI) / 2, 0, c / 4]);
    close(derivativesAt(special.ndtri, 0.5, 3), [0, Math.sqrt(2 * Math.PI), 0, (2 * Math.PI) ** 1.5]);
  });
  it("of logNdtr far to the left approach -x", () => {
    const [, slope] = derivativesAt(special.logNdtr, -1e4, 1);
    close([slope!], [1e4 + 1e-4], 1e-12);
    close(derivativesAt(special.logNdtr, 40, 1), [0, 0]);
    // The second derivative is -1 + 1/x^2 - 6/x^4 + ...
    close([derivativesAt(special.logNdtr, -1e4, 2)[2]!], [-1 + 1e-8], 1e-14);
  });
  it("of erfcx are no differences of large numbers", () => {
    // 1/(x sqrt pi) (1 - 1/(2 x^2) + 3/(4 x^4) - 15/(8 x^6) ...), differentiated term by term.
    const x = 1e3;
    const series = (k: number): number =>
      [1, -1 / 2, 3 / 4, -15 / 8].reduce((sum, c, j) => {
        let factor = c;
        for (let i = 0; i < k; i++) factor *= -(2 * j + 1 + i);
        return sum + factor * x ** -(2 * j + 1 + k);
      }, 0) / Math.sqrt(Math.PI);
    derivativesAt(special.erfcx, x, 4).forEach((d, k) => close([d / series(k)], [1], 1e-13));
  });
  it("of inverse hyperbolic functions", () => {
    close(derivativesAt(special.asinh, 0.75, 2), [Math.LN2, 0.8, -0.75 * 0.8 ** 3]);
    close(derivativesAt(special.acosh, 1.25, 2), [Math.LN2, 4 / 3, -1.25 * (4 / 3) ** 3]);
    close(derivativesAt(special.atanh, 0.6, 2), [Math.LN2, 1 / 0.64, 1.2 / 0.64 ** 2]);
  });
});

it("logit undoes sigmoid, erfinv undoes erf", () => {
  const x = [-8, -1, -1e-9, 0.2, 3];
  close(numbersOf(special.logit(sigmoid(f64(...x)))), x, 1e-12);
});

it("entropies are 0 at 0", () => {
  expect(numbersOf(special.entr(f64(0, 1, -1, NaN)))).toEqual([0, 0, -Infinity, NaN]);
  expect(numbersOf(special.xlog1py(f64(0, 0, 2), f64(-1, Infinity, 0)))).toEqual([0, 0, 0]);
  close(
    derivativesAt((y) => special.xlog1py(f64(0).reshape([]), y), -1, 1),
    [0, 0],
  );
});

describe("NaN and signs", () => {
  it("fmax and fmin take the other one, and share ties", () => {
    const [a, b] = [f64(1, NaN, 3, NaN), f64(2, 5, NaN, NaN)];
    expect(numbersOf(floating.fmax(a, b))).toEqual([2, 5, 3, NaN]);
    expect(numbersOf(floating.fmin(a, b))).toEqual([1, 5, 3, NaN]);
    const slopes = (x: Tensor, y: Tensor): number[][] =>
      (grad((p: Tensor, q: Tensor) => floating.fmax(p, q).sum(), { argnums: [0, 1] })(x, y) as Tensor[]).map((t) => numbersOf(t));
    expect(slopes(f64(1, NaN, 3, 4), f64(2, 5, NaN, 4))).toEqual([
      [0, 0, 1, 0.5],
      [1, 1, 0, 0.5],
    ]);
    expect(numbersOf(floating.fmax(constant([1, 2], { dtype: "int32" }), 2))).toEqual([2, 2]);
  });
  it("copysign takes the sign of zeros too", () => {
    expect(numbersOf(floating.copysign(f64(1, -2, 0, NaN), f64(-0, 0, -3, 1)))).toEqual([-1, 2, -0, NaN]);
    expect(numbersOf(grad((x: Tensor) => floating.copysign(x, -1).sum())(f64(3, -3, 0)) as Tensor)).toEqual([-1, 1, 0]);
  });
  it("nanToNum replaces, and lets no derivative through there", () => {
    const x = f64(NaN, Infinity, -Infinity, 2);
    expect(numbersOf(floating.nanToNum(x))).toEqual([0, Number.MAX_VALUE, -Number.MAX_VALUE, 2]);
    expect(numbersOf(floating.nanToNum(constant([Infinity]), { nan: 1 }))).toEqual([3.4028234663852886e38]);
    expect(numbersOf(floating.nanToNum(x, { nan: 7, posinf: 8, neginf: 9 }))).toEqual([7, 8, 9, 2]);
    expect(numbersOf(grad((t: Tensor) => floating.nanToNum(t).sum())(x) as Tensor)).toEqual([0, 0, 0, 1]);
  });
  it("sums and means without NaN", () => {
    const x = f64(1, NaN, 4, NaN).reshape([2, 2]);
    expect(numbersOf(floating.nansum(x, 0))).toEqual([5, 0]);
    expect(numbersOf(floating.nanmean(x, 0))).toEqual([2.5, NaN]);
    expect(numbersOf(grad((t: Tensor) => floating.nanmean(t))(x) as Tensor)).toEqual([0.5, 0, 0.5, 0]);
  });
  it("isFinite and isInf", () => {
    const x = f64(1, Infinity, -Infinity, NaN);
    expect(numbersOf(floating.isFinite(x))).toEqual([1, 0, 0, 0]);
    expect(numbersOf(floating.isInf(x))).toEqual([0, 1, 1, 0]);
    expect(numbersOf(floating.isFinite(constant([1, -5], { dtype: "int32" })))).toEqual([1, 1]);
  });
  it("frac and ldexp", () => {
    expect(numbersOf(floating.frac(f64(2.25, -2.25)))).toEqual([0.25, -0.25]);
    expect(numbersOf(floating.ldexp(f64(3, 5), constant([2, -1], { dtype: "int32" })))).toEqual([12, 2.5]);
    close(numbersOf(deg2rad(f64(180))), [Math.PI], 0);
  });
});

it("families are found by name, as other threads look them up", () => {
  for (const t of [special.digamma(1), special.polygamma(5, 1), special.i0(1), special.i1e(1), special.lgamma(1)])
    expect(primitiveNamed(t.primitive.name)).toBe(t.primitive);
  const second = grad((x: Tensor) => grad((y: Tensor) => special.i0e(y))(x) as Tensor)(f64(1).reshape([])) as Tensor;
  const seen = [second];
  for (let t = seen[0]; t; t = seen[seen.indexOf(t) + 1]) for (const x of t.inputs) if (!seen.includes(x)) seen.push(x);
  const names = seen.map((t) => t.primitive.name).filter((n) => n.includes("bessel"));
  expect(names).toContain("scaled bessel i 2");
  for (const n of names) expect(primitiveNamed(n)?.name).toBe(n);
});

it("integers become float32", () => {
  expect(special.lgamma(constant([3], { dtype: "int32" })).dtype).toBe("float32");
  expect(numbersOf(special.lgamma(constant([2], { dtype: "int32" })))).toEqual([0]);
});

it.each([
  [() => special.polygamma(-1, 1), /polygamma: the order must be a non-negative integer, got -1/],
  [() => special.polygamma(constant(1) as never, 1), /polygamma: the order must be a non-negative integer/],
  [() => special.mvlgamma(1, 0), /mvlgamma: the dimension must be a positive integer, got 0/],
  [() => special.erfinv("1" as never), /erfinv: the operand must be a tensor or a number/],
  [() => floating.nanToNum(1, { nan: "0" as never }), /nanToNum: nan must be a number, got "0"/],
])("%s is refused", (f, message) => expect(f).toThrow(message));
