/**
 * Special functions: gamma and its kin, the normal distribution, modified Bessel functions, inverse hyperbolic functions. Families that
 * derivatives run through, polygamma and Bessel, have a primitive for each order, made when it is asked for.
 */
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import * as e from "../kernel/expr.ts";
import { besseli } from "../kernel/math/bessel.ts";
import * as pairs from "../kernel/math/complex.ts";
import * as gamma from "../kernel/math/gamma.ts";
import * as gaussian from "../kernel/math/gaussian.ts";
import * as inverse from "../kernel/math/inverse-hyperbolic.ts";
import { log1p as log1pOf } from "../kernel/math/logarithm.ts";
import { add, div, mul, square, sub } from "./arithmetic.ts";
import { define as defineBinary } from "./binary.ts";
import { equal, less, logicalAnd, where } from "./compare.ts";
import { showArgument } from "./describe.ts";
import { defineElementwise, floats } from "./elementwise.ts";
import { define, exp, log1p, rsqrt, sqrt } from "./functions.ts";
import { type Operand, toFloat } from "./operand.ts";
import { sign } from "./piecewise.ts";
import { xlogy } from "./power.ts";
import type { PrimitiveFunction, RuledPrimitive } from "./primitive.ts";
import type { Binary, Unary } from "./signatures.ts";

// ---- inverse hyperbolic functions
export const asinh = define("asinh", inverse.asinh, (dx, x) => mul(dx, rsqrt(add(1, square(x)))), undefined, pairs.asinh);
/** NaN below 1. */
export const acosh = define("acosh", inverse.acosh, (dx, x) => div(dx, mul(sqrt(sub(x, 1)), sqrt(add(x, 1)))), undefined, pairs.acosh);
/** Infinite at 1 and -1, NaN beyond. */
export const atanh = define("atanh", inverse.atanh, (dx, x) => div(dx, mul(sub(1, x), add(1, x))), undefined, pairs.atanh);
/** log(x / (1 - x)), the inverse of sigmoid. */
export const logit = define("logit", inverse.logit, (dx, x) => div(dx, mul(x, sub(1, x))));

// ---- gamma
/** A family of primitives, one for each order. */
function family(name: (n: number) => string, value: (n: number, x: e.Expr) => e.Expr, slope: (n: number, x: Tensor, y: Tensor) => Tensor) {
  const made: PrimitiveFunction<object>[] = [];
  return (n: number): PrimitiveFunction<object> =>
    (made[n] ??= defineElementwise({
      name: name(n),
      accepts: floats,
      value: ([x]) => [value(n, x!)],
      jvp: ({ inputs: [x], tangents: [dx], outputs: [y] }) => [mul(dx!, slope(n, x!, y!))],
    }));
}

const polygammas = family(
  (n) => (n === 0 ? "digamma" : `polygamma ${n}`),
  gamma.polygamma,
  (n, x) => polygammas(n + 1)([x], {}),
);

/** log |gamma(x)|: infinite at 0 and at negative integers. */
export const lgamma = define("lgamma", gamma.lgamma, (dx, x) => mul(dx, digamma(x)));
/** The derivative of lgamma. */
export const digamma: Unary = (x) => polygammas(0)([toFloat("digamma", x)], {});
/** The n-th derivative of digamma. */
export function polygamma<A extends Operand>(n: number, x: A): Tensor<ShapeOf<A>>;
export function polygamma(n: number, x: Operand): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new Error(`polygamma: the order must be a non-negative integer, got ${showArgument(n)}`);
  return polygammas(n)([toFloat("polygamma", x)], {});
}

/** The logarithm of the p-dimensional gamma function: log(pi) p (p - 1) / 4 and the sum of lgamma(x - j/2) for j below p. */
export function mvlgamma<A extends Operand>(x: A, p: number): Tensor<ShapeOf<A>>;
export function mvlgamma(x: Operand, p: number): Tensor {
  if (!Number.isInteger(p) || p < 1) throw new Error(`mvlgamma: the dimension must be a positive integer, got ${showArgument(p)}`);
  const t = toFloat("mvlgamma", x);
  let sum: Tensor = lgamma(t);
  for (let j = 1; j < p; j++) sum = add(sum, lgamma(sub(t, j / 2)));
  return p === 1 ? sum : add(sum, (Math.log(Math.PI) * p * (p - 1)) / 4);
}

// ---- the normal distribution
const rootOfPi = Math.sqrt(Math.PI);
const rootOfTwoPi = Math.sqrt(2 * Math.PI);
const bell = (x: Tensor, factor: number, scale: number): Tensor => mul(factor, exp(mul(scale, square(x))));

/** 1 - erf(x), relatively accurate where it is small. */
export const erfc = define("erfc", gaussian.erfc, (dx, x) => mul(dx, bell(x, -2 / rootOfPi, -1)));
const scaled = family(
  (n) => (n === 0 ? "erfcx" : `erfcx derivative ${n}`),
  gaussian.erfcxDerivative,
  (n, x) => scaled(n + 1)([x], {}),
);
/** exp(x^2) erfc(x). */
export const erfcx: Unary = (x) => scaled(0)([toFloat("erfcx", x)], {});
/** y with erf(y) = x: infinite at 1 and -1, NaN beyond. */
export const erfinv = define("erfinv", gaussian.erfinv, (dx, _, y) => mul(dx, bell(y, rootOfPi / 2, 1)));
/** The probability that a normal variable is below x. */
export const ndtr = define("ndtr", gaussian.ndtr, (dx, x) => mul(dx, bell(x, 1 / rootOfTwoPi, -0.5)));
/** The logarithm of ndtr, also where that underflows. */
export const logNdtr = define("logNdtr", gaussian.logNdtr, (dx, x) => div(mul(dx, Math.sqrt(2 / Math.PI)), erfcx(mul(x, -Math.SQRT1_2))));
/** y with ndtr(y) = p: -Infinity at 0, Infinity at 1, NaN outside. */
export const ndtri = define("ndtri", gaussian.ndtri, (dx, _, y) => mul(dx, bell(y, rootOfTwoPi, 0.5)));

// ---- modified Bessel functions
const bessels = family(
  (n) => (n < 2 ? `i${n}` : `bessel i ${n}`),
  (n, x) => besseli(n, x, false),
  (n, x) => (n === 0 ? bessels(1)([x], {}) : mul(0.5, add(bessels(n - 1)([x], {}), bessels(n + 1)([x], {})))),
);
const scaledBessels = family(
  (n) => (n < 2 ? `i${n}e` : `scaled bessel i ${n}`),
  (n, x) => besseli(n, x, true),
  (n, x, y) => {
    const slope = n === 0 ? scaledBessels(1)([x], {}) : mul(0.5, add(scaledBessels(n - 1)([x], {}), scaledBessels(n + 1)([x], {})));
    return sub(slope, mul(sign(x), y));
  },
);
/** The modified Bessel function of order 0. */
export const i0: Unary = (x) => bessels(0)([toFloat("i0", x)], {});
/** The modified Bessel function of order 1. */
export const i1: Unary = (x) => bessels(1)([toFloat("i1", x)], {});
/** exp(-|x|) i0(x). */
export const i0e: Unary = (x) => scaledBessels(0)([toFloat("i0e", x)], {});
/** exp(-|x|) i1(x). */
export const i1e: Unary = (x) => scaledBessels(1)([toFloat("i1e", x)], {});

// ---- entropies
/** x log(1 + y), and 0 where x is 0, whatever y is short of NaN. */
export const xlog1py: Binary = defineBinary(
  "xlog1py",
  (x, y) => {
    const zero = e.constant(x.type, 0);
    return e.select(e.and(e.eq(x, zero), e.eq(y, y)), zero, e.mul(x, log1pOf(y)));
  },
  ({ dx, dy, x, y }) => {
    const origin = logicalAnd(equal(x, 0), equal(y, -1));
    return [dx && mul(dx, log1p(y)), dy && mul(dy, div(x, where(origin, 1, add(1, y))))];
  },
);
/** -x log(x), 0 at 0 and -Infinity below. */
export const entr: Unary = (x) => {
  const t = toFloat("entr", x);
  const negative = less(t, 0);
  const safe = where(negative, 1, t);
  return where(negative, -Infinity, sub(0, xlogy(safe, safe)));
};

const orders: readonly (readonly [RegExp, (n: number) => PrimitiveFunction<object>])[] = [
  [/^(?:polygamma (\d+)|digamma)$/, polygammas],
  [/^erfcx(?: derivative (\d+))?$/, scaled],
  [/^(?:bessel i |i)(\d+)$/, bessels],
  [/^(?:scaled bessel i (\d+)|i(\d)e)$/, scaledBessels],
];
/** The primitive of a name, for table.ts: families have one for each order. */
export function primitiveNamed(name: string): RuledPrimitive | undefined {
  for (const [pattern, make] of orders) {
    const found = pattern.exec(name);
    const primitive = found && make(Number(found[1] ?? found[2] ?? 0)).primitive;
    if (primitive?.name === name) return primitive;
  }
  return undefined;
}
