/**
 * Schedules for chains: the states at some cuts are kept, and what lies between is computed again from there, with checkpoints put in between while
 * there are places for them. On a chain of equal steps no schedule takes fewer of them.
 */
import { type Chain, chainOf, lowerBound } from "./chain.ts";
import { Machine, type Strategy } from "./machine.ts";
import { evenSplit, type Split, weighedSplit } from "./splits.ts";
import { bytesOf, DoesNotFit, type Schedule, type Tape } from "./tape.ts";

/** Beyond so many cuts of unequal costs, only some are used; and beyond so many places for states, what is won is little. */
const MOST_CUTS = 128;
const MOST_PLACES = 48;
/** Costs are equal when they differ by this part of their mean at most. */
const EVEN = 0.05;

/** A schedule that keeps so many states at a time, beside the beginning; or why there is none. */
export type Attempt = (places: number, budget: number) => Schedule | DoesNotFit;

export interface Checkpointing {
  readonly attempt: Attempt;
  /** How many states there are, and the bytes of the smallest. */
  readonly most: number;
  readonly bytes: number;
}

export function checkpointing(tape: Tape): Checkpointing | undefined {
  const chain = chainOf(tape);
  if (!chain) return undefined;
  const { checkpoints, split } = splitting(chain);
  const attempt: Attempt = (places, budget) => {
    try {
      return new Machine(tape, budget, new Checkpoints(tape, chain, checkpoints, places, split)).run();
    } catch (error) {
      if (error instanceof DoesNotFit) return error;
      throw error;
    }
  };
  const bytes = checkpoints.map((k) => bytesOf(tape, chain.cuts[k]!.state)).filter((n) => n > 0);
  return { attempt, most: checkpoints.length, bytes: bytes.reduce((a, b) => Math.min(a, b), Infinity) };
}

/** A schedule within the budget; undefined where the tape is no chain, or none of its states fits. */
export function revolveSchedule(tape: Tape, budget: number): Schedule | undefined {
  const chain = checkpointing(tape);
  if (!chain) return undefined;
  // As many places as there is room for. With too few of them, schedules may be too long to be any.
  let found: Schedule | undefined;
  let [low, high] = [-1, Math.min(chain.most, Math.floor(budget / chain.bytes))];
  while (low < high) {
    const places = Math.ceil((low + high) / 2);
    const made = chain.attempt(places, budget);
    if (made instanceof DoesNotFit && made.bytes > budget) high = places - 1;
    else {
      low = places;
      if (!(made instanceof DoesNotFit)) found = made;
    }
  }
  return found;
}

/** The cuts that may become checkpoints, and where they go. */
function splitting({ cuts }: Chain): { readonly checkpoints: readonly number[]; readonly split: Split } {
  // The way to the first cut with a state, and from the last one on, is no step between states.
  const costs = cuts.slice(1, -1).map((c) => c.cost);
  const mean = costs.reduce((a, b) => a + b, 0) / costs.length;
  const all = cuts.map((_, k) => k);
  if (costs.every((c) => Math.abs(c - mean) <= EVEN * mean)) return { checkpoints: all, split: evenSplit };
  const checkpoints = all.length <= MOST_CUTS ? all : spread(cuts.map((c) => c.cost));
  const between = checkpoints.map((k, i) => {
    let cost = 0;
    for (let x = k; x < (checkpoints[i + 1] ?? cuts.length); x++) cost += cuts[x]!.cost;
    return cost;
  });
  return { checkpoints, split: weighedSplit(between, Math.min(MOST_PLACES, checkpoints.length)).split };
}

/** Some of so many cuts, with about the same cost from each to the next. */
function spread(costs: readonly number[]): number[] {
  const part = costs.reduce((a, b) => a + b, 0) / MOST_CUTS;
  const chosen = [0];
  let sum = 0;
  costs.forEach((c, k) => {
    if (sum >= part * chosen.length && k > chosen.at(-1)!) chosen.push(k);
    sum += c;
  });
  return chosen;
}

class Checkpoints implements Strategy {
  readonly #tape: Tape;
  readonly #chain: Chain;
  /** Cuts that may be kept, ascending, the beginning first; which needs no place. */
  readonly #candidates: readonly number[];
  readonly #places: number;
  readonly #split: Split;
  /** Places among the candidates, ascending, of those that are kept; and how many of them each value belongs to. */
  #kept: number[] = [];
  readonly #protected: Uint16Array;
  /** Of each operation behind the turn, the lowest cut that it or one before it needs. */
  readonly #depths: readonly number[];
  /** Of each operation, the first one behind it that needs another cut. */
  readonly #nexts: Int32Array;

  constructor(tape: Tape, chain: Chain, candidates: readonly number[], places: number, split: Split) {
    this.#tape = tape;
    this.#chain = chain;
    this.#candidates = candidates;
    this.#places = places;
    this.#split = split;
    this.#protected = new Uint16Array(tape.values.length);
    let depth = Infinity;
    this.#depths = tape.ops.map(({ reads }, op) => {
      if (op < chain.turn) return Infinity;
      for (const v of reads) {
        const cut = tape.values[v]!.stays ? -1 : chain.cutOf(v);
        if (cut >= 0) depth = Math.min(depth, cut);
      }
      return depth;
    });
    // The end of the forward part is a state as well, that needs no place.
    this.#keep(0, candidates.length);
    const nexts = new Int32Array(tape.ops.length);
    for (let op = tape.ops.length - 1; op >= 0; op--)
      nexts[op] = this.#depths[op + 1] === this.#depths[op] ? nexts[op + 1]! : Math.min(op + 1, tape.ops.length - 1);
    this.#nexts = nexts;
  }

  /** Something outside of what is kept: that which is needed last. */
  victim(machine: Machine): number | undefined {
    let [victim, latest]: [number | undefined, number] = [undefined, -1];
    for (const v of machine.residents) {
      if (this.#protected[v]! > 0 || !machine.mayGo(v)) continue;
      const next = machine.nextUse(v);
      if (next > latest) [victim, latest] = [v, next];
    }
    return victim;
  }

  /** What is missing is reached from the last state that is there, with checkpoints on the way. */
  comes(machine: Machine, op: number): void {
    let target = -1;
    for (const v of this.#tape.ops[op]!.reads) if (!machine.isThere(v)) target = Math.max(target, this.#chain.cutOf(v));
    if (target < 0) return;
    const to = lowerBound(this.#candidates, target + 1) - 1;
    const isThere = (k: number): boolean => this.#chain.cuts[this.#candidates[k]!]!.state.every((v) => machine.isThere(v));
    const before = this.#kept.filter((k) => k < to && isThere(k));
    this.#keep(isThere(to) ? to : (before.at(-1) ?? 0), to);
  }

  /** What is neither kept nor needed now goes at once: its room is the next one's. */
  ran(machine: Machine, op: number): void {
    const { reads, writes } = this.#tape.ops[op]!;
    for (const list of [reads, writes])
      for (const v of list) {
        if (!machine.isResident(v) || this.#protected[v]! > 0 || !machine.mayGo(v)) continue;
        if (!this.#neededSoon(machine, v, op)) machine.letGo(v);
      }
  }

  #neededSoon(machine: Machine, v: number, op: number): boolean {
    const next = machine.nextUse(v);
    const { turn } = this.#chain;
    // In the forward part a value lives as it would without any budget, but for the part behind the turn; so do values that are written there.
    if (next < turn || this.#chain.cutOf(v) < 0) return true;
    const here = Math.max(machine.position, turn);
    if (machine.position < turn && this.#chain.isState(v)) return false;
    if (this.#depths[next] === this.#depths[here]) return true;
    // What an operation behind the turn has just read is there without having been asked for.
    return op === machine.position && op >= turn && this.#depths[next] === this.#depths[this.#nexts[here]!];
  }

  /** Keeps states up to one candidate, which is there, and others between it and a later one that is needed next. */
  #keep(from: number, to: number): void {
    const kept = this.#kept.filter((k) => k <= from);
    let [at, n] = [from, to - from + 1];
    for (let c = this.#places - kept.length + 1; c > 1 && n > 1; c--) {
      const m = this.#split(at, n, c);
      at += m;
      n -= m;
      if (at < this.#candidates.length) kept.push(at);
    }
    this.#mark(-1);
    this.#kept = kept;
    this.#mark(1);
  }

  #mark(by: number): void {
    for (const k of this.#kept) for (const v of this.#chain.cuts[this.#candidates[k]!]!.state) this.#protected[v]! += by;
  }
}
