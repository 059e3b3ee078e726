/**
 * Rows kernels: which part of each stage a tile of rows is. Tiles have BLOCK rows, which is a block of the tree of tree.ts: what a stage sums over a
 * tile's rows is one node of the tree, and adjacent pairs of these, level by level, give the sum over all rows.
 */
import type { BoundOperand, BoundStep } from "./backend.ts";
import type { Stage } from "./kernel.ts";

/** Where an axis of a step's index space is among the strides of its reads and writes; undefined where an operand does not have it. */
interface Place {
  readonly read: (slot: number) => number | undefined;
  readonly write: number | undefined;
}

function placeOf({ kernel, sizes }: BoundStep, axis: number): Place {
  if (kernel.kind === "loop") {
    const folded = kernel.fold !== undefined && axis === sizes.length - 1;
    return { read: () => axis, write: folded ? undefined : axis };
  }
  // A matrix product: sizes [b, m, n, k], reads [b, m, k] and [b, k, n], writes [b, m, n].
  if (axis === 1) return { read: (slot) => (slot % 2 === 0 ? 1 : undefined), write: 1 };
  return { read: (slot) => (slot % 2 === 0 ? 2 : 1), write: undefined };
}

/** The part of a stage that is `count` rows from row `start`. What is local to the tile begins with its first row. */
export function rowsOf({ step, axis, unit }: Stage<BoundStep, number>, start: number, count: number): BoundStep {
  const place = placeOf(step, axis);
  const move = (o: BoundOperand, at: number | undefined): BoundOperand =>
    at === undefined || o.local ? o : { ...o, offset: o.offset + start * unit * o.strides[at]! };
  return {
    ...step,
    sizes: step.sizes.map((s, i) => (i === axis ? count * unit : s)),
    reads: step.reads.map((o, slot) => move(o, place.read(slot))),
    writes: step.writes.map((o) => move(o, place.write)),
  };
}

/** How many elements each result of a stage that sums over rows has: all of its write's, which lies in one piece. */
export const resultLength = ({ kernel, sizes }: BoundStep): number =>
  (kernel.kind === "loop" ? sizes.slice(0, -1) : sizes.slice(0, 3)).reduce((product, s) => product * s, 1);
