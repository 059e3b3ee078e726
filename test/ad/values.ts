/** Numbers of closed expressions, by the interpreter: the judge's eyes for derivative tests. */
import type { Evaluate } from "../../ad/check.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { Value } from "../../core/value.ts";
import { evaluate, failed } from "../oracle/evaluate.ts";

/** A constant of float64. */
export const f64 = (x: number | readonly number[] | readonly number[][]): Tensor => constant(x as number[], { dtype: "float64" });

/** The elements of each tensor, in row-major order. */
export function valuesOf(...tensors: readonly Tensor[]): number[][] {
  return evaluate(tensors, () => undefined, new Map()).map((r) => {
    if (failed(r)) throw r.error;
    return Array.from(r.data);
  });
}

export const valueOf = (t: Tensor): number[] => valuesOf(t)[0]!;

/** The one element of a scalar. */
export function itemOf(t: Tensor): number {
  const values = valueOf(t);
  if (values.length !== 1) throw new Error(`expected a scalar, got ${t.describe()}`);
  return values[0]!;
}

/** ||a - b|| / ||b||. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length} differ`);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}

/** Values as `checkGradsWith` asks for them. */
export const interpret: Evaluate = async (tensors) =>
  evaluate(tensors, () => undefined, new Map()).map((r) => {
    if (failed(r)) throw r.error;
    return new Value(r.shape, r.dtype, 0, r.data);
  });
