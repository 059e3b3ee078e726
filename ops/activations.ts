/** Activation functions that are compositions. Each branch sees arguments of its own side only, so that nothing overflows in the other. */
import { divideDims } from "../core/dim.ts";
import { normalizeAxis } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { add, div, mul, neg, sub } from "./arithmetic.ts";
import { greater, less, where } from "./compare.ts";
import { showArgument } from "./describe.ts";
import { expm1, sigmoid, softplus, tanh } from "./functions.ts";
import { type Operand, toFloat } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import { abs, clip } from "./piecewise.ts";
import type { Binary, Unary } from "./signatures.ts";

/** An elementwise function with a number that may be left out. */
type WithNumber = <A extends Operand>(x: A, parameter?: number) => Tensor<ShapeOf<A>>;
const withNumber =
  (op: string, name: string, otherwise: number, f: (x: Tensor, parameter: number) => Tensor, least = -Infinity): WithNumber =>
  (x: Operand, parameter = otherwise): Tensor => {
    if (typeof parameter !== "number" || !(parameter >= least))
      throw new Error(`${op}: ${name} must be a number${least > -Infinity ? ` of at least ${least}` : ""}, got ${showArgument(parameter)}`);
    return f(toFloat(op, x), parameter);
  };
const ofFloat =
  (op: string, f: (x: Tensor) => Tensor): Unary =>
  (x: Operand) =>
    f(toFloat(op, x));

/** x above 0; up to and at 0 a function of x. */
function upTo0(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
  const above = greater(x, 0);
  return where(above, x, f(where(above, 0, x)));
}

// ---- smooth ones
/** x for x > 0, else alpha (exp(x) - 1), alpha = 1 unless given (Clevert et al. 2015). */
export const elu = withNumber("elu", "alpha", 1, (x, alpha) => upTo0(x, (t) => mul(alpha, expm1(t))));
/** x for x > 0, else alpha (exp(x / alpha) - 1): elu with a continuous derivative (Barron 2017). */
export const celu = withNumber("celu", "alpha", 1, (x, alpha) => upTo0(x, (t) => mul(alpha, expm1(div(t, alpha)))));
/** elu with the scales that keep mean 0 and variance 1 (Klambauer et al. 2017). */
export const selu = ofFloat("selu", (x) =>
  mul(
    1.0507009873554805,
    upTo0(x, (t) => mul(1.6732632423543772, expm1(t))),
  ),
);
/** x tanh(softplus(x)) (Misra 2019). */
export const mish = ofFloat("mish", (x) => mul(x, tanh(softplus(x))));
/** log(sigmoid(x)), without underflow. */
export const logSigmoid = ofFloat("logSigmoid", (x) => neg(softplus(neg(x))));
/** x / (1 + |x|). */
export const softsign = ofFloat("softsign", (x) => div(x, add(1, abs(x))));
/** x - tanh(x). */
export const tanhshrink = ofFloat("tanhshrink", (x) => sub(x, tanh(x)));

// ---- piecewise linear ones; at a kink the derivative is that of the side without the equality sign, or as clip's
/** x for x > 0, else slope x, slope = 0.01 unless given. */
export const leakyRelu = withNumber("leakyRelu", "the slope", 0.01, (x, slope) => upTo0(x, (t) => mul(slope, t)));
/** x for x > 0, else slope x, with slopes that are learned: they broadcast. */
export const prelu: Binary = (x: Operand, slope: Operand) => where(greater(toFloat("prelu", x), 0), x, mul(slope, x));
/** x limited to [low, high], [-1, 1] unless given. */
export function hardtanh<A extends Operand>(x: A, low?: number, high?: number): Tensor<ShapeOf<A>>;
export function hardtanh(x: Operand, low = -1, high = 1): Tensor {
  if (!(low <= high)) throw new Error(`hardtanh: the bounds must be ordered, got ${showArgument(low)} and ${showArgument(high)}`);
  return clip(toFloat("hardtanh", x), low, high);
}
/** x limited to [0, 6]. */
export const relu6 = ofFloat("relu6", (x) => clip(x, 0, 6));
/** x / 6 + 1/2 limited to [0, 1]. */
export const hardsigmoid = ofFloat("hardsigmoid", (x) => div(clip(add(x, 3), 0, 6), 6));
/** x hardsigmoid(x). */
export const hardswish = ofFloat("hardswish", (x) => mul(x, hardsigmoid(x)));
/** x where |x| > lambda, else 0; lambda = 1/2 unless given. */
export const hardshrink = withNumber("hardshrink", "lambda", 0.5, (x, lambda) => where(greater(abs(x), lambda), x, 0), 0);
/** x brought nearer to 0 by lambda, and 0 where it would pass it; lambda = 1/2 unless given. */
export const softshrink = withNumber(
  "softshrink",
  "lambda",
  0.5,
  (x, lambda) => where(greater(x, lambda), sub(x, lambda), where(less(x, -lambda), add(x, lambda), 0)),
  0,
);
/** x where it is above a limit, else a value. */
export function threshold<A extends Operand>(x: A, limit: number, value: number): Tensor<ShapeOf<A>>;
export function threshold(x: Operand, limit: number, value: number): Tensor {
  if (typeof limit !== "number" || typeof value !== "number")
    throw new Error(`threshold: needs a limit and a value, got ${showArgument(limit)} and ${showArgument(value)}`);
  const t = toFloat("threshold", x);
  return where(greater(t, limit), t, value);
}

// ---- gates
/** The first half of x along an axis (default: the last) times the sigmoid of the second (Dauphin et al. 2016). */
export function glu(x: Operand, axis = -1): Tensor {
  const t = toFloat("glu", x);
  const at = normalizeAxis("glu", axis, t.rank);
  const n = t.shape[at]!;
  const half = divideDims(n, 2);
  if (half === undefined) throw new Error(`glu: axis ${at} of ${t.describe()} has ${n} elements, which do not divide into halves`);
  return mul(sliceAxis(t, at, 0, half), sigmoid(sliceAxis(t, at, half, n)));
}
