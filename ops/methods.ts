/**
 * The operations that read well as methods: x.mul(y).add(1). Importing this file adds them to every tensor; the package
 * lists it among its files with side effects, so that bundlers keep it.
 */
import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import type { Axes, InRange, InRangeOfNew, Insert, Reduced, Reducing, Squeeze, Transposed } from "../core/types/axes.ts";
import type { Broadcast, Broadcastable, Stretch } from "../core/types/broadcast.ts";
import type { Matmul } from "../core/types/matmul.ts";
import type { Cumulative, Reshape } from "../core/types/reshape.ts";
import type { DimsOf, Fit, Result, ShapeOf } from "../core/types/shape.ts";
import { add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.ts";
import { equal, greater, greaterEqual, less, lessEqual, logicalAnd, logicalNot, logicalOr, notEqual } from "./compare.ts";
import { conj } from "./complex.ts";
import { convert } from "./convert.ts";
import { cumsum } from "./cumsum.ts";
import { cos, exp, log, sigmoid, sin, sqrt, tanh } from "./functions.ts";
import { take } from "./indexing.ts";
import { dot, matmul } from "./matmul.ts";
import { broadcastTo, type Operand } from "./operand.ts";
import { slice } from "./pad.ts";
import { abs, ceil, clip, floor, rem, round, sign } from "./piecewise.ts";
import { pow } from "./power.ts";
import { norm, std, variance, type NormOptions, type VarianceOptions } from "./norm.ts";
import { all, any, argmax, argmin, max, mean, min, prod, sum, type ArgOptions, type ReduceArgument } from "./reductions.ts";
import { expandDims, reshape, squeeze } from "./reshape.ts";
import { flip, transpose } from "./transpose.ts";

// The types of methods are not generic in the tensor but in what `this` is: so that Tensor<S> stays covariant, and a method costs
// the compiler nothing until it is called.
type UnaryMethod = <A extends Tensor>(this: A) => Tensor<ShapeOf<A>>;
type BinaryMethod = <A extends Tensor, B extends Operand>(this: A, y: Broadcastable<A, B>) => Tensor<Broadcast<A, B>>;
interface ReducerMethod<Op extends string, Argument> {
  <A extends Tensor>(this: A): Tensor<[]>;
  <A extends Tensor, const G extends Argument | undefined>(this: A, argument: Reducing<ShapeOf<A>, G, Op>): Tensor<Reduced<ShapeOf<A>, G>>;
}

/** The arguments of a function after its first. */
type Rest<F extends (x: any, ...rest: any[]) => unknown> = F extends (x: any, ...rest: infer R) => unknown ? R : never;

interface Methods {
  readonly add: BinaryMethod;
  readonly sub: BinaryMethod;
  readonly mul: BinaryMethod;
  /** True division, also of integers. */
  readonly div: BinaryMethod;
  readonly rem: BinaryMethod;
  readonly pow: BinaryMethod;
  readonly neg: UnaryMethod;
  readonly abs: UnaryMethod;
  readonly sign: UnaryMethod;
  /** The conjugate; a real tensor as it is. */
  readonly conj: UnaryMethod;
  readonly square: UnaryMethod;
  readonly reciprocal: UnaryMethod;
  readonly sqrt: UnaryMethod;
  readonly exp: UnaryMethod;
  readonly log: UnaryMethod;
  readonly sin: UnaryMethod;
  readonly cos: UnaryMethod;
  readonly tanh: UnaryMethod;
  readonly sigmoid: UnaryMethod;
  readonly floor: UnaryMethod;
  readonly ceil: UnaryMethod;
  readonly round: UnaryMethod;
  clip<A extends Tensor, B extends Operand, C extends Operand>(
    this: A,
    low: Broadcastable<A, B>,
    high: Broadcastable<Tensor<Broadcast<A, B>>, C>,
  ): Tensor<Broadcast<Tensor<Broadcast<A, B>>, C>>;

  readonly eq: BinaryMethod;
  readonly ne: BinaryMethod;
  readonly lt: BinaryMethod;
  readonly le: BinaryMethod;
  readonly gt: BinaryMethod;
  readonly ge: BinaryMethod;
  /** Logical, of conditions: non-zero is true. */
  readonly and: BinaryMethod;
  readonly or: BinaryMethod;
  readonly not: UnaryMethod;

  readonly sum: ReducerMethod<"sum", ReduceArgument>;
  readonly mean: ReducerMethod<"mean", ReduceArgument>;
  readonly prod: ReducerMethod<"prod", ReduceArgument>;
  readonly max: ReducerMethod<"max", ReduceArgument>;
  readonly min: ReducerMethod<"min", ReduceArgument>;
  readonly argmax: ReducerMethod<"argmax", number | ArgOptions>;
  readonly argmin: ReducerMethod<"argmin", number | ArgOptions>;
  readonly all: ReducerMethod<"all", ReduceArgument>;
  readonly any: ReducerMethod<"any", ReduceArgument>;
  readonly var: ReducerMethod<"var", number | readonly number[] | VarianceOptions>;
  readonly std: ReducerMethod<"std", number | readonly number[] | VarianceOptions>;
  readonly norm: ReducerMethod<"norm", number | readonly number[] | NormOptions>;
  cumsum<A extends Tensor, const Ax extends number | undefined = undefined>(
    this: A,
    axis?: InRange<ShapeOf<A>, Ax, "cumsum">,
  ): Tensor<Cumulative<ShapeOf<A>, Ax>>;

  matmul<A extends Tensor, B extends Operand>(
    this: A,
    y: Fit<Matmul<ShapeOf<A>, ShapeOf<B>>, B>,
  ): Tensor<Result<Matmul<ShapeOf<A>, ShapeOf<B>>>>;
  dot(y: Operand): Tensor;
  reshape<A extends Tensor, const T extends Shape>(
    this: A,
    shape: Fit<Reshape<ShapeOf<A>, DimsOf<T>>, T>,
  ): Tensor<Result<Reshape<ShapeOf<A>, DimsOf<T>>>>;
  broadcastTo<A extends Tensor, const T extends Shape>(this: A, shape: Fit<Stretch<ShapeOf<A>, DimsOf<T>>, T>): Tensor<DimsOf<T>>;
  transpose<A extends Tensor, const P extends readonly number[] | undefined = undefined>(
    this: A,
    perm?: Fit<Transposed<ShapeOf<A>, P>, P>,
  ): Tensor<Result<Transposed<ShapeOf<A>, P>>>;
  flip<A extends Tensor>(this: A): Tensor<ShapeOf<A>>;
  flip<A extends Tensor, const Ax extends Axes | undefined>(this: A, axis: InRange<ShapeOf<A>, Ax, "flip">): Tensor<ShapeOf<A>>;
  expandDims<A extends Tensor, const Ax extends Axes>(
    this: A,
    axis: InRangeOfNew<ShapeOf<A>, Ax, "expandDims">,
  ): Tensor<Insert<ShapeOf<A>, Ax, 1>>;
  squeeze<A extends Tensor>(this: A): Tensor<Squeeze<ShapeOf<A>, undefined>>;
  squeeze<A extends Tensor, const Ax extends Axes | undefined>(
    this: A,
    axis: Fit<Squeeze<ShapeOf<A>, Ax>, InRange<ShapeOf<A>, Ax, "squeeze">>,
  ): Tensor<Result<Squeeze<ShapeOf<A>, Ax>>>;
  slice(...range: Rest<typeof slice>): Tensor;
  take(...indices: Rest<typeof take>): Tensor;
  astype<A extends Tensor>(this: A, dtype: DType): Tensor<ShapeOf<A>>;
  /** The transpose: axes back to front. Its shape is left to run time; `transpose()` keeps it in the type. */
  readonly T: Tensor;
}

declare module "../core/tensor.ts" {
  interface Tensor<out S extends readonly unknown[] = any> extends Methods {}
}

type Operation = (x: Tensor, ...rest: any[]) => Tensor;

const methods: Readonly<Record<string, Operation>> = {
  ...{
    add,
    sub,
    mul,
    div,
    rem,
    pow,
    neg,
    abs,
    sign,
    conj,
    square,
    reciprocal,
    sqrt,
    exp,
    log,
    sin,
    cos,
    tanh,
    sigmoid,
    floor,
    ceil,
    round,
    clip,
  },
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
