/**
 * The value of a graph, computed from its leaves and nothing else: every node once, in topological order, each of its kernels
 * interpreted at once. No fusion, no cache, no plan.
 */
import { type DimSizes, evaluateDim } from "../../core/dim.ts";
import { arrayOf, type DType, storageBytes, type TypedArray } from "../../core/dtype.ts";
import { topological } from "../../core/graph.ts";
import { type ConstantParams, constantData, constantPrimitive } from "../../core/leaves.ts";
import type { Aval } from "../../core/primitive.ts";
import { evaluateShape } from "../../core/shape.ts";
import { outputPrimitive, type Tensor } from "../../core/tensor.ts";
import type { BoundOperand, Buffer } from "../../kernel/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import type { Carry, Control } from "../../kernel/control.ts";
import type { Kernel, Operand, Slot, Step } from "../../kernel/kernel.ts";
import { checkRoom, outputView } from "../../kernel/lowering.ts";
import type { View } from "../../kernel/view.ts";
import { ownRules } from "../../ops/primitive.ts";
import { controls, type Run } from "./control.ts";

export interface Numbers {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: TypedArray;
}

/** A node that has no value, and the node (itself or one below it) that failed first. */
export interface Failure {
  readonly tensor: Tensor;
  readonly error: unknown;
}

export type Result = Numbers | Failure;
export const failed = (r: Result): r is Failure => "error" in r;
const orThrow = (r: Result): Numbers => {
  if (failed(r)) throw r.error;
  return r;
};

/** The numbers of every root. `leaf` gives those of sources and other leaves; `sizes` the named dimensions. */
export function evaluate(roots: readonly Tensor[], leaf: (t: Tensor) => TypedArray | undefined, sizes: DimSizes): Result[] {
  const device = interpreter();
  const buffers = new Map<Slot, Buffer>();
  const bufferOf = (slot: Slot): Buffer => {
    let buffer = buffers.get(slot);
    if (buffer === undefined) buffers.set(slot, (buffer = device.allocate(evaluateDim(slot.length, sizes) * storageBytes(slot.storage))));
    return buffer;
  };
  const bind = ({ slot, offset, strides }: Operand): BoundOperand => ({
    buffer: bufferOf(slot),
    offset: evaluateDim(offset, sizes),
    strides: strides.map((d) => evaluateDim(d, sizes)),
  });
  const carryOut = (step: Step): void => {
    if (step.control) return carryOutControl(step.control);
    const bound = {
      kernel: step.kernel as Kernel,
      sizes: evaluateShape(step.sizes, sizes),
      reads: step.reads.map(bind),
      writes: step.writes.map(bind),
      uniforms: step.uniforms.map((d) => evaluateDim(d, sizes)),
    };
    device.prepare([{ kind: "run", steps: [bound] }]).run();
  };
  /** Round by round: slices and carries are copied. */
  const carryOutControl = (control: Control): void => {
    const memory = (slot: Slot): TypedArray => device.view(bufferOf(slot), slot.storage, evaluateDim(slot.length, sizes));
    const word = ({ slot, offset }: Operand): number => memory(slot)[evaluateDim(offset, sizes)]!;
    const handOn = (carries: readonly Carry[]): void => {
      const values = carries.map(({ from }) => memory(from).slice());
      carries.forEach(({ to }, i) => memory(to).set(values[i]!));
    };
    switch (control.kind) {
      case "repeat": {
        const count = evaluateDim(control.count, sizes);
        for (let t = 0; t < count; t++) {
          const slices = control.stacks.map(({ stack, slice, direction, by }) => {
            const start = (control.reverse ? count - 1 - t : t) * evaluateDim(by, sizes);
            return { direction, slice: memory(slice), stack: memory(stack), start };
          });
          // Of a stack that is no row of slices, a slice has whatever can be reached from its first element.
          for (const { direction, slice, stack, start } of slices)
            if (direction === "in") for (let i = 0; i < slice.length; i++) slice[i] = stack[start + i] ?? NaN;
          control.body.forEach(carryOut);
          for (const { direction, slice, stack, start } of slices) if (direction === "out") stack.set(slice, start);
          handOn(control.carries);
        }
        break;
      }
      case "while":
        for (;;) {
          control.condition.forEach(carryOut);
          if (word(control.test) === 0) break;
          control.body.forEach(carryOut);
          handOn(control.carries);
        }
        break;
      case "switch":
        control.cases[Math.max(0, Math.min(word(control.index), control.cases.length - 1))]!.forEach(carryOut);
    }
  };
  const filled = (t: Aval, data: TypedArray): View[] => {
    const view = outputView(t);
    device.write(bufferOf(view.slot), data);
    return [view];
  };

  const views = new Map<Tensor, readonly View[]>();
  const failures = new Map<Tensor, Failure>();
  const numbersOf = (t: Tensor): Numbers => {
    const { slot, offset, strides, shape: lies } = views.get(t)![0]!;
    const memory = device.view(bufferOf(slot), slot.storage, evaluateDim(slot.length, sizes));
    const words = evaluateShape(lies, sizes);
    const data = new (arrayOf(slot.storage))(words.reduce((n, d) => n * d, 1));
    const steps = strides.map((d) => evaluateDim(d, sizes));
    return { shape: evaluateShape(t.shape, sizes), dtype: t.dtype, data: gathered(memory, evaluateDim(offset, sizes), words, steps, data) };
  };
  const compute = (t: Tensor): readonly View[] => {
    for (const { shape } of t.outputs) evaluateShape(shape, sizes);
    if (t.primitive === constantPrimitive) return filled(t.outputs[0]!, constantData(t.params as ConstantParams));
    if (t.primitive === outputPrimitive) return [views.get(t.inputs[0]!)![(t.params as { index: number }).index]!];
    const data = t.inputs.length === 0 ? leaf(t) : undefined;
    if (data) return filled(t.outputs[0]!, data);
    const control = controls.get(t.primitive);
    if (control) {
      const inputs = t.inputs.map(numbersOf);
      const run: Run = (results, values) => evaluate(results, (x) => values.get(x) ?? leaf(x), sizes).map(orThrow);
      const outputs = control(t.params as never, inputs, run, (d) => evaluateDim(d, sizes));
      return outputs.map((data, i) => filled(t.outputs[i]!, data)[0]!);
    }
    const inputs = t.inputs.map((x) => views.get(x)![0]!);
    const lowered = ownRules.rule(
      t.primitive,
      "lower",
    )({ params: t.params, inputs, inputTypes: t.inputs.map((x) => x.outputs[0]!), outputTypes: t.outputs });
    checkRoom(t.describe(), lowered, sizes);
    const { steps, outputs } = lowered;
    for (const step of steps) carryOut(step);
    return outputs;
  };
  for (const t of topological(roots)) {
    const origin = t.inputs.map((x) => failures.get(x)).find((f) => f !== undefined);
    try {
      if (origin) failures.set(t, origin);
      else views.set(t, compute(t));
    } catch (error) {
      failures.set(t, { tensor: t, error });
    }
  }

  return roots.map((t) => failures.get(t) ?? numbersOf(t));
}

/** Copies the elements of a view, in row-major order. */
function gathered(memory: TypedArray, offset: number, shape: readonly number[], strides: readonly number[], out: TypedArray): TypedArray {
  for (let i = 0; i < out.length; i++) {
    let [rest, element] = [i, offset];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      element += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    out[i] = memory[element]!;
  }
  return out;
}

/** Whether two results have the same bits; all NaNs count as equal, and -0 is not 0. */
export function sameBits(a: Numbers, b: Numbers): boolean {
  return (
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((n, i) => n === b.shape[i]) &&
    a.data.length === b.data.length &&
    (a.data as Float64Array).every((v, i) => Object.is(v, b.data[i]))
  );
}
