/** Determinants, by LU factorization with partial pivoting. */
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { adjugateOfUpper } from "../kernel/routines/adjugate.ts";
import { mul, sub } from "./arithmetic.ts";
import { attached } from "./attached.ts";
import { reduceSum } from "./broadcast.ts";
import { diagonalOf } from "./diagonal.ts";
import { log } from "./functions.ts";
import { stopGradient } from "./identity.ts";
import { oneHot } from "./creation.ts";
import { batchItems, type Each, floatsAlike, lowerRoutine, product, squareMatrices, stacked, transposed, unstacked } from "./linalg.ts";
import { type Factorized, factorize, type Factors, signOfOrder, solveFactorized } from "./lu.ts";
import type { Operand } from "./operand.ts";
import { abs, sign } from "./piecewise.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { prod } from "./reductions.ts";
import { reshape } from "./reshape.ts";
import { triangularPrimitive } from "./triangular.ts";

/** Of the upper triangle of [b, n, n]. Only ever of constants: the derivative is that of `adjugateOf`. */
const upperAdjugate: PrimitiveFunction<object> = definePrimitive<object>({
  name: "adjugateOfUpper",
  type: ([u]) => {
    floatsAlike("adjugateOfUpper", [u!]);
    return { shape: u!.shape, dtype: u!.dtype };
  },
  jvp: () => [undefined],
  batch: batchItems(() => upperAdjugate),
  lower: ({ inputs, inputTypes: [u], outputTypes }) => lowerRoutine(adjugateOfUpper.real, u!.shape.slice(0, 2), inputs, outputTypes),
});

const factorsIn = ([matrix, factors, order]: readonly Tensor[]): Factors => ({ matrix: matrix!, factors: factors!, order: order! });
const traceOf = (t: Tensor): Tensor => reduceSum([diagonalOf([t], {})], { axes: [1] });
const numberEach = (t: Tensor): Tensor => reshape(t, [...t.shape, 1, 1]);

// adj(A) = det(A) A^-1 gives d adj(A) = tr(A^-1 dA) adj(A) - A^-1 dA adj(A).
const adjugateOf = attached<object>("adjugate", ({ inputs, tangents: [da], outputs: [c] }) => {
  if (!da) return undefined;
  const moved = solveFactorized(factorsIn(inputs), da);
  return sub(mul(numberEach(traceOf(moved)), c!), product(moved, c!));
});

/** P A = L U gives adj(A) = adj(U) L^-1 P, times the sign of P. */
function adjugate(f: Factorized): Tensor {
  const triangle = { upper: false, adjoint: true, unit: true };
  const left = transposed(triangularPrimitive([f.factors, transposed(upperAdjugate([f.factors], {}))], triangle));
  const p = oneHot(f.order, f.matrix.shape[2]!, { dtype: f.matrix.dtype });
  return adjugateOf([f.matrix, f.factors, f.order, mul(numberEach(signOfOrder(f)), product(left, p))], {});
}

// Jacobi's formula: d det(A) = tr(adj(A) dA), and tr(A^-1 dA) for the logarithm. The adjugate is made here, so that values alone do without.
const detOf = attached<object>("det", ({ inputs, tangents: [da] }) => {
  const adj = adjugate({ ...factorsIn(inputs), exchanges: inputs[3]! });
  return da && reduceSum([mul(transposed(adj), da)], { axes: [1, 2] });
});
const logOf = attached<object>("logabsdet", ({ inputs, tangents: [da] }) => da && traceOf(solveFactorized(factorsIn(inputs), da)));

const diagonalOfU = (f: Factorized): Tensor => diagonalOf([f.factors], {});

/** The determinant of each matrix [..., n, n]. Of singular ones there are first derivatives (the adjugate), those beyond are NaN. */
export function det<A extends Operand>(a: A): Tensor<Each<ShapeOf<A>, []>>;
export function det(a: Operand): Tensor {
  const t = squareMatrices("det", a);
  const f = factorize(stacked(t));
  const value = mul(signOfOrder(f), prod(diagonalOfU(f), -1));
  return unstacked(detOf([f.matrix, f.factors, f.order, f.exchanges, stopGradient(value)], {}), t);
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
export const primitives = [upperAdjugate.primitive, adjugateOf.primitive, detOf.primitive, logOf.primitive];
