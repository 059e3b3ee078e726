/**
 * sin, cos and tan. float32 reduces by multiples of pi (tan: of pi/2) with a constant in four parts (Cody and Waite) up to
 * |x| = 8000 and exactly beyond (payne-hanek.ts). Reducing by pi needs one odd polynomial and no choice between two.
 * Coefficients: minimax fits of this project. float64 calls Math.
 */
import { type Expr, abs, add, and, call, div, eq, le, mul, neg, not, rare, select, shl, sub, xor } from "../expr.ts";
import { fastTwoSum } from "./double-float.ts";
import { reduceHuge } from "./payne-hanek.ts";
import { bitsOf, f32, floatOf, i32, polynomial, roundToInteger, signOf } from "./scalar.ts";

// pi in three parts of at most 11 bits, so that their products with n / 2, n < 2^13, are exact, and a rest.
const piParts = [3.140625, 0.000967502593994140625, 1.50990672409534454e-7, 5.12668813651417921e-12];
const fastLimit = 8000;

/** a - n pi. */
const subtractMultiple = (a: Expr, n: Expr): Expr => piParts.reduce((r, part) => sub(r, mul(n, f32(part))), a);

const isHuge = (a: Expr): Expr => not(le(a, f32(fastLimit)));

/** sin(x + shift * pi) of x >= 0: the remainder carries the sign of its half turn. */
function sinOfPositive(a: Expr, shift: 0 | 0.5): Expr {
  const turns = mul(a, f32(1 / Math.PI));
  const { n, bits } = roundToInteger(shift === 0 ? turns : add(turns, f32(shift)));
  const near = subtractMultiple(a, shift === 0 ? n : sub(n, f32(shift)));
  const huge = reduceHuge(a, 1, shift);
  const r = rare(isHuge(a), alternate(huge.r, huge.n), alternate(near, bits));
  const z = mul(r, r);
  return add(r, mul(mul(r, z), polynomial(z, [-0.166666597, 0.00833306927, -0.000198097739, 2.60608181e-6])));
}

/** r for even n, -r for odd n. */
const alternate = (r: Expr, n: Expr): Expr => floatOf(xor(bitsOf(r), shl(n, i32(31))));

export function sin(x: Expr): Expr {
  if (x.type === "f64") return call("sin", x);
  return floatOf(xor(bitsOf(sinOfPositive(abs(x), 0)), signOf(x)));
}

export const cos = (x: Expr): Expr => (x.type === "f64" ? call("cos", x) : sinOfPositive(abs(x), 0.5));

/** tan(r + low + n pi/2) for |r| <= pi/4: tan r, or -1 / tan r for odd n. */
function tanOfRemainder(r: Expr, n: Expr, low?: Expr): Expr {
  const z = mul(r, r);
  const series = mul(mul(r, z), polynomial(z, [0.333331555, 0.133388445, 0.0534070358, 0.0244465694, 0.00309197837, 0.00940270629]));
  const t = add(r, low ? add(series, add(low, mul(low, z))) : series); // d tan r = (1 + z + ...) dr
  return select(eq(and(n, i32(1)), i32(0)), t, div(f32(-1), t));
}

export function tan(x: Expr): Expr {
  if (x.type === "f64") return call("tan", x);
  const a = abs(x);
  const { n, bits } = roundToInteger(mul(a, f32(2 / Math.PI)));
  // The slope of tan multiplies the remainder's rounding by up to 2, so that what its last two subtractions lose is kept.
  const [p1, p2, p3, p4] = piParts.map((part) => mul(n, f32(part / 2))) as [Expr, Expr, Expr, Expr];
  const third = fastTwoSum(sub(sub(a, p1), p2), neg(p3));
  const { sum: r, error } = fastTwoSum(third.sum, neg(p4));
  const huge = reduceHuge(a, 2, 0);
  const t = rare(isHuge(a), tanOfRemainder(huge.r, huge.n), tanOfRemainder(r, bits, add(third.error, error)));
  return floatOf(xor(bitsOf(t), signOf(x)));
}
