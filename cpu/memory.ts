/**
 * Device memory of the CPU backend: one growable WebAssembly.Memory that all kernels share; and, once threads are to work in it, a shared one
 * with the same contents at the same addresses.
 *
 * Page 0 holds the scratch area of the kernels (see `Scratch`); the heap lies above. Blocks come from size classes, eight to
 * a doubling, with a free list each, and begin on cache lines. Kernels read whole vectors, so a block has at least
 * 64 bytes behind its last element; they write no element that is not theirs. So tiny blocks lie side by side, in sheets of one size:
 * thousands of scalars fit into a cache, and none lies across two of its lines. Growing detaches views: those that are kept are made anew.
 */
import { arrayOf, type Storage, type TypedArray } from "../core/dtype.ts";
import { OutOfMemory } from "../kernel/backend.ts";
import { MAX_PAGES } from "./encoder.ts";

const PAGE = 65536;
/** What WebAssembly can address. */
export const MAX_BYTES = MAX_PAGES * PAGE;
const LINE = 64;
const SLACK = 64;
const SHORT = 16;
/** Tiny blocks: their sizes, and how many bytes of them are taken at a time. */
const TINY = [16, 32, 64];
const SHEET = 4096;

/** What kernels use beside their operands, as byte offsets from the scratch address. Every thread has its own; the first one's is below the heap. */
export const Scratch = {
  bytes: PAGE - 64,
  address: 64,
  /** Where lanes that must not read anything read. */
  nowhere: 0,
  /** Results of blocks: at most 24 levels, since a row has less than 2^32 elements, of up to 64 bytes. */
  stack: 64,
  /** A matrix product's tiles. */
  tiles: 2048,
  /** Arguments that the thread has changed for itself. */
  arguments: 3072,
  /** The last, incomplete group of each output: 32 bytes an output. */
  tails: 4096,
  outputs: (PAGE - 4096 - 64) / 32,
} as const;

export class DeviceMemory {
  #memory = new WebAssembly.Memory({ initial: 4, maximum: MAX_PAGES });
  readonly #free = new Map<number, number[]>();
  /** The size class of each block given out. */
  readonly #sizes = new Map<number, number>();
  readonly #wholes = new Map<unknown, TypedArray>();
  #top = PAGE;
  #bytesInUse = 0;

  get memory(): WebAssembly.Memory {
    return this.#memory;
  }

  /** Moves everything into a memory that threads can share. Throws where there is none, or no room for it. */
  share(): void {
    const old = this.#memory;
    const { buffer } = old;
    const shared = new WebAssembly.Memory({ initial: buffer.byteLength / PAGE, maximum: MAX_PAGES, shared: true });
    new Uint8Array(shared.buffer).set(new Uint8Array(buffer, 0, this.#top));
    this.#memory = shared;
    // Views of the old memory are empty from now on, so that nobody goes on with them.
    old.grow(0);
  }

  get bytesInUse(): number {
    return this.#bytesInUse;
  }

  /** The address of at least `bytes` bytes. */
  allocate(bytes: number): number {
    const tiny = TINY.find((size) => bytes <= size);
    const size = tiny ?? sizeClass(bytes + SLACK);
    const address = this.#free.get(size)?.pop() ?? (tiny ? this.#cut(tiny) : this.#extend(size)) ?? this.#reuseLarger(size);
    if (address === undefined)
      throw new OutOfMemory(
        `out of memory: ${bytes} bytes asked for, ${this.#bytesInUse} in use, and WebAssembly memory ends at ${MAX_BYTES}`,
      );
    const taken = this.#sizes.get(address) ?? size;
    this.#sizes.set(address, taken);
    this.#bytesInUse += taken;
    return address;
  }

  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new Error(`free: ${address} is not a buffer`);
    this.#sizes.delete(address);
    this.#bytesInUse -= size;
    const list = this.#free.get(size);
    if (list) list.push(address);
    else this.#free.set(size, [address]);
  }

  /** Valid until the memory grows. */
  view(address: number, storage: Storage, length: number): TypedArray {
    return new (arrayOf(storage))(this.memory.buffer, address, length);
  }

  /** Copies elements in. Short arrays go one by one: asking for their buffer would move them out of the JavaScript heap first. */
  write(address: number, data: TypedArray): void {
    if (data.length > SHORT) return this.#viewLike(data, address, data.length).set(data);
    const all = this.#whole(data);
    const first = address / data.BYTES_PER_ELEMENT;
    for (let i = 0; i < data.length; i++) all[first + i] = data[i]!;
  }

  #viewLike(data: TypedArray, address: number, length: number): TypedArray {
    return new (data.constructor as new (buffer: ArrayBuffer, address: number, length: number) => TypedArray)(
      this.memory.buffer,
      address,
      length,
    );
  }

  /** All of memory as elements of a type, made anew when it has grown. */
  #whole(data: TypedArray): TypedArray {
    let all = this.#wholes.get(data.constructor);
    if (all?.buffer !== this.memory.buffer) {
      const { buffer } = this.memory;
      all = this.#viewLike(data, 0, Math.floor(buffer.byteLength / data.BYTES_PER_ELEMENT));
      this.#wholes.set(data.constructor, all);
    }
    return all;
  }

  /** Makes tiny blocks of a new sheet. */
  #cut(size: number): number | undefined {
    const sheet = this.#extend(SHEET + SLACK);
    if (sheet === undefined) return undefined;
    const blocks = Array.from({ length: SHEET / size }, (_, i) => sheet + i * size).reverse();
    const first = blocks.pop();
    this.#free.set(size, blocks);
    return first;
  }

  #extend(size: number): number | undefined {
    const end = this.#top + size;
    const missing = Math.ceil(end / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) {
      // Grow by an eighth at least, so that many small blocks do not mean many growths.
      const present = this.memory.buffer.byteLength / PAGE;
      if (!this.#grow(Math.min(Math.max(missing, present >> 3), MAX_PAGES - present)) && !this.#grow(missing)) return undefined;
      if (end > this.memory.buffer.byteLength) return undefined;
    }
    const address = this.#top;
    this.#top = end;
    return address;
  }

  #grow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }

  /** Where memory cannot grow any more, the smallest free block of a larger class. */
  #reuseLarger(size: number): number | undefined {
    const larger = [...this.#free].filter(([s, list]) => s > size && list.length > 0).sort(([a], [b]) => a - b)[0];
    if (!larger) return undefined;
    const address = larger[1].pop()!;
    this.#sizes.set(address, larger[0]);
    return address;
  }
}

/** Rounds up to one of eight steps a doubling, in whole cache lines. */
function sizeClass(bytes: number): number {
  const step = Math.max(LINE, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}
