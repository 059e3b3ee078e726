/**
 * The Engine that computes in this thread, over one backend: what base.ts leaves open. The way of a change through the other files is
 * queue.ts (what was asked for), flush.ts (commit and publish), mark.ts (what is dirty, and the plan for it), plan.ts and place.ts (kernels
 * with sizes and addresses), compute.ts (run), publish.ts (tell observers).
 */
import type { Subscriber } from "rxjs";
import type { TypedArray } from "../core/dtype.ts";
import type { Source } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Tree } from "../core/tree.ts";
import type { Value } from "../core/value.ts";
import type { Backend } from "../kernel/backend.ts";
import { showArgument } from "../ops/describe.ts";
import { BaseEngine } from "./base.ts";
import { Computer } from "./compute.ts";
import { type Suspect, type Trouble, troubleOf } from "./diagnosis.ts";
import type { Rule } from "./cutoff.ts";
import { type Explanation, explain } from "./explain.ts";
import { Cache, type MemoryReport } from "./eviction/cache.ts";
import { withCacheOptions } from "./eviction/settings.ts";
import { Flusher } from "./flush.ts";
import type { Write } from "./intake.ts";
import { Dirt } from "./mark.ts";
import { Necessary } from "./necessary.ts";
import type { Failure, NodeState } from "./node.ts";
import { checkOptions, type EngineOptions, schedulerFor, type ValuesOf } from "./options.ts";
import { Memory } from "./place.ts";
import { Observation, type ObserveOptions, Publisher } from "./publish.ts";
import { type Entry, Queue } from "./queue.ts";
import { Residency } from "./residency.ts";
import { Retention } from "./retention.ts";
import { checkRoots, type Roots } from "./roots.ts";
import { Sources } from "./sources.ts";
import { Counters, type EngineStats } from "./stats.ts";
import { toDot } from "./dot.ts";
import { Watch } from "./watch.ts";

export class Engine extends BaseEngine {
  protected readonly intake: Sources;
  protected readonly queue: Queue;
  readonly #backend: Backend;
  readonly #counters = new Counters();
  readonly #memory: Memory;
  readonly #necessary: Necessary;
  readonly #residency: Residency;
  readonly #dirt: Dirt;
  readonly #computer: Computer;
  readonly #publisher: Publisher;
  readonly #retention: Retention;
  readonly #flusher: Flusher;
  readonly #watch: Watch;
  /** What stays in memory although nobody asks for it, and what goes first. */
  readonly cache: Cache;
  readonly #cutoffs = new WeakMap<Tensor, Rule>();
  readonly #fusion: boolean;

  constructor(options: EngineOptions) {
    super(checkOptions(options).label);
    const { backend, budgetBytes = Infinity, cache } = options;
    const { flushOn = "microtask", fusion = true } = options;
    if (typeof backend?.prepare !== "function")
      throw new Error(`createEngine: backend must be a backend, such as cpu() from "fluxion/cpu", got ${showArgument(backend)}`);
    this.#backend = backend;
    this.#memory = new Memory(backend, budgetBytes);
    this.#necessary = new Necessary({ entered: (node) => this.#entered(node), left: (node) => this.#left(node) });
    this.intake = new Sources(backend, this.#memory);
    this.#residency = new Residency(this.#necessary, this.#memory, withCacheOptions(cache));
    this.#dirt = new Dirt(this.#necessary, this.#counters, fusion);
    this.#fusion = fusion;
    const parts = {
      backend,
      memory: this.#memory,
      necessary: this.#necessary,
      sources: this.intake,
      residency: this.#residency,
      dirt: this.#dirt,
      counters: this.#counters,
    };
    const fail = (failure: Failure): void => this.tell(failure.tensor, failure.error);
    this.#computer = new Computer(parts, fail);
    this.cache = new Cache({ ...parts, computer: this.#computer });
    this.queue = new Queue(this.intake);
    this.#publisher = new Publisher(this.#computer, this.#necessary.failed);
    this.#retention = new Retention(this.#necessary);
    this.#watch = new Watch(this.#computer, fail);
    this.#flusher = new Flusher({
      ...parts,
      computer: this.#computer,
      queue: this.queue,
      publisher: this.#publisher,
      retention: this.#retention,
      scheduler: schedulerFor(flushOn),
      fail,
      die: (error) => this.die(error),
    });
  }

  // ---- what base.ts leaves open

  protected get epoch(): number {
    return this.#flusher.epoch;
  }

  protected adopt(source: Source, write: Write): boolean {
    return this.intake.adopt(source, write);
  }

  protected schedule(): void {
    this.#flusher.schedule();
  }

  protected get exhausted(): readonly Tensor[] | undefined {
    const { current } = this.#publisher;
    return current && this.#flusher.exhausted ? current.nodes.map((n) => n.tensor) : undefined;
  }

  /** The tensors of a tree, checked: of this engine, and with a value. */
  protected roots(op: string, tree: Tree<Tensor>): Roots {
    return checkRoots(op, tree, this, {
      known: (t) => this.#necessary.nodes.has(t),
      isOpen: (source) => this.intake.isOpen(source),
    });
  }

  protected subscribe({ roots, rebuild }: Roots, options: ObserveOptions, subscriber: Subscriber<unknown>): () => void {
    const nodes = this.#necessary.acquire(roots);
    this.#necessary.watch(nodes, 1);
    const observation = new Observation(nodes, options, subscriber, rebuild);
    this.#publisher.add(observation);
    this.#flusher.schedule();
    return () => {
      if (!this.#publisher.delete(observation) || this.disposed) return;
      this.#necessary.watch(nodes, -1);
      this.#necessary.drop(nodes);
      this.#flusher.schedule();
    };
  }

  protected request(roots: readonly Tensor[], resolve: (values: readonly Value[]) => void, reject: (error: unknown) => void): void {
    const nodes = this.#retention.keep(roots);
    this.#flusher.read({ nodes, resolve: () => resolve(this.#values(nodes)), reject });
  }

  flush(): Promise<void> {
    if (this.disposed) return Promise.resolve();
    return this.#flusher.flush();
  }

  protected setCutoff(t: Tensor, rule: Rule): void {
    this.#cutoffs.set(t, rule);
    const node = this.#necessary.nodes.get(t);
    if (!node) return;
    if (!node.cutoff) {
      this.#necessary.version++;
      // The value that is there is the one that its users have.
      if (!node.failure && !this.#dirt.absent().has(node) && this.#memory.slots.has(node.slot)) node.propagated = this.#computer.data(node);
    }
    node.cutoff = rule;
  }

  protected stop(reason: Error, close: (subscriber: Subscriber<unknown>) => void): void {
    const observations = [...this.#publisher.observations];
    this.#publisher.observations.clear();
    this.#flusher.stop(reason);
    for (const { subscriber } of observations) close(subscriber);
    this.#dirt.forget();
    this.#memory.releaseAll();
    this.#backend.dispose();
  }

  protected published(t: Tensor): TypedArray | undefined {
    return this.#necessary.nodes.get(t)?.published?.data;
  }

  // ---- what only an engine in this thread offers

  /**
   * As `flush`, at once: when it returns, what was pending has been published. Throws inside observers, whose writes are published next anyhow,
   * and inside transactions.
   */
  flushSync(): void {
    if (this.disposed) return;
    if (this.#flusher.running)
      throw new Error("flushSync: a flush is under way; what observers write is published when they have returned");
    if (this.queue.inTransaction) throw new Error("flushSync: a transaction is open; flush before or after it");
    this.#flusher.run();
  }

  /**
   * As `read`, at once. Inside an observer or a transaction it sees what is committed; elsewhere it flushes first. Only on backends whose
   * results can be had without waiting.
   */
  readSync<T extends Tree<Tensor>>(tree: T): ValuesOf<T> {
    this.alive("readSync");
    const { roots, rebuild } = this.roots("readSync", tree);
    const nodes = this.#retention.keep(roots);
    if (!this.#flusher.running && !this.queue.inTransaction) this.#flusher.run();
    this.#flusher.computeNow(nodes);
    const failure = nodes.find((n) => n.failure)?.failure;
    if (failure) throw failure.error;
    return rebuild(this.#values(nodes)) as ValuesOf<T>;
  }

  #values(nodes: readonly NodeState[]): Value[] {
    return nodes.map((n) => this.#publisher.value(n, this.#flusher.epoch));
  }

  get stats(): EngineStats {
    const c = this.#counters;
    c.seen = c.flushes;
    return {
      epochs: c.epochs,
      flushes: c.flushes,
      nodesMarked: c.nodesMarked,
      nodesDirty: c.nodesDirty,
      nodesComputed: c.nodesComputed,
      nodesRecomputed: c.nodesRecomputed,
      nodesCutOff: c.nodesCutOff,
      operations: c.operations,
      kernels: c.kernels,
      kernelsRepeated: c.kernelsRepeated,
      operationsRepeated: c.operationsRepeated,
      bytesRead: c.bytesRead,
      bytesWritten: c.bytesWritten,
      bytesEvicted: c.bytesEvicted,
      plansBuilt: c.plansBuilt,
      plansReused: c.plansReused,
      plansCovering: c.plansCovering,
      plansSpecialized: c.plansSpecialized,
      plansBound: c.plansBound,
      plansHeld: this.#dirt.plansHeld,
      nodesNecessary: this.#necessary.nodes.size,
      bytesResident: this.#memory.bytes,
      lastFlush: { ...c.lastFlush },
    };
  }

  watch({ nan }: { readonly nan: boolean } = { nan: true }): void {
    // Every value has to be in memory to be looked at.
    this.#residency.everything = nan;
    this.#dirt.fusion = this.#fusion && !nan;
    this.#computer.inspect = nan ? (nodes) => this.#watch.inspect(nodes) : undefined;
  }

  /** What would be computed again if a source changed, and why: a path from each source to t, and what lies on the way. */
  explain(t: Tensor): Explanation {
    this.roots("explain", t);
    return explain(t, this.#necessary, this.#dirty(), (suspects) => this.#diagnose(suspects));
  }

  /** What is wrong with nodes, by numbers that are computed for this. */
  #diagnose(suspects: readonly Suspect[]): Trouble[] {
    const nodes = this.#retention.keep(suspects.flatMap((s) => s.evidence));
    this.#flusher.computeNow(nodes);
    let next = 0;
    return suspects.flatMap(({ tensor, evidence }) => {
      const own = nodes.slice(next, (next += evidence.length));
      if (own.some((n) => n.failure)) return [];
      const numbers = own.map((n) => this.#computer.data(n));
      let at = 0;
      return troubleOf(tensor, () => numbers[at++]!) ?? [];
    });
  }

  /** The graph below a tensor, or a tree of them, in Graphviz' language. */
  toDot(tree: Tree<Tensor>): string {
    const { roots } = this.roots("toDot", tree);
    const dirty = this.#dirty();
    return toDot(roots, this.#necessary, dirty, (n) => n.lowered.outputs.every((v) => this.#memory.slots.has(v.slot)));
  }

  /**
   * The values of a tree stay in memory whenever they are needed by somebody, whatever the policy says, until the function that this gives is called. Throws where
   * what is pinned takes more than the cache's budget.
   */
  pin(tree: Tree<Tensor>): () => void {
    this.alive("pin");
    return this.cache.pin(this.roots("pin", tree).roots);
  }

  /** What is in memory now, and why. */
  memoryReport(): MemoryReport {
    return this.cache.report();
  }

  #dirty(): ReadonlySet<NodeState> {
    if (!this.#flusher.running) this.#computer.refresh();
    return new Set(this.#dirt.dirty);
  }

  // ---- for a host that has these checked in another thread

  /** @internal Takes in a source with its value. */
  hold(source: Source, write: Write): void {
    this.intake.hold(source, write);
  }

  /** @internal Sets a cutoff that was checked. */
  setRule(t: Tensor, rule: Rule): void {
    this.setCutoff(t, rule);
  }

  /** @internal Enqueues writes, and perhaps a tick. */
  accept(entry: Entry): void {
    this.queue.accept(entry);
    this.#flusher.schedule();
  }

  /** @internal Throws unless the engine's structures agree with each other. Tests call it after every step. */
  invariant(): void {
    this.#necessary.invariant();
    this.#dirt.invariant();
    const owned = new Set([...this.#necessary.nodes.values()].flatMap((n) => n.own));
    for (const slot of this.#memory.slots.keys()) if (!owned.has(slot)) throw new Error("invariant: a buffer belongs to no necessary node");
    const absent = this.#dirt.absent();
    const entered = new Set(this.#necessary.entered);
    for (const n of this.#necessary.nodes.values())
      for (const { slot } of n.failure || absent.has(n) || entered.has(n) ? [] : n.lowered.outputs)
        if (!this.#memory.slots.has(slot)) throw new Error(`invariant: ${n.tensor.describe()} is neither absent nor in memory`);
    for (const n of this.#necessary.nodes.values())
      for (const part of n.parts)
        if (!part.failure && !absent.has(part) && !entered.has(part) && !this.#memory.slots.has(n.slot))
          throw new Error(`invariant: a part of ${n.tensor.describe()} is neither absent nor in memory`);
  }

  #entered(node: NodeState): void {
    if (node.leaf) this.#computer.load(node);
    else {
      node.cutoff = this.#cutoffs.get(node.tensor);
      node.pinned = this.cache.isPinned(node.tensor);
    }
  }

  #left(node: NodeState): void {
    if (node.inputs.length === 0) this.intake.unload(node);
    for (const slot of node.own) this.#memory.release(slot);
    this.#computer.holdsNothing(node);
  }
}

/** An engine over a backend that is handed in. A promise, because some backends are. */
export const createEngine = async (options: EngineOptions): Promise<Engine> => new Engine(options);
