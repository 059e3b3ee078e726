/**
 * Which values stay. As long as they fit, all that kernels store do. When memory has run out once, only those stay that somebody asks for, and
 * the leaves; the others live inside plans and are computed again when a plan needs them. What was let go is not dirty: it is up to date, elsewhere.
 */
import type { Slot } from "../kernel/kernel.ts";
import type { Necessary } from "./necessary.ts";
import type { NodeState } from "./node.ts";
import type { Memory } from "./place.ts";

export class Residency {
  /** Whether memory has run out once: then few values stay. */
  lean = false;
  readonly #necessary: Necessary;
  readonly #memory: Memory;

  constructor(necessary: Necessary, memory: Memory) {
    this.#necessary = necessary;
    this.#memory = memory;
  }

  /** From now on few values stay. These nodes are to be computed again: their plan was given up. */
  goLean(nodes: readonly NodeState[]): void {
    this.lean = true;
    this.#necessary.version++;
    this.#necessary.entered.push(...nodes);
    this.release();
  }

  /** Lets the values go that need not stay. */
  release(): void {
    const kept = new Set<Slot>();
    for (const node of this.#necessary.nodes.values())
      if (node.leaf || node.demand > 0 || node.cutoff) for (const { slot } of node.lowered.outputs) kept.add(slot);
    for (const slot of [...this.#memory.slots.keys()]) if (!kept.has(slot)) this.#memory.release(slot);
  }

  /** The nodes whose values are not in memory. */
  *gone(): Iterable<NodeState> {
    const { slots } = this.#memory;
    for (const node of this.#necessary.nodes.values()) if (!node.leaf && node.lowered.outputs.some((v) => !slots.has(v.slot))) yield node;
  }
}
