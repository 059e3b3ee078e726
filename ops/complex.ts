/**
 * Complex numbers of their parts, and the parts of complex numbers. What other operations are of complex numbers stands beside their own rules:
 * see `ComplexRule`.
 *
 * Derivatives are those of the parts: a tangent dz has the parts dx and dy, and cotangents pair with tangents as
 * Re(conj(ct) dz) = Re ct dx + Im ct dy. So a real loss has the gradient dL/dx + i dL/dy, as in PyTorch: the direction of steepest ascent.
 */
import { complexOf, isComplexTensor, partsOf } from "../core/complex.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Broadcast, Broadcastable } from "../core/types/broadcast.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { neg } from "./arithmetic.ts";
import { zeroPart } from "./broadcast.ts";
import { commonFloat, type Operand, toInexact, unify } from "./operand.ts";
import type { Unary } from "./signatures.ts";

/**
 * The complex numbers re + i im: complex64 of float32 parts, complex128 where one is float64. Integers and bools become float32. `complex(x)` of
 * numbers without imaginary part.
 */
export function complex<A extends Operand>(re: A): Tensor<ShapeOf<A>>;
export function complex<A extends Operand, B extends Operand>(re: A, im: Broadcastable<A, B>): Tensor<Broadcast<A, B>>;
export function complex(re: Operand, im?: Operand): Tensor {
  const given = im === undefined ? [re] : [re, im];
  const parts = unify("complex", given, commonFloat("complex", given));
  return complexOf({ re: parts[0], im: parts[1] });
}

/** The real part; a real tensor as it is. */
export const real: Unary = (z) => {
  const t = toInexact("real", z);
  return partsOf(t).re ?? zeroPart(t);
};
/** The imaginary part; zeros for a real tensor. */
export const imag: Unary = (z) => {
  const t = toInexact("imag", z);
  return partsOf(t).im ?? zeroPart(t);
};
/** The conjugate, re - i im; a real tensor as it is. */
export const conj: Unary = (z) => {
  const t = toInexact("conj", z);
  if (!isComplexTensor(t)) return t;
  const { re, im } = partsOf(t);
  return complexOf({ re, im: im && neg(im) });
};
