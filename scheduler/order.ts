/** The same steps in another order, for the sake of memory. */
import type { Slot, Step } from "../kernel/kernel.ts";

/**
 * Steps in depth-first order: each right after what it depends on, as far as that goes, so that fewer values are alive at a time than in order of
 * height. Whatever writes a slot stays in its place among those that read or write the same one.
 */
export function depthFirst(steps: readonly Step[]): Step[] {
  const before = dependencies(steps);
  const placed = new Uint8Array(steps.length);
  const order: Step[] = [];
  for (let root = steps.length - 1; root >= 0; root--) {
    if (placed[root]) continue;
    placed[root] = 1;
    const stack = [{ step: root, next: 0 }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const dependency = before[top.step]![top.next++];
      if (dependency === undefined) order.push(steps[stack.pop()!.step]!);
      else if (!placed[dependency]) {
        placed[dependency] = 1;
        stack.push({ step: dependency, next: 0 });
      }
    }
  }
  return order;
}

/** For each step the earlier ones that it has to come after. */
function dependencies(steps: readonly Step[]): number[][] {
  const writer = new Map<Slot, number>();
  const readers = new Map<Slot, number[]>();
  return steps.map(({ reads, writes }, i) => {
    const before: number[] = [];
    for (const { slot } of reads) {
      const from = writer.get(slot);
      if (from !== undefined) before.push(from);
      const list = readers.get(slot);
      if (list) list.push(i);
      else readers.set(slot, [i]);
    }
    for (const { slot } of writes) {
      const from = writer.get(slot);
      if (from !== undefined) before.push(from);
      for (const reader of readers.get(slot) ?? []) if (reader !== i) before.push(reader);
      readers.delete(slot);
      writer.set(slot, i);
    }
    return before;
  });
}
