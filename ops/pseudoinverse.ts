/** Least squares by the singular value decomposition: pseudoinverse, solutions of least length, rank. */
import { type Dim, sameDim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { div, mul, neg, sub } from "./arithmetic.ts";
import { addN } from "./addN.ts";
import { attached } from "./attached.ts";
import { reduceSum } from "./broadcast.ts";
import { greater, where } from "./compare.ts";
import { conj, real } from "./complex.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { stopGradient } from "./identity.ts";
import { dimSize } from "./iota.ts";
import { adjoint, adjointLast, type Each, matrices, product, stacked, unstacked } from "./linalg.ts";
import { factors, matmul } from "./matmul.ts";
import type { Operand } from "./operand.ts";
import { maximum } from "./piecewise.ts";
import { max } from "./reductions.ts";
import { expandDims, reshape } from "./reshape.ts";
import { svd } from "./svd.ts";

export interface RankOptions {
  /** Singular values of at most this part of the greatest one count as 0 (default: the greater side times the float's epsilon). */
  readonly rtol?: number;
  /** So do those of at most this size (default 0). */
  readonly atol?: number;
}

const epsilon: Readonly<Record<string, number>> = { float32: 2 ** -23, float64: 2 ** -52 };

/** Which singular values of the matrices t count, [..., k]. */
function countsOf(op: string, t: Tensor, s: Tensor, { rtol, atol = 0 }: RankOptions): Tensor {
  for (const [name, value] of Object.entries({ rtol: rtol ?? 0, atol }))
    if (typeof value !== "number" || !(value >= 0))
      throw new Error(`${op}: ${name} must be a number that is not negative, got ${showArgument(value)}`);
  const [m, n] = t.shape.slice(-2) as [Dim, Dim];
  const relative = rtol ?? mul(maximum(dimSize(m, s.dtype), dimSize(n, s.dtype)), epsilon[s.dtype]!);
  const none = sameDim(s.shape.at(-1)!, 0);
  return none ? greater(s, 0) : greater(s, maximum(mul(max(s, { axis: -1, keepdims: true }), relative), atol));
}

// Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate" (1973), for matrices that
// keep their rank: dP = -P dA P + P P^H dA^H (1 - A P) + (1 - P A) dA^H P^H P.
const pinvOf = attached<object>("pinv", ({ inputs: [a], tangents: [da], outputs: [p] }) => {
  if (!da) return undefined;
  const [dah, ph] = [adjoint(da), adjoint(p!)];
  const [left, right] = [product(product(p!, ph), dah), product(dah, product(ph, p!))];
  return addN([neg(product(p!, product(da, p!))), sub(left, product(product(left, a!), p!)), sub(right, product(p!, product(a!, right)))]);
});

/**
 * The Moore-Penrose pseudoinverse of matrices [..., m, n]: [..., n, m]. Singular values that are small count as 0. The derivative is that along matrices
 * of the same rank.
 */
export function pinv(a: Operand, options: RankOptions = {}): Tensor {
  const t = matrices("pinv", a);
  const { u, s, vt } = svd(stopGradient(t));
  const counts = countsOf("pinv", t, s, options);
  const inverse = where(counts, div(1, where(counts, s, 1)), 0);
  const value = matmul(adjointLast(vt), mul(expandDims(inverse, -1), adjointLast(u)));
  return unstacked(pinvOf([stacked(t), stacked(value)], {}), t);
}

/** How many singular values of each matrix [..., m, n] do not count as 0 (int32). */
export function matrixRank<A extends Operand>(a: A, options?: RankOptions): Tensor<Each<ShapeOf<A>, []>>;
export function matrixRank(a: Operand, options: RankOptions = {}): Tensor {
  const t = stopGradient(matrices("matrixRank", a));
  return rankOf(countsOf("matrixRank", t, svd(t).s, options));
}

const rankOf = (counts: Tensor): Tensor => reduceSum([convert(counts, "int32")], { axes: [counts.rank - 1] });

export interface LeastSquares {
  /** The solution: [..., n, k], or [n]. */
  readonly x: Tensor;
  /** For each column of B the sum of |A x - b|^2: [..., k], or []. */
  readonly residuals: Tensor;
  /** The rank of A (int32). */
  readonly rank: Tensor;
  /** The singular values of A, descending. */
  readonly s: Tensor;
}

/**
 * X for which |A X - B| is least, and of those the one for which |X| is: A [..., m, n] and B [..., m, k], or a vector of m elements. Small singular values count
 * as 0. The derivative is that along matrices of the same rank.
 */
export function lstsq(a: Operand, b: Operand, options: RankOptions = {}): LeastSquares {
  const [t, y] = factors("lstsq", [matrices("lstsq", a), b]) as [Tensor, Tensor];
  const vector = y.rank === 1;
  const rows = vector ? reshape(y, [...y.shape, 1]) : y;
  if (y.rank === 0 || !sameDim(rows.shape.at(-2)!, t.shape.at(-2)!))
    throw new Error(`lstsq: ${t.describe()} has ${t.shape.at(-2)} rows, which the right-hand side ${y.describe()} has not`);
  const x = matmul(pinv(t, options), rows);
  const rest = sub(matmul(t, x), rows);
  const r = reduceSum([real(mul(conj(rest), rest))], { axes: [x.rank - 2] });
  const { s } = svd(t);
  const last = (v: Tensor): Tensor => (vector ? reshape(v, v.shape.slice(0, -1)) : v);
  return { x: last(x), residuals: last(r), rank: rankOf(countsOf("lstsq", t, stopGradient(s), options)), s };
}

/** What this file defines, for table.ts. */
export const { primitives } = pinvOf;
