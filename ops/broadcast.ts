/** Broadcast and sum: each is the other's transpose, so they stand together. */
import { complexOf, type ComplexParams, complexPrimitive, imagPrimitive, partsOf, realPrimitive } from "../core/complex.ts";
import { type Dim, sameDim } from "../core/dim.ts";
import { partDType } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import { type Shape, showShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastView } from "../kernel/view.ts";
import { keptAxes, lowerFold, reducedShape } from "./fold.ts";
import { reshape } from "./reshape.ts";
import { definePrimitive, linearJvp, type PrimitiveFunction, type Rules } from "./primitive.ts";

/** Axis i of the operand becomes axis axes[i] of the result; an axis of size 1 is repeated, and so are new axes. */
interface BroadcastParams {
  readonly shape: Shape;
  readonly axes: readonly number[];
}

export const broadcastInDim: PrimitiveFunction<BroadcastParams> = definePrimitive<BroadcastParams>({
  name: "broadcast",
  complex: "parts",
  type: ([x], { shape, axes }) => {
    const fits =
      axes.length === x!.rank && axes.every((a, i) => a < shape.length && (sameDim(x!.shape[i]!, 1) || sameDim(x!.shape[i]!, shape[a]!)));
    if (!fits) throw new Error(`broadcastTo: ${x!.describe()} does not broadcast to ${showShape(shape)}`);
    return { shape, dtype: x!.dtype };
  },
  jvp: linearJvp,
  transpose: ({ params: { shape, axes }, inputs, cotangents }) => {
    const from = inputs[0]!.shape;
    const repeated = shape
      .map((_, axis) => axis)
      .filter((axis) => !axes.includes(axis) || !sameDim(from[axes.indexOf(axis)]!, shape[axis]!));
    return [reshape(reduceSum([cotangents[0]!], { axes: repeated }), from)];
  },
  batch: ({ params: { shape, axes }, inputs, size }) => [
    broadcastInDim(inputs, { shape: [size, ...shape], axes: [0, ...axes.map((a) => a + 1)] }),
  ],
  lower: ({ params: { shape, axes }, inputs }) => ({ steps: [], outputs: [broadcastView(inputs[0]!, shape, axes)] }),
});

interface AxesParams {
  readonly axes: readonly number[];
}

export const reduceSum: PrimitiveFunction<AxesParams> = definePrimitive<AxesParams>({
  name: "sum",
  complex: "parts",
  type: ([x], { axes }) => ({ shape: reducedShape(x!.shape, axes), dtype: x!.dtype }),
  jvp: linearJvp,
  transpose: ({ params: { axes }, inputs, cotangents }) => [
    broadcastInDim([cotangents[0]!], { shape: inputs[0]!.shape, axes: keptAxes(inputs[0]!.rank, axes) }),
  ],
  batch: ({ params: { axes }, inputs }) => [reduceSum(inputs, { axes: axes.map((a) => a + 1) })],
  lower: (call) => lowerFold("sum", call.params.axes, call),
});

/** x repeated along a new axis 0. */
export const batchAlong = (x: Tensor, size: Dim): Tensor =>
  broadcastInDim([x], { shape: [size, ...x.shape], axes: x.shape.map((_, i) => i + 1) });

/** x broadcast to a shape by NumPy's rule: its axes are the last ones. */
export function broadcastLast(x: Tensor, shape: Shape): Tensor {
  if (x.rank === shape.length && x.shape.every((d, i) => sameDim(d, shape[i]!))) return x;
  return broadcastInDim([x], { shape, axes: x.shape.map((_, i) => shape.length - x.rank + i) });
}

Object.assign(complexPrimitive, {
  batch: ({ params: { of }, inputs, batched, size }) => {
    const full = inputs.map((t, i) => (batched[i] ? t : batchAlong(t, size)));
    return [complexOf({ re: of === "im" ? undefined : full[0], im: of === "re" ? undefined : full.at(-1) })];
  },
} satisfies Rules<ComplexParams>);
Object.assign(realPrimitive, { batch: ({ inputs: [z] }) => [partsOf(z!).re ?? zeroPart(z!)] } satisfies Rules);
Object.assign(imagPrimitive, { batch: ({ inputs: [z] }) => [partsOf(z!).im ?? zeroPart(z!)] } satisfies Rules);

/** Zeros as a part of x. */
export const zeroPart = (x: Tensor): Tensor => broadcastLast(scalar(0, partDType(x.dtype)), x.shape);

/** What this file defines, for table.ts. */
export const primitives = [broadcastInDim.primitive, reduceSum.primitive];
