/** Determinants, by LU factorization with partial pivoting. */
import { complexOf, isComplexTensor } from "../core/complex.ts";
import { partDType } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { adjugateOfUpper } from "../kernel/routines/adjugate.ts";
import { product as productRoutine } from "../kernel/routines/product.ts";
import { mul, sub } from "./arithmetic.ts";
import { attached } from "./attached.ts";
import { reduceSum } from "./broadcast.ts";
import { imag, real } from "./complex.ts";
import { diagonalOf } from "./diagonal.ts";
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { log } from "./functions.ts";
import { stopGradient } from "./identity.ts";
import { oneHot } from "./creation.ts";
import { adjoint, batchItems, type Each, lowerRoutine, product, squareMatrices, stacked, transposed, unstacked } from "./linalg.ts";
import { type Factorized, factorize, type Factors, signOfOrder, solveFactorized } from "./lu.ts";
import type { Operand } from "./operand.ts";
import { abs, sign } from "./piecewise.ts";
import { reshape } from "./reshape.ts";
import { triangularPrimitive } from "./triangular.ts";

/** Of the upper triangle of [b, n, n]. Only ever of constants: the derivative is that of `adjugateOf`. */
const upperAdjugate: FieldFunction<object> = defineOverFields<object>({
  name: "adjugateOfUpper",
  type: ([u]) => [u!],
  jvp: () => [undefined],
  batch: batchItems(() => upperAdjugate),
  lower: ({ inputs, inputTypes: [u], outputTypes }, field) =>
    lowerRoutine(adjugateOfUpper[field], u!.shape.slice(0, 2), inputs, outputTypes),
});

/** [b, n] -> [b]. Only ever of constants, too. */
const productOf: FieldFunction<object> = defineOverFields<object>({
  name: "productOfDiagonal",
  type: ([x]) => [{ shape: x!.shape.slice(0, 1), dtype: x!.dtype }],
  jvp: () => [undefined],
  batch: batchItems(() => productOf),
  lower: ({ inputs, inputTypes: [x], outputTypes }, field) => lowerRoutine(productRoutine[field], x!.shape, inputs, outputTypes),
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
  const left = adjoint(triangularPrimitive([f.factors, adjoint(upperAdjugate([f.factors], {}))], triangle));
  const p = oneHot(f.order, f.matrix.shape[2]!, { dtype: partDType(f.matrix.dtype) });
  return adjugateOf([f.matrix, f.factors, f.order, mul(numberEach(signOfOrder(f)), product(left, p))], {});
}

// Jacobi's formula: d det(A) = tr(adj(A) dA), and tr(A^-1 dA) for the logarithm. The adjugate is made here, so that values alone do without.
const detOf = attached<object>("det", ({ inputs, tangents: [da] }) => {
  const adj = adjugate({ ...factorsIn(inputs), exchanges: inputs[3]! });
  return da && reduceSum([mul(transposed(adj), da)], { axes: [1, 2] });
});
// Of complex matrices the logarithm is that of a complex number, of which the real part counts; the sign turns with the imaginary part.
const logOf = attached<object>("logabsdet", ({ inputs, tangents: [da] }) => da && traceOf(solveFactorized(factorsIn(inputs), da)));
const signOf = attached<object>("signOfDet", ({ inputs, tangents: [da], outputs: [value] }) => {
  if (!da || !isComplexTensor(da)) return undefined;
  const turn = imag(traceOf(solveFactorized(factorsIn(inputs), da)));
  return mul(value!, complexOf({ re: undefined, im: turn }));
});

const diagonalOfU = (f: Factorized): Tensor => stopGradient(diagonalOf([f.factors], {}));

/** The determinant of each matrix [..., n, n]. Of singular ones there are first derivatives (the adjugate), those beyond are NaN. */
export function det<A extends Operand>(a: A): Tensor<Each<ShapeOf<A>, []>>;
export function det(a: Operand): Tensor {
  const t = squareMatrices("det", a);
  const f = factorize(stacked(t));
  const value = mul(signOfOrder(f), productOf([diagonalOfU(f)], {}));
  return unstacked(detOf([f.matrix, f.factors, f.order, f.exchanges, value], {}), t);
}

export interface SignAndLog<S extends readonly unknown[] = any> {
  /** -1, 0 or 1, and nothing flows through it; of complex matrices a number of size 1, or 0. */
  readonly sign: Tensor<S>;
  /** The logarithm of the determinant's absolute value; -Infinity where that is 0. */
  readonly logabsdet: Tensor<S>;
}

/** The determinant of each matrix [..., n, n] as its sign and the logarithm of its size, which neither overflow nor underflow. */
export function slogdet<A extends Operand>(a: A): SignAndLog<Each<ShapeOf<A>, []>>;
export function slogdet(a: Operand): SignAndLog {
  const t = squareMatrices("slogdet", a);
  const f = factorize(stacked(t));
  const diagonal = diagonalOfU(f);
  const known = [f.matrix, f.factors, f.order];
  return {
    sign: unstacked(signOf([...known, mul(signOfOrder(f), productOf([sign(diagonal)], {}))], {}), t),
    logabsdet: unstacked(real(logOf([...known, reduceSum([log(abs(diagonal))], { axes: [1] })], {})), t),
  };
}

/** What this file defines, for table.ts. */
export const primitives = [upperAdjugate, productOf, adjugateOf, detOf, logOf, signOf].flatMap((p) => p.primitives);
