/** Layers of networks without parameters of their own: normalization, dropout, attention. */
import { sameDim } from "../core/dim.ts";
import { broadcastShapes, normalizeAxes, showShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { add, div, mul, square, sub } from "./arithmetic.ts";
import { greaterEqual, logicalAnd, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { rsqrt, sqrt } from "./functions.ts";
import { dimSize, iotaOf } from "./iota.ts";
import { matmul } from "./matmul.ts";
import { commonDType, type Operand, toFloat, toTensor } from "./operand.ts";
import { random } from "./random.ts";
import { any, mean } from "./reductions.ts";
import { softmax } from "./softmax.ts";
import { swapaxes } from "./transpose.ts";

// ---- normalization
export interface NormalizationOptions {
  /** The axes of one example (default: the last). */
  readonly axis?: number | readonly number[];
  /** Added to the variance, or to the mean square, under the root. */
  readonly eps?: number;
  /** What the result is multiplied by, and what is added to it; they broadcast. */
  readonly scale?: Operand;
  readonly bias?: Operand;
}

function normalized(op: string, x: Operand, options: NormalizationOptions, otherwise: number, centred: boolean): Tensor {
  const { axis = -1, eps = otherwise, scale, bias } = options;
  if (!(eps >= 0)) throw new Error(`${op}: eps must not be negative, got ${showArgument(eps)}`);
  const t = toFloat(op, x);
  const over = { axis: normalizeAxes(op, axis, t.rank), keepdims: true };
  const values = centred ? sub(t, mean(t, over as never)) : t;
  const unit = div(values, sqrt(add(mean(square(values), over as never), eps)));
  const scaled = scale === undefined ? unit : mul(unit, scale);
  return bias === undefined ? scaled : add(scaled, bias);
}

/** (x - mean) / sqrt(variance + eps), eps = 1e-5 unless given, then scale and bias (Ba et al. 2016). */
export function layerNorm<A extends Operand>(x: A, options?: NormalizationOptions): Tensor<ShapeOf<A>>;
export function layerNorm(x: Operand, options: NormalizationOptions = {}): Tensor {
  return normalized("layerNorm", x, options, 1e-5, true);
}

/** x / sqrt(mean square + eps), eps = 1e-6 unless given, then scale and bias (Zhang and Sennrich 2019). */
export function rmsNorm<A extends Operand>(x: A, options?: NormalizationOptions): Tensor<ShapeOf<A>>;
export function rmsNorm(x: Operand, options: NormalizationOptions = {}): Tensor {
  return normalized("rmsNorm", x, options, 1e-6, false);
}

// ---- dropout
/** x with each element 0 by the given probability, by a random key, and the others divided by what is left: the same in the mean. */
export function dropout<A extends Operand>(key: Tensor, x: A, rate: number): Tensor<ShapeOf<A>>;
export function dropout(key: Tensor, x: Operand, rate: number): Tensor {
  if (!(rate >= 0 && rate <= 1)) throw new Error(`dropout: the rate must be from 0 to 1, got ${showArgument(rate)}`);
  const t = toFloat("dropout", x);
  if (rate === 0) return t;
  if (rate === 1) return mul(0, t);
  return where(random.bernoulli(key, 1 - rate, t.shape), div(t, 1 - rate), 0);
}

// ---- attention
export interface AttentionOptions {
  /** Which keys a query may look at: bools, or numbers that are added to the scores. Broadcasts to [..., queries, keys]. */
  readonly mask?: Tensor;
  /** Whether query i may look at keys up to i only. */
  readonly causal?: boolean;
  /** What products of queries and keys are multiplied by (default 1 / sqrt(size of a key)). */
  readonly scale?: number;
}

/**
 * softmax(queries keys^T scale) values (Vaswani et al. 2017): queries [..., n, d], keys [..., m, d] and values [..., m, e] give
 * [..., n, e]. Leading axes broadcast. A query that may look at nothing gets zeros.
 */
export function attention(queries: Operand, keys: Operand, values: Operand, options: AttentionOptions = {}): Tensor {
  const op = "attention";
  const dtype = commonDType(op, [queries, keys, values]);
  const [q, k, v] = [queries, keys, values].map((x) => toFloat(op, toTensor(op, x, dtype))) as [Tensor, Tensor, Tensor];
  for (const t of [q, k, v]) if (t.rank < 2) throw new Error(`${op}: queries, keys and values need at least two axes, got ${t.describe()}`);
  if (!sameDim(q.shape.at(-1)!, k.shape.at(-1)!))
    throw new Error(`${op}: queries ${q.describe()} and keys ${k.describe()} differ in their last axis`);
  if (!sameDim(k.shape.at(-2)!, v.shape.at(-2)!))
    throw new Error(`${op}: there must be as many values as keys, got ${k.describe()} and ${v.describe()}`);
  const { mask, causal = false, scale } = options;
  const factor: Operand = scale ?? rsqrt(dimSize(q.shape.at(-1)!, q.dtype));
  const scores = mul(matmul(q, swapaxes(k, -1, -2)), factor);
  if (mask && !broadcastsTo(mask, scores))
    throw new Error(`${op}: the mask ${mask.describe()} does not broadcast to the scores ${showShape(scores.shape)}`);
  const additive = mask && mask.dtype !== "bool" ? add(scores, convert(mask, scores.dtype)) : scores;
  const allowed = [mask?.dtype === "bool" ? mask : undefined, causal ? lowerTriangle(scores) : undefined].filter((m) => m !== undefined);
  if (allowed.length === 0) return matmul(softmax(additive), v);
  const visible = allowed.reduce((a, b) => logicalAnd(a, b));
  // Where a row has nothing to look at, its softmax is of zeros instead, and the weights are set to 0.
  const some = any(visible, { axis: -1, keepdims: true } as never);
  const weights = softmax(where(visible, additive, where(some, -Infinity, 0)));
  return matmul(where(visible, weights, 0), v);
}

const broadcastsTo = (mask: Tensor, scores: Tensor): boolean => {
  const shape = broadcastShapes(mask.shape, scores.shape);
  return shape !== undefined && shape.length === scores.rank && shape.every((d, i) => sameDim(d, scores.shape[i]!));
};

function lowerTriangle(scores: Tensor): Tensor {
  const shape = scores.shape.slice(-2);
  return greaterEqual(iotaOf(shape, 0, "int32"), iotaOf(shape, 1, "int32"));
}
