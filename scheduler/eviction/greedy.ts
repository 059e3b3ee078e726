/** Schedules by scores: whenever an operation needs room, the value goes to which a policy gives the lowest score. */
import { Machine, type Strategy } from "./machine.ts";
import { nextUseScore } from "./next-use.ts";
import { type CacheContext, type CacheEntry, type CachePolicy, scoreOf } from "./policy.ts";
import { DoesNotFit, type Schedule, type Tape } from "./tape.ts";

/** Neighbourhoods are looked at so far; what lies beyond changes which value goes only where all are large. */
const FAR = 400;

/** A schedule within the budget. Throws DoesNotFit, and PolicyError. `minBytes`: smaller values go only when nothing else is left. */
export function byScores(tape: Tape, budget: number, policy: CachePolicy, minBytes = 0): Schedule {
  const scores = new Scores(tape, budget, policy, minBytes);
  try {
    return new Machine(tape, budget, scores).run();
  } catch (error) {
    if (error instanceof DoesNotFit) error.held = scores.held;
    throw error;
  }
}

class Scores implements Strategy {
  readonly #policy: CachePolicy;
  readonly #minBytes: number;
  readonly #budget: number;
  readonly #entries: (Entry | undefined)[];
  #walks: Walks | undefined;
  /** Whether there was something that the policy keeps in any case, when it was asked last. */
  held = false;

  constructor(tape: Tape, budget: number, policy: CachePolicy, minBytes: number) {
    this.#policy = policy;
    this.#minBytes = minBytes;
    this.#budget = budget;
    this.#entries = new Array<Entry | undefined>(tape.values.length);
  }

  victim(machine: Machine): number | undefined {
    const context: CacheContext = { phase: "plan", now: machine.time, budgetBytes: this.#budget };
    const victim = this.#lowest(machine, context, this.#minBytes);
    return victim === undefined && this.#minBytes > 0 ? this.#lowest(machine, context, 0) : victim;
  }

  /** The one with the lowest score; of several the one that the default policy would let go. */
  #lowest(machine: Machine, context: CacheContext, minBytes: number): number | undefined {
    const { values } = machine.tape;
    this.#walks ??= new Walks(machine);
    this.held = false;
    let lowest: Entry | undefined;
    let least = Infinity;
    let second = NaN;
    for (const v of machine.residents) {
      if (!machine.mayGo(v) || values[v]!.bytes === 0 || values[v]!.bytes < minBytes) continue;
      const entry = (this.#entries[v] ??= new Entry(v, machine, this.#walks));
      const score = scoreOf(this.#policy, entry, context);
      if (score === Infinity) this.held = true;
      else if (score < least) [least, lowest, second] = [score, entry, NaN];
      else if (score === least) {
        if (Number.isNaN(second)) second = nextUseScore(lowest!, context);
        const other = nextUseScore(entry, context);
        if (other < second) [lowest, second] = [entry, other];
      }
    }
    return lowest?.v;
  }
}

class Entry implements CacheEntry {
  readonly bytes: number;
  readonly cost: number;
  readonly tags: ReadonlySet<string>;
  readonly frontier = false;
  readonly v: number;
  readonly #machine: Machine;
  readonly #walks: Walks;

  constructor(v: number, machine: Machine, walks: Walks) {
    const { tape, writer } = machine;
    this.v = v;
    this.#machine = machine;
    this.#walks = walks;
    this.bytes = tape.values[v]!.bytes;
    this.cost = tape.ops[writer[v]!]!.cost;
    this.tags = new Set(tape.values[v]!.tags);
  }

  get lastUse(): number {
    return this.#machine.touched[this.v]!;
  }

  /** Operations of the tape until then, on the clock of now. */
  get nextUse(): number {
    const next = this.#machine.nextUse(this.v);
    return next === Infinity ? Infinity : this.#machine.time + next - this.#machine.position;
  }

  recompute(): number {
    return this.#walks.below(this.v);
  }

  neighbourhood(): number {
    return this.#walks.below(this.v) + this.#walks.above(this.v);
  }
}

/** Walks through what is not there. */
class Walks {
  readonly #machine: Machine;
  readonly #seen: Uint32Array;
  readonly #readers: readonly (readonly number[])[];
  #walk = 0;

  constructor(machine: Machine) {
    const { ops, values } = machine.tape;
    this.#machine = machine;
    this.#seen = new Uint32Array(ops.length);
    const readers: number[][] = values.map(() => []);
    ops.forEach(({ reads }, op) => reads.forEach((v) => readers[v]!.push(op)));
    this.#readers = readers;
  }

  /** What it costs to compute a value, with what is not there and goes into it. */
  below(v: number): number {
    const { tape, writer } = this.#machine;
    const walk = ++this.#walk;
    const open = [writer[v]!];
    this.#seen[open[0]!] = walk;
    let [cost, visits] = [0, 0];
    for (let op = open.pop(); op !== undefined && visits++ < FAR; op = open.pop()) {
      cost += tape.ops[op]!.cost;
      for (const input of tape.ops[op]!.reads) {
        const from = writer[input]!;
        if (this.#machine.isThere(input) || this.#seen[from] === walk) continue;
        this.#seen[from] = walk;
        open.push(from);
      }
    }
    return cost;
  }

  /** What it costs to compute what was there, has gone, is needed again and takes this value. */
  above(v: number): number {
    const { tape, touched } = this.#machine;
    const walk = ++this.#walk;
    const open = [v];
    let [cost, visits] = [0, 0];
    for (let from = open.pop(); from !== undefined && visits++ < FAR; from = open.pop())
      for (const op of this.#readers[from]!) {
        if (this.#seen[op] === walk) continue;
        this.#seen[op] = walk;
        const gone = tape.ops[op]!.writes.filter(
          (w) => touched[w]! > 0 && !this.#machine.isThere(w) && this.#machine.nextUse(w) < Infinity,
        );
        if (gone.length === 0) continue;
        cost += tape.ops[op]!.cost;
        open.push(...gone);
      }
    return cost;
  }
}
