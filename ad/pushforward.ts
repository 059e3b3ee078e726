/**
 * Forward mode: tangents pushed from leaves to outputs, one rule a node. The result is graph again, so any transform
 * applies to it.
 */
import { dependents } from "../core/graph.ts";
import { withSite } from "../core/site.ts";
import { outputPrimitive, outputsOf, type Tensor } from "../core/tensor.ts";
import { type Maybe, type Mode, ownRules, type RuledPrimitive, type RuleSet } from "../ops/primitive.ts";
import { deferred, transposedVjp } from "./reverse-rule.ts";
import { checkTangents } from "./rule-results.ts";

/** The tangents of outputs, given those of leaves. What depends on no seed has none: a structural zero. */
export function pushForward(
  outputs: readonly Tensor[],
  seeds: ReadonlyMap<Tensor, Tensor>,
  rules: RuleSet = ownRules,
  mode: Mode = "forward",
): Maybe[] {
  const tangents = new Map<Tensor, readonly Maybe[]>();
  for (const t of dependents(outputs, seeds.keys(), rules.flows)) {
    const found = seeds.has(t) ? [seeds.get(t)!] : withSite(t.site, () => push(t, tangents, rules, mode));
    if (found.some((d) => d !== undefined)) tangents.set(t, found);
  }
  return outputs.map((t) => tangents.get(t)?.[0]);
}

function push(t: Tensor, tangents: ReadonlyMap<Tensor, readonly Maybe[]>, rules: RuleSet, mode: Mode): readonly Maybe[] {
  if (t.primitive === outputPrimitive) return [tangents.get(t.inputs[0]!)?.[(t.params as { index: number }).index]];
  const into = rules.flows(t).map((input) => input && tangents.get(input)?.[0]);
  return tangentsOf(t, into, rules, mode);
}

/** The tangents of a node's outputs, given those of its inputs. */
export function tangentsOf(
  t: Tensor,
  tangents: readonly Maybe[],
  rules: RuleSet,
  mode: Mode = "forward",
  transform: "jvp" | "jet" = "jvp",
): readonly Maybe[] {
  if (tangents.every((d) => d === undefined)) return [];
  (t.primitive as RuledPrimitive).composed?.check(t, tangents);
  const vjp = rules.preferred(t.primitive, "vjp");
  if (vjp && mode === "reverse") return deferred(t, tangents, vjp);
  if (vjp && !rules.hasJvp(t.primitive)) return transposedVjp(t, tangents, vjp, rules);
  const rule = rules.rule(t.primitive, "jvp", transform);
  const given = rule({ params: t.params, inputs: t.inputs, tangents, outputs: outputsOf(t), rules, mode });
  checkTangents(t, "jvp", given);
  return given;
}
