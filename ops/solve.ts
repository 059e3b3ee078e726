/** Systems of equations, inverses and determinants, by LU factorization with partial pivoting. */
import type { Dim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Matmul } from "../core/types/matmul.ts";
import type { Result, ShapeOf } from "../core/types/shape.ts";
import { mul } from "./arithmetic.ts";
import { attached } from "./attached.ts";
import { batchAlong, reduceSum } from "./broadcast.ts";
import { eye } from "./creation.ts";
import { diagonalOf } from "./diagonal.ts";
import { log } from "./functions.ts";
import { stopGradient } from "./identity.ts";
import { type Each, squareMatrices, stacked, unstacked } from "./linalg.ts";
import { type Factorized, factorize, type Factors, signOfOrder, solveFactorized } from "./lu.ts";
import { factors } from "./matmul.ts";
import type { Operand } from "./operand.ts";
import { abs, sign } from "./piecewise.ts";
import { prod } from "./reductions.ts";
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

/** tr(A^-1 dA): the derivative of the logarithm of the determinant. */
const logTangent = (f: Factors, da: Tensor): Tensor => reduceSum([diagonalOf([solveFactorized(f, da)], {})], { axes: [1] });
const factorsIn = ([matrix, factors, order]: readonly Tensor[]): Factors => ({ matrix: matrix!, factors: factors!, order: order! });

// Jacobi's formula.
const detOf = attached<object>("det", ({ inputs, tangents: [da], outputs: [d] }) => da && mul(d!, logTangent(factorsIn(inputs), da)));
const logOf = attached<object>("logabsdet", ({ inputs, tangents: [da] }) => da && logTangent(factorsIn(inputs), da));

const diagonalOfU = (f: Factorized): Tensor => diagonalOf([f.factors], {});

/** The determinant of each matrix [..., n, n]. Of a singular one the value is 0 and the derivative NaN. */
export function det<A extends Operand>(a: A): Tensor<Each<ShapeOf<A>, []>>;
export function det(a: Operand): Tensor {
  const t = squareMatrices("det", a);
  const f = factorize(stacked(t));
  const value = mul(signOfOrder(f), prod(diagonalOfU(f), -1));
  return unstacked(detOf([f.matrix, f.factors, f.order, stopGradient(value)], {}), t);
}

export interface SignAndLog<S extends readonly unknown[] = any> {
  /** -1, 0 or 1. Nothing flows through it. */
  readonly sign: Tensor<S>;
  /** The logarithm of the determinant's absolute value; -Infinity where that is 0. */
  readonly logabsdet: Tensor<S>;
}

/** The determinant of each matrix [..., n, n] as its sign and the logarithm of its size, which neither overflow nor underflow. */
export function slogdet<A extends Operand>(a: A): SignAndLog<Each<ShapeOf<A>, []>>;
export function slogdet(a: Operand): SignAndLog {
  const t = squareMatrices("slogdet", a);
  const f = factorize(stacked(t));
  const diagonal = stopGradient(diagonalOfU(f));
  const value = reduceSum([log(abs(diagonal))], { axes: [1] });
  return {
    sign: unstacked(mul(signOfOrder(f), prod(sign(diagonal), -1)), t),
    logabsdet: unstacked(logOf([f.matrix, f.factors, f.order, value], {}), t),
  };
}

/** What this file defines, for table.ts. */
export const primitives = [detOf.primitive, logOf.primitive];
