/**
 * What sources hold, and the sizes that they give to named dimensions. A value is in one place: on the host while its source is not
 * necessary, in a buffer while it is.
 */
import { bindShape, type Data, rawData } from "../core/data.ts";
import type { DimSizes } from "../core/dim.ts";
import { arrayOf, dtypeInfo, type TypedArray } from "../core/dtype.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { isSource, type Source } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Backend } from "../kernel/backend.ts";
import { sameBits, sameSizes } from "./bits.ts";
import type { NodeState } from "./node.ts";
import type { Memory } from "./place.ts";

/** Numbers on their way into a source. */
export interface Write {
  readonly data: TypedArray;
  readonly sizes: DimSizes;
}

interface Held {
  /** Undefined while the numbers are in the buffer of the node. */
  data: TypedArray | undefined;
  length: number;
  sizes: DimSizes;
  /** The sizes once all pending writes are committed. */
  pending: DimSizes;
  /** Disposed of: it keeps its value for whoever still looks at it, and takes no other. */
  closed: boolean;
  /** What messages call a write, under a label. */
  writing?: string;
  label?: string | undefined;
}

export class Sources {
  /** The size of each name at the current epoch. */
  readonly sizes = new Map<string, number>();
  readonly #held = new WeakMap<Source, Held>();
  /** Weak: a source that nobody holds has no say in the size of a name. */
  readonly #carriers = new Map<string, Set<WeakRef<Source>>>();
  readonly #backend: Backend;
  readonly #memory: Memory;
  readonly #nodeOf: (t: Tensor) => NodeState | undefined;

  constructor(backend: Backend, memory: Memory, nodeOf: (t: Tensor) => NodeState | undefined) {
    this.#backend = backend;
    this.#memory = memory;
    this.#nodeOf = nodeOf;
  }

  /** Checks data against the declared type of a source, and copies it. */
  prepare(source: Source, data: Data): Write {
    const op = this.#writeTo(source);
    const raw = rawData(op, data, source.dtype);
    return { data: raw.data, sizes: bindShape(op, source.shape, raw) };
  }

  /** What messages call a write; kept, because a write that fits needs no message. */
  #writeTo(source: Source): string {
    const held = this.#held.get(source);
    if (held?.writing && held.label === source.label) return held.writing;
    const text = `set ${source.describe()}`;
    if (held) {
      held.writing = text;
      held.label = source.label;
    }
    return text;
  }

  /** Takes a new source in. Whether it gives a name a size that the current epoch does not know. */
  adopt(source: Source, { data, sizes }: Write): boolean {
    this.check(source, sizes);
    this.#held.set(source, { data, length: data.length, sizes, pending: sizes, closed: false });
    for (const name of sizes.keys()) {
      let carriers = this.#carriers.get(name);
      if (!carriers) this.#carriers.set(name, (carriers = new Set()));
      carriers.add(new WeakRef(source));
    }
    return [...sizes].some(([name, size]) => this.sizes.get(name) !== size);
  }

  /** Whether a source takes values: it is of this engine, and was not disposed of. */
  isOpen(source: Source): boolean {
    return this.#held.get(source)?.closed === false;
  }

  close(source: Source): void {
    const held = this.#held.get(source);
    if (held) held.closed = true;
  }

  pendingSizes(source: Source): DimSizes {
    return this.#held.get(source)!.pending;
  }

  setPending(source: Source, sizes: DimSizes): void {
    const held = this.#held.get(source);
    if (held) held.pending = sizes;
  }

  /** Throws when another source has, or is about to have, another size for one of these names. */
  check(source: Source, sizes: DimSizes): void {
    for (const [name, size] of sizes) {
      const carriers = this.#carriers.get(name);
      for (const ref of carriers ?? []) {
        const other = ref.deref();
        const held = other && this.#held.get(other);
        if (!held || held.closed) carriers!.delete(ref);
        else if (other !== source && held.pending.get(name) !== size)
          throw new Error(
            `dimension "${name}" would be ${size} in ${source.describe()} and ${held.pending.get(name)} in ${other.describe()}; change both in one transaction`,
          );
      }
    }
  }

  /** Commits a write. Whether any bit, or a size, is different now. */
  store(source: Source, { data, sizes }: Write): boolean {
    const held = this.#held.get(source);
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
    const held = isSource(tensor) ? this.#held.get(tensor) : undefined;
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
    const held = isSource(node.tensor) ? this.#held.get(node.tensor) : undefined;
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
