/**
 * The Engine: sources, observers and reads over one backend. This file is what users see of it; the way of a change through the others is
 * queue.ts (what was asked for), flush.ts (commit and publish), mark.ts (what is dirty, and the plan for it), plan.ts and place.ts (kernels
 * with sizes and addresses), compute.ts (run), publish.ts (tell observers).
 */
import { type Observable, Subject, type Subscriber } from "rxjs";
import { bindShape, type Data, rawData } from "../core/data.ts";
import type { DType } from "../core/dtype.ts";
import { constantPrimitive } from "../core/leaves.ts";
import type { Shape } from "../core/shape.ts";
import { isSource, type Source, type SourceOwner, State, Variable } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Tree } from "../core/tree.ts";
import type { DataShape } from "../core/types/shape.ts";
import type { Value } from "../core/value.ts";
import type { Backend } from "../kernel/backend.ts";
import { Clock } from "./clock.ts";
import { Computer } from "./compute.ts";
import { type Explanation, explain } from "./explain.ts";
import { Flusher } from "./flush.ts";
import { Dirt } from "./mark.ts";
import { Necessary } from "./necessary.ts";
import type { Failure, NodeState } from "./node.ts";
import { guarded, GuardedObservable } from "./observable.ts";
import {
  type Emission,
  type EngineFailure,
  type EngineOptions,
  schedulerFor,
  type SourceOptions,
  type StateOptions,
  type ValuesOf,
} from "./options.ts";
import { type ParameterTree, Parameters } from "./parameters.ts";
import { Memory } from "./place.ts";
import { describeRoots, type Observation, type ObserveOptions, Publisher } from "./publish.ts";
import { Queue } from "./queue.ts";
import { Residency } from "./residency.ts";
import { Retention } from "./retention.ts";
import { checkRoots, type Roots } from "./roots.ts";
import { Sources } from "./sources.ts";
import { Counters, type EngineStats } from "./stats.ts";
import { toDot } from "./dot.ts";
import { Watch } from "./watch.ts";

let enginesMade = 0;

export class Engine implements SourceOwner {
  readonly label: string;
  /** Failures of nodes, observers that threw, errors that sources were told of. Without a listener they go to console.error. */
  readonly failures: Observable<EngineFailure>;
  readonly #failures = new Subject<EngineFailure>();
  readonly #backend: Backend;
  readonly #counters = new Counters();
  readonly #memory: Memory;
  readonly #sources: Sources;
  readonly #necessary: Necessary;
  readonly #dirt: Dirt;
  readonly #computer: Computer;
  readonly #queue: Queue;
  readonly #publisher: Publisher;
  readonly #retention: Retention;
  readonly #flusher: Flusher;
  readonly #watch: Watch;
  readonly #clock: Clock;
  readonly #clocks = new WeakSet<Clock>();
  readonly #cutoffs = new WeakSet<Tensor>();
  readonly #fusion: boolean;
  #disposed = false;

  constructor({ backend, budgetBytes = Infinity, flushOn = "microtask", fusion = true, label }: EngineOptions) {
    if (typeof backend?.prepare !== "function")
      throw new Error(`createEngine: backend must be a backend, such as cpu() from "fluxion/cpu", got ${typeof backend}`);
    if (!(budgetBytes > 0)) throw new Error(`createEngine: budgetBytes must be a positive number of bytes, got ${budgetBytes}`);
    this.label = label ?? `engine ${++enginesMade}`;
    this.failures = guarded(this.#failures, (error) => console.error(`${this.label}: a listener of failures threw:`, error));
    this.#backend = backend;
    this.#memory = new Memory(backend, budgetBytes);
    this.#necessary = new Necessary({ entered: (node) => this.#entered(node), left: (node) => this.#left(node) });
    this.#sources = new Sources(backend, this.#memory, (t) => this.#necessary.nodes.get(t));
    const residency = new Residency(this.#necessary, this.#memory);
    this.#dirt = new Dirt(this.#necessary, this.#counters, residency, fusion);
    this.#fusion = fusion;
    const parts = {
      backend,
      memory: this.#memory,
      necessary: this.#necessary,
      sources: this.#sources,
      residency,
      dirt: this.#dirt,
      counters: this.#counters,
    };
    const fail = (failure: Failure): void => this.#report(failure.tensor, failure.error);
    this.#computer = new Computer(parts, fail);
    this.#queue = new Queue(this.#sources);
    this.#publisher = new Publisher(this.#computer);
    this.#retention = new Retention(this.#necessary);
    this.#watch = new Watch(this.#computer, fail);
    this.#clock = this.clock();
    this.#flusher = new Flusher({
      ...parts,
      computer: this.#computer,
      queue: this.#queue,
      publisher: this.#publisher,
      retention: this.#retention,
      scheduler: schedulerFor(flushOn),
      fail,
      die: (error) => this.#die(error),
    });
  }

  // ---- sources

  /** A leaf that is set from outside. dtype: as given, that of a typed array, bool for booleans, float32 otherwise. */
  variable<const T extends Data, const S extends Shape = never>(data: T, options?: SourceOptions<S>): Variable<DataShape<T, S>>;
  variable(data: Data, options: SourceOptions = {}): Variable {
    const { raw, shape } = this.#initial("variable", data, options);
    return this.#adopt(new Variable(this, shape, raw.dtype, options.label), raw);
  }

  /** A register of a clock: assign its `next`, then tick the clock. */
  state<const T extends Data, const S extends Shape = never>(data: T, options?: StateOptions<S>): State<DataShape<T, S>>;
  state(data: Data, { clock = this.#clock, ...options }: StateOptions = {}): State {
    const { raw, shape } = this.#initial("state", data, options);
    if (!this.#clocks.has(clock))
      throw new Error(`state: the clock belongs to another engine than ${this.label}; use one that this engine made`);
    const state = this.#adopt(new State(this, clock, shape, raw.dtype, options.label), raw);
    clock.adopt(state);
    return state;
  }

  /** A clock of its own, for states that advance together. */
  clock(): Clock {
    const clock = new Clock((n) => {
      this.#alive("tick");
      this.#mayWrite(() => "tick");
      this.#queue.tick(clock, n);
      this.#flusher.schedule();
    });
    this.#clocks.add(clock);
    return clock;
  }

  /** Advances the engine's own clock: see `Clock.tick`. */
  tick(n = 1): void {
    this.#clock.tick(n);
  }

  /** A tree of numbers and arrays as an immutable value, its leaves as variables; changed by recipes, with undo and redo. */
  parameters<T extends ParameterTree>(tree: T, options: { readonly dtype?: DType } = {}): Parameters<T> {
    this.#alive("parameters");
    return new Parameters(tree, {
      variable: (data, label) => this.variable(data, { label, ...options }),
      transaction: (callback) => this.transaction(callback),
      onRollback: (undo) => this.#queue.onRollback(undo),
      report: (error) => this.#report(undefined, error),
    });
  }

  #initial(op: string, data: Data, { shape, dtype }: SourceOptions): { raw: ReturnType<typeof rawData>; shape: Shape } {
    this.#alive(op);
    const raw = rawData(op, data, dtype);
    return { raw, shape: shape ?? raw.nested ?? [raw.data.length] };
  }

  #adopt<S extends Source>(source: S, raw: ReturnType<typeof rawData>): S {
    const write = { data: raw.data, sizes: bindShape(source.describe(), source.shape, raw) };
    // A name with a new size takes effect with the next commit, like any other change.
    if (this.#sources.adopt(source, write)) {
      this.#queue.put(source, write);
      this.#flusher.schedule();
    }
    return source;
  }

  /** @internal */
  write(source: Source, data: Data): void {
    const op = (): string => `set ${source.describe()}`;
    this.#alive(op);
    if (!this.#sources.isOpen(source)) throw new Error(`${op()}: this source was disposed of`);
    this.#mayWrite(op);
    this.#queue.write(source, data);
    this.#flusher.schedule();
  }

  /** @internal */
  report(source: Source, error: unknown): void {
    this.#report(source, error);
  }

  /** @internal */
  release(source: Source): void {
    this.#sources.close(source);
  }

  /** @internal */
  peek(t: Tensor): string | undefined {
    const node = this.#necessary.nodes.get(t)?.published;
    if (!node) return undefined;
    const shown = Array.from(node.data.subarray(0, 6), (v) => String(+v.toPrecision(6)));
    return `[${shown.join(", ")}${node.data.length > 6 ? ", ..." : ""}]`;
  }

  /** All writes of the callback take effect in one epoch; when it throws, none does. Refuses async callbacks. */
  transaction<T>(callback: () => T): T {
    this.#alive("transaction");
    return this.#queue.transaction(callback);
  }

  // ---- values

  /** The value of each epoch in which a node of the tree changed, first the current one. Nodes are necessary while somebody is subscribed. */
  observe<T extends Tree<Tensor>>(tree: T, options: ObserveOptions & { readonly failures: "emit" }): Observable<Emission<ValuesOf<T>>>;
  observe<T extends Tree<Tensor>>(tree: T, options?: ObserveOptions): Observable<ValuesOf<T>>;
  observe<T extends Tree<Tensor>>(tree: T, options: ObserveOptions = {}): Observable<unknown> {
    this.#alive("observe");
    const { roots, rebuild } = this.#roots("observe", tree);
    const report = (error: unknown): void => this.#report(roots[0], error);
    return new GuardedObservable<unknown>(report, (subscriber) => this.#subscribe(roots, rebuild, options, subscriber));
  }

  #subscribe(
    roots: readonly Tensor[],
    rebuild: Observation["rebuild"],
    options: ObserveOptions,
    subscriber: Subscriber<unknown>,
  ): () => void {
    if (this.#disposed) {
      subscriber.complete();
      return () => {};
    }
    const nodes = this.#necessary.acquire(roots);
    this.#necessary.watch(nodes, 1);
    const observation: Observation = {
      nodes,
      options,
      subscriber,
      rebuild,
      served: false,
      last: undefined,
      lastFailure: undefined,
      seen: -1,
    };
    this.#publisher.observations.add(observation);
    this.#flusher.schedule();
    return () => {
      if (!this.#publisher.observations.delete(observation) || this.#disposed) return;
      this.#necessary.watch(nodes, -1);
      this.#necessary.drop(nodes);
      this.#flusher.schedule();
    };
  }

  /** Takes pending writes, forces a flush, and gives the values of its epoch. */
  read<T extends Tree<Tensor>>(tree: T): Promise<ValuesOf<T>> {
    return new Promise<any>((resolve, reject) => {
      this.#alive("read");
      const { roots, rebuild } = this.#roots("read", tree);
      const nodes = this.#retention.keep(roots);
      this.#flusher.read({ nodes, resolve: () => resolve(this.#values(nodes, rebuild)), reject });
    });
  }

  /**
   * As `read`, at once. Inside an observer or a transaction it sees what is committed; elsewhere it flushes first. Only on backends whose
   * results can be had without waiting.
   */
  readSync<T extends Tree<Tensor>>(tree: T): ValuesOf<T> {
    this.#alive("readSync");
    const { roots, rebuild } = this.#roots("readSync", tree);
    const nodes = this.#retention.keep(roots);
    if (!this.#flusher.running && !this.#queue.inTransaction) this.#flusher.run();
    this.#flusher.computeNow(nodes);
    const failure = nodes.find((n) => n.failure)?.failure;
    if (failure) throw failure.error;
    return this.#values(nodes, rebuild);
  }

  #values<T>(nodes: readonly NodeState[], rebuild: (values: readonly Value[]) => unknown): ValuesOf<T> {
    return rebuild(nodes.map((n) => this.#publisher.value(n, this.#flusher.epoch))) as ValuesOf<T>;
  }

  /** Forces a flush. Resolves when what is pending now has been published. */
  flush(): Promise<void> {
    if (this.#disposed) return Promise.resolve();
    return this.#flusher.flush();
  }

  /** The tensors of a tree, checked: of this engine, and with a value. */
  #roots(op: string, tree: Tree<Tensor>): Roots {
    return checkRoots(op, tree, this, {
      known: (t) => this.#necessary.nodes.has(t),
      isOpen: (source) => this.#sources.isOpen(source),
    });
  }

  // ---- control

  /** Ends recomputation above t in epochs in which its bits come out as they were. Sources do so always. */
  cutoff(t: Tensor, kind: "exact"): void {
    if (kind !== "exact") throw new Error(`cutoff: ${String(kind)} is not a cutoff; use "exact"`);
    this.#roots("cutoff", t);
    if (isSource(t) || t.primitive === constantPrimitive) return;
    this.#cutoffs.add(t);
    const node = this.#necessary.nodes.get(t);
    if (!node || node.cutoff) return;
    node.cutoff = true;
    this.#necessary.version++;
  }

  /** Counters, which only grow, and the figures of the last flush. */
  get stats(): EngineStats {
    const c = this.#counters;
    return {
      epochs: c.epochs,
      flushes: c.flushes,
      nodesMarked: c.nodesMarked,
      nodesComputed: c.nodesComputed,
      nodesRecomputed: c.nodesRecomputed,
      kernels: c.kernels,
      plansBuilt: c.plansBuilt,
      plansReused: c.plansReused,
      plansBound: c.plansBound,
      nodesNecessary: this.#necessary.nodes.size,
      bytesResident: this.#memory.bytes,
      lastFlush: c.lastFlush,
    };
  }

  /**
   * Reports, from now on, the first node in topological order that comes to hold a NaN or an infinity. Kernels are not fused meanwhile. (When
   * memory has run out, only what stays in memory is looked at.)
   */
  watch({ nan }: { readonly nan: boolean } = { nan: true }): void {
    // Every value has to be in memory to be looked at.
    this.#dirt.fusion = this.#fusion && !nan;
    this.#computer.inspect = nan ? (nodes) => this.#watch.inspect(nodes) : undefined;
  }

  /** What would be computed again if a source changed, and why: a path from each source to t, and what lies on the way. */
  explain(t: Tensor): Explanation {
    this.#roots("explain", t);
    return explain(t, this.#necessary, this.#dirty());
  }

  /** The graph below a tensor, or a tree of them, in Graphviz' language. */
  toDot(tree: Tree<Tensor>): string {
    return toDot(this.#roots("toDot", tree).roots, this.#necessary, this.#dirty());
  }

  #dirty(): ReadonlySet<NodeState> {
    if (!this.#flusher.running) this.#computer.refresh();
    return new Set(this.#dirt.dirty);
  }

  /** Completes observers, rejects pending reads, frees all memory. Later writes throw. May be called again. */
  dispose(): Promise<void> {
    this.#end(new Error(`${this.label} was disposed`), (s) => s.complete());
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** @internal Throws unless the engine's structures agree with each other. Tests call it after every step. */
  invariant(): void {
    this.#necessary.invariant();
    this.#dirt.invariant();
    const owned = new Set([...this.#necessary.nodes.values()].flatMap((n) => n.own));
    for (const slot of this.#memory.slots.keys()) if (!owned.has(slot)) throw new Error("invariant: a buffer belongs to no necessary node");
  }

  #die(error: unknown): void {
    this.#report(undefined, error);
    this.#end(error instanceof Error ? error : new Error(String(error)), (s) => s.error(error));
  }

  #end(reason: Error, close: (subscriber: Subscriber<unknown>) => void): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const observations = [...this.#publisher.observations];
    this.#publisher.observations.clear();
    this.#flusher.stop(reason);
    for (const { subscriber } of observations) close(subscriber);
    this.#dirt.forget();
    this.#memory.releaseAll();
    this.#failures.complete();
    this.#backend.dispose();
  }

  #alive(op: string | (() => string)): void {
    if (this.#disposed) throw new Error(`${typeof op === "string" ? op : op()}: ${this.label} was disposed`);
  }

  /** Observers that answer each flush with a write would go on for ever. */
  #mayWrite(op: () => string): void {
    const { current } = this.#publisher;
    if (current && this.#flusher.exhausted)
      throw new Error(
        `${op()}: 100 flushes in a row were caused by observers that write; the last is the observer of ${describeRoots(current.nodes.map((n) => n.tensor))}`,
      );
  }

  #report(tensor: Tensor | undefined, error: unknown): void {
    if (this.#failures.observed) this.#failures.next({ epoch: this.#flusher.epoch, tensor, error });
    else console.error(`${this.label}: ${tensor ? `${tensor.describe()}: ` : ""}`, error);
  }

  #entered(node: NodeState): void {
    if (node.leaf) this.#computer.settleLeaf(node, () => this.#sources.load(node));
    else node.cutoff = this.#cutoffs.has(node.tensor);
  }

  #left(node: NodeState): void {
    if (node.inputs.length === 0) this.#sources.unload(node);
    for (const slot of node.own) this.#memory.release(slot);
  }
}

/** An engine over a backend that is handed in. A promise, because some backends are. */
export const createEngine = async (options: EngineOptions): Promise<Engine> => new Engine(options);
