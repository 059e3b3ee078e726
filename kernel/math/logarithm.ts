/**
 * log, log1p, log2, log10, and logaddexp and softplus over them. x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
 * log(1 + f) = f - s (f - R(s^2)) with f = m - 1, s = f / (2 + f), as fdlibm does (the coefficients of R are minimax fits of
 * this project).
 */
import { type Expr, abs, add, and, bitcast, convert, div, eq, ge, gt, lt, min, mul, neg, rare, select, shr, sub } from "../expr.ts";
import { fastTwoSum } from "./double-float.ts";
import { exp } from "./exponential.ts";
import {
  type ByFloat,
  type FloatLane,
  exponentShift,
  forType,
  fromHead,
  headOf,
  i32,
  like,
  polynomial,
  u32,
  withHead,
  withSign,
} from "./scalar.ts";

/** Of sqrt(1/2), in float64 rounded up, so that 1 + log2 m hardly falls below 1/2, where its ulp is smaller. */
const rootHalfHead: ByFloat<number> = { f32: 0x3f3504f3, f64: 0x3fe6a09f };
const exponentMask: ByFloat<number> = { f32: 0xff800000, f64: 0xfff00000 };
const oneHead: ByFloat<number> = { f32: 0x3f800000, f64: 0x3ff00000 };
const ln2 = Math.LN2;

/** x = 2^e m for normal positive x, with m from a lowest value, given by its head, to twice that: e, m, and e shifted into its place. */
export function splitExponent(x: Expr, lowestHead: number): { exponentBits: Expr; e: Expr; m: Expr } {
  const head = headOf(x);
  const fromLowest = sub(head, i32(lowestHead));
  const exponentBits = and(fromLowest, i32(forType(x, exponentMask)));
  const e = convert(x.type, shr(fromLowest, i32(forType(x, exponentShift))));
  return { exponentBits, e, m: withHead(x, sub(head, exponentBits)) };
}

/** R(z) / z. */
const logSeries: ByFloat<readonly number[]> = {
  f32: [0.666667759, 0.399775833, 0.298708051],
  f64: [
    0.666666666666667, 0.3999999999989607, 0.28571428627528794, 0.22222210881932927, 0.1818290749767122, 0.1533111258796017,
    0.1462395660821188,
  ],
};

/** g of log(1 + f) = f - g, for f in [sqrt(1/2) - 1, sqrt(2) - 1]: small beside f, so that its rounding hardly counts. */
function logDeficit(f: Expr): Expr {
  const s = div(f, add(f, like(f, 2)));
  const z = mul(s, s);
  return mul(s, sub(f, mul(z, polynomial(z, forType(f, logSeries)))));
}

const normalHeads: ByFloat<{ first: number; count: number }> = {
  f32: { first: 0x00800000, count: 0x7f000000 },
  f64: { first: 0x00100000, count: 0x7fe00000 },
};
/** True unless x is normal, positive and finite: one unsigned comparison of its head. */
export function isUnusual(x: Expr): Expr {
  const { first, count } = forType(x, normalHeads);
  return ge(sub(bitcast("u32", headOf(x)), u32(first)), u32(count));
}

interface Base {
  /** log_b(2) = high + low, with high of so few bits that e * high is exact. */
  readonly exponentHigh: number;
  readonly exponentLow: number;
  /** 1 / ln(b) = head + tail, head a power of two. */
  readonly head: number;
  readonly tail: number;
}
const natural: ByFloat<Base> = {
  f32: { exponentHigh: 0.693145751953125, exponentLow: 1.42860682030941723e-6, head: 1, tail: 0 },
  f64: { exponentHigh: 0.6931471805592082, exponentLow: 7.371002565167799e-13, head: 1, tail: 0 },
};
const base2: Base = { exponentHigh: 1, exponentLow: 0, head: 1, tail: Math.LOG2E - 1 };
const binary: ByFloat<Base> = { f32: base2, f64: base2 };
const decimal: ByFloat<Base> = {
  f32: { exponentHigh: 0.30102920532226562, exponentLow: 7.9034151667672698e-7, head: 0.5, tail: Math.LOG10E - 0.5 },
  f64: { exponentHigh: 0.30102999566361177, exponentLow: 3.694239077158931e-13, head: 0.5, tail: Math.LOG10E - 0.5 },
};

interface Sum {
  /** What the exponent gives, exactly: 0 or the larger of the two. */
  readonly large: Expr;
  readonly near: Expr;
}
/** log_b(2^e (1 + f)), products by 0 and 1 left out. f may be exact alone, and have a rest. */
function assemble(e: Expr, f: Expr, bases: ByFloat<Base>, rest?: Expr): Sum {
  const g = logDeficit(rest ? add(f, rest) : f);
  const { exponentHigh, exponentLow, head, tail } = forType(f, bases);
  let small = neg(head + tail === 1 ? g : mul(g, like(f, head + tail)));
  if (rest) small = add(rest, small);
  if (exponentLow !== 0) small = add(mul(e, like(f, exponentLow)), small);
  if (tail !== 0) small = add(small, mul(f, like(f, tail)));
  const near = add(head === 1 ? f : mul(f, like(f, head)), small);
  return { large: exponentHigh === 1 ? e : mul(e, like(f, exponentHigh)), near };
}

/** Subnormal numbers are computed 2^23 (2^52) times as large. */
const subnormalShift: ByFloat<{ bits: number; smallestNormal: number }> = {
  f32: { bits: 23, smallestNormal: 2 ** -126 },
  f64: { bits: 52, smallestNormal: 2 ** -1022 },
};

function logarithm(x: Expr, bases: ByFloat<Base>): Expr {
  const unusual = isUnusual(x);
  const { bits, smallestNormal } = forType(x, subnormalShift);
  const { exponentHigh, exponentLow } = forType(x, bases);
  const zero = like(x, 0);
  const { e, m } = splitExponent(select(unusual, mul(x, like(x, 2 ** bits)), x), forType(x, rootHalfHead));
  const { large, near } = assemble(e, sub(m, like(x, 1)), bases);
  const y = add(large, near);
  const subnormal = sub(y, like(x, bits * (exponentHigh + exponentLow)));
  const atEnds = select(eq(x, zero), like(x, -Infinity), select(lt(x, zero), like(x, NaN), x));
  return rare(unusual, select(and(gt(x, zero), lt(x, like(x, smallestNormal))), subnormal, atEnds), y);
}

export const log = (x: Expr): Expr => logarithm(x, natural);
export const log2 = (x: Expr): Expr => logarithm(x, binary);
export const log10 = (x: Expr): Expr => logarithm(x, decimal);

/** log(1 + x) for x > -1 and finite. What 1 + x loses in rounding is brought back behind f. */
function log1pNormal(x: Expr): Sum & { u: Expr } {
  const one = like(x, 1);
  const u = add(x, one);
  const { exponentBits, e, m } = splitExponent(u, forType(x, rootHalfHead));
  const lost = sub(x, sub(u, one));
  const oneBits = forType(x, oneHead);
  const scale = fromHead(x.type as FloatLane, sub(i32(oneBits), min(exponentBits, i32(oneBits)))); // 2^-e, or 0 where e is large
  return { u, ...assemble(e, sub(m, one), natural, mul(lost, scale)) };
}

export function log1p(x: Expr): Expr {
  const { u, large, near } = log1pNormal(x);
  const zero = like(x, 0);
  const atEnds = select(eq(u, zero), like(x, -Infinity), select(lt(u, zero), like(x, NaN), x));
  return withSign(rare(isUnusual(u), atEnds, add(large, near)), x);
}

/**
 * log(e^x + e^y): within 2 ulp of the larger of |x|, |y| and the result (x and y themselves are rounded numbers). What the
 * logarithm loses in rounding is added last, as the result may be smaller than it.
 */
export function logaddexp(x: Expr, y: Expr): Expr {
  const { large, near } = log1pNormal(exp(neg(abs(sub(x, y)))));
  const { sum, error } = fastTwoSum(large, near);
  const unequal = add(add(select(gt(x, y), x, y), sum), error);
  return select(eq(x, y), add(x, like(x, ln2)), unequal); // equal: also both infinite
}

/** log(1 + e^x). */
export function softplus(x: Expr): Expr {
  const { large, near } = log1pNormal(exp(neg(abs(x))));
  return add(select(lt(x, like(x, 0)), like(x, 0), x), add(large, near));
}
