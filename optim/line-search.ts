/**
 * A line search for the strong Wolfe conditions as a loop inside the backend: bracket a step, then narrow the bracket (Nocedal and Wright, Numerical
 * Optimization, algorithms 3.5 and 3.6), with cubic interpolation. Near a minimum, where rounding hides what a step gains, the slope alone decides, in
 * the approximate conditions of Hager and Zhang (2005).
 */
import { scalar } from "../core/leaves.ts";
import type { Tensor } from "../core/tensor.ts";
import { whileLoop } from "../ad/control/loops.ts";
import { add, div, mul, square, sub } from "../ops/arithmetic.ts";
import { greater, greaterEqual, less, lessEqual, logicalAnd, logicalNot, logicalOr, where } from "../ops/compare.ts";
import { sqrt } from "../ops/functions.ts";
import { isFinite } from "../ops/floating.ts";
import { dot } from "../ops/matmul.ts";
import { abs, clip, maximum } from "../ops/piecewise.ts";

/** A function of a point and its gradient there. */
export type ValueAndGradient = (x: Tensor) => readonly [value: Tensor, gradient: Tensor];

export interface LineSearchOptions {
  /** The part of the gain that the slope promises that a step must make. */
  readonly decrease?: number;
  /** The part of the slope that may be left. */
  readonly curvature?: number;
  readonly maxEvaluations?: number;
}

export interface LineSearchResult {
  readonly x: Tensor;
  readonly value: Tensor;
  readonly gradient: Tensor;
  /** 0 where no step was found. */
  readonly step: Tensor;
  readonly evaluations: Tensor;
  readonly found: Tensor;
}

/** A point, with the value and the gradient there. */
interface LineStart {
  readonly x: Tensor;
  readonly value: Tensor;
  readonly gradient: Tensor;
}

/** A place on the line: how far, the value and the slope there. */
interface Place {
  readonly at: Tensor;
  readonly value: Tensor;
  readonly slope: Tensor;
}

/** What rounding hides of a value, in parts of it. */
const HIDDEN = 1e-14;

const choose = (condition: Tensor, a: Place, b: Place): Place => ({
  at: where(condition, a.at, b.at),
  value: where(condition, a.value, b.value),
  slope: where(condition, a.slope, b.slope),
});

/**
 * Where the cubic through two places has its minimum, kept away from both by a tenth of the way between them; the middle where there is no such
 * minimum (Nocedal and Wright, equation 3.59).
 */
function between(a: Place, b: Place): Tensor {
  const width = sub(b.at, a.at);
  const d1 = sub(add(a.slope, b.slope), div(mul(3, sub(b.value, a.value)), width));
  const d2 = mul(sqrt(maximum(sub(square(d1), mul(a.slope, b.slope)), 0)), where(less(width, 0), -1, 1));
  const share = sub(1, div(sub(add(b.slope, d2), d1), add(sub(b.slope, a.slope), mul(2, d2))));
  return add(a.at, mul(width, where(isFinite(share), clip(share, 0.1, 0.9), 0.5)));
}

/** From x along a direction downhill, a step that fulfils the conditions; the first one tried is `first`. */
export function lineSearch(
  f: ValueAndGradient,
  start: LineStart,
  direction: Tensor,
  first: Tensor,
  { decrease = 1e-4, curvature = 0.9, maxEvaluations = 25 }: LineSearchOptions = {},
): LineSearchResult {
  const { x, value, gradient } = start;
  const slope = dot(gradient, direction);
  const zero = scalar(0, slope.dtype);
  const origin: Place = { at: zero, value, slope };
  const never = scalar(false, "bool");
  const none = { x, value, gradient };
  const final = whileLoop(
    (c) => logicalAnd(logicalNot(c.done), less(c.evaluations, maxEvaluations)),
    (c) => {
      const here = add(x, mul(c.next, direction));
      const [v, g] = f(here);
      const now: Place = { at: c.next, value: v, slope: dot(g, direction) };
      const bad = logicalNot(isFinite(v));
      const gains = lessEqual(v, add(value, mul(mul(decrease, c.next), slope)));
      const level = lessEqual(v, add(value, mul(HIDDEN, abs(value))));
      const gentle = lessEqual(abs(now.slope), mul(-curvature, slope));
      const approximate = logicalAnd(level, logicalAnd(gentle, lessEqual(now.slope, mul(2 * decrease - 1, slope))));
      const done = logicalOr(logicalAnd(gains, gentle), approximate);

      const low = c.low as Place;
      const high = c.high as Place;
      const worse = logicalOr(bad, logicalOr(logicalNot(logicalOr(gains, level)), greaterEqual(v, low.value)));
      // While there is no bracket yet, `low` is the place before.
      const turns = greaterEqual(mul(now.slope, where(c.bracketed, sub(high.at, low.at), 1)), 0);
      const bracketed = logicalOr(c.bracketed, logicalOr(worse, turns));
      const nextLow = choose(worse, low, now);
      const nextHigh = choose(worse, now, choose(turns, low, high));
      const farther = mul(c.next, 4);
      const middle = add(nextLow.at, mul(0.5, sub(nextHigh.at, nextLow.at)));
      const improves = logicalOr(done, logicalAnd(gains, less(v, c.best.value)));
      const inside = where(isFinite(nextHigh.value), between(nextLow, nextHigh), middle);
      return {
        done,
        bracketed,
        low: nextLow,
        high: nextHigh,
        next: where(bracketed, inside, farther),
        evaluations: add(c.evaluations, 1),
        best: pick(improves, { x: here, value: v, gradient: g }, c.best),
        step: where(improves, c.next, c.step),
      };
    },
    { done: never, bracketed: never, low: origin, high: origin, next: first, evaluations: scalar(0, "int32"), best: none, step: zero },
  );
  const { best, step, evaluations } = final;
  return { ...(best as typeof none), step, evaluations, found: greater(step, 0) };
}

const pick = (condition: Tensor, a: LineStart, b: LineStart): LineStart => ({
  x: where(condition, a.x, b.x),
  value: where(condition, a.value, b.value),
  gradient: where(condition, a.gradient, b.gradient),
});
