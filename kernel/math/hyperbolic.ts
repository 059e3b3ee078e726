/** tanh, sinh and cosh through e^|x|. Coefficients: minimax fits of this project. */
import { type Expr, abs, add, div, le, lt, mul, select, sub } from "../expr.ts";
import { expNormal, normalPower, reduceByLn2 } from "./exponential.ts";
import { type ByFloat, type FloatLane, atMost, forType, like, polynomial, withSign } from "./scalar.ts";

/** (tanh h / h - 1) / z in z = h^2, for |h| <= 0.26. */
const tanhSeries: ByFloat<readonly number[]> = {
  f32: [-0.333332151, 0.133226976, -0.0512270406],
  f64: [
    -0.3333333333333333, 0.13333333333332786, -0.053968253966557564, 0.021869488335267757, -0.008863223831060443, 0.003591757211897405,
    -0.0014492934931067429, 0.0005292867142794171,
  ],
};
const tanhIsOne: ByFloat<number> = { f32: 10, f64: 20 };

/**
 * |x| = n ln(2)/2 + h, and tanh |x| = (T + K) / (1 + T K) with T = tanh h and K = (2^n - 1) / (2^n + 1): for n = 0 that is
 * T itself. n is rounded late, at 3/4, so that hardly any negative T cancels against K. Where tanh is large,
 * 1 - (1 - T) (1 - K) / (1 + T K) forgives more rounding.
 */
export function tanh(x: Expr): Expr {
  const a = abs(x);
  const { r: h, bits } = reduceByLn2(atMost(a, forType(x, tanhIsOne)), { step: 0.5, low: -1, late: 0.25 });
  const z = mul(h, h);
  const t = add(h, mul(mul(h, z), polynomial(z, forType(x, tanhSeries))));
  const half = normalPower(x.type as FloatLane, bits); // 2^(n-1)
  const plus = add(half, like(x, 0.5));
  const minus = sub(half, like(x, 0.5));
  const small = lt(a, like(x, 0.5493061443340549)); // where tanh |x| < 1/2
  const ratio = div(select(small, add(mul(t, plus), minus), sub(t, like(x, 1))), add(plus, mul(t, minus)));
  return withSign(add(select(small, like(x, 0), like(x, 1)), ratio), x);
}

/** The largest numbers whose sinh and cosh are finite, and the largest of all. */
const overflow: ByFloat<number> = { f32: 89.415985, f64: 710.4758600739439 };
const largest: ByFloat<number> = { f32: 3.4028234663852886e38, f64: Number.MAX_VALUE };

/** e^|x| / 2, for |x| <= overflow: the half enters before the exponent can overflow (in float64, before 2^n can, as a quarter). */
const halfExp = (x: Expr): Expr => (x.type === "f64" ? mul(expNormal(abs(x), -2), like(x, 2)) : expNormal(abs(x), -1));

/** y, or Infinity beyond the overflow threshold, or NaN. */
const unlessOverflow = (x: Expr, y: Expr): Expr =>
  select(le(abs(x), like(x, forType(x, overflow))), y, mul(abs(x), like(x, forType(x, largest))));

export function cosh(x: Expr): Expr {
  const h = halfExp(x);
  return unlessOverflow(x, add(h, div(like(x, 0.25), h)));
}

/** (sinh x / x - 1) / z in z = x^2, for |x| <= 1. */
const sinhSeries: ByFloat<readonly number[]> = {
  f32: [0.166666672, 0.00833331048, 0.000198428956, 2.78221319e-6],
  f64: [
    0.16666666666666666, 0.008333333333333333, 0.00019841269841269773, 2.755731922404034e-6, 2.505210836405804e-8, 1.6059048396350562e-10,
    7.646625361656657e-13, 2.8445264169895285e-15,
  ],
};

export function sinh(x: Expr): Expr {
  const a = abs(x);
  const h = halfExp(x);
  const z = mul(x, x);
  const series = add(a, mul(mul(a, z), polynomial(z, forType(x, sinhSeries))));
  return withSign(unlessOverflow(x, select(lt(a, like(x, 1)), series, sub(h, div(like(x, 0.25), h)))), x);
}
