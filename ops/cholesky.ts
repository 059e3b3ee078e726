/** The Cholesky factorization. */
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { cholesky as routine } from "../kernel/routines/cholesky.ts";
import { add, mul } from "./arithmetic.ts";
import { where } from "./compare.ts";
import { diagonalMask, tril } from "./creation.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import {
  adjoint,
  adjointLast,
  batchItems,
  type Each,
  lowerRoutine,
  ofItem,
  product,
  squareMatrices,
  stacked,
  unstacked,
} from "./linalg.ts";
import type { Operand } from "./operand.ts";
import { triangularPrimitive } from "./triangular.ts";

/** Hermitian A [b, n, n] -> L [b, n, n], the first pivot that is not positive (int32) [b]. */
const choleskyPrimitive: FieldFunction<object> = defineOverFields<object>({
  name: "cholesky",
  type: ([a]) => [a!, { shape: a!.shape.slice(0, 1), dtype: "int32" }],
  // dL = L F(L^-1 dA L^-H), where F keeps the lower triangle and halves the diagonal (Murray, arXiv:1602.07527).
  jvp: ({ tangents: [da], outputs: [l] }) => {
    const solve = (b: Tensor): Tensor => triangularPrimitive([l!, b], { upper: false, adjoint: false, unit: false });
    const w = solve(adjoint(solve(da!)));
    const n = w.shape[2]!;
    return [product(l!, where(diagonalMask(n, n, 0), mul(w, 0.5), tril(w))), undefined];
  },
  batch: batchItems(() => choleskyPrimitive),
  diagnosis: (field) => ({
    outputs: [field === "complex" ? 2 : 1],
    trouble: ([pivots]) => {
      const item = Array.from(pivots!).findIndex((pivot) => pivot > 0);
      if (item < 0) return undefined;
      return `${ofItem(item, pivots!.length)} is not positive definite: pivot ${pivots![item]} is not positive`;
    },
  }),
  lower: ({ inputs, inputTypes: [a], outputTypes }, field) => lowerRoutine(routine[field], a!.shape.slice(0, 2), inputs, outputTypes),
});

/** Of the Hermitian part of each matrix. */
function factorOf(op: string, a: Operand): readonly [factor: Tensor, pivot: Tensor] {
  const t = squareMatrices(op, a);
  const [l, pivot] = choleskyPrimitive.many([stacked(mul(add(t, adjointLast(t)), 0.5))], {});
  return [unstacked(l!, t), unstacked(pivot!, t)];
}

/**
 * The lower triangular L with L L^H = A, for Hermitian positive definite matrices [..., n, n]. Of others the Hermitian part is taken,
 * (A + A^H) / 2, so that derivatives by each element are those of A. NaN where a matrix is not positive definite; choleskyPivot says where it fails.
 */
export function cholesky<A extends Operand>(a: A): Tensor<ShapeOf<A>>;
export function cholesky(a: Operand): Tensor {
  return factorOf("cholesky", a)[0];
}

/**
 * Which pivot of `cholesky` is the first that is not positive, counted from 1, or 0 where each matrix [..., n, n] is positive definite (int32): the order of the
 * first leading block that is not. The factorization is the same node.
 */
export function choleskyPivot<A extends Operand>(a: A): Tensor<Each<ShapeOf<A>, []>>;
export function choleskyPivot(a: Operand): Tensor {
  return factorOf("choleskyPivot", a)[1];
}

/** What this file defines, for table.ts. */
export const { primitives } = choleskyPrimitive;
