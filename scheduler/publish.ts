/**
 * Observers, and what they are told. An observer hears of each epoch in which the bits of something that it looks at are not those that it
 * saw last. Observed values are copied once when they change; readers get copies of that, made when they ask.
 */
import type { Subscriber } from "rxjs";
import type { Tensor } from "../core/tensor.ts";
import { Value } from "../core/value.ts";
import { sameBits, sameShape } from "./bits.ts";
import type { Computer } from "./compute.ts";
import { List } from "./list.ts";
import type { Failure, NodeState, Published } from "./node.ts";
import type { Target } from "./states.ts";

export interface ObserveOptions {
  /**
   * Values are views of the engine's memory, valid during the callback only, and the same objects every time: no copies. Such an observer hears
   * of each new computation.
   */
  readonly lend?: boolean;
  /** "emit": the stream carries `{ epoch, value }` and `{ epoch, error }`, instead of leaving out what failed. */
  readonly failures?: "emit";
}

/** What a publication hands over: the values, and the tree of them. */
interface Parcel {
  readonly values: readonly Value[];
  readonly tree: unknown;
}

export class Observation {
  readonly nodes: readonly NodeState[];
  readonly options: ObserveOptions;
  readonly subscriber: Subscriber<any>;
  readonly rebuild: (values: readonly Value[]) => unknown;
  /** Observers are told in the order in which they subscribed. */
  readonly order: number = ++observationsMade;
  /** Whether a publication has reached it since it subscribed, and whether it may have something to hear. */
  served = false;
  due = false;
  last: readonly Published[] | undefined;
  lastFailure: Failure | undefined;
  /** The run after which a lending observer was last told, and what it was lent. */
  seen = -1;
  lent: Parcel | undefined;

  constructor(
    nodes: readonly NodeState[],
    options: ObserveOptions,
    subscriber: Subscriber<any>,
    rebuild: (values: readonly Value[]) => unknown,
  ) {
    this.nodes = nodes;
    this.options = options;
    this.subscriber = subscriber;
    this.rebuild = rebuild;
  }
}

let observationsMade = 0;

export const everything: Target = { wants: (node) => node.observers > 0 };

export class Publisher {
  /** In order of subscription. */
  readonly observations = new Set<Observation>();
  /** Who is being told something now. */
  current: Observation | undefined;
  readonly #computer: Computer;
  readonly #failed: ReadonlySet<NodeState>;
  /** Whether some node had failed when observers were last told. */
  #hadFailures = false;
  #due = new List<Observation>();
  #emptied = new List<Observation>();
  #unserved = 0;

  constructor(computer: Computer, failed: ReadonlySet<NodeState>) {
    this.#computer = computer;
    this.#failed = failed;
  }

  add(o: Observation): void {
    this.observations.add(o);
    for (const n of o.nodes) n.watchers = [...n.watchers, o];
    this.#unserved++;
    this.#call(o);
  }

  /** Whether it was there. */
  delete(o: Observation): boolean {
    if (!this.observations.delete(o)) return false;
    for (const n of o.nodes) n.watchers = n.watchers.filter((w) => w !== o);
    if (!o.served) this.#unserved--;
    return true;
  }

  /** Whether somebody has heard nothing yet. */
  get unserved(): boolean {
    return this.#unserved > 0;
  }

  #call(o: Observation): void {
    if (o.due) return;
    o.due = true;
    this.#due.push(o);
  }

  /** Tells observers (all, or those that have heard nothing yet) what is new to them. */
  publish(epoch: number, onlyNew: boolean): void {
    const { news } = this.#computer;
    for (let i = 0; i < news.length; i++) for (const o of news.at(i).watchers) this.#call(o);
    this.#computer.forgetNews();
    const failing = this.#failed.size > 0;
    if (failing || this.#hadFailures) for (const o of this.observations) this.#call(o);
    this.#hadFailures = failing;
    if (this.#due.length === 0) return;

    // Who subscribes meanwhile is told later; who leaves meanwhile is told nothing.
    const called = this.#due;
    this.#due = this.#emptied;
    this.#emptied = called;
    if (!inOrder(called)) sort(called);
    for (let i = 0; i < called.length; i++) {
      const o = called.at(i);
      o.due = false;
      if (o.subscriber.closed) continue;
      if (onlyNew && o.served) this.#call(o);
      else this.#serve(o, epoch);
    }
    called.clear();
  }

  #serve(o: Observation, epoch: number): void {
    if (!o.served) this.#unserved--;
    o.served = true;
    const outer = this.current;
    this.current = o;
    try {
      this.#tell(o, epoch);
    } finally {
      this.current = outer;
    }
  }

  #tell(o: Observation, epoch: number): void {
    const { options, subscriber } = o;
    const failure = failureOf(o.nodes);
    if (failure) {
      if (options.failures === "emit" && failure !== o.lastFailure) subscriber.next({ epoch, error: failure.error });
      o.lastFailure = failure;
      return;
    }
    const parcel = options.lend ? this.#lent(o, epoch) : this.#copied(o, epoch);
    o.lastFailure = undefined;
    if (parcel) subscriber.next(options.failures === "emit" ? { epoch, value: parcel.tree } : parcel.tree);
  }

  #copied(o: Observation, epoch: number): Parcel | undefined {
    const { last } = o;
    const now = o.nodes.map((n) => this.#published(n));
    o.last = now;
    if (last && !o.lastFailure && now.every((p, i) => same(p, last[i]!))) return undefined;
    return parcel(
      o,
      now.map(({ shape, data }, i) => new Value(shape, o.nodes[i]!.tensor.dtype, epoch, () => data.slice())),
    );
  }

  #lent(o: Observation, epoch: number): Parcel | undefined {
    const { nodes } = o;
    const computer = this.#computer;
    if (o.seen >= 0 && !computedAfter(nodes, o.seen)) return undefined;
    o.seen = computer.runs;
    if (!o.lent || !this.#fits(o.lent, nodes))
      return (o.lent = parcel(
        o,
        nodes.map((n) => new Value(computer.shape(n), n.tensor.dtype, epoch, computer.data(n, true))),
      ));
    for (let i = 0; i < nodes.length; i++) o.lent.values[i]!.show(epoch, computer.data(nodes[i]!, true));
    return o.lent;
  }

  /** Whether values are still of the shapes of nodes. */
  #fits({ values }: Parcel, nodes: readonly NodeState[]): boolean {
    for (let i = 0; i < nodes.length; i++) if (values[i]!.shape !== this.#computer.shape(nodes[i]!)) return false;
    return true;
  }

  #published(node: NodeState): Published {
    if (node.published && node.computedAt <= node.publishedAt) return node.published;
    node.publishedAt = this.#computer.runs;
    const shape = this.#computer.shape(node);
    if (node.published && same(node.published, { shape, data: this.#computer.data(node, true) })) return node.published;
    return (node.published = { shape, data: this.#computer.data(node) });
  }

  /** The value of a node now, for a reader. */
  value(node: NodeState, epoch: number): Value {
    return new Value(this.#computer.shape(node), node.tensor.dtype, epoch, this.#computer.data(node));
  }
}

const same = (a: Published, b: Published): boolean => a === b || (sameShape(a.shape, b.shape) && sameBits(a.data, b.data));

const parcel = (o: Observation, values: readonly Value[]): Parcel => ({ values, tree: o.rebuild(values) });

function failureOf(nodes: readonly NodeState[]): Failure | undefined {
  for (const n of nodes) if (n.failure) return n.failure;
  return undefined;
}

function computedAfter(nodes: readonly NodeState[], run: number): boolean {
  for (const n of nodes) if (n.computedAt > run) return true;
  return false;
}

function inOrder(list: List<Observation>): boolean {
  for (let i = 1; i < list.length; i++) if (list.at(i - 1).order > list.at(i).order) return false;
  return true;
}

function sort(list: List<Observation>): void {
  list
    .toArray()
    .sort((a, b) => a.order - b.order)
    .forEach((o, i) => list.set(i, o));
}

/** How messages name an observation. */
export const describeRoots = (roots: readonly Tensor[]): string => roots.map((t) => t.describe()).join(", ");
