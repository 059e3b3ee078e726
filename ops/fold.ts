/** Lowering of reductions and scans: the folded axes last, as one axis, because the summation tree is over one length. */
import type { Storage } from "../core/dtype.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import * as e from "../kernel/expr.ts";
import { type Body, body, type Reduction, type Scan } from "../kernel/kernel.ts";
import { type LowerCall, type Lowered, loop, outputView, packed } from "../kernel/lowering.ts";
import { mergeAxes, reshapeView, transposeView, type View } from "../kernel/view.ts";

const bodies = new Map<Storage, Body>();
function bodyOf(view: View): Body {
  const storage = view.slot.storage;
  let found = bodies.get(storage);
  if (!found) bodies.set(storage, (found = body([storage], [e.read(0, storage)])));
  return found;
}

/** The axes that are not in `axes`. */
export const keptAxes = (rank: number, axes: readonly number[]): number[] =>
  Array.from({ length: rank }, (_, i) => i).filter((i) => !axes.includes(i));
export const reducedShape = (shape: Shape, axes: readonly number[]): Shape => keptAxes(shape.length, axes).map((i) => shape[i]!);

/** Folds the given axes, in row-major order of their positions, into an output without them. */
export function lowerFold(fold: Reduction, axes: readonly number[], { inputs, inputTypes, outputTypes }: LowerCall): Lowered {
  const input = inputs[0]!;
  const kept = keptAxes(input.shape.length, axes);
  const moved = transposeView(input, [...kept, ...axes]);
  const tail = mergeAxes(moved.shape.slice(kept.length), [moved.strides.slice(kept.length)]);
  const shape = [...moved.shape.slice(0, kept.length), sizeOf(moved.shape.slice(kept.length))];
  // Axes that do not lie as one in memory are copied together first; reducing nothing at all is a fold over one element.
  const together = tail.shape.length <= 1;
  // Extremes are the same in any order, and may be taken axis by axis: nothing is copied.
  if (!together && (fold === "max" || fold === "min")) {
    const inner = axes.slice(-1);
    const { dtype } = outputTypes[0]!;
    const first = lowerFold(fold, inner, {
      params: {},
      inputs,
      inputTypes,
      outputTypes: [{ shape: reducedShape(input.shape, inner), dtype }],
    });
    const rest = lowerFold(fold, axes.slice(0, -1), { params: {}, inputs: first.outputs, inputTypes, outputTypes });
    return { steps: [...first.steps, ...rest.steps], outputs: rest.outputs };
  }
  const { view: source, steps } = together ? { view: moved, steps: [] } : packed(moved);
  const view: View = together
    ? { ...source, shape, strides: [...source.strides.slice(0, kept.length), tail.strides[0]![0] ?? 0] }
    : reshapeView(source, shape)!;
  const output = outputView(outputTypes[0]!);
  return { steps: [...steps, loop({ shape, body: bodyOf(view), reads: [view], writes: [output], fold })], outputs: [output] };
}

/** Combines what lies before each element of an axis, and the element, in an output of the same shape. */
export function lowerScan(fold: Scan, axis: number, { inputs, outputTypes }: LowerCall): Lowered {
  const output = outputView(outputTypes[0]!);
  const last = [...keptAxes(output.shape.length, [axis]), axis];
  const [from, to] = [transposeView(inputs[0]!, last), transposeView(output, last)];
  return { steps: [loop({ shape: from.shape, body: bodyOf(from), reads: [from], writes: [to], fold })], outputs: [output] };
}
