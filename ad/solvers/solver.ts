/** What solvers of linear systems A x = b share: what they are given, what they give, and when a solution counts as one. */
import type { Tensor } from "../../core/tensor.ts";
import { div, mul, square } from "../../ops/arithmetic.ts";
import { greater, lessEqual, logicalOr, where } from "../../ops/compare.ts";
import { ones } from "../../ops/creation.ts";
import { sqrt } from "../../ops/functions.ts";
import { abs, maximum } from "../../ops/piecewise.ts";
import { max, sum } from "../../ops/reductions.ts";

/** A linear system, or a problem of least squares, over vectors [n] and [m]. */
export interface System {
  /** A v. */
  apply(v: Tensor): Tensor;
  /** A^T w. */
  applyTransposed(w: Tensor): Tensor;
  /** About A^-1 r: the identity where no preconditioner is given. */
  precondition(r: Tensor): Tensor;
  /** A matrix that is A, or the transpose of it: whichever others ask for too. */
  matrix(): { readonly matrix: Tensor; readonly transposed: boolean };
}

/** A solution with what is known of it. */
export interface Solved {
  readonly x: Tensor;
  /** |b - A x|, computed from x. */
  readonly residual: Tensor;
  /** How many steps were made (int32). */
  readonly iterations: Tensor;
  /** Whether x is a solution (bool). */
  readonly converged: Tensor;
}

export interface Solver {
  readonly name: string;
  /** Beginning at x0, or at 0. */
  solve(system: System, b: Tensor, x0: Tensor | undefined): Solved;
}

export interface Tolerances {
  /** How small |b - A x| has to become beside |b|. Default: 1e-12 in float64, 1e-6 in float32. */
  readonly tol?: number;
  /** How small |b - A x| has to become in any case (default 0). */
  readonly atol?: number;
}

export const inner = (a: Tensor, b: Tensor): Tensor => sum(mul(a, b));

/** The greatest size of an element, or 1 where all are 0 or there is none: what to divide by so that squares neither overflow nor underflow. */
export function scaleOf(v: Tensor): Tensor {
  if (v.shape.includes(0)) return ones([], { dtype: v.dtype });
  const greatest = max(abs(v));
  return where(greater(greatest, 0), greatest, 1);
}

/** The length of a vector, whatever the size of its elements. */
export function lengthOf(v: Tensor): Tensor {
  const scale = scaleOf(v);
  return mul(scale, sqrt(sum(square(div(v, scale)))));
}

const isDouble = (t: Tensor): boolean => t.dtype === "float64";
export const defaultTol = (t: Tensor): number => (isDouble(t) ? 1e-12 : 1e-6);
/** The spacing of numbers at 1. */
export const epsilonOf = (t: Tensor): number => (isDouble(t) ? 2 ** -52 : 2 ** -23);

/** Rounding alone leaves residuals of so many times epsilon |A| |x|. */
const ROUNDING = 100;

/**
 * Whether a residual r = b - A x, of length `residual`, is within a limit or as small as rounding lets it be: at most a multiple of
 * epsilon |A| |x|, where |A r| / |r| bounds |A| from below (Higham, Accuracy and Stability of Numerical Algorithms, 7.1).
 */
export function isSmall(system: System, r: Tensor, residual: Tensor, x: Tensor, limit: Tensor): Tensor {
  const direction = div(r, where(greater(residual, 0), residual, 1));
  const floor = mul(mul(lengthOf(system.apply(direction)), lengthOf(x)), ROUNDING * epsilonOf(x));
  return logicalOr(lessEqual(residual, limit), lessEqual(residual, floor));
}

/** Tolerances as a limit of |b - A x| / scale, for |b| / scale. */
export const limitOf = ({ tol, atol = 0 }: Tolerances, b: Tensor, size: Tensor, scale: Tensor): Tensor => {
  const relative = mul(size, tol ?? defaultTol(b));
  return atol > 0 ? maximum(relative, div(atol, scale)) : relative;
};
