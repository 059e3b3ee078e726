/**
 * The half of an engine that runs in the worker: an ordinary Engine, whose graph is built again from messages, and which answers each step with
 * what its observers were told. Nothing is checked here; that was done where the user could be told.
 */
import type { Subscription } from "rxjs";
import { primitiveNamed } from "../ad/table.ts";
import type { Aval } from "../core/primitive.ts";
import type { Shape } from "../core/shape.ts";
import { withSite } from "../core/site.ts";
import { type Source, State, Variable } from "../core/source.ts";
import { addTags } from "../core/tags.ts";
import { apply, type Tensor } from "../core/tensor.ts";
import type { Value } from "../core/value.ts";
import type { Backend } from "../kernel/backend.ts";
import type { RuledPrimitive } from "../ops/primitive.ts";
import type { Clock } from "../scheduler/clock.ts";
import { Engine } from "../scheduler/engine.ts";
import { Order } from "../scheduler/intake.ts";
import { List } from "../scheduler/list.ts";
import type { Emission } from "../scheduler/options.ts";
import type { ObserveOptions } from "../scheduler/publish.ts";
import { decodeCache } from "./cache.ts";
import {
  type Answer,
  type Answered,
  type Cargo,
  decode,
  encodeError,
  type EntryMessage,
  type Event,
  type ExplanationMessage,
  type NodeMessage,
  type Numbers,
  type Question,
  type RemoteOptions,
  type Request,
  type SourceMessage,
  type StandIn,
  type Step,
  type Thrown,
  unknownThere,
  type WatchMessage,
} from "./wire.ts";

/** Where a half of an engine sends what. */
export interface Port {
  post(message: unknown, transfer: ArrayBuffer[]): void;
}

/** Answers the requests of one user. The first makes the engine, over a backend that is made then. */
export function serve(port: Port, makeBackend: (options: RemoteOptions) => Backend): (request: Request) => void {
  const post = (answer: Answer, transfer: ArrayBuffer[] = []): void => port.post(answer, transfer);
  let host: Host | undefined;
  return (request) => {
    if (request.kind === "create") {
      try {
        const { cache, ...options } = request.options;
        const engine = new Engine({ ...options, ...(cache && { cache: decodeCache(cache) }), backend: makeBackend(request.options) });
        host = new Host(engine, post);
        post({ kind: "ready", stats: engine.stats });
      } catch (error) {
        post({ kind: "refused", error: encodeError(error) });
      }
    } else if (request.kind === "step") void host!.step(request);
    else host!.answer(request);
  };
}

class Host {
  readonly #engine: Engine;
  readonly #post: (answer: Answer, transfer?: ArrayBuffer[]) => void;
  readonly #tensors = new Map<number, Tensor>();
  readonly #ids = new WeakMap<Tensor, number>();
  readonly #clocks = new Map<number, Clock>();
  readonly #subscriptions = new Map<number, Subscription>();
  #events: Event[] = [];
  /** The buffers that go with the next answer. */
  #transfer: ArrayBuffer[] = [];
  #died: Thrown | undefined;

  constructor(engine: Engine, post: (answer: Answer, transfer?: ArrayBuffer[]) => void) {
    this.#engine = engine;
    this.#post = post;
    engine.failures.subscribe({
      next: ({ epoch, tensor, error }) =>
        this.#events.push({ kind: "failure", tensor: tensor && this.#ids.get(tensor), epoch, error: encodeError(error) }),
      // An engine ends by itself only when it cannot go on; its last word says why.
      complete: () => (this.#died = (this.#events.pop() as Event & { error: Thrown }).error),
    });
  }

  /** One flush of what the step brings. */
  async step(step: Step): Promise<void> {
    const engine = this.#engine;
    try {
      this.#unload(step.cargo);
      for (const [state, next] of step.nexts) (this.#get(state) as State).next = this.#get(next);
      for (const [id, rule] of step.cutoffs) engine.setRule(this.#get(id), rule);
      for (const id of step.closed) engine.release(this.#get(id) as Source);
      if (step.watch) this.#watch(step.watch);
      for (const id of step.leaving) this.#leave(id);
      for (const { id, roots, options } of step.joining) {
        const { lend } = options;
        const next = (told: Emission<readonly Value[]>): void => this.#told(id, told, options);
        const observed = engine.observe(this.#all(roots), { ...(lend && { lend }), failures: "emit" });
        // What ends a stream ends the engine, and is told of once.
        this.#subscriptions.set(id, observed.subscribe({ next, error: () => {} }));
      }
      for (const entry of step.entries) this.#accept(entry);
      const reads = step.reads.map((roots) => this.#read(this.#all(roots)));
      for (const id of step.released) this.#tensors.delete(id);
      await engine.flush();
      const answer: Answer = {
        kind: "stepped",
        reads: await Promise.all(reads),
        events: this.#events,
        stats: engine.stats,
        died: this.#died,
      };
      this.#events = [];
      this.#post(answer, this.#transfer.splice(0));
    } catch (error) {
      // A step that cannot be taken is a mistake of the library; the user's half ends with it.
      const died = encodeError(error);
      this.#post({ kind: "stepped", reads: [], events: [], stats: engine.stats, died });
    }
  }

  #get(id: number): Tensor {
    const t = this.#tensors.get(id);
    if (!t) throw new Error(`worker: node ${id} was never sent`);
    return t;
  }

  #all(ids: readonly number[]): Tensor[] {
    return ids.map((id) => this.#get(id));
  }

  #unload(cargo: Cargo): void {
    for (const message of cargo) {
      const t = message.kind === "source" ? this.#source(message) : this.#node(message);
      t.label = message.label;
      if (message.kind === "node") addTags(t, message.tags);
      this.#tensors.set(message.id, t);
      this.#ids.set(t, message.id);
    }
  }

  #source({ clock: clockId, shape: encoded, dtype, label, write }: SourceMessage): Source {
    const shape = decode<Shape>(encoded);
    if (clockId === undefined) {
      const variable = new Variable(this.#engine, shape, dtype, label);
      this.#engine.hold(variable, write);
      return variable;
    }
    const clock = this.#clock(clockId);
    const state = new State(this.#engine, clock, shape, dtype, label);
    this.#engine.hold(state, write);
    clock.adopt(state);
    return state;
  }

  #node({ primitive: name, params, inputs: ids, stands, site }: NodeMessage): Tensor {
    const inputs = this.#all(ids);
    const primitive = stands ? standIn(name, stands) : primitiveNamed(name)!;
    return withSite(siteOf(site), () =>
      apply(
        primitive,
        decode(params, (node) => this.#get(node)),
        inputs,
      ),
    );
  }

  #clock(id: number): Clock {
    let clock = this.#clocks.get(id);
    if (!clock) this.#clocks.set(id, (clock = this.#engine.clock()));
    return clock;
  }

  #accept({ writes, clock: clockId, ticks }: EntryMessage): void {
    const clock = clockId === undefined ? undefined : this.#clock(clockId);
    // The user's half lets a clock tick when each of its states has a next; one without is held by nobody there.
    for (const state of clock?.states() ?? []) state.next ??= state;
    const orders = new List<Order>();
    for (const [id, write] of writes) orders.push(new Order(this.#get(id) as Source, write));
    this.#engine.accept({ orders, clock, ticks });
  }

  #leave(id: number): void {
    this.#subscriptions.get(id)?.unsubscribe();
    this.#subscriptions.delete(id);
  }

  #told(to: number, told: Emission<readonly Value[]>, { lend, failures }: ObserveOptions): void {
    const { epoch } = told;
    if ("value" in told) this.#events.push({ kind: "values", to, epoch, values: this.#numbers(told.value, lend) });
    else if (failures === "emit") this.#events.push({ kind: "error", to, epoch, error: encodeError(told.error) });
  }

  #read(roots: readonly Tensor[]): Promise<Answered<readonly Numbers[]>> {
    return this.#engine.read(roots).then(
      (values) => ({ is: this.#numbers(values as readonly Value[]) }),
      (error: unknown) => ({ error: encodeError(error) }),
    );
  }

  /** Values on their way out, in memory of their own. */
  #numbers(values: readonly Value[], lent?: boolean): Numbers[] {
    return values.map(({ shape, epoch, data: own }) => {
      const data = lent ? own.slice() : own;
      this.#transfer.push(data.buffer as ArrayBuffer);
      return { shape, epoch, data };
    });
  }

  #watch({ nan, sites }: WatchMessage): void {
    for (const [id, site] of sites) Object.assign(this.#get(id), { site: siteOf(site) });
    this.#engine.watch({ nan });
  }

  answer({ id, ask, cargo, roots }: Question): void {
    const answer = (): Answered<ExplanationMessage | string> => {
      try {
        this.#unload(cargo);
        return { is: ask === "toDot" ? this.#engine.toDot(this.#all(roots)) : this.#explain(this.#get(roots[0]!)) };
      } catch (error) {
        return { error: encodeError(error) };
      }
    };
    this.#post({ kind: "answer", id, answer: answer() });
  }

  #explain(t: Tensor): ExplanationMessage {
    const explanation = this.#engine.explain(t);
    const { state, nodes, dims } = explanation;
    const id = (node: Tensor): number => this.#ids.get(node)!;
    const causes = explanation.causes.map(({ source, path, recomputes, cutoff }) => ({
      source: id(source),
      path: path.map(id),
      recomputes,
      cutoff: cutoff && id(cutoff),
    }));
    const troubles = explanation.troubles.map(({ tensor, message }) => ({ tensor: id(tensor), message }));
    return { state, nodes, dims, causes, troubles, text: explanation.toString() };
  }
}

/** What a node remembers of where it was made, so that messages say it. */
const siteOf = (site: string | undefined): object | undefined => (site === undefined ? undefined : { stack: `\n    at ${site}` });

/** In place of a primitive that only the user's program has: the values that its nodes carry, or, without, a failure that names it. */
const standIn = (name: string, { values, outputs }: StandIn): RuledPrimitive => ({
  name,
  type: () => decode<readonly Aval[]>(outputs),
  lower: ({ inputs }) => {
    if (values === undefined) throw new Error(unknownThere(name));
    return { steps: [], outputs: inputs.slice(0, values) };
  },
});
