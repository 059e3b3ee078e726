/**
 * The half of an engine that its users' code runs in, whatever thread computes: sources and what is written to them, transactions, clocks, and
 * the way in for observers and reads. The other half is in engine.ts, or behind a worker.
 */
import { type Observable, Subject, type Subscriber } from "rxjs";
import { bindShape, type Data, type RawData, rawData } from "../core/data.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import { constantPrimitive } from "../core/leaves.ts";
import type { Shape } from "../core/shape.ts";
import { isSource, type Source, type SourceOwner, State, Variable } from "../core/source.ts";
import { addTags } from "../core/tags.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Tree } from "../core/tree.ts";
import type { DataShape } from "../core/types/shape.ts";
import type { Value } from "../core/value.ts";
import { showArgument } from "../ops/describe.ts";
import { Clock } from "./clock.ts";
import { type Cutoff, type Rule, ruleOf } from "./cutoff.ts";
import { type Intake, Order, type Write } from "./intake.ts";
import { guarded, GuardedObservable } from "./observable.ts";
import type { Emission, EngineFailure, SourceOptions, StateOptions, ValuesOf } from "./options.ts";
import { type ParameterTree, Parameters } from "./parameters.ts";
import { Preview, type PreviewOptions } from "./preview.ts";
import { describeRoots, type ObserveOptions } from "./publish.ts";
import type { Queue } from "./queue.ts";
import type { Roots } from "./roots.ts";
import type { EngineStats } from "./stats.ts";

let enginesMade = 0;

export abstract class BaseEngine implements SourceOwner {
  readonly label: string;
  /** Failures of nodes, observers that threw, errors that sources were told of. Without a listener they go to console.error. */
  readonly failures: Observable<EngineFailure>;
  readonly #failures = new Subject<EngineFailure>();
  readonly #clocks = new WeakSet<Clock>();
  readonly #clock: Clock;
  #disposed = false;
  protected abstract readonly intake: Intake;
  protected abstract readonly queue: Queue;

  constructor(label: string | undefined) {
    this.label = label ?? `engine ${++enginesMade}`;
    this.failures = guarded(this.#failures, (error) => console.error(`${this.label}: a listener of failures threw:`, error));
    this.#clock = this.clock();
  }

  protected abstract get epoch(): number;
  /** Takes in a source that passed all checks. Whether its first value has to be written as well, because it gives a name a new size. */
  protected abstract adopt(source: Source, write: Write): boolean;
  /** Something was enqueued. */
  protected abstract schedule(): void;
  /** What the observer looks at that is being told something, when observers have caused so many flushes in a row that they may write no more. */
  protected abstract get exhausted(): readonly Tensor[] | undefined;
  /** Checks what is asked for. */
  protected abstract roots(op: string, tree: Tree<Tensor>): Roots;
  /** Begins to tell a subscriber of roots. How to leave off. */
  protected abstract subscribe(roots: Roots, options: ObserveOptions, subscriber: Subscriber<unknown>): () => void;
  /** Forces a flush, and hands over the values of its epoch, or the error of what failed. */
  protected abstract request(roots: readonly Tensor[], resolve: (values: readonly Value[]) => void, reject: (error: unknown) => void): void;
  protected abstract setCutoff(t: Tensor, rule: Rule): void;
  /** What observers of a tensor saw last. */
  protected abstract published(t: Tensor): TypedArray | undefined;
  /** Lets go of everything, rejects pending reads with the reason, and closes what is subscribed. */
  protected abstract stop(reason: Error, close: (subscriber: Subscriber<unknown>) => void): void;

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
      this.alive("tick");
      this.#mayWrite("tick");
      this.queue.tick(clock, n);
      this.schedule();
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
    this.alive("parameters");
    return new Parameters(tree, {
      variable: (data, label) => this.variable(data, { label, ...options }),
      transaction: (callback) => this.transaction(callback),
      onRollback: (undo) => this.queue.onRollback(undo),
      report: (error) => this.tell(undefined, error),
    });
  }

  #initial(op: string, data: Data, { shape, dtype }: SourceOptions): { raw: RawData; shape: Shape } {
    this.alive(op);
    const raw = rawData(op, data, dtype);
    return { raw, shape: shape ?? raw.nested ?? [raw.count] };
  }

  #adopt<S extends Source>(source: S, raw: RawData): S {
    const write = { data: raw.data, sizes: bindShape(source.describe(), source.shape, raw) };
    // A name with a new size takes effect with the next commit, like any other change.
    if (this.adopt(source, write)) {
      this.queue.put(new Order(source, write));
      this.schedule();
    }
    return source;
  }

  /** @internal */
  write(source: Source, data: Data): void {
    if (this.#disposed || !this.intake.isOpen(source) || this.exhausted) this.#refuse(source);
    this.queue.put(this.intake.prepare(source, data));
    this.schedule();
  }

  /** Says why a source takes no value. */
  #refuse(source: Source): never {
    const op = `set ${source.describe()}`;
    this.alive(op);
    this.#mayWrite(op);
    throw new Error(`${op}: this source was disposed of`);
  }

  /** @internal */
  report(source: Source, error: unknown): void {
    this.tell(source, error);
  }

  /** @internal */
  release(source: Source): void {
    this.intake.close(source);
  }

  /** @internal */
  peek(t: Tensor): string | undefined {
    const data = this.published(t);
    if (!data) return undefined;
    const shown = Array.from(data.subarray(0, 6), (v) => String(+v.toPrecision(6)));
    return `[${shown.join(", ")}${data.length > 6 ? ", ..." : ""}]`;
  }

  /** All writes of the callback take effect in one epoch; when it throws, none does. Refuses async callbacks. */
  transaction<T>(callback: () => T): T {
    this.alive("transaction");
    return this.queue.transaction(callback);
  }

  /** Observers that answer each flush with a write would go on for ever. */
  #mayWrite(op: string): void {
    const roots = this.exhausted;
    if (roots)
      throw new Error(
        `${op}: 100 flushes in a row were caused by observers that write; the last is the observer of ${describeRoots(roots)}`,
      );
  }

  // ---- values

  /** The value of each epoch in which a node of the tree changed, first the current one. Nodes are necessary while somebody is subscribed. */
  observe<T extends Tree<Tensor>>(tree: T, options: ObserveOptions & { readonly failures: "emit" }): Observable<Emission<ValuesOf<T>>>;
  observe<T extends Tree<Tensor>>(tree: T, options?: ObserveOptions): Observable<ValuesOf<T>>;
  observe<T extends Tree<Tensor>>(tree: T, options: ObserveOptions = {}): Observable<unknown> {
    this.alive("observe");
    const roots = this.roots("observe", tree);
    const report = (error: unknown): void => this.tell(roots.roots[0], error);
    return new GuardedObservable<unknown>(report, (subscriber) => {
      if (!this.#disposed) return this.subscribe(roots, options, subscriber);
      subscriber.complete();
    });
  }

  /** Takes pending writes, forces a flush, and gives the values of its epoch. */
  read<T extends Tree<Tensor>>(tree: T): Promise<ValuesOf<T>> {
    return new Promise<any>((resolve, reject) => {
      this.alive("read");
      const { roots, rebuild } = this.roots("read", tree);
      this.request(roots, (values) => resolve(rebuild(values)), reject);
    });
  }

  /** Forces a flush. Resolves when what is pending now has been published. */
  abstract flush(): Promise<void>;

  // ---- control

  /**
   * Ends recomputation above t in epochs in which it comes out as it was when a change last went on from it: "exact", to the bit (as sources always do);
   * within a tolerance, { absolute, relative }; or as far as it matters, { adjoint, below }: while |adjoint x change| in sum, over all that such cutoffs
   * hold back, is below a bound. Until then t keeps its value, for all who read it. A second cutoff on t replaces the first.
   */
  cutoff(t: Tensor, cutoff: Cutoff): void {
    this.roots("cutoff", t);
    const rule = ruleOf(t, cutoff);
    if (!isSource(t) && t.primitive !== constantPrimitive) this.setCutoff(t, rule);
  }

  /** Gives the nodes of a tree words that cache policies go by, beside those that they have. */
  tag(tree: Tree<Tensor>, ...tags: readonly string[]): void {
    if (!tags.every((t) => typeof t === "string" && t !== ""))
      throw new Error(`tag: tags are words, got ${tags.map(showArgument).join(", ")}`);
    for (const t of this.roots("tag", tree).roots) addTags(t, tags);
  }

  /**
   * Shows what dragging a control would do, by tangents, before anything is computed: observe `preview.of(t)` in the place of t, call `preview.drag(value)`
   * for each move. The variable takes the value when the control rests, or after a deadline.
   */
  preview(source: Variable, options?: PreviewOptions): Preview {
    this.roots("preview", source);
    const host = {
      variable: (value: number | boolean, given: SourceOptions): Variable => this.variable(value, given),
      transaction: (run: () => void) => this.transaction(run),
      ended: () => this.#disposed,
    };
    return new Preview(host, source, options);
  }

  /** Counters, which only grow, and the figures of the last flush. */
  abstract get stats(): EngineStats;

  /**
   * Reports, from now on, the first node in topological order that comes to hold a NaN or an infinity. Kernels are not fused meanwhile. (When
   * memory has run out, only what stays in memory is looked at.)
   */
  abstract watch(what?: { readonly nan: boolean }): void;

  /** Completes observers, rejects pending reads, frees all memory. Later writes throw. May be called again. */
  dispose(): Promise<void> {
    this.#end(new Error(`${this.label} was disposed`), (s) => s.complete());
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  protected get disposed(): boolean {
    return this.#disposed;
  }

  /** Ends the engine because of an error that is no node's. */
  protected die(error: unknown): void {
    this.tell(undefined, error);
    this.#end(error instanceof Error ? error : new Error(String(error)), (s) => s.error(error));
  }

  #end(reason: Error, close: (subscriber: Subscriber<unknown>) => void): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.stop(reason, close);
    this.#failures.complete();
  }

  protected alive(op: string): void {
    if (this.#disposed) throw new Error(`${op}: ${this.label} was disposed`);
  }

  /** Tells whoever listens for failures; the console where nobody does. */
  protected tell(tensor: Tensor | undefined, error: unknown, epoch = this.epoch): void {
    if (this.#failures.observed) this.#failures.next({ epoch, tensor, error });
    else console.error(`${this.label}: ${tensor ? `${tensor.describe()}: ` : ""}`, error);
  }
}
