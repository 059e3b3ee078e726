/**
 * log, log1p, log2, log10, and logaddexp and softplus over them. float32 writes x = 2^e m with m in [sqrt(1/2), sqrt(2)),
 * and log(1 + f) = f - s (f - R(s^2)) with f = m - 1, s = f / (2 + f), as fdlibm does (the coefficients of R are a
 * minimax fit of this project). float64 calls Math.
 */
import {
  type Expr, abs, add, and, bitcast, call, constant, convert, div, eq, ge, gt, lt, min, mul, neg, rare, select, shr, sub,
} from "../expr.ts";
import { exp } from "./exponential.ts";
import { bitsOf, f32, floatOf, i32, like, polynomial, u32, withSign } from "./scalar.ts";

const rootHalfBits = 0x3f3504f3;
const smallestNormal = 2 ** -126;
const ln2 = Math.LN2;

/** x = 2^e m for normal positive x, with m from a lowest value, given by its bits, to twice that: e, m, and e shifted into its place. */
export function splitExponent(x: Expr, lowestBits: number): { exponentBits: Expr; e: Expr; m: Expr } {
  const fromLowest = sub(bitsOf(x), i32(lowestBits));
  const exponentBits = and(fromLowest, i32(0xff800000));
  return { exponentBits, e: convert("f32", shr(fromLowest, i32(23))), m: floatOf(sub(bitsOf(x), exponentBits)) };
}

/** g of log(1 + f) = f - g, for f in [sqrt(1/2) - 1, sqrt(2) - 1]: small beside f, so that its rounding hardly counts. */
function logDeficit(f: Expr): Expr {
  const s = div(f, add(f, f32(2)));
  const z = mul(s, s);
  return mul(s, sub(f, mul(z, polynomial(z, [0.666667759, 0.399775833, 0.298708051]))));
}

/** True unless x is normal, positive and finite: one unsigned comparison of its bits. */
export const isUnusual = (x: Expr): Expr => ge(sub(bitcast("u32", x), u32(0x00800000)), u32(0x7f000000));

interface Base {
  /** log_b(2) = high + low, with high of so few bits that e * high is exact. */
  readonly exponentHigh: number;
  readonly exponentLow: number;
  /** 1 / ln(b) = head + tail, head a power of two. */
  readonly head: number;
  readonly tail: number;
}
const natural: Base = { exponentHigh: 0.693145751953125, exponentLow: 1.42860682030941723e-6, head: 1, tail: 0 };
const binary: Base = { exponentHigh: 1, exponentLow: 0, head: 1, tail: Math.LOG2E - 1 };
const decimal: Base = { exponentHigh: 0.30102920532226562, exponentLow: 7.9034151667672698e-7, head: 0.5, tail: Math.LOG10E - 0.5 };

/** log_b(2^e (1 + f)): large parts last, products by 0 and 1 left out. */
function assemble(e: Expr, f: Expr, base: Base): Expr {
  const g = logDeficit(f);
  const { exponentHigh, exponentLow, head, tail } = base;
  let small = neg(head + tail === 1 ? g : mul(g, f32(head + tail)));
  if (exponentLow !== 0) small = add(mul(e, f32(exponentLow)), small);
  if (tail !== 0) small = add(small, mul(f, f32(tail)));
  const near = add(head === 1 ? f : mul(f, f32(head)), small);
  return add(exponentHigh === 1 ? e : mul(e, f32(exponentHigh)), near);
}

function logarithm(x: Expr, base: Base): Expr {
  const unusual = isUnusual(x);
  const { e, m } = splitExponent(select(unusual, mul(x, f32(2 ** 23)), x), rootHalfBits);
  const y = assemble(e, sub(m, f32(1)), base);
  const subnormal = sub(y, f32(23 * ln2 * (base.head + base.tail)));
  const atEnds = select(eq(x, f32(0)), f32(-Infinity), select(lt(x, f32(0)), f32(NaN), x));
  return rare(unusual, select(and(gt(x, f32(0)), lt(x, f32(smallestNormal))), subnormal, atEnds), y);
}

export const log = (x: Expr): Expr => (x.type === "f64" ? call("log", x) : logarithm(x, natural));
export const log2 = (x: Expr): Expr => (x.type === "f64" ? call("log2", x) : logarithm(x, binary));
export const log10 = (x: Expr): Expr => (x.type === "f64" ? call("log10", x) : logarithm(x, decimal));

/** log(1 + x) for x > -1 and finite. What 1 + x loses in rounding is brought back into f. */
function log1pNormal(x: Expr): { u: Expr; y: Expr } {
  const u = add(x, f32(1));
  const { exponentBits, e, m } = splitExponent(u, rootHalfBits);
  const lost = sub(x, sub(u, f32(1)));
  const scale = floatOf(sub(i32(0x3f800000), min(exponentBits, i32(127 << 23)))); // 2^-e, or 0 where e is large
  const f = add(sub(m, f32(1)), mul(lost, scale));
  return { u, y: assemble(e, f, natural) };
}

export function log1p(x: Expr): Expr {
  if (x.type === "f64") return call("log1p", x);
  const { u, y } = log1pNormal(x);
  const atEnds = select(eq(u, f32(0)), f32(-Infinity), select(lt(u, f32(0)), f32(NaN), x));
  return withSign(rare(isUnusual(u), atEnds, y), x);
}

const log1pOfUnit = (x: Expr): Expr => (x.type === "f64" ? call("log1p", x) : log1pNormal(x).y);

/** log(e^x + e^y): within 2 ulp of the larger of |x|, |y| and the result (x and y themselves are rounded numbers). */
export function logaddexp(x: Expr, y: Expr): Expr {
  const tail = log1pOfUnit(exp(neg(abs(sub(x, y)))));
  return add(select(gt(x, y), x, y), select(eq(x, y), constant(x.type, ln2), tail)); // equal: also both infinite
}

/** log(1 + e^x). */
export const softplus = (x: Expr): Expr => add(select(lt(x, like(x, 0)), like(x, 0), x), log1pOfUnit(exp(neg(abs(x)))));
