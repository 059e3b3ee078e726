/**
 * Which values stay between flushes. Leaves, what somebody asks for, and what cutoffs compare stay in any case. The others may, as long as all of
 * them fit into the cache's budget: a change then finds its inputs. Where they do not fit, or not beside what a plan needs to run, these stay first:
 *
 *   1. the frontier: values that a change has read while they were up to date
 *   2. what is there already
 *   3. of what the plan stores, that which takes the least room for the least time that it is not needed anyway: small values, and those that live long
 *
 * The others live inside their plan, in the arena, and are computed again when a later plan needs them. What was let go is not dirty: it is up
 * to date, elsewhere.
 */
import type { Slot } from "../kernel/kernel.ts";
import type { Necessary } from "./necessary.ts";
import type { NodeState } from "./node.ts";
import type { Memory, Sized } from "./place.ts";
import type { Arena } from "./transient.ts";

/** A value that a plan stores. */
export interface Stored extends Sized {
  readonly slot: Slot;
  readonly frontier: boolean;
}

/** What a plan asks for. */
export interface Claim {
  /** What stays in any case, and what may. */
  readonly asked: readonly Stored[];
  readonly optional: readonly Stored[];
  /** What it reads and does not compute. */
  reads(): ReadonlySet<Slot>;
  /** Where everything else lies while it runs, when these stay. With `sparing`, its steps may run in another order if that takes less room. */
  arrange(resident: ReadonlySet<Slot>, sparing: boolean): Arena;
  /** For which part of the plan's time a value is needed. */
  span(slot: Slot): number;
}

export interface Settlement {
  /** Of what the plan stores, that which stays. */
  readonly resident: ReadonlySet<Slot>;
  readonly arena: Arena;
  /** What has to go. */
  readonly dropped: readonly Slot[];
  /** How many bytes there are while the plan runs, and whether that is within the limit. */
  readonly peak: number;
  readonly fits: boolean;
}

/** So often a plan's cache is made smaller to meet the limit; then it gets none. */
const ATTEMPTS = 6;

const total = (list: Iterable<{ readonly bytes: number }>): number => {
  let bytes = 0;
  for (const x of list) bytes += x.bytes;
  return bytes;
};

export class Residency {
  /** Whether all values stay, whatever the budget: somebody looks at them all. */
  everything = false;
  /** All bytes of values that went although they were up to date. */
  bytesEvicted = 0;
  #cacheBytes: number;
  readonly #necessary: Necessary;
  readonly #memory: Memory;

  constructor(necessary: Necessary, memory: Memory, cacheBytes: number) {
    this.#necessary = necessary;
    this.#memory = memory;
    this.#cacheBytes = cacheBytes;
  }

  /** How many bytes may stay although nobody asked for them. */
  get cacheBytes(): number {
    return this.everything ? Infinity : this.#cacheBytes;
  }

  /** The same, within the limit for everything. */
  get room(): number {
    return Math.min(this.cacheBytes, this.#memory.limit);
  }

  /** The device has less room than it seemed: nothing stays from now on that need not. Whether that is any news. */
  tighten(): boolean {
    const news = this.cacheBytes > 0;
    this.#cacheBytes = 0;
    this.everything = false;
    this.#memory.snug = true;
    return news;
  }

  /** Settles what stays of what a plan stores, and what goes to make room for it. `absent` are the nodes without a value in memory. */
  settle(claim: Claim, absent: () => ReadonlySet<NodeState>): Settlement {
    const memory = this.#memory;
    const stored = [...claim.asked, ...claim.optional].map((s) => this.#placed(s));
    const bytes = memory.bytes - memory.arenaBytes + stored.reduce((n, s) => n + s.bytes - (memory.slots.get(s.slot)?.bytes ?? 0), 0);
    // Mostly there is room for everything, and nothing to be weighed.
    if (bytes <= this.cacheBytes) {
      const resident = new Set(stored.map((s) => s.slot));
      const arena = claim.arrange(resident, false);
      const peak = bytes + arena.bytes;
      if (peak <= memory.limit) return { resident, arena, dropped: [], peak, fits: true };
    }
    return this.#weigh(claim, absent());
  }

  #weigh(claim: Claim, absent: ReadonlySet<NodeState>): Settlement {
    const memory = this.#memory;
    const asked = claim.asked.map((s) => this.#placed(s));
    const optional = claim.optional.map((s) => this.#placed(s));
    const mine = new Set([...asked, ...optional].map((s) => s.slot));
    const { fixed, read, idle, stale } = this.#others(mine, claim.reads(), absent);
    const weight = new Map(optional.map((s) => [s, s.bytes * (1 - claim.span(s.slot))]));
    const candidates = [
      ...idle.filter((s) => s.frontier),
      ...optional.filter((s) => s.frontier),
      ...idle.filter((s) => !s.frontier).sort((a, b) => a.bytes - b.bytes),
      ...optional.filter((s) => !s.frontier).sort((a, b) => weight.get(a)! - weight.get(b)!),
    ];
    const attempt = (room: number): { readonly settlement: Settlement; readonly kept: number } => {
      let kept = read;
      const stays = new Set<Slot>();
      for (const { slot, bytes } of candidates)
        if (kept + bytes <= room) {
          kept += bytes;
          stays.add(slot);
        }
      const resident = new Set([...mine].filter((slot) => stays.has(slot)));
      for (const { slot } of asked) resident.add(slot);
      const arena = claim.arrange(resident, true);
      const peak = fixed + total(asked) + kept + arena.bytes;
      const dropped = [...stale, ...candidates.map((s) => s.slot).filter((slot) => !stays.has(slot) && memory.slots.has(slot))];
      return { settlement: { resident, arena, dropped, peak, fits: peak <= memory.limit }, kept };
    };
    let room = this.cacheBytes;
    for (let k = 0; ; k++) {
      const { settlement, kept } = attempt(room);
      if (settlement.fits || (room <= 0 && memory.snug)) return settlement;
      if (room <= 0) break;
      // What goes makes the arena grow, by less than that mostly: so this closes in on the limit.
      room = k < ATTEMPTS ? Math.min(room, kept) - (settlement.peak - memory.limit) : 0;
    }
    memory.snug = true;
    return this.#weigh(claim, absent);
  }

  /** What memory holds beside a plan's own values. */
  #others(
    mine: ReadonlySet<Slot>,
    reads: ReadonlySet<Slot>,
    absent: ReadonlySet<NodeState>,
  ): {
    /** Bytes of what stays in any case, and of what may not go now because the plan reads it. */
    readonly fixed: number;
    readonly read: number;
    /** Values that may go. */
    readonly idle: readonly Stored[];
    /** Buffers of values that are not up to date. */
    readonly stale: readonly Slot[];
  } {
    const { slots } = this.#memory;
    const asked = new Set<Slot>();
    const frontier = new Set<Slot>();
    for (const node of this.#necessary.nodes.values())
      for (const { slot } of node.lowered.outputs) {
        if (isAskedFor(node)) asked.add(slot);
        if (node.frontier) frontier.add(slot);
      }
    let [fixed, read] = [0, 0];
    const idle: Stored[] = [];
    const stale: Slot[] = [];
    for (const node of this.#necessary.nodes.values())
      for (const slot of node.own) {
        const held = slots.get(slot);
        if (!held || mine.has(slot)) continue;
        if (asked.has(slot)) fixed += held.bytes;
        else if (reads.has(slot)) read += held.bytes;
        else if (absent.has(node) || node.failure) stale.push(slot);
        else idle.push({ slot, bytes: held.bytes, tensor: node.tensor, frontier: frontier.has(slot) });
      }
    return { fixed, read, idle, stale };
  }

  /** Lets go of all that may go. The nodes whose values are no longer there. */
  releaseIdle(): readonly NodeState[] {
    const { idle, stale } = this.#others(new Set(), new Set(), new Set());
    return this.release([...idle.map((s) => s.slot), ...stale]);
  }

  /** Lets go of these. The nodes whose values are no longer there. */
  release(dropped: readonly Slot[]): readonly NodeState[] {
    if (dropped.length === 0) return [];
    const gone = new Set(dropped);
    for (const slot of gone) {
      this.bytesEvicted += this.#memory.slots.get(slot)?.bytes ?? 0;
      this.#memory.release(slot);
    }
    return [...this.#necessary.nodes.values()].filter((n) => !n.failure && n.lowered.outputs.some((v) => gone.has(v.slot)));
  }

  /** With the bytes that it holds once it is placed. */
  #placed(s: Stored): Stored {
    const bytes = this.#memory.afterPlacing(s.slot, s.bytes);
    return bytes === s.bytes ? s : { ...s, bytes };
  }
}

/** Whether a node's value stays in any case. */
export const isAskedFor = (node: NodeState): boolean => node.leaf || node.demand > 0 || node.cutoff;
