/** Tensors from shapes alone: constants spread out, ranges, identity and triangular patterns. They store next to nothing. */
import { addDims, type Dim, SymbolicDim } from "../core/dim.ts";
import { checkShape } from "../core/data.ts";
import { type DType, dtypeInfo, isDType, isFloat } from "../core/dtype.ts";
import { normalizeAxis, type Shape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { DimsOf, ShapeOf } from "../core/types/shape.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { broadcastLast } from "./broadcast.ts";
import { equal, lessEqual, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { iotaOf } from "./iota.ts";
import { commonDType, type Operand, toFloat, toTensor } from "./operand.ts";
import { expandDims } from "./reshape.ts";

export interface DTypeOption {
  readonly dtype?: DType;
}

function checkDType(op: string, dtype: DType): DType {
  if (!isDType(dtype)) throw new Error(`${op}: ${showArgument(dtype)} is not a dtype; use float32, float64, int32, uint32 or bool`);
  return dtype;
}

/** Throws unless d is a size: a non-negative integer, or a named dimension. */
function checkSize(op: string, name: string, d: Dim): void {
  if (!(d instanceof SymbolicDim) && !(Number.isInteger(d) && d >= 0))
    throw new Error(`${op}: ${name} must be a non-negative integer or a named dimension, got ${showArgument(d)}`);
}

// ---- constants
/** A tensor with the same value everywhere. dtype: as given, else that of the value (float32 for a number, bool for a boolean). */
export function full<const T extends Shape>(shape: T, value: Operand, options?: DTypeOption): Tensor<DimsOf<T>>;
export function full(shape: Shape, value: Operand, { dtype }: DTypeOption = {}): Tensor {
  return filled("full", shape, value, dtype);
}
export const zeros = <const T extends Shape>(shape: T, { dtype = "float32" }: DTypeOption = {}): Tensor<DimsOf<T>> =>
  filled("zeros", shape, 0, dtype);
export const ones = <const T extends Shape>(shape: T, { dtype = "float32" }: DTypeOption = {}): Tensor<DimsOf<T>> =>
  filled("ones", shape, 1, dtype);

function filled(op: string, shape: Shape, value: Operand, dtype: DType | undefined): Tensor {
  checkShape(op, shape);
  const t = toTensor(op, value, dtype && checkDType(op, dtype));
  if (t.rank !== 0) throw new Error(`${op}: the value must be a scalar, got ${t.describe()}; use broadcastTo`);
  return broadcastLast(t, [...shape]);
}

/** As `full`, with the shape of x, and its dtype unless another is given. */
export const fullLike = <A extends Operand>(x: A, value: Operand, { dtype }: DTypeOption = {}): Tensor<ShapeOf<A>> => {
  const t = toTensor("fullLike", x);
  return full(t.shape, value, { dtype: dtype ?? t.dtype });
};
export const zerosLike = <A extends Operand>(x: A, options: DTypeOption = {}): Tensor<ShapeOf<A>> => fullLike(x, 0, options);
export const onesLike = <A extends Operand>(x: A, options: DTypeOption = {}): Tensor<ShapeOf<A>> => fullLike(x, 1, options);

// ---- ranges
/** The position along an axis (default 0) at every point of a shape. dtype: int32 when not given. */
export function iota<const T extends Shape>(shape: T, axis?: number, options?: DTypeOption): Tensor<DimsOf<T>>;
export function iota(shape: Shape, axis = 0, { dtype = "int32" }: DTypeOption = {}): Tensor {
  checkShape("iota", shape);
  return iotaOf([...shape], normalizeAxis("iota", axis, shape.length), checkDType("iota", dtype));
}

/**
 * start, start + step, ... below stop; with one argument, 0 to n-1. int32 if all three are integers, else float32, unless a
 * dtype is given. Named dimensions may bound it where the step is 1.
 */
export function arange<const N extends Dim>(n: N, options?: DTypeOption): Tensor<DimsOf<[N]>>;
export function arange(start: Dim, stop: Dim, step?: number, options?: DTypeOption): Tensor;
export function arange(first: Dim, second?: Dim | DTypeOption, step = 1, last: DTypeOption = {}): Tensor {
  const alone = second === undefined || (typeof second === "object" && !("terms" in second));
  const [start, stop] = alone ? [0, first] : [first, second as Dim];
  const options = alone ? ((second as DTypeOption | undefined) ?? {}) : last;
  for (const d of [start, stop, step])
    if (!(d instanceof SymbolicDim) && !Number.isFinite(d))
      throw new Error(`arange: start, stop and step must be finite, got ${[start, stop, step].map(showArgument).join(", ")}`);
  if (step === 0) throw new Error("arange: the step is 0");
  const dtype = checkDType(
    "arange",
    options.dtype ?? ([start, stop, step].every((d) => typeof d !== "number" || Number.isInteger(d)) ? "int32" : "float32"),
  );
  if (typeof start !== "number") throw new Error(`arange: start must be a number, got dimension ${start}`);
  let size: Dim;
  if (typeof stop === "number") size = Math.max(0, Math.ceil((stop - start) / step));
  else if (step === 1 && Number.isInteger(start)) size = addDims(stop, -start);
  else
    throw new Error(
      `arange: up to the named dimension ${stop} only integers in steps of 1 are possible, got start ${start} and step ${step}`,
    );
  if (dtypeInfo(dtype).kind === "int" && !(Number.isInteger(start) && Number.isInteger(step)))
    throw new Error(`arange: start ${start} and step ${step} are not integers, but the dtype is ${dtype}`);
  const positions = iotaOf([size], 0, dtype);
  const scaled = step === 1 ? positions : mul(positions, step);
  return start === 0 ? scaled : add(scaled, start);
}

export interface LinspaceOptions extends DTypeOption {
  /** Whether stop is the last point (default true). */
  readonly endpoint?: boolean;
}

/** n points from start to stop, evenly spaced. The bounds may be scalar tensors, and derivatives flow to them. */
export function linspace<const N extends number>(start: Operand, stop: Operand, n: N, options?: LinspaceOptions): Tensor<DimsOf<[N]>>;
export function linspace(start: Operand, stop: Operand, n: number, options: LinspaceOptions = {}): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new Error(`linspace: the number of points must be a non-negative integer, got ${n}`);
  const common = commonDType("linspace", [start, stop]);
  const dtype = checkDType("linspace", options.dtype ?? (isFloat(common) ? common : "float32"));
  if (!isFloat(dtype)) throw new Error(`linspace: the dtype must be float32 or float64, got ${dtype}`);
  const [a, b] = [start, stop].map((x) => convert(toFloat("linspace", x), dtype));
  for (const t of [a!, b!]) if (t.rank !== 0) throw new Error(`linspace: start and stop must be scalars, got ${t.describe()}`);
  const intervals = (options.endpoint ?? true) ? n - 1 : n;
  // i / intervals is exactly 1 at the end, so that both ends are met exactly.
  const weight = div(iotaOf([n], 0, dtype), Math.max(1, intervals));
  return add(mul(a!, sub(1, weight)), mul(b!, weight));
}

// ---- patterns on the last two axes
/** The identity matrix of n rows and m columns (default n), its ones moved k columns to the right. float32 by default. */
export function eye<const N extends Dim, const M extends Dim = N>(n: N, m?: M, k?: number, options?: DTypeOption): Tensor<DimsOf<[N, M]>>;
export function eye(n: Dim, m: Dim = n, k = 0, { dtype = "float32" }: DTypeOption = {}): Tensor {
  checkSize("eye", "the number of rows", n);
  checkSize("eye", "the number of columns", m);
  return convert(diagonalMask(n, m, checkOffset("eye", k)), checkDType("eye", dtype));
}

function checkOffset(op: string, k: number): number {
  if (!Number.isInteger(k)) throw new Error(`${op}: the diagonal must be an integer, got ${k}`);
  return k;
}

/** Whether column - row = k, over n rows and m columns. */
export function diagonalMask(n: Dim, m: Dim, k: number): Tensor {
  const rows = iotaOf([n, m], 0, "int32");
  return equal(iotaOf([n, m], 1, "int32"), k === 0 ? rows : add(rows, k));
}

/** Whether column - row <= k, over the last two axes of x. */
function lowerMask(op: string, x: Tensor, k: number): Tensor {
  if (x.rank < 2) throw new Error(`${op}: needs a matrix, or a stack of them, got ${x.describe()}`);
  const shape = x.shape.slice(-2);
  return lessEqual(iotaOf(shape, 1, "int32"), add(iotaOf(shape, 0, "int32"), checkOffset(op, k)));
}

/** The lower triangle of each matrix, up to the k-th diagonal above the main one; 0 elsewhere. */
export function tril<A extends Operand>(x: A, k?: number): Tensor<ShapeOf<A>>;
export function tril(x: Operand, k = 0): Tensor {
  const t = toTensor("tril", x);
  return where(lowerMask("tril", t, k), t, zerosOf(t));
}

/** The upper triangle of each matrix, from the k-th diagonal above the main one; 0 elsewhere. */
export function triu<A extends Operand>(x: A, k?: number): Tensor<ShapeOf<A>>;
export function triu(x: Operand, k = 0): Tensor {
  const t = toTensor("triu", x);
  return where(lowerMask("triu", t, checkOffset("triu", k) - 1), zerosOf(t), t);
}

const zerosOf = (t: Tensor): Operand => (t.dtype === "bool" ? false : 0);

export interface OneHotOptions extends DTypeOption {
  /** Where the new axis stands in the result (default last). */
  readonly axis?: number;
}

/** 1 at the position that each index names along a new axis of n places, 0 elsewhere; all zeros for an index outside 0..n-1. */
export function oneHot(indices: Operand, n: Dim, { dtype = "float32", axis = -1 }: OneHotOptions = {}): Tensor {
  const t = toTensor("oneHot", indices, typeof indices === "number" ? "int32" : undefined);
  if (dtypeInfo(t.dtype).kind !== "int") throw new Error(`oneHot: needs integer indices, got ${t.describe()}`);
  checkSize("oneHot", "the number of classes", n);
  const at = normalizeAxis("oneHot", axis, t.rank + 1);
  const wide = expandDims(convert(t, "int32"), at);
  const shape = wide.shape.map((d, i) => (i === at ? n : d));
  return convert(equal(broadcastLast(wide, shape), iotaOf(shape, at, "int32")), checkDType("oneHot", dtype));
}
