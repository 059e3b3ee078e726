/** Windows that slide along an axis: a view in which an element appears as often as windows hold it. Convolution and pooling stand on it. */
import { addDims, type Dim, divideDims, mulDims, subDims } from "../core/dim.ts";
import { normalizeAxis } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { View } from "../kernel/view.ts";
import { addN } from "./addN.ts";
import { showArgument } from "./describe.ts";
import { type Operand, toTensor } from "./operand.ts";
import { padPrimitive, sliceOf } from "./pad.ts";
import { definePrimitive, linearJvp, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";

/** Windows of `size` elements `dilation` apart, each `stride` behind the one before: they become a new last axis. */
interface WindowParams {
  readonly axis: number;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
}

/** How many elements a window of so many reaches over. */
export const reachOf = (size: Dim, dilation: number): Dim => addDims(mulDims(addDims(size, -1), dilation), 1);

/** How many windows fit; undefined where that is not known, negative where none does. */
export function windowCount(n: Dim, size: Dim, stride: number, dilation: number): Dim | undefined {
  const room = subDims(n, reachOf(size, dilation));
  const steps = typeof room === "number" ? Math.floor(room / stride) : divideDims(room, stride);
  return steps === undefined ? undefined : addDims(steps, 1);
}

/** A view with an axis read through windows. */
export function windowView(
  v: View,
  count: Dim,
  { axis, size, stride, dilation }: Omit<WindowParams, "size"> & { readonly size: Dim },
): View {
  const step = v.strides[axis]!;
  return {
    ...v,
    shape: [...v.shape.map((n, i) => (i === axis ? count : n)), size],
    strides: [...v.strides.map((s, i) => (i === axis ? mulDims(s, stride) : s)), mulDims(step, dilation)],
  };
}

export const windowsPrimitive: PrimitiveFunction<WindowParams> = definePrimitive<WindowParams>({
  name: "windows",
  complex: "parts",
  type: ([x], { axis, size, stride, dilation }) => {
    const count = windowCount(x!.shape[axis]!, size, stride, dilation)!;
    return { shape: [...x!.shape.map((n, i) => (i === axis ? count : n)), size], dtype: x!.dtype };
  },
  jvp: linearJvp,
  // Each place in the window is a slice of x with a step: its cotangent goes back where the slice was taken.
  transpose: ({ params: { axis, size, stride, dilation }, inputs: [x], cotangents: [ct] }) => {
    const shape = ct!.shape.slice(0, -1);
    const zero = shape.map(() => 0);
    const parts = Array.from({ length: size }, (_, t) => {
      const part = reshape(sliceOf(ct!, [...zero, t], [...shape, 1]), shape);
      const behind = subDims(x!.shape[axis]!, addDims(mulDims(addDims(shape[axis]!, -1), stride), t * dilation + 1));
      const at = (value: Dim): Dim[] => shape.map((_, i) => (i === axis ? value : 0));
      return padPrimitive([part], { low: at(t * dilation), high: at(behind), interior: at(stride - 1) as number[], value: 0 });
    });
    return [addN(parts)];
  },
  batch: ({ params, inputs }) => [windowsPrimitive(inputs, { ...params, axis: params.axis + 1 })],
  lower: ({ params, inputs: [x], outputTypes: [type] }) => ({
    steps: [],
    outputs: [windowView(x!, type!.shape[params.axis]!, params)],
  }),
});

export interface WindowOptions {
  /** The axis along which windows slide (default: the last). */
  readonly axis?: number;
  /** From each window to the next (default 1). */
  readonly stride?: number;
  /** Between neighbours in a window (default 1). */
  readonly dilation?: number;
}

/** Throws unless v is a positive integer. */
export function checkPositive(op: string, name: string, v: unknown): asserts v is number {
  if (!(Number.isInteger(v) && (v as number) > 0)) throw new Error(`${op}: ${name} must be a positive integer, got ${showArgument(v)}`);
}

/** All windows of so many elements along an axis, as a new last axis: a view. An axis of a named size needs a stride that divides. */
export function slidingWindows(x: Operand, size: number, { axis = -1, stride = 1, dilation = 1 }: WindowOptions = {}): Tensor {
  const op = "slidingWindows";
  const t = toTensor(op, x);
  const at = normalizeAxis(op, axis, t.rank);
  checkPositive(op, "the size", size);
  checkPositive(op, "the stride", stride);
  checkPositive(op, "the dilation", dilation);
  return windowsAlong(op, t, { axis: at, size, stride, dilation });
}

/** As above, of arguments that are checked. */
export function windowsAlong(op: string, t: Tensor, params: WindowParams): Tensor {
  const n = t.shape[params.axis]!;
  const count = windowCount(n, params.size, params.stride, params.dilation);
  if (count === undefined)
    throw new Error(
      `${op}: how many windows fit in axis ${params.axis} of ${t.describe()} is not known; stride ${params.stride} must divide`,
    );
  if (typeof count === "number" && count < 1)
    throw new Error(
      `${op}: a window over ${reachOf(params.size, params.dilation)} elements does not fit in axis ${params.axis} of ${t.describe()}`,
    );
  return windowsPrimitive([t], params);
}

/** What this file defines, for table.ts. */
export const primitives = [windowsPrimitive.primitive];
