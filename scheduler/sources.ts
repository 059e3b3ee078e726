/**
 * What sources hold, and the sizes that they give to named dimensions. A value is in one place: on the host while its source is not
 * necessary, in a buffer while it is.
 */
import { copy } from "../core/data.ts";
import type { DimSizes } from "../core/dim.ts";
import type { TypedArray } from "../core/dtype.ts";
import { type ConstantParams, constantData, constantPrimitive } from "../core/leaves.ts";
import { isSource, type Source } from "../core/source.ts";
import type { Backend } from "../kernel/backend.ts";
import { sameBits, sameSizes } from "./bits.ts";
import { type Account, Intake, type Order, type Write } from "./intake.ts";
import type { NodeState } from "./node.ts";
import type { Memory } from "./place.ts";

interface Held extends Account {
  /** Undefined while the numbers are in the buffer of the node. */
  data: TypedArray | undefined;
  length: number;
  sizes: DimSizes;
  /** While the source is necessary. */
  node: NodeState | undefined;
}

const holding = ({ data, sizes }: Write): Held => ({
  data,
  length: data.length,
  sizes,
  pending: sizes,
  closed: false,
  node: undefined,
});

/** What an order came to: no other bits; other bits, in place; or numbers that have to be loaded, if the source is necessary. */
type Outcome = "same" | "written" | "waiting";

export class Sources extends Intake<Held> {
  readonly #backend: Backend;
  readonly #memory: Memory;

  constructor(backend: Backend, memory: Memory) {
    super();
    this.#backend = backend;
    this.#memory = memory;
  }

  /** Takes a new source in, with its value. Whether it gives a name a size that the current epoch does not know. */
  adopt(source: Source, write: Write): boolean {
    return this.enter(source, holding(write));
  }

  /** As `adopt`, of a source that was checked elsewhere. */
  hold(source: Source, write: Write): void {
    source.account = holding(write);
  }

  /** The node of a source, if it is necessary. */
  node(source: Source): NodeState | undefined {
    return this.account(source)?.node;
  }

  /** Commits an order. */
  store(order: Order): Outcome {
    const { data, sizes } = order;
    const held = this.account(order.source);
    if (!held || held.closed) return "same";
    if (sameSizes(held.sizes, sizes)) {
      const current = this.#current(held);
      const same = sameBits(current, data);
      // Over numbers that are in a buffer; or on the host, while nobody waits for them in a buffer.
      if (same || !held.data || !held.node) {
        if (!same) copy(data, current);
        // What another thread sent is not written over: that thread copies anyhow.
        if (current !== data && order.at >= 0) held.spare = order;
        return same ? "same" : "written";
      }
    }
    held.sizes = sizes;
    held.length = data.length;
    held.data = data;
    return "waiting";
  }

  /** Brings the numbers of a leaf, source or constant, into its buffer; when there is no room, the node has failed. */
  load(node: NodeState): void {
    const { tensor } = node;
    const held = isSource(tensor) ? this.account(tensor) : undefined;
    if (held) held.node = node;
    const data = held ? held.data : tensor.primitive === constantPrimitive ? constantData(tensor.params as ConstantParams) : undefined;
    if (!data) return;
    try {
      this.#backend.write(this.#memory.place(node.own[0]!, data.byteLength, tensor), data);
      node.failure = undefined;
      if (held) held.data = undefined;
    } catch (error) {
      node.failure = { tensor, error };
    }
  }

  /** Takes the numbers of a source back to the host, before its buffer goes. */
  unload(node: NodeState): void {
    const held = isSource(node.tensor) ? this.account(node.tensor) : undefined;
    if (!held) return;
    if (!held.data) held.data = this.#current(held).slice();
    held.node = undefined;
  }

  /** The numbers, where they are. A node is at hand whenever they are in a buffer. */
  #current({ data, length, node }: Held): TypedArray {
    return data ?? this.#memory.view(node!, length);
  }
}
