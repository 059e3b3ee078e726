/**
 * Lowering: from a primitive's operands, as views, to the steps that compute it and the views of its outputs.
 * A primitive that only rearranges elements returns a view and no steps.
 */
import { type Dim, sameDim } from "../core/dim.ts";
import { dtypeInfo, type Storage } from "../core/dtype.ts";
import type { Aval } from "../core/primitive.ts";
import * as e from "./expr.ts";
import { type Access, type Body, body, type Inner, type Loop, loopKernel, type Operand, type Step } from "./kernel.ts";
import { contiguous, isContiguous, mergeAxes, type View } from "./view.ts";

export interface Lowered {
  readonly steps: readonly Step[];
  readonly outputs: readonly View[];
}

/** What a lowering rule sees of the node it lowers. */
export interface LowerCall<P extends object = any> {
  readonly params: P;
  readonly inputs: readonly View[];
  readonly inputTypes: readonly Aval[];
  readonly outputTypes: readonly Aval[];
}

/** A fresh row-major output of a type. */
export const outputView = (t: Aval): View => contiguous(dtypeInfo(t.dtype).storage, t.shape);

const operand = (v: View, strides: readonly Dim[]): Operand => ({ slot: v.slot, offset: v.offset, strides });
const innerOf = (stride: Dim): Inner => (sameDim(stride, 0) ? 0 : sameDim(stride, 1) ? 1 : "strided");
const access = (v: View, strides: readonly Dim[]): Access => ({
  storage: v.slot.storage,
  inner: strides.length === 0 ? 0 : innerOf(strides[strides.length - 1]!),
});

/** One loop kernel over an index space, with axes merged where nothing depends on them one by one. */
export function loop(source: Loop): Step {
  const { shape, body: b, reads, writes, fold, uniforms = [] } = source;
  // A reduction's writes lack the folded axis: give it a stride of 0 while merging, and drop it afterwards.
  const reduces = fold !== undefined && fold !== "cumsum";
  const writeStrides = writes.map((w) => (reduces ? [...w.strides, 0] : w.strides));
  const all = [...reads.map((r) => r.strides), ...writeStrides];
  let merged = b.positional ? { shape: [...shape], strides: all.map((s) => [...s]) } : mergeAxes(shape, all, fold ? 1 : 0);
  if (merged.shape.length === 0) merged = { shape: [1], strides: all.map(() => [0]) };
  const readStrides = merged.strides.slice(0, reads.length);
  const outStrides = merged.strides.slice(reads.length).map((s) => (reduces ? s.slice(0, -1) : s));
  const kernel = loopKernel(
    merged.shape.length,
    reads.map((r, i) => access(r, readStrides[i]!)),
    writes.map((w, i) => access(w, outStrides[i]!)),
    b,
    fold,
  );
  return {
    kernel,
    sizes: merged.shape,
    reads: reads.map((r, i) => operand(r, readStrides[i]!)),
    writes: writes.map((w, i) => operand(w, outStrides[i]!)),
    uniforms,
    loop: source,
  };
}

const copies = new Map<Storage, Body>();
const copyBody = (s: Storage): Body => {
  let b = copies.get(s);
  if (!b) copies.set(s, (b = body([s], [e.read(0, s)])));
  return b;
};

/** Copies elements from one view to another of the same shape. */
export const copyStep = (from: View, to: View): Step =>
  loop({ shape: from.shape, body: copyBody(from.slot.storage), reads: [from], writes: [to] });

/** The view itself when it is contiguous, else a contiguous copy and the step that makes it. */
export function packed(v: View): { view: View; steps: Step[] } {
  if (isContiguous(v)) return { view: v, steps: [] };
  const view = contiguous(v.slot.storage, v.shape);
  return { view, steps: [copyStep(v, view)] };
}
