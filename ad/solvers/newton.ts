/** Newton's method for F(x) = 0, with a line search on |F| (Nocedal and Wright, Numerical Optimization, 11.2). */
import { scalar } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { greater, less, lessEqual, logicalAnd, logicalNot, logicalOr, where } from "../../ops/compare.ts";
import { iterate } from "./iterate.ts";
import { maximum } from "../../ops/piecewise.ts";
import { lengthOf } from "./solver.ts";
import { defaultStep, isStill, type Nonlinear, type NonlinearOptions } from "./nonlinear.ts";

/** A step is halved so often at most. */
const HALVINGS = 30;
/** The part of what a full step promises that counts as progress. */
const PROGRESS = 1e-4;

/** `direction(x, F(x))` solves F'(x) d = F(x). */
export function newton(
  residual: (x: Tensor) => Tensor,
  direction: (x: Tensor, f: Tensor) => Tensor,
  x0: Tensor,
  { tol, atol = 0, maxiter = 50 }: NonlinearOptions,
): Nonlinear {
  const accuracy = tol ?? defaultStep(x0);
  const f0 = residual(x0);
  const no = scalar(false, "bool");
  const first = { x: x0, f: f0, size: lengthOf(f0), reach: lengthOf(x0), k: scalar(0, "int32"), still: no, stuck: no };
  const { x, size, k, still } = iterate(
    first,
    (s) => logicalAnd(logicalAnd(greater(s.size, atol), logicalNot(logicalOr(s.still, s.stuck))), less(s.k, maxiter)),
    (s) => {
      const d = direction(s.x, s.f);
      const accepts = (size: Tensor, t: Tensor): Tensor => lessEqual(size, mul(sub(1, mul(PROGRESS, t)), s.size));
      const tried = (t: Tensor): { x: Tensor; f: Tensor; size: Tensor; t: Tensor } => {
        const x = sub(s.x, mul(t, d));
        const f = residual(x);
        return { x, f, size: lengthOf(f), t };
      };
      const step = iterate(
        { ...tried(scalar(1, x0.dtype)), tries: scalar(0, "int32") },
        (c) => logicalAnd(logicalNot(accepts(c.size, c.t)), less(c.tries, HALVINGS)),
        (c) => ({ ...tried(mul(c.t, 0.5)), tries: add(c.tries, 1) }),
      );
      const accepted = accepts(step.size, step.t);
      const reach = maximum(s.reach, lengthOf(step.x));
      // The whole step is small: as near as it gets, even where rounding leaves no progress to be seen.
      const still = isStill(d, s.x, reach, accuracy);
      const kept = (next: Tensor, last: Tensor): Tensor => where(accepted, next, last);
      return {
        ...{ x: kept(step.x, s.x), f: kept(step.f, s.f), size: kept(step.size, s.size), reach: kept(reach, s.reach) },
        ...{ k: add(s.k, 1), still, stuck: logicalNot(accepted) },
      };
    },
  );
  return { x, residual: size, iterations: k, converged: logicalOr(still, lessEqual(size, atol)) };
}
