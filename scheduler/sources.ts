/**
 * What sources hold, and the sizes that they give to named dimensions. A value is in one place: on the host while its source is not
 * necessary, in a buffer while it is.
 */
import type { DimSizes } from "../core/dim.ts";
import { arrayOf, dtypeInfo, type TypedArray } from "../core/dtype.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { isSource, type Source } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Backend } from "../kernel/backend.ts";
import { sameBits, sameSizes } from "./bits.ts";
import { type Account, Intake, type Write } from "./intake.ts";
import type { NodeState } from "./node.ts";
import type { Memory } from "./place.ts";

interface Held extends Account {
  /** Undefined while the numbers are in the buffer of the node. */
  data: TypedArray | undefined;
  length: number;
  sizes: DimSizes;
}

const holding = ({ data, sizes }: Write): Held => ({ data, length: data.length, sizes, pending: sizes, closed: false });

export class Sources extends Intake<Held> {
  readonly #backend: Backend;
  readonly #memory: Memory;
  readonly #nodeOf: (t: Tensor) => NodeState | undefined;

  constructor(backend: Backend, memory: Memory, nodeOf: (t: Tensor) => NodeState | undefined) {
    super();
    this.#backend = backend;
    this.#memory = memory;
    this.#nodeOf = nodeOf;
  }

  /** Takes a new source in, with its value. Whether it gives a name a size that the current epoch does not know. */
  adopt(source: Source, write: Write): boolean {
    return this.enter(source, holding(write));
  }

  /** As `adopt`, of a source that was checked elsewhere. */
  hold(source: Source, write: Write): void {
    this.accounts.set(source, holding(write));
  }

  /** Commits a write. Whether any bit, or a size, is different now. */
  store(source: Source, { data, sizes }: Write): boolean {
    const held = this.accounts.get(source);
    if (!held || held.closed) return false;
    const node = this.#nodeOf(source);
    if (sameSizes(held.sizes, sizes) && sameBits(this.#current(held, node), data)) return false;
    held.sizes = sizes;
    held.length = data.length;
    held.data = data;
    if (node) this.load(node);
    return true;
  }

  /** Brings the numbers of a leaf, source or constant, into its buffer; when there is no room, the node has failed. */
  load(node: NodeState): void {
    const { tensor } = node;
    const held = isSource(tensor) ? this.accounts.get(tensor) : undefined;
    const data = held ? held.data : constantData(tensor);
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
    const held = isSource(node.tensor) ? this.accounts.get(node.tensor) : undefined;
    if (held && !held.data) held.data = this.#current(held, node).slice();
  }

  /** The numbers, where they are. A node is at hand whenever they are in a buffer. */
  #current({ data, length }: Held, node: NodeState | undefined): TypedArray {
    return data ?? this.#backend.view(this.#memory.buffer(node!.own[0]!), node!.own[0]!.storage, length);
  }
}

function constantData(t: Tensor): TypedArray | undefined {
  if (t.primitive !== constantPrimitive) return undefined;
  const { value, dtype } = t.params as ConstantParams;
  return typeof value === "number" ? new (arrayOf(dtypeInfo(dtype).storage))([value]) : value;
}
