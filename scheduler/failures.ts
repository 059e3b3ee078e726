/** Which nodes of a plan fail, and why: those that cannot be computed whatever the room is, and the ones that take too much of it. */
import { dim, type DimSizes, evaluateDim } from "../core/dim.ts";
import { evaluateShape } from "../core/shape.ts";
import { OutOfMemory } from "../kernel/backend.ts";
import { bodiesOf } from "../kernel/control.ts";
import type { Slot, Step } from "../kernel/kernel.ts";
import { checkRoom } from "../kernel/lowering.ts";
import type { Failure, NodeState } from "./node.ts";
import { type Memory, namingLargest } from "./place.ts";
import type { Settlement, Stored } from "./residency.ts";

/** Why a node has no value before anything is placed: an input has none, it cannot be lowered, or its sizes do not fit. */
export function failureOf(node: NodeState, sizes: DimSizes): Failure | undefined {
  const { tensor } = node;
  for (const input of node.inputs) if (input.failure) return input.failure;
  if (node.unfit !== undefined) return { tensor, error: node.unfit };
  if (node.names.length === 0) return undefined;
  try {
    // Strides and arguments may need a name that the shape does not show.
    for (const name of node.names) evaluateDim(dim(name), sizes);
    for (const { shape } of tensor.outputs) evaluateShape(shape, sizes);
    checkRoom(tensor.describe(), node.lowered, sizes);
    for (const step of node.lowered.steps) checkSizes(step, sizes);
    return undefined;
  } catch (error) {
    return { tensor, error };
  }
}

function checkSizes(step: Step, sizes: DimSizes): void {
  if (step.control) for (const inner of bodiesOf(step.control).flat()) checkSizes(inner, sizes);
  for (const d of step.loop?.shape ?? step.sizes)
    if (typeof d !== "number" && evaluateDim(d, sizes) < 0) throw new Error(`size ${d} is negative (${evaluateDim(d, sizes)})`);
}

/** A plan that does not fit, as it was settled last. */
export interface Shortage {
  readonly members: ReadonlySet<NodeState>;
  /** The node that a slot belongs to. */
  readonly owner: ReadonlyMap<Slot, NodeState>;
  /** What it stores that stays in any case. */
  readonly asked: readonly Stored[];
  readonly settlement: Settlement;
  readonly memory: Memory;
  readonly bytes: (slot: Slot) => number;
  /** What the device said, if it refused. */
  readonly cause: OutOfMemory | undefined;
  /** What would help: the end of the message. */
  readonly advice: string;
}

/**
 * Fails those nodes, of the ones that take part in the plan's peak, that need the most room; and what is above them. They cover half of what
 * is missing, at least one: so some rounds are enough however many nodes there are, and near the end none fails in vain.
 */
export function failLargest({ members, owner, asked, settlement, memory, bytes: bytesOf, cause, advice }: Shortage): void {
  const { arena, peak } = settlement;
  const inside = arena.fullest.map((slot) => ({ slot, tensor: owner.get(slot)!.tensor, bytes: bytesOf(slot) }));
  const parts = new Map([...asked, ...inside].map((s) => [s.slot, s]));
  const others = [...memory.slots].filter(([slot]) => !parts.has(slot)).map(([, place]) => place);
  const all = [...parts.values()];
  const why =
    `its plan takes ${peak} bytes at its peak and ${memory.limitName}` +
    (cause ? `, but: ${cause.message}` : "") +
    namingLargest([...all, ...others]) +
    advice;
  // A device that refuses has just shown how much it holds.
  let missing = (peak - (cause ? memory.bytes : memory.limit)) / 2;
  const fail = (node: NodeState, failure: Failure): void => {
    const open = [node];
    for (let n = open.pop(); n; n = open.pop()) {
      if (n.failure || !members.has(n)) continue;
      n.failure = failure;
      for (const slot of [...n.own, ...n.temps]) missing -= parts.get(slot)?.bytes ?? 0;
      for (const slot of n.own) memory.release(slot);
      // What goes into the buffer of a whole has no other place.
      open.push(...n.users, ...n.parts);
    }
  };
  // Of equals the last one first.
  const byBytes = all.sort((a, b) => a.bytes - b.bytes);
  do {
    const { slot, tensor, bytes } = byBytes.pop()!;
    const node = owner.get(slot)!;
    if (node.failure) continue;
    const error = new OutOfMemory(`${tensor.describe()} needs ${bytes} bytes; ${why}`, { cause });
    fail(node, { tensor: node.tensor, error });
  } while (missing > 0 && byBytes.length > 0);
}
