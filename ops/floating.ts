/** What floats have beside numbers: NaN, infinities, signs of zero, whole and fractional parts, exponents. */
import { partsOf } from "../core/complex.ts";
import { isFloat } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import * as e from "../kernel/expr.ts";
import { withSign } from "../kernel/math/scalar.ts";
import { div, mul, sub } from "./arithmetic.ts";
import { define } from "./binary.ts";
import { equal, isNaN, less, logicalAnd, logicalNot, logicalOr, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { exp2 } from "./functions.ts";
import { type Operand, toFloat, toInexact, toTensor, unify } from "./operand.ts";
import { abs, maximum, minimum, trunc } from "./piecewise.ts";
import { type ReduceArgument, sum } from "./reductions.ts";
import type { Binary, Reducer, Unary } from "./signatures.ts";

/** Whether x is neither infinite nor NaN. */
export const isFinite: Unary = (x) => {
  const t = toInexact("isFinite", x);
  const { re, im } = partsOf(t);
  const finite = (part: Tensor): Tensor => less(abs(part), Infinity);
  return re && im ? logicalAnd(finite(re), finite(im)) : finite((re ?? im)!);
};
/** Whether x is Infinity or -Infinity, or complex with a part that is. */
export const isInf: Unary = (x) => {
  const { re, im } = partsOf(toInexact("isInf", x));
  const infinite = (part: Tensor): Tensor => equal(abs(part), Infinity);
  return re && im ? logicalOr(infinite(re), infinite(im)) : infinite((re ?? im)!);
};

// ---- one NaN among two
/** The extreme of two, or the other where one is NaN. */
const ignoringNaN =
  (op: string, extreme: Binary): Binary =>
  (a: Operand, b: Operand) => {
    const [x, y] = unify(op, [a, b]) as [Tensor, Tensor];
    return isFloat(x.dtype) ? where(isNaN(x), y, where(isNaN(y), x, extreme(x, y))) : extreme(x, y);
  };
/** The greater of two; where one is NaN, the other. Where they tie, each has half of the derivative. */
export const fmax = ignoringNaN("fmax", maximum);
/** The lesser of two; where one is NaN, the other. Where they tie, each has half of the derivative. */
export const fmin = ignoringNaN("fmin", minimum);

// ---- parts of a number
/**
 * |x| with the sign of y, also that of a zero; a NaN counts as positive, since fusion may change its sign (x * -1 becomes -x, say). The derivative
 * at x = 0 is 0; none flows to y.
 */
export const copysign: Binary = define(
  "copysign",
  (x, y) => e.select(e.eq(y, y), withSign(e.abs(x), y), e.abs(x)),
  ({ dx, x, z }) => {
    const zero = equal(x, 0);
    return [dx && mul(dx, where(zero, 0, div(z, where(zero, 1, x))))];
  },
);
/** x less its whole part: its sign is that of x. */
export const frac: Unary = (x) => {
  const t = toFloat("frac", x);
  return sub(t, trunc(t));
};
/** x times 2^n. */
export const ldexp: Binary = (x: Operand, n: Operand) => {
  const [t, power] = [toFloat("ldexp", x), toFloat("ldexp", n)];
  return mul(t, convert(exp2(power), t.dtype));
};

// ---- replacing NaN
export interface NanToNumOptions {
  /** What stands for NaN (default 0), for Infinity (default the greatest number) and for -Infinity (default the least). */
  readonly nan?: number;
  readonly posinf?: number;
  readonly neginf?: number;
}
const greatest: Readonly<Record<string, number>> = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

/** x with numbers in place of NaN and infinities. No derivative flows there. */
export function nanToNum<A extends Operand>(x: A, options?: NanToNumOptions): Tensor<ShapeOf<A>>;
export function nanToNum(x: Operand, options: NanToNumOptions = {}): Tensor {
  const t = toTensor("nanToNum", x);
  if (!isFloat(t.dtype)) return t;
  const { nan = 0, posinf = greatest[t.dtype]!, neginf = -greatest[t.dtype]! } = options;
  for (const [name, v] of Object.entries({ nan, posinf, neginf }))
    if (typeof v !== "number") throw new Error(`nanToNum: ${name} must be a number, got ${showArgument(v)}`);
  return where(isNaN(t), nan, where(equal(t, Infinity), posinf, where(equal(t, -Infinity), neginf, t)));
}

/** The sum of those elements that are not NaN, over some axes (default: all). */
export const nansum = ((x: Operand, argument?: ReduceArgument) => {
  const t = toFloat("nansum", x);
  return sum(where(isNaN(t), 0, t), argument);
}) as Reducer<"nansum", ReduceArgument>;

/** The mean of those elements that are not NaN, over some axes (default: all); NaN where there are none. */
export const nanmean = ((x: Operand, argument?: ReduceArgument) => {
  const t = toFloat("nanmean", x);
  return div(sum(where(isNaN(t), 0, t), argument), convert(sum(logicalNot(isNaN(t)), argument), t.dtype));
}) as Reducer<"nanmean", ReduceArgument>;
