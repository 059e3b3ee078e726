/**
 * Where values belong among sorted ones: a binary search at each of them, written out as straight-line code in one kernel.
 * NaN counts as greatest, as in sort.
 */
import { broadcastShapes, type Shape, sizeOf } from "../core/shape.ts";
import { type Dim, mulDims } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { body } from "../kernel/kernel.ts";
import { loop, outputView } from "../kernel/lowering.ts";
import { batchAlong, broadcastLast } from "./broadcast.ts";
import { showArgument } from "./describe.ts";
import { noTangent } from "./elementwise.ts";
import { commonDType, type Operand, toTensor } from "./operand.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";

interface SearchParams {
  readonly side: "left" | "right";
}

/** Sorted rows [b, n] and values [b, m] -> int32 [b, m]. */
const searchPrimitive: PrimitiveFunction<SearchParams> = definePrimitive<SearchParams>({
  name: "searchsorted",
  type: ([, v]) => ({ shape: v!.shape, dtype: "int32" }),
  jvp: noTangent,
  batch: ({ params, inputs, batched, size }) => {
    const rows = inputs.map((t, i) => {
      const full = batched[i] ? t : batchAlong(t, size);
      return reshape(full, [mulDims(size, full.shape[1]!), full.shape[2]!]);
    });
    return [reshape(searchPrimitive(rows, params), [size, inputs[1]!.shape.at(-2)!, inputs[1]!.shape.at(-1)!])];
  },
  lower: ({ params: { side }, inputs: [sorted, values], outputTypes: [type] }) => {
    const output = outputView(type!);
    const { storage } = sorted!.slot;
    const n = sorted!.shape[1]!;
    const value = e.read(1, storage);
    const row = e.mul(e.index(0), e.uniform(1));
    // The greatest count of leading elements that come before the value, bit by bit.
    let count: e.Expr = e.constant("i32", 0);
    for (let bit = topBit(n); bit >= 0; bit--) {
      const next = e.add(count, e.constant("i32", 2 ** bit));
      const inside = e.le(next, e.uniform(0));
      const element = e.at(0, storage, e.add(row, e.mul(e.sub(next, e.constant("i32", 1)), e.uniform(2))), inside);
      count = e.select(e.and(inside, comesBefore(element, value, side)), next, count);
    }
    const step = loop({
      shape: type!.shape,
      body: body([storage, storage], [count]),
      reads: [{ ...sorted!, shape: type!.shape, strides: [0, 0] }, values!],
      writes: [output],
      uniforms: [n, ...sorted!.strides],
    });
    return { steps: [step], outputs: [output] };
  },
});

/** The highest bit that a count up to n can have; of a size that is not known, that of any i32. */
const topBit = (n: Dim): number => (typeof n === "number" ? Math.floor(Math.log2(Math.max(n, 1))) : 30);

/** a < v, or for the right side a <= v, where NaN is greatest and equal to itself. */
function comesBefore(a: e.Expr, v: e.Expr, side: "left" | "right"): e.Expr {
  const isNaN = (x: e.Expr): e.Expr => e.ne(x, x);
  return side === "left" ? e.or(e.lt(a, v), e.and(isNaN(v), e.eq(a, a))) : e.or(e.le(a, v), isNaN(v));
}

export interface SearchOptions {
  /** Before equal elements ("left", the default) or behind them. */
  readonly side?: "left" | "right";
}

/**
 * For each value the position (int32) in the sorted elements at which it would be put in to keep them sorted: 0 to n. Sorted
 * elements of several axes are rows along the last one; leading axes broadcast with those of the values.
 */
export function searchsorted(sorted: Operand, values: Operand, { side = "left" }: SearchOptions = {}): Tensor {
  const op = "searchsorted";
  if (side !== "left" && side !== "right") throw new Error(`${op}: side must be "left" or "right", got ${showArgument(side)}`);
  const dtype = commonDType(op, [sorted, values]);
  const [a, v] = [sorted, values].map((x) => toTensor(op, x, dtype === "bool" ? "int32" : dtype)) as [Tensor, Tensor];
  if (a.rank === 0) throw new Error(`${op}: the sorted elements must have an axis, got ${a.describe()}`);
  const count = v.rank === 0 ? 1 : v.shape.at(-1)!;
  if (a.rank === 1) return reshape(searchPrimitive([reshape(a, [1, a.shape[0]!]), reshape(v, [1, sizeOf(v.shape)])], { side }), v.shape);
  const leading = broadcastShapes(a.shape.slice(0, -1), v.shape.slice(0, -1));
  if (!leading)
    throw new Error(`${op}: the rows of ${a.describe()} and of ${v.describe()} do not broadcast; leading sizes must be equal, or 1`);
  const rows = (t: Tensor, size: Dim): Tensor => reshape(broadcastLast(t, [...leading, size]), [sizeOf(leading), size]);
  const shape: Shape = v.rank === 0 ? leading : [...leading, count];
  return reshape(searchPrimitive([rows(a, a.shape.at(-1)!), rows(v, count)], { side }), shape);
}

/** What this file defines, for table.ts. */
export const primitives = [searchPrimitive.primitive];
