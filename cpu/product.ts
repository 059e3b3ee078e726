/**
 * How the step of a matrix product becomes code and the arguments of that code: which way round it is computed, what is packed, and what
 * memory that takes. Code depends on such decisions only, not on sizes or strides themselves, but for k in the layers of small networks.
 */
import { type Storage, storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep } from "../kernel/backend.ts";
import { BLOCK, PARTIALS } from "../kernel/tree.ts";

/** Rows of a tile, and columns in vectors: with the operands these just fit the registers that V8 has to give. */
const ROWS = 4;
const VECTORS = 2;
/** Rows of a tile of C with so few. */
const FEW_ROWS = 2;
/** Rows of A packed at a time; rows and columns of C that are completed over all k before the next ones. */
export const PACKED_ROWS = 128;
export const STRIPE_COLUMNS = 512;
const STRIPE_ROWS = 512;

/** As measured: operands with at least so many uses of each element are packed; bytes of B that are read again and again with ease. */
const PACKED_FROM = 64;
const BLOCK_BYTES = 65536;
/** Bytes of a cache: rows that are powers of two apart crowd into few of its sets. */
const CACHE_BYTES = 40960;
/** Bytes of a row of A at most, rows at least, and panels at most, of products as in the layers of small networks: code is made for their k. */
const LAYER_BYTES = 256;
const LAYER_DEPTH = 40;
const LAYER_PANELS = 5;
/** Products with fewer multiplications are reductions, whose code serves all sizes; so are those that are short along an axis. */
const LEAST_WORK = 2048;
const LEAST_WORK_OF_SHORT = 32768;
/** Own transposes with fewer rows are products like others. */
const LEAST_SYMMETRIC = 16;

export type Float = "f32" | "f64";
export const isFloat = (s: Storage): s is Float => s === "f32" || s === "f64";
/** Elements of a vector. */
export const lanesOf = (s: Float): number => 16 / storageBytes(s);

/** Tiles of C (panel.ts). */
export interface TiledCode {
  readonly kind: "product";
  readonly method: "tiled";
  readonly storage: Float;
  /** Rows of a tile. */
  readonly rows: number;
  /** Bytes from one row of A to the next where it is read as it lies; undefined where it is packed. */
  readonly a: number | undefined;
  /** How many k, where code is made for their number: adjacent ones of A then lie side by side, and B is packed. */
  readonly depth: number | undefined;
  /** Whether B is read as it lies (its rows are then contiguous). */
  readonly b: boolean;
  /** What of C is contiguous: rows, columns, or neither, so that tiles are stored elsewhere and copied. */
  readonly store: "rows" | "columns" | "copy";
  /** Whether k has more than one block. */
  readonly blocks: boolean;
  /** Which panels occur: of two vectors, of one. */
  readonly wide: boolean;
  readonly narrow: boolean;
  /** Whether B is the transpose of A: what is below the diagonal is copied from above. */
  readonly symmetric: boolean;
}

/**
 * - rows, columns: a reduction, with vectors along k or along n
 * - shallow: at most four k (shallow.ts)
 * - dots: one column and one block of k, vectors along k for four rows at a time (dots.ts)
 */
export type ProductCode =
  | { readonly kind: "product"; readonly method: "rows" | "columns"; readonly storage: Storage }
  | { readonly kind: "product"; readonly method: "shallow"; readonly storage: Float; readonly depth: number }
  | { readonly kind: "product"; readonly method: "dots"; readonly storage: Float }
  | TiledCode;

/** sizes [b, m, n, k], then address and byte strides of A [b, m, k], B [b, k, n] and C [b, m, n]. */
interface Product {
  readonly sizes: readonly [number, number, number, number];
  readonly a: Place;
  readonly b: Place;
  readonly c: Place;
  readonly symmetric: boolean;
}
type Place = readonly [number, number, number, number];

interface Plan {
  readonly product: Product;
  readonly code: ProductCode;
  /** Bytes of packed A, of packed or copied B, of a panel's tiles before they are copied, of a level of waiting tiles; and how many levels. */
  readonly workspace: readonly [number, number, number, number, number];
  /** Rows of C that are completed over all k before the next ones. */
  readonly stripeRows: number;
}

/** The products of a step, each as a step of its own. */
export const productsOf = (step: BoundStep): readonly BoundStep[] =>
  step.writes.length === 1
    ? [step]
    : step.writes.map((write, i) => ({ ...step, reads: step.reads.slice(2 * i, 2 * i + 2), writes: [write] }));

function productOf({ sizes, reads, writes }: BoundStep, bytes: number): Product {
  const [b, m, n, k] = sizes as [number, number, number, number];
  const place = ({ buffer, offset, strides: [x, y, z] }: BoundOperand): Place => [
    buffer + offset * bytes,
    x! * bytes,
    y! * bytes,
    z! * bytes,
  ];
  const [A, B, C] = [place(reads[0]!), place(reads[1]!), place(writes[0]!)];
  // One row or one column has no stride.
  const c: Place = [C[0], C[1], m === 1 ? n * bytes : C[2], n === 1 ? bytes : C[3]];
  const mirrored = A.every((x, i) => x === transposedPlace(B)[i]);
  return { sizes: [b, m, n, k], a: A, b: B, c, symmetric: m === n && m >= LEAST_SYMMETRIC && mirrored };
}

const transposedPlace = ([address, x, y, z]: Place): Place => [address, x, z, y];

/** The transpose of a product, which has the same bits. */
const transposed = ({ sizes: [b, m, n, k], ...p }: Product): Product => ({
  sizes: [b, n, m, k],
  a: transposedPlace(p.b),
  b: transposedPlace(p.a),
  c: transposedPlace(p.c),
  symmetric: p.symmetric,
});

const codes = new Map<string, ProductCode>();
/** The one object for this code. */
function intern<C extends ProductCode>(code: C): C {
  const key = Object.values(code).join();
  const found = codes.get(key);
  if (found) return found as C;
  codes.set(key, code);
  return code;
}

/** The largest power of two that divides a stride; no larger than what repeats the sets of a cache. */
const powerOfTwoIn = (stride: number): number => (stride % 4096 === 0 ? 4096 : stride & -stride);

const roundUp = (size: number, step: number): number => Math.ceil(size / step) * step;

/** How many panels of two vectors and of one a row of C has. */
function panelsOf(n: number, lanes: number): { readonly wide: number; readonly narrow: number } {
  const vectors = Math.ceil(n / lanes);
  return n < VECTORS * lanes ? { wide: 0, narrow: vectors } : { wide: vectors >> 1, narrow: vectors & 1 };
}

function tiledCode(storage: Float, { sizes: [, m, n, k], a, b, c, symmetric }: Product): TiledCode {
  const bytes = storageBytes(storage);
  const lanes = lanesOf(storage);
  const depth = Math.min(k, BLOCK);
  const panels = panelsOf(n, lanes);
  const rows = m < ROWS ? FEW_ROWS : ROWS;
  // What is read once is not packed.
  const [onceA, onceB] = [panels.wide + panels.narrow === 1, m < ROWS];
  const inPlaceA = a[2] === bytes && n < PACKED_FROM;
  const small = inPlaceA && m < PACKED_FROM && n * depth * bytes <= BLOCK_BYTES;
  const inPlaceB = b[3] === bytes && n >= lanes && (onceB || small);
  const shortRows = k <= LAYER_DEPTH && a[3] === bytes && a[2] >= k * bytes && a[2] <= LAYER_BYTES;
  const layer = shortRows && m >= ROWS && panels.wide + panels.narrow <= LAYER_PANELS;
  const crowding = depth * ((inPlaceA ? powerOfTwoIn(a[3]) : 0) + (inPlaceB ? powerOfTwoIn(b[2]) : 0));
  const fitsCache = crowding <= (onceA || onceB ? BLOCK_BYTES : CACHE_BYTES);
  const fits = n >= lanes;
  return {
    kind: "product",
    method: "tiled",
    storage,
    rows,
    a: layer || (inPlaceA && fitsCache) ? a[2] : undefined,
    depth: layer ? k : undefined,
    b: inPlaceB && fitsCache && !layer,
    store: fits && c[3] === bytes ? "rows" : fits && c[2] === bytes && rows >= lanes ? "columns" : "copy",
    blocks: k > BLOCK,
    wide: panels.wide > 0,
    narrow: panels.narrow > 0,
    symmetric,
  };
}

/** About how many cycles the tiles of a product take, and what goes with them. */
function cyclesOf({ sizes: [, m, n, k] }: Product, { storage, rows, a, b, store }: TiledCode): number {
  const { wide, narrow } = panelsOf(n, lanesOf(storage));
  const tiles = Math.ceil(m / rows) * (rows / ROWS);
  const copied = store === "copy" ? 4 * m * n : 0;
  const tile = wide * (8 + 4.1 * k) + narrow * (6 + 2.4 * k);
  return tiles * tile + (a === undefined ? 0.4 * m * k : 0) + (b ? 0 : 0.2 * n * k) + copied;
}

function codeOf(storage: Storage, product: Product): readonly [Product, ProductCode] {
  const [batches, m, n, k] = product.sizes;
  const bytes = storageBytes(storage);
  const other = transposed(product);
  /** Vectors along k where both operands are contiguous there, else along n, or along m if that is longer. */
  const reduction = (): readonly [Product, ProductCode] => {
    const along = product.a[3] === bytes && product.b[2] === bytes && product.b[3] !== bytes;
    const turned = !along && n < 4 && m > n && product.a[2] === bytes;
    return [turned ? other : product, intern({ kind: "product", method: along ? "rows" : "columns", storage })];
  };
  const work = batches * m * n * k;
  if (!isFloat(storage) || work === 0) return reduction();
  if (n === 1 || m === 1) {
    const column = n === 1 ? product : other;
    return column.a[3] === bytes && k <= BLOCK ? [column, intern({ kind: "product", method: "dots", storage })] : reduction();
  }
  if (work < (Math.min(m, n) < ROWS || k <= PARTIALS ? LEAST_WORK_OF_SHORT : LEAST_WORK)) return reduction();
  if (k <= PARTIALS) {
    const rows = product.c[3] === bytes ? product : other;
    const long = rows.sizes[2] >= lanesOf(storage) && rows.sizes[1] > 1;
    if (long && rows.c[3] === bytes) return [rows, intern({ kind: "product", method: "shallow", storage, depth: k })];
  }
  const [code, otherCode] = [tiledCode(storage, product), tiledCode(storage, other)];
  // A layer is one, however many rows there are now; and what is nearly as fast stays as it is, so that other sizes need no other code.
  const faster = (): boolean => cyclesOf(other, otherCode) < 0.8 * cyclesOf(product, code);
  const turned = code.depth === undefined && (otherCode.depth !== undefined || faster());
  return turned ? [other, intern(otherCode)] : [product, intern(code)];
}

function newPlan(step: BoundStep, storage: Storage): Plan {
  const bytes = storageBytes(storage);
  const [product, code] = codeOf(storage, productOf(step, bytes));
  const [, m, n, k] = product.sizes;
  const plan = (workspace: Plan["workspace"], stripeRows = m): Plan => ({ product, code, workspace, stripeRows });
  switch (code.method) {
    case "rows":
    case "columns":
      return plan([0, 0, 0, 0, 0]);
    case "shallow":
      return plan([0, product.b[3] === bytes ? 0 : k * n * bytes, 0, 0, 0]);
    case "dots":
      return plan([0, product.b[2] === bytes ? 0 : k * bytes, 0, 0, 0]);
    case "tiled": {
      const width = VECTORS * lanesOf(code.storage);
      const depth = Math.min(k, BLOCK) * bytes;
      const columns = roundUp(Math.min(n, STRIPE_COLUMNS), width);
      const rows = Math.min(m, code.blocks ? STRIPE_ROWS : Infinity);
      const blocks = Math.ceil(k / BLOCK);
      const line = (size: number): number => roundUp(size, 64);
      return plan(
        [
          code.a !== undefined ? 0 : line(roundUp(Math.min(m, PACKED_ROWS), code.rows) * depth),
          code.b ? 0 : line(columns * depth),
          code.store === "copy" ? (PACKED_ROWS + 2 * code.rows) * width * bytes : 0,
          code.blocks ? roundUp(rows, code.rows) * columns * bytes : 0,
          32 - Math.clz32(blocks - 1),
        ],
        rows,
      );
    }
  }
}

const plans = new WeakMap<BoundStep, Plan>();
/** Of a step of one product. */
function planOf(step: BoundStep, storage: Storage): Plan {
  let plan = plans.get(step);
  if (!plan) plans.set(step, (plan = newPlan(step, storage)));
  return plan;
}

/** The code of a step of one product. */
export const productCode = (step: BoundStep, storage: Storage): ProductCode => planOf(step, storage).code;

/** The bytes that products need beside their operands: they run one after the other. */
export function matmulWorkspace(step: BoundStep, storage: Storage): number {
  const bytes = productsOf(step).map((product) => {
    const [a, b, tiles, level, levels] = planOf(product, storage).workspace;
    return a + b + tiles + level * levels;
  });
  return Math.max(0, ...bytes);
}

/**
 * The arguments of a product: sizes [b, m, n, k]; addresses and byte strides of A [b, m, 0, k], B [b, 0, n, k] and C [b, m, n],
 * which is a reduction's argument block; the address of the workspace, and the bytes of its parts.
 */
export function matmulArguments(step: BoundStep, storage: Storage, workspace: number): number[] {
  const { product, workspace: parts, stripeRows } = planOf(step, storage);
  const { sizes, a, b, c } = product;
  // One column alone lies along k, whatever its stride.
  const columnStride = sizes[2] === 1 ? 0 : b[3];
  return [...sizes, a[0], a[1], a[2], 0, a[3], b[0], b[1], 0, columnStride, b[2], ...c, workspace, ...parts.slice(0, 4), stripeRows];
}

/** Where the arguments are, in words. */
export const Word = { a: 4, b: 9, c: 14, workspace: 18 } as const;
