/**
 * Reading and writing at positions. Indices are integers; those from -n to -1 count from the end. Indices that are known
 * when the expression is built throw if they are out of range; computed ones clamp, read a fill value, or are dropped.
 */
import { addDims, type Dim, sameDim, subDims } from "../core/dim.ts";
import { dtypeInfo, isInexact } from "../core/dtype.ts";
import { type Nested, rawData } from "../core/data.ts";
import { constant, type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { broadcastShapes, normalizeAxis, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import type { DimsOf, ShapeOf } from "../core/types/shape.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { broadcastLast } from "./broadcast.ts";
import { greaterEqual, less, logicalAnd, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { gatherPrimitive, scatterAddPrimitive } from "./gather.ts";
import { dimSize, iotaOf, roomSize } from "./iota.ts";
import { broadcastTo, commonDType, type Operand, toTensor } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import { maximum, minimum } from "./piecewise.ts";
import { expandDims, reshape } from "./reshape.ts";
import { moveaxis } from "./transpose.ts";

/** Integer positions: a number, nested arrays of them, or a tensor of an integer dtype. */
export type Indices = Tensor | number | readonly Nested[];

export interface IndexOptions {
  /** What computed indices out of range do: "clamp" (default) to the nearest element, or "fill" the result. */
  readonly mode?: "clamp" | "fill";
  /** With "fill": the value there (default NaN for floats and complex numbers, 0 otherwise). */
  readonly fillValue?: number;
}

// ---- indices
function indexTensor(op: string, indices: Indices): Tensor {
  const raw = indices instanceof Tensor ? undefined : rawData(op, indices, "int32");
  const t = raw ? constant(raw.data, { shape: raw.nested ?? [raw.data.length], dtype: "int32" }) : (indices as Tensor);
  if (dtypeInfo(t.dtype).kind !== "int") throw new Error(`${op}: indices must be integers, got ${t.describe()}; use astype("int32")`);
  return t;
}

/** The numbers of a constant. */
function known(t: Tensor): readonly number[] | undefined {
  if (t.primitive !== constantPrimitive) return undefined;
  const { value } = t.params as ConstantParams;
  return typeof value === "number" ? [value] : [...value];
}

interface Positions {
  /** Counted from the front. */
  readonly at: Tensor;
  /** Whether all are known to lie in range. */
  readonly inRange: boolean;
}

const axisOf = (axis: number, t: Tensor): string => `axis ${axis} of ${t.describe()}`;

/** Where indices point in n places, along what `along` says. Throws on known ones that are out of range. */
function positionsOf(op: string, indices: Tensor, n: Dim, along: string, given = known(indices)): Positions {
  const wrong = typeof n === "number" && given?.find((i) => i < -n || i >= n);
  if (typeof wrong === "number")
    throw new Error(
      `${op}: index ${wrong} is out of range for ${along}${n === 0 ? ", which is empty" : ` (use ${-n} to ${(n as number) - 1})`}`,
    );
  if (n === 0 && sizeOf(indices.shape) !== 0) throw new Error(`${op}: ${along} is empty`);
  const t = convert(indices, "int32");
  const negative = !given || given.some((i) => i < 0);
  return { at: negative ? where(less(t, 0), add(t, dimSize(n)), t) : t, inRange: given !== undefined && typeof n === "number" };
}

interface Mode {
  readonly mode: "clamp" | "fill";
  readonly fillValue: number | undefined;
}
function modeOf(op: string, { mode = "clamp", fillValue }: IndexOptions): Mode {
  if (mode !== "clamp" && mode !== "fill") throw new Error(`${op}: mode must be "clamp" or "fill", got ${showArgument(mode)}`);
  if (fillValue !== undefined && mode !== "fill") throw new Error(`${op}: a fillValue needs mode: "fill"`);
  return { mode, fillValue };
}

const clamped = (i: Tensor, last: Tensor): Tensor => maximum(minimum(i, last), 0);

/** x [b, o, n, i] at positions [b, m] counted from the front, by a mode. */
function gatherRows(x: Tensor, positions: Tensor, inRange: boolean, { mode, fillValue }: Mode): Tensor {
  const n = x.shape[2]!;
  if (inRange) return gatherPrimitive([x, positions], {});
  if (mode === "clamp") return gatherPrimitive([x, clamped(positions, sub(dimSize(n), 1))], {});
  const found = gatherPrimitive([x, positions], {});
  const inside = logicalAnd(greaterEqual(positions, 0), less(positions, dimSize(n)));
  return where(expandDims(inside, [1, 3]), found, filling(x, fillValue));
}

const filling = (x: Tensor, value: number | undefined): Tensor => toTensor("take", value ?? (isInexact(x.dtype) ? NaN : 0), x.dtype);

// ---- along one axis
export interface TakeOptions extends IndexOptions {
  /** The axis to index (default: x is flattened first). */
  readonly axis?: number;
}

/** The elements (or slices) of x at the given positions of an axis: the shape of the indices takes the axis' place. */
export function take(x: Operand, indices: Indices, options: number | TakeOptions = {}): Tensor {
  const { axis, ...rest } = typeof options === "number" ? { axis: options } : options;
  const mode = modeOf("take", rest);
  const given = toTensor("take", x);
  const t = axis === undefined ? reshape(given, [sizeOf(given.shape)]) : given;
  const at = normalizeAxis("take", axis ?? 0, t.rank);
  const n = t.shape[at]!;
  const along = axis === undefined ? `the elements of ${given.describe()}` : axisOf(at, t);
  const { at: positions, inRange } = positionsOf("take", indexTensor("take", indices), n, along);
  const [before, after] = [t.shape.slice(0, at), t.shape.slice(at + 1)];
  const rows = gatherRows(
    reshape(t, [1, sizeOf(before), n, sizeOf(after)]),
    reshape(positions, [1, sizeOf(positions.shape)]),
    inRange,
    mode,
  );
  return reshape(rows, [...before, ...positions.shape, ...after]);
}

/** For each row along an axis, the elements at that row's own positions, as argsort gives them. Other axes broadcast. */
export function takeAlongAxis(x: Operand, indices: Indices, axis: number, options: IndexOptions = {}): Tensor {
  const op = "takeAlongAxis";
  const mode = modeOf(op, options);
  const t = toTensor(op, x);
  const at = normalizeAxis(op, axis, t.rank);
  const n = t.shape[at]!;
  const { at: positions, inRange } = positionsOf(op, indexTensor(op, indices), n, axisOf(at, t));
  if (positions.rank !== t.rank)
    throw new Error(`${op}: indices and operand need the same number of axes, got ${positions.describe()} for ${t.describe()}`);
  const without = (s: Shape): Shape => s.filter((_, i) => i !== at);
  const batch = broadcastShapes(without(t.shape), without(positions.shape));
  if (!batch) throw new Error(`${op}: ${positions.describe()} does not broadcast with ${t.describe()} beside axis ${at}`);
  const m = positions.shape[at]!;
  const rowsOf = (x: Tensor, size: Dim): Tensor => reshape(broadcastLast(moveaxis(x, at, -1), [...batch, size]), [sizeOf(batch), size]);
  const rows = rowsOf(t, n);
  const found = gatherRows(reshape(rows, [rows.shape[0]!, 1, n, 1]), rowsOf(positions, m), inRange, mode);
  return moveaxis(reshape(found, [...batch, m]), -1, at);
}

/** x with updates added at positions of an axis (default 0): the transpose of take. Positions out of range are dropped. */
export function scatterAdd<A extends Operand>(
  x: A,
  indices: Indices,
  updates: Operand,
  options?: { readonly axis?: number },
): Tensor<ShapeOf<A>>;
export function scatterAdd(x: Operand, indices: Indices, updates: Operand, { axis = 0 }: { readonly axis?: number } = {}): Tensor {
  const op = "scatterAdd";
  const dtype = commonDType(op, [x, updates]);
  const [t, u] = [toTensor(op, x, dtype), toTensor(op, updates, dtype)];
  const at = normalizeAxis(op, axis, t.rank);
  const n = t.shape[at]!;
  const { at: positions } = positionsOf(op, indexTensor(op, indices), n, axisOf(at, t));
  const [before, after] = [t.shape.slice(0, at), t.shape.slice(at + 1)];
  const shape = [...before, ...positions.shape, ...after];
  const m = sizeOf(positions.shape);
  const canonical = (a: Tensor, size: Dim): Tensor => reshape(a, [1, sizeOf(before), size, sizeOf(after)]);
  const fits = broadcastShapes(u.shape, shape);
  if (!fits || fits.length !== shape.length || fits.some((d, i) => !sameDim(d, shape[i]!)))
    throw new Error(
      `${op}: updates ${u.describe()} do not broadcast to ${showShape(shape)}, the shape that axis ${at} of ${t.describe()} has with these indices`,
    );
  const added = scatterAddPrimitive([canonical(t, n), reshape(positions, [1, m]), canonical(broadcastTo(u, shape), m)], {});
  return reshape(added, t.shape);
}

// ---- at points of several axes
/**
 * The elements (or slices) of x at points: the last axis of the indices holds a position for each of the first axes of x.
 * indices [..., k] and x [n1, ..., nk, ...rest] give [..., ...rest].
 */
export function gather(x: Operand, indices: Indices, options: IndexOptions = {}): Tensor {
  const mode = modeOf("gather", options);
  const t = toTensor("gather", x);
  const points = indexTensor("gather", indices);
  const k = points.shape[points.rank - 1];
  if (typeof k !== "number" || k < 1 || k > t.rank)
    throw new Error(
      `gather: the last axis of the indices must hold 1 to ${t.rank} positions, one for each axis of ${t.describe()}; got ${points.describe()}`,
    );
  const flat = reshape(points, [sizeOf(points.shape.slice(0, -1)), k]);
  const given = known(points);
  let row: Tensor | undefined;
  let inside: Tensor | undefined;
  for (let a = 0; a < k; a++) {
    const n = t.shape[a]!;
    const mine = given?.filter((_, i) => i % k === a);
    const { at: column, inRange } = positionsOf("gather", reshape(sliceAxis(flat, 1, a, a + 1), [flat.shape[0]!]), n, axisOf(a, t), mine);
    const size = dimSize(n);
    const safe = inRange ? column : clamped(column, sub(size, 1));
    row = row ? add(mul(row, size), safe) : safe;
    if (!inRange && mode.mode === "fill") {
      const here = logicalAnd(greaterEqual(column, 0), less(column, size));
      inside = inside ? logicalAnd(inside, here) : here;
    }
  }
  const rest = t.shape.slice(k);
  const total = sizeOf(t.shape.slice(0, k));
  const found = gatherPrimitive([reshape(t, [1, 1, total, sizeOf(rest)]), reshape(row!, [1, flat.shape[0]!])], {});
  const filled = inside ? where(reshape(inside, [1, 1, flat.shape[0]!, 1]), found, filling(t, mode.fillValue)) : found;
  return reshape(filled, [...points.shape.slice(0, -1), ...rest]);
}

// ---- windows
function startsOf(op: string, t: Tensor, starts: readonly (Tensor | number)[], sizes: Shape): (Tensor | number)[] {
  if (!Array.isArray(starts) || starts.length !== t.rank || sizes.length !== t.rank)
    throw new Error(
      `${op}: ${t.describe()} needs a start and a size for each of its ${t.rank} axes, got ${Array.isArray(starts) ? starts.length : showArgument(starts)} and ${sizes.length}`,
    );
  return t.shape.map((n, axis) => {
    const size = sizes[axis]!;
    const start = starts[axis];
    if (typeof size === "number" && !(Number.isInteger(size) && size >= 0))
      throw new Error(`${op}: ${size} is not a size, for axis ${axis} of ${t.describe()}`);
    const room = subDims(n, size);
    if (typeof room === "number" && room < 0) throw new Error(`${op}: ${size} elements do not fit in axis ${axis} of ${t.describe()}`);
    if (typeof start === "number") {
      if (!Number.isInteger(start)) throw new Error(`${op}: the start of axis ${axis} must be an integer, got ${start}`);
      const low = start < 0 && typeof n === "number" ? start + n : start;
      if (low < 0 || (typeof room === "number" && low > room))
        throw new Error(`${op}: ${size} elements from ${start} are out of range for axis ${axis} of ${t.describe()}`);
      return low;
    }
    const s = indexTensor(op, start as Indices);
    if (s.rank !== 0) throw new Error(`${op}: the start of axis ${axis} must be a scalar, got ${s.describe()}`);
    return clamped(where(less(s, 0), add(s, dimSize(n)), s), roomSize(room));
  });
}

/** The window of a shape that begins at the given position on each axis. Computed starts clamp, so that the window fits. */
export function dynamicSlice<const S extends Shape>(x: Operand, starts: readonly (Tensor | number)[], sizes: S): Tensor<DimsOf<S>>;
export function dynamicSlice(x: Operand, starts: readonly (Tensor | number)[], sizes: Shape): Tensor {
  const op = "dynamicSlice";
  const t = toTensor(op, x);
  return startsOf(op, t, starts, sizes).reduce<Tensor>((part, start, axis) => {
    const size = sizes[axis]!;
    if (typeof start === "number") return sliceAxis(part, axis, start, addDims(size, start));
    return rowsAlong(part, axis, add(iotaOf([size], 0, "int32"), start));
  }, t);
}

/** Elements of an axis at positions, 0 where they are outside. */
function rowsAlong(x: Tensor, axis: number, positions: Tensor): Tensor {
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const rows = gatherPrimitive(
    [reshape(x, [1, sizeOf(before), x.shape[axis]!, sizeOf(after)]), reshape(positions, [1, positions.shape[0]!])],
    {},
  );
  return reshape(rows, [...before, positions.shape[0]!, ...after]);
}

/** x with a window replaced by `update`, at the given position on each axis. Computed starts clamp, so that the window fits. */
export function dynamicUpdateSlice<A extends Operand>(x: A, update: Operand, starts: readonly (Tensor | number)[]): Tensor<ShapeOf<A>>;
export function dynamicUpdateSlice(x: Operand, update: Operand, starts: readonly (Tensor | number)[]): Tensor {
  const op = "dynamicUpdateSlice";
  const dtype = commonDType(op, [x, update]);
  const [t, u] = [toTensor(op, x, dtype), toTensor(op, update, dtype)];
  if (u.rank !== t.rank) throw new Error(`${op}: the update ${u.describe()} needs as many axes as ${t.describe()}`);
  let moved = u;
  let inside: Tensor | undefined;
  startsOf(op, t, starts, u.shape).forEach((start, axis) => {
    const n = t.shape[axis]!;
    if (start === 0 && sameDim(u.shape[axis]!, n)) return;
    // Where each element of x would come from in the update.
    const from = sub(iotaOf([n], 0, "int32"), start);
    moved = rowsAlong(moved, axis, from);
    const here = logicalAnd(greaterEqual(from, 0), less(from, dimSize(u.shape[axis]!)));
    const placed = reshape(
      here,
      t.shape.map((d, i) => (i === axis ? d : 1)),
    );
    inside = inside ? logicalAnd(inside, placed) : placed;
  });
  return inside ? where(inside, moved, t) : moved;
}
