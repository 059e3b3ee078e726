/** vmap: a function of one example becomes a function of many, as one graph. */
import { type Dim, sameDim } from "../core/dim.ts";
import { checkShape } from "../core/data.ts";
import { normalizeAxis } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import { flatten, type Tree } from "../core/tree.ts";
import { batchAlong } from "../ops/broadcast.ts";
import { ownRules } from "../ops/primitive.ts";
import { showArgument } from "../ops/describe.ts";
import { moveaxis } from "../ops/transpose.ts";
import { batchAll } from "./batch.ts";
import type { TransformOptions } from "./jvp.ts";
import { type Fn, pairs, placeholderLike, type Reshaped, type Tensors, tensorsOf } from "./trace.ts";

/** An axis for a whole argument, null for one that is not mapped, or a tree of these that follows the argument's structure. */
export type AxisTree = Tree<number | null>;

export interface VmapOptions extends TransformOptions {
  /** For each argument the axis that runs over examples (default 0 for all). */
  readonly inAxes?: number | null | readonly (AxisTree | null)[];
  /** Where the examples lie in the results (default 0). */
  readonly outAxes?: AxisTree;
  /** How many examples there are: needed where no argument is mapped, and what the mapped axes must have otherwise. */
  readonly axisSize?: Dim;
}

/** Spreads axes, given for a subtree at once or leaf by leaf, over the leaves of a tree. */
function spread(op: string, axes: AxisTree | null, tree: unknown): (number | null)[] {
  if (axes === null || typeof axes === "number") return flatten(tree as Tree<unknown>).leaves.map(() => axes);
  if (axes === undefined) throw new Error(`${op}: an axis is undefined; use null for what is not mapped`);
  if (Array.isArray(axes)) {
    if (!Array.isArray(tree) || tree.length !== axes.length)
      throw new Error(`${op}: axes [${axes.join(", ")}] do not follow the structure of what they are for`);
    return axes.flatMap((a, i) => spread(op, a as AxisTree, tree[i]));
  }
  return Object.entries(tree as object).flatMap(([key, child]) => {
    const a = (axes as Record<string, AxisTree>)[key];
    if (a === undefined) throw new Error(`${op}: no axis is given for "${key}"; use null for what is not mapped`);
    return spread(op, a, child);
  });
}

/**
 * Maps f over an axis of its arguments. `inAxes` says which axis (null: the argument is the same for every example),
 * `outAxes` where the examples lie in the results, `axisSize` how many there are, where nothing is mapped. vmap(f) equals a loop of f, and nests.
 */
export function vmap<A extends readonly any[], R>(
  f: (...args: A) => R,
  options?: VmapOptions,
): (...args: { [K in keyof A]: Reshaped<A[K]> }) => 0 extends 1 & R ? any : Reshaped<Tensors<R>>;
export function vmap<A extends readonly any[], R>(f: (...args: A) => R, options: VmapOptions = {}): (...args: A) => R {
  const { inAxes = 0, outAxes = 0, axisSize, rules = ownRules } = options;
  if (axisSize !== undefined) checkShape("vmap: axisSize", [axisSize]);
  return (...args: A) => {
    if (typeof f !== "function") throw new Error(`vmap: needs a function, got ${showArgument(f)}`);
    if (Array.isArray(inAxes) && inAxes.length !== args.length)
      throw new Error(`vmap: inAxes has ${inAxes.length} entries for ${args.length} arguments`);
    const axes = spread("vmap", Array.isArray(inAxes) ? inAxes : args.map(() => inAxes as number | null), args);
    const given = flatten(args as unknown as Tree<unknown>);
    let size = axisSize;
    let sized: Tensor | undefined;
    const full: Tensor[] = [];
    const examples: Tensor[] = [];
    const leaves = given.leaves.map((x, i) => {
      const axis = axes[i];
      if (axis === null || axis === undefined) return x;
      if (!(x instanceof Tensor))
        throw new Error(`vmap: argument ${given.paths[i]} is ${String(x)}, which has no axes; give it null in inAxes`);
      const at = normalizeAxis("vmap", axis, x.rank);
      const here = x.shape[at]!;
      if (size !== undefined && !sameDim(size, here))
        throw new Error(
          sized
            ? `vmap: mapped axes differ in size: ${sized.describe()} has ${size}, ${x.describe()} has ${here} on axis ${axis}`
            : `vmap: axisSize is ${size}, but ${x.describe()} has ${here} on axis ${axis}`,
        );
      size = here;
      sized = x;
      const example = placeholderLike(
        x,
        x.shape.filter((_, k) => k !== at),
      );
      full.push(moveaxis(x, at, 0));
      examples.push(example);
      return example;
    });
    if (size === undefined) throw new Error("vmap: no argument is mapped; give at least one an axis in inAxes, or axisSize");
    const count: Dim = size;
    const out = tensorsOf("vmap", (f as Fn)(...(given.rebuild(leaves) as unknown[])), "the function's result");
    const outs = spread("vmap", outAxes, out.rebuild(out.leaves));
    const batched = batchAll(out.leaves, pairs(examples, full), count, rules);
    const results = out.leaves.map((t, i) => {
      const to = outs[i];
      if (to === null || to === undefined) {
        if (batched[i]) throw new Error(`vmap: outAxes is null for ${t.describe()}, which differs between examples`);
        return t;
      }
      return moveaxis(batched[i] ?? batchAlong(t, count), 0, normalizeAxis("vmap", to, t.rank + 1));
    });
    return out.rebuild(results) as R;
  };
}
