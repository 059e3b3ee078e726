/**
 * exp, expm1, exp2 and sigmoid. All follow Cody and Waite: x = n ln 2 + r with |r| <= ln(2)/2, a polynomial for e^r
 * (coefficients: minimax fits of this project), and n added to its exponent.
 */
import { type Expr, abs, add, div, gt, lt, mul, neg, rare, select, shl, shr, sub } from "../expr.ts";
import {
  type ByFloat,
  type FloatLane,
  bitsOf,
  f32,
  floatOf,
  forType,
  i32,
  integerOf,
  like,
  powerOfTwo,
  reaches,
  roundToInteger,
  seriesOf,
  withSign,
} from "./scalar.ts";

const log2e = 1.4426950408889634;
// ln 2 = high + low; n * high is exact for |n| < 2^9 (2^12).
const ln2: ByFloat<{ high: number; low: number }> = {
  f32: { high: 0.693359375, low: -2.12194440054690583e-4 },
  f64: { high: 0.6931471805592082, low: 7.371002565167799e-13 },
};

/**
 * n and r of x = n * step * ln 2 + r, for step a power of two and |n| < 2^9 (2^12), and n + low as the `bits` of
 * roundToInteger. n is x / (step * ln 2) - late to the nearest integer. In float64, error is what r lost in rounding.
 */
export function reduceByLn2(x: Expr, { step = 1, low = 0, late = 0 } = {}): { r: Expr; error: Expr; bits: Expr } {
  const parts = forType(x, ln2);
  const quotient = mul(x, like(x, log2e / step));
  const { n, bits } = roundToInteger(late === 0 ? quotient : sub(quotient, like(x, late)), low);
  const high = sub(x, mul(n, like(x, parts.high * step)));
  const correction = mul(n, like(x, parts.low * step));
  const r = sub(high, correction);
  return { r, error: sub(sub(high, r), correction), bits };
}

/** (e^r - 1 - r) / r^2 for |r| <= ln(2)/2. */
const expSeries: ByFloat<readonly number[]> = {
  f32: [0.49999994, 0.166665211, 0.0416682884, 0.00836870354, 0.00138189388],
  f64: [
    0.5, 0.1666666666666667, 0.041666666666666644, 0.008333333333326025, 0.0013888888888894803, 0.00019841269875205077,
    2.480158730472095e-5, 2.75572549134867e-6, 2.7557290793340996e-7, 2.5105419192016337e-8, 2.090955511295874e-9,
  ],
};
/** (2^r - 1) / r for |r| <= 1/2. */
const exp2Series: ByFloat<readonly number[]> = {
  f32: [0.693147182, 0.240226507, 0.0555040501, 0.00961808674, 0.00133379502, 0.000154521797, 1.43300304e-5],
  f64: [
    0.6931471805599453, 0.24022650695910072, 0.055504108664821625, 0.00961812910762848, 0.001333355814640647, 0.00015403530393370734,
    1.5252733841556773e-5, 1.3215486808705563e-6, 1.0178057087733941e-7, 7.0548973041554995e-9, 4.4558179083360645e-10,
    2.5729324177362305e-11,
  ],
};

/** e^r for |r| <= ln(2)/2. */
const expOfRemainder = (r: Expr): Expr => add(add(mul(mul(r, r), seriesOf(r, expSeries)), r), like(r, 1));

/** 2^r for |r| <= 1/2. */
export const exp2OfRemainder = (r: Expr): Expr => add(mul(r, seriesOf(r, exp2Series)), like(r, 1));

/** 2^n, with `bits` from roundToInteger: n lands in the exponent, the rest is shifted out. */
export const normalPower = (type: FloatLane, bits: Expr): Expr =>
  type === "f64" ? powerOfTwo("f64", bits) : floatOf(add(bitsOf(f32(1)), shl(bits, i32(23))));

/** p * 2^n, with `bits` from roundToInteger. The result must be normal, and in float64 2^n as well. */
export const scaleNormal = (p: Expr, bits: Expr): Expr =>
  p.type === "f64" ? mul(p, powerOfTwo("f64", bits)) : floatOf(add(bitsOf(p), shl(bits, i32(23))));

/** p * 2^n in two exact steps and one that rounds, for results that may be subnormal or overflow: |n| <= 252 (2044). */
export function scaleAny(p: Expr, bits: Expr): Expr {
  const type = p.type as FloatLane;
  const n = integerOf(type, bits);
  const half = shr(n, i32(1));
  return mul(mul(p, powerOfTwo(type, half)), powerOfTwo(type, sub(n, half)));
}

/** e^x * 2^low where the result is normal: no special values. About 20 operations (30 for float64). */
export function expNormal(x: Expr, low = 0): Expr {
  const { r, bits } = reduceByLn2(x, { low });
  return scaleNormal(expOfRemainder(r), bits);
}

interface Range {
  /** Results are normal below this magnitude of the argument. */
  readonly normal: number;
  /** Beyond these the result is 0, and overflows. */
  readonly zero: number;
  readonly infinite: number;
}
const expRange: ByFloat<Range> = { f32: { normal: 87, zero: -104, infinite: 89 }, f64: { normal: 708, zero: -746, infinite: 710 } };
/** The same for base 2. */
export const exp2Range: ByFloat<Range> = {
  f32: { normal: 125, zero: -151, infinite: 129 },
  f64: { normal: 1021, zero: -1076, infinite: 1025 },
};

/** p * 2^n, the value of an exponential at x. */
function scaled(p: Expr, bits: Expr, x: Expr, { normal, zero, infinite }: Range): Expr {
  const small = select(lt(x, like(x, zero)), like(x, 0), scaleAny(p, bits));
  const extreme = select(gt(x, like(x, infinite)), like(x, Infinity), small);
  return rare(reaches(x, normal), extreme, scaleNormal(p, bits));
}

export function exp(x: Expr): Expr {
  const { r, bits } = reduceByLn2(x);
  return scaled(expOfRemainder(r), bits, x, forType(x, expRange));
}

export function exp2(x: Expr): Expr {
  const { n, bits } = roundToInteger(x);
  return scaled(exp2OfRemainder(sub(x, n)), bits, x, forType(x, exp2Range));
}

/** The same for expm1. */
const expm1Series: ByFloat<readonly number[]> = { ...expSeries, f32: [0.49999997, 0.16666545, 0.0416674614, 0.00836643204, 0.00138684351] };

/**
 * 2^n (r + q) + 2^n - 1 with q = e^r - 1 - r. float64 adds q last, and to it what r lost, because 2^n r and 2^n - 1 may
 * cancel; float32 has no need for it.
 */
export function expm1(x: Expr): Expr {
  const type = x.type as FloatLane;
  const { normal, infinite } = forType(x, expRange);
  const { r, error, bits } = reduceByLn2(x);
  const q = mul(mul(r, r), seriesOf(r, expm1Series));
  const power = normalPower(type, bits);
  const one = like(x, 1);
  const usual =
    type === "f64" ? add(add(sub(power, one), mul(power, r)), mul(power, add(q, error))) : add(mul(power, add(q, r)), sub(power, one));
  const half = powerOfTwo(type, integerOf(type, bits, -1)); // 2^(n-1): 2^n overflows before e^x does
  const large = mul(add(mul(half, add(q, r)), half), like(x, 2));
  const extreme = select(gt(x, like(x, infinite)), like(x, Infinity), select(lt(x, like(x, 0)), like(x, -1), large));
  return withSign(rare(reaches(x, normal), extreme, usual), x);
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
