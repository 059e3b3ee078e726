/** Lengths and spreads: roots of sums of powers, which have a derivative of 0, by convention, where they are 0. */
import { partsOf } from "../core/complex.ts";
import { subDims } from "../core/dim.ts";
import { partDType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Reducer } from "./signatures.ts";
import { add, div, square, sub } from "./arithmetic.ts";
import { reduceSum } from "./broadcast.ts";
import { equal, notEqual, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { sqrt } from "./functions.ts";
import { dimSize } from "./iota.ts";
import { type Operand, toInexact } from "./operand.ts";
import { abs } from "./piecewise.ts";
import { pow } from "./power.ts";
import {
  countOf,
  finish,
  max,
  mean,
  min,
  type ReduceArgument,
  type ReduceOptions,
  reductionOf,
  type Reduction,
  sum,
} from "./reductions.ts";

/** |x|^2, a real tensor. */
function squaredLength(x: Tensor): Tensor {
  const { re, im } = partsOf(x);
  return re && im ? add(square(re), square(im)) : square((re ?? im)!);
}

/** f(x), where f(0) = 0, with derivatives of 0 at 0. */
function zeroAtZero(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  const zero = equal(x, 0);
  return where(zero, 0, f(where(zero, 1, x)));
}
const rootOrZero = (x: Tensor): Tensor => zeroAtZero((y) => sqrt(y), x);

export interface VarianceOptions extends ReduceOptions {
  /** Divides by n - correction: 0 (default) for the variance of the data, 1 for an estimate from a sample. */
  readonly correction?: number;
}

/** The sum of squared differences from the mean, and what to divide it by. */
function deviations(
  op: string,
  x: Operand,
  argument: ReduceArgument | VarianceOptions | undefined,
): { squares: Tensor; count: Tensor; shape: Shape; r: Reduction } {
  const t = toInexact(op, x);
  const r = reductionOf(op, t, argument);
  const { correction = 0 } = typeof argument === "object" && !Array.isArray(argument) ? (argument as VarianceOptions) : {};
  if (!(typeof correction === "number" && Number.isFinite(correction)))
    throw new Error(`${op}: the correction must be a number, got ${showArgument(correction)}`);
  const size = countOf(t.shape, r.axes);
  const dtype = partDType(t.dtype);
  const count = Number.isInteger(correction) ? dimSize(subDims(size, correction), dtype) : sub(dimSize(size, dtype), correction);
  const centred = sub(t, mean(t, { axis: r.axes, keepdims: true }));
  return { squares: reduceSum([squaredLength(centred)], { axes: r.axes }), count, shape: t.shape, r };
}

/** The variance: the mean of squared differences from the mean, |x - mean|^2 of complex numbers. */
export const variance: Reducer<"var", number | readonly number[] | VarianceOptions> = (
  x: Operand,
  argument?: number | readonly number[] | VarianceOptions,
): Tensor => {
  const { squares, count, shape, r } = deviations("var", x, argument);
  return finish(div(squares, count), shape, r);
};

/** The standard deviation: the root of the variance. Where that is 0, the derivative is 0. */
export const std: Reducer<"std", number | readonly number[] | VarianceOptions> = (
  x: Operand,
  argument?: number | readonly number[] | VarianceOptions,
): Tensor => {
  const { squares, count, shape, r } = deviations("std", x, argument);
  return finish(rootOrZero(div(squares, count)), shape, r);
};

export interface NormOptions extends ReduceOptions {
  /**
   * p of (sum of |x|^p)^(1/p); 2 (default) also as "fro". 1 is the sum of absolute values, Infinity the greatest and -Infinity
   * the least of them, 0 the number of elements that are not 0.
   */
  readonly ord?: number | "fro";
}

/** The norm of the elements over some axes (default: all), taken as one vector; of matrices see matrixNorm. The derivative at 0 is 0. */
export const norm: Reducer<"norm", number | readonly number[] | NormOptions> = (
  x: Operand,
  argument?: number | readonly number[] | NormOptions,
): Tensor => {
  const t = toInexact("norm", x);
  const r = reductionOf("norm", t, argument);
  const { ord = 2 } = typeof argument === "object" && !Array.isArray(argument) ? (argument as NormOptions) : {};
  const p = ord === "fro" ? 2 : ord;
  if (typeof p !== "number" || Number.isNaN(p))
    throw new Error(`norm: ord must be a number or "fro", got ${showArgument(ord)}; norms of matrices, "nuc" among them, are matrixNorm`);
  if (p === 2) return finish(rootOrZero(reduceSum([squaredLength(t)], { axes: r.axes })), t.shape, r);
  const same = { axis: r.axes, keepdims: r.keepdims };
  if (p === Infinity) return max(abs(t), same);
  if (p === -Infinity) return min(abs(t), same);
  if (p === 1) return sum(abs(t), same);
  if (p === 0) return sum(convert(notEqual(t, 0), partDType(t.dtype)), same);
  if (p < 0) return pow(sum(pow(abs(t), p), same), 1 / p);
  return zeroAtZero(
    (y) => pow(y, 1 / p),
    sum(
      zeroAtZero((y) => pow(y, p), abs(t)),
      same,
    ),
  );
};
