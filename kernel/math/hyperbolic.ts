/** tanh, sinh and cosh through e^|x|. float64 calls Math. */
import { type Expr, abs, add, call, div, le, lt, mul, select, sub } from "../expr.ts";
import { expNormal, expm1OfRemainder, scaleNormal } from "./exponential.ts";
import { atMost, f32, polynomial, withSign } from "./scalar.ts";

/**
 * With E = e^(2|x|) - 1, tanh |x| is E / (E + 2), which does not cancel near 0, and 1 - 2 / (E + 2), which forgives the
 * rounding of a large E. Beyond |x| = 10 it is 1.
 */
export function tanh(x: Expr): Expr {
  if (x.type === "f64") return call("tanh", x);
  const a = abs(x);
  const { q, bits } = expm1OfRemainder(mul(atMost(a, 10), f32(2)));
  const scale = scaleNormal(f32(1), bits);
  const scaled = mul(scale, q);
  const small = lt(a, f32(0.55));
  const ratio = div(select(small, add(scaled, sub(scale, f32(1))), f32(-2)), add(scaled, add(scale, f32(1))));
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
