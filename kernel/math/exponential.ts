/**
 * exp, expm1, exp2 and sigmoid. float32 follows Cody and Waite: x = n ln 2 + r with |r| <= ln(2)/2, a polynomial for e^r
 * (coefficients: minimax fits of this project), and n added to its exponent bits. float64 calls Math.
 */
import { type Expr, abs, add, call, constant, div, gt, le, lt, mul, neg, not, rare, select, shl, shr, sub } from "../expr.ts";
import { bitsOf, f32, floatOf, i32, like, polynomial, powerOfTwo, roundToInteger, roundingBits, withSign } from "./scalar.ts";

const log2e = 1.4426950408889634;
// ln 2 = high + low; n * high is exact for |n| < 2^9.
const ln2High = 0.693359375;
const ln2Low = -2.12194440054690583e-4;

/**
 * n and r of x = n * step * ln 2 + r, for step a power of two and |n| < 2^9, and as `bits` those of 1.5 * 2^23 + n + low. n
 * is x / (step * ln 2) - late to the nearest integer.
 */
export function reduceByLn2(x: Expr, { step = 1, low = 0, late = 0 } = {}): { r: Expr; bits: Expr } {
  const quotient = mul(x, f32(log2e / step));
  const { n, bits } = roundToInteger(late === 0 ? quotient : sub(quotient, f32(late)), low);
  return { r: sub(sub(x, mul(n, f32(ln2High * step))), mul(n, f32(ln2Low * step))), bits };
}

/** e^r for |r| <= ln(2)/2. */
const expOfRemainder = (r: Expr): Expr =>
  add(add(mul(mul(r, r), polynomial(r, [0.49999994, 0.166665211, 0.0416682884, 0.00836870354, 0.00138189388])), r), f32(1));

/** 2^r for |r| <= 1/2. */
export const exp2OfRemainder = (r: Expr): Expr =>
  add(mul(r, polynomial(r, [0.693147182, 0.240226507, 0.0555040501, 0.00961808674, 0.00133379502, 0.000154521797, 1.43300304e-5])), f32(1));

/** p * 2^n, with `bits` from roundToInteger: n lands in the exponent, the rest is shifted out. The result must be normal. */
export const scaleNormal = (p: Expr, bits: Expr): Expr => floatOf(add(bitsOf(p), shl(bits, i32(23))));

/** p * 2^n in two exact steps and one that rounds, for results that may be subnormal or overflow: |n| <= 252. */
export function scaleAny(p: Expr, bits: Expr): Expr {
  const n = sub(bits, roundingBits);
  const half = shr(n, i32(1));
  return mul(mul(p, powerOfTwo(half)), powerOfTwo(sub(n, half)));
}

/** e^x * 2^low for float32 where the result is normal: no special values. About 20 operations. */
export function expNormal(x: Expr, low = 0): Expr {
  const { r, bits } = reduceByLn2(x, { low });
  return scaleNormal(expOfRemainder(r), bits);
}

export function exp(x: Expr): Expr {
  if (x.type === "f64") return call("exp", x);
  const { r, bits } = reduceByLn2(x);
  const p = expOfRemainder(r);
  const extreme = select(gt(x, f32(89)), f32(Infinity), select(lt(x, f32(-104)), f32(0), scaleAny(p, bits)));
  return rare(not(le(abs(x), f32(87))), extreme, scaleNormal(p, bits));
}

export function exp2(x: Expr): Expr {
  if (x.type === "f64") return call("pow", constant("f64", 2), x);
  const { n, bits } = roundToInteger(x);
  const p = exp2OfRemainder(sub(x, n));
  const extreme = select(gt(x, f32(129)), f32(Infinity), select(lt(x, f32(-151)), f32(0), scaleAny(p, bits)));
  return rare(not(le(abs(x), f32(125))), extreme, scaleNormal(p, bits));
}

export function expm1(x: Expr): Expr {
  if (x.type === "f64") return call("expm1", x);
  const { r, bits } = reduceByLn2(x);
  const q = add(mul(mul(r, r), polynomial(r, [0.49999997, 0.16666545, 0.0416674614, 0.00836643204, 0.00138684351])), r); // e^r - 1
  const scale = scaleNormal(f32(1), bits);
  const half = powerOfTwo(sub(bits, i32(0x4b400001))); // 2^(n-1): 2^n overflows before e^x does
  const extreme = select(gt(x, f32(89)), f32(Infinity), select(lt(x, f32(0)), f32(-1), mul(add(mul(half, q), half), f32(2))));
  return withSign(rare(not(le(abs(x), f32(87))), extreme, add(mul(scale, q), sub(scale, f32(1)))), x);
}

/**
 * 1 / (1 + e^-x), as 1 - w for x >= 0 and e^x (1 - w) below, with w = e^-|x| / (1 + e^-|x|) <= 1/2: nothing overflows or
 * cancels, and the rounding of the sum and the quotient counts less than in one quotient.
 */
export function sigmoid(x: Expr): Expr {
  const one = like(x, 1);
  const e = exp(neg(abs(x)));
  const scale = select(lt(x, like(x, 0)), e, one);
  return sub(scale, mul(scale, div(e, add(one, e))));
}
