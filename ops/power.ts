/** Powers and logarithms of sums and products, of real and complex operands. Integers and bools become float32. */
import { partsOf } from "../core/complex.ts";
import { isComplex } from "../core/dtype.ts";
import { type ConstantParams, constantPrimitive, scalar } from "../core/leaves.ts";
import { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import * as pairs from "../kernel/math/complex.ts";
import * as logarithm from "../kernel/math/logarithm.ts";
import * as power from "../kernel/math/power.ts";
import { addN } from "./addN.ts";
import { div, mul, reciprocal, square, sub } from "./arithmetic.ts";
import { define } from "./binary.ts";
import { broadcastInDim, broadcastLast } from "./broadcast.ts";
import { equal, lessEqual, logicalAnd, where } from "./compare.ts";
import { log, sigmoid } from "./functions.ts";
import { commonInexact, type Operand, toInexact, unify } from "./operand.ts";
import { definePair } from "./pairs.ts";
import { abs } from "./piecewise.ts";
import type { Maybe } from "./primitive.ts";
import type { Binary } from "./signatures.ts";

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

// ---- of complex numbers
const isZero = (z: Tensor): Tensor => equal(z, 0);

/** z^w log z, and 0 where z is 0: there a power does not move with its exponent. */
const byExponent = (z: Tensor, power: Tensor): Tensor => where(isZero(z), 0, mul(power, log(where(isZero(z), 1, z))));
/** w z^(w-1); where both are 0, as for real powers. */
const byBase = (z: Tensor, w: Tensor): Tensor => mul(w, complexPow(z, where(logicalAnd(isZero(z), isZero(w)), 1, sub(w, 1))));

const powerOfPair = definePair({
  name: "complex pow",
  operands: "zz",
  value: ([a, b, c, d]) => pairs.pow({ re: a!, im: b! }, { re: c!, im: d! }),
  push: ([dz, dw], [z, w], y) => addN([dz && mul(dz, byBase(z!, w!)), dw && mul(dw, byExponent(z!, y))].filter((t) => t !== undefined)),
});
const realPowerOfPair = definePair({
  name: "complex pow of real exponent",
  operands: "zx",
  value: ([a, b, u]) => pairs.realPow({ re: a!, im: b! }, u!),
  push: ([dz, du], [z, u], y) => addN([dz && mul(dz, byBase(z!, u!)), du && mul(du, byExponent(z!, y))].filter((t) => t !== undefined)),
});

/** z^w, where at least z is complex. */
function complexPow(z: Tensor, w: Tensor): Tensor {
  const { re, im } = partsOf(w);
  return im || !re ? powerOfPair(z, w) : realPowerOfPair(z, re);
}

/** Beyond this an integer power is left to logarithms: so many products would be less accurate. */
const MOST_PRODUCTS = 32;

function integerPower(z: Tensor, n: number): Tensor {
  if (n < 0) return reciprocal(integerPower(z, -n));
  if (n === 1) return z;
  const half = square(integerPower(z, Math.floor(n / 2)));
  return n % 2 === 0 ? half : mul(half, z);
}

/**
 * x^y. A power of a negative number is NaN unless y is an integer; 0^0 is 1. The derivative by y is x^y log x for x > 0,
 * and 0 for x <= 0. Of complex numbers exp(y log x), with the principal logarithm, and 0 for x = 0 where y has a positive real part.
 */
export function pow(x: Operand, y: Operand): Tensor {
  if (isComplex(commonInexact("pow", [x, y]))) return powOfComplex(x, y);
  if (typeof y !== "number" || !(x instanceof Tensor)) return powPrimitive(x, y);
  const t = toInexact("pow", x);
  // At most two roundings, as accurate as the general power.
  if (y === 1) return t;
  if (y === 2) return square(t);
  if (y === 3) return mul(square(t), t);
  if (y === 4) return square(square(t));
  if (y === -1) return reciprocal(t);
  return powPrimitive(t, y);
}

function powOfComplex(x: Operand, y: Operand): Tensor {
  if (typeof y === "number" && x instanceof Tensor) {
    if (y === 0) return broadcastLast(scalar(1, x.dtype), x.shape);
    if (Number.isInteger(y) && Math.abs(y) <= MOST_PRODUCTS) return integerPower(x, y);
  }
  const [z, w] = unify("pow", [x, y]) as [Tensor, Tensor];
  return complexPow(z, w);
}

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

/** What this file defines beside functions of two floats, for table.ts. */
export const primitives = [powerOfPair.primitive, realPowerOfPair.primitive];
