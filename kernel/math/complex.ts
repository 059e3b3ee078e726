/**
 * Functions of complex numbers, as pairs of expressions. Principal values with the cuts and the signs of zero of C99, after Kahan,
 * "Branch cuts for complex elementary functions" (1987), and Smith's quotient; each part is accurate to a few ulp of the modulus, and of itself
 * where no cancellation between the parts is in the way.
 */
import { type Expr, abs, add, and, div, eq, ge, gt, le, lt, mul, ne, neg, or, select, sqrt as root, sub } from "../expr.ts";
import { exp as expOf, expm1 as expm1Of, exp2 as exp2Of } from "./exponential.ts";
import { cosh as coshOf, sinh as sinhOf } from "./hyperbolic.ts";
import { atan2 } from "./inverse.ts";
import { asinh as asinhOf } from "./inverse-hyperbolic.ts";
import { log as logOf, log1p as log1pOf } from "./logarithm.ts";
import { hypot, pow as powOf } from "./power.ts";
import { type ByFloat, forType, like, withSign } from "./scalar.ts";
import { cos as cosOf, sin as sinOf, tan as tanOf } from "./trigonometric.ts";

export interface Pair {
  readonly re: Expr;
  readonly im: Expr;
}

const greater = (a: Expr, b: Expr): Expr => select(lt(a, b), b, a);
const lesser = (a: Expr, b: Expr): Expr => select(lt(a, b), a, b);

/** factor x grown, where growth may be infinite beside a factor of 0, which wins. */
const tempered = (factor: Expr, growth: Expr): Expr =>
  select(eq(factor, like(factor, 0)), mul(factor, withSign(like(growth, 1), growth)), mul(factor, growth));

/** i z, and -i z. */
const turned = ({ re, im }: Pair): Pair => ({ re: neg(im), im: re });
const turnedBack = ({ re, im }: Pair): Pair => ({ re: im, im: neg(re) });

/** Smith's quotient: of the parts of w only their ratio is taken, so that no square overflows. By 0, parts divided by 0, as NumPy. */
export function quotient(z: Pair, w: Pair): Pair {
  const flat = ge(abs(w.re), abs(w.im));
  const large = select(flat, w.re, w.im);
  const small = select(flat, w.im, w.re);
  // Beside an infinite part a finite one does not count.
  const ratio = select(eq(large, like(large, 0)), like(large, 0), div(small, large));
  const divisor = add(large, mul(small, ratio));
  const along = select(flat, z.re, z.im);
  const across = select(flat, z.im, z.re);
  const turn = sub(across, mul(along, ratio));
  return { re: div(add(along, mul(across, ratio)), divisor), im: div(select(flat, turn, neg(turn)), divisor) };
}

// ---- roots and logarithms
const huge: ByFloat<number> = { f32: 2 ** 124, f64: 2 ** 1020 };
const tiny: ByFloat<number> = { f32: 2 ** -100, f64: 2 ** -960 };

/** The root with a real part of at least 0; its imaginary part has the sign of z's. */
export function sqrt({ re, im }: Pair): Pair {
  const k = (value: number): Expr => like(re, value);
  const size = greater(abs(re), abs(im));
  const isHuge = gt(size, k(forType(re, huge)));
  const isTiny = lt(size, k(forType(re, tiny)));
  const scale = select(isHuge, k(2 ** -4), select(isTiny, k(2 ** 48), k(1)));
  const back = select(isHuge, k(2 ** 2), select(isTiny, k(2 ** -24), k(1)));
  const [x, y] = [mul(abs(re), scale), mul(abs(im), scale)];
  const endless = eq(y, k(Infinity));
  const larger = select(endless, y, root(mul(k(0.5), add(x, hypot(x, y)))));
  const smaller = select(or(endless, eq(larger, k(0))), larger, div(y, add(larger, larger)));
  const right = or(ge(re, k(0)), endless);
  return { re: mul(select(right, larger, smaller), back), im: withSign(mul(select(right, smaller, larger), back), im) };
}

export const rsqrt = (z: Pair): Pair => quotient({ re: like(z.re, 1), im: like(z.re, 0) }, sqrt(z));

/** log |z|: near 1 from |z|^2 - 1, without the rounding of |z|. */
function logLength({ re, im }: Pair): Expr {
  const k = (value: number): Expr => like(re, value);
  const [x, y] = [greater(abs(re), abs(im)), lesser(abs(re), abs(im))];
  const isHuge = gt(x, k(forType(re, huge)));
  const scale = select(isHuge, k(0.25), k(1));
  const length = hypot(mul(x, scale), mul(y, scale));
  const excess = add(mul(sub(x, k(1)), add(x, k(1))), mul(y, y));
  const near = and(ge(length, k(0.5)), le(length, k(2)));
  return select(near, mul(k(0.5), log1pOf(excess)), add(logOf(length), select(isHuge, k(2 * Math.LN2), k(0))));
}
export const log = (z: Pair): Pair => ({ re: logLength(z), im: atan2(z.im, z.re) });

const scaled = ({ re, im }: Pair, factor: number): Pair => ({ re: mul(re, like(re, factor)), im: mul(im, like(im, factor)) });
export const log2 = (z: Pair): Pair => scaled(log(z), Math.LOG2E);
export const log10 = (z: Pair): Pair => scaled(log(z), Math.LOG10E);

export function log1p({ re, im }: Pair): Pair {
  const k = (value: number): Expr => like(re, value);
  const moved = { re: add(re, k(1)), im };
  const near = lt(greater(abs(re), abs(im)), k(0.5));
  const excess = add(mul(re, add(re, k(2))), mul(im, im));
  return { re: select(near, mul(k(0.5), log1pOf(excess)), logLength(moved)), im: atan2(im, moved.re) };
}

// ---- exponentials and powers
/** Where exp overflows. */
const expOverflow: ByFloat<number> = { f32: 88.7, f64: 709.7 };

/** r (cos angle + i sin angle). */
export const polar = (r: Expr, angle: Expr): Pair => ({ re: tempered(cosOf(angle), r), im: tempered(sinOf(angle), r) });

export function exp({ re, im }: Pair): Pair {
  // In two factors where e^x alone would overflow.
  const large = gt(re, like(re, forType(re, expOverflow)));
  const half = expOf(select(large, mul(re, like(re, 0.5)), re));
  const rest = select(large, half, like(re, 1));
  return { re: tempered(tempered(cosOf(im), half), rest), im: tempered(tempered(sinOf(im), half), rest) };
}
export const exp2 = ({ re, im }: Pair): Pair => polar(exp2Of(re), mul(im, like(im, Math.LN2)));
/** e^z - 1 = (e^x - 1) cos y - 2 sin^2(y/2) + i e^x sin y. */
export function expm1(z: Pair): Pair {
  const half = sinOf(mul(z.im, like(z.im, 0.5)));
  const { re, im } = exp(z);
  const near = lt(abs(z.re), like(z.re, 1));
  const small = sub(mul(expm1Of(z.re), cosOf(z.im)), mul(like(half, 2), mul(half, half)));
  return { re: select(near, small, sub(re, like(re, 1))), im };
}

/** z^w = exp(w log z); 0^w is 1 for w = 0, and 0 where w has a positive real part. */
export function pow(z: Pair, w: Pair): Pair {
  const k = (value: number): Expr => like(z.re, value);
  const { re: length, im: angle } = log(z);
  const power = exp({ re: sub(mul(w.re, length), mul(w.im, angle)), im: add(mul(w.re, angle), mul(w.im, length)) });
  const ofZero = and(eq(z.re, k(0)), eq(z.im, k(0)));
  const byZero = and(eq(w.re, k(0)), eq(w.im, k(0)));
  const limit = select(byZero, k(1), select(gt(w.re, k(0)), k(0), k(NaN)));
  return { re: select(ofZero, limit, power.re), im: select(ofZero, select(eq(limit, limit), k(0), k(NaN)), power.im) };
}
/** z^u of a real u. */
export const realPow = (z: Pair, u: Expr): Pair => polar(powOf(hypot(z.re, z.im), u), mul(u, atan2(z.im, z.re)));

/** 1 / (1 + e^-z), by the exponential that does not overflow. */
export function sigmoid({ re, im }: Pair): Pair {
  const k = (value: number): Expr => like(re, value);
  const right = ge(re, k(0));
  // w = e^-z on the right, e^z on the left: the value is 1 / (1 + w), or w / (1 + w).
  const w = polar(expOf(neg(abs(re))), select(right, neg(im), im));
  return quotient({ re: select(right, k(1), w.re), im: select(right, k(0), w.im) }, { re: add(k(1), w.re), im: w.im });
}

// ---- hyperbolic and trigonometric functions
export const sinh = ({ re, im }: Pair): Pair => ({ re: mul(sinhOf(re), cosOf(im)), im: tempered(sinOf(im), coshOf(re)) });
export const cosh = ({ re, im }: Pair): Pair => ({ re: mul(coshOf(re), cosOf(im)), im: tempered(sinOf(im), sinhOf(re)) });
export const sin = (z: Pair): Pair => turnedBack(sinh(turned(z)));
export const cos = (z: Pair): Pair => cosh(turned(z));

/** Beyond this tanh |x| is 1. */
const tanhIsOne: ByFloat<number> = { f32: 10, f64: 20 };

/** With t = tan y and s = sinh x: (cosh x sinh x (1 + t^2) + i t) / (1 + (1 + t^2) s^2). */
export function tanh({ re, im }: Pair): Pair {
  const k = (value: number): Expr => like(re, value);
  const far = gt(abs(re), k(forType(re, tanhIsOne)));
  const x = select(far, k(0), re);
  const [t, s] = [tanOf(im), sinhOf(x)];
  const grown = add(k(1), mul(t, t));
  const divisor = add(k(1), mul(grown, mul(s, s)));
  const fading = mul(mul(k(4), mul(sinOf(im), cosOf(im))), expOf(mul(k(-2), abs(re))));
  return { re: select(far, withSign(k(1), re), div(mul(grown, mul(coshOf(x), s)), divisor)), im: select(far, fading, div(t, divisor)) };
}
export const tan = (z: Pair): Pair => turnedBack(tanh(turned(z)));

// ---- inverses
const oneMinus = ({ re, im }: Pair): Pair => ({ re: sub(like(re, 1), re), im: neg(im) });
const plus = ({ re, im }: Pair, n: 1 | -1): Pair => ({ re: add(re, like(re, n)), im });

export function asin(z: Pair): Pair {
  const [a, b] = [sqrt(oneMinus(z)), sqrt(plus(z, 1))];
  return { re: atan2(z.re, sub(mul(a.re, b.re), mul(a.im, b.im))), im: asinhOf(sub(mul(a.re, b.im), mul(a.im, b.re))) };
}
export function acos(z: Pair): Pair {
  const [a, b] = [sqrt(oneMinus(z)), sqrt(plus(z, 1))];
  return { re: mul(like(z.re, 2), atan2(a.re, b.re)), im: asinhOf(sub(mul(b.re, a.im), mul(b.im, a.re))) };
}
export function acosh(z: Pair): Pair {
  const [a, b] = [sqrt(plus(z, -1)), sqrt(plus(z, 1))];
  return { re: asinhOf(add(mul(a.re, b.re), mul(a.im, b.im))), im: mul(like(z.re, 2), atan2(a.im, b.re)) };
}
export const asinh = (z: Pair): Pair => turnedBack(asin(turned(z)));

/** Beyond this the square of a part counts for all of 1 + z^2, and may overflow. */
const far: ByFloat<number> = { f32: 2 ** 60, f64: 2 ** 500 };

/** With a = |x|: log1p(4a / ((1 - a)^2 + y^2)) / 4 and atan2(2y, (1 - a)(1 + a) - y^2) / 2. */
export function atanh({ re, im }: Pair): Pair {
  const k = (value: number): Expr => like(re, value);
  const [a, b] = [abs(re), abs(im)];
  const [large, small] = [greater(a, b), lesser(a, b)];
  const isFar = gt(large, k(forType(re, far)));
  const away = sub(k(1), a);
  const near = mul(k(0.25), log1pOf(div(mul(k(4), a), add(mul(away, away), mul(im, im)))));
  // Re 1/z.
  const ratio = div(small, large);
  const inverse = div(div(a, large), mul(large, add(k(1), mul(ratio, ratio))));
  const endless = eq(large, k(Infinity));
  const length = select(isFar, select(endless, k(0), inverse), near);
  const angle = mul(k(0.5), atan2(mul(k(2), im), sub(mul(away, add(k(1), a)), mul(im, im))));
  const isNaN = or(ne(re, re), ne(im, im));
  return {
    re: select(isNaN, add(re, im), withSign(length, re)),
    im: select(isFar, select(isNaN, im, withSign(k(Math.PI / 2), im)), angle),
  };
}
export const atan = (z: Pair): Pair => turnedBack(atanh(turned(z)));
