/** Triangular systems: linear in the right-hand side, so that the transpose is the system of the adjoint matrix. */
import type { Tensor } from "../core/tensor.ts";
import { triangularSolve as routine, type Triangle } from "../kernel/routines/triangular.ts";
import { addN } from "./addN.ts";
import { neg } from "./arithmetic.ts";
import { tril, triu } from "./creation.ts";
import { conj } from "./complex.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { adjoint, batchSystems, lowerRoutine, matrices, product, squareMatrices } from "./linalg.ts";
import { factors } from "./matmul.ts";
import type { Operand } from "./operand.ts";
import { systems } from "./systems.ts";

/** A [b, n, n] and B [b, n, k] -> X [b, n, k]. */
export const triangularPrimitive: FieldFunction<Triangle> = defineOverFields<Triangle>({
  name: "triangularSolve",
  type: ([, b]) => [b!],
  // A X = B gives dX = A^-1 (dB - dA X), with the triangle of dA that counts.
  jvp: ({ params, inputs: [a], tangents: [da, db], outputs: [x] }) => {
    const below = params.unit ? 1 : 0;
    const counts = da && (params.upper ? triu(da, below) : tril(da, -below));
    const moved = counts && neg(product(params.adjoint ? adjoint(counts) : counts, x!));
    return [triangularPrimitive([a!, addN([db, moved])!], params)];
  },
  transpose: ({ params, inputs: [a], linear, cotangents: [ct] }) => {
    if (linear[0]) throw new Error("triangularSolve: the solution is not linear in the matrix");
    return [undefined, triangularPrimitive([a!, ct!], { ...params, adjoint: !params.adjoint })];
  },
  batch: batchSystems(() => triangularPrimitive),
  lower: ({ params, inputs, outputTypes }, field) => lowerRoutine(routine(params)[field], outputTypes[0]!.shape, inputs, outputTypes),
});

export interface TriangularOptions {
  /** Whether A is lower triangular (default true). The other triangle is not read. */
  readonly lower?: boolean;
  /** Solves with A transposed (default false). */
  readonly transposed?: boolean;
  /** Takes the diagonal of A as 1, and does not read it (default false). */
  readonly unitDiagonal?: boolean;
  /** Solves X A = B instead of A X = B (default false). */
  readonly right?: boolean;
}

/**
 * X with A X = B, A triangular: [..., n, n] and [..., n, k] give [..., n, k]; a vector B of n elements gives a vector. Leading axes
 * broadcast. By substitution; a diagonal element of 0 gives infinities or NaN.
 */
export function triangularSolve(a: Operand, b: Operand, options: TriangularOptions = {}): Tensor {
  const op = "triangularSolve";
  const { lower = true, transposed: flip = false, unitDiagonal = false, right = false } = options;
  const [x, y] = factors(op, [matrices(op, a), b]) as [Tensor, Tensor];
  squareMatrices(op, x);
  // X A = B is A^T X^T = B^T, and A^T is the adjoint of the conjugate.
  const triangle = { upper: !lower, adjoint: flip !== right, unit: unitDiagonal };
  return systems(op, x, y, right, (m, v) => triangularPrimitive([triangle.adjoint ? conj(m) : m, v], triangle));
}

/** What this file defines, for table.ts. */
export const { primitives } = triangularPrimitive;
