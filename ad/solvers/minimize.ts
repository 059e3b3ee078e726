/**
 * Newton's method for the least value of a function, damped as by Levenberg and Marquardt: (H + damping) d = gradient, with more damping
 * until a step goes down, and less after each that does (Nocedal and Wright, Numerical Optimization, 4 and 10.3). Near a minimum the
 * damping is 0, and steps are Newton's.
 */
import { scalar } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, sub } from "../../ops/arithmetic.ts";
import { equal, greater, greaterEqual, less, lessEqual, logicalAnd, logicalNot, logicalOr, where } from "../../ops/compare.ts";
import { abs, maximum } from "../../ops/piecewise.ts";
import { iterate } from "./iterate.ts";
import { defaultStep, isStill, type Nonlinear, type NonlinearOptions } from "./nonlinear.ts";
import { epsilonOf, inner, lengthOf } from "./solver.ts";

/** The part of what a step promises that counts as progress. */
const PROGRESS = 1e-4;
/** Damping, beside the size of H along the step: where it begins, how it grows and shrinks, and where it ends. */
const [FIRST, MORE, LESS, LEAST] = [1e-2, 10, 0.1, 1e-8];
/** Values that differ by so many times epsilon are alike. */
const ROUNDING = 16;

/** `direction(x, g, damping)` solves (H(x) + damping) d = g. */
export function minimize(
  objective: (x: Tensor) => Tensor,
  gradient: (x: Tensor) => Tensor,
  direction: (x: Tensor, g: Tensor, damping: Tensor) => Tensor,
  x0: Tensor,
  { tol, atol = 0, maxiter = 100 }: NonlinearOptions,
): Nonlinear {
  const accuracy = tol ?? defaultStep(x0);
  const g0 = gradient(x0);
  const no = scalar(false, "bool");
  const first = { x: x0, y: objective(x0), g: g0, size: lengthOf(g0), reach: lengthOf(x0), damping: scalar(0, x0.dtype) };
  const { x, size, k, still } = iterate(
    { ...first, k: scalar(0, "int32"), still: no },
    (s) => logicalAnd(logicalAnd(greater(s.size, atol), logicalNot(s.still)), less(s.k, maxiter)),
    (s) => {
      const d = direction(s.x, s.g, s.damping);
      const slope = inner(s.g, d);
      const x = sub(s.x, d);
      const y = objective(x);
      const noise = mul(abs(s.y), ROUNDING * epsilonOf(x0));
      const down = logicalAnd(greaterEqual(slope, 0), lessEqual(y, add(sub(s.y, mul(PROGRESS, slope)), noise)));
      const length = lengthOf(d);
      // The size of H along the step; where there is no step, that of the gradient has to do.
      const stiffness = where(logicalAnd(greater(length, 0), less(length, Infinity)), div(s.size, length), s.size);
      const floor = mul(stiffness, LEAST);
      const lower = where(less(mul(s.damping, LESS), floor), 0, mul(s.damping, LESS));
      const higher = maximum(mul(s.damping, MORE), mul(stiffness, FIRST));
      const kept = (next: Tensor, last: Tensor): Tensor => where(down, next, last);
      const g = gradient(x);
      const reach = maximum(s.reach, kept(lengthOf(x), s.reach));
      const still = logicalAnd(logicalAnd(equal(s.damping, 0), greaterEqual(slope, 0)), isStill(d, s.x, reach, accuracy));
      return {
        ...{ x: kept(x, s.x), y: kept(y, s.y), g: kept(g, s.g), size: kept(lengthOf(g), s.size) },
        ...{ reach, damping: where(down, lower, higher), k: add(s.k, 1), still },
      };
    },
  );
  return { x, residual: size, iterations: k, converged: logicalOr(still, lessEqual(size, atol)) };
}
