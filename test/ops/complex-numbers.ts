/** What tests of complex numbers share: arithmetic on pairs, written without the library, and tensors of such pairs. */
import { expect } from "vitest";
import type { Complex } from "../../core/data.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import {
  acos,
  asin,
  atan,
  cos,
  cosh,
  exp,
  exp2,
  expm1,
  log,
  log10,
  log1p,
  log2,
  rsqrt,
  sigmoid,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from "../../ops/functions.ts";
import { acosh, asinh, atanh } from "../../ops/special.ts";
import { numbers, valueOf } from "./support.ts";

export const c = (re: number, im: number): Complex => ({ re, im });

/** Textbook formulas. */
export const plus = (a: Complex, b: Complex): Complex => c(a.re + b.re, a.im + b.im);
export const minus = (a: Complex, b: Complex): Complex => c(a.re - b.re, a.im - b.im);
export const times = (a: Complex, b: Complex): Complex => c(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
export const conjugate = ({ re, im }: Complex): Complex => c(re, -im);
export const over = (a: Complex, b: Complex): Complex => {
  const size = b.re * b.re + b.im * b.im;
  const { re, im } = times(a, conjugate(b));
  return c(re / size, im / size);
};
export const length = ({ re, im }: Complex): number => Math.hypot(re, im);
export const exponential = ({ re, im }: Complex): Complex => c(Math.exp(re) * Math.cos(im), Math.exp(re) * Math.sin(im));
export const logarithm = (z: Complex): Complex => c(Math.log(length(z)), Math.atan2(z.im, z.re));
export const scale = (z: Complex, s: number): Complex => c(z.re * s, z.im * s);

// A name a line would fill the page.
// prettier-ignore
/** Analytic functions of the library, by their names. */
export const functions = {
  exp, exp2, expm1, log, log2, log10, log1p, sqrt, rsqrt, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, sigmoid,
} as Readonly<Record<string, (z: Tensor) => Tensor>>;

/** Random-looking complex numbers, the same for the same seed. */
export function some(shape: readonly number[], { seed = 1, low = -2, high = 2, dtype = "float64" as DType } = {}): Complex[] {
  const [re, im] = [numbers(shape, { seed, low, high, dtype }), numbers(shape, { seed: seed + 101, low, high, dtype })];
  return re.data.map((x, i) => c(x, im.data[i]!));
}

export const tensorOf = (list: readonly Complex[], shape: readonly number[] = [list.length], dtype: DType = "complex128"): Tensor =>
  constant(Float64Array.from(list.flatMap(({ re, im }) => [re, im])), { shape: [...shape], dtype });

/** The elements of a complex tensor. */
export function complexOf(t: Tensor): Complex[] {
  const { data } = valueOf(t);
  return Array.from({ length: data.length / 2 }, (_, i) => c(data[2 * i]!, data[2 * i + 1]!));
}

/** Within so many rounding errors of float64 of the modulus. */
export function expectClose(got: readonly Complex[], wanted: readonly Complex[], ulps: number, eps = 2 ** -53): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((g, i) => {
    const w = wanted[i]!;
    const error = length(minus(g, w));
    if (!(error <= ulps * eps * length(w)))
      throw new Error(`element ${i} is ${g.re} + ${g.im}i, expected ${w.re} + ${w.im}i: off by ${error / length(w) / eps} rounding errors`);
  });
}

/** The same numbers, with the signs of zeros. */
export function expectSame(got: readonly Complex[], wanted: readonly Complex[]): void {
  expect(got.map(({ re, im }) => [re, im])).toEqual(wanted.map(({ re, im }) => [re, im]));
}
