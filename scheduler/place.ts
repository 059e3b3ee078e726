/**
 * Where values live: one buffer for each slot of a necessary node, at an address that stays until the node is no longer necessary, its value
 * is let go, or it outgrows the buffer; and one arena for what lives inside a plan, which all plans share, because only one runs at a time.
 */
import type { TypedArray } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import { type Backend, type Buffer, OutOfMemory } from "../kernel/backend.ts";
import type { Slot } from "../kernel/kernel.ts";

interface Place {
  readonly buffer: Buffer;
  readonly bytes: number;
  readonly tensor: Tensor;
}

/** Who has its value in a slot; it keeps the view of it that it was given last, and under which layout. */
interface Holder {
  readonly slot: Slot;
  live: TypedArray | undefined;
  liveSince: number;
}

/** A value and its size, for messages. */
export interface Sized {
  readonly tensor: Tensor;
  readonly bytes: number;
}

/** A buffer that became four times larger than its value needs is given back; where room is short, any that is larger. */
const SHRINK = 4;
const SMALL = 4096;

export class Memory {
  /** Changes whenever an address does: programs bound under another layout are bound again. */
  layout = 0;
  bytes = 0;
  /** Whether room is short: then buffers are no larger than their values. */
  snug = false;
  /** The most bytes that there may be, and what messages call that. */
  readonly limit: number;
  readonly limitName: string;
  readonly #backend: Backend;
  readonly #places = new Map<Slot, Place>();
  #arena: { readonly buffer: Buffer; readonly bytes: number } | undefined;

  constructor(backend: Backend, budget: number) {
    this.#backend = backend;
    const { maxBytes = Infinity } = backend;
    this.limit = Math.min(budget, maxBytes);
    this.limitName = budget <= maxBytes ? `budgetBytes is ${budget}` : `the backend "${backend.name}" holds ${maxBytes}`;
  }

  get slots(): ReadonlyMap<Slot, Sized> {
    return this.#places;
  }

  get arenaBytes(): number {
    return this.#arena?.bytes ?? 0;
  }

  /** How many bytes a slot would hold once it is placed with so many. */
  afterPlacing(slot: Slot, bytes: number): number {
    const old = this.#places.get(slot);
    return old && this.#holds(old, bytes) ? old.bytes : bytes;
  }

  /** The buffer of a slot, of at least so many bytes. What it held is lost when it has to move. Throws OutOfMemory. */
  place(slot: Slot, bytes: number, tensor: Tensor): Buffer {
    this.outgrow(slot, bytes);
    const old = this.#places.get(slot);
    if (old) return old.buffer;
    const place = { buffer: this.#allocate(bytes, tensor.describe()), bytes, tensor };
    this.#places.set(slot, place);
    return place.buffer;
  }

  /** Lets the buffer of a slot go, if it cannot stay with so many bytes. */
  outgrow(slot: Slot, bytes: number): void {
    const old = this.#places.get(slot);
    if (old && !this.#holds(old, bytes)) this.release(slot);
  }

  buffer(slot: Slot): Buffer {
    return this.#places.get(slot)!.buffer;
  }

  /** A live view of the first elements of a slot. Made once; again when something has moved, or the view has lost its memory. */
  view(holder: Holder, length: number): TypedArray {
    const { slot, live, liveSince } = holder;
    // Of no elements, one cannot tell whether the memory is still there.
    if (liveSince === this.layout && live!.length === length && length > 0) return live!;
    holder.liveSince = this.layout;
    return (holder.live = this.#backend.view(this.buffer(slot), slot.storage, length));
  }

  release(slot: Slot): void {
    const place = this.#places.get(slot);
    if (!place) return;
    this.#places.delete(slot);
    this.#free(place.buffer, place.bytes);
  }

  /** Makes the arena at least so large. Throws OutOfMemory. */
  reserve(bytes: number): void {
    if (this.#arena && bytes <= this.#arena.bytes) return;
    this.releaseArena();
    this.#arena = { buffer: this.#allocate(bytes, "what lives inside a plan"), bytes };
  }

  get arena(): Buffer {
    return this.#arena!.buffer;
  }

  /** Gives the arena back. */
  releaseArena(): void {
    const old = this.#arena;
    this.#arena = undefined;
    if (old) this.#free(old.buffer, old.bytes);
  }

  releaseAll(): void {
    for (const slot of [...this.#places.keys()]) this.release(slot);
    this.releaseArena();
  }

  #holds(old: Place, bytes: number): boolean {
    return bytes <= old.bytes && (old.bytes <= SMALL || bytes * (this.snug ? 1 : SHRINK) >= old.bytes);
  }

  #allocate(bytes: number, what: string): Buffer {
    // Between runs the arena holds nothing: it goes before anything else fails.
    if (this.bytes + bytes > this.limit) this.releaseArena();
    if (this.bytes + bytes > this.limit)
      throw new OutOfMemory(
        `${what} needs ${bytes} bytes; ${this.bytes} are in use and ${this.limitName}${namingLargest(this.#places.values())}`,
      );
    const buffer = this.#obtain(Math.max(bytes, 8));
    this.bytes += bytes;
    return buffer;
  }

  #obtain(bytes: number): Buffer {
    try {
      return this.#backend.allocate(bytes);
    } catch (error) {
      if (!(error instanceof OutOfMemory) || !this.#arena) throw error;
      this.releaseArena();
      return this.#backend.allocate(bytes);
    }
  }

  #free(buffer: Buffer, bytes: number): void {
    this.#backend.free(buffer);
    this.bytes -= bytes;
    this.layout++;
  }
}

/** The end of a message: which of these are the largest, if there are any. */
export function namingLargest(values: Iterable<Sized>): string {
  const sorted = [...values].sort((a, b) => b.bytes - a.bytes).slice(0, 3);
  if (sorted.length === 0) return "";
  return `; the largest tensors are ${sorted.map(({ tensor, bytes }) => `${tensor.describe()} (${bytes} bytes)`).join(", ")}`;
}
