/**
 * Elementwise functions of one float or complex operand. Each has its scalar expression and its derivative on one line; derivatives
 * are written in whatever of operand and result loses no digits. Integers and bools become float32.
 */
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import * as e from "../kernel/expr.ts";
import type { Pair } from "../kernel/math/complex.ts";
import * as pairs from "../kernel/math/complex.ts";
import * as error from "../kernel/math/error.ts";
import * as exponential from "../kernel/math/exponential.ts";
import * as hyperbolic from "../kernel/math/hyperbolic.ts";
import * as inverse from "../kernel/math/inverse.ts";
import * as logarithm from "../kernel/math/logarithm.ts";
import * as power from "../kernel/math/power.ts";
import * as trigonometric from "../kernel/math/trigonometric.ts";
import { add, div, leibniz, leibnizOfSquare, mul, neg, sub } from "./arithmetic.ts";
import { showArgument } from "./describe.ts";
import { defineElementwise, floats } from "./elementwise.ts";
import { type Operand, toFloat, toInexact } from "./operand.ts";
import { definePair } from "./pairs.ts";
import type { Maybe, RuledPrimitive } from "./primitive.ts";
import type { Unary } from "./signatures.ts";

/** The derivatives of dy/dx along a curve, of orders 0 and up, from those of y. */
type Slope = (x: Tensor, y: readonly Maybe[]) => readonly Maybe[];

/** What this file defines, for table.ts. */
export const primitives: RuledPrimitive[] = [];

/**
 * A function y of x. `push` gives the tangent of y from that of x, linear in it; `slope` saves work where y determines it. `pair`: the function
 * of complex numbers.
 */
export function define(
  name: string,
  value: (x: e.Expr) => e.Expr,
  push: (dx: Tensor, x: Tensor, y: Tensor) => Tensor,
  slope?: Slope,
  pair?: (z: Pair) => Pair,
): Unary {
  // The same derivative, for it is that of an analytic function.
  const ofComplex =
    pair &&
    definePair({
      name: `complex ${name}`,
      operands: "z",
      value: ([re, im]) => pair({ re: re!, im: im! }),
      push: ([dz], [z], w) => push(dz!, z!, w),
    });
  const apply = defineElementwise({
    name,
    accepts: floats,
    value: ([x]) => [value(x!)],
    ...(ofComplex && { complex: ({ inputs: [z] }) => [ofComplex(z!)] }),
    jvp: ({ inputs: [x], tangents: [dx], outputs: [y] }) => [push(dx!, x!, y!)],
    ...(slope && {
      jet: ({ inputs: [x], series: [xs], found: [ys], order }) => [leibniz(mul, xs!.slice(1), slope(x!, ys!), order - 1)],
    }),
  });
  primitives.push(apply.primitive);
  if (ofComplex) primitives.push(ofComplex.primitive);
  return (x) => apply([toInexact(name, x)], {});
}
/** (1 - x)(1 + x): 1 - x^2 without cancellation near 1. */
const oneMinusSquare = (x: Tensor): Tensor => mul(sub(1, x), add(1, x));

const negative = (x: Maybe): Maybe => x && neg(x);

// ---- exponentials and logarithms
export const exp = define("exp", exponential.exp, (dx, _, y) => mul(dx, y), undefined, pairs.exp);
/** exp(x) - 1, accurate near 0. */
export const expm1 = define("expm1", exponential.expm1, (dx, x) => mul(dx, exp(x)), undefined, pairs.expm1);
/** 2^x. */
export const exp2 = define("exp2", exponential.exp2, (dx, _, y) => mul(dx, mul(y, Math.LN2)), undefined, pairs.exp2);
/** The natural logarithm: -Infinity at 0, NaN below. */
export const log = define("log", logarithm.log, (dx, x) => div(dx, x), undefined, pairs.log);
/** log(1 + x), accurate near 0. */
export const log1p = define("log1p", logarithm.log1p, (dx, x) => div(dx, add(1, x)), undefined, pairs.log1p);
export const log2 = define("log2", logarithm.log2, (dx, x) => div(mul(dx, Math.LOG2E), x), undefined, pairs.log2);
export const log10 = define("log10", logarithm.log10, (dx, x) => div(mul(dx, Math.LOG10E), x), undefined, pairs.log10);

// ---- roots
export const sqrt = define("sqrt", e.sqrt, (dx, _, y) => div(mul(dx, 0.5), y), undefined, pairs.sqrt);
/** 1 / sqrt(x). */
export const rsqrt: Unary = define("rsqrt", power.rsqrt, (dx, x, y) => mul(dx, mul(-0.5, div(y, x))), undefined, pairs.rsqrt);

// ---- trigonometric and hyperbolic functions and their inverses; angles in radians
export const sin: Unary = define("sin", trigonometric.sin, (dx, x) => mul(dx, cos(x)), undefined, pairs.sin);
export const cos: Unary = define("cos", trigonometric.cos, (dx, x) => mul(dx, neg(sin(x))), undefined, pairs.cos);
export const tan = define("tan", trigonometric.tan, (dx, _, y) => mul(dx, add(1, mul(y, y))), undefined, pairs.tan);
export const asin = define("asin", inverse.asin, (dx, x) => mul(dx, rsqrt(oneMinusSquare(x))), undefined, pairs.asin);
export const acos = define("acos", inverse.acos, (dx, x) => mul(dx, neg(rsqrt(oneMinusSquare(x)))), undefined, pairs.acos);
export const atan = define("atan", inverse.atan, (dx, x) => div(dx, add(1, mul(x, x))), undefined, pairs.atan);
/** x degrees in radians. */
export const deg2rad: Unary = (x) => mul(toFloat("deg2rad", x), Math.PI / 180);
/** x radians in degrees. */
export const rad2deg: Unary = (x) => mul(toFloat("rad2deg", x), 180 / Math.PI);
export const sinh: Unary = define("sinh", hyperbolic.sinh, (dx, x) => mul(dx, cosh(x)), undefined, pairs.sinh);
export const cosh: Unary = define("cosh", hyperbolic.cosh, (dx, x) => mul(dx, sinh(x)), undefined, pairs.cosh);
export const tanh = define(
  "tanh",
  hyperbolic.tanh,
  (dx, _, y) => mul(dx, oneMinusSquare(y)),
  (_, y) => y.map((value, k) => (k === 0 ? oneMinusSquare(value!) : leibnizOfSquare(y, k, -1))),
  pairs.tanh,
);

// ---- the error function, and sigmoids
/** 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export const erf = define("erf", error.erf, (dx, x) => mul(dx, mul(2 / Math.sqrt(Math.PI), exp(neg(mul(x, x))))));
/** 1 / (1 + exp(-x)). */
export const sigmoid: Unary = define(
  "sigmoid",
  exponential.sigmoid,
  (dx, x, y) => mul(dx, mul(y, sigmoid(neg(x)))),
  // y (1 - y), where 1 - y is sigmoid(-x).
  (x, y) => {
    const rest = y.map((d, k) => (k === 0 ? sigmoid(neg(x)) : negative(d)));
    return y.map((_, k) => leibniz(mul, y, rest, k));
  },
  pairs.sigmoid,
);
const softplusOf = define("softplus", logarithm.softplus, (dx, x) => mul(dx, sigmoid(x)));

export interface SoftplusOptions {
  /** How sharp the bend is (default 1). */
  readonly beta?: number;
}

/** log(1 + exp(beta x)) / beta, without overflow. */
export function softplus<A extends Operand>(x: A, options?: SoftplusOptions): Tensor<ShapeOf<A>>;
export function softplus(x: Operand, { beta = 1 }: SoftplusOptions = {}): Tensor {
  if (!(beta > 0)) throw new Error(`softplus: beta must be positive, got ${showArgument(beta)}`);
  return beta === 1 ? softplusOf(x) : div(softplusOf(mul(beta, toFloat("softplus", x))), beta);
}

/** x sigmoid(x), also known as swish. */
export const silu: Unary = (x) => {
  const t = toInexact("silu", x);
  return mul(t, sigmoid(t));
};

export interface GeluOptions {
  /** "tanh": x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), within 5e-4 of the exact function. */
  readonly approximate?: "none" | "tanh";
}

/** x times the normal distribution function: x/2 (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel 2016). */
export function gelu<A extends Operand>(x: A, options?: GeluOptions): Tensor<ShapeOf<A>>;
export function gelu(x: Operand, options: GeluOptions = {}): Tensor {
  const { approximate = "none" } = options;
  if (approximate !== "none" && approximate !== "tanh")
    throw new Error(`gelu: approximate must be "none" or "tanh", got ${showArgument(approximate)}`);
  const t = toFloat("gelu", x);
  const cubic = (): Tensor => mul(Math.sqrt(2 / Math.PI), mul(t, add(1, mul(0.044715, mul(t, t)))));
  return mul(mul(t, 0.5), add(1, approximate === "tanh" ? tanh(cubic()) : erf(mul(t, Math.SQRT1_2))));
}
