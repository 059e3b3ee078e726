/** Eigenvalues and eigenvectors of matrices of any kind. */
import { partsOf } from "../core/complex.ts";
import type { Dim } from "../core/dim.ts";
import { complexDType } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf, ShapeType } from "../core/types/shape.ts";
import { eig as routine } from "../kernel/routines/eig.ts";
import { add, div, mul, square, sub } from "./arithmetic.ts";
import { zeroPart } from "./broadcast.ts";
import { where } from "./compare.ts";
import { conj, real } from "./complex.ts";
import { diagonalMask } from "./creation.ts";
import { type DegenerateOptions, epsOf } from "./degenerate.ts";
import { diagonalOf } from "./diagonal.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { adjoint, batchItems, lowerRoutine, product, squareMatrices, stacked, unstacked, type Vectors } from "./linalg.ts";
import { factorize, solveFactorized } from "./lu.ts";
import type { Operand } from "./operand.ts";
import { expandDims } from "./reshape.ts";

interface EigParams {
  readonly eps: number;
}

/** A [b, n, n], real or complex -> w [b, n], V [b, n, n], complex. */
const eigPrimitive: FieldFunction<EigParams> = defineOverFields<EigParams>({
  name: "eig",
  type: ([a]) => [a!.shape.slice(0, 2), a!.shape].map((shape) => ({ shape, dtype: complexDType(a!.dtype) })),
  // With P = V^-1 dA V, dw = diag(P) and dV = V E - V Re diag(V^H V E), E = P / (w_j - w_i) beside the diagonal: columns keep their length (Boeddeker,
  // Hanebrink, Drude, Heymann, Haeb-Umbach, "On the computation of complex-valued gradients with application to statistically optimum beamforming", 2017).
  jvp: ({ params: { eps }, tangents: [da], outputs: [w, v] }) => {
    const p = solveFactorized(factorize(v!), product(da!, v!));
    const n = w!.shape[1] as Dim;
    const onDiagonal = diagonalMask(n, n, 0);
    const gaps = where(onDiagonal, 1, sub(expandDims(w!, 1), expandDims(w!, 2)));
    const e = where(onDiagonal, 0, mul(p, reciprocal(gaps, eps)));
    const lengthening = real(diagonalOf([product(adjoint(v!), product(v!, e))], {}));
    return [diagonalOf([p], {}), sub(product(v!, e), mul(v!, expandDims(lengthening, 1)))];
  },
  batch: batchItems(() => eigPrimitive),
  lower: ({ inputs, inputTypes: [a], outputTypes }, field) => lowerRoutine(routine[field], a!.shape.slice(0, 2), inputs, outputTypes),
});

/** 1 / d, or conj(d) / (|d|^2 + eps). */
function reciprocal(d: Tensor, eps: number): Tensor {
  const { re, im } = partsOf(d);
  const size = add(square(re ?? zeroPart(d)), square(im ?? zeroPart(d)));
  return eps === 0 ? div(1, d) : div(conj(d), add(size, eps));
}

export interface Eig<S extends ShapeType = any> {
  /** The eigenvalues, complex: [..., n]. */
  readonly w: Tensor<Vectors<S>>;
  /** The eigenvectors, complex, of length 1, in columns: [..., n, n]. */
  readonly v: Tensor<S>;
}

/**
 * A V = V diag(w) for matrices [..., n, n], real or complex, by the QR algorithm; w and V are complex. The order of eigenvalues is the order in which the algorithm
 * leaves them, as in LAPACK. The first component of an eigenvector that has more than 0.3 of the greatest one's size is real and positive. Derivatives
 * of eigenvectors keep their length, and are those of functions that no phase changes; they do not exist where eigenvalues are equal, unless
 * derivativeEps says what to do, and nothing has derivatives where the matrix has no basis of eigenvectors.
 */
export function eig<A extends Operand>(a: A, options?: DegenerateOptions): Eig<ShapeOf<A>>;
export function eig(a: Operand, options: DegenerateOptions = {}): Eig {
  const t = squareMatrices("eig", a);
  const [w, v] = eigPrimitive.many([stacked(t)], { eps: epsOf("eig", options) }) as [Tensor, Tensor];
  return { w: unstacked(w, t), v: unstacked(v, t) };
}

/** The eigenvalues of matrices [..., n, n], real or complex: as eig. */
export function eigvals<A extends Operand>(a: A, options?: DegenerateOptions): Tensor<Vectors<ShapeOf<A>>>;
export function eigvals(a: Operand, options: DegenerateOptions = {}): Tensor {
  return eig(squareMatrices("eigvals", a), options).w;
}

/** What this file defines, for table.ts. */
export const primitives = eigPrimitive.primitives;
