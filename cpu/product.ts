/**
 * How the step of a matrix product becomes the arguments of its kernel: which way round it is computed, whether it is packed, and
 * what memory that takes.
 */
import { type Storage, storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep } from "../kernel/backend.ts";
import { BLOCK } from "../kernel/tree.ts";

/** Rows of a tile. Its columns are two vectors: with the operands these just fit the registers that V8 has to give. */
export const ROWS = 4;
export const VECTORS = 2;
export const TILE_BYTES = ROWS * VECTORS * 16;
/** Rows of A packed at a time; rows and columns of C that are completed over all k before the next ones. */
export const PACKED_ROWS = 128;
export const STRIPE_ROWS = 512;
export const STRIPE_COLUMNS = 512;

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

/** Bytes of packed A, of packed B, and of one level of waiting tiles; the number of levels. */
function workspaceParts(storage: Float, [, m, n, k]: Product["sizes"]): readonly [number, number, number, number] {
  const roundUp = (size: number, step: number): number => Math.ceil(size / step) * step;
  const width = columnsOf(storage);
  const depth = Math.min(k, BLOCK) * storageBytes(storage);
  const columns = roundUp(Math.min(n, STRIPE_COLUMNS), width);
  const tiles = (roundUp(Math.min(m, STRIPE_ROWS), ROWS) / ROWS) * (columns / width);
  const blocks = Math.ceil(k / BLOCK);
  return [
    roundUp(Math.min(m, PACKED_ROWS), ROWS) * depth,
    columns * depth,
    tiles * TILE_BYTES,
    blocks === 1 ? 0 : 32 - Math.clz32(blocks - 1),
  ];
}

const isPacked = (storage: Storage, [, m, n, k]: Product["sizes"]): storage is Float =>
  isFloat(storage) && k > 0 && m >= PACKED_FROM.rows && n >= PACKED_FROM.columns;

/** The bytes that a product needs beside its operands: none if it is not packed. */
export function matmulWorkspace(step: BoundStep, storage: Storage): number {
  const { sizes } = productOf(step, storageBytes(storage));
  if (!isPacked(storage, sizes)) return 0;
  const [a, b, level, levels] = workspaceParts(storage, sizes);
  return a + b + level * levels;
}

/**
 * The arguments of a product: sizes [b, m, n, k]; addresses and byte strides of A [b, m, 0, k], B [b, 0, n, k] and C [b, m, n],
 * which is a reduction's argument block, so that small products are reductions; addresses of packed A, packed B and waiting
 * tiles, and the bytes of a level of these, or four zeros.
 */
export function matmulArguments(step: BoundStep, storage: Storage, workspace: number): number[] {
  const { sizes, a, b, c } = productOf(step, storageBytes(storage));
  // One column alone lies along k, whatever its stride.
  const columnStride = sizes[2] === 1 ? 0 : b[3];
  const out = [...sizes, a[0], a[1], a[2], 0, a[3], b[0], b[1], 0, columnStride, b[2], ...c];
  if (!isPacked(storage, sizes)) return [...out, 0, 0, 0, 0];
  const [bytesA, bytesB, level] = workspaceParts(storage, sizes);
  return [...out, workspace, workspace + bytesA, workspace + bytesA + bytesB, level];
}

/** Where the arguments are, in words. */
export const Word = { a: 4, b: 9, c: 14, workspace: 18 } as const;
