/**
 * Which values stay between flushes. Leaves, what somebody asks for, and what cutoffs compare stay in any case. The others may, as long as all of
 * them fit into the cache's budget: a change then finds its inputs. Where they do not fit, or not beside what a plan needs to run, these stay first:
 *
 *   1. the frontier: values that a change has read while they were up to date
 *   2. what is there already
 *   3. of what the plan stores, that which takes the least room for the least time that it is not needed anyway: small values, and those that live long
 *
 * With a policy, its scores say the order, and the budget is also that of what lives inside a plan.
 *
 * The others live inside their plan, in the arena, and are computed again when a later plan needs them. What was let go is not dirty: it is up
 * to date, elsewhere.
 */
import type { Slot, Step } from "../kernel/kernel.ts";
import type { Necessary } from "./necessary.ts";
import { heldBeside } from "./held.ts";
import { isPinned, type NodeState } from "./node.ts";
import type { Memory, Sized } from "./place.ts";
import type { Arena } from "./transient.ts";
import type { Advice } from "./eviction/arrange.ts";
import { inOrderOfScores } from "./eviction/residents.ts";
import { nameOf } from "./eviction/policy.ts";
import type { CacheSettings } from "./eviction/settings.ts";
import { CHECKPOINTED, tagsOf } from "../core/tags.ts";
import type { Tensor } from "../core/tensor.ts";
import { OutOfMemory } from "../kernel/backend.ts";

/** A value that a plan stores. */
export interface Stored extends Sized {
  readonly slot: Slot;
  readonly node: NodeState;
  readonly frontier: boolean;
}

/** Room for what lives inside a plan, and whether values may be let go there and computed again. */
export interface ArenaRoom {
  readonly bytes: number;
  readonly repeating: boolean;
}

/** What a plan asks for. */
export interface Claim {
  /** What stays in any case, and what may. */
  readonly asked: readonly Stored[];
  readonly optional: readonly Stored[];
  /** What it reads and does not compute. */
  reads(): ReadonlySet<Slot>;
  /** Where everything else lies while it runs, when these stay. Within some room, as far as another order of its steps and repetitions help. */
  arrange(resident: ReadonlySet<Slot>, room?: ArenaRoom): Arena;
  /** What keeps the arena from being smaller than `known`, when these stay. */
  advise(resident: ReadonlySet<Slot>, known: number): Advice | undefined;
  /** What steps cost, as the cache's settings have it. */
  cost(steps: readonly Step[]): number;
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

/** A value that may stay; or must, because the policy never lets it go. */
export interface Candidate {
  readonly stored: Stored;
  readonly must: boolean;
}

interface Attempt {
  readonly settlement: Settlement;
  /** Bytes that stay although nobody asked for them. */
  readonly kept: number;
  /** Bytes that are missing. */
  readonly over: number;
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
  cache: CacheSettings;
  /** The number of the plan that ran last. */
  now = 0;
  /** Whether the device has shown that it has less room than it said. */
  #tight = false;
  readonly #necessary: Necessary;
  readonly #memory: Memory;

  constructor(necessary: Necessary, memory: Memory, cache: CacheSettings) {
    this.#necessary = necessary;
    this.#memory = memory;
    this.cache = cache;
  }

  /** A plan runs now: what it reads and computes is used, should a policy ask. */
  uses(plan: { readonly nodes: readonly NodeState[]; readonly reads: ReadonlySet<NodeState> }, now: number): void {
    this.now = now;
    if (this.cache.policy) this.#use(plan, now);
  }

  // Apart from the above: with the loops in it, a steady flush would allocate.
  #use({ nodes, reads }: { readonly nodes: readonly NodeState[]; readonly reads: ReadonlySet<NodeState> }, now: number): void {
    for (const n of nodes) n.lastUse = now;
    for (const n of reads) n.lastUse = now;
  }

  /** How many bytes may stay although nobody asked for them. */
  get cacheBytes(): number {
    return this.everything ? Infinity : this.#tight ? 0 : this.cache.budgetBytes;
  }

  /** The same, within the limit for everything. */
  get room(): number {
    return Math.min(this.cacheBytes, this.#memory.limit);
  }

  /** How many bytes the cache may take, what lives inside a plan included. */
  get #bound(): number {
    return this.cache.policy && !this.everything ? this.cache.budgetBytes : Infinity;
  }

  /** The device has less room than it seemed: nothing stays from now on that need not. Whether that is any news. */
  tighten(): boolean {
    const news = this.cacheBytes > 0;
    this.#tight = true;
    this.everything = false;
    this.#memory.snug = true;
    return news;
  }

  /**
   * Settles what stays of what a plan stores, and what goes to make room for it. `absent` are the nodes without a value in memory; with `repeating`,
   * values may be computed again within the plan.
   */
  settle(claim: Claim, absent: () => ReadonlySet<NodeState>, repeating: boolean): Settlement {
    const memory = this.#memory;
    const stored = [...claim.asked, ...claim.optional].map((s) => this.#placed(s));
    const bytes = memory.bytes - memory.arenaBytes + stored.reduce((n, s) => n + s.bytes - (memory.slots.get(s.slot)?.bytes ?? 0), 0);
    // Mostly there is room for everything, and nothing to be weighed.
    if (bytes <= this.cacheBytes) {
      const resident = new Set(stored.map((s) => s.slot));
      const arena = claim.arrange(resident);
      const peak = bytes + arena.bytes;
      if (peak <= Math.min(memory.limit, this.#bound)) return { resident, arena, dropped: [], peak, fits: true };
    }
    return this.#weigh(claim, absent(), repeating || this.cache.policy !== undefined);
  }

  #weigh(claim: Claim, absent: ReadonlySet<NodeState>, repeating: boolean): Settlement {
    const memory = this.#memory;
    const asked = claim.asked.map((s) => this.#placed(s));
    const optional = claim.optional.map((s) => this.#placed(s));
    const mine = new Set([...asked, ...optional].map((s) => s.slot));
    const { fixed, pinned: held, read, idle, stale } = heldBeside(this.#necessary.nodes, memory.slots, absent, mine, claim.reads());
    const pinned = held + total(asked.filter((s) => isPinned(s.node)));
    if (pinned > this.cacheBytes && !this.#tight) throw pinsTooLarge(pinned, this.cacheBytes);
    const candidates = this.#inOrder(idle, optional, claim, absent);
    const attempt = (room: number, repeats: boolean): Attempt => {
      let kept = read;
      const stays = new Set<Slot>();
      for (const { stored, must } of candidates)
        if (must || kept + stored.bytes <= room) {
          kept += stored.bytes;
          stays.add(stored.slot);
        }
      const resident = new Set([...mine].filter((slot) => stays.has(slot)));
      for (const { slot } of asked) resident.add(slot);
      const staying = fixed + total(asked) + kept;
      const bytes = Math.min(memory.limit - staying, this.#bound - pinned - kept);
      const arena = claim.arrange(resident, { bytes, repeating: repeats });
      const peak = staying + arena.bytes;
      const dropped = [...stale, ...candidates.map((c) => c.stored.slot).filter((slot) => !stays.has(slot) && memory.slots.has(slot))];
      return { settlement: { resident, arena, dropped, peak, fits: arena.bytes <= bytes }, kept, over: arena.bytes - bytes };
    };
    const most = this.cacheBytes - pinned;
    /** What goes makes the arena grow, by less than that mostly: so this closes in on the limit. */
    const shrink = (least: number): Attempt => {
      let room = most;
      for (let k = 0; ; k++) {
        const made = attempt(room, false);
        if (made.settlement.fits || room <= least) return made;
        room = k < ATTEMPTS ? Math.max(least, Math.min(room, made.kept) - made.over) : least;
      }
    };
    let last: Attempt | undefined;
    if (this.cache.policy && repeating) {
      // What changes need is worth more than not to compute something twice.
      const needed = Math.min(most, read + total(candidates.filter((c) => c.must || c.stored.frontier).map((c) => c.stored)));
      for (const made of [() => shrink(needed), () => attempt(needed, true)]) if ((last = made()).settlement.fits) return last.settlement;
    }
    last = shrink(0);
    if (last.settlement.fits) return last.settlement;
    if (!memory.snug) {
      memory.snug = true;
      return this.#weigh(claim, absent, repeating);
    }
    if (repeating) {
      const repeated = attempt(0, true);
      if (repeated.settlement.fits) return repeated.settlement;
    }
    if (this.#bound < Infinity && last.settlement.peak <= memory.limit)
      throw this.#tooSmall(
        claim,
        last,
        pinned,
        candidates.some((c) => c.must),
      );
    return last.settlement;
  }

  /** What may go, that which should go last first. */
  #inOrder(idle: readonly Stored[], optional: readonly Stored[], claim: Claim, absent: ReadonlySet<NodeState>): readonly Candidate[] {
    if (this.cache.policy)
      return inOrderOfScores([...idle, ...optional], {
        settings: this.cache,
        now: this.now,
        isAbsent: (n) => absent.has(n),
        cost: (n) => claim.cost(n.lowered.steps),
      });
    const weight = new Map(optional.map((s) => [s, s.bytes * (1 - claim.span(s.slot))]));
    return [
      ...idle.filter((s) => s.frontier),
      ...optional.filter((s) => s.frontier),
      ...idle.filter((s) => !s.frontier).sort((a, b) => a.bytes - b.bytes),
      ...optional.filter((s) => !s.frontier).sort((a, b) => weight.get(a)! - weight.get(b)!),
    ]
      .sort((a, b) => Number(isCheckpointed(a.tensor)) - Number(isCheckpointed(b.tensor)))
      .map((stored) => ({ stored, must: false }));
  }

  #tooSmall(claim: Claim, { settlement: { resident, arena }, kept }: Attempt, pinned: number, held: boolean): OutOfMemory {
    const { budgetBytes, policy } = this.cache;
    const staying = kept + pinned;
    const advice = claim.advise(resident, arena.bytes);
    return new OutOfMemory(
      `cache.budgetBytes is ${budgetBytes}, and policy ${nameOf(policy!)} has no schedule for a plan of ${arena.steps.length} kernels within it` +
        (staying > 0 ? ` beside the ${staying} bytes that stay` : "") +
        (held || advice?.held ? ": it scores Infinity what would have to go" : "") +
        (advice ? adviceText(advice, "cache.budgetBytes", staying) : ""),
    );
  }

  /** Lets go of what there is too much of, when the cache has become smaller. The nodes whose values are no longer there. */
  trim(absent: ReadonlySet<NodeState>, cost: (node: NodeState) => number): readonly NodeState[] {
    const { idle, pinned, stale } = heldBeside(this.#necessary.nodes, this.#memory.slots, absent);
    let room = this.cacheBytes - pinned;
    const order = inOrderOfScores(idle, { settings: this.cache, now: this.now, isAbsent: (n) => absent.has(n), cost });
    return this.release([...stale, ...order.filter(({ stored }) => (room -= stored.bytes) < 0).map(({ stored }) => stored.slot)]);
  }

  /** Lets go of all that may go. The nodes whose values are no longer there. */
  releaseIdle(): readonly NodeState[] {
    const { idle, stale } = heldBeside(this.#necessary.nodes, this.#memory.slots, new Set());
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
    const lost = [...this.#necessary.nodes.values()].filter((n) => n.lowered.outputs.some((v) => gone.has(v.slot)));
    return lost.flatMap((n) => [...n.parts, n]).filter((n) => !n.failure);
  }

  /** With the bytes that it holds once it is placed. */
  #placed(s: Stored): Stored {
    const bytes = this.#memory.afterPlacing(s.slot, s.bytes);
    return bytes === s.bytes ? s : { ...s, bytes };
  }
}

const isCheckpointed = (t: Tensor): boolean => tagsOf(t).includes(CHECKPOINTED);

export const pinsTooLarge = (bytes: number, budget: number): OutOfMemory =>
  new OutOfMemory(`what is pinned takes ${bytes} bytes, and cache.budgetBytes is ${budget}; unpin something, or give the cache more room`);

/** The end of a message: what is in the way, and what would do. */
export const adviceText = ({ tensor, bytes, enough }: Advice, budget: string, beside: number): string =>
  `; the operation that takes the most is ${tensor ? tensor.describe() : "one"} (${bytes} bytes of operands and results at once), and a ${budget} of ${enough + beside} would do`;
