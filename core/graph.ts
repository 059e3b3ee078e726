/** Walks over the graph. All are iterative: 100,000 chained nodes are an ordinary graph. */
import { withSite } from "./site.ts";
import { addTags, tagsOf } from "./tags.ts";
import { apply, Tensor } from "./tensor.ts";
import { flatten, type Tree } from "./tree.ts";

/** Which inputs of a node a walk follows: all, unless it asks for what flows through some only. */
export type Below = (t: Tensor) => readonly (Tensor | undefined)[];
const inputsOf: Below = (t) => t.inputs;

/** The nodes among the parameters of a node: bodies of loops and branches, and whatever else of a graph it owns. */
export const ownedBy = (t: Tensor): Tensor[] => flatten<unknown>(t.params as Tree<unknown>).leaves.filter((x) => x instanceof Tensor);

/**
 * The nodes that `roots` are built from, inputs before users, in depth-first order from the first root. `enter`
 * may refuse a node: neither it nor what is below it through it is visited.
 */
export function topological(roots: readonly Tensor[], enter: (t: Tensor) => boolean = () => true, below: Below = inputsOf): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack: { node: Tensor; inputs: readonly (Tensor | undefined)[]; next: number }[] = [];
  const push = (t: Tensor | undefined): void => {
    if (!t || seen.has(t) || !enter(t)) return;
    seen.add(t);
    stack.push({ node: t, inputs: below(t), next: 0 });
  };
  for (const root of roots) {
    push(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.inputs.length) push(top.inputs[top.next++]);
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/**
 * The nodes between `leaves` and `roots`: those that depend on a leaf, leaves included, inputs before users. A node is
 * younger than all it depends on, so the walk leaves out what is older than every leaf.
 */
export function dependents(roots: readonly Tensor[], leaves: Iterable<Tensor>, below: Below = inputsOf): Set<Tensor> {
  const wanted = new Set(leaves);
  let oldest = Number.POSITIVE_INFINITY;
  for (const leaf of wanted) oldest = Math.min(oldest, leaf.id);
  const found = new Set<Tensor>();
  for (const t of topological(roots, (node) => node.id >= oldest, below))
    if (wanted.has(t) || below(t).some((input) => input && found.has(input))) found.add(t);
  return found;
}

/** The same expressions with some nodes replaced. Types are inferred again, so a replacement may change a shape. */
export function substitute(roots: readonly Tensor[], replacements: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const image = new Map<Tensor, Tensor>(replacements);
  const imageOf = (t: Tensor): Tensor => image.get(t) ?? t;
  for (const t of dependents(roots, replacements.keys()))
    if (!replacements.has(t)) {
      const made = withSite(t.site, () => apply(t.primitive, t.params, t.inputs.map(imageOf)));
      addTags(made, tagsOf(t));
      image.set(t, made);
    }
  return roots.map(imageOf);
}
