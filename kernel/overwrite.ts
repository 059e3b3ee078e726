/** Which value a step may write over one that it reads. */
import { storageBytes } from "../core/dtype.ts";
import { sameDim } from "../core/dim.ts";
import { sizeOf, stridesOf } from "../core/shape.ts";
import { indexedReads, type Operand, type Slot, type Step } from "./kernel.ts";

/**
 * Whether what a step writes to `slot` may lie where `operand` does, which nobody needs afterwards: an elementwise loop has read an element
 * before it writes the same one, and no other element.
 */
export function mayWriteOver({ kernel, reads, writes, sizes }: Step, slot: Slot, operand: Slot): boolean {
  if (kernel.kind !== "loop" || kernel.fold !== undefined || storageBytes(slot.storage) !== storageBytes(operand.storage)) return false;
  const strides = stridesOf(sizes);
  const single = sameDim(sizeOf(sizes), 1);
  const walksAll = (o: Operand): boolean =>
    sameDim(o.offset, 0) && sameDim(o.slot.length, sizeOf(sizes)) && (single || o.strides.every((s, i) => sameDim(s, strides[i]!)));
  const indexed = indexedReads(kernel.body);
  return (
    writes.filter((w) => w.slot === slot).length === 1 &&
    writes.every((w) => (w.slot !== slot || walksAll(w)) && w.slot !== operand) &&
    reads.every((o, k) => o.slot !== operand || (walksAll(o) && !indexed.has(k)))
  );
}
