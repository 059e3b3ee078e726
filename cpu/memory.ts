/**
 * Device memory of the CPU backend: one growable WebAssembly.Memory that all kernels share; and, once threads are to work in it, a shared one
 * with the same contents at the same addresses.
 *
 * Page 0 holds the scratch area of the kernels (see `Scratch`); the heap lies above. Blocks come from size classes, eight to
 * a doubling, with a free list each, and begin on cache lines. Kernels read whole vectors, so a block has at least
 * 64 bytes behind its last element; they write no element that is not theirs. So tiny blocks lie side by side, in sheets of one size:
 * thousands of scalars fit into a cache, and none lies across two of its lines. Growing detaches views: those that are kept are made anew.
 *
 * Only when memory cannot grow any more are free neighbours joined, and larger blocks cut: then sizes are whole cache lines, of any number.
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
const SHEET = 4096 - SLACK;
/** What is cut off a block is no smaller: so it is not mistaken for a tiny one. */
const LEAST = LINE + SLACK;

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

interface Sheet {
  /** Of its blocks, and of the block that it is itself. */
  readonly size: number;
  readonly bytes: number;
}

export class DeviceMemory {
  #memory = new WebAssembly.Memory({ initial: 4, maximum: MAX_PAGES });
  /** Free blocks by size. */
  readonly #free = new Map<number, number[]>();
  /** The size of each block given out. */
  readonly #sizes = new Map<number, number>();
  readonly #sheets = new Map<number, Sheet>();
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
    const address = (tiny && this.#takeTiny(tiny)) ?? this.#take(bytes + SLACK);
    if (address === undefined) throw new OutOfMemory(this.#lack(bytes));
    this.#bytesInUse += this.#sizes.get(address)!;
    return address;
  }

  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new Error(`free: ${address} is not a buffer`);
    this.#sizes.delete(address);
    this.#bytesInUse -= size;
    // One value that grows and grows goes on where it was.
    if (address + size === this.#top) this.#top = address;
    else this.#put(address, size);
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

  #take(bytes: number): number | undefined {
    const size = sizeClass(bytes);
    const address = this.#free.get(size)?.pop() ?? this.#extend(size);
    return address === undefined ? this.#takeLast(Math.ceil(bytes / LINE) * LINE) : this.#give(address, size);
  }

  #takeTiny(size: number): number | undefined {
    const address = this.#free.get(size)?.pop() ?? this.#cutSheet(size);
    return address === undefined ? undefined : this.#give(address, size);
  }

  #give(address: number, size: number): number {
    this.#sizes.set(address, size);
    return address;
  }

  #put(address: number, size: number): void {
    const list = this.#free.get(size);
    if (list) list.push(address);
    else this.#free.set(size, [address]);
  }

  /** Makes tiny blocks of a new sheet. */
  #cutSheet(size: number): number | undefined {
    const sheet = this.#take(SHEET + SLACK);
    if (sheet === undefined) return undefined;
    this.#sheets.set(sheet, { size, bytes: this.#sizes.get(sheet)! });
    this.#sizes.delete(sheet);
    const blocks = addressesIn(sheet, size).reverse();
    const first = blocks.pop();
    this.#free.set(size, blocks);
    return first;
  }

  #extend(size: number): number | undefined {
    const end = this.#top + size;
    if (end > MAX_BYTES) return undefined;
    const missing = Math.ceil(end / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) {
      // Grow by an eighth at least, so that many small blocks do not mean many growths.
      const present = this.memory.buffer.byteLength / PAGE;
      if (!this.#grow(Math.min(Math.max(missing, present >> 3), MAX_PAGES - present)) && !this.#grow(missing)) return undefined;
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

  /** Where memory cannot grow any more. */
  #takeLast(size: number): number | undefined {
    const cut = this.#cutLarger(size);
    if (cut !== undefined) return cut;
    this.#join();
    const address = this.#extend(size);
    return address === undefined ? this.#cutLarger(size) : this.#give(address, size);
  }

  /** The beginning of the smallest free block that is large enough. */
  #cutLarger(size: number): number | undefined {
    let smallest = Infinity;
    for (const [s, list] of this.#free) if (s >= size && s < smallest && list.length > 0) smallest = s;
    if (smallest === Infinity) return undefined;
    const address = this.#free.get(smallest)!.pop()!;
    const rest = smallest - size;
    if (rest < LEAST) return this.#give(address, smallest);
    this.#put(address + size, rest);
    return this.#give(address, size);
  }

  /** Makes one block of free neighbours; of the last ones, memory that was never given out. */
  #join(): void {
    this.#dissolveSheets();
    const blocks: { readonly address: number; size: number }[] = [];
    for (const [size, list] of this.#free) {
      if (size < LEAST) continue;
      for (const address of list) blocks.push({ address, size });
      this.#free.delete(size);
    }
    blocks.sort((a, b) => a.address - b.address);
    let last: (typeof blocks)[number] | undefined;
    const joined = blocks.filter((block) => {
      const follows = last && last.address + last.size === block.address;
      if (follows) last!.size += block.size;
      else last = block;
      return !follows;
    });
    if (last && last.address + last.size === this.#top) this.#top = joined.pop()!.address;
    for (const { address, size } of joined) this.#put(address, size);
  }

  /** Gives up the sheets of which nothing is in use. */
  #dissolveSheets(): void {
    const free = new Set(TINY.flatMap((size) => this.#free.get(size) ?? []));
    for (const [sheet, { size, bytes }] of this.#sheets) {
      const addresses = addressesIn(sheet, size);
      if (!addresses.every((address) => free.has(address))) continue;
      for (const address of addresses) free.delete(address);
      this.#sheets.delete(sheet);
      this.#put(sheet, bytes);
    }
    for (const size of TINY) {
      const list = this.#free.get(size);
      if (list)
        this.#free.set(
          size,
          list.filter((address) => free.has(address)),
        );
    }
  }

  /** What is said when there is no room, after free neighbours were joined. */
  #lack(bytes: number): string {
    const { byteLength } = this.memory.buffer;
    // Where there is room for more pages, it is the host that has none.
    const end = this.#top + bytes + SLACK > MAX_BYTES ? MAX_BYTES : byteLength;
    const pieces = [...this.#free].filter(([, list]) => list.length > 0).map(([size]) => size);
    const piece = Math.max(0, end - this.#top - SLACK, ...pieces.map((size) => size - SLACK));
    return (
      `out of memory: ${bytes} bytes asked for, ${this.#bytesInUse} in use, ${piece} free in one piece; ` +
      (end === MAX_BYTES ? `WebAssembly memory ends at ${end}` : `the host lets memory end at ${end}`)
    );
  }
}

/** Where a sheet's blocks begin. */
const addressesIn = (sheet: number, size: number): number[] => Array.from({ length: SHEET / size }, (_, i) => sheet + i * size);

/** Rounds up to one of eight steps a doubling, in whole cache lines. */
function sizeClass(bytes: number): number {
  const step = Math.max(LINE, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}
