/** What memory holds beside the values of a plan, by whether it may go: what residency has to weigh. */
import type { Slot } from "../kernel/kernel.ts";
import { isAskedFor, isPinned, type NodeState } from "./node.ts";
import type { Memory } from "./place.ts";
import type { Stored } from "./residency.ts";

export interface Held {
  /** Bytes of what stays in any case, and the part of it that is pinned; and of what may not go now because the plan reads it. */
  readonly fixed: number;
  readonly pinned: number;
  readonly read: number;
  /** Values that may go. */
  readonly idle: readonly Stored[];
  /** Buffers of values that are not up to date. */
  readonly stale: readonly Slot[];
}

const none: ReadonlySet<Slot> = new Set();

/** Of all necessary nodes. `absent` are those without a value in memory, `mine` and `reads` what a plan stores and reads. */
export function heldBeside(
  nodes: ReadonlyMap<unknown, NodeState>,
  slots: Memory["slots"],
  absent: ReadonlySet<NodeState>,
  mine: ReadonlySet<Slot> = none,
  reads: ReadonlySet<Slot> = none,
): Held {
  const asked = new Set<Slot>();
  const pins = new Set<Slot>();
  const frontier = new Set<Slot>();
  for (const node of nodes.values())
    for (const { slot } of node.lowered.outputs) {
      if (isAskedFor(node)) (isPinned(node) ? pins : asked).add(slot);
      if (node.frontier) frontier.add(slot);
    }
  let [fixed, pinned, read] = [0, 0, 0];
  const idle: Stored[] = [];
  const stale: Slot[] = [];
  for (const node of nodes.values())
    for (const slot of node.own) {
      const held = slots.get(slot);
      if (!held || mine.has(slot)) continue;
      if (asked.has(slot)) fixed += held.bytes;
      else if (pins.has(slot)) {
        fixed += held.bytes;
        pinned += held.bytes;
      } else if (reads.has(slot)) read += held.bytes;
      else if (absent.has(node) || node.failure) stale.push(slot);
      else idle.push({ slot, bytes: held.bytes, tensor: node.tensor, node, frontier: frontier.has(slot) });
    }
  return { fixed, pinned, read, idle, stale };
}
