/**
 * Loops and branches over closed graphs, as steps: what the lowering rules of scan, while and switch are. Sizes, the number of rounds among
 * them, may be symbolic.
 */
import type { Dim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import { repeatStep, sliceIn, sliceOut, switchStep, whileStep } from "../kernel/control.ts";
import type { Slot, Step } from "../kernel/kernel.ts";
import { copyStep, type Lowered, outputView } from "../kernel/lowering.ts";
import { contiguous, type View } from "../kernel/view.ts";
import { lowerBody, type LoweredBody } from "./lower.ts";

/** A closed graph: its leaves are its parameters and scalar constants. */
export interface Graph {
  readonly parameters: readonly Tensor[];
  readonly results: readonly Tensor[];
}

/** A slot for each view, filled with it. */
function copied(views: readonly View[]): { readonly views: readonly View[]; readonly steps: readonly Step[] } {
  const own = views.map((v) => contiguous(v.slot.storage, v.shape));
  return { views: own, steps: views.map((v, i) => copyStep(v, own[i]!)) };
}

const literalsOf = (bodies: readonly LoweredBody[]): Map<Slot, number> => new Map(bodies.flatMap((b) => [...b.literals]));

export interface ScanGraph extends Graph {
  /** How many of the parameters are the same in all rounds, and how many go from round to round; those behind them are slices. */
  readonly consts: number;
  readonly carries: number;
  readonly length: Dim;
  /** Whether rounds go from the last position to the first. */
  readonly reverse: boolean;
}

/**
 * `length` rounds of a graph with parameters [consts, carries, slices] and results [new carries, values]. inputs: [consts, first carries, stacks of
 * `length` slices]; outputs: [last carries, stacks of the values, stacks of the carries before each round]. Stacks are by position, whichever way
 * the rounds go. A stack that nobody wants is not made.
 */
export function lowerScan({ parameters, results, consts, carries, length, reverse }: ScanGraph, inputs: readonly View[]): Lowered {
  const carried = copied(inputs.slice(consts, consts + carries));
  const slices = inputs.slice(consts + carries).map(sliceIn);
  const given = [...inputs.slice(0, consts), ...carried.views, ...slices.map((s) => s.slice)];
  const inner = lowerBody(results, parameters, given);
  const values = inner.results.slice(carries).map((v) => sliceOut(v, length));
  const before = copied(carried.views);
  const history = before.views.map((v) => sliceOut(v, length));
  const rounds = repeatStep({
    count: length,
    body: [...before.steps, ...inner.steps],
    stacks: [...slices, ...values, ...history].map((s) => s.stack),
    carries: carried.views.map((v, i) => ({ from: inner.results[i]!.slot, to: v.slot })),
    reverse,
  });
  return {
    steps: [...carried.steps, rounds],
    outputs: [...carried.views, ...[...values, ...history].map((s) => s.view)],
    room: [...inner.room, length],
    literals: inner.literals,
  };
}

export interface WhileGraph {
  /** Parameters [condition's consts, carries], one result: a scalar bool. */
  readonly condition: Graph;
  /** Parameters [body's consts, carries], results: new carries. */
  readonly body: Graph;
  readonly conditionConsts: number;
  readonly bodyConsts: number;
}

/** Rounds as long as the condition holds. inputs: [condition's consts, body's consts, first carries]; outputs: [last carries]. */
export function lowerWhile({ condition, body, conditionConsts, bodyConsts }: WhileGraph, inputs: readonly View[]): Lowered {
  const consts = conditionConsts + bodyConsts;
  const carried = copied(inputs.slice(consts));
  const test = lowerBody(condition.results, condition.parameters, [...inputs.slice(0, conditionConsts), ...carried.views]);
  const inner = lowerBody(body.results, body.parameters, [...inputs.slice(conditionConsts, consts), ...carried.views]);
  const rounds = whileStep({
    condition: test.steps,
    test: { slot: test.results[0]!.slot, offset: 0, strides: [] },
    body: inner.steps,
    carries: carried.views.map((v, i) => ({ from: inner.results[i]!.slot, to: v.slot })),
  });
  return {
    steps: [...carried.steps, rounds],
    outputs: carried.views,
    room: [...test.room, ...inner.room],
    literals: literalsOf([test, inner]),
  };
}

/** The results of one of several graphs, of equal types, by an index that is clamped. inputs: [index (int32 scalar), parameters]. */
export function lowerSwitch(cases: readonly Graph[], [index, ...given]: readonly View[]): Lowered {
  const outputs = cases[0]!.results.map((t) => outputView(t.outputs[0]!));
  const bodies = cases.map(({ parameters, results }) => lowerBody(results, parameters, given));
  const choice = switchStep({
    index: { slot: index!.slot, offset: index!.offset, strides: [] },
    cases: bodies.map((b) => [...b.steps, ...b.results.map((v, i) => copyStep(v, outputs[i]!))]),
    results: outputs.map((v) => v.slot),
  });
  return {
    steps: [choice],
    outputs,
    room: bodies.flatMap((b) => b.room),
    literals: literalsOf(bodies),
  };
}
