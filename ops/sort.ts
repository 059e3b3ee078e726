/** Sorting: the stable permutation of each row, and what follows from it: sorted values, the greatest k, quantiles (quantile.ts). */
import { type Dim, subDims } from "../core/dim.ts";
import { isComplexTensor } from "../core/complex.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { InRange, Splice } from "../core/types/axes.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { argsortKernel } from "../kernel/kernel.ts";
import { outputView, packed } from "../kernel/lowering.ts";
import { sub } from "./arithmetic.ts";
import { showArgument } from "./describe.ts";
import { noTangent } from "./elementwise.ts";
import { takeAlongAxis } from "./indexing.ts";
import { dimSize } from "./iota.ts";
import { type Operand, toTensor } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { flip, moveaxis } from "./transpose.ts";

/** [..., n] -> int32 [..., n]. */
const argsortPrimitive: PrimitiveFunction<object> = definePrimitive<object>({
  name: "argsort",
  type: ([x]) => ({ shape: x!.shape, dtype: "int32" }),
  jvp: noTangent,
  batch: ({ inputs }) => [argsortPrimitive(inputs, {})],
  lower: ({ inputs: [x], inputTypes, outputTypes: [type] }) => {
    const output = outputView(type!);
    const { view, steps } = packed(x!);
    const kernel = argsortKernel(dtypeInfo(inputTypes[0]!.dtype).storage);
    const sizes = [sizeOf(type!.shape.slice(0, -1)), type!.shape.at(-1)!];
    return { steps: [...steps, { kernel, sizes, reads: [view], writes: [output], uniforms: [] }], outputs: [output] };
  },
});

export interface SortOptions {
  /** Greatest first; NaN counts as greatest (default false). */
  readonly descending?: boolean;
}

/** The order of elements along an axis counted from the front. Equal elements keep theirs, in both directions. */
function order(op: string, t: Tensor, at: number, { descending = false }: SortOptions): Tensor {
  if (isComplexTensor(t))
    throw new Error(`${op}: is not defined for complex numbers, got ${t.describe()}; use real(z), imag(z) or abs(z) of them`);
  if (typeof descending !== "boolean") throw new Error(`${op}: descending must be true or false, got ${showArgument(descending)}`);
  const ascending = (x: Tensor): Tensor => moveaxis(argsortPrimitive([moveaxis(x, at, -1)], {}), -1, at);
  // Backwards through the row and back, so that equal elements come out in their own order.
  return descending ? sub(dimSize(subDims(t.shape[at]!, 1)), flip(ascending(flip(t, at)), at)) : ascending(t);
}

/** The positions (int32) that sort x along an axis (default: the last), ascending unless told otherwise. Stable; NaN is greatest. */
export function argsort<A extends Operand, const Ax extends number = -1>(
  x: A,
  axis?: InRange<ShapeOf<A>, Ax, "argsort">,
  options?: SortOptions,
): Tensor<ShapeOf<A>>;
export function argsort(x: Operand, axis = -1, options: SortOptions = {}): Tensor {
  const t = toTensor("argsort", x);
  return order("argsort", t, normalizeAxis("argsort", axis, t.rank), options);
}

/** x sorted along an axis (default: the last), ascending unless told otherwise. Derivatives follow the elements; NaN is greatest. */
export function sort<A extends Operand, const Ax extends number = -1>(
  x: A,
  axis?: InRange<ShapeOf<A>, Ax, "sort">,
  options?: SortOptions,
): Tensor<ShapeOf<A>>;
export function sort(x: Operand, axis = -1, options: SortOptions = {}): Tensor {
  const t = toTensor("sort", x);
  const at = normalizeAxis("sort", axis, t.rank);
  return takeAlongAxis(t, order("sort", t, at, options), at);
}

export interface TopKOptions<Ax extends number = number> {
  /** The axis to search (default: the last). */
  readonly axis?: Ax;
  /** Whether the greatest are wanted (default), or the least. */
  readonly largest?: boolean;
}
export interface TopK<S extends readonly unknown[] = any> {
  /** The greatest first, or with `largest: false` the least. */
  readonly values: Tensor<S>;
  /** Where they were (int32). */
  readonly indices: Tensor<S>;
}

/**
 * The k greatest elements along an axis, in order, and their positions. Of equal ones the first come first; NaN counts as
 * greatest. Derivatives follow the elements.
 */
export function topK<A extends Operand, const K extends Dim, const Ax extends number = -1>(
  x: A,
  k: K,
  options?: TopKOptions<Ax> & { readonly axis?: InRange<ShapeOf<A>, Ax, "topK"> },
): TopK<Splice<ShapeOf<A>, Ax, [K extends number ? K : any]>>;
export function topK(x: Operand, k: Dim, { axis = -1, largest = true }: TopKOptions = {}): TopK {
  const t = toTensor("topK", x);
  const at = normalizeAxis("topK", axis, t.rank);
  const n = t.shape[at]!;
  if (typeof k === "number" && (!Number.isInteger(k) || k < 0 || (typeof n === "number" && k > n)))
    throw new Error(`topK: k must be an integer from 0 to ${n}, the size of axis ${at} of ${t.describe()}; got ${k}`);
  const indices = sliceAxis(order("topK", t, at, { descending: largest }), at, 0, k);
  return { values: takeAlongAxis(t, indices, at), indices };
}

/** What this file defines, for table.ts. */
export const primitives = [argsortPrimitive.primitive];
