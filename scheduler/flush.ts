/**
 * The flush: takes everything that is pending, commits it entry by entry, brings what is observed up to date after each, and publishes.
 * What observers write meanwhile is the next batch, in the same run. On this side of the backend all of it is synchronous.
 */
import type { SchedulerLike } from "rxjs";
import type { State } from "../core/source.ts";
import { type Clock, Registers } from "./clock.ts";
import type { Computer, Workshop } from "./compute.ts";
import type { Order } from "./intake.ts";
import { List } from "./list.ts";
import type { Failure, NodeState, Origin } from "./node.ts";
import { everything, type Publisher } from "./publish.ts";
import type { Entry, Queue } from "./queue.ts";
import type { Retention } from "./retention.ts";
import type { Target } from "./states.ts";

export interface ReadRequest {
  readonly nodes: readonly NodeState[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** So many flushes may follow each other because observers write; then observers may write no more. */
export const CHAIN_LIMIT = 100;
/** How many different sets of nodes that are read together are remembered. */
const TARGET_LIMIT = 64;
/** The clock is read until so many flushes have passed in which nobody looked at the stats. */
const TIMED = 1000;

/** What a read asks for. */
interface ReadTarget extends Target {
  readonly nodes: readonly NodeState[];
}

const noReads: readonly ReadRequest[] = [];
const settled = Promise.resolve();

export interface FlushParts extends Workshop {
  readonly computer: Computer;
  readonly queue: Queue;
  readonly publisher: Publisher;
  readonly retention: Retention;
  /** When flushes run that nobody forces: in a microtask, or when this says so. */
  readonly scheduler: SchedulerLike | undefined;
  readonly fail: (failure: Failure) => void;
  /** Called when something went wrong that is no node's failure: the engine cannot go on. */
  readonly die: (error: unknown) => void;
}

export class Flusher {
  epoch = 0;
  readonly #parts: FlushParts;
  /** The last one first. A loop of reads has one target. */
  #targets: ReadTarget[] = [];
  readonly #registers = new WeakMap<Clock, Registers>();
  readonly #changed = new List<Origin>();
  readonly #reads: ReadRequest[] = [];
  /** Resolves after the flush that is forced. */
  #forced: Promise<void> | undefined;
  readonly #flushNow = (): void => {
    this.#forced = undefined;
    this.run();
  };
  #scheduled = false;
  #running = false;
  #chained = 0;
  /** Why the engine has ended, once it has. */
  #stopped: Error | undefined;

  constructor(parts: FlushParts) {
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Whether observers have written in so many flushes in a row that they may not go on. */
  get exhausted(): boolean {
    return this.#chained >= CHAIN_LIMIT;
  }

  schedule(): void {
    if (this.#running || this.#scheduled) return;
    const { scheduler } = this.#parts;
    if (!scheduler) return void this.#force();
    this.#scheduled = true;
    scheduler.schedule(() => {
      this.#scheduled = false;
      this.run();
    });
  }

  /** Resolves when all that is pending has been published. */
  flush(): Promise<void> {
    if (!this.#forced && !this.#running && !this.#pending()) return settled;
    return this.#force();
  }

  /** Flushes in a microtask, whatever the scheduler says. */
  #force(): Promise<void> {
    return (this.#forced ??= settled.then(this.#flushNow));
  }

  read(request: ReadRequest): void {
    this.#reads.push(request);
    void this.#force();
  }

  stop(error: Error): void {
    this.#stopped = error;
    for (const { reject } of this.#reads.splice(0)) reject(error);
  }

  run(): void {
    if (this.#running || this.#stopped) return;
    const busy = this.#busy();
    if (!busy && !this.#pending()) return;
    const { counters, necessary, retention, publisher, computer, die } = this.#parts;
    this.#running = true;
    const timed = counters.flushes - counters.seen < TIMED;
    const start = timed ? performance.now() : NaN;
    counters.begin();
    let total = 0;
    try {
      for (let more = busy; more; more = this.#busy() && !this.#stopped) {
        counters.flushes++;
        this.#batch();
        total = Math.max(total, necessary.nodes.size);
        retention.expire();
        this.#chained++;
      }
      if (!this.#stopped) {
        necessary.sweep();
        // Plans that the sweep made void give their memory back now.
        if (computer.refresh()) this.#targets = this.#targets.filter((t) => !t.nodes.some((n) => n.released));
      }
    } catch (error) {
      die(error);
    } finally {
      publisher.current = undefined;
      this.#running = false;
      this.#chained = 0;
    }
    if (busy) counters.ended(total, timed ? performance.now() - start : NaN);
  }

  /** Whether there is something to commit or to tell. */
  #busy(): boolean {
    const { queue, publisher } = this.#parts;
    return !queue.empty || this.#reads.length > 0 || publisher.unserved;
  }

  /** Whether there is anything to do. */
  #pending(): boolean {
    const { necessary, dirt } = this.#parts;
    return this.#busy() || necessary.hasLoose || dirt.stale;
  }

  #batch(): void {
    const { queue, publisher } = this.#parts;
    // What observers ask for meanwhile is for the next batch.
    const reads = this.#reads.length > 0 ? this.#reads.splice(0) : noReads;
    try {
      const entries = queue.take();
      for (let i = 0; i < entries.length; i++) if (this.#commit(entries.at(i))) this.#publish(false);
      if (publisher.unserved) this.#publish(true);
      if (reads.length > 0 && !this.#stopped) this.computeNow(reads.flatMap((r) => r.nodes));
    } catch (error) {
      for (const { reject } of reads) reject(error);
      throw error;
    }
    for (const { nodes, resolve, reject } of reads) {
      const failure = nodes.find((n) => n.failure)?.failure;
      if (this.#stopped) reject(this.#stopped);
      else if (failure) reject(failure.error);
      else resolve();
    }
  }

  /** Brings nodes up to date now, without committing anything. */
  computeNow(nodes: readonly NodeState[]): void {
    this.#parts.computer.compute(this.#targetFor(nodes));
  }

  #targetFor(nodes: readonly NodeState[]): Target {
    const targets = this.#targets;
    let at = targets.findIndex((t) => t.nodes.length === nodes.length && nodes.every((n, i) => n === t.nodes[i]));
    if (at < 0) {
      const wanted = new Set(nodes);
      at = targets.push({ nodes, wants: (node) => wanted.has(node) }) - 1;
    }
    const target = targets[at]!;
    targets.copyWithin(1, 0, at);
    targets[0] = target;
    if (targets.length > TARGET_LIMIT) this.#parts.dirt.forgetTarget(targets.pop()!);
    return target;
  }

  #publish(onlyNew: boolean): void {
    if (this.#stopped) return;
    this.#parts.computer.compute(everything);
    this.#parts.publisher.publish(this.epoch, onlyNew);
  }

  /** Commits an entry. Whether it made an epoch. */
  #commit({ orders, clock, ticks }: Entry): boolean {
    if (this.#stopped) return false;
    const { dirt, computer, counters } = this.#parts;
    const changed = this.#changed;
    let epochs = 0;
    computer.refresh();
    // Sizes first: buffers of what is written next depend on them.
    for (let i = 0; i < orders.length; i++) if (orders.at(i).sizes.size > 0) this.#resize(orders.at(i));
    for (let i = 0; i < orders.length; i++) if (this.#store(orders.at(i))) epochs = 1;
    if (changed.length > 0) {
      dirt.mark(changed);
      computer.inspect?.(changed.toArray().filter((o): o is NodeState => "tensor" in o));
      changed.clear();
    }
    // The writes before a tick have no epoch of their own.
    if (clock) epochs = this.#tick(clock, ticks);
    else this.epoch += epochs;
    counters.epochs += epochs;
    return epochs > 0;
  }

  /** Gives names the sizes that come with an order. */
  #resize({ sizes }: Order): void {
    const { sources, necessary, computer } = this.#parts;
    for (const [name, size] of sizes) {
      if (sources.sizes.get(name) === size) continue;
      sources.sizes.set(name, size);
      computer.resized();
      const dim = necessary.dims.get(name);
      if (dim) this.#changed.push(dim);
    }
  }

  /** Whether an order made a difference. */
  #store(order: Order): boolean {
    const { sources, computer } = this.#parts;
    const outcome = sources.store(order);
    if (outcome === "same") return false;
    const node = sources.node(order.source);
    if (!node) return true;
    if (outcome === "waiting") computer.load(node);
    computer.runs++;
    computer.touch(node);
    this.#changed.push(node);
    return true;
  }

  #tick(clock: Clock, ticks: number): number {
    const { dirt, fail } = this.#parts;
    const registers = this.#registersOf(clock, clock.states());
    let done = 0;
    while (done < ticks) {
      done++;
      this.epoch++;
      const result = registers.advance();
      if ("failure" in result) {
        const { tensor } = result.state;
        const cause = result.failure.error;
        const error = new Error(`tick: no state of the clock advances: next of ${tensor.describe()} failed: ${String(cause)}`, { cause });
        fail({ tensor, error });
        break;
      }
      for (const state of result.changed) this.#changed.push(state);
      dirt.mark(this.#changed);
      this.#changed.clear();
    }
    return done;
  }

  #registersOf(clock: Clock, states: readonly State[]): Registers {
    const { retention, computer } = this.#parts;
    let registers = this.#registers.get(clock);
    if (registers?.serves(states)) registers.renew(retention);
    else {
      registers?.release();
      this.#registers.set(clock, (registers = new Registers(states, this.#parts, computer, retention)));
    }
    return registers;
  }
}
