/** Sorting: the stable permutation of each row, and the values that follow from it. */
import { dtypeInfo } from "../core/dtype.ts";
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { InRange } from "../core/types/axes.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { argsortKernel } from "../kernel/kernel.ts";
import { outputView, packed } from "../kernel/lowering.ts";
import { noTangent } from "./elementwise.ts";
import { takeAlongAxis } from "./indexing.ts";
import { type Operand, toTensor } from "./operand.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { moveaxis } from "./transpose.ts";

/** [..., n] -> int32 [..., n]. */
const argsortPrimitive: PrimitiveFunction<object> = definePrimitive<object>({
  name: "argsort",
  type: ([x]) => ({ shape: x!.shape, dtype: "int32" }),
  jvp: noTangent,
  batch: ({ inputs }) => [argsortPrimitive(inputs, {})],
  lower: ({ inputs: [x], inputTypes, outputTypes: [type] }) => {
    const output = outputView(type!);
    const { view, steps } = packed(x!);
    const kernel = argsortKernel(dtypeInfo(inputTypes[0]!.dtype).storage);
    const sizes = [sizeOf(type!.shape.slice(0, -1)), type!.shape.at(-1)!];
    return { steps: [...steps, { kernel, sizes, reads: [view], writes: [output], uniforms: [] }], outputs: [output] };
  },
});

/** The positions (int32) that sort x in ascending order along an axis (default: the last). Stable; NaN comes last. */
export function argsort<A extends Operand, const Ax extends number = -1>(
  x: A,
  axis?: InRange<ShapeOf<A>, Ax, "argsort">,
): Tensor<ShapeOf<A>>;
export function argsort(x: Operand, axis = -1): Tensor {
  const t = toTensor("argsort", x);
  const at = normalizeAxis("argsort", axis, t.rank);
  return moveaxis(argsortPrimitive([moveaxis(t, at, -1)], {}), -1, at);
}

/** x in ascending order along an axis (default: the last). Derivatives follow the elements to their places; NaN comes last. */
export function sort<A extends Operand, const Ax extends number = -1>(x: A, axis?: InRange<ShapeOf<A>, Ax, "sort">): Tensor<ShapeOf<A>>;
export function sort(x: Operand, axis = -1): Tensor {
  const t = toTensor("sort", x);
  const at = normalizeAxis("sort", axis, t.rank);
  return takeAlongAxis(t, argsort(t, at), at);
}
