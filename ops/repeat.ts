/** Copies of a tensor along its axes: whole, or element by element. */
import { type Dim, mulDims } from "../core/dim.ts";
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastInDim } from "./broadcast.ts";
import { type Operand, toTensor } from "./operand.ts";
import { reshape } from "./reshape.ts";

function checkCount(op: string, n: Dim): void {
  if (typeof n === "number" && !(Number.isInteger(n) && n >= 0))
    throw new Error(`${op}: the number of copies must be a non-negative integer, got ${n}`);
}

/** x laid side by side, so often along each axis; a number counts for the last one. New axes come in front. */
export function tile(x: Operand, counts: Dim | readonly Dim[]): Tensor {
  const t = toTensor("tile", x);
  const list = Array.isArray(counts) ? (counts as readonly Dim[]) : [counts as Dim];
  for (const n of list) checkCount("tile", n);
  const rank = Math.max(t.rank, list.length);
  const sizes: Dim[] = [...new Array<Dim>(rank - t.rank).fill(1), ...t.shape];
  const copies: Dim[] = [...new Array<Dim>(rank - list.length).fill(1), ...list];
  // Each axis beside an axis of its copies, which then becomes the outer part of one axis.
  const wide = broadcastInDim([reshape(t, sizes)], {
    shape: sizes.flatMap((d, i) => [copies[i]!, d]),
    axes: sizes.map((_, i) => 2 * i + 1),
  });
  return reshape(
    wide,
    sizes.map((d, i) => mulDims(copies[i]!, d)),
  );
}

/** Each element of x so often in a row, along an axis (default: of x flattened). */
export function repeat(x: Operand, count: Dim, axis?: number): Tensor {
  const given = toTensor("repeat", x);
  checkCount("repeat", count);
  const t = axis === undefined ? reshape(given, [sizeOf(given.shape)]) : given;
  const at = normalizeAxis("repeat", axis ?? 0, t.rank);
  const shape = [...t.shape.slice(0, at + 1), count, ...t.shape.slice(at + 1)];
  const wide = broadcastInDim([t], { shape, axes: t.shape.map((_, i) => (i <= at ? i : i + 1)) });
  return reshape(
    wide,
    t.shape.map((d, i) => (i === at ? mulDims(d, count) : d)),
  );
}
