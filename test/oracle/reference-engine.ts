/**
 * The semantics as a program: an engine that recomputes everything on each flush, from the sources, and publishes what
 * changed. It shares nothing with the scheduler; the model-based tests hold the real engine to it.
 *
 * How time passes:
 * - Writes and ticks form a queue of entries. Consecutive writes are one entry; a tick takes the writes before it into its
 *   own entry. A flush works through the queue in order and publishes once for each entry.
 * - A write entry that changes no bits makes no epoch; otherwise it makes one. Each tick makes one, and only the last of a
 *   tick(n) is published; the writes before it are committed without an epoch of their own.
 * - A new observer gets its first value in the first publication after it subscribed; if there is none, at the end of the
 *   next flush.
 * - Reads are answered at the end of the batch of entries that were there when the flush began. What observers write
 *   meanwhile is the next batch.
 */
import { Observable, Subject, type Subscriber } from "rxjs";
import { bindShape, type Data, type RawData, rawData } from "../../core/data.ts";
import type { DimSizes } from "../../core/dim.ts";
import type { DType, TypedArray } from "../../core/dtype.ts";
import type { Shape } from "../../core/shape.ts";
import { type Source, type SourceOwner, State, Variable } from "../../core/source.ts";
import { type Tensor } from "../../core/tensor.ts";
import { flatten, type Tree } from "../../core/tree.ts";
import { Value } from "../../core/value.ts";
import { evaluate, failed, type Numbers, type Result, sameBits } from "./evaluate.ts";

export interface EngineFailure {
  readonly epoch: number;
  readonly tensor: Tensor | undefined;
  readonly error: unknown;
}

export interface VariableOptions {
  readonly shape?: Shape;
  readonly dtype?: DType;
  readonly label?: string;
}

/** What a source holds: its numbers, and the sizes they give to the names of its shape. */
interface Held {
  readonly data: TypedArray;
  readonly sizes: DimSizes;
}

interface Entry {
  readonly writes: Map<Source, Held>;
  readonly clock: ReferenceClock | undefined;
  readonly ticks: number;
}

interface Observer {
  readonly roots: readonly Tensor[];
  readonly emit: (values: readonly Value[]) => void;
  /** Whether a publication has reached it since it subscribed. */
  served: boolean;
  /** What was emitted last; undefined before the first emission. */
  last: readonly Numbers[] | undefined;
}

interface Read {
  readonly roots: readonly Tensor[];
  readonly resolve: (values: readonly Value[]) => void;
  readonly reject: (error: unknown) => void;
}

export class ReferenceClock {
  readonly states: State[] = [];
  readonly #engine: ReferenceEngine;
  constructor(engine: ReferenceEngine) {
    this.#engine = engine;
  }

  /** Enqueues n synchronous advances of this clock's states. */
  tick(n = 1): void {
    this.#engine.enqueueTick(this, n);
  }
}

const CHAIN_LIMIT = 100;

export class ReferenceEngine implements SourceOwner {
  readonly label = "reference engine";
  readonly failures = new Subject<EngineFailure>();
  epoch = 0;
  readonly #held = new Map<Source, Held>();
  readonly #observers = new Set<Observer>();
  readonly #defaultClock = new ReferenceClock(this);
  #queue: Entry[] = [];
  /** Writes that no tick and no flush has taken yet. */
  #open = new Map<Source, Held>();
  #reads: Read[] = [];
  #transactions = 0;
  #running = false;
  /** After too long a chain of flushes, until the next macrotask. */
  #stalled = false;
  #disposed = false;

  // ---- sources

  variable(data: Data, options: VariableOptions = {}): Variable {
    const { raw, shape } = this.#initial("variable", data, options);
    return this.#adopt(new Variable(this, shape, raw.dtype, options.label), raw);
  }

  state(data: Data, { clock = this.#defaultClock, ...options }: VariableOptions & { readonly clock?: ReferenceClock } = {}): State {
    const { raw, shape } = this.#initial("state", data, options);
    const state = this.#adopt(new State(this, clock, shape, raw.dtype, options.label), raw);
    clock.states.push(state);
    return state;
  }

  clock(): ReferenceClock {
    return new ReferenceClock(this);
  }

  #initial(op: string, data: Data, { shape, dtype }: VariableOptions): { raw: RawData; shape: Shape } {
    this.#alive(op);
    const raw = rawData(op, data, dtype);
    return { raw, shape: shape ?? raw.nested ?? [raw.count] };
  }

  #adopt<S extends Source>(source: S, raw: RawData): S {
    const held = { data: raw.data, sizes: bindShape(source.describe(), source.shape, raw) };
    this.#sizes(new Map([[source, held]]));
    this.#held.set(source, held);
    return source;
  }

  // ---- writes

  write(source: Source, data: Data): void {
    this.#alive(source.describe());
    const raw = rawData(source.describe(), data, source.dtype);
    const write = new Map([[source, { data: raw.data, sizes: bindShape(source.describe(), source.shape, raw) }]]);
    // Inside a transaction other writes may still make the sizes agree.
    if (this.#transactions === 0) this.#sizes(write);
    for (const [s, held] of write) this.#open.set(s, held);
    this.#schedule();
  }

  report(source: Source, error: unknown): void {
    this.failures.next({ epoch: this.epoch, tensor: source, error });
  }

  release(source: Source): void {
    this.#held.delete(source);
  }

  peek(): undefined {
    return undefined;
  }

  /** All writes of the callback, or none. A transaction inside another joins it, and if it throws undoes its own writes only. */
  transaction<T>(callback: () => T): T {
    this.#alive("transaction");
    const before = { open: new Map(this.#open), queue: [...this.#queue] };
    this.#transactions++;
    try {
      const result = callback();
      if (result !== null && typeof result === "object" && "then" in result)
        throw new Error("transaction: the callback is async; write synchronously, and await before or after the transaction");
      if (this.#transactions === 1) this.#sizes(new Map());
      return result;
    } catch (error) {
      this.#open = before.open;
      this.#queue = before.queue;
      throw error;
    } finally {
      this.#transactions--;
    }
  }

  enqueueTick(clock: ReferenceClock, ticks: number): void {
    this.#alive("tick");
    if (this.#transactions > 0) throw new Error("tick: a transaction is open; tick before or after it");
    if (!Number.isInteger(ticks) || ticks < 1) throw new Error(`tick: ${ticks} is not a number of ticks; use a positive integer`);
    for (const s of clock.states) if (!s.next) throw new Error(`tick: ${s.describe()} has no next; assign one before its clock ticks`);
    this.#queue.push({ writes: this.#open, clock, ticks });
    this.#open = new Map();
    this.#schedule();
  }

  tick(n = 1): void {
    this.#defaultClock.tick(n);
  }

  /** What the sources will hold once everything that is pending is committed. */
  #pending(): Map<Source, Held> {
    return new Map([...this.#held, ...this.#queue.flatMap((e) => [...e.writes]), ...this.#open]);
  }

  /** The sizes of the names, if these writes came on top of the pending ones. Throws when a name has two. */
  #sizes(writes: ReadonlyMap<Source, Held>, under: ReadonlyMap<Source, Held> = this.#pending()): DimSizes {
    const sizes = new Map<string, number>();
    const carriers = new Map<string, Source>();
    for (const [source, held] of new Map([...under, ...writes]))
      for (const [name, size] of held.sizes) {
        const other = sizes.get(name);
        if (other !== undefined && other !== size)
          throw new Error(
            `dimension "${name}" would be ${other} in ${carriers.get(name)!.describe()} and ${size} in ${source.describe()}; set both in one transaction`,
          );
        sizes.set(name, size);
        carriers.set(name, source);
      }
    return sizes;
  }

  // ---- observers and reads

  observe(tree: Tree<Tensor>): Observable<any> {
    const { leaves: roots, rebuild } = flatten<Tensor>(tree);
    return new Observable((subscriber: Subscriber<unknown>) => {
      if (this.#disposed) return subscriber.complete();
      const observer: Observer = { roots, emit: (values) => subscriber.next(rebuild(values)), served: false, last: undefined };
      this.#observers.add(observer);
      this.#completions.set(observer, () => subscriber.complete());
      this.#schedule();
      return () => {
        this.#observers.delete(observer);
        this.#completions.delete(observer);
      };
    });
  }
  readonly #completions = new Map<Observer, () => void>();

  read(tree: Tree<Tensor>): Promise<any> {
    const { leaves: roots, rebuild } = flatten<Tensor>(tree);
    return new Promise((resolve, reject) => {
      this.#alive("read");
      this.#reads.push({ roots, resolve: (values) => resolve(rebuild(values)), reject });
      this.#schedule();
    });
  }

  /** Flushes first, except inside a transaction or an observer: there it sees what is committed. */
  readSync(tree: Tree<Tensor>): any {
    const { leaves: roots, rebuild } = flatten<Tensor>(tree);
    this.#alive("readSync");
    if (this.#transactions === 0) this.#run();
    const results = this.#evaluate(roots);
    const failure = results.find(failed);
    if (failure) throw failure.error;
    return rebuild(results.map((r) => this.#value(r as Numbers)));
  }

  /** No cutoff shows in what is published: an exact one ends recomputation where nothing changed. */
  cutoff(_: Tensor): void {}

  // ---- flushes

  flush(): Promise<void> {
    return Promise.resolve().then(() => this.#run());
  }

  dispose(): Promise<void> {
    if (this.#disposed) return Promise.resolve();
    this.#disposed = true;
    for (const complete of [...this.#completions.values()]) complete();
    for (const { reject } of this.#reads.splice(0)) reject(new Error("the engine is disposed"));
    this.failures.complete();
    return Promise.resolve();
  }

  #alive(op: string): void {
    if (this.#disposed) throw new Error(`${op}: the engine is disposed`);
  }

  #schedule(): void {
    queueMicrotask(() => this.#run());
  }

  #run(): void {
    if (this.#running || this.#stalled || this.#disposed) return;
    this.#running = true;
    for (let chained = 0; this.#busy() && !this.#stalled; chained++) {
      if (chained < CHAIN_LIMIT) this.#batch();
      else {
        const error = new Error(`flush: ${CHAIN_LIMIT} chained flushes: an observer writes whenever it is called`);
        this.failures.next({ epoch: this.epoch, tensor: undefined, error });
        this.#stalled = true;
        setTimeout(() => {
          this.#stalled = false;
          this.#run();
        });
      }
    }
    this.#running = false;
  }

  #busy(): boolean {
    return this.#queue.length > 0 || this.#open.size > 0 || this.#reads.length > 0 || this.#unserved().length > 0;
  }

  #unserved(): Observer[] {
    return [...this.#observers].filter((o) => !o.served);
  }

  #batch(): void {
    const entries = this.#queue;
    if (this.#open.size > 0) entries.push({ writes: this.#open, clock: undefined, ticks: 0 });
    const reads = this.#reads;
    this.#queue = [];
    this.#open = new Map();
    this.#reads = [];
    for (const entry of entries) if (this.#commit(entry)) this.#publish([...this.#observers]);
    this.#publish(this.#unserved());
    for (const { roots, resolve, reject } of reads) {
      const results = this.#evaluate(roots);
      const failure = results.find(failed);
      if (failure) reject(failure.error);
      else resolve(results.map((r) => this.#value(r as Numbers)));
    }
  }

  /** Whether the entry made an epoch. */
  #commit({ writes, clock, ticks }: Entry): boolean {
    const changed = this.#store(writes);
    if (!clock) {
      if (changed) this.epoch++;
      return changed;
    }
    for (let i = 0; i < ticks; i++) {
      this.epoch++;
      const next = this.#evaluate(clock.states.map((s) => s.next!));
      // If one fails, none of the clock's states advances.
      if (next.some(failed)) break;
      this.#store(new Map(clock.states.map((s, k) => [s, { data: (next[k] as Numbers).data, sizes: this.#held.get(s)!.sizes }])));
    }
    return true;
  }

  /** Takes new numbers into the sources. Whether any bit changed. */
  #store(writes: ReadonlyMap<Source, Held>): boolean {
    let changed = false;
    for (const [source, held] of writes) {
      const old = this.#held.get(source);
      if (!old) continue; // released since
      if (
        !sameBits(
          { shape: [...old.sizes.values()], dtype: source.dtype, data: old.data },
          { shape: [...held.sizes.values()], dtype: source.dtype, data: held.data },
        )
      )
        changed = true;
      this.#held.set(source, held);
    }
    return changed;
  }

  /** The values of nodes now. Each node that failed by itself is reported. */
  #evaluate(roots: readonly Tensor[]): Result[] {
    const results = evaluate(roots, (t) => this.#held.get(t as Source)?.data, this.#sizes(new Map(), this.#held));
    for (const { tensor, error } of new Set(results.filter(failed))) this.failures.next({ epoch: this.epoch, tensor, error });
    return results;
  }

  /** Computes what observers see, and tells those for whom something changed. */
  #publish(observers: readonly Observer[]): void {
    const results = this.#evaluate(observers.flatMap((o) => o.roots));
    for (const observer of observers) {
      const mine = results.splice(0, observer.roots.length);
      observer.served = true;
      // An observer that left during this publication hears nothing, nor one of whose nodes failed. It hears of the recovery.
      if (!this.#observers.has(observer)) continue;
      const numbers = mine.some(failed) ? undefined : (mine as Numbers[]);
      const { last } = observer;
      observer.last = numbers;
      if (!numbers) continue;
      if (!last || numbers.some((n, i) => !sameBits(n, last[i]!))) observer.emit(numbers.map((n) => this.#value(n)));
    }
  }

  #value({ shape, dtype, data }: Numbers): Value {
    return new Value(shape, dtype, this.epoch, data.slice());
  }
}

export const createReferenceEngine = (): ReferenceEngine => new ReferenceEngine();
