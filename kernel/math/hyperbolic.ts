/** tanh, sinh and cosh through e^|x|. float64 calls Math. */
import { type Expr, abs, add, call, div, le, lt, mul, select, sub } from "../expr.ts";
import { expNormal, reduceByLn2, scaleNormal } from "./exponential.ts";
import { atMost, f32, polynomial, withSign } from "./scalar.ts";

/**
 * |x| = n ln(2)/2 + h, and tanh |x| = (T + K) / (1 + T K) with T = tanh h and K = (2^n - 1) / (2^n + 1): for n = 0 that is
 * T itself. n is rounded late, at 3/4, so that hardly any negative T cancels against K. Where tanh is large,
 * 1 - (1 - T) (1 - K) / (1 + T K) forgives more rounding. Beyond |x| = 10 it is 1.
 */
export function tanh(x: Expr): Expr {
  if (x.type === "f64") return call("tanh", x);
  const a = abs(x);
  const { r: h, bits } = reduceByLn2(atMost(a, 10), { step: 0.5, low: -1, late: 0.25 });
  const z = mul(h, h);
  const t = add(h, mul(mul(h, z), polynomial(z, [-0.333332151, 0.133226976, -0.0512270406])));
  const half = scaleNormal(f32(1), bits); // 2^(n-1)
  const plus = add(half, f32(0.5));
  const minus = sub(half, f32(0.5));
  const small = lt(a, f32(0.5493)); // where tanh |x| < 1/2
  const ratio = div(select(small, add(mul(t, plus), minus), sub(t, f32(1))), add(plus, mul(t, minus)));
  return withSign(add(select(small, f32(0), f32(1)), ratio), x);
}

const overflow = 89.415985; // the largest float32 whose sinh and cosh are finite
const largest = 3.4028234663852886e38;

/** e^|x| / 2, for |x| <= overflow: the half enters before the exponent can overflow. */
const halfExp = (x: Expr): Expr => expNormal(abs(x), -1);

/** y, or Infinity beyond the overflow threshold, or NaN. */
const unlessOverflow = (x: Expr, y: Expr): Expr => select(le(abs(x), f32(overflow)), y, mul(abs(x), f32(largest)));

export function cosh(x: Expr): Expr {
  if (x.type === "f64") return call("cosh", x);
  const h = halfExp(x);
  return unlessOverflow(x, add(h, div(f32(0.25), h)));
}

export function sinh(x: Expr): Expr {
  if (x.type === "f64") return call("sinh", x);
  const a = abs(x);
  const h = halfExp(x);
  const z = mul(x, x);
  const series = add(a, mul(mul(a, z), polynomial(z, [0.166666672, 0.00833331048, 0.000198428956, 2.78221319e-6])));
  return withSign(unlessOverflow(x, select(lt(a, f32(1)), series, sub(h, div(f32(0.25), h)))), x);
}
