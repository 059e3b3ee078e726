/** asin, acos, atan and atan2. Coefficients: minimax fits of this project. float64 calls Math. */
import { type Expr, abs, add, call, div, eq, gt, lt, mul, select, sqrt, sub, xor } from "../expr.ts";
import { bitsOf, f32, floatOf, i32, polynomial, signOf, withSign } from "./scalar.ts";

// pi/2 = high + low, as float32 numbers.
const halfPiHigh = 1.57079637050628662;
const halfPiLow = -4.37113900018624283e-8;

/** multiple * pi/2 - y, with pi/2 in two parts. */
const fromHalfPi = (multiple: number, y: Expr): Expr => sub(f32(multiple * halfPiHigh), sub(y, f32(multiple * halfPiLow)));

/** atan t for t in [0, 1]. */
function atanOfUnit(t: Expr): Expr {
  const z = mul(t, t);
  const c = [-0.333331525, 0.199937671, -0.142110035, 0.106657863, -0.0755172893, 0.0432059728, -0.0163642373, 0.00291975634];
  return add(t, mul(mul(t, z), polynomial(z, c)));
}

export function atan(x: Expr): Expr {
  if (x.type === "f64") return call("atan", x);
  const a = abs(x);
  const steep = gt(a, f32(1));
  const y = atanOfUnit(div(select(steep, f32(1), a), select(steep, a, f32(1))));
  return withSign(select(steep, fromHalfPi(1, y), y), x);
}

export function atan2(y: Expr, x: Expr): Expr {
  if (y.type === "f64") return call("atan2", y, x);
  const a = abs(y);
  const b = abs(x);
  const steep = gt(a, b);
  const small = select(steep, b, a);
  const large = select(steep, a, b);
  // Equal ones need no division, and both zero or both infinite have no quotient.
  const t = select(eq(small, large), select(eq(large, f32(0)), f32(0), f32(1)), div(small, large));
  const u = atanOfUnit(t);
  const v = select(steep, fromHalfPi(1, u), u);
  return withSign(select(lt(bitsOf(x), i32(0)), fromHalfPi(2, v), v), y);
}

/**
 * For a = |x| <= 1/2: s = a, and asin a = s + tail. Above: s = sqrt((1 - a) / 2), and asin a = pi/2 - 2 (s + tail),
 * by the half-angle formula.
 */
function asinParts(x: Expr): { large: Expr; s: Expr; tail: Expr } {
  const a = abs(x);
  const large = gt(a, f32(0.5));
  const z = select(large, mul(sub(f32(1), a), f32(0.5)), mul(a, a));
  const s = select(large, sqrt(z), a);
  return { large, s, tail: mul(mul(s, z), polynomial(z, [0.166667521, 0.0749530718, 0.0454696417, 0.0241814982, 0.0421651192])) };
}

export function asin(x: Expr): Expr {
  if (x.type === "f64") return call("asin", x);
  const { large, s, tail } = asinParts(x);
  const steep = sub(f32(halfPiHigh), add(mul(s, f32(2)), sub(mul(tail, f32(2)), f32(halfPiLow))));
  return withSign(select(large, steep, add(s, tail)), x);
}

export function acos(x: Expr): Expr {
  if (x.type === "f64") return call("acos", x);
  const { large, s, tail } = asinParts(x);
  const sum = add(s, tail);
  const twice = mul(sum, f32(2));
  const flat = sub(f32(halfPiHigh), sub(floatOf(xor(bitsOf(sum), signOf(x))), f32(halfPiLow)));
  return select(large, select(lt(x, f32(0)), fromHalfPi(2, twice), twice), flat);
}
