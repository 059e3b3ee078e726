/**
 * Lowering: from a primitive's operands, as views, to the steps that compute it and the views of its outputs.
 * A primitive that only rearranges elements returns a view and no steps.
 */
import { type Dim, type DimSizes, evaluateDim, sameDim } from "../core/dim.ts";
import { dtypeInfo, type Storage } from "../core/dtype.ts";
import type { Aval } from "../core/primitive.ts";
import * as e from "./expr.ts";
import {
  type Access,
  type Body,
  body,
  type Inner,
  isScan,
  type Loop,
  type LoopKernel,
  loopKernel,
  type Operand,
  type Slot,
  type Step,
} from "./kernel.ts";
import { contiguous, isContiguous, mergeAxes, type View } from "./view.ts";

export interface Lowered {
  readonly steps: readonly Step[];
  readonly outputs: readonly View[];
  /** Whether step k is of input k alone, and no two write the same elements: then what has changed can be computed without the others. */
  readonly byInput?: boolean;
  /** What named sizes must leave room for: where one of these is negative, the node reaches beyond its operands, and fails. */
  readonly room?: readonly Dim[];
  /** The numbers that steps fill slots with, once and for all. */
  readonly literals?: ReadonlyMap<Slot, number>;
}

/** Throws when a node reaches beyond its operands, at the sizes of now. */
export function checkRoom(node: string, { room = [] }: Lowered, sizes: DimSizes): void {
  for (const d of room) {
    const left = evaluateDim(d, sizes);
    if (left < 0) throw new Error(`${node} reaches beyond its operand: ${d} is ${left}`);
  }
}

/** What a lowering rule sees of the node it lowers. */
export interface LowerCall<P extends object = any> {
  readonly params: P;
  readonly inputs: readonly View[];
  readonly inputTypes: readonly Aval[];
  readonly outputTypes: readonly Aval[];
}

/** A fresh row-major output of a type. Words that make one element are along one more axis, the last. */
export function outputView({ dtype, shape }: Aval): View {
  const { storage, words } = dtypeInfo(dtype);
  return contiguous(storage, words === 1 ? shape : [...shape, words]);
}

const operand = (v: View, strides: readonly Dim[]): Operand => ({ slot: v.slot, offset: v.offset, strides });
const innerOf = (stride: Dim): Inner => (sameDim(stride, 0) ? 0 : sameDim(stride, 1) ? 1 : "strided");
const access = (v: View, strides: readonly Dim[]): Access => ({
  storage: v.slot.storage,
  inner: strides.length === 0 ? 0 : innerOf(strides[strides.length - 1]!),
});

/** One loop over an index space. What kernel it needs is settled when somebody asks: most loops are fused first. */
export const loop = (source: Loop): Step => new LoopStep(source);

class LoopStep implements Step {
  readonly loop: Loop;
  #merged: Merged | undefined;

  constructor(source: Loop) {
    this.loop = source;
  }

  get #all(): Merged {
    return (this.#merged ??= merge(this.loop));
  }
  get kernel(): LoopKernel {
    return this.#all.kernel;
  }
  get sizes(): readonly Dim[] {
    return this.#all.sizes;
  }
  get reads(): readonly Operand[] {
    return this.#all.reads;
  }
  get writes(): readonly Operand[] {
    return this.#all.writes;
  }
  get uniforms(): readonly Dim[] {
    return this.loop.uniforms ?? [];
  }
}

interface Merged {
  readonly kernel: LoopKernel;
  readonly sizes: readonly Dim[];
  readonly reads: readonly Operand[];
  readonly writes: readonly Operand[];
}

/** The loop with axes merged where nothing depends on them one by one. */
function merge(source: Loop): Merged {
  const { shape, body: b, reads, writes, fold } = source;
  // A reduction's writes lack the folded axis: give it a stride of 0 while merging, and drop it afterwards.
  const reduces = fold !== undefined && !isScan(fold);
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
