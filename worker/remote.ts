/**
 * An engine whose other half is in a worker: marking, planning, kernels and memory never hold up the thread that writes and observes. Trees of
 * tensors are checked here and their nodes are sent there; what was asked for goes in turns (turns.ts), and observers are told of the answers.
 */
import type { Subscriber } from "rxjs";
import { topological } from "../core/graph.ts";
import type { Source } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Tree } from "../core/tree.ts";
import { Value } from "../core/value.ts";
import { BaseEngine } from "../scheduler/base.ts";
import type { Rule } from "../scheduler/cutoff.ts";
import type { Explanation } from "../scheduler/explain.ts";
import { Intake, type Write } from "../scheduler/intake.ts";
import { type EngineOptions, schedulerFor } from "../scheduler/options.ts";
import type { ObserveOptions } from "../scheduler/publish.ts";
import { type Entry, Queue } from "../scheduler/queue.ts";
import { checkRoots, type Roots } from "../scheduler/roots.ts";
import type { EngineStats } from "../scheduler/stats.ts";
import { encodeCache } from "./cache.ts";
import { Hold, isKnown, needs } from "./cargo.ts";
import { type Channel, startWorker } from "./channel.ts";
import { explanationOf, Questions, settle } from "./questions.ts";
import { Turns } from "./turns.ts";
import {
  type Answer,
  decodeError,
  type EntryMessage,
  type Event,
  type ExplanationMessage,
  type Numbers,
  type Question,
  type Step,
  type StepAnswer,
  unknownThere,
} from "./wire.ts";

export interface RemoteEngineOptions extends Omit<EngineOptions, "backend"> {}

interface Subscription {
  readonly id: number;
  readonly roots: Roots;
  readonly options: ObserveOptions;
  readonly subscriber: Subscriber<unknown>;
}

interface Read {
  readonly roots: readonly Tensor[];
  readonly resolve: (values: readonly Value[]) => void;
  readonly reject: (error: unknown) => void;
}

export class RemoteEngine extends BaseEngine {
  protected readonly intake = new Intake();
  protected readonly queue = new Queue(this.intake);
  /** @internal Settles when the worker is there, or cannot be. */
  readonly ready: Promise<void>;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  readonly #channel: Channel;
  readonly #turns: Turns;
  readonly #hold: Hold;
  #epoch = 0;
  #stats!: EngineStats;
  readonly #subscriptions = new Map<number, Subscription>();
  #subscribed = 0;
  readonly #questions = new Questions();
  /** Who is being told something now. */
  #current: Subscription | undefined;
  /** What observers saw last, for inspection. */
  readonly #seen = new WeakMap<Tensor, Value>();
  /** Nodes that were found fit to be asked for. */
  #checked = new WeakSet<Tensor>();
  /** States whose next was sent. */
  readonly #advancing = new WeakSet<Tensor>();
  #closing: Promise<void> = Promise.resolve();
  // What goes with the next step.
  #joining: Subscription[] = [];
  #leaving: number[] = [];
  #cutoffs: (readonly [Tensor, Rule])[] = [];
  #closed: Source[] = [];
  #nan: boolean | undefined;
  /** Reads that no batch has taken yet, and those of the batch that is under way. */
  #reads: Read[] = [];
  #answering: Read[] = [];
  /** What is left of the batch. */
  #entries: Entry[] = [];

  constructor({ flushOn = "microtask", cache, ...options }: RemoteEngineOptions, channel: Channel) {
    super(options.label);
    const sent = cache && { cache: encodeCache(cache) };
    const scheduler = schedulerFor(flushOn);
    this.#channel = channel;
    this.#hold = new Hold(() => this.#turns.schedule());
    this.#turns = new Turns({
      scheduler,
      begin: () => this.#begin(),
      busy: () => !this.queue.empty || this.#joining.length > 0 || this.#reads.length > 0,
      keepAlive: (on) => channel.keepAlive(on),
    });
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    channel.listen(
      (answer) => this.#received(answer),
      (why) => this.#lost(why),
    );
    channel.post({ kind: "create", options: { ...options, ...sent, label: this.label } });
  }

  // ---- what base.ts leaves open

  protected get epoch(): number {
    return this.#epoch;
  }

  protected adopt(source: Source, write: Write): boolean {
    const resizes = this.intake.enter(source, { pending: write.sizes, closed: false });
    // A write that is enqueued as well goes with another message, perhaps, and takes its memory along.
    this.#hold.keep(source, resizes ? { data: write.data.slice(), sizes: write.sizes } : write);
    return resizes;
  }

  protected schedule(): void {
    this.#turns.schedule();
  }

  protected get exhausted(): readonly Tensor[] | undefined {
    return this.#turns.exhausted ? this.#current?.roots.roots : undefined;
  }

  protected roots(op: string, tree: Tree<Tensor>): Roots {
    const fresh = (t: Tensor): boolean => !this.#checked.has(t);
    const found = checkRoots(op, tree, this, { known: (t) => !fresh(t), isOpen: (source) => this.intake.isOpen(source) });
    for (const t of topological(found.roots, fresh, needs)) {
      if (!isKnown(t)) throw new Error(`${op}: ${unknownThere(t.primitive.name)}`);
      this.#checked.add(t);
    }
    return found;
  }

  /** @internal */
  override release(source: Source): void {
    super.release(source);
    this.#closed.push(source);
    // Only what is observed may still be asked for.
    const observed = [...this.#subscriptions.values()].flatMap((s) => s.roots.roots);
    this.#checked = new WeakSet(topological(observed, () => true, needs));
  }

  protected subscribe(roots: Roots, options: ObserveOptions, subscriber: Subscriber<unknown>): () => void {
    const subscription: Subscription = { id: ++this.#subscribed, roots, options, subscriber };
    this.#subscriptions.set(subscription.id, subscription);
    this.#joining.push(subscription);
    this.schedule();
    return () => {
      if (!this.#subscriptions.delete(subscription.id) || this.disposed) return;
      const at = this.#joining.indexOf(subscription);
      if (at >= 0) this.#joining.splice(at, 1);
      else this.#leaving.push(subscription.id);
      this.schedule();
    };
  }

  protected request(roots: readonly Tensor[], resolve: Read["resolve"], reject: Read["reject"]): void {
    this.#reads.push({ roots, resolve, reject });
    this.#turns.force();
  }

  flush(): Promise<void> {
    return this.disposed ? Promise.resolve() : this.#turns.flush();
  }

  protected setCutoff(t: Tensor, rule: Rule): void {
    this.#cutoffs.push([t, rule]);
  }

  protected published(t: Tensor): Value["data"] | undefined {
    return this.#seen.get(t)?.data;
  }

  /** As of the last flush that came back. `ms` is what it took the worker. */
  get stats(): EngineStats {
    return this.#stats;
  }

  watch({ nan }: { readonly nan: boolean } = { nan: true }): void {
    this.#nan = nan;
    this.#hold.sites = nan;
  }

  /** Ends the worker, also in the middle of a step. Resolves when it has ended. */
  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#closing;
  }

  protected stop(reason: Error, close: (subscriber: Subscriber<unknown>) => void): void {
    const subscriptions = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    for (const { reject } of [...this.#reads.splice(0), ...this.#answering.splice(0)]) reject(reason);
    this.#questions.end(reason);
    this.#turns.stop();
    for (const { subscriber } of subscriptions) close(subscriber);
    this.#closing = this.#channel.close();
  }

  // ---- what is different here

  /** Not here: the values are in another thread. Use `await engine.read(...)`. */
  readSync(_: "readSync: the values are in a worker; use await engine.read(...)"): never {
    throw new Error(`readSync: the values of ${this.label} are in a worker; use await engine.read(...), or an engine without \`worker\``);
  }

  /** Not here, as values are computed in another thread. Use `await engine.flush()`. */
  flushSync(_: "flushSync: values are computed in a worker; use await engine.flush()"): never {
    throw new Error(`flushSync: ${this.label} computes in a worker; use await engine.flush(), or an engine without \`worker\``);
  }

  /** What would be computed again if a source changed, and why, as of the last flush: see `Engine.explain`. */
  async explain(t: Tensor): Promise<Explanation> {
    return explanationOf(t, (await this.#ask("explain", t)) as ExplanationMessage, (id) => this.#hold.tensor(id));
  }

  /** The graph below a tensor, or a tree of them, in Graphviz' language, as of the last flush. */
  async toDot(tree: Tree<Tensor>): Promise<string> {
    return (await this.#ask("toDot", tree)) as string;
  }

  async #ask(ask: Question["ask"], tree: Tree<Tensor>): Promise<ExplanationMessage | string> {
    this.alive(ask);
    const { roots } = this.roots(ask, tree);
    const { cargo, buffers } = this.#hold.load(roots, []);
    this.#turns.wait(1);
    return this.#questions.ask((id) => this.#channel.post({ kind: "question", id, ask, cargo, roots: roots.map((t) => t.id) }, buffers));
  }

  // ---- turns

  /** Begins a batch: everything that has gathered. Whether there was anything. */
  #begin(): boolean {
    this.#entries = this.queue.take().toArray();
    this.#answering = this.#reads.splice(0);
    for (const { orders } of this.#entries)
      for (const { sizes } of orders.toArray()) for (const [name, size] of sizes) this.intake.sizes.set(name, size);
    const asked = this.#entries.length + this.#answering.length + this.#joining.length + this.#leaving.length;
    if (asked === 0 && !this.#hold.anyReleased) return false;
    this.#send();
    return true;
  }

  /** Sends the next step of the batch. While somebody observes, that is one entry: each is published by itself. */
  #send(): void {
    const entries = this.#entries.splice(0, this.#subscriptions.size > 0 ? 1 : Infinity);
    const reads = this.#entries.length === 0 ? this.#answering : [];
    const orders = entries.flatMap((entry) => entry.orders.toArray());
    const clocks = new Set(entries.map(({ clock }) => clock));
    const states = [...clocks].flatMap((clock) => clock?.states() ?? []).filter((s) => s.next && !this.#advancing.has(s));
    for (const s of states) this.#advancing.add(s);
    const named = [
      ...[...this.#cutoffs.map(([t]) => t), ...this.#closed, ...states, ...states.map((s) => s.next!)],
      ...[...orders.map(({ source }) => source), ...this.#joining.flatMap((s) => s.roots.roots)],
      ...reads.flatMap((r) => r.roots),
    ];
    const { cargo, buffers } = this.#hold.load(named, orders);
    const ids = (tensors: readonly Tensor[]): number[] => tensors.map((t) => t.id);
    const step: Step = {
      kind: "step",
      cargo,
      nexts: states.map((s) => [s.id, s.next!.id]),
      cutoffs: this.#cutoffs.map(([t, rule]) => [t.id, rule]),
      closed: ids(this.#closed),
      watch: this.#nan === undefined ? undefined : { nan: this.#nan, sites: this.#nan ? this.#hold.places() : [] },
      leaving: this.#leaving,
      joining: this.#joining.map(({ id, roots, options }) => ({ id, roots: ids(roots.roots), options: { ...options } })),
      entries: entries.map((entry) => this.#encode(entry)),
      reads: reads.map((r) => ids(r.roots)),
      released: this.#hold.takeReleased(),
    };
    [this.#cutoffs, this.#closed, this.#nan, this.#leaving, this.#joining] = [[], [], undefined, [], []];
    try {
      this.#channel.post(step, buffers);
    } catch (error) {
      // No room for the message, say. What it held is lost.
      this.die(error);
    }
  }

  #encode({ orders, clock, ticks }: Entry): EntryMessage {
    const writes = orders.toArray().map(({ source, data, sizes }) => [source.id, { data, sizes }] as const);
    return { writes, clock: clock && this.#hold.clock(clock), ticks };
  }

  #received(answer: Answer): void {
    if (this.disposed) return;
    switch (answer.kind) {
      case "ready":
        this.#stats = answer.stats;
        this.#channel.keepAlive(false);
        this.#settle?.resolve();
        this.#settle = undefined;
        return;
      case "refused":
        return this.#refuse(decodeError(answer.error));
      case "answer":
        this.#turns.wait(-1);
        return this.#questions.answered(answer);
      case "stepped":
        return this.#stepped(answer);
    }
  }

  #stepped({ events, reads, stats, died }: StepAnswer): void {
    const published = stats.epochs > this.#stats.epochs;
    this.#stats = stats;
    this.#turns.tell(() => {
      for (const event of events) if (!this.disposed) this.#tell(event);
    });
    if (this.disposed) return;
    this.#epoch = stats.epochs;
    if (died) return this.die(decodeError(died));
    // Who came while others were told of an epoch hears of it before the next.
    if (this.#entries.length > 0 || (published && this.#joining.length > 0)) return this.#send();
    this.#answering
      .splice(0)
      .forEach(({ roots, resolve, reject }, i) => settle(reads[i]!, (numbers) => resolve(valuesOf(roots, numbers)), reject));
    this.#turns.ended();
  }

  #tell(event: Event): void {
    this.#epoch = event.epoch;
    if (event.kind === "failure") {
      const tensor = event.tensor === undefined ? undefined : this.#hold.tensor(event.tensor);
      return this.tell(tensor, decodeError(event.error));
    }
    const subscription = this.#subscriptions.get(event.to);
    if (!subscription) return;
    const { roots, options, subscriber } = subscription;
    this.#current = subscription;
    try {
      const { epoch } = event;
      if (event.kind === "error") return subscriber.next({ epoch, error: decodeError(event.error) });
      const values = valuesOf(roots.roots, event.values);
      values.forEach((v, i) => this.#seen.set(roots.roots[i]!, v));
      const value = roots.rebuild(values);
      subscriber.next(options.failures === "emit" ? { epoch, value } : value);
    } finally {
      this.#current = undefined;
    }
  }

  // ---- the end

  #lost(why: Error): void {
    if (this.disposed) return;
    const error = new Error(`${this.label}: its worker was lost: ${why.message}; what it held is gone. Make a new engine`, { cause: why });
    if (this.#settle) this.#refuse(error);
    else this.die(error);
  }

  /** There is no worker, and so no engine. */
  #refuse(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
    void this.dispose();
  }
}

const valuesOf = (roots: readonly Tensor[], numbers: readonly Numbers[]): Value[] =>
  numbers.map(({ shape, epoch, data }, i) => new Value(shape, roots[i]!.dtype, epoch, data));

/** An engine in a worker, when the worker is there. */
export async function connect(options: RemoteEngineOptions, channel = startWorker()): Promise<RemoteEngine> {
  const engine = new RemoteEngine(options, channel);
  await engine.ready;
  return engine;
}
