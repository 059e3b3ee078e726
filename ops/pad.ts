/**
 * Slicing and padding: each is the other's transpose, so they stand together. A slice is a view; padding reads through a
 * mask, and where it also spreads elements apart, fills the output and copies into a part of it.
 */
import { complexOf, partsOf, realPrimitive } from "../core/complex.ts";
import { addDims, type Dim, divideDims, mulDims, subDims } from "../core/dim.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { type Shape } from "../core/shape.ts";
import { apply, type Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { body } from "../kernel/kernel.ts";
import { copyStep, type LowerCall, type Lowered, loop, outputView } from "../kernel/lowering.ts";
import { sliceView, type View } from "../kernel/view.ts";
import { showArgument } from "./describe.ts";
import { type Operand, toTensor } from "./operand.ts";
import { definePrimitive, linearJvp, type PrimitiveFunction } from "./primitive.ts";
import { flip } from "./transpose.ts";

// ---- slices
/** Elements start, start + step, ... of each axis: shape of them. Steps are positive. */
interface SliceParams {
  readonly start: readonly Dim[];
  readonly shape: Shape;
  readonly step: readonly number[];
}

const slicePrimitive: PrimitiveFunction<SliceParams> = definePrimitive<SliceParams>({
  name: "slice",
  complex: "parts",
  type: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  jvp: linearJvp,
  transpose: ({ params: { start, shape, step }, inputs, cotangents }) => {
    const high = leftOver(inputs[0]!.shape, { start, shape, step });
    return [padPrimitive([cotangents[0]!], { low: start, high, interior: step.map((s) => s - 1), value: 0 })];
  },
  batch: ({ params: { start, shape, step }, inputs, size }) => [
    slicePrimitive(inputs, { start: [0, ...start], shape: [size, ...shape], step: [1, ...step] }),
  ],
  lower: ({ params, inputs }) => ({
    steps: [],
    outputs: [sliceView(inputs[0]!, params.start, params.shape, params.step)],
    room: named([...params.start, ...leftOver(inputs[0]!.shape, params)]),
  }),
});

/** How many elements of each axis lie behind the last one of a slice. */
const leftOver = (from: Shape, { start, shape, step }: SliceParams): Dim[] =>
  from.map((n, i) => {
    const covered = shape[i] === 0 ? 0 : addDims(mulDims(step[i]!, addDims(shape[i]!, -1)), 1);
    return subDims(subDims(n, start[i]!), covered);
  });

/** Those dimensions of which only the sizes of an epoch tell whether they are negative. */
const named = (dims: readonly Dim[]): Dim[] => dims.filter((d) => typeof d !== "number");

/** The part of x that begins at `start` and has a shape; x itself where that is all of it. Nothing is checked. */
export function sliceOf(x: Tensor, start: readonly Dim[], shape: Shape, step: readonly number[] = start.map(() => 1)): Tensor {
  return shape.every((n, i) => n === x.shape[i] && start[i] === 0 && step[i] === 1) ? x : slicePrimitive([x], { start, shape, step });
}

/** The part of x from `start` to `stop` along one axis. */
export function sliceAxis(x: Tensor, axis: number, start: Dim, stop: Dim): Tensor {
  return sliceOf(
    x,
    x.shape.map((_, i) => (i === axis ? start : 0)),
    x.shape.map((n, i) => (i === axis ? subDims(stop, start) : n)),
  );
}

/**
 * The elements start, start + step, ... below stop along each axis, as Python's x[start:stop:step]: negative numbers
 * count from the end, null stands for the whole way, axes not listed are taken whole, a negative step goes backwards.
 * Unlike Python, a start or stop beyond the axis throws. With a step, sizes must be known or divide.
 */
export function slice(
  x: Operand,
  start: readonly (Dim | null)[],
  stop: readonly (Dim | null)[] = [],
  step: readonly (number | null)[] = [],
): Tensor {
  const t = toTensor("slice", x);
  for (const list of [start, stop, step]) {
    if (!Array.isArray(list)) throw new Error(`slice: start, stop and step are lists with one entry an axis, got ${showArgument(list)}`);
    if (list.length > t.rank) throw new Error(`slice: ${list.length} entries for ${t.describe()}, which has ${t.rank} axes`);
  }
  const ranges = t.shape.map((n, i) => rangeOf(t, i, n, start[i] ?? null, stop[i] ?? null, step[i] ?? 1));
  const part = sliceOf(
    t,
    ranges.map((r) => r.low),
    ranges.map((r) => r.size),
    ranges.map((r) => r.step),
  );
  const backwards = ranges.flatMap((r, i) => (r.backwards ? [i] : []));
  return backwards.length > 0 ? flip(part, backwards) : part;
}

interface Range {
  readonly low: Dim;
  readonly size: Dim;
  readonly step: number;
  readonly backwards: boolean;
}

function rangeOf(t: Tensor, axis: number, n: Dim, start: Dim | null, stop: Dim | null, step: number): Range {
  const where = `slice: axis ${axis} of ${t.describe()}`;
  if (!Number.isInteger(step) || step === 0) throw new Error(`${where}: the step must be an integer other than 0, got ${step}`);
  const position = (name: string, d: Dim | null, otherwise: Dim): Dim => {
    if (d === null) return otherwise;
    if (typeof d !== "number") return d;
    const limit = name === "start" && step < 0 ? subDims(n, 1) : n;
    if (!Number.isInteger(d) || (typeof n === "number" && (d < -n || d > (limit as number))))
      throw new Error(`${where}: ${name} ${d} is out of range${typeof n === "number" ? ` (use ${-n} to ${limit})` : "; use an integer"}`);
    return d < 0 ? addDims(n, d) : d;
  };
  const from = position("start", start, step > 0 ? 0 : addDims(n, -1));
  const to = position("stop", stop, step > 0 ? n : -1);
  const span = step > 0 ? subDims(to, from) : subDims(from, to);
  const stride = Math.abs(step);
  const size = typeof span === "number" ? Math.max(0, Math.ceil(span / stride)) : divideDims(span, stride);
  if (size === undefined) throw new Error(`${where}: ${span} elements are not a multiple of the step ${step}`);
  const low = step > 0 ? from : size === 0 ? 0 : subDims(from, mulDims(stride, addDims(size, -1)));
  return { low, size, step: stride, backwards: step < 0 };
}

// ---- padding
/** `low` elements before each axis, `high` after it and `interior` between neighbours, all of them `value`. */
interface PadParams {
  readonly low: readonly Dim[];
  readonly high: readonly Dim[];
  readonly interior: readonly number[];
  readonly value: number;
}

const spread = (n: Dim, interior: number): Dim => (n === 0 ? 0 : addDims(mulDims(n, interior + 1), -interior));

export const padPrimitive: PrimitiveFunction<PadParams> = definePrimitive<PadParams>({
  name: "pad",
  complex: ({ params, inputs: [z] }) => {
    const { re, im } = partsOf(z!);
    const without = params.value === 0 || re !== undefined;
    return [
      complexOf({
        re: without ? re && padPrimitive([re], params) : padPrimitive([apply(realPrimitive, {}, [z!])], params),
        im: im && padPrimitive([im], { ...params, value: 0 }),
      }),
    ];
  },
  type: ([x], { low, high, interior }) => ({
    shape: x!.shape.map((n, i) => addDims(addDims(low[i]!, high[i]!), spread(n, interior[i]!))),
    dtype: x!.dtype,
  }),
  jvp: ({ params, tangents }) => [padPrimitive([tangents[0]!], { ...params, value: 0 })],
  transpose: ({ params: { low, interior }, inputs, cotangents }) => [
    sliceOf(
      cotangents[0]!,
      low,
      inputs[0]!.shape,
      interior.map((k) => k + 1),
    ),
  ],
  batch: ({ params: { low, high, interior, value }, inputs }) => [
    padPrimitive(inputs, { low: [0, ...low], high: [0, ...high], interior: [0, ...interior], value }),
  ],
  lower: (call) => ({
    ...(call.params.interior.every((k) => k === 0) ? lowerMasked(call) : lowerSpread(call)),
    room: named([...call.params.low, ...call.params.high]),
  }),
});

function lowerMasked({ params: { low, high, value }, inputs, outputTypes: [type] }: LowerCall<PadParams>): Lowered {
  const { storage, compute } = dtypeInfo(type!.dtype);
  const input = inputs[0]!;
  const uniforms: Dim[] = [];
  const conditions: e.Expr[] = [];
  const bound = (test: (a: e.Expr, b: e.Expr) => e.Expr, axis: number, at: Dim): void => {
    conditions.push(test(e.index(axis), e.uniform(uniforms.length)));
    uniforms.push(at);
  };
  type!.shape.forEach((_, i) => {
    if (low[i] !== 0) bound(e.ge, i, low[i]!);
    if (high[i] !== 0) bound(e.lt, i, addDims(low[i]!, input.shape[i]!));
  });
  if (conditions.length === 0) return { steps: [], outputs: [input] };
  const mask = conditions.reduce(e.and);
  const read = e.read(0, storage, mask);
  const filling = compute === "bool" ? e.constant("u32", value ? 1 : 0) : e.constant(compute, value);
  const values = [Object.is(value, 0) ? read : e.select(mask, read, filling)];
  const offset = low.reduce<Dim>((sum, d, i) => subDims(sum, mulDims(d, input.strides[i]!)), input.offset);
  const output = outputView(type!);
  return {
    steps: [
      loop({
        shape: type!.shape,
        body: body([storage], values),
        reads: [{ ...input, shape: type!.shape, offset }],
        writes: [output],
        uniforms,
      }),
    ],
    outputs: [output],
  };
}

function lowerSpread({ params: { low, interior, value }, inputs, outputTypes: [type] }: LowerCall<PadParams>): Lowered {
  const { storage } = dtypeInfo(type!.dtype);
  const output = outputView(type!);
  const fill = loop({ shape: type!.shape, body: body([], [e.constant(storage, value)]), reads: [], writes: [output] });
  const part: View = sliceView(
    output,
    low,
    inputs[0]!.shape,
    interior.map((k) => k + 1),
  );
  return { steps: [fill, copyStep(inputs[0]!, part)], outputs: [output] };
}

/** Padding of one axis: [low, high], or [low, high, interior]. */
export type PadWidth = readonly [Dim, Dim] | readonly [Dim, Dim, number];
export interface PadOptions {
  /** What is put there (default 0). */
  readonly value?: number;
}

/**
 * x with elements added: `low` before, `high` after and `interior` between neighbours, for each axis in turn (one number
 * for the same on both sides of all axes).
 */
export function pad(x: Operand, widths: number | readonly PadWidth[], options: PadOptions = {}): Tensor {
  const t = toTensor("pad", x);
  const { value = 0 } = options;
  if (typeof value !== "number") throw new Error(`pad: the value must be a number, got ${showArgument(value)}`);
  const list = typeof widths === "number" ? t.shape.map((): PadWidth => [widths, widths]) : widths;
  if (!Array.isArray(list) || list.length !== t.rank)
    throw new Error(
      `pad: ${t.describe()} needs [low, high] for each of its ${t.rank} axes, got ${Array.isArray(list) ? `${list.length} entries` : showArgument(list)}`,
    );
  list.forEach((entry: PadWidth, i) => {
    const fits = Array.isArray(entry) && (entry.length === 2 || entry.length === 3);
    if (!fits || entry.some((d: Dim) => typeof d === "number" && !(Number.isInteger(d) && d >= 0)))
      throw new Error(
        `pad: axis ${i} of ${t.describe()} needs [low, high] or [low, high, interior] of non-negative integers, got ${showArgument(entry)}`,
      );
  });
  const params = {
    low: list.map((w: PadWidth) => w[0]),
    high: list.map((w: PadWidth) => w[1]),
    interior: list.map((w: PadWidth) => w[2] ?? 0),
    value: value + 0,
  };
  return [...params.low, ...params.high, ...params.interior].every((d) => d === 0) ? t : padPrimitive([t], params);
}

/** What this file defines, for table.ts. */
export const primitives = [slicePrimitive.primitive, padPrimitive.primitive];
