/**
 * Observers, and what they are told. An observer hears of each epoch in which the bits of something that it looks at are not those that it
 * saw last. Observed values are copied once when they change; readers get copies of that, made when they ask.
 */
import type { Subscriber } from "rxjs";
import type { Tensor } from "../core/tensor.ts";
import { Value } from "../core/value.ts";
import { sameBits, sameShape } from "./bits.ts";
import type { Computer } from "./compute.ts";
import type { Target } from "./mark.ts";
import type { Failure, NodeState, Published } from "./node.ts";

export interface ObserveOptions {
  /** Values are views of the engine's memory, valid during the callback only: no copies. Such an observer hears of each new computation. */
  readonly lend?: boolean;
  /** "emit": the stream carries `{ epoch, value }` and `{ epoch, error }`, instead of leaving out what failed. */
  readonly failures?: "emit";
}

export interface Observation {
  readonly nodes: readonly NodeState[];
  readonly options: ObserveOptions;
  readonly subscriber: Subscriber<any>;
  readonly rebuild: (values: readonly Value[]) => unknown;
  /** Whether a publication has reached it since it subscribed. */
  served: boolean;
  last: readonly Published[] | undefined;
  lastFailure: Failure | undefined;
  /** The run after which a lending observer was last told. */
  seen: number;
}

export const everything: Target = { wants: (node) => node.observers > 0 };

export class Publisher {
  readonly observations = new Set<Observation>();
  /** Who is being told something now. */
  current: Observation | undefined;
  readonly #computer: Computer;

  constructor(computer: Computer) {
    this.#computer = computer;
  }

  get unserved(): boolean {
    for (const o of this.observations) if (!o.served) return true;
    return false;
  }

  /** Tells observers (all, or those that have heard nothing yet) what is new to them. */
  publish(epoch: number, onlyNew: boolean): void {
    // Who subscribes meanwhile is told later; who leaves meanwhile is told nothing.
    for (const o of [...this.observations]) {
      if ((onlyNew && o.served) || o.subscriber.closed) continue;
      o.served = true;
      const outer = this.current;
      this.current = o;
      try {
        this.#tell(o, epoch);
      } finally {
        this.current = outer;
      }
    }
  }

  #tell(o: Observation, epoch: number): void {
    const { nodes, options, subscriber, rebuild } = o;
    const failure = nodes.find((n) => n.failure)?.failure;
    if (failure) {
      if (options.failures === "emit" && failure !== o.lastFailure) subscriber.next({ epoch, error: failure.error });
      o.lastFailure = failure;
      return;
    }
    const values = options.lend ? this.#lent(o, epoch) : this.#copied(o, epoch);
    o.lastFailure = undefined;
    if (!values) return;
    const tree = rebuild(values);
    subscriber.next(options.failures === "emit" ? { epoch, value: tree } : tree);
  }

  #copied(o: Observation, epoch: number): Value[] | undefined {
    const { last } = o;
    const now = o.nodes.map((n) => this.#published(n));
    o.last = now;
    if (last && !o.lastFailure && now.every((p, i) => same(p, last[i]!))) return undefined;
    return now.map(({ shape, data }, i) => new Value(shape, o.nodes[i]!.tensor.dtype, epoch, () => data.slice()));
  }

  #lent(o: Observation, epoch: number): Value[] | undefined {
    if (o.seen >= 0 && !o.nodes.some((n) => n.computedAt > o.seen)) return undefined;
    o.seen = this.#computer.runs;
    return o.nodes.map((n) => new Value(this.#computer.shape(n), n.tensor.dtype, epoch, this.#computer.data(n, true)));
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

/** How messages name an observation. */
export const describeRoots = (roots: readonly Tensor[]): string => roots.map((t) => t.describe()).join(", ");
