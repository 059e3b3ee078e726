/**
 * A loop that takes in what another one gives, position by position in the same order, becomes part of it: a round of the one, then a round of the
 * other. Tangents of a loop run beside it so, and the history of its carries, which they are computed from, is never written.
 */
import { sameDim } from "../../core/dim.ts";
import { bodiesOf, type Control, controlStep, type Repeat, type Stack, withBodies } from "../control.ts";
import { type Operand, operandsOf, type Slot, type Step } from "../kernel.ts";
import { loop } from "../lowering.ts";
import { isWhole } from "../view.ts";

export function merge(steps: readonly Step[]): readonly Step[] {
  if (!steps.some((s) => s.control)) return steps;
  let list = steps.map((s) => (s.control ? controlStep(withBodies(s.control, bodiesOf(s.control).map(merge))) : s));
  for (let at = 1; at < list.length; at++)
    for (let merged = mergeAt(list, at); merged; merged = mergeAt(list, at)) {
      list = merged;
      // The two are earlier now, and what has come to this place has not been looked at.
      at = 1;
    }
  return list;
}

/** The list with the loop at one place taken into an earlier one, if there is one that it takes from. */
function mergeAt(list: readonly Step[], at: number): Step[] | undefined {
  const taker = list[at]!;
  const second = taker.control;
  if (second?.kind !== "repeat") return undefined;
  for (let from = at - 1; from >= 0; from--) {
    const giver = list[from]!;
    const first = giver.control;
    if (first?.kind !== "repeat" || first.reverse !== second.reverse || !sameDim(first.count, second.count)) continue;
    const names = handedOver(first, second);
    if (!names || !alone(giver, taker, names)) continue;
    // What depends on the first loop comes after both, the rest before.
    const [before, after]: [Step[], Step[]] = [[], []];
    const [withFirst, later] = [new Touched(), new Touched()];
    withFirst.add(giver);
    for (const step of list.slice(from + 1, at))
      if (withFirst.conflicts(step)) {
        after.push(step);
        withFirst.add(step);
        later.add(step);
      } else before.push(step);
    if (later.conflicts(taker)) continue;
    return [...list.slice(0, from), ...before, together(first, second, names), ...after, ...list.slice(at + 1)];
  }
  return undefined;
}

/** For each slice that the second loop takes from a stack of the first, the slot that a round of the first has it in. None: undefined. */
function handedOver(first: Repeat, second: Repeat): ReadonlyMap<Slot, Slot> | undefined {
  const names = new Map<Slot, Slot>();
  for (const taken of second.stacks) {
    const given = taken.direction === "in" ? first.stacks.find((s) => s.direction === "out" && s.stack === taken.stack) : undefined;
    if (!given) continue;
    if (!sameDim(given.by, taken.by) || !sameDim(given.slice.length, taken.slice.length)) return undefined;
    names.set(taken.slice, sourceOf(given.slice, first));
  }
  return names.size > 0 ? names : undefined;
}

/** A carry, where a slice is no more than a copy of it; else the slice itself. */
function sourceOf(slice: Slot, { body, carries }: Repeat): Slot {
  const [writer, ...others] = body.filter((s) => operandsOf(s).writes.some((w) => w.slot === slice));
  const { loop: copy } = writer!;
  if (others.length > 0 || !copy || copy.fold || copy.reads.length !== 1 || copy.body.values.length !== 1) return slice;
  const [value] = copy.body.values;
  const [read] = copy.reads;
  const copies = value!.op === "read" && value!.args.length === 0 && isWhole(read!) && isWhole(copy.writes[0]!);
  return copies && carries.some((c) => c.to === read!.slot) ? read!.slot : slice;
}

/** Whether a loop needs nothing else of what another one writes. */
function alone(giver: Step, taker: Step, names: ReadonlyMap<Slot, Slot>): boolean {
  const { body, stacks, carries } = taker.control as Repeat;
  const given = new Set(operandsOf(giver).writes.map((w) => w.slot));
  const others = [
    ...body.flatMap((s) => operandsOf(s).reads.map((r) => r.slot)),
    ...stacks.flatMap((s) => (names.has(s.slice) ? [] : [s.stack])),
    ...carries.map((c) => c.to),
  ];
  return !others.some((slot) => given.has(slot));
}

/** What some steps read and write. */
class Touched {
  readonly #reads = new Set<Slot>();
  readonly #writes = new Set<Slot>();

  add(step: Step): void {
    const { reads, writes } = operandsOf(step);
    for (const { slot } of reads) this.#reads.add(slot);
    for (const { slot } of writes) this.#writes.add(slot);
  }

  /** Whether a step has to stay behind them. */
  conflicts(step: Step): boolean {
    const { reads, writes } = operandsOf(step);
    return reads.some((o) => this.#writes.has(o.slot)) || writes.some((o) => this.#writes.has(o.slot) || this.#reads.has(o.slot));
  }
}

function together(first: Repeat, second: Repeat, names: ReadonlyMap<Slot, Slot>): Step {
  return controlStep({
    ...first,
    body: [...first.body, ...second.body.map((s) => renamed(s, names))],
    stacks: [...first.stacks, ...second.stacks.filter((s) => !names.has(s.slice))],
    carries: [...first.carries, ...second.carries],
  });
}

/** A step with other names for some slots. */
function renamed(step: Step, names: ReadonlyMap<Slot, Slot>): Step {
  const to = <O extends { readonly slot: Slot }>(o: O): O => (names.has(o.slot) ? { ...o, slot: names.get(o.slot)! } : o);
  if (step.control) return controlStep(renamedControl(step.control, names, to));
  if (step.loop) return loop({ ...step.loop, reads: step.loop.reads.map(to), writes: step.loop.writes.map(to) });
  return { ...step, reads: step.reads.map(to), writes: step.writes.map(to) };
}

function renamedControl(control: Control, names: ReadonlyMap<Slot, Slot>, to: (o: Operand) => Operand): Control {
  const inside = withBodies(
    control,
    bodiesOf(control).map((steps) => steps.map((s) => renamed(s, names))),
  );
  switch (inside.kind) {
    case "repeat":
      return { ...inside, stacks: inside.stacks.map((s): Stack => ({ ...s, stack: names.get(s.stack) ?? s.stack })) };
    case "while":
      return { ...inside, test: to(inside.test) };
    case "switch":
      return { ...inside, index: to(inside.index) };
  }
}
