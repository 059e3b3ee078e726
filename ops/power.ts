/** Elementwise functions of two float operands: powers, lengths and angles, logarithms of sums. Integers and bools become float32. */
import type { DType } from "../core/dtype.ts";
import { isFloat } from "../core/dtype.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import * as inverse from "../kernel/math/inverse.ts";
import * as logarithm from "../kernel/math/logarithm.ts";
import * as power from "../kernel/math/power.ts";
import { addN } from "./addN.ts";
import { div, mul, reciprocal, square, sub } from "./arithmetic.ts";
import { broadcastInDim } from "./broadcast.ts";
import { equal, lessEqual, logicalAnd, where } from "./compare.ts";
import { defineElementwise, floats } from "./elementwise.ts";
import { log, sigmoid } from "./functions.ts";
import { commonDType, type Operand, toFloat, unify } from "./operand.ts";
import { abs } from "./piecewise.ts";
import type { Maybe, RuledPrimitive } from "./primitive.ts";
import type { Binary } from "./signatures.ts";

/** What this file defines, for table.ts. */
export const primitives: RuledPrimitive[] = [];

interface BinaryCall {
  readonly dx: Maybe;
  readonly dy: Maybe;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly z: Tensor;
}

/** A function z of x and y. `push` gives the terms of z's tangent, each linear in dx or dy. */
export function define(name: string, value: (x: e.Expr, y: e.Expr) => e.Expr, push: (call: BinaryCall) => readonly Maybe[]): Binary {
  const apply = defineElementwise({
    name,
    accepts: floats,
    value: ([x, y]) => [value(x!, y!)],
    jvp: ({ inputs: [x, y], tangents: [dx, dy], outputs: [z] }) => [addN(push({ dx, dy, x: x!, y: y!, z: z! }))],
  });
  primitives.push(apply.primitive);
  return (a, b) => apply(unify(name, [a, b], floatDType(name, [a, b])), {});
}

function floatDType(op: string, operands: readonly Operand[]): DType {
  const dtype = commonDType(op, operands);
  return isFloat(dtype) ? dtype : "float32";
}

const powPrimitive: Binary = define("pow", power.pow, ({ dx, dy, x, y, z }) => {
  const n = literalOf(y);
  // y x^(y-1); where both are 0, the factor 0 must not meet an infinite power, in this derivative nor in later ones.
  const byBase = (): Maybe => {
    if (n === undefined) return mul(y, powPrimitive(x, where(logicalAnd(equal(x, 0), equal(y, 0)), 1, sub(y, 1))));
    return n === 0 ? undefined : mul(pow(x, n - 1), n);
  };
  const slope = dx && byBase();
  return [
    dx && slope && mul(dx, slope),
    // x^y log x; for x <= 0 it counts as 0: the limit at 0 where y > 0, and what keeps powers of negative numbers usable.
    dy && mul(dy, mul(z, log(where(lessEqual(x, 0), 1, x)))),
  ];
});

/** The number that a scalar constant, broadcast or not, has everywhere. */
function literalOf(t: Tensor): number | undefined {
  const source = t.primitive === broadcastInDim.primitive ? t.inputs[0]! : t;
  const { value } = source.params as Partial<ConstantParams>;
  return source.primitive === constantPrimitive && typeof value === "number" ? value : undefined;
}

/**
 * x^y. A power of a negative number is NaN unless y is an integer; 0^0 is 1. The derivative by y is x^y log x for x > 0,
 * and 0 for x <= 0.
 */
export function pow(x: Operand, y: Operand): Tensor {
  if (typeof y !== "number" || !(x instanceof Tensor)) return powPrimitive(x, y);
  const t = toFloat("pow", x);
  // At most two roundings, as accurate as the general power.
  if (y === 1) return t;
  if (y === 2) return square(t);
  if (y === 3) return mul(square(t), t);
  if (y === 4) return square(square(t));
  if (y === -1) return reciprocal(t);
  return powPrimitive(t, y);
}

/** sqrt(x^2 + y^2), without overflow. The derivative at the origin is 0. */
export const hypot: Binary = define("hypot", power.hypot, ({ dx, dy, x, y, z }) => {
  const origin = equal(z, 0);
  const length = where(origin, 1, z);
  const component = (a: Tensor): Tensor => where(origin, 0, div(a, length));
  return [dx && mul(dx, component(x)), dy && mul(dy, component(y))];
});

/** The angle of the point (x, y), in (-pi, pi]: atan(y/x) in the right quadrant. */
export const atan2: Binary = define("atan2", inverse.atan2, ({ dx: dy, dy: dx, x: y, y: x }) => {
  const r = hypot(x, y);
  return [dy && div(mul(dy, div(x, r)), r), dx && div(mul(dx, div(mul(y, -1), r)), r)];
});

/** log(exp(a) + exp(b)), without overflow. */
export const logaddexp: Binary = define("logaddexp", logarithm.logaddexp, ({ dx, dy, x, y }) => {
  // Equal infinities share the derivative, as equal numbers do; their difference is NaN.
  const endless = logicalAnd(equal(x, y), equal(abs(x), Infinity));
  const by = (a: Tensor, b: Tensor): Tensor => sigmoid(where(endless, 0, sub(a, b)));
  return [dx && mul(dx, by(x, y)), dy && mul(dy, by(y, x))];
});

/** x log(y), and 0 where x is 0, whatever y is short of NaN. */
export const xlogy: Binary = define(
  "xlogy",
  (x, y) => {
    const zero = e.constant(x.type, 0);
    return e.select(e.and(e.eq(x, zero), e.eq(y, y)), zero, e.mul(x, logarithm.log(y)));
  },
  ({ dx, dy, x, y }) => {
    const origin = logicalAnd(equal(x, 0), equal(y, 0));
    return [dx && mul(dx, log(y)), dy && mul(dy, div(x, where(origin, 1, y)))];
  },
);
