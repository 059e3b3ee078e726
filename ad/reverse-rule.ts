/**
 * Reverse rules of primitives that are not linear. In reverse mode such a rule stands, between pushing tangents and transposing them,
 * as a linear node whose transpose is the rule: it has no value and needs none. In forward mode the rule itself is transposed,
 * because J v is what the transpose of ct -> ct J gives for v.
 */
import { dependents } from "../core/graph.ts";
import { outputsOf, type Tensor } from "../core/tensor.ts";
import { definePrimitive, type Maybe, type RuleSet, type Rules } from "../ops/primitive.ts";
import { pullBack } from "./pullback.ts";
import { checkCotangents } from "./rule-results.ts";
import { placeholderLike } from "./trace.ts";

type Vjp = NonNullable<Rules["vjp"]>;

interface DeferredParams {
  readonly name: string;
  readonly rule: Vjp;
  readonly params: object;
  /** How many inputs and outputs of the node there are; they come first, then those tangents that are there. */
  readonly inputs: number;
  readonly outputs: number;
  /** Which inputs have a tangent. */
  readonly moved: readonly number[];
}

const deferredPrimitive = definePrimitive<DeferredParams>({
  name: "tangent for a vjp rule",
  complex: "whole",
  type: (inputs, p) => inputs.slice(p.inputs, p.inputs + p.outputs).map((t) => t.outputs[0]!),
  transpose: ({ params: p, inputs, cotangents, rules }) => {
    const outputs = inputs.slice(p.inputs, p.inputs + p.outputs);
    const given = p.rule({ params: p.params, inputs: inputs.slice(0, p.inputs), outputs, cotangents, rules });
    checkCotangents(p.name, "vjp", given, inputs.slice(0, p.inputs));
    return [...new Array<undefined>(p.inputs + p.outputs).fill(undefined), ...p.moved.map((i) => given[i])];
  },
});

/** Tangents of a node's outputs that are there to be transposed. */
export function deferred(t: Tensor, tangents: readonly Maybe[], rule: Vjp): readonly Tensor[] {
  const outputs = outputsOf(t);
  const moved = tangents.flatMap((d, i) => (d ? [i] : []));
  return deferredPrimitive.many([...t.inputs, ...outputs, ...tangents.filter((d) => d !== undefined)], {
    name: t.primitive.name,
    rule,
    params: t.params,
    inputs: t.inputs.length,
    outputs: outputs.length,
    moved,
  });
}

/** Tangents of a node's outputs by the transpose of its vjp rule. */
export function transposedVjp(t: Tensor, tangents: readonly Maybe[], rule: Vjp, rules: RuleSet): readonly Maybe[] {
  const outputs = outputsOf(t);
  const cotangents = outputs.map((y) => placeholderLike(y));
  const given = rule({ params: t.params, inputs: t.inputs, outputs, cotangents, rules });
  checkCotangents(t.primitive.name, "vjp", given, t.inputs);
  const used = given.flatMap((ct, i) => (ct && tangents[i] ? [[ct, tangents[i]] as const] : []));
  const pushed = pullBack(
    used.map(([ct]) => ct),
    used.map(([, d]) => d),
    cotangents,
    rules,
  );
  const left = dependents(
    pushed.filter((d) => d !== undefined),
    cotangents,
  );
  if (left.size > 0)
    throw new Error(
      `${t.primitive.name}: its vjp rule is not linear in the cotangent, so that forward mode cannot be derived from it. Use reverse mode (grad, vjp, jacrev), or give it a jvp rule`,
    );
  return pushed;
}
