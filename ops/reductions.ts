/** Sums, means, products, extremes, and what follows from them, over any axes. */
import { type Dim } from "../core/dim.ts";
import { type DType, isComplex, partDType } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import { normalizeAxes, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import type { Reduction as ReductionKernel } from "../kernel/kernel.ts";
import { addN } from "./addN.ts";
import { div, mul } from "./arithmetic.ts";
import { broadcastInDim, broadcastLast, reduceSum } from "./broadcast.ts";
import { equal, notEqual, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { noTangent } from "./elementwise.ts";
import { keptAxes, lowerFold, reducedShape } from "./fold.ts";
import { dimSize, iotaOf } from "./iota.ts";
import { type Operand, toInexact, toTensor } from "./operand.ts";
import { sliceOf } from "./pad.ts";
import { concatenate, stackedAlong } from "./concatenate.ts";
import { type ComplexRule, definePrimitive, type PrimitiveFunction, type Rules, type RuledPrimitive } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import type { Reducer } from "./signatures.ts";
import { permute } from "./transpose.ts";

// ---- arguments
/** The axes to reduce (default: all), and whether they stay, with size 1. A number or list alone is the axes. */
export interface ReduceOptions {
  readonly axis?: number | readonly number[] | undefined;
  readonly keepdims?: boolean | undefined;
}
export type ReduceArgument = number | readonly number[] | ReduceOptions;

export interface Reduction {
  readonly axes: readonly number[];
  readonly keepdims: boolean;
}

/** What the functions of this file take, some of them. */
const optionNames = ["axis", "keepdims", "correction", "ord"];

export function reductionOf(op: string, t: Tensor, argument: ReduceArgument | undefined): Reduction {
  const options: ReduceOptions =
    typeof argument === "number" || Array.isArray(argument)
      ? { axis: argument as number | readonly number[] }
      : ((argument as ReduceOptions | undefined) ?? {});
  const unknown =
    typeof options === "object" && !(options instanceof Tensor) ? Object.keys(options).find((name) => !optionNames.includes(name)) : "";
  if (unknown !== undefined)
    throw new Error(
      `${op}: expected an axis, a list of axes or { axis, keepdims }, got ${unknown ? `an option "${unknown}"` : showArgument(options)}`,
    );
  return { axes: normalizeAxes(op, options.axis, t.rank), keepdims: options.keepdims ?? false };
}

/** A reduced tensor, with the axes put back as size 1 if they are to stay. */
export const finish = (reduced: Tensor, from: Shape, { axes, keepdims }: Reduction): Tensor =>
  keepdims
    ? reshape(
        reduced,
        from.map((d, i) => (axes.includes(i) ? 1 : d)),
      )
    : reduced;

/** A reduced tensor repeated along the axes that were reduced. */
const spread = (reduced: Tensor, shape: Shape, axes: readonly number[]): Tensor =>
  broadcastInDim([reduced], { shape, axes: keptAxes(shape.length, axes) });

export const countOf = (shape: Shape, axes: readonly number[]): Dim => sizeOf(axes.map((a) => shape[a]!));

// ---- primitives
interface AxesParams {
  readonly axes: readonly number[];
}

/** What this file defines, for table.ts. */
export const primitives: RuledPrimitive[] = [];

interface FoldOptions {
  /** The dtype of the result, where it is not that of the operand. */
  readonly result?: DType;
  readonly complex?: ComplexRule<AxesParams>;
}

function defineFold(
  name: string,
  fold: ReductionKernel,
  jvp: Rules<AxesParams>["jvp"],
  { result, complex }: FoldOptions = {},
): PrimitiveFunction<AxesParams> {
  const apply: PrimitiveFunction<AxesParams> = definePrimitive<AxesParams>({
    name,
    type: ([x], { axes }) => {
      if (x!.dtype === "bool") throw new Error(`${name}: needs numbers, got ${x!.describe()}`);
      return { shape: reducedShape(x!.shape, axes), dtype: result ?? x!.dtype };
    },
    jvp: jvp!,
    ...(complex && { complex }),
    batch: ({ params: { axes }, inputs }) => [apply(inputs, { axes: axes.map((a) => a + 1) })],
    lower: (call) => lowerFold(fold, call.params.axes, call),
  });
  primitives.push(apply.primitive);
  return apply;
}

/** Those that attain the extreme share its tangent evenly. */
const extremeJvp: Rules<AxesParams>["jvp"] = ({ params: { axes }, inputs: [x], tangents: [dx], outputs: [y] }) => {
  const attained = convert(equal(x!, spread(y!, x!.shape, axes)), x!.dtype);
  const count = spread(reduceSum([attained], { axes }), x!.shape, axes);
  return [reduceSum([mul(dx!, div(attained, count))], { axes })];
};
const reduceMax = defineFold("max", "max", extremeJvp);
const reduceMin = defineFold("min", "min", extremeJvp);

/** x with some axes as one, the last, and the others as one before it. */
function rowsOf(t: Tensor, axes: readonly number[]): Tensor {
  const kept = keptAxes(t.rank, axes);
  return reshape(permute(t, [...kept, ...axes]), [sizeOf(kept.map((i) => t.shape[i]!)), countOf(t.shape, axes)]);
}

const reduceProd: PrimitiveFunction<AxesParams> = defineFold(
  "prod",
  "prod",
  ({ params: { axes }, inputs: [x], tangents: [dx] }) => {
    const count = countOf(x!.shape, axes);
    const tangent = typeof count === "number" ? productTangent : productTangentOfNamed;
    return [reshape(tangent(rowsOf(x!, axes), rowsOf(dx!, axes), count as number), reducedShape(x!.shape, axes))];
  },
  {
    complex: ({ params: { axes }, inputs: [z] }) => {
      const count = countOf(z!.shape, axes);
      if (typeof count !== "number")
        throw new Error(`prod: of complex numbers the number of factors must be known, got ${z!.describe()} along axes ${showShape(axes)}`);
      return [reshape(productOfRows(rowsOf(z!, axes), count), reducedShape(z!.shape, axes))];
    },
  },
);

/** The product of each row by a tree of products, halves with halves. */
function productOfRows(x: Tensor, count: number): Tensor {
  const rows = x.shape[0]!;
  if (count === 0) return broadcastLast(scalar(1, x.dtype), [rows]);
  const part = (start: number, size: number): Tensor => sliceOf(x, [0, start], [rows, size]);
  for (let n = count; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.floor(n / 2);
    const value = mul(part(0, half), part(half, half));
    x = n % 2 ? concatenate([value, part(n - 1, 1)], 1) : value;
  }
  return reshape(x, [rows]);
}

/** The tangent of each row's product, by a tree of products with tangents: no division, so zeros are exact, at every order. */
function productTangent(x: Tensor, dx: Tensor, count: number): Tensor {
  if (count === 0) return reduceSum([dx], { axes: [1] });
  const rows = x.shape[0]!;
  const part = (t: Tensor, start: number, size: number): Tensor => sliceOf(t, [0, start], [rows, size]);
  for (let n = count; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.floor(n / 2);
    const [a, b, da, db] = [part(x, 0, half), part(x, half, half), part(dx, 0, half), part(dx, half, half)];
    const [value, tangent] = [mul(a, b), addN([mul(a, db), mul(da, b)])];
    x = n % 2 ? concatenate([value, part(x, n - 1, 1)], 1) : value;
    dx = n % 2 ? concatenate([tangent, part(dx, n - 1, 1)], 1) : tangent;
  }
  return reshape(dx, [rows]);
}

/** As above for a length that is not known yet: element j times the product of all others, which takes n^2 memory. */
function productTangentOfNamed(x: Tensor, dx: Tensor, count: Dim): Tensor {
  const shape = [x.shape[0]!, count, count];
  const others = where(equal(iotaOf(shape, 1, "int32"), iotaOf(shape, 2, "int32")), 1, broadcastInDim([x], { shape, axes: [0, 2] }));
  return reduceSum([mul(dx, reduceProd([others], { axes: [2] }))], { axes: [1] });
}

const reduceArgmax = defineFold("argmax", "argmax", noTangent, { result: "int32" });
const reduceArgmin = defineFold("argmin", "argmin", noTangent, { result: "int32" });

// ---- sums, products, means
/** Numbers for adding: bools count as int32. */
const countable = (op: string, x: Operand): Tensor => {
  const t = toTensor(op, x);
  return t.dtype === "bool" ? convert(t, "int32") : t;
};

/**
 * The sum over some axes (default: all). The sum of nothing is 0; bools count as integers. What was stacked is added up without being stacked, to the
 * same bits: then a change of one part computes its way up the sum and no more.
 */
export const sum: Reducer<"sum", ReduceArgument> = (x: Operand, argument?: ReduceArgument): Tensor => {
  const t = countable("sum", x);
  const r = reductionOf("sum", t, argument);
  return finish(sumOver(t, r.axes), t.shape, r);
};

function sumOver(t: Tensor, axes: readonly number[]): Tensor {
  if (axes.length === 0) return t;
  const parts = axes.length === 1 ? stackedAlong(t, axes[0]!) : undefined;
  return parts ? addN(parts.map((x) => reshape(x, reducedShape(x.shape, axes)))) : reduceSum([t], { axes });
}

/** The product over some axes (default: all). Derivatives are exact where factors are 0. */
export const prod: Reducer<"prod", ReduceArgument> = (x: Operand, argument?: ReduceArgument): Tensor => {
  const t = countable("prod", x);
  const r = reductionOf("prod", t, argument);
  return finish(reduceProd([t], { axes: r.axes }), t.shape, r);
};

/** The mean over some axes (default: all), in floating point. The mean of nothing is NaN. */
export const mean: Reducer<"mean", ReduceArgument> = (x: Operand, argument?: ReduceArgument): Tensor => {
  const t = toInexact("mean", x);
  const r = reductionOf("mean", t, argument);
  return finish(div(sumOver(t, r.axes), dimSize(countOf(t.shape, r.axes), partDType(t.dtype))), t.shape, r);
};

// ---- extremes
function extreme(op: string, fold: PrimitiveFunction<AxesParams>, x: Operand, argument: ReduceArgument | undefined): Tensor {
  const t = countable(op, x);
  const r = reductionOf(op, t, argument);
  nonEmpty(op, t, r.axes);
  const reduced = finish(fold([t], { axes: r.axes }), t.shape, r);
  return toTensor(op, x).dtype === "bool" ? convert(reduced, "bool") : reduced;
}

export function nonEmpty(op: string, t: Tensor, axes: readonly number[]): void {
  if (countOf(t.shape, axes) === 0)
    throw new Error(`${op}: ${t.describe()} has no elements along axes ${showShape(axes)}, and so no ${op}`);
}

/** The greatest element over some axes (default: all); NaN if any is NaN. Elements that tie share the derivative evenly. */
export const max = ((x: Operand, argument?: ReduceArgument) => extreme("max", reduceMax, x, argument)) as Reducer<"max", ReduceArgument>;
/** The least element over some axes (default: all); NaN if any is NaN. Elements that tie share the derivative evenly. */
export const min = ((x: Operand, argument?: ReduceArgument) => extreme("min", reduceMin, x, argument)) as Reducer<"min", ReduceArgument>;

export interface ArgOptions {
  /** The axis to search (default: all of x, flattened). */
  readonly axis?: number | undefined;
  readonly keepdims?: boolean | undefined;
}

function argExtreme(op: string, fold: PrimitiveFunction<AxesParams>, x: Operand, argument: number | ArgOptions = {}): Tensor {
  const t = countable(op, x);
  const r = reductionOf(op, t, argument);
  if (r.axes.length !== 1 && Array.isArray(typeof argument === "object" && "axis" in argument ? argument.axis : argument))
    throw new Error(`${op}: takes one axis, or none for all of x, got a list of ${r.axes.length}`);
  nonEmpty(op, t, r.axes);
  return finish(fold([t], { axes: r.axes }), t.shape, r);
}

/** The position (int32) of the first greatest element along an axis; NaN counts as greatest. */
export const argmax = ((x: Operand, argument?: number | ArgOptions) => argExtreme("argmax", reduceArgmax, x, argument)) as Reducer<
  "argmax",
  number | ArgOptions
>;
/** The position (int32) of the first least element along an axis; NaN counts as least. */
export const argmin = ((x: Operand, argument?: number | ArgOptions) => argExtreme("argmin", reduceArgmin, x, argument)) as Reducer<
  "argmin",
  number | ArgOptions
>;

// ---- truth
function truth(op: string, fold: PrimitiveFunction<AxesParams>, x: Operand, argument: ReduceArgument | undefined): Tensor {
  const given = toTensor(op, x);
  const t = convert(isComplex(given.dtype) ? notEqual(given, 0) : convert(given, "bool"), "uint32");
  const r = reductionOf(op, t, argument);
  return finish(convert(fold([t], { axes: r.axes }), "bool"), t.shape, r);
}
/** Whether all elements are true (non-zero) over some axes (default: all); true of nothing. */
export const all = ((x: Operand, argument?: ReduceArgument) => truth("all", reduceMin, x, argument)) as Reducer<"all", ReduceArgument>;
/** Whether any element is true (non-zero) over some axes (default: all); false of nothing. */
export const any = ((x: Operand, argument?: ReduceArgument) => truth("any", reduceMax, x, argument)) as Reducer<"any", ReduceArgument>;
