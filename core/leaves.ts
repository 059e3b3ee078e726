/** Leaves without an engine: constants, and the identities that transforms differentiate and substitute by. */
import { checkShape, type Complex, type Data, bindShape, rawData } from "./data.ts";
import { arrayOf, type DType, dtypeInfo, isComplex, type TypedArray } from "./dtype.ts";
import type { Aval, Primitive } from "./primitive.ts";
import { isStatic, type Shape, showShape } from "./shape.ts";
import { apply, type Tensor } from "./tensor.ts";
import type { DataShape } from "./types/shape.ts";

export interface ConstantParams {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** A scalar by its number, or its two if it is complex (interned by value), or an array (interned by identity). */
  readonly value: number | readonly [re: number, im: number] | TypedArray;
}

export const constantPrimitive: Primitive<ConstantParams> = {
  name: "constant",
  type: (_, { dtype, shape }): Aval => ({ dtype, shape }),
};

/** The scalar constant of a dtype. Equal ones are one node. */
export function scalar(value: number | boolean | Complex, dtype: DType): Tensor {
  if (typeof value === "object" && !isComplex(dtype))
    throw new Error(`tensor: ${value.re} + ${value.im}i does not fit into ${dtype}; use complex64 or complex128`);
  const cell = new (arrayOf(dtypeInfo(dtype).storage))(2);
  const [re, im] = typeof value === "object" ? [value.re, value.im] : [value, 0];
  cell[0] = dtype === "bool" ? (re ? 1 : 0) : +re;
  cell[1] = im;
  return apply(constantPrimitive, { dtype, shape: [], value: isComplex(dtype) ? [cell[0]!, cell[1]!] : cell[0]! }, []);
}

/** The numbers of a constant, as they are stored. */
export function constantData({ value, dtype }: ConstantParams): TypedArray {
  if (typeof value !== "number" && !Array.isArray(value)) return value as TypedArray;
  return new (arrayOf(dtypeInfo(dtype).storage))(typeof value === "number" ? [value] : (value as readonly number[]));
}

export interface TensorOptions {
  readonly dtype?: DType;
  readonly shape?: readonly number[];
  readonly label?: string;
}

/**
 * A constant from a number, boolean, complex number { re, im }, nested arrays of these, or a typed array with its shape. The data is copied.
 * dtype: as given, else that of the typed array, bool for booleans, complex64 where a number is complex, float32 otherwise. Complex numbers in
 * a typed array are pairs, real part first.
 */
export function constant<const T extends Data, const S extends readonly number[] | undefined = undefined>(
  data: T,
  options?: TensorOptions & { readonly shape?: S },
): Tensor<DataShape<T, S>>;
export function constant(data: Data, options: TensorOptions = {}): Tensor {
  const raw = rawData("tensor", data, options.dtype);
  if (options.shape) {
    checkShape("tensor", options.shape);
    if (!isStatic(options.shape))
      throw new Error(`tensor: a constant has a known shape, got ${showShape(options.shape)}; use engine.variable for named dimensions`);
    bindShape("tensor", options.shape, raw);
  }
  const shape = options.shape ?? raw.nested ?? [raw.count];
  const [re, im] = raw.data;
  const node =
    shape.length === 0
      ? scalar(isComplex(raw.dtype) ? { re: re!, im: im! } : re!, raw.dtype)
      : apply(constantPrimitive, { dtype: raw.dtype, shape, value: raw.data }, []);
  return options.label ? node.named(options.label) : node;
}

/** A leaf without a value: transforms apply functions to placeholders, then substitute the arguments. */
export const placeholderPrimitive: Primitive<Aval> = { name: "placeholder", type: (_, aval) => aval, unique: true };
export const placeholder = (shape: Shape, dtype: DType): Tensor => apply(placeholderPrimitive, { shape, dtype }, []);

/** The words of a value of which a transform may be taken. */
export const isLeaf = (t: Tensor): boolean => t.primitive.unique === true;
