/** asin, acos, atan and atan2. Coefficients: minimax fits of this project. */
import { type Expr, abs, add, div, eq, gt, lt, mul, select, sqrt, sub, xor } from "../expr.ts";
import { type ByFloat, forType, headOf, i32, like, seriesOf, signOf, withHead, withSign } from "./scalar.ts";

/** pi/2 = high + low, as numbers of each type. */
const halfPi: ByFloat<{ high: number; low: number }> = {
  f32: { high: 1.57079637050628662, low: -4.37113900018624283e-8 },
  f64: { high: 1.5707963267948966, low: 6.123233995736766e-17 },
};

/** pi - y, with pi in two parts. */
function fromPi(y: Expr): Expr {
  const { high, low } = forType(y, halfPi);
  return sub(like(y, 2 * high), sub(y, like(y, 2 * low)));
}

/** (atan t / t - 1) / z in z = t^2, for |t| <= 1. */
const atanSeries: ByFloat<readonly number[]> = {
  f32: [-0.333331525, 0.199937671, -0.142110035, 0.106657863, -0.0755172893, 0.0432059728, -0.0163642373, 0.00291975634],
  f64: [
    -0.3333333333333333, 0.19999999999998516, -0.14285714285515083, 0.11111111100405067, -0.0909090878399678, 0.07692302266689263,
    -0.06666602149925994, 0.05881806482888778, -0.05259726024090574, 0.04745447668089499, -0.042862060036667954, 0.03816628036081073,
    -0.03263460945607505, 0.025835190777612548, -0.018148824827992308, 0.010820375591902754, -0.0052257358624413245, 0.0019376547881674473,
    -0.0005128942494724619, 8.57230044982766e-5, -6.766104987966444e-6,
  ],
};

/** atan t for t in [0, 1], or where steep pi/2 - atan t, whose large part pi/2 - t is exact for t near 1. */
function atanOfUnit(t: Expr, steep: Expr): Expr {
  const { high, low } = forType(t, halfPi);
  const z = mul(t, t);
  const tail = mul(mul(t, z), seriesOf(z, atanSeries));
  return select(steep, sub(sub(like(t, high), t), sub(tail, like(t, low))), add(t, tail));
}

export function atan(x: Expr): Expr {
  const a = abs(x);
  const steep = gt(a, like(x, 1));
  return withSign(atanOfUnit(div(select(steep, like(x, 1), a), select(steep, a, like(x, 1))), steep), x);
}

export function atan2(y: Expr, x: Expr): Expr {
  const a = abs(y);
  const b = abs(x);
  const steep = gt(a, b);
  const small = select(steep, b, a);
  const large = select(steep, a, b);
  // Equal ones need no division, and both zero or both infinite have no quotient.
  const t = select(eq(small, large), select(eq(large, like(x, 0)), like(x, 0), like(x, 1)), div(small, large));
  const v = atanOfUnit(t, steep);
  return withSign(select(lt(headOf(x), i32(0)), fromPi(v), v), y);
}

/** (asin s / s - 1) / z in z = s^2, for |s| <= 1/2. */
const asinSeries: ByFloat<readonly number[]> = {
  f32: [0.166667521, 0.0749530718, 0.0454696417, 0.0241814982, 0.0421651192],
  f64: [
    0.16666666666666669, 0.07499999999998433, 0.04464285714635543, 0.030381944138531247, 0.02237217294214989, 0.017352392720869973,
    0.013971212973552933, 0.011479177415184906, 0.01032281435018578, 0.005457506718640358, 0.01740087944269402, -0.014851887071247204,
    0.028757851367421566,
  ],
};

/**
 * For a = |x| <= 1/2: s = a, and asin a = s + tail. Above: s = sqrt((1 - a) / 2), and asin a = pi/2 - 2 (s + tail),
 * by the half-angle formula.
 */
function asinParts(x: Expr): { large: Expr; s: Expr; tail: Expr } {
  const a = abs(x);
  const large = gt(a, like(x, 0.5));
  const z = select(large, mul(sub(like(x, 1), a), like(x, 0.5)), mul(a, a));
  const s = select(large, sqrt(z), a);
  return { large, s, tail: mul(mul(s, z), seriesOf(z, asinSeries)) };
}

export function asin(x: Expr): Expr {
  const { large, s, tail } = asinParts(x);
  const { high, low } = forType(x, halfPi);
  const steep = sub(like(x, high), add(mul(s, like(x, 2)), sub(mul(tail, like(x, 2)), like(x, low))));
  return withSign(select(large, steep, add(s, tail)), x);
}

export function acos(x: Expr): Expr {
  const { large, s, tail } = asinParts(x);
  const sum = add(s, tail);
  const twice = mul(sum, like(x, 2));
  const { high, low } = forType(x, halfPi);
  const flat = sub(like(x, high), sub(withHead(sum, xor(headOf(sum), signOf(x))), like(x, low)));
  return select(large, select(lt(x, like(x, 0)), fromPi(twice), twice), flat);
}
