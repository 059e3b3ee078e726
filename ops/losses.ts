/** Losses of classifiers, from logits: what a softmax or a sigmoid would lose is never formed. */
import { dtypeInfo } from "../core/dtype.ts";
import { broadcastShapes, normalizeAxis, sameShape, showShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { add, mul, neg, sub } from "./arithmetic.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { softplus } from "./functions.ts";
import { takeAlongAxis } from "./indexing.ts";
import { type Operand, toFloat, toTensor } from "./operand.ts";
import { mean, sum } from "./reductions.ts";
import { expandDims, squeeze } from "./reshape.ts";
import { logSoftmax } from "./softmax.ts";

export interface LossOptions {
  /** Of the losses of all examples the mean (default), the sum, or each ("none"). */
  readonly reduction?: "mean" | "sum" | "none";
}
export interface CrossEntropyOptions extends LossOptions {
  /** The axis of the classes (default: the last). */
  readonly axis?: number;
  /** How much of the probability is spread evenly over all classes, from 0 (default) to 1 (Szegedy et al. 2015). */
  readonly labelSmoothing?: number;
}

function reduced(op: string, losses: Tensor, { reduction = "mean" }: LossOptions): Tensor {
  if (reduction === "none") return losses;
  if (reduction === "mean") return mean(losses);
  if (reduction === "sum") return sum(losses);
  throw new Error(`${op}: reduction must be "mean", "sum" or "none", got ${showArgument(reduction)}`);
}

/**
 * Minus the log-probability of the true classes under the softmax of the logits. Labels are classes, as integers without the class axis
 * (one out of range gives NaN), or probabilities in the shape of the logits.
 */
export function crossEntropy(logits: Operand, labels: Operand, options: CrossEntropyOptions = {}): Tensor {
  const op = "crossEntropy";
  const { axis = -1, labelSmoothing: smoothing = 0 } = options;
  const x = toFloat(op, logits);
  const t = toTensor(op, labels, typeof labels === "number" ? "int32" : undefined);
  const at = normalizeAxis(op, axis, x.rank);
  if (!(smoothing >= 0 && smoothing <= 1)) throw new Error(`${op}: labelSmoothing must be from 0 to 1, got ${showArgument(smoothing)}`);
  const logProbabilities = logSoftmax(x, at as never);
  const { kind } = dtypeInfo(t.dtype);
  const examples = x.shape.filter((_, i) => i !== at);
  const fits = kind === "float" ? sameShape(t.shape, x.shape) : kind === "int" && sameShape(t.shape, examples);
  if (!fits)
    throw new Error(
      `${op}: for logits ${x.describe()} the labels must be integers ${showShape(examples)}, or probabilities ${showShape(x.shape)}, got ${t.describe()}`,
    );
  const likelihood =
    kind === "float"
      ? sum(mul(convert(t, x.dtype), logProbabilities), at as never)
      : squeeze(takeAlongAxis(logProbabilities, expandDims(t, at), at, { mode: "fill" }), at as never);
  const even = (): Tensor => mean(logProbabilities, at as never);
  return reduced(op, neg(smoothing === 0 ? likelihood : add(mul(1 - smoothing, likelihood), mul(smoothing, even()))), options);
}

/**
 * Minus the log-probability of targets in [0, 1] under the sigmoid of the logits: t softplus(-x) + (1 - t) softplus(x). Logits and targets
 * broadcast.
 */
export function binaryCrossEntropy(logits: Operand, targets: Operand, options: LossOptions = {}): Tensor {
  const op = "binaryCrossEntropy";
  const x = toFloat(op, logits);
  const t = toTensor(op, targets, x.dtype);
  if (!broadcastShapes(x.shape, t.shape)) throw new Error(`${op}: logits ${x.describe()} and targets ${t.describe()} do not broadcast`);
  return reduced(op, add(mul(t, softplus(neg(x))), mul(sub(1, t), softplus(x))), options);
}
