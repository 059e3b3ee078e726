/** Steps as a tape, and a schedule of it as steps again: what is computed once more gets a slot of its own, so that it may lie elsewhere than before. */
import { type Control, writtenSlots } from "../../kernel/control.ts";
import { type Operand, operandsOf, Slot, type Step } from "../../kernel/kernel.ts";
import type { Schedule, Tape } from "./tape.ts";

/** What a tape was made of, by number. */
export interface Recording {
  readonly tape: Tape;
  /** An operation is one step; or several, where they write one slot in turn. */
  readonly ops: readonly (readonly Step[])[];
  readonly slots: readonly Slot[];
}

export interface Recorded {
  readonly bytes: (slot: Slot) => number;
  /** Whether a slot has room of its own. */
  readonly stays: (slot: Slot) => boolean;
  readonly tags: (slot: Slot) => readonly string[];
  readonly cost: (steps: readonly Step[]) => number;
}

/** The tape of steps; undefined where steps that belong together wait for others in between. */
export function record(steps: readonly Step[], { bytes, stays, tags, cost }: Recorded): Recording | undefined {
  const ops = grouped(steps);
  if (!ops) return undefined;
  const numbers = new Map<Slot, number>();
  const written = new Set(steps.flatMap((s) => operandsOf(s).writes.map((w) => w.slot)));
  const number = (slot: Slot): number => {
    let n = numbers.get(slot);
    if (n === undefined) numbers.set(slot, (n = numbers.size));
    return n;
  };
  const tapeOps = ops.map((list) => {
    // What only the inside of a loop or a branch knows needs room, too.
    const writes = writtenSlots(list);
    const reads = new Set(list.flatMap((s) => s.reads.map((r) => r.slot)).filter((slot) => written.has(slot) && !writes.has(slot)));
    return { reads: [...reads].map(number), writes: [...writes].map(number), cost: cost(list) };
  });
  const slots = [...numbers.keys()];
  return { tape: { ops: tapeOps, values: slots.map((s) => ({ bytes: bytes(s), stays: stays(s), tags: tags(s) })) }, ops, slots };
}

/** Steps that write one slot in turn, and what reads it in between, together; in an order like the one given. */
function grouped(steps: readonly Step[]): Step[][] | undefined {
  const heads = steps.map((_, i) => i);
  const head = (i: number): number => {
    while (heads[i] !== i) i = heads[i] = heads[heads[i]!]!;
    return i;
  };
  const lastWrite = new Map<Slot, number>();
  steps.forEach(({ writes }, i) => writes.forEach(({ slot }) => lastWrite.set(slot, i)));
  const first = new Map<Slot, number>();
  steps.forEach(({ reads, writes }, i) => {
    for (const { slot } of [...reads, ...writes]) {
      const last = lastWrite.get(slot);
      if (last === undefined || i > last) continue;
      const from = first.get(slot);
      if (from === undefined) first.set(slot, i);
      else heads[head(i)] = head(from);
    }
  });
  const members = new Map<number, number[]>();
  steps.forEach((_, i) => {
    const h = head(i);
    if (members.get(h)?.push(i) === undefined) members.set(h, [i]);
  });
  if (members.size === steps.length) return steps.map((s) => [s]);
  const order: Step[][] = [];
  const states = new Map<number, "open" | "done">();
  for (let i = 0; i < steps.length; i++) {
    const stack = [{ group: head(i), before: undefined as number[] | undefined }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const { group } = top;
      if (!top.before) {
        if (states.get(group) === "done") {
          stack.pop();
          continue;
        }
        if (states.get(group) === "open") return undefined;
        states.set(group, "open");
        const own = members.get(group)!;
        top.before = own.flatMap((k) => steps[k]!.reads.flatMap(({ slot }) => lastWrite.get(slot) ?? [])).map(head);
        top.before = top.before.filter((g) => g !== group);
      }
      const next = top.before.pop();
      if (next !== undefined) {
        if (states.get(next) === "open") return undefined;
        stack.push({ group: next, before: undefined });
        continue;
      }
      states.set(group, "done");
      order.push(members.get(group)!.map((k) => steps[k]!));
      stack.pop();
    }
  }
  return order;
}

/** The steps of a schedule, and whether a slot among them is one that a value was given anew. */
export function replay(
  { tape, ops, slots }: Recording,
  schedule: Schedule,
): { readonly steps: Step[]; readonly copies: ReadonlySet<Slot> } {
  const now = [...slots];
  const there = new Uint8Array(slots.length);
  const made = new Uint8Array(slots.length);
  const copies = new Set<Slot>();
  const numbers = new Map(slots.map((slot, v) => [slot, v]));
  const renamed = (slot: Slot): Slot => {
    const v = numbers.get(slot);
    return v === undefined ? slot : now[v]!;
  };
  const steps: Step[] = [];
  for (const entry of schedule) {
    if (entry < 0) {
      there[~entry] = 0;
      continue;
    }
    for (const v of tape.ops[entry]!.writes) {
      const { stays } = tape.values[v]!;
      if (made[v] && !there[v] && !stays) copies.add((now[v] = new Slot(slots[v]!.storage, slots[v]!.length)));
      there[v] = made[v] = 1;
    }
    for (const step of ops[entry]!) steps.push(copies.size > 0 ? withSlots(step, renamed) : step);
  }
  return { steps, copies };
}

type Rename = (slot: Slot) => Slot;
const operand = (o: Operand, slotOf: Rename): Operand => ({ ...o, slot: slotOf(o.slot) });

/** The same step on other slots. It can no longer be fused. */
function withSlots({ kernel, sizes, reads, writes, uniforms, rows, control }: Step, slotOf: Rename): Step {
  const other = (list: readonly Operand[]): readonly Operand[] => list.map((o) => operand(o, slotOf));
  return {
    kernel,
    sizes,
    reads: other(reads),
    writes: other(writes),
    uniforms,
    ...(rows ? { rows: { ...rows, stages: rows.stages.map((s) => ({ ...s, step: withSlots(s.step, slotOf) })) } } : {}),
    ...(control ? { control: controlWithSlots(control, slotOf) } : {}),
  };
}

function controlWithSlots(control: Control, slotOf: Rename): Control {
  const others = (list: readonly Step[]): readonly Step[] => list.map((s) => withSlots(s, slotOf));
  if (control.kind === "switch")
    return { ...control, index: operand(control.index, slotOf), cases: control.cases.map(others), results: control.results.map(slotOf) };
  const carries = control.carries.map((c) => ({ ...c, from: slotOf(c.from), to: slotOf(c.to) }));
  if (control.kind === "while")
    return { ...control, condition: others(control.condition), test: operand(control.test, slotOf), body: others(control.body), carries };
  const stacks = control.stacks.map((s) => ({ ...s, stack: slotOf(s.stack), slice: slotOf(s.slice) }));
  return { ...control, body: others(control.body), stacks, carries };
}
