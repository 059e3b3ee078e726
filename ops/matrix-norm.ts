/** Norms of matrices, and their condition. */
import type { Tensor } from "../core/tensor.ts";
import { normalizeAxes } from "../core/shape.ts";
import { div, mul } from "./arithmetic.ts";
import { showArgument } from "./describe.ts";
import { matrices, squareMatrices } from "./linalg.ts";
import { norm } from "./norm.ts";
import type { Operand } from "./operand.ts";
import { abs } from "./piecewise.ts";
import { max, min, sum } from "./reductions.ts";
import { expandDims } from "./reshape.ts";
import { inv } from "./solve.ts";
import { svd } from "./svd.ts";
import { moveaxis } from "./transpose.ts";

/**
 * "fro": the root of the sum of squares; "nuc": the sum of the singular values; 2 and -2: the greatest and the least of them; 1 and -1: the greatest and the least sum
 * of sizes in a column; Infinity and -Infinity: in a row.
 */
export type MatrixOrder = "fro" | "nuc" | 1 | -1 | 2 | -2 | typeof Infinity;

export interface MatrixNormOptions {
  /** Default "fro". */
  readonly ord?: MatrixOrder;
  /** The axes of rows and of columns (default the last two). */
  readonly axis?: readonly [number, number];
  /** Whether those axes stay, with size 1 (default false). */
  readonly keepdims?: boolean;
}

/** The norm of each matrix that two axes of x make. */
export function matrixNorm(x: Operand, { ord = "fro", axis = [-2, -1], keepdims = false }: MatrixNormOptions = {}): Tensor {
  const given = matrices("matrixNorm", x);
  if (!Array.isArray(axis) || axis.length !== 2)
    throw new Error(`matrixNorm: axis must be a pair, of rows and of columns, got ${showArgument(axis)}`);
  normalizeAxes("matrixNorm", axis, given.rank);
  const value = normOfLast(moveaxis(given, axis, [-2, -1]), ord);
  return keepdims ? expandDims(value, normalizeAxes("matrixNorm", axis, given.rank)) : value;
}

function normOfLast(t: Tensor, ord: MatrixOrder): Tensor {
  switch (ord) {
    case "fro":
      return norm(t, { axis: [-2, -1] });
    case "nuc":
      return sum(svd(t).s, -1);
    case 2:
      return max(svd(t).s, -1);
    case -2:
      return min(svd(t).s, -1);
    case 1:
      return max(sum(abs(t), -2), -1);
    case -1:
      return min(sum(abs(t), -2), -1);
    case Infinity:
      return max(sum(abs(t), -1), -1);
    case -Infinity:
      return min(sum(abs(t), -1), -1);
  }
  throw new Error(`matrixNorm: ord must be "fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity, got ${showArgument(ord)}`);
}

/** The condition of each matrix: the ratio of its greatest and its least singular value; for other norms that of the matrix times that of the inverse. */
export function conditionNumber(a: Operand, ord: MatrixOrder = 2): Tensor {
  if (ord === 2 || ord === -2) {
    const { s } = svd(matrices("conditionNumber", a));
    return ord === 2 ? div(max(s, -1), min(s, -1)) : div(min(s, -1), max(s, -1));
  }
  const t = squareMatrices("conditionNumber", a);
  return mul(matrixNorm(t, { ord }), matrixNorm(inv(t), { ord }));
}
