/**
 * The chain in a tape: a forward part, at whose **cuts** few values lead on to the rest of it, and operations after it that come back through it from
 * its end. Cut k has a **state**: the values that are written before it and read behind it in the forward part.
 *
 *   forward   [ segment 0 ] cut 1 [ segment 1 ] cut 2 [ segment 2 ] ...          cut 0 is the beginning, with nothing in its state
 *   backward                                   ... needs segment 2, then 1, then 0
 */
import type { Tape } from "./tape.ts";

export interface Chain {
  /** The first operation that is not in the forward part. */
  readonly turn: number;
  readonly cuts: readonly Cut[];
  /** The cut whose state is needed to have a value of the forward part: the first whose state it is in, or that of its segment. */
  readonly cutOf: (value: number) => number;
  /** Whether a value is in the state of some cut. */
  readonly isState: (value: number) => boolean;
}

export interface Cut {
  /** The first operation behind it. */
  readonly at: number;
  readonly state: readonly number[];
  /** What the operations cost from here to the next cut, or to the turn. */
  readonly cost: number;
}

/** The largest part of the forward cost that may lie between two cuts. */
const COARSE = 0.25;

/** The chain, if there is one worth the name. */
export function chainOf(tape: Tape): Chain | undefined {
  const { ops, values } = tape;
  const writer = new Int32Array(values.length).fill(-1);
  const last = new Int32Array(values.length).fill(-1);
  ops.forEach(({ reads, writes }, op) => {
    for (const v of writes) writer[v] = last[v] = op;
    for (const v of reads) last[v] = op;
  });
  const moving = values.flatMap(({ stays }, v) => (stays || writer[v]! < 0 ? [] : [v]));
  // The operation that meets the most values already comes back: from here on they become fewer.
  const turn = fullest(tape, moving, writer, last);
  // Of each value, the last use in the forward part.
  const within = new Int32Array(values.length).fill(-1);
  for (let op = 0; op < turn; op++) for (const v of ops[op]!.reads) within[v] = op;
  const crossing = running(
    turn,
    moving.filter((v) => within[v]! >= 0),
    (v) => [writer[v]! + 1, within[v]!, values[v]!.bytes],
  );
  const costs = ops.slice(0, turn).map((op) => op.cost);
  const bound = cheapestBound(crossing, costs);
  if (bound === undefined) return undefined;
  const cuts = cutsAt(
    crossing.flatMap((bytes, at) => (at > 0 && bytes <= bound ? [at] : [])),
    moving,
    writer,
    within,
    costs,
  );
  if (cuts.length < 3) return undefined;
  const segments = new Int32Array(turn);
  cuts.forEach(({ at }, k) => segments.fill(k, at));
  const first = new Map<number, number>();
  cuts.forEach(({ state }, k) => state.forEach((v) => first.has(v) || first.set(v, k)));
  const isState = (v: number): boolean => first.has(v);
  return { turn, cuts, isState, cutOf: (v) => first.get(v) ?? (writer[v]! < 0 || writer[v]! >= turn ? -1 : segments[writer[v]!]!) };
}

/** How much there is at each of so many times, of things that are there from one to another. */
function running(
  times: number,
  list: readonly number[],
  span: (v: number) => readonly [from: number, to: number, amount: number],
): number[] {
  const change = new Array<number>(times + 1).fill(0);
  for (const v of list) {
    const [from, to, amount] = span(v);
    if (from > to) continue;
    change[from]! += amount;
    change[to + 1]! -= amount;
  }
  let now = 0;
  return change.slice(0, times).map((c) => (now += c));
}

/** The operation during which the most bytes are alive. */
function fullest({ ops, values }: Tape, moving: readonly number[], writer: Int32Array, last: Int32Array): number {
  const alive = running(ops.length, moving, (v) => [writer[v]!, last[v]!, values[v]!.bytes]);
  return alive.reduce((most, bytes, op) => (bytes > alive[most]! ? op : most), 0);
}

/** The smallest state with which cuts are close to each other. */
function cheapestBound(crossing: readonly number[], costs: readonly number[]): number | undefined {
  const all = costs.reduce((a, b) => a + b, 0);
  for (const bound of [...new Set(crossing)].sort((a, b) => a - b)) {
    let [gap, widest] = [0, 0];
    crossing.forEach((bytes, at) => {
      if (bytes <= bound) gap = 0;
      gap += costs[at]!;
      widest = Math.max(widest, gap);
    });
    if (widest <= COARSE * all) return bound;
  }
  return undefined;
}

/** Cuts at these places, but for those with the state of the one before. */
function cutsAt(
  places: readonly number[],
  moving: readonly number[],
  writer: Int32Array,
  within: Int32Array,
  costs: readonly number[],
): Cut[] {
  const states: number[][] = places.map(() => []);
  for (const v of moving) {
    // The cuts behind its writer and before its last reader.
    let k = lowerBound(places, writer[v]! + 1);
    for (; k < places.length && places[k]! <= within[v]!; k++) states[k]!.push(v);
  }
  const cuts: { at: number; state: readonly number[]; cost: number }[] = [{ at: 0, state: [], cost: 0 }];
  places.forEach((at, k) => {
    const before = cuts.at(-1)!.state;
    const state = states[k]!;
    if (state.length !== before.length || state.some((v, i) => v !== before[i])) cuts.push({ at, state, cost: 0 });
  });
  cuts.forEach((cut, k) => {
    for (let op = cut.at; op < (cuts[k + 1]?.at ?? costs.length); op++) cut.cost += costs[op]!;
  });
  return cuts;
}

/** The first place in an ascending list that is at least x. */
export function lowerBound(sorted: readonly number[], x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}
