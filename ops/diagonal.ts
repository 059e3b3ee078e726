/** Diagonals of matrices: read as a view, and put back by a mask. */
import { addDims, type Dim, subDims } from "../core/dim.ts";
import { normalizeAxis } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastInDim, reduceSum } from "./broadcast.ts";
import { where } from "./compare.ts";
import { convert } from "./convert.ts";
import { diagonalMask } from "./creation.ts";
import { showArgument } from "./describe.ts";
import { type Operand, toTensor } from "./operand.ts";
import { pad, sliceOf } from "./pad.ts";
import { definePrimitive, linearJvp, type PrimitiveFunction } from "./primitive.ts";
import { moveaxis } from "./transpose.ts";

/** [..., n, n] -> [..., n]. */
export const diagonalOf: PrimitiveFunction<object> = definePrimitive<object>({
  name: "diagonal",
  complex: "parts",
  type: ([x]) => ({ shape: x!.shape.slice(0, -1), dtype: x!.dtype }),
  jvp: linearJvp,
  transpose: ({ cotangents: [ct] }) => [ontoDiagonal(ct!)],
  batch: ({ inputs }) => [diagonalOf(inputs, {})],
  lower: ({ inputs: [v] }) => {
    const strides = [...v!.strides.slice(0, -2), addDims(v!.strides.at(-1)!, v!.strides.at(-2)!)];
    return { steps: [], outputs: [{ ...v!, shape: v!.shape.slice(0, -1), strides }] };
  },
});

/** [..., n] -> [..., n, n], with zeros beside the diagonal. */
function ontoDiagonal(x: Tensor): Tensor {
  const n = x.shape[x.rank - 1]!;
  const rows = broadcastInDim([x], { shape: [...x.shape, n], axes: x.shape.map((_, i) => i) });
  return where(diagonalMask(n, n, 0), rows, x.dtype === "bool" ? false : 0);
}

/**
 * NumPy's diag: of a vector, the square matrix with it on the k-th diagonal above the main one; of a matrix, that diagonal.
 */
export function diag(x: Operand, k = 0): Tensor {
  const t = toTensor("diag", x);
  if (!Number.isInteger(k)) throw new Error(`diag: the diagonal must be an integer, got ${k}`);
  const [above, below] = [Math.max(k, 0), Math.max(-k, 0)];
  if (t.rank === 1) {
    const square = ontoDiagonal(t);
    // The diagonal moves up and right (or down and left) as rows and columns are added.
    return k === 0
      ? square
      : pad(square, [
          [below, above],
          [above, below],
        ]);
  }
  if (t.rank !== 2) throw new Error(`diag: needs a vector or a matrix, got ${t.describe()}`);
  return diagonalOfLast("diag", t, k);
}

export interface DiagonalOptions {
  /** How many columns above the main diagonal; below it where negative (default 0). */
  readonly offset?: number;
  /** The axes of rows and of columns (default 0 and 1). */
  readonly axis1?: number;
  readonly axis2?: number;
}

/** The diagonal of the matrices that two axes of x make: it becomes the last axis, after those that are left. */
export function diagonal(x: Operand, options: number | DiagonalOptions = {}): Tensor {
  return diagonalAlong("diagonal", x, options);
}

/** The sum of the diagonal of the matrices that two axes of x make. */
export function trace(x: Operand, options: number | DiagonalOptions = {}): Tensor {
  const d = diagonalAlong("trace", x, options);
  return reduceSum([d.dtype === "bool" ? convert(d, "int32") : d], { axes: [d.rank - 1] });
}

function diagonalAlong(op: string, x: Operand, options: number | DiagonalOptions): Tensor {
  const { offset = 0, axis1 = 0, axis2 = 1 } = typeof options === "number" ? { offset: options } : options;
  const t = toTensor(op, x);
  if (t.rank < 2) throw new Error(`${op}: needs a matrix, or a stack of them, got ${t.describe()}`);
  if (!Number.isInteger(offset)) throw new Error(`${op}: the offset must be an integer, got ${showArgument(offset)}`);
  const [rows, columns] = [normalizeAxis(op, axis1, t.rank), normalizeAxis(op, axis2, t.rank)];
  if (rows === columns) throw new Error(`${op}: axis1 and axis2 must differ, got ${axis1} and ${axis2} for ${t.describe()}`);
  return diagonalOfLast(op, moveaxis(t, [rows, columns], [-2, -1]), offset);
}

/** The k-th diagonal above the main one of each matrix in the last two axes. */
function diagonalOfLast(op: string, t: Tensor, k: number): Tensor {
  const [above, below] = [Math.max(k, 0), Math.max(-k, 0)];
  const leading = t.shape.slice(0, -2);
  const [rows, columns] = [addDims(t.shape.at(-2)!, -below), addDims(t.shape.at(-1)!, -above)];
  const size = shorter(op, t, rows, columns);
  return diagonalOf([sliceOf(t, [...leading.map(() => 0), below, above], [...leading, size, size])], {});
}

/** The lesser of two sizes, if that is known. */
export function lesser(rows: Dim, columns: Dim): Dim | undefined {
  const difference = subDims(rows, columns);
  if (typeof rows === "number" && typeof columns === "number") return Math.max(0, Math.min(rows, columns));
  return typeof difference === "number" ? (difference <= 0 ? rows : columns) : undefined;
}

/** The lesser of the numbers of rows and of columns. */
export function shorter(op: string, t: Tensor, rows: Dim, columns: Dim): Dim {
  const size = lesser(rows, columns);
  if (size !== undefined) return size;
  throw new Error(
    `${op}: which of ${rows} and ${columns} is smaller, in ${t.describe()}, is not known; take a slice with known sizes first`,
  );
}

/** What this file defines, for table.ts. */
export const primitives = [diagonalOf.primitive];
