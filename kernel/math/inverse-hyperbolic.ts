/** asinh, acosh and atanh through log1p of what is small where they are, and logit beside them: logit x = 2 atanh(2x - 1). */
import { type Expr, abs, add, and, div, ge, gt, le, lt, mul, select, sqrt, sub } from "../expr.ts";
import { log, log1p } from "./logarithm.ts";
import { type ByFloat, forType, like, withSign } from "./scalar.ts";

/** Beyond this x^2 + 1 is x^2. */
const large: ByFloat<number> = { f32: 2 ** 14, f64: 2 ** 28 };

/** log(a + sqrt(a^2 + 1)) = log1p(a + a^2 / (1 + sqrt(a^2 + 1))). */
export function asinh(x: Expr): Expr {
  const a = abs(x);
  const one = like(x, 1);
  const square = mul(a, a);
  const isLarge = gt(a, like(x, forType(x, large)));
  const small = log1p(add(a, div(square, add(one, sqrt(add(square, one))))));
  return withSign(select(isLarge, add(log(a), like(x, Math.LN2)), small), x);
}

/** log(x + sqrt(x^2 - 1)) = log1p(t + sqrt(t (t + 2))) with t = x - 1: NaN below 1. */
export function acosh(x: Expr): Expr {
  const t = sub(x, like(x, 1));
  const small = log1p(add(t, sqrt(mul(t, add(t, like(x, 2))))));
  return select(gt(x, like(x, forType(x, large))), add(log(x), like(x, Math.LN2)), small);
}

/** log((1 + x) / (1 - x)) / 2 = log1p(2a / (1 - a)) / 2 of a = |x|: infinite at 1, NaN beyond. */
export function atanh(x: Expr): Expr {
  const a = abs(x);
  const one = like(x, 1);
  const y = mul(log1p(div(add(a, a), sub(one, a))), like(x, 0.5));
  return withSign(select(le(a, one), y, like(x, NaN)), x);
}

/** log(x / (1 - x)), near 1/2 as log1p((2x - 1) / (1 - x)), whose numerator is exact. */
export function logit(x: Expr): Expr {
  const one = like(x, 1);
  const rest = sub(one, x);
  const middle = and(ge(x, like(x, 0.25)), lt(x, like(x, 0.75)));
  return select(middle, log1p(div(sub(add(x, x), one), rest)), log(div(x, rest)));
}
