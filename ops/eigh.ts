/** Eigenvalues and eigenvectors of symmetric and Hermitian matrices. */
import type { Dim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf, ShapeType } from "../core/types/shape.ts";
import { eigh as routine } from "../kernel/routines/eigh.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { where } from "./compare.ts";
import { diagonalMask } from "./creation.ts";
import { diagonalOf } from "./diagonal.ts";
import { type DegenerateOptions, epsOf, reciprocal } from "./degenerate.ts";
import { partDType } from "../core/dtype.ts";
import { real } from "./complex.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { adjoint, adjointLast, batchItems, lowerRoutine, product, squareMatrices, stacked, unstacked, type Vectors } from "./linalg.ts";
import type { Operand } from "./operand.ts";
import { expandDims } from "./reshape.ts";

interface EighParams {
  readonly eps: number;
}

/** Hermitian A [b, n, n] -> w [b, n], V [b, n, n]. */
const eighPrimitive: FieldFunction<EighParams> = defineOverFields<EighParams>({
  name: "eigh",
  type: ([a]) => [{ shape: a!.shape.slice(0, 2), dtype: partDType(a!.dtype) }, a!],
  // Giles, "An extended collection of matrix derivative results" (2008), 3.1: with P = V^H dA V, dw = diag(P) and dV = V (F * P), F = 1 / (w_j - w_i)
  // beside the diagonal.
  jvp: ({ params: { eps }, tangents: [da], outputs: [w, v] }) => {
    const p = product(adjoint(v!), product(da!, v!));
    const n = w!.shape[1] as Dim;
    const gaps = sub(expandDims(w!, 1), expandDims(w!, 2));
    const onDiagonal = diagonalMask(n, n, 0);
    const f = where(onDiagonal, 0, reciprocal(where(onDiagonal, 1, gaps), eps));
    return [real(diagonalOf([p], {})), product(v!, mul(f, p))];
  },
  batch: batchItems(() => eighPrimitive),
  lower: ({ inputs, inputTypes: [a], outputTypes }, field) => lowerRoutine(routine[field], a!.shape.slice(0, 2), inputs, outputTypes),
});

/** The Hermitian part of each matrix, as a stack: derivatives by each element are those of the function of A. */
const hermitian = (t: Tensor): Tensor => stacked(mul(add(t, adjointLast(t)), 0.5));

export interface Eigh<S extends ShapeType = any> {
  /** The eigenvalues, ascending: [..., n]. */
  readonly w: Tensor<Vectors<S>>;
  /** The eigenvectors, in columns: [..., n, n]. */
  readonly v: Tensor<S>;
}

/**
 * A = V diag(w) V^H for Hermitian matrices [..., n, n], w real; of others the Hermitian part is taken. By Jacobi's method. The first component of an
 * eigenvector that has more than 0.3 of the greatest one's size is real and positive; where eigenvalues are equal, their vectors are some basis. Derivatives move
 * eigenvectors at right angles to themselves; they do not exist where eigenvalues are equal, unless derivativeEps says what to do.
 */
export function eigh<A extends Operand>(a: A, options?: DegenerateOptions): Eigh<ShapeOf<A>>;
export function eigh(a: Operand, options: DegenerateOptions = {}): Eigh {
  const t = squareMatrices("eigh", a);
  const [w, v] = eighPrimitive.many([hermitian(t)], { eps: epsOf("eigh", options) }) as [Tensor, Tensor];
  return { w: unstacked(w, t), v: unstacked(v, t) };
}

/** The eigenvalues of Hermitian matrices [..., n, n], ascending: as eigh. */
export function eigvalsh<A extends Operand>(a: A, options?: DegenerateOptions): Tensor<Vectors<ShapeOf<A>>>;
export function eigvalsh(a: Operand, options: DegenerateOptions = {}): Tensor {
  return eigh(squareMatrices("eigvalsh", a), options).w;
}

/** What this file defines, for table.ts. */
export const { primitives } = eighPrimitive;
