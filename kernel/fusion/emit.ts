/**
 * Items become steps again, in an order like that in which they came. Values that nobody outside a kernel reads are not stored, and
 * what nobody wants at all is not computed.
 */
import { body, type Slot, type Step } from "../kernel.ts";
import { loop } from "../lowering.ts";
import { addTo, Group, type Item, readersOf, readsOf, writtenBy } from "./items.ts";

export function emit(items: readonly Item[], keep: (slot: Slot) => boolean): Step[] {
  const wanted = dropUnwanted(items, keep);
  return inOrder(wanted).map((item) => (item instanceof Group ? kernelOf(item) : item.step));
}

/** Leaves of each group what is kept or read, beginning at the end. */
function dropUnwanted(items: readonly Item[], keep: (slot: Slot) => boolean): Item[] {
  const readers = readersOf(items);
  const dropped = new Set<Item>();
  for (const item of [...items].sort((a, b) => b.level - a.level)) {
    if (!(item instanceof Group)) continue;
    const before = new Set(item.reads.map((r) => r.slot));
    item.keepOnly((slot) => keep(slot) || (readers.get(slot)?.size ?? 0) > 0);
    if (item.values.size === 0) dropped.add(item);
    const after = new Set(item.reads.map((r) => r.slot));
    for (const slot of before) if (!after.has(slot)) readers.get(slot)!.delete(item);
  }
  return items.filter((item) => !dropped.has(item));
}

/**
 * Each item after what it depends on, otherwise by the places of the steps it came from: values are read soon after they are written, and the
 * order of the steps, which may have been chosen for that, is kept where fusion allows.
 */
function inOrder(items: readonly Item[]): Item[] {
  const byLevel = [...items].sort((a, b) => a.level - b.level || a.place - b.place);
  const after = dependencies(byLevel);
  const waiting = new Set(items);
  const order: Item[] = [];
  for (const start of [...items].sort((a, b) => a.place - b.place)) {
    if (!waiting.delete(start)) continue;
    const stack = [{ item: start, next: 0 }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const before = after.get(top.item)![top.next++];
      if (!before) order.push(stack.pop()!.item);
      else if (waiting.delete(before)) stack.push({ item: before, next: 0 });
    }
  }
  return order;
}

/** What each item has to come after: the last that wrote what it reads or writes, and those that have read what it writes since then. */
function dependencies(items: readonly Item[]): Map<Item, Item[]> {
  const writer = new Map<Slot, Item>();
  const readers = new Map<Slot, Set<Item>>();
  const after = new Map<Item, Item[]>();
  for (const item of items) {
    const before = new Set<Item>();
    const reads = readsOf(item).map((r) => r.slot);
    const writes = new Set(writtenBy(item));
    for (const slot of [...reads, ...writes]) if (writer.has(slot)) before.add(writer.get(slot)!);
    for (const slot of writes) {
      for (const r of readers.get(slot) ?? []) before.add(r);
      readers.delete(slot);
      writer.set(slot, item);
    }
    for (const slot of reads) addTo(readers, slot, item);
    before.delete(item);
    after.set(item, [...before]);
  }
  return after;
}

function kernelOf({ shape, reads, values, uniforms }: Group): Step {
  const outputs = [...values.values()];
  const inner = body(
    reads.map((r) => r.slot.storage),
    outputs.map((v) => v.expr),
  );
  return loop({ shape, body: inner, reads, writes: outputs.map((v) => v.write), uniforms });
}
