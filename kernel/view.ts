/**
 * Views: how a tensor's elements lie in a slot. Broadcasts, transposes, slices, flips and reshapes of contiguous
 * data are views and cost nothing; kernels read through them.
 */
import { type Dim, addDims, mulDims, sameDim } from "../core/dim.ts";
import type { Storage } from "../core/dtype.ts";
import { type Shape, sizeOf, stridesOf } from "../core/shape.ts";
import { Slot } from "./kernel.ts";

export interface View {
  readonly slot: Slot;
  readonly shape: Shape;
  readonly offset: Dim;
  /** In elements, one an axis; 0 repeats, negative runs backwards. */
  readonly strides: readonly Dim[];
}

/** A new slot, and the row-major view of all of it. */
export function contiguous(storage: Storage, shape: Shape): View {
  return { slot: new Slot(storage, sizeOf(shape)), shape, offset: 0, strides: stridesOf(shape) };
}

/** Whether the elements lie in row-major order without gaps. Axes of size 1 may have any stride. */
export function isContiguous(v: View): boolean {
  const strides = stridesOf(v.shape);
  return v.strides.every((s, i) => sameDim(s, strides[i]!) || sameDim(v.shape[i]!, 1));
}

/** Whether a view is all of its slot, in order. */
export const isWhole = (v: View): boolean => sameDim(v.offset, 0) && isContiguous(v) && sameDim(v.slot.length, sizeOf(v.shape));

/** The broadcast of v to `shape`, where axis i of v becomes axis `axes[i]`; sizes agree or are 1. */
export function broadcastView(v: View, shape: Shape, axes: readonly number[]): View {
  const strides = new Array<Dim>(shape.length).fill(0);
  axes.forEach((axis, i) => {
    if (sameDim(v.shape[i]!, shape[axis]!)) strides[axis] = v.strides[i]!;
  });
  return { ...v, shape, strides };
}

export function transposeView(v: View, perm: readonly number[]): View {
  return { ...v, shape: perm.map((p) => v.shape[p]!), strides: perm.map((p) => v.strides[p]!) };
}

/** Elements start, start + step, ... of each axis. */
export function sliceView(v: View, start: readonly Dim[], shape: Shape, step: readonly number[]): View {
  return {
    ...v,
    shape,
    offset: start.reduce<Dim>((sum, s, i) => addDims(sum, mulDims(s, v.strides[i]!)), v.offset),
    strides: v.strides.map((s, i) => mulDims(s, step[i]!)),
  };
}

/**
 * The same elements in the same order under another shape, if strides can express it: each run of axes that are
 * contiguous among themselves is one long axis, and the new shape must cut those runs.
 */
export function reshapeView(v: View, shape: Shape): View | undefined {
  if (isContiguous(v)) return { ...v, shape, strides: stridesOf(shape) };
  const old = mergeAxes(v.shape, [v.strides]);
  const strides = new Array<Dim>(shape.length).fill(0);
  let at = shape.length - 1;
  for (let run = old.shape.length - 1; run >= 0; run--) {
    let step = old.strides[0]![run]!;
    let covered: Dim = 1;
    while (at >= 0 && !sameDim(covered, old.shape[run]!)) {
      strides[at] = step;
      step = mulDims(step, shape[at]!);
      covered = mulDims(covered, shape[at]!);
      at--;
    }
    if (!sameDim(covered, old.shape[run]!)) return undefined;
  }
  for (; at >= 0; at--) if (!sameDim(shape[at]!, 1)) return undefined;
  return { ...v, shape, strides };
}

/**
 * Merges neighbouring axes that every operand walks as one, and drops axes of size 1: fewer, longer loops, and fewer
 * different kernels. `keep` axes at the end stay as they are.
 */
export function mergeAxes(shape: Shape, operands: readonly (readonly Dim[])[], keep = 0): { shape: Dim[]; strides: Dim[][] } {
  const outShape: Dim[] = [];
  const out: Dim[][] = operands.map(() => []);
  const free = shape.length - keep;
  for (let i = 0; i < shape.length; i++) {
    const d = shape[i]!;
    if (i < free && sameDim(d, 1)) continue;
    const last = outShape.length - 1;
    const joins = i < free && last >= 0 && operands.every((s, k) => sameDim(out[k]![last]!, mulDims(s[i]!, d)));
    if (joins) {
      outShape[last] = mulDims(outShape[last]!, d);
      operands.forEach((s, k) => (out[k]![last] = s[i]!));
    } else {
      outShape.push(d);
      operands.forEach((s, k) => out[k]!.push(s[i]!));
    }
  }
  return { shape: outShape, strides: out };
}
