/** Parameters as a user gives them: a tree of numbers, whose leaves are arrays, flat or nested. */
import { type Data, rawData } from "../core/data.ts";
import { arrayOf, type DType, dtypeInfo, promote, type TypedArray } from "../core/dtype.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { State } from "../core/source.ts";
import { Tensor } from "../core/tensor.ts";
import { flatten, type MapTree, type Tree } from "../core/tree.ts";
import { showArgument } from "../ops/describe.ts";
import { unravel } from "./ravel.ts";

/** Numbers in nested arrays, a typed array (one axis), or a flat array with its shape. */
export type Initial = Data | { readonly data: Data; readonly shape: readonly number[] };

/** The tree with states in the places of numbers. */
export type ParameterStates<T> = MapTree<T, Initial, State>;
/** The tree with tensors in the places of numbers: what a loss is a function of. */
export type Parameters<T> = MapTree<T, Initial, Tensor>;

export interface InitialLeaf {
  readonly path: string;
  readonly data: TypedArray;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface InitialTree {
  readonly leaves: readonly InitialLeaf[];
  rebuild<U>(leaves: readonly U[]): Tree<U>;
}

/** Arrays of numbers, however deep, are one parameter. */
const isNested = (x: unknown): boolean => Array.isArray(x) && x.length > 0 && x.every((item) => typeof item === "number" || isNested(item));
const isShaped = (x: unknown): x is { data: Data; shape: readonly number[] } =>
  typeof x === "object" && x !== null && "data" in x && "shape" in x && !(x instanceof Tensor);
const isInitial = (x: unknown): boolean => typeof x === "number" || ArrayBuffer.isView(x) || isNested(x) || isShaped(x);

/** The parameters of a tree. Typed arrays keep their dtype; plain numbers take `dtype`. */
export function initialTree(op: string, initial: unknown, dtype: DType): InitialTree {
  const flat = flatten(initial as Tree<unknown>, isInitial);
  if (flat.leaves.length === 0) throw new Error(`${op}: there are no parameters`);
  const leaves = flat.leaves.map((x, i): InitialLeaf => {
    const path = flat.paths[i] || "parameter";
    if (x instanceof Tensor) throw new Error(`${op}: the parameter ${path} is ${x.describe()}; give its numbers, for it becomes a state`);
    if (!isInitial(x)) throw new Error(`${op}: the parameter ${path} must be numbers, got ${showArgument(x)}`);
    const given = isShaped(x) ? x.data : (x as Data);
    const raw = rawData(op, given, ArrayBuffer.isView(given) ? undefined : dtype);
    const shape = isShaped(x) ? x.shape : (raw.nested ?? [raw.data.length]);
    if (sizeOf(shape) !== raw.data.length)
      throw new Error(`${op}: the parameter ${path} has ${raw.data.length} numbers, which are not of shape [${shape.join(", ")}]`);
    return { path, data: raw.data, dtype: raw.dtype, shape };
  });
  return { leaves, rebuild: flat.rebuild };
}

/** The parameters of a tree as one vector. */
export interface ParameterVector {
  readonly data: Float32Array | Float64Array;
  readonly dtype: DType;
  readonly shapes: readonly Shape[];
  rebuild<U>(leaves: readonly U[]): Tree<U>;
  /** Its parts, each in the shape of its parameter. */
  readonly leaves: (vector: Tensor) => readonly Tensor[];
}

export function parametersIn(op: string, initial: unknown, dtype: DType): ParameterVector {
  const tree = initialTree(op, initial, dtype);
  const common = tree.leaves.map((l) => l.dtype).reduce(promote);
  const data = new (arrayOf(dtypeInfo(common).storage))(tree.leaves.reduce((n, l) => n + l.data.length, 0));
  let at = 0;
  for (const leaf of tree.leaves) {
    data.set(leaf.data, at);
    at += leaf.data.length;
  }
  const shapes = tree.leaves.map((l) => l.shape);
  return {
    data: data as Float64Array,
    dtype: common,
    shapes,
    rebuild: tree.rebuild,
    leaves: (vector) => unravel(vector, shapes),
  };
}
