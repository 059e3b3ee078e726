/** Batching: the graph that computes a whole axis of examples at once. The batch is axis 0 of everything it touches. */
import type { Dim } from "../core/dim.ts";
import { dependents } from "../core/graph.ts";
import { withSite } from "../core/site.ts";
import { addTags, tagsOf } from "../core/tags.ts";
import { outputPrimitive, type Tensor } from "../core/tensor.ts";
import { type Maybe, ownRules, type RuleSet } from "../ops/primitive.ts";
import { checkImages } from "./rule-results.ts";

/** The outputs for every example, given leaves with all examples along axis 0; undefined for what does not depend on them. */
export function batchAll(outputs: readonly Tensor[], leaves: ReadonlyMap<Tensor, Tensor>, size: Dim, rules: RuleSet = ownRules): Maybe[] {
  const batched = dependents(outputs, leaves.keys());
  const images = new Map<Tensor, readonly Tensor[]>();
  for (const t of batched) {
    if (leaves.has(t)) images.set(t, [leaves.get(t)!]);
    else if (t.primitive === outputPrimitive) images.set(t, [images.get(t.inputs[0]!)![(t.params as { index: number }).index]!]);
    else {
      const flags = t.inputs.map((input) => batched.has(input));
      const inputs = t.inputs.map((input) => images.get(input)?.[0] ?? input);
      const made = withSite(t.site, () => rules.rule(t.primitive, "batch")({ params: t.params, inputs, batched: flags, size, rules }));
      checkImages(t, made, size);
      for (const image of made) addTags(image, tagsOf(t));
      images.set(t, made);
    }
  }
  return outputs.map((t) => images.get(t)?.[0]);
}
