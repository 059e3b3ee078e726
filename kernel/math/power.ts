/**
 * pow, rsqrt and hypot. pow computes log2 |x| and its product with y as a high and a low part, so that the exponential's
 * argument, up to 150 (1075), keeps the bits behind the point that the result needs.
 */
import { type Expr, abs, add, and, div, eq, ge, gt, le, lt, mul, ne, not, or, rare, select, sqrt, sub, trunc } from "../expr.ts";
import { fastTwoSum, split } from "./double-float.ts";
import { exp2OfRemainder, exp2Range, scaleAny, scaleNormal } from "./exponential.ts";
import { isUnusual, splitExponent } from "./logarithm.ts";
import { type ByFloat, forType, like, polynomial, reaches, roundToInteger, withSign } from "./scalar.ts";

interface Log2 {
  /** The head of sqrt(3)/2, and sqrt(3/2). */
  readonly lowestHead: number;
  readonly middle: number;
  /** log2(3/2), high of so few bits that its sum with an exponent is exact. */
  readonly high: number;
  readonly low: number;
  /** scaleHigh + scaleLow = 2 / ln 2, or 2 / (3 ln 2). */
  readonly scaleHigh: number;
  readonly scaleLow: number;
  readonly series: readonly number[];
}
const log2Constants: ByFloat<Log2> = {
  f32: {
    lowestHead: 0x3f5db3d7,
    middle: 1.2247449,
    high: 0.5849609375,
    low: 1.5632211561814537e-6,
    scaleHigh: 2.884765625,
    scaleLow: 2.8853900817779268 - 2.884765625,
    series: [0.333333343, 0.199990302, 0.144839466],
  },
  f64: {
    lowestHead: 0x3febb67a,
    middle: 1.224744871391589,
    high: 0.5849618911743164,
    low: 6.095468397752037e-7,
    scaleHigh: 0.9617958068847656,
    scaleLow: 8.870412099799066e-7,
    series: [0.5999999999999999, 0.42857142857216796, 0.3333333324964239, 0.27272761893328645, 0.23070457677637912, 0.20554850959810336],
  },
};

interface Quotient {
  /** The quotient rounded, and in two parts: few bits, and the rest. */
  readonly rounded: Expr;
  readonly high: Expr;
  readonly low: Expr;
}

/** s = (m - c) / (m + c): a quotient of few bits, and the remainder that it leaves, divided again. */
function quotientInTwoParts(m: Expr, c: Expr): Quotient {
  const numerator = sub(m, c);
  const denominator = add(m, c);
  const reciprocal = div(like(m, 1), denominator);
  const rounded = mul(numerator, reciprocal);
  const { high } = split(rounded);
  const d = split(denominator).high;
  const low = mul(reciprocal, sub(sub(numerator, mul(high, d)), mul(high, sub(m, sub(d, c)))));
  return { rounded, high, low };
}

/**
 * log2 of a normal positive x, times 2^exponentOffset, as high + low, high of 12 (21) bits, to about 2^-32 (2^-66) of its value:
 * x = 2^e m with m in [sqrt(3)/2, sqrt(3)), and m = c (1 + s) / (1 - s) around c = 1 or 3/2, as fdlibm does.
 */
function log2InTwoParts(x: Expr, exponentOffset: Expr): { high: Expr; low: Expr } {
  const k = forType(x, log2Constants);
  const { e, m } = splitExponent(x, k.lowestHead);
  const above = gt(m, like(x, k.middle));
  const s = quotientInTwoParts(m, select(above, like(x, 1.5), like(x, 1)));
  const whole = add(e, exponentOffset);
  const logHigh = select(above, like(x, k.high), like(x, 0));
  const logLow = select(above, like(x, k.low), like(x, 0));
  return x.type === "f64" ? doubleLog2(s, whole, logHigh, logLow) : singleLog2(s, whole, logHigh, logLow);
}

/** log2 m = log2 c + 2/ln 2 (s + s^3/3 + s^5/5 + ...) in float32, where the terms behind s fit into one part. */
function singleLog2(s: Quotient, whole: Expr, logHigh: Expr, logLow: Expr): { high: Expr; low: Expr } {
  const { scaleHigh, scaleLow, series } = log2Constants.f32;
  const f = (value: number): Expr => like(whole, value);
  const rounded = add(s.high, s.low);
  const z = mul(rounded, rounded);
  const rest = add(s.low, mul(mul(rounded, z), polynomial(z, series)));
  const low = add(mul(s.high, f(scaleLow)), mul(rest, f(scaleHigh + scaleLow)));
  const { sum, error } = fastTwoSum(add(whole, logHigh), mul(s.high, f(scaleHigh)));
  const all = add(error, add(low, logLow));
  const { high } = split(add(sum, all));
  return { high, low: sub(all, sub(high, sum)) };
}

/** log2 m = log2 c + 2/(3 ln 2) s (3 + s^2 + 3 s^4/5 + ...) in float64, each factor in two parts. */
function doubleLog2(s: Quotient, whole: Expr, logHigh: Expr, logLow: Expr): { high: Expr; low: Expr } {
  const { scaleHigh, scaleLow, series } = log2Constants.f64;
  const f = (value: number): Expr => like(whole, value);
  const z = mul(s.rounded, s.rounded);
  const behind = add(mul(mul(z, z), polynomial(z, series)), mul(s.low, add(s.high, s.rounded)));
  const square = mul(s.high, s.high); // exact
  const factor = split(add(add(f(3), square), behind)).high;
  const factorLow = sub(behind, sub(sub(factor, f(3)), square));
  const main = mul(s.high, factor); // exact
  const rest = add(mul(s.low, factor), mul(factorLow, s.rounded));
  const product = split(add(main, rest)).high;
  const productLow = sub(rest, sub(product, main));
  const scaled = mul(product, f(scaleHigh)); // exact
  const scaledLow = add(add(mul(product, f(scaleLow)), mul(productLow, f(scaleHigh + scaleLow))), logLow);
  const { high } = split(add(add(add(scaled, scaledLow), logHigh), whole));
  return { high, low: sub(scaledLow, sub(sub(sub(high, whole), logHigh), scaled)) };
}

/** Subnormal numbers are computed 2^bits times as large. */
const subnormal: ByFloat<{ bits: number; smallestNormal: number }> = {
  f32: { bits: 24, smallestNormal: 2 ** -126 },
  f64: { bits: 54, smallestNormal: 2 ** -1022 },
};

export function pow(x: Expr, y: Expr): Expr {
  const zero = like(x, 0);
  const one = like(x, 1);
  const infinity = like(x, Infinity);
  const a = abs(x);
  const { bits: lift, smallestNormal } = forType(x, subnormal);
  const tiny = lt(a, like(x, smallestNormal));
  const log = log2InTwoParts(select(tiny, mul(a, like(x, 2 ** lift)), a), select(tiny, like(x, -lift), zero));
  const factor = split(y);
  const high = mul(factor.high, log.high);
  const low = add(mul(factor.low, log.high), mul(y, log.low));
  const w = add(high, low);
  const { n, bits } = roundToInteger(w);
  const p = exp2OfRemainder(add(sub(high, n), low));

  // Everything else in one rare branch: x not positive and normal, y not finite, results that are not normal.
  const range = forType(x, exp2Range);
  const extreme = select(gt(w, like(x, range.infinite)), infinity, select(lt(w, like(x, range.zero)), zero, scaleAny(p, bits)));
  const endless = or(or(eq(a, zero), eq(a, infinity)), eq(abs(y), infinity));
  const grows = eq(gt(a, one), gt(y, zero));
  const magnitude = select(endless, select(grows, infinity, zero), extreme);
  const half = mul(y, like(x, 0.5));
  const odd = and(eq(trunc(y), y), ne(trunc(half), half));
  const signed = select(odd, withSign(magnitude, x), magnitude);
  const rootOfNegative = and(and(lt(x, zero), gt(x, like(x, -Infinity))), ne(trunc(y), y));
  const undefinedLimit = and(eq(a, one), eq(abs(y), infinity));
  const isNaN = or(or(ne(x, x), ne(y, y)), or(rootOfNegative, undefinedLimit));
  const special = select(eq(y, zero), one, select(isNaN, like(x, NaN), signed));
  return rare(or(isUnusual(x), reaches(w, range.normal)), special, scaleNormal(p, bits));
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
