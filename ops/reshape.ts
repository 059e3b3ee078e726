/** Reshape: the same elements, in row-major order, under another shape. A view whenever strides can express it. */
import { type Dim, divideDims, sameDim } from "../core/dim.ts";
import { checkShape } from "../core/data.ts";
import { normalizeAxes, sameShape, type Shape, showShape, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { InRange, InRangeOfNew, Insert, Squeeze } from "../core/types/axes.ts";
import type { Reshape } from "../core/types/reshape.ts";
import type { DimsOf, Fit, Result, ShapeOf } from "../core/types/shape.ts";
import { packed } from "../kernel/lowering.ts";
import { reshapeView } from "../kernel/view.ts";
import { checkTensor, showArgument } from "./describe.ts";
import { definePrimitive, linearJvp } from "./primitive.ts";

const reshapePrimitive = definePrimitive<{ readonly shape: Shape }>({
  name: "reshape",
  complex: "parts",
  type: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  jvp: linearJvp,
  transpose: ({ inputs, cotangents }) => [reshape(cotangents[0]!, inputs[0]!.shape)],
  batch: ({ params, inputs, size }) => [reshape(inputs[0]!, [size, ...params.shape])],
  lower: ({ params, inputs }) => {
    const direct = reshapeView(inputs[0]!, params.shape);
    if (direct) return { steps: [], outputs: [direct] };
    const { view, steps } = packed(inputs[0]!);
    return { steps, outputs: [reshapeView(view, params.shape)!] };
  },
});

/** x under another shape. One entry may be -1: what is left. Throws when the number of elements differs. */
export function reshape<A extends Tensor, const T extends Shape>(
  x: A,
  shape: Fit<Reshape<ShapeOf<A>, DimsOf<T>>, T>,
): Tensor<Result<Reshape<ShapeOf<A>, DimsOf<T>>>>;
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor("reshape", x);
  if (!Array.isArray(shape)) throw new Error(`reshape: the shape must be a list of sizes, got ${showArgument(shape)}`);
  const open = shape.filter((d) => d === -1).length;
  if (open > 1) throw new Error(`reshape: at most one -1, got shape ${showShape(shape)}`);
  checkShape(
    "reshape",
    shape.map((d) => (d === -1 ? 0 : d)),
  );
  let target = shape;
  if (open === 1) {
    const known = sizeOf(shape.filter((d) => d !== -1));
    const rest: Dim | undefined = divideDims(sizeOf(x.shape), known);
    if (rest === undefined)
      throw new Error(`reshape: ${x.describe()} has ${sizeOf(x.shape)} elements, which ${showShape(shape)} does not divide`);
    target = shape.map((d) => (d === -1 ? rest : d));
  } else if (!sameDim(sizeOf(shape), sizeOf(x.shape)))
    throw new Error(`reshape: ${x.describe()} has ${sizeOf(x.shape)} elements, ${showShape(shape)} has ${sizeOf(shape)}`);
  return sameShape(target, x.shape) ? x : reshapePrimitive([x], { shape: [...target] });
}

/** x with a new axis of size 1 (or several), at these positions of the result. */
export function expandDims<A extends Tensor, const Ax extends number | readonly number[]>(
  x: A,
  axis: InRangeOfNew<ShapeOf<A>, Ax, "expandDims">,
): Tensor<Insert<ShapeOf<A>, Ax, 1>>;
export function expandDims(x: Tensor, axis: number | readonly number[]): Tensor {
  checkTensor("expandDims", x);
  const rank = x.rank + (typeof axis === "number" ? 1 : axis.length);
  const at = normalizeAxes("expandDims", axis, rank);
  const rest = [...x.shape];
  return reshape(
    x,
    Array.from({ length: rank }, (_, i) => (at.includes(i) ? 1 : rest.shift()!)),
  );
}

/** x without the given axes, which must have size 1 (default: without all that do). */
export function squeeze<A extends Tensor>(x: A): Tensor<Squeeze<ShapeOf<A>, undefined>>;
export function squeeze<A extends Tensor, const Ax extends number | readonly number[] | undefined>(
  x: A,
  axis: Fit<Squeeze<ShapeOf<A>, Ax>, InRange<ShapeOf<A>, Ax, "squeeze">>,
): Tensor<Result<Squeeze<ShapeOf<A>, Ax>>>;
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  checkTensor("squeeze", x);
  const gone = axis === undefined ? x.shape.flatMap((d, i) => (sameDim(d, 1) ? [i] : [])) : normalizeAxes("squeeze", axis, x.rank);
  for (const i of gone)
    if (!sameDim(x.shape[i]!, 1)) throw new Error(`squeeze: axis ${i} of ${x.describe()} has size ${x.shape[i]}, not 1`);
  return reshape(
    x,
    x.shape.filter((_, i) => !gone.includes(i)),
  );
}

/** What this file defines, for table.ts. */
export const primitives = [reshapePrimitive.primitive];
