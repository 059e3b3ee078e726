/** From nodes to steps: of one node, and of closed graphs, which are the bodies of loops and branches. */
import { dtypeInfo, type Storage } from "../core/dtype.ts";
import { topological } from "../core/graph.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { outputPrimitive, type Tensor } from "../core/tensor.ts";
import type { Dim } from "../core/dim.ts";
import * as e from "../kernel/expr.ts";
import { body, operandsOf, type Slot, type Step } from "../kernel/kernel.ts";
import { copyStep, loop, type Lowered } from "../kernel/lowering.ts";
import { contiguous, isWhole, type View } from "../kernel/view.ts";
import { ownRules } from "./primitive.ts";

/** What computes a node that is no leaf, given what its inputs were lowered to. */
export function lowerNode(t: Tensor, inputs: readonly { readonly outputs: readonly View[] }[]): Lowered {
  if (t.primitive === outputPrimitive) return { steps: [], outputs: [inputs[0]!.outputs[(t.params as { index: number }).index]!] };
  return ownRules.rule(
    t.primitive,
    "lower",
  )({
    params: t.params,
    inputs: inputs.map((n) => n.outputs[0]!),
    inputTypes: t.inputs.map((x) => x.outputs[0]!),
    outputTypes: t.outputs,
  });
}

/** A closed graph as steps. */
export interface LoweredBody {
  readonly steps: readonly Step[];
  /** Of each result a slot of its own, all of it, that the steps write. */
  readonly results: readonly View[];
  readonly room: readonly Dim[];
  /** The numbers of scalar constants, by their slots. */
  readonly literals: ReadonlyMap<Slot, number>;
}

/**
 * The steps of the graph between `parameters`, whose values are in the views `given`, and `results`. The graph's leaves are its parameters and
 * scalar constants. (What is the same in all rounds of a loop is taken out of it later: kernel/fusion/hoist.ts.)
 */
export function lowerBody(results: readonly Tensor[], parameters: readonly Tensor[], given: readonly View[]): LoweredBody {
  const lowered = new Map<Tensor, Lowered>(parameters.map((p, i) => [p, { steps: [], outputs: [given[i]!] }]));
  const steps: Step[] = [];
  const room: Dim[] = [];
  const literals = new Map<Slot, number>();
  for (const t of topological(results, (node) => !lowered.has(node))) {
    if (t.primitive === constantPrimitive) {
      const view = contiguous(dtypeInfo(t.dtype).storage, []);
      const { value } = t.params as ConstantParams;
      if (typeof value !== "number") throw new Error(`${t.describe()}: the body of a loop or a branch is closed over scalars only`);
      literals.set(view.slot, value);
      steps.push(fillStep(view, value));
      lowered.set(t, { steps: [], outputs: [view] });
      continue;
    }
    const node = lowerNode(
      t,
      t.inputs.map((input) => lowered.get(input)!),
    );
    lowered.set(t, node);
    room.push(...(node.room ?? []));
    for (const [slot, value] of node.literals ?? []) literals.set(slot, value);
    steps.push(...node.steps);
  }
  const written = new Set(steps.flatMap((s) => operandsOf(s).writes.map((w) => w.slot)));
  const own = results.map((t) => {
    const view = lowered.get(t)!.outputs[0]!;
    // Of several results in one slot the first has it.
    if (isWhole(view) && written.delete(view.slot)) return view;
    const copy = contiguous(view.slot.storage, view.shape);
    steps.push(copyStep(view, copy));
    return copy;
  });
  return { steps, results: own, room, literals };
}

/** Writes a number, which is an argument of its kernel. */
function fillStep(to: View, value: number): Step {
  const { storage } = to.slot;
  const words = wordsOf(value, storage);
  const [first, second] = words.map((_, k) => e.bitcast("u32", e.uniform(k)));
  const expr = storage === "f64" ? e.fromWords(second!, first!) : e.bitcast(storage, first!);
  return loop({ shape: [], body: body([], [expr]), reads: [], writes: [to], uniforms: words });
}

/** The 32-bit words of a number in memory, the lower one first. */
function wordsOf(value: number, storage: Storage): number[] {
  if (storage === "i32" || storage === "u32") return [value | 0];
  const words = new DataView(new ArrayBuffer(8));
  if (storage === "f32") words.setFloat32(0, value, true);
  else words.setFloat64(0, value, true);
  return storage === "f32" ? [words.getInt32(0, true)] : [words.getInt32(0, true), words.getInt32(4, true)];
}
