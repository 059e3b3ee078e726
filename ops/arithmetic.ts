/** The field operations, on which every derivative rule is built. */
import { complexOf, partsOf } from "../core/complex.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import * as pairs from "../kernel/math/complex.ts";
import { addN } from "./addN.ts";
import { broadcastInDim } from "./broadcast.ts";
import { defineElementwise, floats, numbers } from "./elementwise.ts";
import { definePair, type PairFunction } from "./pairs.ts";
import { commonDType, type Operand, toTensor, unify } from "./operand.ts";
import type { Maybe, PrimitiveFunction } from "./primitive.ts";
import type { Binary, Unary } from "./signatures.ts";
import { isInexact } from "../core/dtype.ts";

const none = {};

const subPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "sub",
  complex: ({ inputs: [x, y] }) => {
    const [a, b] = [partsOf(x!), partsOf(y!)];
    return [complexOf({ re: minus(a.re, b.re), im: minus(a.im, b.im) })];
  },
  accepts: numbers,
  value: ([a, b]) => [e.sub(a!, b!)],
  jvp: ({ tangents: [a, b] }) => [a && b ? subPrimitive([a, b], none) : (a ?? negPrimitive([b!], none))],
  transpose: ({ cotangents: [ct], linear }) => [linear[0] ? ct : undefined, linear[1] ? negPrimitive([ct!], none) : undefined],
});

const negPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "neg",
  complex: "parts",
  accepts: numbers,
  value: ([a]) => [e.neg(a!)],
  jvp: ({ tangents }) => [negPrimitive([tangents[0]!], none)],
  transpose: ({ cotangents }) => [negPrimitive([cotangents[0]!], none)],
});

const mulPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "mul",
  complex: ({ inputs: [x, y] }) => [bilinear(times, x!, y!)],
  accepts: numbers,
  value: ([a, b]) => [e.mul(a!, b!)],
  jvp: ({ inputs: [x, y], tangents: [dx, dy] }) => [addN([dx && times(dx, y!), dy && times(x!, dy)])],
  transpose: ({ inputs: [x, y], cotangents: [ct], linear }) => {
    if (linear[0] && linear[1]) throw new Error("mul: a product of two tangents is not linear");
    return linear[0] ? [times(ct!, y!), undefined] : [undefined, times(x!, ct!)];
  },
  jet: ({ inputs, series: [x, y], order }) => [inputs[0] === inputs[1] ? leibnizOfSquare(x!, order) : leibniz(times, x!, y!, order)],
});

const minus = (a: Maybe, b: Maybe): Maybe => (a && b ? subPrimitive([a, b], none) : (a ?? (b && negPrimitive([b], none))));

/** What is linear in each of two operands, of complex ones: four products of parts, fewer where a part is structurally zero. */
export function bilinear(product: (a: Tensor, b: Tensor) => Tensor, x: Tensor, y: Tensor): Tensor {
  const [a, b] = [partsOf(x), partsOf(y)];
  const of = (s: Maybe, t: Maybe): Maybe => s && t && product(s, t);
  return complexOf({ re: minus(of(a.re, b.re), of(a.im, b.im)), im: addN([of(a.re, b.im), of(a.im, b.re)]) });
}

/** A product, without the node when a factor is the constant 1: x * 1 is x, to the bit. Seeds of derivatives are such factors. */
const times = (x: Tensor, y: Tensor): Tensor => (isOne(y) ? x : isOne(x) ? y : mulPrimitive([x, y], none));

function isOne(t: Tensor): boolean {
  const base = t.primitive === broadcastInDim.primitive ? t.inputs[0]! : t;
  return base.primitive === constantPrimitive && (base.params as ConstantParams).value === 1;
}

/**
 * The n-th derivative of a product along a curve, by Leibniz: the sum of C(n, k) a^(k) b^(n-k), over those factors (each with its
 * derivatives of orders 0 to n) that are not structurally zero. `product` is bilinear.
 */
export function leibniz(product: (a: Tensor, b: Tensor) => Tensor, a: readonly Maybe[], b: readonly Maybe[], n: number, least = 0): Maybe {
  const terms = Array.from({ length: n + 1 - least }, (_, i): Maybe => {
    const [x, y] = [a[n - least - i], b[least + i]];
    return x && y && multiple(product(x, y), binomial(n, least + i));
  });
  return addN(terms);
}

/** As above for a a times a number, with equal terms taken together. */
export function leibnizOfSquare(a: readonly Maybe[], n: number, scale = 1): Maybe {
  const terms = Array.from({ length: Math.floor(n / 2) + 1 }, (_, k): Maybe => {
    const [x, y] = [a[n - k], a[k]];
    return x && y && multiple(times(x, y), scale * binomial(n, k) * (2 * k === n ? 1 : 2));
  });
  return addN(terms);
}

const multiple = (x: Tensor, n: number): Tensor => (n === 1 ? x : mul(x, n));

function binomial(n: number, k: number): number {
  let c = 1;
  for (let i = 1; i <= k; i++) c = (c * (n - k + i)) / i;
  return c;
}

/** A quotient of complex numbers. */
const quotient: PairFunction = definePair({
  name: "complex div",
  operands: "zz",
  value: ([a, b, c, d]) => pairs.quotient({ re: a!, im: b! }, { re: c!, im: d! }),
  // d(x/y) = (dx - z dy) / y.
  push: ([dx, dy], [, y], z) => {
    const through = dy && bilinear(times, z, dy);
    const numerator = dx && through ? subPrimitive([dx, through], none) : (dx ?? negPrimitive([through!], none));
    return ratio(numerator, y!);
  },
  transpose: (ct, [, y]) => ratio(ct, conjugate(y!)),
});

const conjugate = (z: Tensor): Tensor => {
  const { re, im } = partsOf(z);
  return complexOf({ re, im: im && negPrimitive([im], none) });
};

/** The ratio of complex numbers; by a real one it is one of each part. */
function ratio(x: Tensor, y: Tensor): Tensor {
  const [a, b] = [partsOf(x), partsOf(y)];
  const over = (part: Maybe): Maybe => part && divPrimitive([part, b.re!], none);
  return b.im ? quotient(x, y) : complexOf({ re: over(a.re), im: over(a.im) });
}

const divPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "div",
  complex: ({ inputs: [x, y] }) => [ratio(x!, y!)],
  accepts: floats,
  value: ([a, b]) => [e.div(a!, b!)],
  // d(x/y) = (dx - z dy) / y: no square of y that could overflow.
  jvp: ({ inputs: [, y], tangents: [dx, dy], outputs: [z] }) => {
    const through = dy && times(z!, dy);
    const numerator = dx && through ? subPrimitive([dx, through], none) : (dx ?? negPrimitive([through!], none));
    return [divPrimitive([numerator, y!], none)];
  },
  transpose: ({ inputs: [, y], cotangents: [ct], linear }) => {
    if (linear[1]) throw new Error("div: a quotient is not linear in its denominator");
    return [divPrimitive([ct!, y!], none), undefined];
  },
  // From x = z y: z^(n) = (x^(n) - sum over k >= 1 of C(n, k) z^(n-k) y^(k)) / y.
  jet: ({ inputs: [, y], series: [xs, ys], found: [zs], order }) => {
    const rest = leibniz(times, zs!, ys!, order, 1);
    const x = xs![order];
    const numerator = x && rest ? subPrimitive([x, rest], none) : (x ?? (rest && negPrimitive([rest], none)));
    return [numerator && divPrimitive([numerator, y!], none)];
  },
});

/** a + b. */
export const add: Binary = (a, b) => addN(arithmetic("add", a, b));
/** a - b. */
export const sub: Binary = (a, b) => subPrimitive(arithmetic("sub", a, b), none);
/** a * b, elementwise. */
export const mul: Binary = (a, b) => {
  const [x, y] = arithmetic("mul", a, b);
  return times(x!, y!);
};
/** a / b in floating point, also for integers (as NumPy's true division). x/0 is an infinity, 0/0 is NaN. */
export const div: Binary = (a, b) => {
  const dtype = commonDType("div", [a, b]);
  return divPrimitive(unify("div", [a, b], isInexact(dtype) ? dtype : "float32"), none);
};
/** -x. */
export const neg: Unary = (x) => {
  const t = toTensor("neg", x);
  return negPrimitive([t.dtype === "bool" ? toTensor("neg", t, "int32") : t], none);
};
/** x * x. */
export const square: Unary = (x) => {
  const t = toTensor("square", x);
  return mul(t, t);
};
/** 1 / x. */
export const reciprocal: Unary = (x: Operand) => div(1, x);

/** Operands of one dtype and shape; bools count as integers. */
function arithmetic(op: string, ...operands: readonly [Operand, Operand]): ReturnType<typeof unify> {
  const dtype = commonDType(op, operands);
  return unify(op, operands, dtype === "bool" ? "int32" : dtype);
}

/** What this file defines, for table.ts. */
export const primitives = [
  subPrimitive.primitive,
  negPrimitive.primitive,
  mulPrimitive.primitive,
  divPrimitive.primitive,
  quotient.primitive,
];
