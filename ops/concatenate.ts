/** Joining and splitting: parts are copied into their places in one output, and read back as slices of it. */
import { complexOf, partsOf } from "../core/complex.ts";
import { addDims, type Dim, divideDims, sameDim } from "../core/dim.ts";
import { promote } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import { normalizeAxis, type Shape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { InRange, InRangeOfNew } from "../core/types/axes.ts";
import type { Concatenate, Stack } from "../core/types/join.ts";
import type { Fit, ListOf, Result, ShapeOf } from "../core/types/shape.ts";
import { copyStep, outputView } from "../kernel/lowering.ts";
import { sliceView } from "../kernel/view.ts";
import { batchAlong, broadcastLast, zeroPart } from "./broadcast.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { checkOperand, type Operand, toTensor } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import { definePrimitive, type Maybe, type PrimitiveFunction } from "./primitive.ts";
import { expandDims } from "./reshape.ts";

interface ConcatenateParams {
  readonly axis: number;
}

/** Where each part begins along the axis, and at the end the whole size. */
function starts(shapes: readonly { readonly shape: Shape }[], axis: number): Dim[] {
  const at: Dim[] = [0];
  for (const { shape } of shapes) at.push(addDims(at[at.length - 1]!, shape[axis]!));
  return at;
}

const concatenatePrimitive: PrimitiveFunction<ConcatenateParams> = definePrimitive<ConcatenateParams>({
  name: "concatenate",
  complex: ({ params, inputs }) => {
    const all = inputs.map(partsOf);
    const of = (part: "re" | "im"): Maybe => {
      if (all.every((p) => p[part] === undefined)) return undefined;
      return concatenatePrimitive(
        all.map((p, i) => p[part] ?? zeroPart(inputs[i]!)),
        params,
      );
    };
    return [complexOf({ re: of("re"), im: of("im") })];
  },
  type: (inputs, { axis }) => {
    const first = inputs[0]!;
    for (const t of inputs)
      if (t.rank !== first.rank || t.dtype !== first.dtype || t.shape.some((d, i) => i !== axis && !sameDim(d, first.shape[i]!)))
        throw new Error(
          `concatenate: ${t.describe()} does not fit beside ${first.describe()} along axis ${axis}: all other sizes must be equal`,
        );
    const total = starts(inputs, axis)[inputs.length]!;
    return { shape: first.shape.map((d, i) => (i === axis ? total : d)), dtype: first.dtype };
  },
  jvp: ({ params, inputs, tangents }) => [
    concatenatePrimitive(
      tangents.map((d, i) => d ?? broadcastLast(scalar(0, inputs[i]!.dtype), inputs[i]!.shape)),
      params,
    ),
  ],
  transpose: ({ params: { axis }, inputs, linear, cotangents }) => {
    const at = starts(inputs, axis);
    return inputs.map((_, i) => (linear[i] ? sliceAxis(cotangents[0]!, axis, at[i]!, at[i + 1]!) : undefined));
  },
  batch: ({ params: { axis }, inputs, batched, size }) => [
    concatenatePrimitive(
      inputs.map((t, i) => (batched[i] ? t : batchAlong(t, size))),
      { axis: axis + 1 },
    ),
  ],
  lower: ({ params: { axis }, inputs, outputTypes: [type] }) => {
    const output = outputView(type!);
    const at = starts(inputs, axis);
    const steps = inputs.map((x, k) => {
      const begin = x.shape.map((_, i) => (i === axis ? at[k]! : 0));
      return copyStep(
        x,
        sliceView(
          output,
          begin,
          x.shape,
          x.shape.map(() => 1),
        ),
      );
    });
    return { steps, outputs: [output], byInput: true };
  },
});

/** What was put side by side along an axis to make a tensor, each of size 1 there; nothing when it is not so made. */
export const stackedAlong = (t: Tensor, axis: number): readonly Tensor[] | undefined =>
  t.primitive === concatenatePrimitive.primitive &&
  (t.params as ConcatenateParams).axis === axis &&
  t.inputs.every((x) => sameDim(x.shape[axis]!, 1))
    ? t.inputs
    : undefined;

/** Operands in one dtype. */
function parts(op: string, operands: readonly Operand[]): Tensor[] {
  if (!Array.isArray(operands)) throw new Error(`${op}: needs a list of tensors, got ${showArgument(operands)}`);
  if (operands.length === 0) throw new Error(`${op}: needs at least one tensor, got an empty list`);
  operands.forEach((x, i) => checkOperand(op, x, `entry ${i}`));
  const tensors = operands.map((x) => toTensor(op, x));
  const dtype = tensors.map((t) => t.dtype).reduce(promote);
  return tensors.map((t) => convert(t, dtype));
}

/** The operands one after another along an existing axis (default 0); all other sizes are equal. */
export function concatenate<const L extends readonly Operand[], const Ax extends number = 0>(
  operands: Fit<Concatenate<L, Ax>, L>,
  axis?: InRange<ShapeOf<L[0]>, Ax, "concatenate">,
): Tensor<Result<Concatenate<L, Ax>>>;
export function concatenate(operands: readonly Operand[], axis = 0): Tensor {
  const tensors = parts("concatenate", operands);
  const at = normalizeAxis("concatenate", axis, tensors[0]!.rank);
  return tensors.length === 1 ? tensors[0]! : concatenatePrimitive(tensors, { axis: at });
}

/** Operands of one shape, side by side along a new axis (default 0). */
export function stack<const L extends readonly Operand[], const Ax extends number = 0>(
  operands: Fit<Stack<L, Ax>, L>,
  axis?: InRangeOfNew<ShapeOf<L[0]>, Ax, "stack">,
): Tensor<Result<Stack<L, Ax>>>;
export function stack(operands: readonly Operand[], axis = 0): Tensor {
  const tensors = parts("stack", operands);
  const first = tensors[0]!;
  for (const t of tensors)
    if (t.rank !== first.rank || t.shape.some((d, i) => !sameDim(d, first.shape[i]!)))
      throw new Error(`stack: ${t.describe()} does not fit beside ${first.describe()}: shapes must be equal`);
  const at = normalizeAxis("stack", axis, first.rank + 1);
  return concatenate(
    tensors.map((t) => expandDims(t, at)),
    at,
  );
}

/**
 * x cut along an axis (default 0): into so many equal sections, or before each of the given positions, as in NumPy. The
 * sections are slices.
 */
export function split<const N extends number>(x: Operand, sections: N, axis?: number): ListOf<Tensor, N>;
export function split(x: Operand, positions: readonly Dim[], axis?: number): Tensor[];
export function split(x: Operand, sections: number | readonly Dim[], axis?: number): Tensor[];
export function split(x: Operand, sections: number | readonly Dim[], axis = 0): Tensor[] {
  const t = toTensor("split", x);
  const at = normalizeAxis("split", axis, t.rank);
  const n = t.shape[at]!;
  let cuts: readonly Dim[];
  if (typeof sections === "number") {
    const size = Number.isInteger(sections) && sections > 0 ? divideDims(n, sections) : undefined;
    if (size === undefined) throw new Error(`split: axis ${axis} of ${t.describe()} does not divide into ${sections} equal sections`);
    let position: Dim = 0;
    cuts = Array.from({ length: sections - 1 }, () => (position = addDims(position, size)));
  } else {
    cuts = sections;
    cuts.reduce((previous, d) => {
      const known = typeof d === "number" && typeof previous === "number";
      if (
        (typeof d === "number" && !(Number.isInteger(d) && d >= 0)) ||
        (known && d < previous) ||
        (known && typeof n === "number" && d > n)
      )
        throw new Error(
          `split: positions must ascend from 0 to ${n}, the size of axis ${axis} of ${t.describe()}; got [${sections.join(", ")}]`,
        );
      return d;
    }, 0 as Dim);
  }
  const bounds = [0, ...cuts, n];
  return bounds.slice(1).map((stop, i) => sliceAxis(t, at, bounds[i]!, stop));
}

/** What this file defines, for table.ts. */
export const primitives = [concatenatePrimitive.primitive];
