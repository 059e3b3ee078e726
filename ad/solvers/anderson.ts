/**
 * Anderson acceleration of x = f(x) (Walker and Ni, SIAM J. Numer. Anal. 49, 2011): the next x is mixed from the last few, so that their
 * residuals would cancel.
 */
import { scalar } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { equal, greater, less, lessEqual, logicalAnd, logicalNot, logicalOr, where } from "../../ops/compare.ts";
import { eye, iota, zeros } from "../../ops/creation.ts";
import { trace } from "../../ops/diagonal.ts";
import { isFinite } from "../../ops/floating.ts";
import { matmul } from "../../ops/matmul.ts";
import { maximum, rem } from "../../ops/piecewise.ts";
import { all } from "../../ops/reductions.ts";
import { expandDims } from "../../ops/reshape.ts";
import { solve } from "../../ops/solve.ts";
import { transpose } from "../../ops/transpose.ts";
import { iterate } from "./iterate.ts";
import { defaultStep, isStill, type Nonlinear, type NonlinearOptions } from "./nonlinear.ts";
import { epsilonOf, lengthOf } from "./solver.ts";

export interface AndersonOptions extends NonlinearOptions {
  /** How many earlier steps are mixed (default 5); 0 is the plain iteration x -> f(x). */
  readonly memory?: number;
}

/** A residual that grew by more than this sends the iteration back to the plain one. */
const GROWTH = 2;

/** `residual` is f(x) - x. */
export function anderson(
  residual: (x: Tensor) => Tensor,
  x0: Tensor,
  { tol, atol = 0, maxiter = 500, memory = 5 }: AndersonOptions,
): Nonlinear {
  const accuracy = tol ?? defaultStep(x0);
  const [n] = x0.shape;
  const rows = typeof n === "number" ? Math.min(memory, n) : memory;
  const g0 = residual(x0);
  const none = zeros([rows, n!], { dtype: x0.dtype });
  const first = { x: x0, g: g0, size: lengthOf(g0), reach: lengthOf(x0), dx: none, dg: none, filled: scalar(0, "int32") };
  const done = (s: { readonly x: Tensor; readonly g: Tensor; readonly size: Tensor; readonly reach: Tensor }): Tensor =>
    logicalOr(lessEqual(s.size, atol), isStill(s.g, s.x, s.reach, accuracy));
  const last = iterate(
    { ...first, k: scalar(0, "int32") },
    (s) => logicalAnd(logicalAnd(logicalNot(done(s)), less(s.size, Infinity)), less(s.k, maxiter)),
    (s) => {
      const plain = add(s.x, s.g);
      const mixed = rows === 0 ? plain : sub(plain, matmul(weights(s.dg, s.g), add(s.dx, s.dg)));
      const next = rows === 0 ? plain : where(all(isFinite(mixed)), mixed, plain);
      const g = residual(next);
      const size = lengthOf(g);
      // Where mixing led astray, what it was made of is forgotten.
      const astray = logicalAnd(greater(s.filled, 0), logicalNot(lessEqual(size, mul(GROWTH, s.size))));
      const here = expandDims(equal(iota([rows]), rem(s.filled, Math.max(rows, 1))), 1);
      const kept = (list: Tensor, row: Tensor): Tensor => where(astray, 0, where(here, expandDims(row, 0), list));
      return {
        ...{ x: where(astray, s.x, next), g: where(astray, s.g, g), size: where(astray, s.size, size) },
        reach: maximum(s.reach, lengthOf(where(astray, s.x, next))),
        ...(rows === 0 ? { dx: s.dx, dg: s.dg } : { dx: kept(s.dx, sub(next, s.x)), dg: kept(s.dg, sub(g, s.g)) }),
        filled: where(astray, 0, add(s.filled, 1)),
        k: add(s.k, 1),
      };
    },
  );
  return { x: last.x, residual: last.size, iterations: last.k, converged: done(last) };
}

/** w for which |g - w dg| is least, with a trace of regularization: rows that are empty, or alike, get what they can bear. */
function weights(dg: Tensor, g: Tensor): Tensor {
  const gram = matmul(dg, transpose(dg));
  const size = trace(gram);
  const ridge = where(greater(size, 0), mul(size, 10 * epsilonOf(g)), 1);
  return solve(add(gram, mul(ridge, eye(gram.shape[0]!, gram.shape[0]!, 0, { dtype: g.dtype }))), matmul(dg, g));
}
