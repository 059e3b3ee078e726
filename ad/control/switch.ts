/** The primitive of choice: one of several bodies over the same operands, by an index. Only the chosen one is computed. */
import { dependents, substitute } from "../../core/graph.ts";
import type { Aval } from "../../core/primitive.ts";
import { sameShape } from "../../core/shape.ts";
import { applyMany, type Tensor } from "../../core/tensor.ts";
import { lowerSwitch } from "../../ops/bodies.ts";
import { batchAlong } from "../../ops/broadcast.ts";
import { equal, where } from "../../ops/compare.ts";
import { zerosLike } from "../../ops/creation.ts";
import type { BatchCall, Maybe, RuledPrimitive } from "../../ops/primitive.ts";
import { clip } from "../../ops/piecewise.ts";
import { reshape } from "../../ops/reshape.ts";
import { batchAll } from "../batch.ts";
import { pullBack } from "../pullback.ts";
import { pushForward } from "../pushforward.ts";
import { pushSeries } from "../taylor.ts";
import { placeholderLike } from "../trace.ts";
import { checkOperandTypes, close, instantiate, standsFor } from "./body.ts";

/** Inputs are [index, operands]; an index out of range means the nearest case. Outputs are the results of that case. */
export interface SwitchParams {
  readonly parameters: readonly Tensor[];
  /** The results of each case. */
  readonly cases: readonly (readonly Tensor[])[];
}

/**
 * The outputs of a choice. The cases are written over stand-ins for operands; inside are what `isInside` says, or what depends on stand-ins.
 */
export function switchOf(
  index: Tensor,
  operands: ReadonlyMap<Tensor, Tensor>,
  cases: readonly (readonly Tensor[])[],
  isInside?: (t: Tensor) => boolean,
): Tensor[] {
  const count = cases[0]!.length;
  if (count === 0) return [];
  const stands = new Set(operands.keys());
  const written = dependents(cases.flat(), stands);
  const { parameters, results, closures } = close(cases.flat(), [], isInside ?? ((t) => written.has(t) && !stands.has(t)));
  const params: SwitchParams = { parameters, cases: cases.map((_, k) => results.slice(k * count, (k + 1) * count)) };
  return applyMany(switchPrimitive, params, [index, ...substitute(closures, operands)]);
}

function type([index, ...operands]: readonly Tensor[], { parameters, cases }: SwitchParams): Aval[] {
  if (index!.rank !== 0 || index!.dtype !== "int32") throw new Error(`switch: the index must be an int32 scalar, got ${index!.describe()}`);
  checkOperandTypes("switch", operands, parameters);
  const [first, ...others] = cases;
  for (const results of others)
    results.forEach((t, i) => {
      const like = first![i]!;
      if (!sameShape(t.shape, like.shape) || t.dtype !== like.dtype)
        throw new Error(`switch: one case gives ${like.describe()}, another ${t.describe()}`);
    });
  return first!.map((t) => t.outputs[0]!);
}

/** An output that is a structural zero in all cases is one; in some, zeros there. */
function filled(cases: readonly (readonly Maybe[])[]): { readonly there: number[]; readonly cases: Tensor[][] } {
  const there = cases[0]!.flatMap((_, i) => (cases.some((results) => results[i]) ? [i] : []));
  const like = (i: number): Tensor => cases.find((results) => results[i])![i]!;
  return { there, cases: cases.map((results) => there.map((i) => results[i] ?? zerosLike(like(i)))) };
}

/** A choice between what `derive` makes of each case, where it is there. */
function choose(index: Tensor, operands: ReadonlyMap<Tensor, Tensor>, derived: readonly (readonly Maybe[])[]): Maybe[] {
  const { there, cases } = filled(derived);
  const chosen = switchOf(index, operands, cases);
  const all = new Array<Maybe>(derived[0]!.length).fill(undefined);
  there.forEach((i, k) => (all[i] = chosen[k]));
  return all;
}

/** The derivative of one order along a curve: series begin with order 1. */
function derivative(
  { parameters, cases }: SwitchParams,
  [index, ...operands]: readonly Tensor[],
  series: readonly (readonly Maybe[])[],
  push: (results: readonly Tensor[], seeds: ReadonlyMap<Tensor, readonly Maybe[]>) => readonly Maybe[],
): Maybe[] {
  const stands = standsFor(parameters);
  const given = new Map(stands.map((stand, i) => [stand, operands[i]!]));
  const seeds = new Map<Tensor, readonly Maybe[]>();
  stands.forEach((stand, i) => {
    const list = series[i + 1]!.map((d) => {
      const own = d && placeholderLike(stand);
      if (own) given.set(own, d);
      return own;
    });
    if (list.some((d) => d !== undefined)) seeds.set(stand, list);
  });
  const derived = cases.map((results) =>
    seeds.size === 0 ? results.map(() => undefined) : push(instantiate({ parameters, results }, stands), seeds),
  );
  return choose(index!, given, derived);
}

/** One index for all examples is one choice; where it differs, all cases are computed, and each example takes its own. */
function batch({ params: { parameters, cases }, inputs, batched, size, rules }: BatchCall<SwitchParams>): readonly Tensor[] {
  const [index, ...operands] = inputs as [Tensor, ...Tensor[]];
  const stands = standsFor(parameters);
  const many = stands.map((t, i) => (batched[i + 1] ? placeholderLike(t, [size, ...t.shape]) : t));
  const leaves = new Map(stands.flatMap((t, i) => (batched[i + 1] ? [[t, many[i]!] as const] : [])));
  const wide = cases.map((results) => {
    const all = instantiate({ parameters, results }, stands);
    const images = leaves.size === 0 ? [] : batchAll(all, leaves, size, rules);
    return all.map((t, i) => images[i] ?? batchAlong(t, size));
  });
  const given = new Map(many.map((stand, i) => [stand, operands[i]!]));
  if (!batched[0]) return switchOf(index, given, wide);
  const chosen = clip(index, 0, cases.length - 1);
  const values = wide.map((results) => substitute(results, given));
  return values[0]!.map((_, i) =>
    values
      .map((results) => results[i]!)
      .reduce((otherwise, t, k) => where(reshape(equal(chosen, k), [size, ...t.shape.slice(1).map(() => 1)]), t, otherwise)),
  );
}

export const switchPrimitive: RuledPrimitive<SwitchParams> = {
  name: "switch",
  type,
  jvp: ({ params, inputs, tangents, rules, mode }) =>
    derivative(
      params,
      inputs,
      tangents.map((d) => [d]),
      (results, seeds) => pushForward(results, new Map([...seeds].map(([t, [d]]) => [t, d!])), rules, mode),
    ),
  jet: ({ params, inputs, order, series, rules }) =>
    derivative(
      params,
      inputs,
      series.map((orders) => orders.slice(1)),
      (results, seeds) => pushSeries(results, seeds, order, rules).map((orders) => orders[order - 1]),
    ),
  transpose: ({ params: { parameters, cases }, inputs: [index, ...operands], linear, cotangents, rules }) => {
    const stands = standsFor(parameters);
    const leaves = stands.filter((_, i) => linear[i + 1]);
    const given = new Map(stands.flatMap((stand, i) => (linear[i + 1] ? [] : [[stand, operands[i]!] as const])));
    const cts = cotangents.map((ct) => {
      const stand = ct && placeholderLike(ct);
      if (stand) given.set(stand, ct);
      return stand;
    });
    const derived = cases.map((results) => {
      const all = instantiate({ parameters, results }, stands);
      const flows = dependents(all, leaves);
      const through = all.flatMap((t, i) => (flows.has(t) && cts[i] ? [i] : []));
      const back = pullBack(
        through.map((i) => all[i]),
        through.map((i) => cts[i]!),
        leaves,
        rules,
      );
      return stands.map((t) => back[leaves.indexOf(t)]);
    });
    return [undefined, ...choose(index!, given, derived)];
  },
  batch,
  lower: ({ params: { parameters, cases }, inputs }) =>
    lowerSwitch(
      cases.map((results) => ({ parameters, results })),
      inputs,
    ),
};
