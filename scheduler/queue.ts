/**
 * What has been asked for and not yet been done. Consecutive writes gather in one entry; a tick takes the writes before it into its own.
 * Transactions undo what they wrote when they throw.
 */
import type { Source } from "../core/source.ts";
import type { Clock } from "./clock.ts";
import { type Account, type Intake, Order } from "./intake.ts";
import { List } from "./list.ts";

export interface Entry {
  readonly orders: List<Order>;
  readonly clock: Clock | undefined;
  readonly ticks: number;
}

/** Entries are used again, so that a flush like the one before allocates nothing. */
interface OwnEntry extends Entry {
  clock: Clock | undefined;
  ticks: number;
}

export class Queue {
  #entries = new List<Entry>();
  #taken = new List<Entry>();
  readonly #idle: OwnEntry[] = [];
  /** Orders that no tick and no flush has taken yet, and the number of their gathering. */
  #open = newEntry();
  #gathering = 0;
  readonly #intake: Intake;
  #depth = 0;
  /** How to take back what open transactions did, in order. An order that was the first to its source stands for itself. */
  readonly #undo = new List<Order | (() => void)>();
  readonly #resized = new Set<Source>();

  constructor(intake: Intake) {
    this.#intake = intake;
  }

  get empty(): boolean {
    return this.#entries.length === 0 && this.#open.orders.length === 0;
  }

  get inTransaction(): boolean {
    return this.#depth > 0;
  }

  put(order: Order): void {
    const { source, sizes } = order;
    const account = this.#intake.account(source)!;
    // Inside a transaction other writes may still make the sizes agree.
    if (sizes.size > 0 && this.#depth === 0) this.#intake.check(source, sizes);
    const { last } = account;
    const before = last?.gathering === this.#gathering ? last : undefined;
    if (this.#depth > 0) this.#remember(order, before, account);
    if (before) this.#replace(before, order, account);
    else {
      order.at = this.#open.orders.length;
      order.gathering = this.#gathering;
      this.#open.orders.push(order);
      account.last = order;
    }
    if (sizes.size > 0) account.pending = sizes;
  }

  #replace(old: Order, order: Order, account: Account): void {
    order.at = old.at;
    order.gathering = this.#gathering;
    this.#open.orders.set(order.at, order);
    account.last = order;
  }

  /** How to take an order back. */
  #remember(order: Order, before: Order | undefined, account: Account): void {
    if (order.sizes.size > 0) this.#resized.add(order.source);
    else if (!before) return this.#undo.push(order);
    const { pending } = account;
    this.#undo.push(() => {
      if (before) this.#replace(order, before, account);
      else this.#drop(order);
      account.pending = pending;
    });
  }

  /** Takes back the order that was added last. */
  #drop(order: Order): void {
    this.#open.orders.pop();
    order.gathering = -1;
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
      if (this.#depth === 1 && this.#resized.size > 0)
        for (const source of this.#resized) this.#intake.check(source, this.#intake.account(source)!.pending);
      return result;
    } catch (error) {
      while (this.#undo.length > from) {
        const undo = this.#undo.pop();
        if (undo instanceof Order) this.#drop(undo);
        else undo();
      }
      throw error;
    } finally {
      if (--this.#depth === 0) {
        this.#undo.clear();
        if (this.#resized.size > 0) this.#resized.clear();
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

  /** Everything that is pending, in order; good until the next call. */
  take(): List<Entry> {
    if (this.#open.orders.length > 0) this.#seal(undefined, 0);
    const done = this.#taken;
    for (let i = 0; i < done.length; i++) {
      const entry = done.at(i) as OwnEntry;
      entry.orders.clear();
      this.#idle.push(entry);
    }
    done.clear();
    this.#taken = this.#entries;
    this.#entries = done;
    return this.#taken;
  }

  #seal(clock: Clock | undefined, ticks: number): void {
    this.#open.clock = clock;
    this.#open.ticks = ticks;
    this.#entries.push(this.#open);
    this.#open = this.#idle.pop() ?? newEntry();
    this.#gathering++;
  }
}

const newEntry = (): OwnEntry => ({ orders: new List(), clock: undefined, ticks: 0 });
