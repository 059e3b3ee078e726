/** Systems of equations and inverses, by LU factorization with partial pivoting. */
import type { Dim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Matmul } from "../core/types/matmul.ts";
import type { Result, ShapeOf } from "../core/types/shape.ts";
import { batchAlong } from "./broadcast.ts";
import { eye } from "./creation.ts";
import { squareMatrices, stacked, unstacked } from "./linalg.ts";
import { factorize, solveFactorized } from "./lu.ts";
import { factors } from "./matmul.ts";
import type { Operand } from "./operand.ts";
import { systems } from "./systems.ts";

/**
 * X with A X = B: [..., n, n] and [..., n, k] give [..., n, k]; a vector B of n elements gives a vector. Leading axes broadcast. A is factorized
 * once, also for all its derivatives. Infinities or NaN where A is singular.
 */
export function solve<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Result<Matmul<ShapeOf<A>, ShapeOf<B>>>>;
export function solve(a: Operand, b: Operand): Tensor {
  const [x, y] = factors("solve", [squareMatrices("solve", a), b]) as [Tensor, Tensor];
  return systems("solve", x, y, false, (m, v) => solveFactorized(factorize(m), v));
}

const identities = (t: Tensor): Tensor => {
  const [items, n] = t.shape as [Dim, Dim];
  return batchAlong(eye(n, n, 0, { dtype: t.dtype }), items);
};

/** The inverse of each matrix [..., n, n]. Infinities or NaN where there is none. */
export function inv<A extends Operand>(a: A): Tensor<ShapeOf<A>>;
export function inv(a: Operand): Tensor {
  const t = squareMatrices("inv", a);
  const m = stacked(t);
  return unstacked(solveFactorized(factorize(m), identities(m)), t);
}
