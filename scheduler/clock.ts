/** Clocks: what advances states together. A tick computes what every state's `next` is, then moves all of it into the states at once. */
import type { State } from "../core/source.ts";
import type { Program } from "../kernel/backend.ts";
import { sameBits } from "./bits.ts";
import type { Computer, Workshop } from "./compute.ts";
import type { Failure, NodeState } from "./node.ts";
import type { Retention } from "./retention.ts";
import type { Target } from "./states.ts";

export class Clock {
  /** Weak: what nobody holds need not advance. */
  readonly #states = new Set<WeakRef<State>>();
  readonly #enqueue: (n: number) => void;

  constructor(enqueue: (n: number) => void) {
    this.#enqueue = enqueue;
  }

  /**
   * Commits pending writes, then lets all states of this clock take the value that their `next` had before, n times over. Each is an epoch;
   * the last is published. Throws when n is no positive integer, or a state has no `next`.
   */
  tick(n = 1): void {
    if (!Number.isInteger(n) || n < 1) throw new Error(`tick: ${n} is not a number of ticks; use a positive integer`);
    for (const s of this.states()) if (!s.next) throw new Error(`tick: ${s.describe()} has no next; assign one before its clock ticks`);
    this.#enqueue(n);
  }

  /** @internal */
  adopt(state: State): void {
    this.#states.add(new WeakRef(state));
  }

  /** @internal The states that somebody holds. */
  states(): State[] {
    const live: State[] = [];
    for (const ref of this.#states) {
      const state = ref.deref();
      if (state) live.push(state);
      else this.#states.delete(ref);
    }
    return live;
  }
}

/** The registers of a clock while it ticks. */
export class Registers {
  readonly #parts: Workshop;
  readonly #computer: Computer;
  readonly #states: readonly NodeState[];
  readonly #nexts: readonly NodeState[];
  readonly #target: Target;
  /** Copies whole buffers: from where a `next` lies as a state does. */
  #program: Program | undefined;
  #layout = -1;
  #sizesVersion = -1;
  /** States whose `next` is a view that does not lie as they do: gathered on the host. */
  #gathered: number[] = [];

  constructor(states: readonly State[], parts: Workshop, computer: Computer, retention: Retention) {
    this.#parts = parts;
    this.#computer = computer;
    this.#states = retention.keep(states);
    this.#nexts = retention.keep(states.map((s) => s.next!));
    const wanted = new Set(this.#nexts);
    this.#target = { wants: (node) => wanted.has(node) };
  }

  /** Whether these are the registers for the states. */
  serves(states: readonly State[]): boolean {
    // A state that is observed outlives its next, which only the clock asks for.
    const held = this.#states.every((n, i) => n.tensor === states[i] && !n.released && !this.#nexts[i]!.released);
    return held && states.length === this.#states.length;
  }

  /** Asks for the nodes for some flushes more. */
  renew(retention: Retention): void {
    retention.keep(this.#states.map((n) => n.tensor));
    retention.keep(this.#nexts.map((n) => n.tensor));
  }

  /** One tick: the states that changed, or why none advances. */
  advance(): { changed: NodeState[] } | { failure: Failure; state: NodeState } {
    const { backend, memory } = this.#parts;
    const computer = this.#computer;
    computer.compute(this.#target);
    for (const [i, state] of this.#states.entries()) {
      // The state itself has failed when there was no room for its numbers.
      const failure = this.#nexts[i]!.failure ?? state.failure;
      if (failure) return { failure, state };
    }
    if (!this.#program || this.#layout !== memory.layout || this.#sizesVersion !== computer.sizesVersion) this.#bind();
    const changed = this.#states.filter(
      (s, i) => s !== this.#nexts[i] && !sameBits(computer.data(this.#nexts[i]!, true), computer.data(s, true)),
    );
    if (changed.length === 0) return { changed };
    const gathered = this.#gathered.map((i) => ({ state: this.#states[i]!, data: computer.data(this.#nexts[i]!) }));
    this.#program!.run();
    for (const { state, data } of gathered) backend.write(memory.buffer(state.own[0]!), data);
    computer.runs++;
    for (const state of changed) computer.touch(state);
    return { changed };
  }

  release(): void {
    this.#program?.release();
    this.#program = undefined;
  }

  #bind(): void {
    const { backend, memory } = this.#parts;
    this.release();
    this.#gathered = [];
    const copies: { from: number; to: number; bytes: number }[] = [];
    this.#nexts.forEach((next, i) => {
      const state = this.#states[i]!;
      if (next === state) return;
      if (!this.#computer.isWhole(next)) this.#gathered.push(i);
      else
        copies.push({
          from: memory.buffer(next.view.slot),
          to: memory.buffer(state.own[0]!),
          bytes: this.#computer.data(state, true).byteLength,
        });
    });
    this.#program = backend.prepare([{ kind: "copy", copies }]);
    this.#layout = memory.layout;
    this.#sizesVersion = this.#computer.sizesVersion;
  }
}
