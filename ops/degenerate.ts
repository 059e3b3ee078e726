/** Reciprocals of differences between eigenvalues or singular values, which are infinite where those are equal. */
import type { Tensor } from "../core/tensor.ts";
import { add, div, mul } from "./arithmetic.ts";
import { showArgument } from "./describe.ts";

export interface DegenerateOptions {
  /**
   * How derivatives treat values that are equal, or nearly: a reciprocal 1/d of a difference (of eigenvalues, or of squares of singular values) is
   * taken as d / (d^2 + derivativeEps). 0 (default) is exact, and NaN or infinite where values are equal; more keeps derivatives of vectors
   * finite there, and bends others by derivativeEps / d^2 of their size.
   */
  readonly derivativeEps?: number;
}

export function epsOf(op: string, { derivativeEps = 0 }: DegenerateOptions): number {
  if (typeof derivativeEps !== "number" || !(derivativeEps >= 0))
    throw new Error(`${op}: derivativeEps must be a number that is not negative, got ${showArgument(derivativeEps)}`);
  return derivativeEps;
}

/** 1 / d, or d / (d^2 + eps). */
export const reciprocal = (d: Tensor, eps: number): Tensor => (eps === 0 ? div(1, d) : div(d, add(mul(d, d), eps)));
