/**
 * The vocabulary in which the functions of this room are written: float32 and integer constants, polynomials, signs
 * and powers of two as bit patterns. None of it knows about a particular function.
 */
import { type Expr, add, and, bitcast, constant, lt, mul, or, select, shl } from "../expr.ts";

export const f32 = (value: number): Expr => constant("f32", value);
export const i32 = (value: number): Expr => constant("i32", value);
export const u32 = (value: number): Expr => constant("u32", value);
/** A constant of the type that x has. */
export const like = (x: Expr, value: number): Expr => constant(x.type, value);

/** c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule. */
export function polynomial(x: Expr, c: readonly number[]): Expr {
  let sum = like(x, c[c.length - 1]!);
  for (let k = c.length - 2; k >= 0; k--) sum = add(mul(sum, x), like(x, c[k]!));
  return sum;
}

/** The smaller and the larger of x and a bound, x where it is NaN. One instruction each in SIMD, unlike IEEE min and max. */
export const atMost = (x: Expr, bound: number): Expr => select(lt(like(x, bound), x), like(x, bound), x);
export const atLeast = (x: Expr, bound: number): Expr => select(lt(x, like(x, bound)), like(x, bound), x);

const signBit = i32(0x80000000);
export const bitsOf = (x: Expr): Expr => bitcast("i32", x);
export const floatOf = (bits: Expr): Expr => bitcast("f32", bits);
/** The sign of x alone, in its place. */
export const signOf = (x: Expr): Expr => and(bitsOf(x), signBit);
/** magnitude >= 0 with the sign of x. */
export const withSign = (magnitude: Expr, x: Expr): Expr => floatOf(or(bitsOf(magnitude), signOf(x)));
/** 2^n as a float32, for -127 < n < 128 (and 0 for n = -127). */
export const powerOfTwo = (n: Expr): Expr => floatOf(shl(add(n, i32(127)), i32(23)));

/**
 * x to the nearest integer, by adding and taking away 1.5 * 2^23, for |x| < 2^22: the sum's low bits are the integer, so
 * that one addition gives it as a float, and in `bits`, whose low 9 bits are n + low, also as an integer.
 */
export function roundToInteger(x: Expr, low = 0): { n: Expr; bits: Expr } {
  const sum = add(x, f32(roundingShift + low));
  return { n: add(sum, f32(-(roundingShift + low))), bits: bitsOf(sum) };
}
const roundingShift = 1.5 * 2 ** 23;
/** The bits of 1.5 * 2^23: to take away from `bits` above for the integer. */
export const roundingBits = i32(0x4b400000);
