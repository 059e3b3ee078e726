/**
 * The primitive of loops of a length that is found out: a body applied to a carry while a condition holds. Nothing of the way is kept, so
 * that derivatives go forward only: they are carried along.
 */
import { substitute } from "../../core/graph.ts";
import type { Aval } from "../../core/primitive.ts";
import { applyMany, type Tensor } from "../../core/tensor.ts";
import { lowerWhile } from "../../ops/bodies.ts";
import { batchAlong } from "../../ops/broadcast.ts";
import { where } from "../../ops/compare.ts";
import { zerosLike } from "../../ops/creation.ts";
import type { BatchCall, Maybe, RuledPrimitive } from "../../ops/primitive.ts";
import { any } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { batchAll } from "../batch.ts";
import { pushForward } from "../pushforward.ts";
import { pushSeries } from "../taylor.ts";
import { placeholderLike } from "../trace.ts";
import { type Body, checkOperandTypes, close, closure, instantiate, present, standsFor } from "./body.ts";

/** Inputs are [constants, carry], which the body takes; it gives [whether to go on, next carry]. Outputs are the final carry. */
export interface WhileParams extends Body {
  readonly consts: number;
}

/** A loop as its rules write it: over stand-ins. */
interface Loop {
  readonly consts: ReadonlyMap<Tensor, Tensor>;
  readonly carries: readonly { readonly stand: Tensor; readonly init: Tensor; readonly next: Tensor }[];
  readonly test: Tensor;
}

/** The final carry of a loop. What never changes is left out of it. */
export function whileOf({ consts, carries, test }: Loop): Tensor[] {
  const moving = carries.filter((c) => c.next !== c.stand);
  const fixed = new Map([...consts, ...carries.filter((c) => c.next === c.stand).map((c) => [c.stand, c.init] as const)]);
  const stands = moving.map((c) => c.stand);
  const { parameters, results, closures } = close([test, ...moving.map((c) => c.next)], stands);
  const operands = [...substitute(closures, fixed), ...moving.map((c) => c.init)];
  const outputs = moving.length === 0 ? [] : applyMany(whilePrimitive, { parameters, results, consts: closures.length }, operands);
  return carries.map((c) => (c.next === c.stand ? c.init : outputs[moving.indexOf(c)]!));
}

function type(inputs: readonly Tensor[], { parameters, results }: WhileParams): Aval[] {
  checkOperandTypes("while", inputs, parameters);
  return results.slice(1).map((t) => t.outputs[0]!);
}

/** The derivatives of all orders along a curve: series and results count from order 1. `push` gives those of the body's results. */
function derivatives(
  params: WhileParams,
  inputs: readonly Tensor[],
  order: number,
  series: readonly (readonly Maybe[])[],
  push: (results: readonly Tensor[], seeds: ReadonlyMap<Tensor, readonly Maybe[]>) => readonly (readonly Maybe[])[],
): (readonly Maybe[])[] {
  const stands = standsFor(params.parameters);
  const [test, ...results] = instantiate(params, stands);
  const consts = new Map<Tensor, Tensor>();
  const given = stands.map((stand, i) =>
    series[i]!.map((d) => {
      const own = d && placeholderLike(stand);
      if (own && i < params.consts) consts.set(own, d);
      return own;
    }),
  );
  stands.slice(0, params.consts).forEach((stand, i) => consts.set(stand, inputs[i]!));
  const carried = stands.slice(params.consts).map((stand) => Array.from({ length: order }, () => placeholderLike(stand)));
  const first = series.slice(params.consts);
  let pushed: readonly (readonly Maybe[])[] = results.map(() => []);
  /** Which orders of which carries move: carry times order, plus order. */
  const moving = closure(present(first.flat()), (members) => {
    const seeds = new Map<Tensor, readonly Maybe[]>();
    stands.forEach((stand, i) => {
      const c = i - params.consts;
      const list = c < 0 ? given[i]! : carried[c]!.map((d, k) => (members.has(c * order + k) ? d : undefined));
      if (list.some((d) => d !== undefined)) seeds.set(stand, list);
    });
    if (seeds.size > 0) pushed = push(results, seeds);
    return present(pushed.flat());
  });
  const members = [...moving].sort((a, b) => a - b);
  const finals = whileOf({
    consts,
    carries: [
      ...results.map((next, i) => ({ stand: stands[params.consts + i]!, init: inputs[params.consts + i]!, next })),
      ...members.map((m) => {
        const [i, k] = [Math.floor(m / order), m % order];
        const like = results[i]!;
        return { stand: carried[i]![k]!, init: first[i]![k] ?? zerosLike(like), next: pushed[i]![k] ?? zerosLike(like) };
      }),
    ],
    test: test!,
  });
  return results.map((_, i) =>
    Array.from({ length: order }, (__, k) =>
      moving.has(i * order + k) ? finals[results.length + members.indexOf(i * order + k)] : undefined,
    ),
  );
}

/** A loop for all examples. Where they do not end together it goes on while any does, and those that have ended stay as they are. */
function batch({ params, inputs, batched, size, rules }: BatchCall<WhileParams>): readonly Tensor[] {
  const { consts } = params;
  const stands = standsFor(params.parameters);
  const results = instantiate(params, stands);
  const many = stands.map((t) => placeholderLike(t, [size, ...t.shape]));
  let images: readonly Maybe[] = [];
  const mapped = closure(
    batched.flatMap((flag, i) => (flag ? [i] : [])),
    (members) => {
      images = batchAll(results, new Map([...members].map((i) => [stands[i]!, many[i]!])), size, rules);
      const next = present(images.slice(1)).map((i) => i + consts);
      return images[0] ? results.slice(1).map((_, i) => i + consts) : next;
    },
  );
  const spread = (t: Tensor, isMany: boolean): Tensor => (isMany ? t : batchAlong(t, size));
  const goesOn = images[0];
  const kept = (next: Tensor, stand: Tensor): Tensor =>
    goesOn ? where(reshape(goesOn, [size, ...stand.shape.slice(1).map(() => 1)]), next, stand) : next;
  const finals = whileOf({
    consts: new Map(inputs.slice(0, consts).map((t, i) => [batched[i] ? many[i]! : stands[i]!, t])),
    carries: inputs.slice(consts).map((t, i) => {
      const at = consts + i;
      const next = results[i + 1]!;
      if (!mapped.has(at)) return { stand: stands[at]!, init: t, next };
      const image = images[i + 1];
      const stays = next === stands[at];
      return {
        stand: many[at]!,
        init: spread(t, batched[at]!),
        next: stays ? many[at]! : kept(spread(image ?? next, image !== undefined), many[at]!),
      };
    }),
    test: goesOn ? any(goesOn) : results[0]!,
  });
  return finals.map((t, i) => spread(t, mapped.has(consts + i)));
}

export const whilePrimitive: RuledPrimitive<WhileParams> = {
  name: "while",
  type,
  jvp: ({ params, inputs, tangents, rules }) =>
    derivatives(
      params,
      inputs,
      1,
      tangents.map((d) => [d]),
      (results, seeds) => pushForward(results, new Map([...seeds].map(([t, [d]]) => [t, d!])), rules).map((d) => [d]),
    ).map(([d]) => d),
  jet: ({ params, inputs, order, series, rules }) =>
    derivatives(
      params,
      inputs,
      order,
      series.map((orders) => orders.slice(1)),
      (results, seeds) => pushSeries(results, seeds, order, rules),
    ).map((orders) => orders[order - 1]),
  transpose: () => {
    throw new Error(
      "whileLoop: a loop of unknown length keeps nothing of its way, so that there is no reverse mode through it. Use fori with static bounds, whileLoop(..., { maxSteps }), or forward mode (jvp, jacfwd)",
    );
  },
  batch,
  lower: ({ params: { parameters, results, consts }, inputs }) => {
    const [condition, body] = [results.slice(0, 1), results.slice(1)].map((own) => ({ parameters, results: own }));
    return lowerWhile({ condition: condition!, body: body!, conditionConsts: consts, bodyConsts: consts }, [
      ...inputs.slice(0, consts),
      ...inputs,
    ]);
  },
};
