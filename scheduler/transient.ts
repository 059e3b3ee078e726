/**
 * Buffers that live inside one run of a plan: temporaries of single nodes, and values that the engine does not keep. Each takes a place in the
 * pool when it is first touched and leaves it after its last use, so that places are used again and again.
 */
import type { Slot, Step } from "../kernel/kernel.ts";

export interface Transients {
  /** The place of each slot in the pool. */
  readonly places: ReadonlyMap<Slot, number>;
  /** The bytes of each place, largest first: plans that share a pool then need little more than the largest of them. */
  readonly sizes: readonly number[];
}

/** Assigns places to those slots that steps, run in this order, do not leave behind. */
export function assignTransients(
  steps: readonly Step[],
  isTransient: (slot: Slot) => boolean,
  bytesOf: (slot: Slot) => number,
): Transients {
  const slotsOf = (step: Step): Set<Slot> => new Set([...step.reads, ...step.writes].map((o) => o.slot).filter(isTransient));
  const lastUse = new Map<Slot, number>();
  steps.forEach((step, i) => slotsOf(step).forEach((slot) => lastUse.set(slot, i)));

  const places = new Map<Slot, number>();
  const sizes: number[] = [];
  const free: number[] = [];
  steps.forEach((step, i) => {
    const slots = slotsOf(step);
    for (const slot of slots) {
      if (places.has(slot)) continue;
      const bytes = bytesOf(slot);
      const place = takeBest(free, sizes, bytes);
      sizes[place] = Math.max(sizes[place] ?? 0, bytes);
      places.set(slot, place);
    }
    for (const slot of slots) if (lastUse.get(slot) === i) free.push(places.get(slot)!);
  });

  const order = sizes.map((_, k) => k).sort((a, b) => sizes[b]! - sizes[a]!);
  const rank = new Map(order.map((k, r) => [k, r]));
  return { places: new Map([...places].map(([slot, k]) => [slot, rank.get(k)!])), sizes: order.map((k) => sizes[k]!) };
}

/** The smallest free place that is large enough; or else the largest, to grow; or else a new one. */
function takeBest(free: number[], sizes: readonly number[], bytes: number): number {
  let best = -1;
  free.forEach((place, i) => {
    const size = sizes[place]!;
    const bestSize = best < 0 ? 0 : sizes[free[best]!]!;
    if (best < 0 || (size >= bytes ? bestSize < bytes || size < bestSize : bestSize < bytes && size > bestSize)) best = i;
  });
  return best < 0 ? sizes.length : free.splice(best, 1)[0]!;
}
