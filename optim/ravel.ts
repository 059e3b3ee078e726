/** A tree of parameters as one vector, and back: what methods work on that see all parameters at once. */
import { promote } from "../core/dtype.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { concatenate } from "../ops/concatenate.ts";
import { convert } from "../ops/convert.ts";
import { sliceAxis } from "../ops/pad.ts";
import { reshape } from "../ops/reshape.ts";

/** All elements of some tensors, one tensor after the other, in the dtype that they have in common. */
export function ravel(tensors: readonly Tensor[]): Tensor {
  const dtype = tensors.map((t) => t.dtype).reduce(promote);
  return concatenate(tensors.map((t) => reshape(convert(t, dtype), [sizeOf(t.shape)])));
}

/** Tensors of these shapes out of a vector. */
export function unravel(vector: Tensor, shapes: readonly Shape[]): Tensor[] {
  let at = 0;
  return shapes.map((shape) => {
    const start = at;
    at += sizeOf(shape) as number;
    return reshape(sliceAxis(vector, 0, start, at), shape);
  });
}
