/**
 * Which nodes the worker has, seen from the side of the user: what has to be sent before a tensor can be spoken of, each node once, and what
 * nobody holds here any more. Ids are those of the tensors.
 */
import { ownedBy, topological } from "../core/graph.ts";
import { isSource, type Source, State } from "../core/source.ts";
import { tagsOf } from "../core/tags.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ComposedParams } from "../ad/composed.ts";
import { primitiveNamed } from "../ad/table.ts";
import type { RuledPrimitive } from "../ops/primitive.ts";
import type { Clock } from "../scheduler/clock.ts";
import type { Write } from "../scheduler/intake.ts";
import { type Cargo, encode, type NodeMessage, type SourceMessage } from "./wire.ts";

/** Whether a node applies one of the library's primitives. */
const isOwn = (t: Tensor): boolean => primitiveNamed(t.primitive.name) === t.primitive;

/** How many inputs of a node are its values, if it is of a composition of operations. */
const valuesOf = (t: Tensor): number | undefined =>
  (t.primitive as RuledPrimitive).composed ? (t.params as ComposedParams).values : undefined;

/** Whether the worker can compute a node. */
export const isKnown = (t: Tensor): boolean => isSource(t) || isOwn(t) || valuesOf(t) !== undefined;

/** What the worker has to know before a node: its inputs, and the bodies of loops and branches. */
export const needs = (t: Tensor): readonly Tensor[] => (isOwn(t) ? [...t.inputs, ...ownedBy(t)] : t.inputs);

export class Hold {
  /** Whether messages say where nodes were made. */
  sites = false;
  #released: number[] = [];
  readonly #sent = new WeakSet<Tensor>();
  readonly #live = new Map<number, WeakRef<Tensor>>();
  readonly #registry: FinalizationRegistry<number>;
  /** The first values of sources that have not been sent. */
  readonly #firsts = new WeakMap<Source, Write>();
  readonly #clocks = new WeakMap<object, number>();
  #clocksSent = 0;

  constructor(onRelease: () => void) {
    this.#registry = new FinalizationRegistry((id) => {
      this.#live.delete(id);
      this.#released.push(id);
      onRelease();
    });
  }

  /** Keeps the first value of a source for when it is sent. */
  keep(source: Source, write: Write): void {
    this.#firsts.set(source, write);
  }

  /** The tensor of an id, as long as somebody holds it. */
  tensor(id: number): Tensor | undefined {
    return this.#live.get(id)?.deref();
  }

  clock(clock: Clock): number {
    let id = this.#clocks.get(clock);
    if (id === undefined) this.#clocks.set(clock, (id = this.#clocksSent++));
    return id;
  }

  /**
   * What has to be sent for the worker to know these nodes; from now on it counts as sent. With it, the memory that is handed over: of first
   * values, and of writes that go in the same message.
   */
  load(roots: readonly Tensor[], writes: readonly Write[]): { cargo: Cargo; buffers: ArrayBuffer[] } {
    const buffers = new Set<ArrayBuffer>();
    for (const { data } of writes) buffers.add(data.buffer as ArrayBuffer);
    const cargo = topological(roots, (t) => !this.#sent.has(t), needs).map((t) => {
      this.#sent.add(t);
      this.#live.set(t.id, new WeakRef(t));
      this.#registry.register(t, t.id);
      if (!isSource(t)) return this.#node(t);
      const message = this.#source(t);
      buffers.add(message.write.data.buffer as ArrayBuffer);
      return message;
    });
    return { cargo, buffers: [...buffers] };
  }

  #source(source: Source): SourceMessage {
    const { id, shape, dtype, label } = source;
    const write = this.#firsts.get(source)!;
    this.#firsts.delete(source);
    const clock = source instanceof State ? this.clock(source.clock as Clock) : undefined;
    return { kind: "source", id, clock, shape: encode(shape), dtype, label, write };
  }

  #node(t: Tensor): NodeMessage {
    const own = isOwn(t);
    return {
      kind: "node",
      id: t.id,
      primitive: t.primitive.name,
      params: own ? encode(t.params) : {},
      inputs: t.inputs.map((input) => input.id),
      stands: own ? undefined : { values: valuesOf(t), outputs: encode(t.outputs) },
      label: t.label,
      tags: tagsOf(t),
      site: this.sites ? t.createdAt() : undefined,
    };
  }

  /** Where the nodes that were sent were made. */
  places(): (readonly [id: number, site: string])[] {
    return [...this.#live].flatMap(([id, ref]) => {
      const site = ref.deref()?.createdAt();
      return site === undefined ? [] : [[id, site] as const];
    });
  }

  get anyReleased(): boolean {
    return this.#released.length > 0;
  }

  /** The ids of nodes that are gone, once. */
  takeReleased(): number[] {
    return this.#released.splice(0);
  }
}
