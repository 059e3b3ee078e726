/** The singular value decomposition. */
import { type Dim, sameDim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import { svd as routine } from "../kernel/routines/svd.ts";
import { add, mul, neg, sub } from "./arithmetic.ts";
import { where } from "./compare.ts";
import { diagonalMask } from "./creation.ts";
import { type DegenerateOptions, epsOf, reciprocal } from "./degenerate.ts";
import { showArgument } from "./describe.ts";
import { diagonalOf, shorter } from "./diagonal.ts";
import { complexOf, isComplexTensor } from "../core/complex.ts";
import { partDType } from "../core/dtype.ts";
import { imag, real } from "./complex.ts";
import { addN } from "./addN.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { adjoint, adjointLast, batchItems, completed, lowerRoutine, matrices, product, stacked, unstacked } from "./linalg.ts";
import type { Operand } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import { expandDims } from "./reshape.ts";

interface SvdParams {
  /** Whether U is square. */
  readonly full: boolean;
  readonly eps: number;
}

/** A [b, m, n], m >= n -> U [b, m, p], s [b, n], V^H [b, n, n], p = n or m. */
const svdPrimitive: FieldFunction<SvdParams> = defineOverFields<SvdParams>({
  name: "svd",
  type: ([a], { full }) => {
    const { dtype } = a!;
    const [b, m, n] = a!.shape as [Dim, Dim, Dim];
    return [
      { shape: [b, m, full ? m : n], dtype },
      { shape: [b, n], dtype: partDType(dtype) },
      { shape: [b, n, n], dtype },
    ];
  },
  // Giles, "An extended collection of matrix derivative results" (2008), 3.2; Wan and Zhang, arXiv:1909.02659: with P = U^H dA V, ds = Re diag(P),
  // dU = U (F * (P S + S P^H)) + (1 - U U^H) dA V / S, dV = V (F * (S P + P^H S)), F = 1 / (s_j^2 - s_i^2) beside the diagonal. Each takes half of the
  // turns i Im diag(P) / S that neither determines alone, as in PyTorch.
  jvp: ({ params: { full, eps }, tangents: [da], outputs: [left, s, vt] }) => {
    const [, m, n] = da!.shape as [Dim, Dim, Dim];
    const extra = full && !sameDim(m, n);
    const u = extra ? sliceAxis(left!, 2, 0, n) : left!;
    const v = adjoint(vt!);
    const av = product(da!, v);
    const p = product(adjoint(u), av);
    const [across, down] = [expandDims(s!, 1), expandDims(s!, 2)];
    const onDiagonal = diagonalMask(n, n, 0);
    const gaps = mul(sub(across, down), add(across, down));
    const f = where(onDiagonal, 0, reciprocal(where(onDiagonal, 1, gaps), eps));
    const ph = adjoint(p);
    const turns = isComplexTensor(p)
      ? complexOf({ re: undefined, im: where(onDiagonal, mul(imag(p), reciprocal(mul(2, across), eps)), 0) })
      : undefined;
    const within = product(u, addN([mul(f, add(mul(p, across), mul(down, ph))), turns])!);
    const beyond = (): Tensor => mul(sub(av, product(u, p)), reciprocal(across, eps));
    const du = sameDim(m, n) ? within : add(within, beyond());
    const dv = product(v, addN([mul(f, add(mul(down, p), mul(ph, across))), turns && neg(turns)])!);
    return [extra ? completed(u, sliceAxis(left!, 2, n, m), du) : du, real(diagonalOf([p], {})), adjoint(dv)];
  },
  batch: batchItems(() => svdPrimitive),
  lower: ({ inputs, inputTypes: [a], outputTypes }, field) =>
    lowerRoutine(routine[field], [...a!.shape, outputTypes[0]!.shape[2]!], inputs, outputTypes),
});

export interface SVD {
  /** With orthonormal columns: [..., m, min(m, n)], or [..., m, m]. */
  readonly u: Tensor;
  /** The singular values, descending: [..., min(m, n)]. */
  readonly s: Tensor;
  /** V^H (of real matrices V^T), with orthonormal rows: [..., min(m, n), n], or [..., n, n]. */
  readonly vt: Tensor;
}

export interface SVDOptions extends DegenerateOptions {
  /** Whether U and V are square (default false). */
  readonly fullMatrices?: boolean;
}

/**
 * A = U diag(s) V^H for matrices [..., m, n]. By one-sided Jacobi rotations, which find small singular values as accurately as A determines them. In each
 * column of U (of V where m < n) the first component that has more than 0.3 of the greatest one's size is real and positive. Derivatives of vectors do not
 * exist where singular values are equal, nor (unless A is square) where one is 0, unless derivativeEps says what to do. Vectors that A does not
 * determine move only as far as they must to stay orthogonal to the others.
 */
export function svd(a: Operand, options: SVDOptions = {}): SVD {
  const t = matrices("svd", a);
  const { fullMatrices: full = false } = options;
  if (typeof full !== "boolean") throw new Error(`svd: fullMatrices must be true or false, got ${showArgument(full)}`);
  const [m, n] = t.shape.slice(-2) as [Dim, Dim];
  const wide = !sameDim(shorter("svd", t, m, n), n);
  const x = stacked(wide ? adjointLast(t) : t);
  const [u, s, vt] = svdPrimitive.many([x], { full, eps: epsOf("svd", options) }).map((out) => unstacked(out, t)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return wide ? { u: adjointLast(vt), s, vt: adjointLast(u) } : { u, s, vt };
}

/** The singular values of matrices [..., m, n], descending: as svd. */
export const svdvals = (a: Operand, options: DegenerateOptions = {}): Tensor => svd(matrices("svdvals", a), options).s;

/** What this file defines, for table.ts. */
export const { primitives } = svdPrimitive;
