/**
 * The vocabulary in which the functions of this room are written: constants, polynomials, signs and powers of two as bit
 * patterns, for float32 and float64. None of it knows about a particular function.
 *
 * The fits of this room are minimax for float32; for float64 they interpolate at Chebyshev nodes, which is as good to within a
 * small part of an ulp.
 *
 * The head of a float is the i32 that holds its sign, its exponent and the top of its fraction: all of a float32, the high
 * word of a float64.
 */
import { type Expr, add, and, bitcast, constant, fromWords, gt, highWord, lowWord, lt, mul, or, select, shl, sub } from "../expr.ts";
import { bitcastFunction, highWord as highWordOf } from "../scalar.ts";

export const f32 = (value: number): Expr => constant("f32", value);
export const f64 = (value: number): Expr => constant("f64", value);
export const i32 = (value: number): Expr => constant("i32", value);
export const u32 = (value: number): Expr => constant("u32", value);
/** A constant of the type that x has. */
export const like = (x: Expr, value: number): Expr => constant(x.type, value);

export type FloatLane = "f32" | "f64";
export type ByFloat<T> = { readonly [type in FloatLane]: T };
/** What belongs to the type that x has. */
export const forType = <T>(x: Expr, choices: ByFloat<T>): T => choices[x.type as FloatLane];

/** c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule. */
export function polynomial(x: Expr, c: readonly number[]): Expr {
  let sum = like(x, c[c.length - 1]!);
  for (let k = c.length - 2; k >= 0; k--) sum = add(mul(sum, x), like(x, c[k]!));
  return sum;
}

/** The same by Estrin's scheme: halves that do not wait for each other, down to pairs. Worth its powers of x where long and alone. */
function estrin(x: Expr, c: readonly number[]): Expr {
  const powers = [x]; // x^(2^k)
  for (let k = 2; k < c.length; k *= 2) powers.push(mul(powers[powers.length - 1]!, powers[powers.length - 1]!));
  const part = (some: readonly number[]): Expr => {
    if (some.length <= 2) return polynomial(x, some);
    const level = Math.ceil(Math.log2(some.length)) - 1;
    return add(part(some.slice(0, 2 ** level)), mul(powers[level]!, part(some.slice(2 ** level))));
  };
  return part(c);
}

/** The polynomial of the type that x has, where that of float64 is long. */
export const seriesOf = (x: Expr, c: ByFloat<readonly number[]>): Expr => (x.type === "f64" ? estrin : polynomial)(x, forType(x, c));

/** The smaller of x and a bound, x where it is NaN: one instruction in SIMD, unlike IEEE min. */
export const atMost = (x: Expr, bound: number): Expr => select(lt(like(x, bound), x), like(x, bound), x);

/** The exponent's place in a head, and its value for 1. */
export const exponentShift: ByFloat<number> = { f32: 23, f64: 20 };
const exponentBias: ByFloat<number> = { f32: 127, f64: 1023 };

export const headOf = (x: Expr): Expr => bitcast("i32", x.type === "f64" ? highWord(x) : x);
/** x with another head. */
export const withHead = (x: Expr, head: Expr): Expr =>
  x.type === "f64" ? fromWords(bitcast("u32", head), lowWord(x)) : bitcast("f32", head);
/** The float of a head, and for float64 of a low word 0. */
export const fromHead = (type: FloatLane, head: Expr): Expr =>
  type === "f64" ? fromWords(bitcast("u32", head), u32(0)) : bitcast("f32", head);

const signBit = i32(0x80000000);
export const bitsOf = (x: Expr): Expr => bitcast("i32", x);
export const floatOf = (bits: Expr): Expr => bitcast("f32", bits);
/** The sign of x alone, in its place in the head. */
export const signOf = (x: Expr): Expr => and(headOf(x), signBit);
/** magnitude >= 0 with the sign of x. */
export const withSign = (magnitude: Expr, x: Expr): Expr => withHead(magnitude, or(headOf(magnitude), signOf(x)));
/** True where |x| >= limit > 0, and for NaN: a comparison of heads, so that the limit must have no more bits than a head. */
export function reaches(x: Expr, limit: number): Expr {
  const head = x.type === "f64" ? highWordOf(limit) : floatBits(limit);
  return gt(and(headOf(x), i32(0x7fffffff)), i32(head - 1));
}
const floatBits = bitcastFunction("f32", "i32");
/** 2^n, for integer n with 1 - bias <= n <= bias (and 0 for n = -bias). */
export const powerOfTwo = (type: FloatLane, n: Expr): Expr =>
  fromHead(type, shl(add(n, i32(exponentBias[type])), i32(exponentShift[type])));

/**
 * x to the nearest integer, by adding and taking away 1.5 * 2^23 (2^52), for |x| < 2^22 (2^31): the sum's low bits are the
 * integer, so that one addition gives it as a float, and in `bits` also as an integer: `bits` less `roundingBits` is n + low.
 */
export function roundToInteger(x: Expr, low = 0): { n: Expr; bits: Expr } {
  const shift = forType(x, roundingShift) + low;
  const sum = add(x, like(x, shift));
  return { n: sub(sum, like(x, shift)), bits: bitcast("i32", x.type === "f64" ? lowWord(sum) : sum) };
}
const roundingShift: ByFloat<number> = { f32: 1.5 * 2 ** 23, f64: 1.5 * 2 ** 52 };
/** The bits of 1.5 * 2^23, the low word of 1.5 * 2^52: to take away from `bits` above for the integer. */
const roundingBits: ByFloat<number> = { f32: 0x4b400000, f64: 0 };
/** n + low + offset, from the `bits` above. */
export function integerOf(type: FloatLane, bits: Expr, offset = 0): Expr {
  const away = offset - roundingBits[type];
  return away === 0 ? bits : add(bits, i32(away));
}
