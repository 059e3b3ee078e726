/**
 * Forward mode: tangents pushed from leaves to outputs, one rule a node. The result is graph again, so any transform
 * applies to it.
 */
import { dependents } from "../core/graph.ts";
import { withSite } from "../core/site.ts";
import { outputPrimitive, outputsOf, type Tensor } from "../core/tensor.ts";
import { type Maybe, ownRules, type RuleSet } from "../ops/primitive.ts";

/** The tangents of outputs, given those of leaves. What depends on no seed has none: a structural zero. */
export function pushForward(outputs: readonly Tensor[], seeds: ReadonlyMap<Tensor, Tensor>, rules: RuleSet = ownRules): Maybe[] {
  const tangents = new Map<Tensor, readonly Maybe[]>();
  for (const t of dependents(outputs, seeds.keys())) {
    const found = seeds.has(t) ? [seeds.get(t)!] : withSite(t.site, () => push(t, tangents, rules));
    if (found.some((d) => d !== undefined)) tangents.set(t, found);
  }
  return outputs.map((t) => tangents.get(t)?.[0]);
}

function push(t: Tensor, tangents: ReadonlyMap<Tensor, readonly Maybe[]>, rules: RuleSet): readonly Maybe[] {
  if (t.primitive === outputPrimitive) return [tangents.get(t.inputs[0]!)?.[(t.params as { index: number }).index]];
  const into = t.inputs.map((input) => tangents.get(input)?.[0]);
  if (into.every((d) => d === undefined)) return [];
  return rules.rule(t.primitive, "jvp")({ params: t.params, inputs: t.inputs, tangents: into, outputs: outputsOf(t) });
}
