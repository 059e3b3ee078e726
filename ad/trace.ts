/**
 * From functions to graphs: a function is applied to fresh placeholders, the graph is transformed, then the arguments
 * take the placeholders' places. Placeholders have identity, which is what keeps nested transforms apart.
 */
import { isInexact } from "../core/dtype.ts";
import { isLeaf, placeholder } from "../core/leaves.ts";
import { sameShape } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import { type Flat, flatten, type Tree } from "../core/tree.ts";
import { zerosLike } from "../ops/creation.ts";
import { showArgument } from "../ops/describe.ts";
import { type Operand, toTensor } from "../ops/operand.ts";
import type { Maybe } from "../ops/primitive.ts";

/** The tensors of a tree; numbers become tensors. Throws, naming the place, on anything else. */
export function tensorsOf(op: string, tree: unknown, what: string): Flat<Tensor> {
  const flat = flatten(tree as Tree<unknown>);
  const leaves = flat.leaves.map((x, i) => {
    if (x instanceof Tensor || typeof x === "number" || typeof x === "boolean") return toTensor(op, x as Operand);
    throw new Error(
      `${op}: ${what}${flat.paths[i] ? ` at ${flat.paths[i]}` : ""} must be a tensor, got ${typeof x === "function" ? "a function" : showArgument(x)}`,
    );
  });
  return { leaves, paths: flat.paths, rebuild: flat.rebuild };
}

/** Throws unless every tensor has a float or complex dtype: only those have derivatives. */
export function checkFloat(op: string, tensors: readonly Tensor[], what: string): void {
  for (const t of tensors)
    if (!isInexact(t.dtype))
      throw new Error(
        `${op}: ${what} ${t.describe()} has dtype ${t.dtype}; only floats and complex numbers have derivatives. Convert with x.astype("float32") first`,
      );
}

/** Throws unless every tensor is a leaf: an interned intermediate stands for every equal expression. */
export function checkLeaves(op: string, wrt: readonly Tensor[]): void {
  for (const t of wrt) {
    if (isLeaf(t)) continue;
    const at = t.createdAt();
    throw new Error(
      `${op}: ${t.describe()}${at ? ` (made at ${at})` : ""} is not a source, a placeholder or a probe. Equal expressions are one node, so its derivative would mix with theirs: build on p = probe(...) and differentiate by p`,
    );
  }
}

/** Throws unless tangents (or cotangents) have the types of what they belong to. */
function checkTypes(op: string, given: readonly Tensor[], expected: readonly Tensor[], what: string): void {
  if (given.length !== expected.length)
    throw new Error(`${op}: ${expected.length} ${what}${expected.length === 1 ? "" : "s"} needed, got ${given.length}`);
  given.forEach((t, i) => {
    const e = expected[i]!;
    if (!sameShape(t.shape, e.shape) || t.dtype !== e.dtype)
      throw new Error(`${op}: the ${what} ${t.describe()} does not fit ${e.describe()}; shape and dtype must be equal`);
  });
}

/** Tangents or cotangents as a user gives them: numbers take the dtype of their counterpart. */
export function likes(op: string, tree: unknown, expected: readonly Tensor[], what: string): Tensor[] {
  const given = flatten(tree as Tree<unknown>).leaves.map((x, i) =>
    typeof x === "number" && expected[i] ? toTensor(op, x, expected[i].dtype) : x,
  );
  const { leaves } = tensorsOf(op, given, `the ${what}`);
  checkTypes(op, leaves, expected, what);
  return leaves;
}

/** What a user receives for a structural zero. */
export const orZeros = (d: Maybe, like: Tensor): Tensor => d ?? zerosLike(like);

/** A fresh leaf of the same type, with the name of what it stands for. */
export function placeholderLike(t: Tensor, shape = t.shape): Tensor {
  const p = placeholder(shape, t.dtype);
  p.label = t.label;
  return p;
}

/** Trees of tensors with the same structure, but other shapes, which are not known. */
export type Reshaped<T> = 0 extends 1 & T
  ? any
  : T extends Tensor
    ? Tensor
    : T extends object
      ? { -readonly [K in keyof T]: Reshaped<T[K]> }
      : T;

/** Trees of tensors with the same structure. */
export type Tensors<T> =
  T extends Tensor<infer S> ? Tensor<S> : T extends number | boolean ? Tensor<[]> : { -readonly [K in keyof T]: Tensors<T[K]> };

// biome-ignore lint/suspicious/noExplicitAny: arguments of any types are handed through
export type Fn<A extends readonly any[] = any[], R = any> = (...args: A) => R;

export interface Traced {
  /** What the function returned, flattened. */
  readonly out: Flat<Tensor>;
  /** The placeholders, and the arguments they stand for, in the order of the flattened arguments. */
  readonly leaves: Tensor[];
  readonly args: Flat<Tensor>;
}

/** Applies f with placeholders for the arguments at `argnums` (all when left out); the others are handed through. */
export function trace(op: string, f: Fn, args: readonly unknown[], argnums: readonly number[] = args.map((_, i) => i)): Traced {
  if (typeof f !== "function") throw new Error(`${op}: needs a function, got ${showArgument(f)}`);
  for (const n of argnums)
    if (!Number.isInteger(n) || n < 0 || n >= args.length)
      throw new Error(`${op}: argnums names argument ${n}, but ${args.length} argument${args.length === 1 ? " was" : "s were"} given`);
  const flat = tensorsOf(
    op,
    argnums.map((n) => args[n]),
    "an argument",
  );
  const leaves = flat.leaves.map((t) => placeholderLike(t));
  const traced = flat.rebuild(leaves) as unknown[];
  const given = [...args];
  argnums.forEach((n, i) => (given[n] = traced[i]));
  return { out: tensorsOf(op, f(...given), "the function's result"), leaves, args: flat };
}

/** A map from placeholders to what takes their places. */
export const pairs = (from: readonly Tensor[], to: readonly Tensor[]): Map<Tensor, Tensor> => new Map(from.map((t, i) => [t, to[i]!]));
