/**
 * Rows kernels: which part of each stage a tile of rows is. Tiles have BLOCK rows, which is a block of the tree of tree.ts: what a stage sums over a
 * tile's rows is one node of the tree, and adjacent pairs of these, level by level, give the sum over all rows.
 */
import type { Storage } from "../core/dtype.ts";
import type { BoundStep } from "./backend.ts";
import type { LoopKernel, MatmulKernel, Stage } from "./kernel.ts";
import { partOf } from "./part.ts";

/** The part of a stage that is `count` rows from row `start`. */
export const rowsOf = ({ step, axis, unit }: Stage<BoundStep, number>, start: number, count: number): BoundStep =>
  partOf(step, axis, start * unit, count * unit);

/** Each result of a stage that sums over rows: all of its write's slot, in one piece. */
export function resultOf(step: BoundStep): { readonly storage: Storage; readonly sizes: readonly number[]; readonly length: number } {
  const kernel = step.kernel as LoopKernel | MatmulKernel;
  const sizes = step.sizes.slice(0, kernel.kind === "loop" ? -1 : 3);
  const storage = kernel.kind === "loop" ? kernel.writes[0]!.storage : kernel.storage;
  return { storage, sizes, length: sizes.reduce((product, s) => product * s, 1) };
}
