/** Eigenvalues and eigenvectors of symmetric matrices. */
import type { Dim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf, ShapeType } from "../core/types/shape.ts";
import { eigh as routine } from "../kernel/routines/eigh.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { where } from "./compare.ts";
import { diagonalMask } from "./creation.ts";
import { diagonalOf } from "./diagonal.ts";
import { type DegenerateOptions, epsOf, reciprocal } from "./degenerate.ts";
import {
  batchItems,
  floatsAlike,
  lowerRoutine,
  product,
  squareMatrices,
  stacked,
  swapLast,
  transposed,
  unstacked,
  type Vectors,
} from "./linalg.ts";
import type { Operand } from "./operand.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { expandDims } from "./reshape.ts";

interface EighParams {
  readonly eps: number;
}

/** Symmetric A [b, n, n] -> w [b, n], V [b, n, n]. */
const eighPrimitive: PrimitiveFunction<EighParams> = definePrimitive<EighParams>({
  name: "eigh",
  type: ([a]) => {
    floatsAlike("eigh", [a!]);
    return [
      { shape: a!.shape.slice(0, 2), dtype: a!.dtype },
      { shape: a!.shape, dtype: a!.dtype },
    ];
  },
  // Giles, "An extended collection of matrix derivative results" (2008), 3.1: with P = V^T dA V, dw = diag(P) and dV = V (F * P), F = 1 / (w_j - w_i)
  // beside the diagonal.
  jvp: ({ params: { eps }, tangents: [da], outputs: [w, v] }) => {
    const p = product(transposed(v!), product(da!, v!));
    const n = w!.shape[1] as Dim;
    const gaps = sub(expandDims(w!, 1), expandDims(w!, 2));
    const onDiagonal = diagonalMask(n, n, 0);
    const f = where(onDiagonal, 0, reciprocal(where(onDiagonal, 1, gaps), eps));
    return [diagonalOf([p], {}), product(v!, mul(f, p))];
  },
  batch: batchItems(() => eighPrimitive),
  lower: ({ inputs, inputTypes: [a], outputTypes }) => lowerRoutine(routine.real, a!.shape.slice(0, 2), inputs, outputTypes),
});

/** The symmetric part of each matrix, as a stack: derivatives by each element are those of the function of A. */
const symmetric = (t: Tensor): Tensor => stacked(mul(add(t, swapLast(t)), 0.5));

export interface Eigh<S extends ShapeType = any> {
  /** The eigenvalues, ascending: [..., n]. */
  readonly w: Tensor<Vectors<S>>;
  /** The eigenvectors, in columns: [..., n, n]. */
  readonly v: Tensor<S>;
}

/**
 * A = V diag(w) V^T for symmetric matrices [..., n, n]; of others the symmetric part is taken. By Jacobi's method. The first component of an
 * eigenvector that has more than 0.3 of the greatest one's size is positive; where eigenvalues are equal, their vectors are some basis. Derivatives move
 * eigenvectors at right angles to themselves; they do not exist where eigenvalues are equal, unless derivativeEps says what to do.
 */
export function eigh<A extends Operand>(a: A, options?: DegenerateOptions): Eigh<ShapeOf<A>>;
export function eigh(a: Operand, options: DegenerateOptions = {}): Eigh {
  const t = squareMatrices("eigh", a);
  const [w, v] = eighPrimitive.many([symmetric(t)], { eps: epsOf("eigh", options) }) as [Tensor, Tensor];
  return { w: unstacked(w, t), v: unstacked(v, t) };
}

/** The eigenvalues of symmetric matrices [..., n, n], ascending: as eigh. */
export function eigvalsh<A extends Operand>(a: A, options?: DegenerateOptions): Tensor<Vectors<ShapeOf<A>>>;
export function eigvalsh(a: Operand, options: DegenerateOptions = {}): Tensor {
  return eigh(squareMatrices("eigvalsh", a), options).w;
}

/** What this file defines, for table.ts. */
export const primitives = [eighPrimitive.primitive];
