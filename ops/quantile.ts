/** Quantiles and medians: between neighbours of the sorted elements. Derivatives flow to those elements, and to the fractions. */
import { type Dim, subDims } from "../core/dim.ts";
import { constant } from "../core/leaves.ts";
import { Tensor } from "../core/tensor.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { isNaN, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { keptAxes } from "./fold.ts";
import { take } from "./indexing.ts";
import { dimSize } from "./iota.ts";
import { type Operand, toFloat } from "./operand.ts";
import { ceil, floor, round } from "./piecewise.ts";
import { countOf, finish, nonEmpty, type ReduceArgument, type ReduceOptions, reductionOf } from "./reductions.ts";
import { reshape } from "./reshape.ts";
import type { Reducer } from "./signatures.ts";
import { sort } from "./sort.ts";
import { permute } from "./transpose.ts";

export interface QuantileOptions extends ReduceOptions {
  /** What lies between two elements: "linear" (default) interpolates; "lower", "higher", "nearest" and "midpoint" are as in NumPy. */
  readonly method?: "linear" | "lower" | "higher" | "nearest" | "midpoint";
}

/** A fraction from 0 to 1, a list of them, or a tensor of rank 0 or 1, which derivatives flow to. */
export type Fractions = number | readonly number[] | Tensor;

/**
 * The values below which fractions q of the elements lie, over some axes (default: all). With several fractions they are
 * axis 0 of the result. NaN if any element is NaN.
 */
export const quantile = (x: Operand, q: Fractions, options: ReduceArgument | QuantileOptions = {}): Tensor =>
  quantiles("quantile", x, q, 1, options);

/** As `quantile`, of q in percent. */
export const percentile = (x: Operand, q: Fractions, options: ReduceArgument | QuantileOptions = {}): Tensor =>
  quantiles("percentile", x, q, 100, options);

/** The middle element over some axes (default: all), or the mean of the two in the middle. NaN if any element is NaN. */
export const median = ((x: Operand, argument?: ReduceArgument) => quantiles("median", x, 0.5, 1, argument ?? {})) as Reducer<
  "median",
  ReduceArgument
>;

const methods = ["linear", "lower", "higher", "nearest", "midpoint"] as const;

function quantiles(op: string, x: Operand, q: Fractions, whole: number, argument: ReduceArgument | QuantileOptions): Tensor {
  const { method = "linear", ...rest } = (
    typeof argument === "object" && !Array.isArray(argument) ? argument : { axis: argument }
  ) as QuantileOptions;
  if (!methods.includes(method)) throw new Error(`${op}: method must be one of ${methods.join(", ")}, got ${showArgument(method)}`);
  const t = toFloat(op, x);
  const r = reductionOf(op, t, rest);
  nonEmpty(op, t, r.axes);
  const kept = keptAxes(t.rank, r.axes);
  const count = countOf(t.shape, r.axes);
  const sorted = sort(reshape(permute(t, [...r.axes, ...kept]), [count, ...kept.map((a) => t.shape[a]!)]), 0);
  const fractions = fractionsOf(op, q, whole, t);
  // NaN is sorted last: one look at the end tells whether there is any.
  const result = where(isNaN(take(sorted, -1, 0)), NaN, between(sorted, fractions, method, count));
  if (fractions.rank === 0) return finish(result, t.shape, r);
  return r.keepdims ? reshape(result, [fractions.shape[0]!, ...t.shape.map((d, i) => (r.axes.includes(i) ? 1 : d))]) : result;
}

/** The fractions as numbers from 0 to 1, in the dtype of x. Throws on known ones that are not. */
function fractionsOf(op: string, q: Fractions, whole: number, x: Tensor): Tensor {
  if (q instanceof Tensor) {
    if (q.rank > 1) throw new Error(`${op}: the fractions must be a scalar or a vector, got ${q.describe()}`);
    return div(convert(toFloat(op, q), x.dtype), whole);
  }
  for (const f of typeof q === "number" ? [q] : q)
    if (!(f >= 0 && f <= whole)) throw new Error(`${op}: fractions lie between 0 and ${whole}, got ${showArgument(f)}`);
  return typeof q === "number"
    ? constant(q / whole, { dtype: x.dtype })
    : constant(
        q.map((f) => f / whole),
        { dtype: x.dtype },
      );
}

/** What lies at the fractions of the way along axis 0 of sorted rows. */
function between(sorted: Tensor, fractions: Tensor, method: (typeof methods)[number], count: Dim): Tensor {
  const position = mul(fractions, dimSize(subDims(count, 1), sorted.dtype));
  const at = (p: Tensor): Tensor => take(sorted, convert(p, "int32"), 0);
  if (method === "nearest") return at(round(position));
  if (method === "lower") return at(floor(position));
  if (method === "higher") return at(ceil(position));
  const [low, high] = [at(floor(position)), at(ceil(position))];
  const share = method === "midpoint" ? constant(0.5, { dtype: sorted.dtype }) : sub(position, floor(position));
  return add(low, mul(reshape(share, [...share.shape, ...sorted.shape.slice(1).map(() => 1)]), sub(high, low)));
}
