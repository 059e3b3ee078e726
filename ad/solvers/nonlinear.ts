/** What solvers of nonlinear equations share: what they give, and when they are done. */
import type { Tensor } from "../../core/tensor.ts";
import { mul } from "../../ops/arithmetic.ts";
import { lessEqual } from "../../ops/compare.ts";
import { maximum } from "../../ops/piecewise.ts";
import { epsilonOf, lengthOf } from "./solver.ts";

export interface NonlinearOptions {
  /** How small a step has to become beside x. Default: 1e-10 in float64, 1e-5 in float32. */
  readonly tol?: number;
  /** A residual of at most this is small enough in any case (default 0). */
  readonly atol?: number;
  /** The most steps (default 50; 500 for fixed points). */
  readonly maxiter?: number;
}

export interface Nonlinear {
  readonly x: Tensor;
  /** |F(x)|. */
  readonly residual: Tensor;
  readonly iterations: Tensor;
  readonly converged: Tensor;
}

export const defaultStep = (x: Tensor): number => (x.dtype === "float64" ? 1e-10 : 1e-5);

/** Steps of so many times epsilon of the greatest x on the way are rounding. */
const ROUNDING = 16;

/** Whether a step d is nothing: beside x, or beside the greatest x that was met (`reach`), of which rounding errors remain. */
export const isStill = (d: Tensor, x: Tensor, reach: Tensor, tol: number): Tensor =>
  lessEqual(lengthOf(d), maximum(mul(lengthOf(x), tol), mul(reach, ROUNDING * epsilonOf(x))));
