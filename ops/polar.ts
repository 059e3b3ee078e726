/** Lengths and angles, of two coordinates and of complex numbers. */
import { complexOf, isComplexTensor, partsOf } from "../core/complex.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Broadcast, Broadcastable } from "../core/types/broadcast.ts";
import * as inverse from "../kernel/math/inverse.ts";
import * as power from "../kernel/math/power.ts";
import { div, mul } from "./arithmetic.ts";
import { define } from "./binary.ts";
import { zeroPart } from "./broadcast.ts";
import { equal, isNaN, less, where } from "./compare.ts";
import { cos, sin } from "./functions.ts";
import { commonFloat, type Operand, toInexact, unify } from "./operand.ts";
import type { Maybe } from "./primitive.ts";
import type { Binary, Unary } from "./signatures.ts";

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

/** As atan2, with derivatives of 0 at the origin. */
const angleOf: Binary = define("angle", inverse.atan2, ({ dx: dy, dy: dx, x: y, y: x }) => {
  const r = hypot(x, y);
  const origin = equal(r, 0);
  const length = where(origin, 1, r);
  const over = (a: Tensor): Tensor => where(origin, 0, div(div(a, length), length));
  const term = (da: Maybe, a: Tensor): Maybe => da && mul(da, over(a));
  return [term(dy, x), term(dx, mul(y, -1))];
});

/**
 * The angle of complex numbers, in (-pi, pi]; its derivative at 0 is 0. That of real numbers is 0, or pi for negative ones, and has a
 * derivative of 0.
 */
export const angle: Unary = (z: Operand) => {
  const t = toInexact("angle", z);
  if (!isComplexTensor(t)) return where(isNaN(t), t, where(less(t, 0), Math.PI, 0));
  const { re, im } = partsOf(t);
  return angleOf(im ?? zeroPart(t), re ?? zeroPart(t));
};

/** The complex numbers of these lengths and angles. */
export function polar<A extends Operand, B extends Operand>(length: A, angle: Broadcastable<A, B>): Tensor<Broadcast<A, B>>;
export function polar(length: Operand, angle: Operand): Tensor {
  const [r, t] = unify("polar", [length, angle], commonFloat("polar", [length, angle])) as [Tensor, Tensor];
  return complexOf({ re: mul(r, cos(t)), im: mul(r, sin(t)) });
}
