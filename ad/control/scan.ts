/**
 * The primitive of loops of known length: a body applied to a carry and one slice of each x after another, which gives the next carry and
 * slices of ys. Beside its results it offers the history of each carry (before every step), which derivatives read; what
 * nobody reads is not kept.
 *
 * A tangent is a scan over the histories that is linear in its carry, so that its transpose, a scan in the other direction, needs nothing
 * but what it reads. Reverse mode therefore keeps carries, and computes the inside of each step again.
 */
import { type Dim, sameDim } from "../../core/dim.ts";
import { dependents, substitute } from "../../core/graph.ts";
import type { Aval } from "../../core/primitive.ts";
import { sameShape } from "../../core/shape.ts";
import { applyMany, type Tensor } from "../../core/tensor.ts";
import { addN } from "../../ops/addN.ts";
import { batchAlong } from "../../ops/broadcast.ts";
import { zerosLike } from "../../ops/creation.ts";
import { lowerScan } from "../../ops/bodies.ts";
import type { BatchCall, JetCall, JvpCall, Maybe, RuledPrimitive, TransposeCall } from "../../ops/primitive.ts";
import { moveaxis } from "../../ops/transpose.ts";
import { batchAll } from "../batch.ts";
import { pullBack } from "../pullback.ts";
import { pushForward } from "../pushforward.ts";
import { pushSeries } from "../taylor.ts";
import { placeholderLike } from "../trace.ts";
import { type Body, checkOperandTypes, close, closure, instantiate, present, standsFor } from "./body.ts";

/** Inputs are [constants, initial carry, xs]; the body takes [constants, carry, x] and gives [next carry, y]; outputs are [final carry, ys, histories]. */
export interface ScanParams extends Body {
  readonly consts: number;
  readonly carries: number;
  readonly length: Dim;
  /** Whether the last position comes first. Histories and ys lie at the positions of their xs in any case. */
  readonly reverse: boolean;
}

interface Carry {
  readonly stand: Tensor;
  readonly init: Tensor;
  readonly next: Tensor;
}

/** A scan as its rules write it: over stand-ins. */
interface Loop {
  /** Stand-ins for what is the same in all steps, and what they stand for. */
  readonly consts: ReadonlyMap<Tensor, Tensor>;
  readonly carries: readonly Carry[];
  readonly xs: readonly (readonly [stand: Tensor, all: Tensor])[];
  readonly ys: readonly Tensor[];
  readonly length: Dim;
  readonly reverse: boolean;
}

interface Results {
  readonly finals: Tensor[];
  readonly ys: Tensor[];
  readonly histories: Tensor[];
}

/** The node of a loop. What is the same in all steps is left out of it, a carry that never changes included. */
export function scanOf({ consts, carries, xs, ys, length, reverse }: Loop): Results {
  const moving = carries.filter((c) => c.next !== c.stand);
  const fixed = new Map([...consts, ...carries.filter((c) => c.next === c.stand).map((c) => [c.stand, c.init] as const)]);
  const steps = [...moving.map((c) => c.stand), ...xs.map(([stand]) => stand)];
  const inside = dependents([...moving.map((c) => c.next), ...ys], steps);
  const changing = [...new Set(ys)].filter((y) => inside.has(y));
  const used = xs.filter(([stand]) => inside.has(stand));
  const stands = [...moving.map((c) => c.stand), ...used.map(([stand]) => stand)];
  const { parameters, results, closures } = close([...moving.map((c) => c.next), ...changing], stands);
  const operands = [...substitute(closures, fixed), ...moving.map((c) => c.init), ...used.map(([, all]) => all)];
  const params: ScanParams = { parameters, results, consts: closures.length, carries: moving.length, length, reverse };
  const outputs = results.length === 0 ? [] : applyMany(scanPrimitive, params, operands);
  const at = (c: Carry): number => moving.indexOf(c);
  return {
    finals: carries.map((c) => (at(c) < 0 ? c.init : outputs[at(c)]!)),
    ys: ys.map((y) => (inside.has(y) ? outputs[moving.length + changing.indexOf(y)]! : batchAlong(substitute([y], fixed)[0]!, length))),
    histories: carries.map((c) => (at(c) < 0 ? batchAlong(c.init, length) : outputs[results.length + at(c)]!)),
  };
}

/** A list that goes with parameters or inputs, by what they are. */
function split<T>(list: readonly T[], { consts, carries }: ScanParams): { consts: T[]; carries: T[]; xs: T[] } {
  return { consts: list.slice(0, consts), carries: list.slice(consts, consts + carries), xs: list.slice(consts + carries) };
}

const zip = <A, B>(a: readonly A[], b: readonly B[]): (readonly [A, B])[] => a.map((x, i) => [x, b[i]!] as const);

function type(inputs: readonly Tensor[], params: ScanParams): Aval[] {
  const { parameters, results, consts, carries, length } = params;
  checkOperandTypes("scan", inputs.slice(0, consts + carries), parameters);
  split(inputs, params).xs.forEach((t, i) => {
    const p = parameters[consts + carries + i]!;
    if (t.rank === 0 || !sameDim(t.shape[0]!, length) || !sameShape(t.shape.slice(1), p.shape) || t.dtype !== p.dtype)
      throw new Error(`scan: ${t.describe()} is not ${length} slices of ${p.describe()}`);
  });
  const own = results.map((t) => t.outputs[0]!);
  const stacked = ({ shape, dtype }: Aval): Aval => ({ shape: [length, ...shape], dtype });
  return [...own.slice(0, carries), ...own.slice(carries).map(stacked), ...own.slice(0, carries).map(stacked)];
}

/**
 * The derivative of one order of all outputs along a curve, as a scan over the histories of the carry and of its lower orders: only the order
 * asked for is carried. `push` gives that order of the body's results.
 */
function derivative(
  { params, inputs, outputs }: { readonly params: ScanParams; readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] },
  order: number,
  series: readonly (readonly Maybe[])[],
  found: readonly (readonly Maybe[])[],
  push: (results: readonly Tensor[], seeds: ReadonlyMap<Tensor, readonly Maybe[]>) => readonly Maybe[],
): Maybe[] {
  const { length, reverse, carries } = params;
  const stands = standsFor(params.parameters);
  const results = instantiate(params, stands);
  const own = split(stands, params);
  const given = split(inputs, params);
  const orders = split(series, params);
  const past = found.slice(results.length);
  const consts = new Map(zip(own.consts, given.consts));
  const xs = [...zip(own.carries, outputs.slice(results.length)), ...zip(own.xs, given.xs)];
  const standFor = (d: Maybe, like: Tensor, into: (stand: Tensor, d: Tensor) => void): Maybe => {
    if (!d) return undefined;
    const stand = placeholderLike(like);
    into(stand, d);
    return stand;
  };
  const constant = (stand: Tensor, d: Tensor): void => void consts.set(stand, d);
  const sliced = (stand: Tensor, d: Tensor): void => void xs.push([stand, d]);
  const seeds = new Map<Tensor, readonly Maybe[]>();
  own.consts.forEach((c, i) =>
    seeds.set(
      c,
      orders.consts[i]!.slice(1).map((d) => standFor(d, c, constant)),
    ),
  );
  own.xs.forEach((x, i) =>
    seeds.set(
      x,
      orders.xs[i]!.slice(1).map((d) => standFor(d, x, sliced)),
    ),
  );
  const lower = own.carries.map((c, i) => past[i]!.slice(1, order).map((d) => standFor(d, c, sliced)));
  const highest = own.carries.map((c) => placeholderLike(c));
  const first = orders.carries.map((all) => all[order]);

  let pushed: readonly Maybe[] = [];
  const moving = closure(present(first), (members) => {
    const all = new Map(seeds);
    own.carries.forEach((c, i) => all.set(c, [...lower[i]!, members.has(i) ? highest[i] : undefined]));
    for (const [t, list] of all) if (list.every((d) => d === undefined)) all.delete(t);
    pushed = all.size === 0 ? results.map(() => undefined) : push(results, all);
    return present(pushed.slice(0, carries));
  });
  const members = [...moving].sort((a, b) => a - b);
  const ys = present(pushed.slice(carries));
  const loop = scanOf({
    consts,
    carries: members.map((i) => ({
      stand: highest[i]!,
      init: first[i] ?? zerosLike(own.carries[i]!),
      next: pushed[i] ?? zerosLike(own.carries[i]!),
    })),
    xs,
    ys: ys.map((i) => pushed[carries + i]!),
    length,
    reverse,
  });
  const all = new Array<Maybe>(outputs.length).fill(undefined);
  members.forEach((i, k) => {
    all[i] = loop.finals[k];
    all[results.length + i] = loop.histories[k];
  });
  ys.forEach((i, k) => (all[carries + i] = loop.ys[k]));
  return all;
}

const jvp = (call: JvpCall<ScanParams>): readonly Maybe[] =>
  derivative(
    call,
    1,
    zip(call.inputs, call.tangents),
    call.outputs.map((y) => [y]),
    (results, seeds) => pushForward(results, new Map([...seeds].map(([t, [d]]) => [t, d!])), call.rules, call.mode),
  );

const jet = (call: JetCall<ScanParams>): readonly Maybe[] =>
  derivative(call, call.order, call.series, call.found, (results, seeds) =>
    pushSeries(results, seeds, call.order, call.rules).map((orders) => orders[call.order - 1]),
  );

/** The scan in the other direction over cotangents. What is not linear is as it was: its carries are read from their histories. */
function transpose({ params, inputs, linear, cotangents, rules }: TransposeCall<ScanParams>): readonly Maybe[] {
  const { length, reverse, carries } = params;
  const stands = standsFor(params.parameters);
  const results = instantiate(params, stands);
  const own = split(stands, params);
  const given = split(inputs, params);
  const flags = split(linear, params);
  const linearStands = (moved: ReadonlySet<number>): Tensor[] => [
    ...own.consts.filter((_, i) => flags.consts[i]),
    ...own.carries.filter((_, i) => moved.has(i)),
    ...own.xs.filter((_, i) => flags.xs[i]),
  ];
  const dependent = (moved: ReadonlySet<number>): number[] => {
    const found = dependents(results, linearStands(moved));
    return results.flatMap((t, i) => (found.has(t) ? [i] : []));
  };
  const moved = closure(
    flags.carries.flatMap((flag, i) => (flag ? [i] : [])),
    (members) => dependent(members).filter((i) => i < carries),
  );
  const leaves = linearStands(moved);
  const flows = new Set(dependent(moved));
  const still = own.carries.flatMap((_, i) => (moved.has(i) ? [] : [i]));
  const consts = new Map(zip(own.consts, given.consts).filter((_, i) => !flags.consts[i]));
  const xs = zip(own.xs, given.xs).filter((_, i) => !flags.xs[i]);
  const unmoved = scanOf({
    consts,
    carries: still.map((i) => ({ stand: own.carries[i]!, init: given.carries[i]!, next: results[i]! })),
    xs,
    ys: [],
    length,
    reverse,
  });
  still.forEach((i, k) => xs.push([own.carries[i]!, unmoved.histories[k]!]));

  const after = own.carries.map((c) => placeholderLike(c));
  const ofYs = results.map((y, i) => (i >= carries && flows.has(i) && cotangents[i] ? placeholderLike(y) : undefined));
  const ofPast = own.carries.map((c, i) => (cotangents[results.length + i] ? placeholderLike(c) : undefined));
  ofYs.forEach((stand, i) => stand && xs.push([stand, cotangents[i]!]));
  ofPast.forEach((stand, i) => stand && xs.push([stand, cotangents[results.length + i]!]));

  let pulled: readonly Maybe[] = [];
  let before: readonly Maybe[] = [];
  const active = closure(
    present(cotangents.slice(0, carries)).filter((i) => moved.has(i)),
    (members) => {
      const cts = results.map((_, i) => (i < carries ? (members.has(i) ? after[i] : undefined) : ofYs[i]));
      const through = results.flatMap((_, i) => (flows.has(i) && cts[i] ? [i] : []));
      const back = pullBack(
        through.map((i) => results[i]),
        through.map((i) => cts[i]!),
        leaves,
        rules,
      );
      pulled = stands.map((t) => back[leaves.indexOf(t)]);
      before = split(pulled, params).carries.map((d, i) => (moved.has(i) ? addN([d, ofPast[i]]) : undefined));
      return present(before);
    },
  );
  const back = split(pulled, params);
  const members = [...active].sort((a, b) => a - b);
  const sums = present(back.consts);
  const sumStands = sums.map((i) => placeholderLike(own.consts[i]!));
  const slices = present(back.xs);
  const zeros = (like: Tensor): Tensor => zerosLike(like);
  const loop = scanOf({
    consts,
    carries: [
      ...members.map((i) => ({
        stand: after[i]!,
        init: cotangents[i] ?? zeros(own.carries[i]!),
        next: before[i] ?? zeros(own.carries[i]!),
      })),
      ...sums.map((i, k) => ({ stand: sumStands[k]!, init: zeros(own.consts[i]!), next: addN([sumStands[k]!, back.consts[i]!]) })),
    ],
    xs,
    ys: slices.map((i) => back.xs[i]!),
    length,
    reverse: !reverse,
  });
  const all = new Array<Maybe>(inputs.length).fill(undefined);
  sums.forEach((i, k) => (all[i] = loop.finals[members.length + k]));
  members.forEach((i, k) => flags.carries[i] && (all[params.consts + i] = loop.finals[k]));
  slices.forEach((i, k) => (all[params.consts + carries + i] = loop.ys[k]));
  return all;
}

/** A scan of the body for all examples; the examples of xs lie behind the axis that it goes along. */
function batch({ params, inputs, batched, size, rules }: BatchCall<ScanParams>): readonly Tensor[] {
  const { length, reverse, carries } = params;
  const stands = standsFor(params.parameters);
  const results = instantiate(params, stands);
  const own = split(stands, params);
  const given = split(inputs, params);
  const flags = split(batched, params);
  const many = stands.map((t) => placeholderLike(t, [size, ...t.shape]));
  const wide = split(many, params);
  let images: readonly Maybe[] = [];
  const mapped = closure(
    flags.carries.flatMap((flag, i) => (flag ? [i] : [])),
    (members) => {
      const chosen = split(
        stands.map((t, i) => [t, many[i]!] as const),
        params,
      );
      const leaves = new Map([
        ...chosen.consts.filter((_, i) => flags.consts[i]),
        ...chosen.carries.filter((_, i) => members.has(i)),
        ...chosen.xs.filter((_, i) => flags.xs[i]),
      ]);
      images = batchAll(results, leaves, size, rules);
      return present(images.slice(0, carries));
    },
  );
  const spread = (t: Tensor, isMany: boolean | undefined): Tensor => (isMany ? t : batchAlong(t, size));
  const loop = scanOf({
    consts: new Map(given.consts.map((t, i) => [flags.consts[i] ? wide.consts[i]! : own.consts[i]!, t])),
    carries: own.carries.map((stand, i) =>
      mapped.has(i)
        ? { stand: wide.carries[i]!, init: spread(given.carries[i]!, flags.carries[i]), next: images[i] ?? spread(results[i]!, false) }
        : { stand, init: given.carries[i]!, next: results[i]! },
    ),
    xs: own.xs.map((stand, i) => (flags.xs[i] ? ([wide.xs[i]!, moveaxis(given.xs[i]!, 1, 0)] as const) : ([stand, given.xs[i]!] as const))),
    ys: results.slice(carries).map((y, i) => images[carries + i] ?? y),
    length,
    reverse,
  });
  const stacked = (t: Tensor, isMany: boolean): Tensor => (isMany ? moveaxis(t, 1, 0) : batchAlong(t, size));
  return [
    ...loop.finals.map((t, i) => spread(t, mapped.has(i))),
    ...loop.ys.map((t, i) => stacked(t, images[carries + i] !== undefined)),
    ...loop.histories.map((t, i) => stacked(t, mapped.has(i))),
  ];
}

export const scanPrimitive: RuledPrimitive<ScanParams> = {
  name: "scan",
  type,
  jvp,
  jet,
  transpose,
  batch,
  lower: ({ params, inputs }) => lowerScan(params, inputs),
};
