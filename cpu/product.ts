/**
 * How the step of a matrix product becomes the arguments of its kernel: which way round it is computed, whether it is packed, and
 * what memory that takes.
 */
import { type Storage, storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep } from "../kernel/backend.ts";
import { BLOCK, PARTIALS } from "../kernel/tree.ts";

/** Rows of a tile. Its columns are two vectors: with the operands these just fit the registers that V8 has to give. */
export const ROWS = 4;
export const VECTORS = 2;
export const TILE_BYTES = ROWS * VECTORS * 16;
/** Rows of A packed at a time; rows and columns of C that are completed over all k before the next ones. */
export const PACKED_ROWS = 128;
export const STRIPE_ROWS = 512;
export const STRIPE_COLUMNS = 512;

/**
 * Tiles of narrow products; from how many n and k on packing pays; bytes of a block of B that are read again and again with ease, and bytes of a
 * cache: rows that are powers of two apart crowd into few of its sets. All as measured.
 */
export const NARROW = {
  wide: { rows: 2, vectors: 2 },
  tall: { rows: 4, vectors: 1 },
  below: 64,
  blockBytes: 65536,
  cacheBytes: 40960,
} as const;

/** Below these, packing does not pay. */
const PACKED_FROM = { rows: 2, columns: 5 };

export type Float = "f32" | "f64";
export const isFloat = (s: Storage): s is Float => s === "f32" || s === "f64";
export const columnsOf = (s: Float): number => (VECTORS * 16) / storageBytes(s);

/** sizes [b, m, n, k], then address and byte strides of A [b, m, k], B [b, k, n] and C [b, m, n]. */
interface Product {
  readonly sizes: readonly [number, number, number, number];
  readonly a: readonly [number, number, number, number];
  readonly b: readonly [number, number, number, number];
  readonly c: readonly [number, number, number, number];
}

/** The products of a step, each as a step of its own. */
export const productsOf = (step: BoundStep): readonly BoundStep[] =>
  step.writes.length === 1
    ? [step]
    : step.writes.map((write, i) => ({ ...step, reads: step.reads.slice(2 * i, 2 * i + 2), writes: [write] }));

/** The step's product, or its transpose, which has the same bits, where only m promises long vectors. */
function productOf({ sizes, reads, writes }: BoundStep, bytes: number): Product {
  const [b, m, n, k] = sizes as [number, number, number, number];
  const place = ({ buffer, offset, strides: [x, y, z] }: BoundOperand): [number, number, number, number] => [
    buffer + offset * bytes,
    x! * bytes,
    y! * bytes,
    z! * bytes,
  ];
  const [A, B, C] = [place(reads[0]!), place(reads[1]!), place(writes[0]!)];
  const swap = ([address, x, y, z]: readonly [number, number, number, number]): [number, number, number, number] => [address, x, z, y];
  const transposed = (C[3] !== bytes && C[2] === bytes) || (n < 4 && m > n && A[2] === bytes);
  return transposed ? { sizes: [b, n, m, k], a: swap(B), b: swap(A), c: swap(C) } : { sizes: [b, m, n, k], a: A, b: B, c: C };
}

/** How a product is computed. */
export const Method = { direct: 0, packed: 1, narrow: 2 } as const;
type Method = (typeof Method)[keyof typeof Method];

/** Whether a narrow product, which goes over its operands once for each tile, is faster than a packed one. */
function staysInCache(bytes: number, { sizes: [, , n, k], a, b }: Product): boolean {
  const depth = Math.min(k, BLOCK);
  const strideB = b[3] === bytes ? b[2] : n * bytes;
  const crowding = depth * (powerOfTwoIn(a[3]) + powerOfTwoIn(strideB));
  return Math.min(n, k) < NARROW.below && n * depth * bytes <= NARROW.blockBytes && crowding <= NARROW.cacheBytes;
}

/** The largest power of two that divides a stride; no larger than what repeats the sets of a cache. */
const powerOfTwoIn = (stride: number): number => (stride % 4096 === 0 ? 4096 : stride & -stride);

function methodOf(storage: Storage, product: Product): Method {
  const { sizes, b, c } = product;
  const [batches, m, n, k] = sizes;
  if (!isFloat(storage) || batches === 0 || k === 0) return Method.direct;
  const bytes = storageBytes(storage);
  const columns = ({ vectors }: { vectors: number }): number => (vectors * 16) / bytes;
  const { wide, tall } = NARROW;
  const hasTiles = m >= wide.rows && (n >= columns(wide) || (n >= columns(tall) && (k <= PARTIALS || m >= tall.rows)));
  const readable = c[3] === bytes && (b[3] === bytes || n * k * bytes <= NARROW.blockBytes);
  if (hasTiles && readable && (k <= PARTIALS || m <= tall.rows || staysInCache(bytes, product))) return Method.narrow;
  return m >= PACKED_FROM.rows && n >= PACKED_FROM.columns ? Method.packed : Method.direct;
}

/** Bytes of packed A, of packed or copied B, and of one level of waiting tiles; the number of levels. */
function workspaceParts(storage: Storage, product: Product): readonly [number, number, number, number] {
  const [, m, n, k] = product.sizes;
  const bytes = storageBytes(storage);
  const roundUp = (size: number, step: number): number => Math.ceil(size / step) * step;
  const blocks = Math.ceil(k / BLOCK);
  const levels = blocks <= 1 ? 0 : 32 - Math.clz32(blocks - 1);
  switch (methodOf(storage, product)) {
    case Method.direct:
      return [0, 0, 0, 0];
    case Method.narrow:
      // No tile is larger, and the last ones of a row and of a column overlap others.
      return [0, product.b[3] === bytes ? 0 : k * n * bytes, roundUp(m, NARROW.tall.rows) * roundUp(n, 32 / bytes) * bytes, levels];
    case Method.packed: {
      const width = columnsOf(storage as Float);
      const depth = Math.min(k, BLOCK) * bytes;
      const columns = roundUp(Math.min(n, STRIPE_COLUMNS), width);
      const tiles = (roundUp(Math.min(m, STRIPE_ROWS), ROWS) / ROWS) * (columns / width);
      return [roundUp(Math.min(m, PACKED_ROWS), ROWS) * depth, columns * depth, tiles * TILE_BYTES, levels];
    }
  }
}

/** The bytes that products need beside their operands: they run one after the other. */
export function matmulWorkspace(step: BoundStep, storage: Storage): number {
  const bytes = productsOf(step).map((product) => {
    const [a, b, level, levels] = workspaceParts(storage, productOf(product, storageBytes(storage)));
    return a + b + level * levels;
  });
  return Math.max(0, ...bytes);
}

/**
 * The arguments of a product: sizes [b, m, n, k]; addresses and byte strides of A [b, m, 0, k], B [b, 0, n, k] and C [b, m, n],
 * which is a reduction's argument block, so that small products are reductions; the method; addresses of packed A, packed or copied B
 * and waiting tiles, and the bytes of a level of these.
 */
export function matmulArguments(step: BoundStep, storage: Storage, workspace: number): number[] {
  const product = productOf(step, storageBytes(storage));
  const { sizes, a, b, c } = product;
  const [bytesA, bytesB, level] = workspaceParts(storage, product);
  // One column alone lies along k, whatever its stride.
  const columnStride = sizes[2] === 1 ? 0 : b[3];
  const operands = [...sizes, a[0], a[1], a[2], 0, a[3], b[0], b[1], 0, columnStride, b[2], ...c];
  return [...operands, methodOf(storage, product), workspace, workspace + bytesA, workspace + bytesA + bytesB, level];
}

/** Where the arguments are, in words. */
export const Word = { a: 4, b: 9, c: 14, method: 18, workspace: 19 } as const;
