/** Prefix sums along an axis, by the fixed blocked scan. */
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { InRange } from "../core/types/axes.ts";
import type { Cumulative } from "../core/types/reshape.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { convert } from "./convert.ts";
import { lowerScan } from "./fold.ts";
import { type Operand, toTensor } from "./operand.ts";
import { definePrimitive, linearJvp, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { flip } from "./transpose.ts";

interface CumsumParams {
  readonly axis: number;
}

const cumsumPrimitive: PrimitiveFunction<CumsumParams> = definePrimitive<CumsumParams>({
  name: "cumsum",
  complex: "parts",
  type: ([x]) => {
    if (x!.dtype === "bool") throw new Error(`cumsum: needs numbers, got ${x!.describe()}`);
    return { shape: x!.shape, dtype: x!.dtype };
  },
  jvp: linearJvp,
  transpose: ({ params, cotangents }) => [flip(cumsumPrimitive([flip(cotangents[0]!, params.axis)], params), params.axis)],
  batch: ({ params: { axis }, inputs }) => [cumsumPrimitive(inputs, { axis: axis + 1 })],
  lower: (call) => lowerScan("cumsum", call.params.axis, call),
});

/** The sums of the elements up to and with each one, along an axis (default: of x flattened). Bools count as integers. */
export function cumsum<A extends Operand, const Ax extends number | undefined = undefined>(
  x: A,
  axis?: InRange<ShapeOf<A>, Ax, "cumsum">,
): Tensor<Cumulative<ShapeOf<A>, Ax>>;
export function cumsum(x: Operand, axis?: number): Tensor {
  const given = toTensor("cumsum", x);
  const t = given.dtype === "bool" ? convert(given, "int32") : given;
  if (axis === undefined) return cumsumPrimitive([reshape(t, [sizeOf(t.shape)])], { axis: 0 });
  return cumsumPrimitive([t], { axis: normalizeAxis("cumsum", axis, t.rank) });
}

/** What this file defines, for table.ts. */
export const primitives = [cumsumPrimitive.primitive];
