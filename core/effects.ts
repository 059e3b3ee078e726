/**
 * What a graph does beyond computing from what it is given: it draws random numbers, or reads registers that time advances. Each primitive records its own
 * (core/primitive.ts); a graph has those of its nodes, and of the graphs that its nodes own.
 */
import { ownedBy, topological } from "./graph.ts";
import type { Effect } from "./primitive.ts";
import { Tensor } from "./tensor.ts";
import { flatten, type Tree } from "./tree.ts";

/**
 * The effects of a tensor, or of a tree of them, in alphabetical order: "random" where something is drawn (always from a key, so that it is drawn
 * again alike), "state" where a value depends on the epoch's states. None of them is a function of constants and variables alone.
 */
export function effectsOf(tree: Tree<Tensor>): Effect[] {
  const roots = flatten<unknown>(tree).leaves;
  const wrong = roots.find((t) => !(t instanceof Tensor));
  if (wrong !== undefined) throw new Error(`effectsOf: needs a tensor or a tree of tensors, got ${String(wrong)}`);
  const below = (t: Tensor): readonly Tensor[] => [...t.inputs, ...ownedBy(t)];
  return [...new Set(topological(roots as Tensor[], () => true, below).flatMap((t) => t.primitive.effects ?? []))].sort();
}
