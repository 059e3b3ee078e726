/** The LU factorization with partial pivoting, and systems of a matrix that has been factorized. */
import { type Dim, sameDim, subDims } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import { lu as luRoutine, luSolve as luSolveRoutine } from "../kernel/routines/lu.ts";
import { add, neg, sub } from "./arithmetic.ts";
import { addN } from "./addN.ts";
import { equal } from "./compare.ts";
import { convert } from "./convert.ts";
import { eye, tril, triu } from "./creation.ts";
import type { Shape } from "../core/shape.ts";
import { lesser, shorter } from "./diagonal.ts";
import { stopGradient } from "./identity.ts";
import { takeAlongAxis } from "./indexing.ts";
import { iotaOf } from "./iota.ts";
import { partDType } from "../core/dtype.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { adjoint, batchItems, batchSystems, lowerRoutine, matrices, ofItem, product, stacked, unstacked } from "./linalg.ts";
import type { Operand } from "./operand.ts";
import { pad, sliceAxis } from "./pad.ts";
import { prod } from "./reductions.ts";
import { expandDims, reshape } from "./reshape.ts";
import { triangularPrimitive } from "./triangular.ts";

/** A [b, m, n] -> the factors in one matrix [b, m, n], exchanges (int32) [b, min(m, n)], the order of rows (int32) [b, m]. */
const luPrimitive: FieldFunction<object> = defineOverFields<object>({
  name: "lu",
  type: ([a]) => {
    const [b, m] = a!.shape as [Dim, Dim, Dim];
    return [a!, { shape: [b, shorterOf(a!.shape)], dtype: "int32" }, { shape: [b, m], dtype: "int32" }];
  },
  // Of square matrices, d(LU) = L F + G U with L^-1 P dA U^-1 = F + G, F strictly lower and G upper triangular; others are made square by ones
  // on the diagonal, as in de Hoog, Anderssen, Lukas, "Differentiation of matrix functionals using triangular factorization" (2011).
  jvp: ({ tangents: [da], outputs: [factors, , order] }) => {
    const [, m, n] = da!.shape as [Dim, Dim, Dim];
    const moved = takeAlongAxis(da!, expandDims(order!, -1), 1);
    const { l, u } = squareFactors(factors!, m, n);
    const left = triangularPrimitive([l, moved], { upper: false, adjoint: false, unit: true });
    const both = adjoint(triangularPrimitive([u, adjoint(left)], { upper: true, adjoint: true, unit: false }));
    return [add(product(unitLower(l), tril(both, -1)), product(triu(both), triu(u))), undefined, undefined];
  },
  batch: batchItems(() => luPrimitive),
  diagnosis: (field) => ({
    outputs: field === "complex" ? [2, 0, 1] : [1, 0],
    trouble: ([exchanges, ...factors], { inputs: [a] }) => {
      // Of square matrices: others have no inverse in any case.
      if (!sameDim(a!.shape[1]!, a!.shape[2]!)) return undefined;
      const n = factors[0]!.length / exchanges!.length;
      const items = exchanges!.length / n;
      const at = Array.from(exchanges!).findIndex((_, i) => factors.every((part) => part[i * n + (i % n)] === 0));
      return at < 0 ? undefined : `${ofItem(Math.floor(at / n), items)} is singular: pivot ${(at % n) + 1} is 0`;
    },
  }),
  lower: ({ inputs, inputTypes: [a], outputTypes }, field) =>
    lowerRoutine(luRoutine[field], [...a!.shape, shorterOf(a!.shape)], inputs, outputTypes),
});

/** The lesser of the last two sizes, of which `lu` has made sure. */
const shorterOf = (shape: Shape): Dim => {
  const [m, n] = shape.slice(-2) as [Dim, Dim];
  return lesser(m, n)!;
};

const unitLower = (t: Tensor): Tensor => add(tril(t, -1), eye(t.shape.at(-2)!, t.shape.at(-1)!, 0, { dtype: t.dtype }));

/** L [b, m, m], of which the strict lower triangle counts, and U [b, n, n], of which the upper one does. */
function squareFactors(factors: Tensor, m: Dim, n: Dim): { l: Tensor; u: Tensor } {
  const k = shorterOf([m, n]);
  const none = [0, 0] as const;
  const l = pad(sliceAxis(factors, 2, 0, k), [none, none, [0, subDims(m, k)]]);
  const rows = pad(triu(sliceAxis(factors, 1, 0, k)), [none, [0, subDims(n, k)], none]);
  if (m === k && n === k) return { l, u: rows };
  // Ones where U has no rows.
  const ones = pad(eye(subDims(n, k), subDims(n, k), 0, { dtype: factors.dtype }), [
    [k, 0],
    [k, 0],
  ]);
  return { l, u: add(rows, ones) };
}

interface SolveParams {
  readonly adjoint: boolean;
}

/**
 * A [b, n, n], its factors and the order of its rows, B [b, n, k] -> A^-1 B, or A^-H B. Derivatives by A come from A itself, so that those of the
 * factors are never needed: the factors are constants.
 */
export const solvePrimitive: FieldFunction<SolveParams> = defineOverFields<SolveParams>({
  name: "luSolve",
  type: (inputs) => [inputs[3]!],
  // A X = B gives dX = A^-1 (dB - dA X).
  jvp: ({ params, inputs: [a, factors, order], tangents: [da, , , db], outputs: [x] }) => {
    const moved = da && neg(product(params.adjoint ? adjoint(da) : da, x!));
    const right = addN([db, moved]);
    return [right && solvePrimitive([a!, factors!, order!, right], params)];
  },
  transpose: ({ params, inputs: [a, factors, order], linear, cotangents: [ct] }) => {
    if (linear[0]) throw new Error("solve: the solution is not linear in the matrix");
    return [undefined, undefined, undefined, solvePrimitive([a!, factors!, order!, ct!], { adjoint: !params.adjoint })];
  },
  batch: batchSystems(() => solvePrimitive),
  lower: ({ params, inputs, outputTypes }, field) =>
    // A is not read.
    lowerRoutine(luSolveRoutine(params.adjoint)[field], outputTypes[0]!.shape, inputs.slice(field === "real" ? 1 : 2), outputTypes),
});

/** A stack of square matrices [b, n, n] with its factors and the order of its rows. Those are constants: derivatives know the matrix. */
export interface Factors {
  readonly matrix: Tensor;
  readonly factors: Tensor;
  readonly order: Tensor;
}
export interface Factorized extends Factors {
  /** The row that each was exchanged with, one after the other. */
  readonly exchanges: Tensor;
}

export function factorize(matrix: Tensor): Factorized {
  const [factors, exchanges, order] = luPrimitive.many([stopGradient(matrix)], {}) as [Tensor, Tensor, Tensor];
  return { matrix, factors, exchanges, order };
}

/** A^-1 B for a stack of right-hand sides. */
export const solveFactorized = ({ matrix, factors, order }: Factors, b: Tensor): Tensor =>
  solvePrimitive([matrix, factors, order, b], { adjoint: false });

export interface LU {
  /** L below the diagonal and U on and above it, [..., m, n]. */
  readonly packed: Tensor;
  /** The row that each of the first min(m, n) rows was exchanged with, one after the other (int32). */
  readonly pivots: Tensor;
  /** The rows of A in their new order (int32), [..., m]. */
  readonly permutation: Tensor;
  /** The permutation matrix [..., m, m] with A = P L U. */
  readonly p: Tensor;
  /** Lower triangular with ones on the diagonal, [..., m, min(m, n)]. */
  readonly l: Tensor;
  /** Upper triangular, [..., min(m, n), n]. */
  readonly u: Tensor;
}

/** A = P L U by elimination with partial pivoting, for matrices [..., m, n]. Where a matrix is singular, U has a 0 on its diagonal. */
export function lu(a: Operand): LU {
  const t = matrices("lu", a);
  shorter("lu", t, t.shape.at(-2)!, t.shape.at(-1)!);
  const [packed, pivots, permutation] = luPrimitive.many([stacked(t)], {}).map((out) => unstacked(out, t)) as [Tensor, Tensor, Tensor];
  const k = pivots.shape.at(-1)!;
  const m = t.shape.at(-2)!;
  const p = convert(equal(iotaOf([m, 1], 0, "int32"), expandDims(permutation, -2)), t.dtype);
  return {
    packed,
    pivots,
    permutation,
    p,
    l: unitLower(sliceAxis(packed, t.rank - 1, 0, k)),
    u: triu(sliceAxis(packed, t.rank - 2, 0, k)),
  };
}

/** 1 or -1 for each matrix: how often rows were exchanged. */
export function signOfOrder({ exchanges, matrix }: Factorized): Tensor {
  const n = exchanges.shape[1]!;
  const moved = convert(equal(exchanges, reshape(iotaOf([n], 0, "int32"), [1, n])), partDType(matrix.dtype));
  return prod(sub(moved, sub(1, moved)), -1);
}

/** What this file defines, for table.ts. */
export const primitives = [...luPrimitive.primitives, ...solvePrimitive.primitives];
