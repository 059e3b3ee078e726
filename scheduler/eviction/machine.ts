/**
 * Goes through a tape in order, with room for so many bytes, and writes the schedule down. What an operation reads and is not there any more is computed
 * again first, and so on down to what is there. Who makes room, and which values go before they have to, is up to a strategy.
 */
import { bytesOf, DoesNotFit, type Schedule, type Tape } from "./tape.ts";

/**
 * A schedule that takes so many times the tape's operations is none: with hardly any room, the number of operations may grow exponentially with
 * that of the tape.
 */
const MOST_TIMES = 100;

export interface Strategy {
  /** A value that goes, because an operation needs room; undefined where none may go. */
  victim(machine: Machine): number | undefined;
  /** An operation of the tape comes up, whose operands may be missing. */
  comes?(machine: Machine, op: number): void;
  /** An operation has run: for the first time, or again. */
  ran?(machine: Machine, op: number): void;
}

/** An operation that waits for its operands. */
interface Frame {
  readonly op: number;
  /** Those that were there, and those that were computed for it: these may not go before it runs. */
  readonly found: readonly number[];
  readonly locked: number[];
}

export class Machine {
  readonly tape: Tape;
  readonly budget: number;
  readonly schedule: number[] = [];
  /** The operation of the tape that is served. */
  position = 0;
  used = 0;
  /** How many operations have run. */
  time = 0;
  /** The operation that writes a value; -1 where none does. */
  readonly writer: Int32Array;
  /** When a value was last written or read. */
  readonly touched: Float64Array;
  readonly #there: Uint8Array;
  /** How many operations read or write a value at present, or have had it computed for them; and how many that wait found it there. */
  readonly #locks: Uint16Array;
  readonly #awaited: Uint16Array;
  /** Whether what is awaited may go. */
  #pressed = false;
  /** The first operation of the tape that has not run for its own sake. */
  #front = 0;
  readonly #uses: readonly (readonly number[])[];
  /** How many of its uses a value has behind it. */
  readonly #past: Uint32Array;
  /** Values that are there and could go, in no order; and the place of each among them. */
  readonly #residents: number[] = [];
  readonly #places: Int32Array;
  readonly #strategy: Strategy;

  constructor(tape: Tape, budget: number, strategy: Strategy) {
    const n = tape.values.length;
    this.tape = tape;
    this.budget = budget;
    this.writer = new Int32Array(n).fill(-1);
    this.touched = new Float64Array(n);
    this.#there = new Uint8Array(n);
    this.#locks = new Uint16Array(n);
    this.#awaited = new Uint16Array(n);
    this.#past = new Uint32Array(n);
    this.#places = new Int32Array(n).fill(-1);
    this.#strategy = strategy;
    const uses: number[][] = tape.values.map(() => []);
    tape.ops.forEach(({ reads, writes }, op) => {
      for (const v of writes) this.writer[v] = op;
      for (const v of reads) uses[v]!.push(op);
    });
    this.#uses = uses;
  }

  /** Serves the whole tape. Throws DoesNotFit. */
  run(): Schedule {
    const { ops } = this.tape;
    for (; this.position < ops.length; this.position++) {
      this.#strategy.comes?.(this, this.position);
      this.#serve(this.position);
    }
    return this.schedule;
  }

  isThere(v: number): boolean {
    return this.#there[v] === 1 || this.writer[v] === -1;
  }

  /** Whether a value has room that others could have. */
  isResident(v: number): boolean {
    return this.#places[v]! >= 0;
  }

  get residents(): readonly number[] {
    return this.#residents;
  }

  /** Whether a value may go now: not while something reads or writes it, nor, unless nothing else is left, while something waits to read it. */
  mayGo(v: number): boolean {
    return this.#locks[v] === 0 && (this.#pressed || this.#awaited[v] === 0);
  }

  /** The operation that reads a value next, from the one that is served on; Infinity where none does. */
  nextUse(v: number): number {
    const uses = this.#uses[v]!;
    while (uses[this.#past[v]!]! < this.#front) this.#past[v]!++;
    return uses[this.#past[v]!] ?? Infinity;
  }

  letGo(v: number): void {
    this.#there[v] = 0;
    this.used -= this.tape.values[v]!.bytes;
    this.schedule.push(~v);
    const place = this.#places[v]!;
    const last = this.#residents.pop()!;
    if (last !== v) {
      this.#residents[place] = last;
      this.#places[last] = place;
    }
    this.#places[v] = -1;
  }

  #serve(op: number): void {
    const stack: Frame[] = [this.#frame(op)];
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const missing = this.#missing(frame.op);
      if (missing !== undefined) {
        stack.push(this.#frame(this.writer[missing]!));
        continue;
      }
      stack.pop();
      for (const v of frame.found) this.#awaited[v]!--;
      this.#execute(frame.op);
      for (const v of frame.locked) this.#locks[v]!--;
      const parent = stack.at(-1);
      if (parent) this.#lock(parent, this.tape.ops[frame.op]!.writes);
      else this.#front = frame.op + 1;
      this.#dropDead(frame.op);
      this.#strategy.ran?.(this, frame.op);
    }
  }

  #frame(op: number): Frame {
    const found = this.tape.ops[op]!.reads.filter((v) => this.#places[v]! >= 0);
    for (const v of found) this.#awaited[v]!++;
    return { op, found, locked: [] };
  }

  /** What was made for an operation stays until it has run. */
  #lock({ op, locked }: Frame, made: readonly number[]): void {
    for (const v of made)
      if (this.tape.ops[op]!.reads.includes(v)) {
        this.#locks[v]!++;
        locked.push(v);
      }
  }

  /** What an operation lacks; of several values the one that was made last: most of the others are on the way to it. */
  #missing(op: number): number | undefined {
    let missing: number | undefined;
    for (const v of this.tape.ops[op]!.reads)
      if (!this.isThere(v) && (missing === undefined || this.writer[v]! > this.writer[missing]!)) missing = v;
    return missing;
  }

  #execute(op: number): void {
    const { reads, writes } = this.tape.ops[op]!;
    const fresh = writes.filter((v) => !this.#there[v]);
    for (const v of reads) this.#locks[v]!++;
    for (const v of writes) this.#locks[v]!++;
    const bytes = bytesOf(this.tape, fresh);
    while (this.used + bytes > this.budget) {
      const v = this.#victim();
      if (v === undefined) throw new DoesNotFit(op, this.used + bytes);
      this.letGo(v);
    }
    for (const v of reads) this.#locks[v]!--;
    for (const v of writes) this.#locks[v]!--;
    this.schedule.push(op);
    if (++this.time > MOST_TIMES * this.tape.ops.length) throw new DoesNotFit(op, this.used);
    for (const v of reads) this.touched[v] = this.time;
    for (const v of fresh) {
      this.#there[v] = 1;
      if (this.tape.values[v]!.stays) continue;
      this.used += this.tape.values[v]!.bytes;
      this.#places[v] = this.#residents.push(v) - 1;
    }
    for (const v of writes) this.touched[v] = this.time;
  }

  #victim(): number | undefined {
    const v = this.#strategy.victim(this);
    if (v !== undefined) return v;
    this.#pressed = true;
    try {
      return this.#strategy.victim(this);
    } finally {
      this.#pressed = false;
    }
  }

  /** Lets go of operands and results that nobody reads any more. */
  #dropDead(op: number): void {
    const { reads, writes } = this.tape.ops[op]!;
    for (const list of [reads, writes])
      for (const v of list) if (this.#places[v]! >= 0 && this.mayGo(v) && this.nextUse(v) === Infinity) this.letGo(v);
  }
}
