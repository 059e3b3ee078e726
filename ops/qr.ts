/** The QR factorization. */
import { complexOf, isComplexTensor, partsOf } from "../core/complex.ts";
import { type Dim, sameDim, subDims } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import { qr as routine } from "../kernel/routines/qr.ts";
import { sub } from "./arithmetic.ts";
import { where } from "./compare.ts";
import { concatenate } from "./concatenate.ts";
import { diagonalMask, tril } from "./creation.ts";
import { showArgument } from "./describe.ts";
import { shorter } from "./diagonal.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { adjoint, batchItems, completed, lowerRoutine, matrices, product, stacked, unstacked } from "./linalg.ts";
import type { Operand } from "./operand.ts";
import { pad, sliceAxis } from "./pad.ts";
import { triangularPrimitive } from "./triangular.ts";

interface QRParams {
  /** Whether Q is square. */
  readonly complete: boolean;
}

/** A [b, m, n], m >= n -> Q [b, m, p], R [b, p, n], p = n or m. */
const qrPrimitive: FieldFunction<QRParams> = defineOverFields<QRParams>({
  name: "qr",
  type: ([a], { complete }) => {
    const [b, m, n] = a!.shape as [Dim, Dim, Dim];
    const p = complete ? m : n;
    return [
      { shape: [b, m, p], dtype: a!.dtype },
      { shape: [b, p, n], dtype: a!.dtype },
    ];
  },
  // Walter, Lehmann, Lamour, "On evaluating higher-order derivatives of the QR decomposition of tall matrices with full column rank" (2012): with
  // X = dA R^-1 and C = Q^H X, dQ = X - Q (C - W) and dR = (C - W) R, where W is skew with the lower triangle of C, and the diagonal of R stays real.
  jvp: ({ params: { complete }, tangents: [da], outputs }) => {
    const [, m, n] = da!.shape as [Dim, Dim, Dim];
    const extra = complete && !sameDim(m, n);
    const [q, r] = extra ? [sliceAxis(outputs[0]!, 2, 0, n), sliceAxis(outputs[1]!, 1, 0, n)] : [outputs[0]!, outputs[1]!];
    const x = adjoint(triangularPrimitive([r, adjoint(da!)], { upper: true, adjoint: true, unit: false }));
    const c = product(adjoint(q), x);
    const below = tril(c, -1);
    const rest = withRealDiagonal(sub(c, sub(below, adjoint(below))));
    const [dq, dr] = [sub(x, product(q, rest)), product(rest, r)];
    if (!extra) return [dq, dr];
    const none = [0, 0] as const;
    return [completed(q, sliceAxis(outputs[0]!, 2, n, m), dq), pad(dr, [none, [0, subDims(m, n)], none])];
  },
  batch: batchItems(() => qrPrimitive),
  lower: ({ inputs, inputTypes: [a], outputTypes }, field) =>
    lowerRoutine(routine[field], [...a!.shape, outputTypes[0]!.shape[2]!], inputs, outputTypes),
});

function withRealDiagonal(t: Tensor): Tensor {
  if (!isComplexTensor(t)) return t;
  const { re, im } = partsOf(t);
  const [rows, columns] = t.shape.slice(-2) as [Dim, Dim];
  return complexOf({ re, im: im && where(diagonalMask(rows, columns, 0), 0, im) });
}

export interface QR {
  /** With orthonormal columns: [..., m, min(m, n)], or [..., m, m]. */
  readonly q: Tensor;
  /** Upper triangular: [..., min(m, n), n], or [..., m, n]. */
  readonly r: Tensor;
}

export interface QROptions {
  /** "reduced" (default) or "complete", with a square Q. */
  readonly mode?: "reduced" | "complete";
}

/**
 * A = Q R for matrices [..., m, n], by Householder reflections; signs as LAPACK has them, the diagonal of R real. The derivative needs the first min(m, n) columns to be
 * independent. Those columns of a complete Q that A does not determine move only as far as they must to stay orthogonal to the others.
 */
export function qr(a: Operand, { mode = "reduced" }: QROptions = {}): QR {
  const t = matrices("qr", a);
  if (mode !== "reduced" && mode !== "complete") throw new Error(`qr: the mode must be "reduced" or "complete", got ${showArgument(mode)}`);
  const x = stacked(t);
  const [m, n] = t.shape.slice(-2) as [Dim, Dim];
  const k = shorter("qr", t, m, n);
  const [q, r] = qrPrimitive.many([sliceAxis(x, 2, 0, k)], { complete: mode === "complete" }) as [Tensor, Tensor];
  // Columns beyond the m-th are not needed for Q.
  const all = sameDim(k, n) ? r : concatenate([r, product(adjoint(q), sliceAxis(x, 2, k, n))], 2);
  return { q: unstacked(q, t), r: unstacked(all, t) };
}

/** What this file defines, for table.ts. */
export const { primitives } = qrPrimitive;
