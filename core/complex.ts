/**
 * Complex tensors are pairs of real ones. Few nodes have a complex dtype: leaves, and `complex(re, im)`; `real` and `imag` take them apart
 * again. Everything else that is done to complex tensors is done to their parts, from the moment it is built (ops/primitive.ts), so that
 * transforms and kernels see real numbers. This file is the structure; the rules of the three primitives are in ops/complex.ts.
 */
import { complexDType, isComplex, isFloat, partDType } from "./dtype.ts";
import { type ConstantParams, constantPrimitive, scalar } from "./leaves.ts";
import type { Primitive } from "./primitive.ts";
import { sameShape } from "./shape.ts";
import { apply, type Tensor } from "./tensor.ts";

/** Which parts a complex tensor is made of; the other one is zero. */
export interface ComplexParams {
  readonly of: "both" | "re" | "im";
}

/** A part that is structurally zero is undefined. */
export interface Parts {
  readonly re: Tensor | undefined;
  readonly im: Tensor | undefined;
}

export const isComplexTensor = (t: Tensor): boolean => isComplex(t.dtype);

export const complexPrimitive: Primitive<ComplexParams> = {
  name: "complex",
  type: (inputs) => {
    const [re, im = re] = inputs;
    if (!isFloat(re!.dtype) || re!.dtype !== im!.dtype || !sameShape(re!.shape, im!.shape))
      throw new Error(`complex: needs parts of one float dtype and one shape, got ${inputs.map((t) => t.describe()).join(" and ")}`);
    return { shape: re!.shape, dtype: complexDType(re!.dtype) };
  },
  simplify: ([re, im]) => {
    const [z] = re!.inputs;
    return re!.primitive === realPrimitive && im?.primitive === imagPrimitive && im.inputs[0] === z ? z : undefined;
  },
};

const partPrimitive = (name: string, part: "re" | "im", index: 0 | 1): Primitive<object> => ({
  name,
  type: ([z]) => ({ shape: z!.shape, dtype: partDType(z!.dtype) }),
  simplify: ([z]) => {
    if (z!.primitive === complexPrimitive) return partsOf(z!)[part];
    const { value } = z!.params as Partial<ConstantParams>;
    return z!.primitive === constantPrimitive && Array.isArray(value) ? scalar(value[index] as number, partDType(z!.dtype)) : undefined;
  },
});

export const realPrimitive: Primitive<object> = partPrimitive("real", "re", 0);
export const imagPrimitive: Primitive<object> = partPrimitive("imag", "im", 1);

/** The complex tensor of these parts, of which one at least is there. */
export function complexOf({ re, im }: Parts): Tensor {
  const inputs = [re, im].filter((t) => t !== undefined);
  return apply(complexPrimitive, { of: inputs.length === 2 ? "both" : re ? "re" : "im" } satisfies ComplexParams, inputs);
}

/** The parts of a complex tensor; a real one is its own real part. */
export function partsOf(z: Tensor): Parts {
  if (!isComplexTensor(z)) return { re: z, im: undefined };
  if (z.primitive !== complexPrimitive) return { re: apply(realPrimitive, {}, [z]), im: apply(imagPrimitive, {}, [z]) };
  const { of } = z.params as ComplexParams;
  return { re: of === "im" ? undefined : z.inputs[0], im: of === "re" ? undefined : z.inputs.at(-1) };
}
