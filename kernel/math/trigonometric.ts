/**
 * sin, cos and tan. All reduce by multiples of pi or pi/2 with a constant in several parts (Cody and Waite): float32 up to
 * |x| = 8000 and exactly beyond (payne-hanek.ts), float64 up to 2^17, beyond which it calls Math. float32 sin and cos reduce by
 * pi, which needs one odd polynomial and no choice between two. In float64 that polynomial would be up to 2 ulp off near its
 * ends, cos 0 = 1 among them: it reduces by pi/2 and chooses. Coefficients: minimax fits of this project.
 */
import { type Expr, abs, add, and, call, div, eq, mul, neg, rare, select, shl, shr, sub, xor } from "../expr.ts";
import { fastTwoSum } from "./double-float.ts";
import { reduceHuge } from "./payne-hanek.ts";
import {
  type ByFloat,
  bitsOf,
  f32,
  f64,
  floatOf,
  forType,
  headOf,
  i32,
  like,
  polynomial,
  reaches,
  roundToInteger,
  seriesOf,
  signOf,
  withHead,
} from "./scalar.ts";

// pi in three parts of at most 11 bits, so that their products with n / 2, n < 2^13, are exact, and a rest.
const piParts = [3.140625, 0.000967502593994140625, 1.50990672409534454e-7, 5.12668813651417921e-12];
// pi/2 in two parts of 34 bits, exact with n < 2^18, and a rest.
const halfPiParts = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;
const fastLimit: ByFloat<number> = { f32: 8000, f64: 2 ** 17 };

const isHuge = (a: Expr): Expr => reaches(a, forType(a, fastLimit));

/** a - n pi. */
const subtractMultiple = (a: Expr, n: Expr): Expr => piParts.reduce((r, part) => sub(r, mul(n, f32(part))), a);

/** a = n pi/2 + r + low in float64, to beyond twice its precision, with |r| <= pi/4, |low| < 2^-51, and the low bits of n. */
function reduceDouble(a: Expr): { r: Expr; low: Expr; bits: Expr } {
  const { n, bits } = roundToInteger(mul(a, f64(2 / Math.PI)));
  const [p1, p2, p3] = halfPiParts.map((part) => mul(n, f64(part))) as [Expr, Expr, Expr];
  const first = sub(a, p1); // exact
  const r = sub(first, p2);
  return { r, low: sub(sub(sub(first, r), p2), p3), bits };
}

/** sin(a + shift * pi) of float32 a >= 0: the remainder carries the sign of its half turn. */
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

/** (sin r / r - 1) / z and (cos r - 1 + z/2) / z^2 in z = r^2, for |r| <= pi/4. */
const sinSeries = [
  -0.16666666666666666, 0.008333333333330941, -0.00019841269836748352, 2.755731609725143e-6, -2.5051130740503045e-8, 1.5918049742485297e-10,
];
const cosSeries = [
  0.041666666666666664, -0.0013888888888887393, 2.4801587298759292e-5, -2.755731726841358e-7, 2.0876145577441954e-9,
  -1.1382582658234034e-11,
];

/** sin(|x| + quarters * pi/2) of float64 x, for quarters = 0 with the sign of x. */
function doubleSin(x: Expr, quarters: 0 | 1): Expr {
  const a = abs(x);
  const { r, low, bits } = reduceDouble(a);
  const z = mul(r, r);
  const half = mul(z, f64(0.5));
  const one = f64(1);
  const head = sub(one, half);
  const sine = add(r, add(mul(mul(r, z), polynomial(z, sinSeries)), mul(low, head))); // d sin r = cos r dr
  const tail = sub(mul(mul(z, z), polynomial(z, cosSeries)), mul(r, low));
  const cosine = add(head, add(sub(sub(one, head), half), tail));
  const turn = quarters === 0 ? bits : add(bits, i32(quarters));
  const y = select(eq(and(turn, i32(1)), i32(0)), sine, cosine);
  const alternation = shl(shr(turn, i32(1)), i32(31));
  const sign = quarters === 0 ? xor(alternation, signOf(x)) : alternation;
  return rare(isHuge(x), call(quarters === 0 ? "sin" : "cos", x), withHead(y, xor(headOf(y), sign)));
}

export function sin(x: Expr): Expr {
  if (x.type === "f64") return doubleSin(x, 0);
  return floatOf(xor(bitsOf(sinOfPositive(abs(x), 0)), signOf(x)));
}

export const cos = (x: Expr): Expr => (x.type === "f64" ? doubleSin(x, 1) : sinOfPositive(abs(x), 0.5));

/** (tan r / r - 1) / z in z = r^2, for |r| <= pi/4. */
const tanSeries: ByFloat<readonly number[]> = {
  f32: [0.333331555, 0.133388445, 0.0534070358, 0.0244465694, 0.00309197837, 0.00940270629],
  f64: [
    0.3333333333333333, 0.13333333333333, 0.053968253968655955, 0.021869488517052352, 0.00886323600399398, 0.003592120973565759,
    0.001455902801227488, 0.0005895752322504339, 0.00024122791588781782, 8.998061623489234e-5, 5.559727314180296e-5, -1.1026886974813721e-5,
    3.65283816375439e-5, -1.832193354320948e-5, 8.484934299186334e-6,
  ],
};

/** tan(r + low + n pi/2) for |r| <= pi/4: tan r, or -1 / tan r for odd n. */
function tanOfRemainder(r: Expr, n: Expr, low?: Expr): Expr {
  const z = mul(r, r);
  const series = mul(mul(r, z), seriesOf(z, tanSeries));
  const t = add(r, low ? add(series, add(low, mul(low, z))) : series); // d tan r = (1 + z + ...) dr
  return select(eq(and(n, i32(1)), i32(0)), t, div(like(r, -1), t));
}

/** tan |x| up to the fast limit. The slope of tan multiplies the remainder's rounding by up to 2, so that what it loses is kept. */
function tanFast(a: Expr): Expr {
  if (a.type === "f64") {
    const reduced = reduceDouble(a);
    const { sum: r, error: low } = fastTwoSum(reduced.r, reduced.low);
    return tanOfRemainder(r, reduced.bits, low);
  }
  const { n, bits } = roundToInteger(mul(a, f32(2 / Math.PI)));
  const [p1, p2, p3, p4] = piParts.map((part) => mul(n, f32(part / 2))) as [Expr, Expr, Expr, Expr];
  const third = fastTwoSum(sub(sub(a, p1), p2), neg(p3));
  const { sum: r, error } = fastTwoSum(third.sum, neg(p4));
  return tanOfRemainder(r, bits, add(third.error, error));
}

export function tan(x: Expr): Expr {
  const a = abs(x);
  const fast = tanFast(a);
  if (x.type === "f64") return rare(isHuge(x), call("tan", x), withHead(fast, xor(headOf(fast), signOf(x))));
  const huge = reduceHuge(a, 2, 0);
  const t = rare(isHuge(a), tanOfRemainder(huge.r, huge.n), fast);
  return floatOf(xor(bitsOf(t), signOf(x)));
}
