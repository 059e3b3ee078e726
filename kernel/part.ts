/** Parts of a step: some positions of one axis of its index space. What tiles of rows and the parts for several threads are cut with. */
import type { BoundOperand, BoundStep } from "./backend.ts";

/** Where an axis is among the strides of a step's reads and writes; undefined where an operand does not have it. */
interface Place {
  readonly read: (slot: number) => number | undefined;
  readonly write: number | undefined;
}

/** Of a matrix product: sizes [b, m, n, k], reads [b, m, k] and [b, k, n], writes [b, m, n]. */
const productPlaces: readonly Place[] = [
  { read: () => 0, write: 0 },
  { read: (slot) => (slot % 2 === 0 ? 1 : undefined), write: 1 },
  { read: (slot) => (slot % 2 === 0 ? undefined : 2), write: 2 },
  { read: (slot) => (slot % 2 === 0 ? 2 : 1), write: undefined },
];

function placeOf({ kernel, writes }: BoundStep, axis: number): Place {
  if (kernel.kind === "matmul") return productPlaces[axis]!;
  // A loop: every read has all axes, and so has a write, but for the axis that is folded.
  return { read: () => axis, write: axis < writes[0]!.strides.length ? axis : undefined };
}

/** The same operand so many elements further on. */
export const movedBy = (o: BoundOperand, elements: number): BoundOperand => ({
  ...o,
  offset: o.offset + elements,
  ...(o.odd && { odd: { ...o.odd, offset: o.odd.offset + elements } }),
});

/** `count` positions of an axis, from `start` on, of a loop or a matrix product. What is local to a tile begins with the tile. */
export function partOf<S extends BoundStep>(step: S, axis: number, start: number, count: number): S {
  const { read, write } = placeOf(step, axis);
  const move = (o: BoundOperand, at: number | undefined): BoundOperand =>
    at === undefined || o.local ? o : movedBy(o, start * o.strides[at]!);
  return {
    ...step,
    sizes: step.sizes.map((s, i) => (i === axis ? count : s)),
    reads: step.reads.map((o, slot) => move(o, read(slot))),
    writes: step.writes.map((o) => move(o, write)),
  };
}
