/**
 * The operations that read well as methods: x.mul(y).add(1). Importing this file adds them to every tensor; the package
 * lists it among its files with side effects, so that bundlers keep it.
 */
import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import { add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.ts";
import { equal, greater, greaterEqual, less, lessEqual, logicalAnd, logicalNot, logicalOr, notEqual } from "./compare.ts";
import { convert } from "./convert.ts";
import { cumsum } from "./cumsum.ts";
import { cos, exp, log, sigmoid, sin, sqrt, tanh } from "./functions.ts";
import { take } from "./indexing.ts";
import { dot, matmul } from "./matmul.ts";
import { broadcastTo, type Operand } from "./operand.ts";
import { slice } from "./pad.ts";
import { abs, ceil, clip, floor, rem, round, sign } from "./piecewise.ts";
import { pow } from "./power.ts";
import { all, any, argmax, argmin, max, mean, min, norm, prod, std, sum, variance } from "./reductions.ts";
import { expandDims, reshape, squeeze } from "./reshape.ts";
import { flip, transpose } from "./transpose.ts";

/** The arguments of a function after its first. */
type Rest<F extends (x: any, ...rest: any[]) => unknown> = F extends (x: any, ...rest: infer R) => unknown ? R : never;

declare module "../core/tensor.ts" {
  interface Tensor<out S extends readonly unknown[] = any> {
    add(y: Operand): Tensor;
    sub(y: Operand): Tensor;
    mul(y: Operand): Tensor;
    /** True division, also of integers. */
    div(y: Operand): Tensor;
    rem(y: Operand): Tensor;
    pow(y: Operand): Tensor;
    neg(): Tensor<S>;
    abs(): Tensor<S>;
    sign(): Tensor<S>;
    square(): Tensor<S>;
    reciprocal(): Tensor<S>;
    sqrt(): Tensor<S>;
    exp(): Tensor<S>;
    log(): Tensor<S>;
    sin(): Tensor<S>;
    cos(): Tensor<S>;
    tanh(): Tensor<S>;
    sigmoid(): Tensor<S>;
    floor(): Tensor<S>;
    ceil(): Tensor<S>;
    round(): Tensor<S>;
    clip(low: Operand, high: Operand): Tensor;

    eq(y: Operand): Tensor;
    ne(y: Operand): Tensor;
    lt(y: Operand): Tensor;
    le(y: Operand): Tensor;
    gt(y: Operand): Tensor;
    ge(y: Operand): Tensor;
    /** Logical, of conditions: non-zero is true. */
    and(y: Operand): Tensor;
    or(y: Operand): Tensor;
    not(): Tensor<S>;

    sum(...options: Rest<typeof sum>): Tensor;
    mean(...options: Rest<typeof mean>): Tensor;
    prod(...options: Rest<typeof prod>): Tensor;
    max(...options: Rest<typeof max>): Tensor;
    min(...options: Rest<typeof min>): Tensor;
    argmax(...options: Rest<typeof argmax>): Tensor;
    argmin(...options: Rest<typeof argmin>): Tensor;
    all(...options: Rest<typeof all>): Tensor;
    any(...options: Rest<typeof any>): Tensor;
    var(...options: Rest<typeof variance>): Tensor;
    std(...options: Rest<typeof std>): Tensor;
    norm(...options: Rest<typeof norm>): Tensor;
    cumsum(...options: Rest<typeof cumsum>): Tensor;

    matmul(y: Operand): Tensor;
    dot(y: Operand): Tensor;
    reshape(shape: Shape): Tensor;
    broadcastTo(shape: Shape): Tensor;
    transpose(...perm: Rest<typeof transpose>): Tensor;
    flip(...axis: Rest<typeof flip>): Tensor;
    expandDims(...axis: Rest<typeof expandDims>): Tensor;
    squeeze(...axis: Rest<typeof squeeze>): Tensor;
    slice(...range: Rest<typeof slice>): Tensor;
    take(...indices: Rest<typeof take>): Tensor;
    astype(dtype: DType): Tensor<S>;
    /** The transpose: axes back to front. */
    readonly T: Tensor;
  }
}

type Operation = (x: Tensor, ...rest: any[]) => Tensor;

const methods: Readonly<Record<string, Operation>> = {
  ...{ add, sub, mul, div, rem, pow, neg, abs, sign, square, reciprocal, sqrt, exp, log, sin, cos, tanh, sigmoid, floor, ceil, round, clip },
  ...{ eq: equal, ne: notEqual, lt: less, le: lessEqual, gt: greater, ge: greaterEqual, and: logicalAnd, or: logicalOr, not: logicalNot },
  ...{ sum, mean, prod, max, min, argmax, argmin, all, any, var: variance, std, norm, cumsum },
  ...{ matmul, dot, reshape, broadcastTo, transpose, flip, expandDims, squeeze, slice, take, astype: convert },
};

for (const [name, operation] of Object.entries(methods))
  Object.defineProperty(Tensor.prototype, name, {
    configurable: true,
    writable: true,
    value: function (this: Tensor, ...rest: unknown[]): Tensor {
      return operation(this, ...rest);
    },
  });
Object.defineProperty(Tensor.prototype, "T", {
  configurable: true,
  get(this: Tensor): Tensor {
    return transpose(this);
  },
});
