/**
 * Matrix products of the same sizes that do not wait for each other become one kernel, such as those of a layer's weights with the
 * activations and each of their derivatives.
 */
import type { Step } from "../kernel.ts";
import { Group, type Item, type Single } from "./items.ts";

export function products(items: readonly Item[]): Item[] {
  const first = new Map<string, Single[]>();
  const kept: Item[] = [];
  for (const item of items) {
    if (item instanceof Group || item.step.kernel.kind !== "matmul") {
      kept.push(item);
      continue;
    }
    const key = `${item.level} ${item.step.kernel.storage} ${item.step.sizes.join()}`;
    const list = first.get(key);
    if (list) list.push(item);
    else {
      first.set(key, [item]);
      kept.push(item);
    }
  }
  return kept.map((item) => {
    if (item instanceof Group || item.step.kernel.kind !== "matmul") return item;
    const list = first.get(`${item.level} ${item.step.kernel.storage} ${item.step.sizes.join()}`)!;
    return list.length === 1 ? item : { ...item, step: together(list.map((i) => i.step)), place: Math.max(...list.map((i) => i.place)) };
  });
}

const together = (steps: readonly Step[]): Step => ({
  ...steps[0]!,
  reads: steps.flatMap((s) => s.reads),
  writes: steps.flatMap((s) => s.writes),
});
