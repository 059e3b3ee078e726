/** The Laplacian: the sum of second derivatives over coordinates, in one pass with the second-order terms summed on the way up. */
import { substitute } from "../core/graph.ts";
import { normalizeAxes, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastInDim } from "../ops/broadcast.ts";
import { eye } from "../ops/creation.ts";
import { ownRules } from "../ops/primitive.ts";
import { reshape } from "../ops/reshape.ts";
import { sumOverDirections } from "./collapse.ts";
import { type TransformOptions, traceFloats } from "./jvp.ts";
import { pushSeries } from "./taylor.ts";
import { checkFloat, orZeros, pairs, placeholderLike, type Tensors } from "./trace.ts";

export interface LaplacianOptions extends TransformOptions {
  /**
   * The axes of x that hold coordinates (default: all of them). The others count examples, and f must treat those one by one, as a
   * network does with rows: for points [n, 3] use axis -1.
   */
  readonly axis?: number | readonly number[];
}

/** The unit vectors along some axes of x, the same for all positions of the others: [count, ...x.shape]. */
function unitVectors(x: Tensor, axes: readonly number[]): Tensor {
  const sizes = axes.map((a) => x.shape[a]!);
  const count = sizeOf(sizes);
  const units = reshape(eye(count, count, 0, { dtype: x.dtype }), [count, ...sizes]);
  return broadcastInDim([units], { shape: [count, ...x.shape], axes: [0, ...axes.map((a) => a + 1)] });
}

/**
 * The Laplacian of f at x, for each element of its result: the sum of second derivatives by all coordinates. In D dimensions this takes
 * about D + 2 evaluations of f, where a Hessian's trace takes D^2 and a loop of second derivatives 1 + 2D. Differentiable in turn.
 */
export function laplacian<R>(f: (x: Tensor) => R, x: Tensor, options: LaplacianOptions = {}): Tensors<R> {
  const { axis, rules = ownRules } = options;
  const { out, leaves, args } = traceFloats("laplacian", f, [x]);
  if (leaves.length !== 1) throw new Error(`laplacian: is taken by one tensor, got ${leaves.length}`);
  checkFloat("laplacian", out.leaves, "the output");
  const leaf = leaves[0]!;
  const axes = normalizeAxes("laplacian", axis, leaf.rank);
  const direction = placeholderLike(leaf);
  const second = pushSeries(out.leaves, new Map([[leaf, [direction, undefined]]]), 2, rules).map((orders) => orders[1]);
  const moving = second.filter((t) => t !== undefined);
  const vectors = unitVectors(leaf, axes);
  const sums = sumOverDirections(moving, direction, vectors, vectors.shape[0]!, rules);
  const all = second.map((t, i) => orZeros(t && sums[moving.indexOf(t)], out.leaves[i]!));
  return out.rebuild(substitute(all, pairs(leaves, args.leaves))) as Tensors<R>;
}
