/** Conversion between dtypes, as a cast: floats truncate to integers (saturating), non-zero is true. */
import { complexOf, partsOf } from "../core/complex.ts";
import { type DType, dtypeInfo, dtypeNames, isComplex, isDType, isFloat, partDType } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { checkTensor, showArgument } from "./describe.ts";
import { defineElementwise } from "./elementwise.ts";
import type { PrimitiveFunction } from "./primitive.ts";

const convertPrimitive: PrimitiveFunction<{ readonly dtype: DType }> = defineElementwise({
  name: "convert",
  accepts: () => undefined,
  value: ([x], [to]) => [e.convert(dtypeInfo(to!).compute, x!)],
  // Between floats it is linear; through integers and bools nothing flows.
  jvp: ({ params, inputs, tangents }) => [
    isFloat(inputs[0]!.dtype) && isFloat(params.dtype) ? convert(tangents[0]!, params.dtype) : undefined,
  ],
  transpose: ({ inputs, cotangents }) => [convert(cotangents[0]!, inputs[0]!.dtype)],
});

/**
 * x in another dtype. float64 to float32 rounds; float to integer truncates and saturates (NaN gives 0); bool gives 0 and 1. Real numbers become
 * complex ones; the other way is an error.
 */
export function convert(x: Tensor, dtype: DType): Tensor {
  checkTensor("astype", x);
  if (!isDType(dtype)) throw new Error(`astype: ${showArgument(dtype)} is not a dtype; use ${dtypeNames}`);
  if (x.dtype === dtype) return x;
  if (isComplex(dtype)) {
    const { re, im } = partsOf(x);
    const part = (t: Tensor | undefined): Tensor | undefined => t && convert(t, partDType(dtype));
    return complexOf({ re: part(re), im: part(im) });
  }
  if (isComplex(x.dtype))
    throw new Error(
      `astype: ${x.describe()} does not become ${dtype} without loss; use real(z), imag(z), abs(z)${dtype === "bool" ? " or notEqual(z, 0)" : ""}`,
    );
  return convertPrimitive([x], { dtype });
}

/** What this file defines, for table.ts. */
export const primitives = [convertPrimitive.primitive];
