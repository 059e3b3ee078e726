/** Positions and sizes as numbers: what masks, ranges and means are made of. Nothing flows through them. */
import type { Dim } from "../core/dim.ts";
import { complexOf } from "../core/complex.ts";
import { type DType, dtypeInfo, isComplex, partDType } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import type { Shape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { body } from "../kernel/kernel.ts";
import { loop, outputView } from "../kernel/lowering.ts";
import { broadcastView, contiguous } from "../kernel/view.ts";
import { definePrimitive } from "./primitive.ts";

const storable = (dtype: DType, value: e.Expr): e.Expr => e.convert(dtypeInfo(dtype).storage, value);

const iotaPrimitive = definePrimitive<{ readonly dtype: DType; readonly shape: Shape; readonly axis: number }>({
  name: "iota",
  type: (_, { dtype, shape }) => ({ shape, dtype }),
  lower: ({ params: { dtype, shape, axis } }) => {
    const { storage } = dtypeInfo(dtype);
    const row = contiguous(storage, [shape[axis]!]);
    const step = loop({ shape: row.shape, body: body([], [storable(dtype, e.index(0))]), reads: [], writes: [row] });
    return { steps: [step], outputs: [broadcastView(row, shape, [axis])] };
  },
});

/** The position along one axis, at every point of a shape. */
export const iotaOf = (shape: Shape, axis: number, dtype: DType): Tensor =>
  ofReal(iotaPrimitive([], { dtype: partDType(dtype), shape, axis }), dtype);

/** Numbers as they are, or as complex ones. */
const ofReal = (x: Tensor, dtype: DType): Tensor => (isComplex(dtype) ? complexOf({ re: x, im: undefined }) : x);

const sizePrimitive = definePrimitive<{ readonly dtype: DType; readonly size: Dim; readonly room?: true }>({
  name: "size",
  type: (_, { dtype }) => ({ shape: [], dtype }),
  lower: ({ params: { dtype, size, room }, outputTypes: [type] }) => {
    const output = outputView(type!);
    return {
      steps: [loop({ shape: [], body: body([], [storable(dtype, e.uniform(0))]), reads: [], writes: [output], uniforms: [size] })],
      outputs: [output],
      ...(room && { room: [size] }),
    };
  },
});

/** A size as a number: a literal where it is known, else the value that its names have when it is computed. */
export const dimSize = (size: Dim, dtype: DType = "int32"): Tensor =>
  typeof size === "number" ? scalar(size, dtype) : ofReal(sizePrimitive([], { dtype: partDType(dtype), size }), dtype);

/** As dimSize, of what a window leaves of a dimension: where that is negative, it has no value. */
export const roomSize = (left: Dim): Tensor =>
  typeof left === "number" ? dimSize(left) : sizePrimitive([], { dtype: "int32", size: left, room: true });

/** What this file defines, for table.ts. */
export const primitives = [iotaPrimitive.primitive, sizePrimitive.primitive];
