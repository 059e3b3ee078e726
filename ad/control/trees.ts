/** What loops and branches take and give: trees of tensors, whose structure and types must agree. Null and undefined hold nothing, and stay. */
import { complexOf, isComplexTensor, partsOf } from "../../core/complex.ts";
import { type DType, partDType, promote, promoteLiteral } from "../../core/dtype.ts";
import { placeholder } from "../../core/leaves.ts";
import { sameShape, showShape } from "../../core/shape.ts";
import { recorded, Tensor } from "../../core/tensor.ts";
import { flatten, type Tree } from "../../core/tree.ts";
import { imag, real } from "../../ops/complex.ts";
import { showArgument } from "../../ops/describe.ts";
import { isLiteral, type Literal, type Operand, toTensor } from "../../ops/operand.ts";
import { placeholderLike } from "../trace.ts";

/** A tree as a list of what it holds: tensors, and numbers that take the dtype of what they meet. */
export interface Leaves {
  readonly tree: unknown;
  readonly leaves: readonly Operand[];
  readonly paths: readonly string[];
  /** A tree of the same structure. */
  rebuild(tensors: readonly Tensor[]): unknown;
}

const isNothing = (x: unknown): x is null | undefined => x === null || x === undefined;

/** Throws, naming the place, on what is neither a tensor, a number, a boolean nor nothing. */
export function leavesOf(op: string, tree: unknown, what: string): Leaves {
  const flat = flatten(tree as Tree<unknown>);
  const there = flat.leaves.flatMap((x, i) => (isNothing(x) ? [] : [i]));
  const leaves = there.map((i) => {
    const x = flat.leaves[i];
    if (x instanceof Tensor || isLiteral(x)) return x;
    const at = flat.paths[i] ? ` at ${flat.paths[i]}` : "";
    throw new Error(`${op}: ${what}${at} must be a tensor, got ${typeof x === "function" ? "a function" : showArgument(x)}`);
  });
  return {
    tree,
    leaves,
    paths: there.map((i) => flat.paths[i]!),
    rebuild: (tensors) => {
      const all: unknown[] = [...flat.leaves];
      there.forEach((i, k) => (all[i] = tensors[k]));
      return flat.rebuild(all);
    },
  };
}

/** A tree in one line, tensors by their types. */
export function showTree(tree: unknown): string {
  if (tree instanceof Tensor) return `${tree.dtype}${showShape(tree.shape)}`;
  if (Array.isArray(tree)) return `[${tree.map(showTree).join(", ")}]`;
  if (typeof tree !== "object" || tree === null) return String(tree);
  const entries = Object.entries(tree).map(([key, value]) => `${key}: ${showTree(value)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** The leaves of `given` in the places of `like`. Throws, showing both trees, where their structures differ. */
export function inOrderOf(op: string, given: Leaves, like: Leaves, message: string, names: readonly [string, string]): Operand[] {
  const at = new Map(given.paths.map((path, i) => [path, given.leaves[i]!]));
  if (given.paths.length !== like.paths.length || like.paths.some((path) => !at.has(path))) {
    const width = Math.max(...names.map((name) => name.length));
    const [a, b] = names.map((name) => `${name}:`.padEnd(width + 1));
    throw new Error(`${op}: ${message}\n  ${a} ${showTree(like.tree)}\n  ${b} ${showTree(given.tree)}`);
  }
  return like.paths.map((path) => at.get(path)!);
}

/** A literal in a dtype that it does not change; undefined if it does not fit. */
export const literalIn = (op: string, x: Literal, dtype: DType): Tensor | undefined =>
  promoteLiteral(x, dtype) === dtype || (typeof x === "boolean" && dtype === "bool") ? toTensor(op, x, dtype) : undefined;

const show = (x: Operand): string => (x instanceof Tensor ? `${x.dtype}${showShape(x.shape)}` : showArgument(x));

// ---- complex numbers, which loops and branches take apart: their bodies are of real numbers
/** The parts of complex tensors among real ones, in their places. */
export const partsIn = (tensors: readonly Tensor[]): Tensor[] => tensors.flatMap((t) => (isComplexTensor(t) ? [real(t), imag(t)] : [t]));

/** What a function gives for a tree of stand-ins, as `recorded`; the complex numbers that stand-ins make, and parts of the result, belong to it. */
export const recordedOf = <T>(given: unknown, build: () => T): ReturnType<typeof recorded<T>> =>
  recorded(() => {
    tensorsIn(given).forEach((t) => isComplexTensor(t) && complexOf(partsOf(t)));
    const result = build();
    partsIn(tensorsIn(result));
    return result;
  });
const tensorsIn = (tree: unknown): Tensor[] => flatten(tree as Tree<unknown>).leaves.filter((x) => x instanceof Tensor);

/** Tensors of the types of `like`, from the parts of those. */
export function joined(parts: readonly Tensor[], like: readonly Tensor[]): Tensor[] {
  let at = 0;
  return like.map((t) => (isComplexTensor(t) ? complexOf({ re: parts[at++], im: parts[at++] }) : parts[at++]!));
}

/** A stand-in for a tensor of a type; for a complex one, made of stand-ins for its parts. */
export const standFor = (t: Tensor, shape = t.shape): Tensor =>
  isComplexTensor(t)
    ? complexOf({ re: placeholder(shape, partDType(t.dtype)), im: placeholder(shape, partDType(t.dtype)) })
    : placeholderLike(t, shape);

/** A carry, traced through one step of a loop: as the parts of its tensors. */
export interface Carried<T> {
  readonly stands: readonly Tensor[];
  readonly inits: readonly Tensor[];
  readonly nexts: readonly Tensor[];
  /** What the step gave beside the next carry. */
  readonly rest: T;
  rebuild(tensors: readonly Tensor[]): unknown;
}

/**
 * Applies a step to stand-ins for the carry. A number in the initial carry takes the dtype that the step gives it; all else must keep
 * structure, shape and dtype.
 */
export function carry<T>(op: string, init: unknown, step: (carry: unknown) => { readonly next: unknown; readonly rest: T }): Carried<T> {
  const first = leavesOf(op, init, "the initial carry");
  const dtypes: (DType | undefined)[] = first.leaves.map((x) => (x instanceof Tensor ? x.dtype : undefined));
  for (;;) {
    const inits = first.leaves.map((x, i) => toTensor(op, x, dtypes[i]));
    const stands = inits.map((t) => standFor(t));
    const { next, rest } = step(first.rebuild(stands));
    const given = inOrderOf(
      op,
      leavesOf(op, next, "the carry that the step gives"),
      first,
      "the step gives a carry of another structure than it takes",
      ["takes", "gives"],
    );
    let settled = true;
    const nexts = given.map((x, i) => {
      const like = stands[i]!;
      const where = `${op}: the step gives ${show(x)} for the carry${first.paths[i] ? ` at ${first.paths[i]}` : ""}, which is ${show(like)}`;
      if (!(x instanceof Tensor)) {
        const literal = literalIn(op, x, like.dtype);
        if (!literal) throw new Error(`${where}; a carry keeps its dtype. Start with a float, or convert`);
        if (like.rank > 0) throw new Error(`${where}; a carry keeps its shape. Use fullLike`);
        return literal;
      }
      if (!sameShape(x.shape, like.shape))
        throw new Error(`${where}; a carry keeps its shape. Broadcast the initial carry, or reduce what the step gives`);
      if (x.dtype !== like.dtype) {
        // A number has no dtype of its own: it follows what the step makes of it.
        const wider = promote(x.dtype, like.dtype);
        if (first.leaves[i] instanceof Tensor || wider === like.dtype)
          throw new Error(`${where}; a carry keeps its dtype. Start with ${x.dtype}, or convert with astype("${like.dtype}")`);
        dtypes[i] = wider;
        settled = false;
      }
      return x;
    });
    const whole = (parts: readonly Tensor[]): unknown => first.rebuild(joined(parts, stands));
    if (settled) return { stands: partsIn(stands), inits: partsIn(inits), nexts: partsIn(nexts), rest, rebuild: whole };
  }
}
