/**
 * Sums of second-order terms over directions, taken on the way up ("forward Laplacian", collapsed Taylor mode: Li et al. 2023,
 * Dangel et al. 2025). A node that is linear in what depends on the direction may be applied to the sum instead of to each; only where
 * two tangents meet in a product does each direction count. So D directions cost D + 2 streams, not 1 + 2D.
 */
import type { Dim } from "../core/dim.ts";
import { dependents, topological } from "../core/graph.ts";
import { withSite } from "../core/site.ts";
import { outputPrimitive, type Tensor } from "../core/tensor.ts";
import { reduceSum } from "../ops/broadcast.ts";
import type { Maybe, RuleSet } from "../ops/primitive.ts";
import { batchAll } from "./batch.ts";
import { tangentsOf } from "./pushforward.ts";
import { placeholderLike } from "./trace.ts";

/** The outputs, homogeneous in a direction, summed over many directions: these lie along axis 0 of `all`. */
export function sumOverDirections(outputs: readonly Tensor[], direction: Tensor, all: Tensor, size: Dim, rules: RuleSet): Tensor[] {
  const nodes = dependents(outputs, [direction], rules.flows);
  const wanted = new Set(outputs);
  /** Where directions count one by one. */
  const each: Tensor[] = [];
  for (const t of [...nodes].reverse()) {
    if (!wanted.has(t)) continue;
    if (!isLinear(t, nodes, direction, rules)) each.push(t);
    else for (const input of rules.flows(t)) if (input && nodes.has(input)) wanted.add(input);
  }
  const images = batchAll(each, new Map([[direction, all]]), size, rules);
  const sums = new Map<Tensor, readonly Maybe[]>(each.map((t, i) => [t, [reduceSum([images[i]!], { axes: [0] })]]));
  for (const t of nodes)
    if (wanted.has(t) && !sums.has(t)) {
      const summed = rules.flows(t).map((input) => input && sums.get(input)?.[0]);
      sums.set(
        t,
        withSite(t.site, () => (t.primitive === outputPrimitive ? [sums.get(t.inputs[0]!)![indexOf(t)]] : tangentsOf(t, summed, rules))),
      );
    }
  return outputs.map((t) => sums.get(t)![0]!);
}

const indexOf = (t: Tensor): number => (t.params as { index: number }).index;

/** Whether a node is linear in all of its inputs that depend on the direction, taken together: its tangent does not ask for them. */
function isLinear(t: Tensor, nodes: ReadonlySet<Tensor>, direction: Tensor, rules: RuleSet): boolean {
  if (t === direction) return false;
  if (t.primitive === outputPrimitive) return isLinear(t.inputs[0]!, nodes, direction, rules);
  const tangents = rules.flows(t).map((input) => (input && nodes.has(input) ? placeholderLike(input) : undefined));
  const pushed = tangentsOf(t, tangents, rules).filter((d) => d !== undefined);
  return !topological(pushed, (node) => node.id >= direction.id).some((node) => nodes.has(node));
}
