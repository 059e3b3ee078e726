/** What may be asked of an engine: tensors that are its own, and that have values. Mistakes are thrown where it is asked. */
import { topological } from "../core/graph.ts";
import { constantPrimitive, placeholderPrimitive } from "../core/leaves.ts";
import { isSource, type Source } from "../core/source.ts";
import { outputPrimitive, type Owner, Tensor } from "../core/tensor.ts";
import { flatten, type Tree } from "../core/tree.ts";
import type { Value } from "../core/value.ts";
import { ownRules } from "../ops/primitive.ts";

export interface Roots {
  readonly roots: readonly Tensor[];
  /** The tree again, of values. */
  rebuild(values: readonly Value[]): unknown;
}

interface Knowledge {
  /** Whether a node, and so all below it, was checked before. */
  known(t: Tensor): boolean;
  isOpen(source: Source): boolean;
}

/** The tensors of a tree. Throws, naming the operation and the place in the tree, on what has no value in this engine. */
export function checkRoots(op: string, tree: Tree<Tensor>, engine: Owner, { known, isOpen }: Knowledge): Roots {
  const { leaves: roots, paths, rebuild } = flatten<Tensor>(tree);
  roots.forEach((t, i) => {
    const at = paths[i] ? ` at ${paths[i]}` : "";
    if (!(t instanceof Tensor)) throw new Error(`${op}: expected a tensor, or a tree of tensors, got ${String(t)}${at}`);
    if (t.owner && t.owner !== engine) throw new Error(`${op}: ${t.describe()}${at} belongs to ${t.owner.label}, not to ${engine.label}`);
  });
  for (const t of topological(roots, (t) => !known(t))) {
    if (t.primitive === placeholderPrimitive)
      throw new Error(`${op}: ${t.describe()} is a placeholder, which has no value; call the transformed function with tensors`);
    if (isSource(t)) {
      if (!isOpen(t)) throw new Error(`${op}: ${t.describe()} was disposed of`);
    } else if (t.primitive !== constantPrimitive && t.primitive !== outputPrimitive) ownRules.rule(t.primitive, "lower");
  }
  return { roots, rebuild };
}
