/** Powers and the exponential of square matrices. */
import type { Dim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { addN } from "./addN.ts";
import { broadcastLast } from "./broadcast.ts";
import { greater, where } from "./compare.ts";
import { eye } from "./creation.ts";
import { showArgument } from "./describe.ts";
import { stopGradient } from "./identity.ts";
import { product, squareMatrices, stacked, unstacked } from "./linalg.ts";
import { factorize, solveFactorized } from "./lu.ts";
import { matmul } from "./matmul.ts";
import type { Operand } from "./operand.ts";
import { matrixNorm } from "./matrix-norm.ts";
import { expandDims } from "./reshape.ts";
import { inv } from "./solve.ts";

/** The product of n equal matrices [..., k, k]; of -n inverses for a negative n. By repeated squaring. */
export function matrixPower<A extends Operand>(a: A, n: number): Tensor<ShapeOf<A>>;
export function matrixPower(a: Operand, n: number): Tensor {
  const t = squareMatrices("matrixPower", a);
  if (!Number.isSafeInteger(n)) throw new Error(`matrixPower: the exponent must be an integer, got ${showArgument(n)}`);
  if (n === 0) {
    const k = t.shape.at(-1)!;
    return broadcastLast(eye(k, k, 0, { dtype: t.dtype }), t.shape);
  }
  let square = n < 0 ? inv(t) : t;
  let power: Tensor | undefined;
  for (let rest = Math.abs(n); ; square = matmul(square, square)) {
    if (rest % 2 === 1) power = power ? matmul(power, square) : square;
    rest = Math.floor(rest / 2);
    if (rest === 0) return power!;
  }
}

/** The coefficients of the numerator of the (13, 13) Pade approximant of exp, and the 1-norm up to which it is exact to float64 (Higham 2005). */
const PADE = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640,
  1323241920, 40840800, 960960, 16380, 182, 1,
].map((c) => c / 64764752532480000);
const LARGEST = 5.371920351148152;

export interface ExpmOptions {
  /** How often the result may be squared: matrices of a 1-norm above about 5.4 * 2^maxSquarings give NaN (default 16). */
  readonly maxSquarings?: number;
}

/**
 * The exponential of each matrix [..., n, n], by scaling and squaring of a Pade approximant (Higham, "The scaling and squaring method for the matrix
 * exponential revisited", 2005). Costs maxSquarings products, whatever the matrix.
 */
export function expm<A extends Operand>(a: A, options?: ExpmOptions): Tensor<ShapeOf<A>>;
export function expm(a: Operand, { maxSquarings = 16 }: ExpmOptions = {}): Tensor {
  const t = squareMatrices("expm", a);
  if (!Number.isInteger(maxSquarings) || maxSquarings < 0 || maxSquarings > 60)
    throw new Error(`expm: maxSquarings must be an integer from 0 to 60, got ${showArgument(maxSquarings)}`);
  if (t.shape.at(-1) === 0) return t;
  const all = stacked(t);
  const size = expandDims(matrixNorm(stopGradient(all), { ord: 1 }), [1, 2]);
  /** Whether a result that was squared so often has to be squared again. */
  const more = (squarings: number): Tensor => greater(size, LARGEST * 2 ** squarings);
  let scale: Tensor | number = 1;
  for (let i = 0; i < maxSquarings; i++) scale = where(more(i), 2 ** -(i + 1), scale);
  let result = approximant(mul(all, scale));
  for (let i = 0; i < maxSquarings; i++) result = where(more(i), product(result, result), result);
  return unstacked(where(more(maxSquarings), NaN, result), t);
}

function approximant(a: Tensor): Tensor {
  const n = a.shape[2] as Dim;
  const a2 = product(a, a);
  const a4 = product(a2, a2);
  const a6 = product(a4, a2);
  const one = broadcastLast(eye(n, n, 0, { dtype: a.dtype }), a.shape);
  /** The coefficients from `first` on, every other one, times 1, a^2, a^4, a^6. */
  const combine = (first: number, powers: readonly Tensor[]): Tensor => addN(powers.map((p, i) => mul(p, PADE[first + 2 * i]!)));
  const odd = product(a, add(product(a6, combine(9, [a2, a4, a6])), combine(1, [one, a2, a4, a6])));
  const even = add(product(a6, combine(8, [a2, a4, a6])), combine(0, [one, a2, a4, a6]));
  return solveFactorized(factorize(sub(even, odd)), add(even, odd));
}
