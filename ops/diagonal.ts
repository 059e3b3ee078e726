/** Diagonals of matrices: read as a view, and put back by a mask. */
import { addDims, type Dim, sameDim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastInDim } from "./broadcast.ts";
import { where } from "./compare.ts";
import { diagonalMask } from "./creation.ts";
import { type Operand, toTensor } from "./operand.ts";
import { pad, sliceOf } from "./pad.ts";
import { definePrimitive, linearJvp, type PrimitiveFunction } from "./primitive.ts";

/** [..., n, n] -> [..., n]. */
export const diagonalOf: PrimitiveFunction<object> = definePrimitive<object>({
  name: "diagonal",
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
  const [rows, columns] = [addDims(t.shape[0]!, -below), addDims(t.shape[1]!, -above)];
  const size = shorter(t, rows, columns);
  return diagonalOf([sliceOf(t, [below, above], [size, size])], {});
}

function shorter(t: Tensor, rows: Dim, columns: Dim): Dim {
  if (sameDim(rows, columns)) return rows;
  if (typeof rows !== "number" || typeof columns !== "number")
    throw new Error(
      `diag: which of ${rows} and ${columns} is smaller, in ${t.describe()}, is not known; take a slice with known sizes first`,
    );
  return Math.max(0, Math.min(rows, columns));
}

/** What this file defines, for table.ts. */
export const primitives = [diagonalOf.primitive];
