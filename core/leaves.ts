/** Leaves without an engine: constants, and the identities that transforms differentiate and substitute by. */
import { checkShape, type Data, bindShape, rawData } from "./data.ts";
import { arrayOf, type DType, dtypeInfo, type TypedArray } from "./dtype.ts";
import type { Aval, Primitive } from "./primitive.ts";
import { isStatic, type Shape, showShape } from "./shape.ts";
import { apply, type Tensor } from "./tensor.ts";
import type { DataShape } from "./types/shape.ts";

export interface ConstantParams {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** A scalar by its number (interned by value), or an array (interned by identity). */
  readonly value: number | TypedArray;
}

export const constantPrimitive: Primitive<ConstantParams> = {
  name: "constant",
  type: (_, { dtype, shape }): Aval => ({ dtype, shape }),
};

/** The scalar constant of a dtype. Equal ones are one node. */
export function scalar(value: number | boolean, dtype: DType): Tensor {
  const cell = new (arrayOf(dtypeInfo(dtype).storage))(1);
  cell[0] = dtype === "bool" ? (value ? 1 : 0) : +value;
  return apply(constantPrimitive, { dtype, shape: [], value: cell[0]! }, []);
}

export interface TensorOptions {
  readonly dtype?: DType;
  readonly shape?: readonly number[];
  readonly label?: string;
}

/**
 * A constant from a number, boolean, nested arrays, or a typed array with its shape. The data is copied.
 * dtype: as given, else that of the typed array, bool for booleans, float32 otherwise.
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
  const shape = options.shape ?? raw.nested ?? [raw.data.length];
  const node =
    shape.length === 0 ? scalar(raw.data[0]!, raw.dtype) : apply(constantPrimitive, { dtype: raw.dtype, shape, value: raw.data }, []);
  return options.label ? node.named(options.label) : node;
}

/** A leaf without a value: transforms apply functions to placeholders, then substitute the arguments. */
export const placeholderPrimitive: Primitive<Aval> = { name: "placeholder", type: (_, aval) => aval, unique: true };
export const placeholder = (shape: Shape, dtype: DType): Tensor => apply(placeholderPrimitive, { shape, dtype }, []);

/** The words of a value of which a transform may be taken. */
export const isLeaf = (t: Tensor): boolean => t.primitive.unique === true;
