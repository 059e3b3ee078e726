/**
 * What has been asked for and not yet been done. Consecutive writes gather in one entry; a tick takes the writes before it into its own.
 * Transactions undo what they wrote when they throw.
 */
import type { Data } from "../core/data.ts";
import type { Source } from "../core/source.ts";
import type { Clock } from "./clock.ts";
import type { Intake, Write } from "./intake.ts";

export interface Entry {
  readonly writes: ReadonlyMap<Source, Write>;
  readonly clock: Clock | undefined;
  readonly ticks: number;
}

export class Queue {
  #entries: Entry[] = [];
  /** Writes that no tick and no flush has taken yet. */
  #open = new Map<Source, Write>();
  readonly #intake: Intake;
  #depth = 0;
  /** How to take back what open transactions did, in order. */
  readonly #undo: (() => void)[] = [];
  readonly #resized = new Set<Source>();

  constructor(intake: Intake) {
    this.#intake = intake;
  }

  get empty(): boolean {
    return this.#entries.length === 0 && this.#open.size === 0;
  }

  get inTransaction(): boolean {
    return this.#depth > 0;
  }

  write(source: Source, data: Data): void {
    this.put(source, this.#intake.prepare(source, data));
  }

  put(source: Source, write: Write): void {
    const resizes = write.sizes.size > 0;
    // Inside a transaction other writes may still make the sizes agree.
    if (resizes && this.#depth === 0) this.#intake.check(source, write.sizes);
    const open = this.#open;
    if (this.#depth > 0) {
      const before = open.get(source);
      this.#undo.push(() => void (before ? open.set(source, before) : open.delete(source)));
      if (resizes) {
        const sizes = this.#intake.pendingSizes(source);
        this.#undo.push(() => this.#intake.setPending(source, sizes));
        this.#resized.add(source);
      }
    }
    open.set(source, write);
    if (resizes) this.#intake.setPending(source, write.sizes);
  }

  /** Also takes this back when the transaction that is open rolls back. */
  onRollback(undo: () => void): void {
    if (this.#depth > 0) this.#undo.push(undo);
  }

  /** All writes of the callback, or none. Inside another transaction it joins that one; if it throws it takes back its own writes only. */
  transaction<T>(callback: () => T): T {
    const from = this.#undo.length;
    this.#depth++;
    try {
      const result = callback();
      if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
        // What the callback does from here on is nobody's to wait for.
        void Promise.resolve(result).catch(() => {});
        throw new Error("transaction: the callback is async; await before or after the transaction, and write inside it without waiting");
      }
      if (this.#depth === 1) for (const source of this.#resized) this.#intake.check(source, this.#intake.pendingSizes(source));
      return result;
    } catch (error) {
      for (const undo of this.#undo.splice(from).reverse()) undo();
      throw error;
    } finally {
      if (--this.#depth === 0) {
        this.#undo.length = 0;
        this.#resized.clear();
      }
    }
  }

  tick(clock: Clock, ticks: number): void {
    if (this.#depth > 0) throw new Error("tick: a transaction is open; tick before or after it");
    this.#seal(clock, ticks);
  }

  /** Enqueues what another queue has taken: nothing is checked again. */
  accept(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Everything that is pending, in order. */
  take(): Entry[] {
    if (this.#open.size > 0) this.#seal(undefined, 0);
    return this.#entries.splice(0);
  }

  #seal(clock: Clock | undefined, ticks: number): void {
    this.#entries.push({ writes: this.#open, clock, ticks });
    this.#open = new Map();
  }
}
