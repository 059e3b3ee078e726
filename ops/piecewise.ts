/** Piecewise linear and piecewise constant functions, with the conventions at their kinks. */
import * as e from "../kernel/expr.ts";
import { complexOf, partsOf } from "../core/complex.ts";
import type { Tensor } from "../core/tensor.ts";
import { addN } from "./addN.ts";
import { div, mul, neg } from "./arithmetic.ts";
import { equal, greaterEqual, lessEqual, where } from "./compare.ts";
import { defineElementwise, noTangent, numbers } from "./elementwise.ts";
import { checkOperands, type Operand, toTensor, unify } from "./operand.ts";
import { hypot } from "./polar.ts";
import type { Maybe, PrimitiveFunction, RuledPrimitive } from "./primitive.ts";
import type { Binary, Ternary, Unary } from "./signatures.ts";

/** What this file defines, for table.ts. */
export const primitives: RuledPrimitive[] = [];

// ---- one operand
const isInteger = (a: e.Expr): boolean => a.type === "i32" || a.type === "u32";
const rounding = (name: string, value: (a: e.Expr) => e.Expr): Unary => {
  const apply = defineElementwise({ name, accepts: numbers, value: ([a]) => [isInteger(a!) ? a! : value(a!)], jvp: noTangent });
  primitives.push(apply.primitive);
  return (x) => apply([toTensor(name, x)], {});
};
export const floor = rounding("floor", e.floor);
export const ceil = rounding("ceil", e.ceil);
export const trunc = rounding("trunc", e.trunc);
/** The nearest integer, halves to even, as NumPy. */
export const round = rounding("round", e.nearest);

const signOf = (a: e.Expr): e.Expr => {
  const c = (v: number): e.Expr => e.constant(a.type, v);
  // NaN and zeros of either sign come back as they are.
  return e.select(e.gt(a, c(0)), c(1), a.type === "u32" ? a : e.select(e.lt(a, c(0)), c(-1), a));
};
const signPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "sign",
  accepts: numbers,
  value: ([a]) => [signOf(a!)],
  jvp: noTangent,
  complex: ({ inputs: [z] }) => [direction(z!)],
});
/** z / |z|. The derivative at 0 is 0. */
function direction(z: Tensor): Tensor {
  const length = abs(z);
  const zero = equal(length, 0);
  const over = (part: Maybe): Maybe => part && where(zero, 0, div(part, where(zero, 1, length)));
  const { re, im } = partsOf(z);
  return complexOf({ re: over(re), im: over(im) });
}
/** -1, 0 or 1; NaN for NaN. Of complex numbers z / |z|, and 0 for 0. */
export const sign: Unary = (x) => signPrimitive([toTensor("sign", x)], {});

const absPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "abs",
  accepts: numbers,
  value: ([a]) => [a!.type === "u32" ? a! : e.abs(a!)],
  complex: ({ inputs: [z] }) => {
    const { re, im } = partsOf(z!);
    return [re && im ? hypot(re, im) : abs((re ?? im)!)];
  },
  jvp: ({ inputs, tangents }) => [mul(tangents[0]!, sign(inputs[0]!))],
});
/** |x|, of complex numbers too; the derivative at 0 is 0. */
export const abs: Unary = (x) => absPrimitive([toTensor("abs", x)], {});

// ---- two operands
/** 1 where x > y, 1/2 where they tie, else 0. */
const preference = defineElementwise({
  name: "preference",
  accepts: numbers,
  value: ([a, b]) => {
    const c = (v: number): e.Expr => e.constant(a!.type, v);
    return [e.select(e.gt(a!, b!), c(1), e.select(e.eq(a!, b!), c(0.5), c(0)))];
  },
  jvp: noTangent,
});

/** The greater or lesser of two; where they tie, each has half of the derivative. NaN if either is NaN. */
function extreme(
  name: string,
  value: (a: e.Expr, b: e.Expr) => e.Expr,
  weights: (x: Tensor, y: Tensor) => readonly [Tensor, Tensor],
): Binary {
  const apply = defineElementwise({
    name,
    accepts: numbers,
    value: ([a, b]) => [value(a!, b!)],
    jvp: ({ inputs: [x, y], tangents }) => {
      const [wx, wy] = weights(x!, y!);
      return [addN([tangents[0] && mul(tangents[0], wx), tangents[1] && mul(tangents[1], wy)])];
    },
  });
  primitives.push(apply.primitive);
  return (a: Operand, b: Operand) => apply(unify(name, [a, b]), {});
}
export const maximum = extreme("maximum", e.max, (x, y) => [preference([x, y], {}), preference([y, x], {})]);
export const minimum = extreme("minimum", e.min, (x, y) => [preference([y, x], {}), preference([x, y], {})]);

const remPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "rem",
  accepts: numbers,
  value: ([a, b]) => [e.rem(a!, b!)],
  jvp: ({ inputs: [x, y], tangents: [dx, dy] }) => [addN([dx, dy && neg(mul(dy, trunc(div(x!, y!))))])],
});
/** The remainder of a / b with the sign of a (C's fmod, JAX's rem), exact. For integers, a rem 0 is a. */
export const rem: Binary = (a: Operand, b: Operand) => remPrimitive(unify("rem", [a, b]), {});

// ---- compositions
/** x limited to [low, high]. The derivative is 1 inside and 0 outside and at both bounds. */
export const clip: Ternary = (x: Operand, low: Operand, high: Operand) => {
  checkOperands("clip", [x, low, high]);
  return where(lessEqual(x, low), low, where(greaterEqual(x, high), high, x));
};
/** max(x, 0); the derivative at 0 is 0. NaN stays NaN. */
export const relu: Unary = (x: Operand) => where(lessEqual(x, 0), 0, x);

primitives.push(signPrimitive.primitive, absPrimitive.primitive, preference.primitive, remPrimitive.primitive);
