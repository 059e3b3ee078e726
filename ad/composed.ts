/**
 * Primitives whose value is a composition of operations, and whose rules are given. A node of one carries, as inputs, first the
 * values, as ordinary nodes, then the operands of its rules, then what its composition closes over: it costs nothing to evaluate, and
 * fuses with what is around it. Derivatives flow through the operands alone where there is a rule for them, else through the
 * values: a transform that has no rule uses the composition.
 */
import { dependents, substitute } from "../core/graph.ts";
import { isLeaf } from "../core/leaves.ts";
import { applyMany, type Tensor } from "../core/tensor.ts";
import { batchAlong } from "../ops/broadcast.ts";
import { zerosLike } from "../ops/creation.ts";
import type { BatchCall, Composed, Diagnosis, Maybe, RuledPrimitive, Rules } from "../ops/primitive.ts";
import { manyOf } from "./composed-batch.ts";
import { checkCotangents } from "./rule-results.ts";
import { pairs, placeholderLike } from "./trace.ts";

/** What a node carries: the parameters that its rules see, and how many values and operands there are. */
export interface ComposedParams<P extends object = object> {
  readonly own: P;
  readonly values: number;
  readonly operands: number;
}

/** A primitive of these rules. The rules that are missing come from the values. One with a transpose and no jvp is linear. */
export function composedPrimitive<P extends object>(
  name: string,
  rules: Rules<P>,
  diagnosis?: Diagnosis<ComposedParams<P>>,
): RuledPrimitive<ComposedParams<P>> {
  const { jet } = rules;
  const ruled = rules.jvp !== undefined || rules.vjp !== undefined || jet !== undefined;
  const linear = !ruled && rules.transpose !== undefined;
  const adapt = adaptFor(name);
  const adapted: Rules = {};
  for (const kind of ["jvp", "vjp", "transpose", "jet", "batch"] as const)
    if (rules[kind]) Object.assign(adapted, { [kind]: adapt(kind, rules[kind]) });
  const jvp: Rules<ComposedParams<P>>["jvp"] = ({ params, inputs, tangents }) => {
    if (!linear) return tangents.slice(0, params.values);
    // The tangents of values and operands make a node of the same primitive, which its transpose rule will find.
    const given = tangents.slice(0, params.values + params.operands).map((d, i) => d ?? zerosLike(inputs[i]!));
    return applyMany(primitive, params, [...given, ...inputs.slice(given.length)]);
  };
  const primitive: RuledPrimitive<ComposedParams<P>> = {
    name,
    type: (inputs, { values }) => inputs.slice(0, values).map((t) => t.outputs[0]!),
    lower: ({ params, inputs }) => ({ steps: [], outputs: inputs.slice(0, params.values) }),
    ...(!ruled && { jvp }),
    // A tangent is the first derivative along a curve.
    ...(jet && !rules.jvp && !rules.vjp && { jvp: adapt("jvp", byJet(jet)) }),
    transpose: ({ params, inputs, cotangents }) => inputs.map((_, i) => (i < params.values ? cotangents[i] : undefined)),
    batch: (call) => batched(primitive, rules, call),
    ...(diagnosis && { diagnosis }),
    ...adapted,
    composed: {
      adapt,
      flows: (t, given) => {
        const { values } = t.params as ComposedParams;
        const through = (i: number): boolean => (ruled || given ? i >= values : linear || i < values);
        return t.inputs.map((input, i) => (through(i) ? input : undefined));
      },
      check,
    },
  };
  return primitive;
}

/** The node of a primitive over operands. `evaluate` gives the values for stand-ins of them, so that what it closes over is known. */
export function applyComposed<P extends object>(
  primitive: RuledPrimitive<ComposedParams<P>>,
  operands: readonly Tensor[],
  evaluate: (operands: readonly Tensor[]) => { readonly values: readonly Tensor[]; readonly own: P },
): Tensor[] {
  const stands = operands.map((t) => placeholderLike(t));
  const { values, own } = evaluate(stands);
  const inside = dependents(values, stands);
  const met = [...values, ...[...inside].flatMap((t) => t.inputs)];
  const closures = new Set(met.filter((t) => !inside.has(t) && (t.inputs.length > 0 || isLeaf(t))));
  const placed = substitute(values, pairs(stands, operands));
  return applyMany(primitive, { own, values: values.length, operands: operands.length }, [...placed, ...operands, ...closures]);
}

/** The primitives for many examples, by which operands differ between them and how many there are. */
const variants = new WeakMap<object, Map<string, RuledPrimitive<any>>>();

/** The values are batched as any nodes are; the rules become rules for many examples. */
function batched<P extends object>(primitive: RuledPrimitive, rules: Rules<P>, call: BatchCall<ComposedParams<P>>): Tensor[] {
  const { params, inputs, size } = call;
  const closure = inputs.find((_, i) => i >= params.values + params.operands && call.batched[i]);
  if (closure && Object.keys(rules).length > 0)
    throw new Error(
      `${primitive.name}: it closes over ${closure.describe()}, which differs between the examples of vmap, and its rules do not see that. Make it an argument`,
    );
  const flags = operandsOf(call.batched, params);
  let known = variants.get(primitive);
  if (!known) variants.set(primitive, (known = new Map()));
  const key = `${flags.join()} ${size}`;
  let variant = known.get(key);
  if (!variant) known.set(key, (variant = composedPrimitive(primitive.name, manyOf(rules, flags, size), primitive.diagnosis)));
  const values = inputs.slice(0, params.values).map((t, i) => (call.batched[i] ? t : batchAlong(t, size)));
  return applyMany(variant, params, [...values, ...inputs.slice(params.values)]);
}

const byJet =
  <P extends object>(jet: NonNullable<Rules<P>["jet"]>): NonNullable<Rules<P>["jvp"]> =>
  ({ tangents, ...call }) => {
    const series = call.inputs.map((x, i) => [x, tangents[i]]);
    return jet({ ...call, order: 1, series, found: call.outputs.map((y) => [y]) });
  };

/** The part of a list that belongs to the operands. */
const operandsOf = <T>(list: readonly T[], { values, operands }: ComposedParams): T[] => list.slice(values, values + operands);

/** A rule that sees the operands alone, as a rule of the whole node. */
const adaptFor =
  (name: string): Composed["adapt"] =>
  (kind, rule) => {
    const given = rule as (call: object) => readonly Maybe[];
    const adapted = (call: { readonly params: ComposedParams; readonly inputs: readonly Tensor[]; readonly [list: string]: unknown }) => {
      const { params, inputs } = call;
      const seen: Record<string, unknown> = { ...call, params: params.own };
      for (const list of ["inputs", "tangents", "linear", "batched", "series"])
        if (list in call) seen[list] = operandsOf(call[list] as readonly unknown[], params);
      if (kind === "jet" && (seen["series"] as readonly (readonly Maybe[])[]).some((orders) => orders.length === 0))
        throw new Error(
          `${name}: a rule set that gives it a jet rule must give a jvp rule too, so that derivatives flow through its operands`,
        );
      const results = given(seen);
      if (kind !== "vjp" && kind !== "transpose") return results;
      checkCotangents(name, kind, results, operandsOf(inputs, params));
      return inputs.map((_, i) => results[i - params.values]);
    };
    return adapted as unknown as typeof rule;
  };

const check: Composed["check"] = (t, tangents) => {
  const { values, operands } = t.params as ComposedParams;
  const closure = t.inputs.find((_, i) => i >= values + operands && tangents[i]);
  if (closure)
    throw new Error(
      `${t.primitive.name}: it closes over ${closure.describe()}, which a derivative flows through, and its rule does not see that. Make it an argument`,
    );
};
