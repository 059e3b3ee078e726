/** Sums of exponentials in logarithms: the maximum is taken out first, so that nothing overflows. It carries no derivative. */
import { normalizeAxes } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Axes, InRange } from "../core/types/axes.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import type { Reducer } from "./signatures.ts";
import { add, div, sub } from "./arithmetic.ts";
import { equal, logicalAnd, where } from "./compare.ts";
import { exp, log } from "./functions.ts";
import { stopGradient } from "./identity.ts";
import { type Operand, toFloat } from "./operand.ts";
import { abs } from "./piecewise.ts";
import { max, nonEmpty, type ReduceArgument, reductionOf, sum } from "./reductions.ts";
import { reshape } from "./reshape.ts";

/** The greatest elements along some axes, which stay. */
function topOf(op: string, t: Tensor, axes: readonly number[]): Tensor {
  nonEmpty(op, t, axes);
  return stopGradient(max(t, { axis: axes, keepdims: true }));
}

/**
 * log(sum(exp(x))) over some axes (default: all). An infinite maximum is the result; those that attain it get no derivative
 * there.
 */
export const logsumexp: Reducer<"logsumexp", ReduceArgument> = (x: Operand, argument?: ReduceArgument): Tensor => {
  const t = toFloat("logsumexp", x);
  const { axes, keepdims } = reductionOf("logsumexp", t, argument);
  const top = topOf("logsumexp", t, axes);
  // Infinity - Infinity would be NaN: elements that equal an infinite maximum lie at distance 0 from it.
  const endless = logicalAnd(equal(t, top), equal(abs(top), Infinity));
  const total = sum(exp(where(endless, 0, sub(t, top))), { axis: axes, keepdims });
  return add(log(total), reshape(top, total.shape));
};

/** exp(x) over its sum along an axis (default: the last), or several. A row of -Infinity alone gives NaN. */
export function softmax<A extends Operand>(x: A): Tensor<ShapeOf<A>>;
export function softmax<A extends Operand, const Ax extends Axes>(x: A, axis: InRange<ShapeOf<A>, Ax, "softmax">): Tensor<ShapeOf<A>>;
export function softmax(x: Operand, axis: number | readonly number[] = -1): Tensor {
  const { exponentials, total } = parts("softmax", x, axis);
  return div(exponentials, total);
}

/** The logarithm of the softmax, accurate where that would underflow. */
export function logSoftmax<A extends Operand>(x: A): Tensor<ShapeOf<A>>;
export function logSoftmax<A extends Operand, const Ax extends Axes>(x: A, axis: InRange<ShapeOf<A>, Ax, "logSoftmax">): Tensor<ShapeOf<A>>;
export function logSoftmax(x: Operand, axis: number | readonly number[] = -1): Tensor {
  const { shifted, total } = parts("logSoftmax", x, axis);
  return sub(shifted, log(total));
}

function parts(op: string, x: Operand, axis: number | readonly number[]): { shifted: Tensor; exponentials: Tensor; total: Tensor } {
  const t = toFloat(op, x);
  const axes = normalizeAxes(op, axis, t.rank);
  const shifted = sub(t, topOf(op, t, axes));
  const exponentials = exp(shifted);
  return { shifted, exponentials, total: sum(exponentials, { axis: axes, keepdims: true }) };
}
