/**
 * pow, rsqrt and hypot. float32 pow computes log2 |x| and its product with y as a high and a low part, so that the
 * exponential's argument, up to 150, keeps the bits behind the point that the result needs. float64 pow calls Math.
 */
import {
  type Expr, abs, add, and, call, div, eq, ge, gt, le, lt, mul, ne, not, or, rare, select, sqrt, sub, trunc,
} from "../expr.ts";
import { fastTwoSum, split } from "./double-float.ts";
import { exp2OfRemainder, scaleAny, scaleNormal } from "./exponential.ts";
import { isUnusual, splitExponent } from "./logarithm.ts";
import { bitsOf, f32, floatOf, i32, like, polynomial, roundToInteger } from "./scalar.ts";

/**
 * log2 of a normal positive x, times 2^exponentShift, as high + low, high of 12 bits, to about 2^-32 of its value: x = 2^e m
 * with m in [sqrt(3)/2, sqrt(3)), and m = c (1 + s) / (1 - s) around c = 1 or 3/2, as fdlibm does.
 */
function log2InTwoParts(x: Expr, exponentShift: Expr): { high: Expr; low: Expr } {
  const { e, m } = splitExponent(x, 0x3f5db3d7);
  const above = gt(m, f32(1.2247449));
  const c = select(above, f32(1.5), f32(1));
  // s = (m - c) / (m + c) in two parts: a 12-bit quotient, and the remainder that it leaves, divided again.
  const numerator = sub(m, c);
  const denominator = add(m, c);
  const reciprocal = div(f32(1), denominator);
  const s = split(mul(numerator, reciprocal)).high;
  const d = split(denominator).high;
  const sLow = mul(reciprocal, sub(sub(numerator, mul(s, d)), mul(s, sub(m, sub(d, c)))));
  // log2 m = log2 c + 2/ln 2 (s + s^3/3 + s^5/5 + ...)
  const rounded = add(s, sLow);
  const z = mul(rounded, rounded);
  const series = mul(mul(rounded, z), polynomial(z, [0.333333343, 0.199990302, 0.144839466]));
  const scaleHigh = 2.884765625;
  const scale = 2.8853900817779268;
  const low = add(mul(s, f32(scale - scaleHigh)), mul(add(sLow, series), f32(scale)));
  const whole = add(add(e, exponentShift), select(above, f32(0.5849609375), f32(0)));
  const { sum, error } = fastTwoSum(whole, mul(s, f32(scaleHigh)));
  const rest = add(error, add(low, select(above, f32(1.5632211561814537e-6), f32(0))));
  const { high } = split(add(sum, rest));
  return { high, low: sub(rest, sub(high, sum)) };
}

export function pow(x: Expr, y: Expr): Expr {
  if (x.type === "f64") return call("pow", x, y);
  const a = abs(x);
  const subnormal = lt(a, f32(2 ** -126));
  const log = log2InTwoParts(select(subnormal, mul(a, f32(2 ** 24)), a), select(subnormal, f32(-24), f32(0)));
  const factor = split(y);
  const high = mul(factor.high, log.high);
  const low = add(mul(factor.low, log.high), mul(y, log.low));
  const w = add(high, low);
  const { n, bits } = roundToInteger(w);
  const p = exp2OfRemainder(add(sub(high, n), low));

  // Everything else in one rare branch: x not positive and normal, y not finite, results that are not normal.
  const extreme = select(gt(w, f32(129)), f32(Infinity), select(lt(w, f32(-151)), f32(0), scaleAny(p, bits)));
  const zero = f32(0);
  const one = f32(1);
  const endless = or(or(eq(a, zero), eq(a, f32(Infinity))), eq(abs(y), f32(Infinity)));
  const grows = eq(gt(a, one), gt(y, zero));
  const magnitude = select(endless, select(grows, f32(Infinity), zero), extreme);
  const half = mul(y, f32(0.5));
  const odd = and(eq(trunc(y), y), ne(trunc(half), half));
  const signed = select(odd, floatOf(or(bitsOf(magnitude), and(bitsOf(x), i32(0x80000000)))), magnitude);
  const rootOfNegative = and(and(lt(x, zero), gt(x, f32(-Infinity))), ne(trunc(y), y));
  const undefinedLimit = and(eq(a, one), eq(abs(y), f32(Infinity)));
  const isNaN = or(or(ne(x, x), ne(y, y)), or(rootOfNegative, undefinedLimit));
  const special = select(eq(y, zero), one, select(isNaN, f32(NaN), signed));
  return rare(or(isUnusual(x), not(le(abs(w), f32(125)))), special, scaleNormal(p, bits));
}

export const rsqrt = (x: Expr): Expr => div(like(x, 1), sqrt(x));

/** sqrt(x^2 + y^2); scaled by a power of two where a square would overflow or lose bits. Infinity if either is infinite, even beside NaN. */
export function hypot(x: Expr, y: Expr): Expr {
  const single = { low: 2 ** -100, high: 2 ** 126, shrink: 2 ** -70, grow: 2 ** 90 };
  const c = x.type === "f32" ? single : { low: 2 ** -900, high: 2 ** 1020, shrink: 2 ** -520, grow: 2 ** 600 };
  const k = (value: number): Expr => like(x, value);
  const length = (u: Expr, v: Expr): Expr => add(mul(u, u), mul(v, v));
  const direct = length(x, y);
  const scale = select(gt(direct, k(1)), k(c.shrink), k(c.grow));
  const scaled = div(sqrt(length(mul(x, scale), mul(y, scale))), scale);
  const infinite = or(eq(abs(x), k(Infinity)), eq(abs(y), k(Infinity)));
  return rare(not(and(ge(direct, k(c.low)), le(direct, k(c.high)))), select(infinite, k(Infinity), scaled), sqrt(direct));
}
