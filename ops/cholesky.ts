/** The Cholesky factorization. */
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { cholesky as routine } from "../kernel/routines/cholesky.ts";
import { add, mul } from "./arithmetic.ts";
import { where } from "./compare.ts";
import { diagonalMask, tril } from "./creation.ts";
import { batchItems, floatsAlike, lowerRoutine, product, squareMatrices, stacked, swapLast, transposed, unstacked } from "./linalg.ts";
import type { Operand } from "./operand.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { triangularPrimitive } from "./triangular.ts";

/** Symmetric A [b, n, n] -> L [b, n, n]. */
const choleskyPrimitive: PrimitiveFunction<object> = definePrimitive<object>({
  name: "cholesky",
  type: ([a]) => {
    floatsAlike("cholesky", [a!]);
    return { shape: a!.shape, dtype: a!.dtype };
  },
  // dL = L F(L^-1 dA L^-T), where F keeps the lower triangle and halves the diagonal (Murray, arXiv:1602.07527).
  jvp: ({ tangents: [da], outputs: [l] }) => {
    const solve = (b: Tensor): Tensor => triangularPrimitive([l!, b], { upper: false, transposed: false, unit: false });
    const w = solve(transposed(solve(da!)));
    const n = w.shape[2]!;
    return [product(l!, where(diagonalMask(n, n, 0), mul(w, 0.5), tril(w)))];
  },
  batch: batchItems(() => choleskyPrimitive),
  lower: ({ inputs, inputTypes: [a], outputTypes }) => lowerRoutine(routine, a!.shape.slice(0, 2), inputs, outputTypes),
});

/**
 * The lower triangular L with L L^T = A, for symmetric positive definite matrices [..., n, n]. Of others the symmetric part is taken,
 * (A + A^T) / 2, so that derivatives by each element are those of A. NaN where a matrix is not positive definite.
 */
export function cholesky<A extends Operand>(a: A): Tensor<ShapeOf<A>>;
export function cholesky(a: Operand): Tensor {
  const t = squareMatrices("cholesky", a);
  return unstacked(choleskyPrimitive([stacked(mul(add(t, swapLast(t)), 0.5))], {}), t);
}

/** What this file defines, for table.ts. */
export const primitives = [choleskyPrimitive.primitive];
