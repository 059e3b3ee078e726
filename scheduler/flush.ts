/**
 * The flush: takes everything that is pending, commits it entry by entry, brings what is observed up to date after each, and publishes.
 * What observers write meanwhile is the next batch, in the same run. On this side of the backend all of it is synchronous.
 */
import type { SchedulerLike } from "rxjs";
import type { State } from "../core/source.ts";
import { type Clock, Registers } from "./clock.ts";
import type { Computer, Workshop } from "./compute.ts";
import type { Failure, NodeState, Origin } from "./node.ts";
import type { Target } from "./mark.ts";
import { everything, type Publisher } from "./publish.ts";
import type { Entry, Queue } from "./queue.ts";
import type { Retention } from "./retention.ts";

export interface ReadRequest {
  readonly nodes: readonly NodeState[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** So many flushes may follow each other because observers write; then observers may write no more. */
export const CHAIN_LIMIT = 100;
/** How many different sets of nodes that are read together are remembered. */
const TARGET_LIMIT = 64;

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
  /** By the nodes that are read together, so that a loop of reads has one target. */
  readonly #targets = new Map<string, Target>();
  readonly #registers = new WeakMap<Clock, Registers>();
  #reads: ReadRequest[] = [];
  #waiting: (() => void)[] = [];
  #scheduled = false;
  #forced = false;
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
    if (!scheduler) return this.#force();
    this.#scheduled = true;
    scheduler.schedule(() => {
      this.#scheduled = false;
      this.run();
    });
  }

  /** Flushes in a microtask, whatever the scheduler says. */
  #force(): void {
    if (this.#running || this.#forced) return;
    this.#forced = true;
    queueMicrotask(() => {
      this.#forced = false;
      this.run();
    });
  }

  /** Resolves when all that is pending has been published. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#force();
    });
  }

  read(request: ReadRequest): void {
    this.#reads.push(request);
    this.#force();
  }

  stop(error: Error): void {
    this.#stopped = error;
    for (const { reject } of this.#reads.splice(0)) reject(error);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  run(): void {
    if (this.#running || this.#stopped) return;
    const { counters, necessary, retention, publisher, computer, die } = this.#parts;
    this.#running = true;
    const start = performance.now();
    const before = counters.begin();
    let total = 0;
    try {
      for (this.#chained = 0; this.#busy() && !this.#stopped; this.#chained++) {
        counters.flushes++;
        this.#batch();
        total = Math.max(total, necessary.nodes.size);
        retention.expire();
      }
      if (!this.#stopped) {
        necessary.sweep();
        // Plans that the sweep made void give their memory back now.
        computer.refresh();
      }
    } catch (error) {
      die(error);
    } finally {
      publisher.current = undefined;
      this.#running = false;
      this.#chained = 0;
    }
    counters.ended(before, total, performance.now() - start);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #busy(): boolean {
    return !this.#parts.queue.empty || this.#reads.length > 0 || this.#parts.publisher.unserved;
  }

  #batch(): void {
    const { queue, publisher } = this.#parts;
    const reads = this.#reads.splice(0);
    try {
      for (const entry of queue.take()) if (this.#commit(entry)) this.#publish(false);
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
    const key = nodes
      .map((n) => n.tensor.id)
      .sort((a, b) => a - b)
      .join();
    let target = this.#targets.get(key);
    if (!target) {
      if (this.#targets.size >= TARGET_LIMIT) this.#targets.clear();
      const ids = new Set(nodes.map((n) => n.tensor.id));
      this.#targets.set(key, (target = { wants: (node) => ids.has(node.tensor.id) }));
    }
    return target;
  }

  #publish(onlyNew: boolean): void {
    if (this.#stopped) return;
    this.#parts.computer.compute(everything);
    this.#parts.publisher.publish(this.epoch, onlyNew);
  }

  /** Commits an entry. Whether it made an epoch. */
  #commit({ writes, clock, ticks }: Entry): boolean {
    if (this.#stopped) return false;
    const { sources, necessary, dirt, computer } = this.#parts;
    const changed: Origin[] = [];
    let epochs = 0;
    computer.refresh();
    // Sizes first: buffers of what is written next depend on them.
    for (const { sizes } of writes.values())
      for (const [name, size] of sizes) {
        if (sources.sizes.get(name) === size) continue;
        sources.sizes.set(name, size);
        computer.resized();
        const dim = necessary.dims.get(name);
        if (dim) changed.push(dim);
      }
    for (const [source, write] of writes) {
      const node = necessary.nodes.get(source);
      if (!this.#store(node, () => sources.store(source, write))) continue;
      epochs = 1;
      if (!node) continue;
      node.computedAt = ++computer.runs;
      changed.push(node);
    }
    if (changed.length > 0) {
      dirt.mark(changed);
      computer.inspect?.(changed.filter((o): o is NodeState => "tensor" in o));
    }
    // The writes before a tick have no epoch of their own.
    if (clock) epochs = this.#tick(clock, ticks);
    else this.epoch += epochs;
    this.#parts.counters.epochs += epochs;
    return epochs > 0;
  }

  #store(node: NodeState | undefined, store: () => boolean): boolean {
    if (!node) return store();
    let stored = false;
    this.#parts.computer.settleLeaf(node, () => void (stored = store()));
    return stored;
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
      dirt.mark(result.changed);
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
