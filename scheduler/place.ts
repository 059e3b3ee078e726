/**
 * Where values live: one buffer for each slot of a necessary node, at an address that stays until the node is no longer necessary
 * or outgrows it; and one pool of temporary buffers that all plans share, because only one runs at a time.
 */
import type { Tensor } from "../core/tensor.ts";
import { type Backend, type Buffer, OutOfMemory } from "../kernel/backend.ts";
import type { Slot } from "../kernel/kernel.ts";

interface Place {
  readonly buffer: Buffer;
  readonly bytes: number;
  readonly tensor: Tensor;
}

/** A buffer that became four times larger than its value needs is given back. */
const SHRINK = 4;
const SMALL = 4096;

export class Memory {
  /** Changes whenever an address does: programs bound under another layout are bound again. */
  layout = 0;
  bytes = 0;
  readonly #backend: Backend;
  readonly #budget: number;
  readonly #places = new Map<Slot, Place>();
  readonly #temps: { buffer: Buffer; bytes: number }[] = [];

  constructor(backend: Backend, budget: number) {
    this.#backend = backend;
    this.#budget = budget;
  }

  get slots(): ReadonlyMap<Slot, unknown> {
    return this.#places;
  }

  /** The buffer of a slot, of at least so many bytes. What it held is lost when it has to move. Throws OutOfMemory. */
  place(slot: Slot, bytes: number, tensor: Tensor): Buffer {
    const old = this.#places.get(slot);
    if (old && bytes <= old.bytes && (old.bytes <= SMALL || bytes * SHRINK >= old.bytes)) return old.buffer;
    if (old) this.release(slot);
    const place = { buffer: this.#allocate(bytes, tensor), bytes, tensor };
    this.#places.set(slot, place);
    return place.buffer;
  }

  buffer(slot: Slot): Buffer {
    return this.#places.get(slot)!.buffer;
  }

  release(slot: Slot): void {
    const place = this.#places.get(slot);
    if (!place) return;
    this.#places.delete(slot);
    this.#free(place.buffer, place.bytes);
  }

  /** Makes the k-th temporary at least sizes[k] bytes. Throws OutOfMemory. */
  reserve(sizes: readonly number[], tensor: Tensor): void {
    sizes.forEach((bytes, k) => {
      const old = this.#temps[k];
      if (old && old.bytes >= bytes) return;
      if (old?.buffer) {
        this.#temps[k] = { buffer: 0, bytes: 0 };
        this.#free(old.buffer, old.bytes);
      }
      this.#temps[k] = { buffer: this.#allocate(bytes, tensor), bytes };
    });
  }

  temp(k: number): Buffer {
    return this.#temps[k]!.buffer;
  }

  /** Gives the temporaries back, when the plans that used them are gone. */
  releaseTemps(): void {
    for (const { buffer, bytes } of this.#temps.splice(0)) if (buffer) this.#free(buffer, bytes);
  }

  releaseAll(): void {
    for (const slot of [...this.#places.keys()]) this.release(slot);
    this.releaseTemps();
  }

  #allocate(bytes: number, tensor: Tensor): Buffer {
    if (this.bytes + bytes > this.#budget)
      throw new OutOfMemory(
        `${tensor.describe()} needs ${bytes} bytes; ${this.bytes} of budgetBytes ${this.#budget} are in use, the most by ${this.#largest()}`,
      );
    const buffer = this.#backend.allocate(Math.max(bytes, 8));
    this.bytes += bytes;
    return buffer;
  }

  #free(buffer: Buffer, bytes: number): void {
    this.#backend.free(buffer);
    this.bytes -= bytes;
    this.layout++;
  }

  #largest(): string {
    const sorted = [...this.#places.values()].sort((a, b) => b.bytes - a.bytes).slice(0, 3);
    return sorted.map(({ tensor, bytes }) => `${tensor.describe()} (${bytes} bytes)`).join(", ") || "nothing";
  }
}
