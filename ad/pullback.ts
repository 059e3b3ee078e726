/**
 * Reverse mode: the transpose of a tangent graph with respect to its leaves. There is no tape: what is linear is what
 * can be reached from a tangent leaf, and only linear primitives have a transpose.
 */
import { dependents } from "../core/graph.ts";
import { withSite } from "../core/site.ts";
import { outputPrimitive, type Tensor } from "../core/tensor.ts";
import { addN } from "../ops/addN.ts";
import { type Maybe, ownRules, type RuleSet } from "../ops/primitive.ts";

/**
 * The cotangents of tangent leaves, given those of outputs that are linear in them. Where several uses of a node meet,
 * their cotangents are one n-ary sum, in the order of a depth-first walk from the outputs: the same graph gives the
 * same sum, to the bit.
 */
export function pullBack(
  outputs: readonly Maybe[],
  cotangents: readonly Tensor[],
  leaves: readonly Tensor[],
  rules: RuleSet = ownRules,
): Maybe[] {
  const roots = outputs.filter((t) => t !== undefined);
  const linear = dependents(roots, leaves);
  /** For each node, for each of its outputs: the contributions of its users, last user first. */
  const arrived = new Map<Tensor, (Tensor[] | undefined)[]>();
  const contribute = (t: Tensor, output: number, ct: Tensor): void => {
    let slots = arrived.get(t);
    if (!slots) arrived.set(t, (slots = []));
    (slots[output] ??= []).push(ct);
  };
  for (let i = outputs.length - 1; i >= 0; i--) if (outputs[i]) contribute(outputs[i]!, 0, cotangents[i]!);

  const result = new Map<Tensor, Maybe>();
  for (const t of [...linear].reverse()) {
    const slots = arrived.get(t);
    if (!slots) continue;
    arrived.delete(t);
    const cts = t.outputs.map((_, k) => slots[k] && addN(slots[k].reverse()));
    if (t.inputs.length === 0) result.set(t, cts[0]);
    else if (t.primitive === outputPrimitive) contribute(t.inputs[0]!, (t.params as { index: number }).index, cts[0]!);
    else {
      const flags = t.inputs.map((input) => linear.has(input));
      const back = withSite(t.site, () =>
        rules.rule(t.primitive, "transpose")({ params: t.params, inputs: t.inputs, linear: flags, cotangents: cts }),
      );
      for (let k = t.inputs.length - 1; k >= 0; k--) if (flags[k] && back[k]) contribute(t.inputs[k]!, 0, back[k]!);
    }
  }
  return leaves.map((leaf) => result.get(leaf));
}
