/** Steps with numbers in them: sizes and strides of now, and where everything lies. */
import type { Dim } from "../core/dim.ts";
import { storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep, Buffer, Segment } from "../kernel/backend.ts";
import { carryStep } from "../kernel/carries.ts";
import { type Carry, type Control, type Repeat, strideOf } from "../kernel/control.ts";
import type { Kernel, Operand, Rows, Slot, Step } from "../kernel/kernel.ts";
import { BLOCK } from "../kernel/tree.ts";
import { layOut } from "./transient.ts";

type Size = (d: Dim) => number;
/** The buffer of a slot, and where in it the slot begins. */
export type Locate = (slot: Slot) => { readonly buffer: Buffer; readonly bytes: number };

/** Where the first element of a slot is, in elements of its buffer; in each round of the loops around. */
type Place = Omit<BoundOperand, "strides">;
type Places = (slot: Slot) => Place;

export function bindSteps(steps: readonly Step[], size: Size, locate: Locate): Segment[] {
  const places: Places = (slot) => {
    const { buffer, bytes } = locate(slot);
    return { buffer, offset: bytes / storageBytes(slot.storage) };
  };
  return bindList(steps, size, places, 0);
}

/** `depth`: how many loops are around. */
function bindList(steps: readonly Step[], size: Size, places: Places, depth: number): Segment[] {
  const segments: Segment[] = [];
  let run: BoundStep[] = [];
  const flush = (): void => {
    if (run.length > 0) segments.push({ kind: "run", steps: run });
    run = [];
  };
  for (const step of steps)
    if (!step.control) run.push(bindStep(step, size, places));
    else {
      flush();
      segments.push(...bindControl(step.control, size, places, depth));
    }
  flush();
  return segments;
}

function bindControl(control: Control, size: Size, places: Places, depth: number): Segment[] {
  switch (control.kind) {
    case "repeat":
      return bindRepeat(control, size, places, depth);
    case "while": {
      const inside = inRounds(control.carries, new Map(), places, depth);
      const condition = bindList(control.condition, size, inside, depth + 1);
      const body = bindList(control.body, size, inside, depth + 1);
      return [{ kind: "while", condition, test: bindOperand(control.test, size, inside), body }];
    }
    case "switch": {
      const cases = control.cases.map((steps) => bindList(steps, size, places, depth));
      return [{ kind: "branch", index: bindOperand(control.index, size, places), cases }];
    }
  }
}

function bindRepeat(control: Repeat, size: Size, places: Places, depth: number): Segment[] {
  const count = size(control.count);
  const slices = new Map(
    control.stacks.map((s): readonly [Slot, Slice] => {
      const { first, each } = strideOf(s, control);
      return [s.slice, { stack: s.stack, first: size(first), each: size(each) }];
    }),
  );
  const body = bindList(control.body, size, inRounds(control.carries, slices, places, depth), depth + 1);
  // After an odd number of rounds the values lie where the last one wrote them. The copies are there in any case, so that their kernels are, too.
  const last = control.carries
    .filter((c) => c.way === "turns")
    .map((c) => bindStep(carryStep(c), size, places))
    .map((step) => (count % 2 === 1 ? step : { ...step, sizes: [0] }));
  return [{ kind: "loop", count, body }, ...(last.length > 0 ? [{ kind: "run" as const, steps: last }] : [])];
}

interface Slice {
  readonly stack: Slot;
  readonly first: number;
  readonly each: number;
}

/** Places as steps in a loop see them. */
function inRounds(carries: readonly Carry[], slices: ReadonlyMap<Slot, Slice>, places: Places, depth: number): Places {
  const same = new Map<Slot, Slot>();
  const other = new Map<Slot, Slot>();
  for (const { from, to, way } of carries)
    if (way === "place") same.set(from, to);
    else if (way === "turns") other.set(from, to).set(to, from);
  return (slot) => {
    const place = places(same.get(slot) ?? slices.get(slot)?.stack ?? slot);
    const slice = slices.get(slot);
    if (slice) {
      const rounds = Array.from({ length: depth + 1 }, (_, k) => place.rounds?.[k] ?? 0);
      rounds[depth] = slice.each;
      return { ...place, offset: place.offset + slice.first, rounds, ...(place.odd && { odd: moved(place.odd, slice.first) }) };
    }
    const turn = other.get(slot);
    return turn ? { ...place, odd: { loop: depth, ...places(turn) } } : place;
  };
}

const moved = (odd: NonNullable<Place["odd"]>, by: number): NonNullable<Place["odd"]> => ({ ...odd, offset: odd.offset + by });

function bindOperand({ slot, offset, strides }: Operand, size: Size, places: Places): BoundOperand {
  const place = places(slot);
  const by = size(offset);
  return { ...place, offset: place.offset + by, ...(place.odd && { odd: moved(place.odd, by) }), strides: strides.map(size) };
}

function bindStep(step: Step, size: Size, places: Places): BoundStep {
  const { sizes, reads, writes, uniforms } = step;
  const operand = (o: Operand): BoundOperand => bindOperand(o, size, places);
  const bound: BoundStep = {
    kernel: step.kernel as Kernel,
    sizes: sizes.map(size),
    reads: reads.map(operand),
    writes: writes.map(operand),
    uniforms: uniforms.map(size),
  };
  return step.rows ? { ...bound, rows: bindRows(step.rows, size, places) } : bound;
}

/** Stages, with room for a tile of what is local to them. */
function bindRows({ stages, locals }: Rows, size: Size, places: Places): NonNullable<BoundStep["rows"]> {
  const room = layOut(
    stages.map((s) => s.step),
    (slot) => locals.has(slot),
    (slot) => size(locals.get(slot)!) * BLOCK * storageBytes(slot.storage),
  );
  const inTile: Places = (slot) => {
    const bytes = room.offsets.get(slot);
    return bytes === undefined ? places(slot) : { buffer: 0, offset: bytes / storageBytes(slot.storage), local: true };
  };
  return { stages: stages.map((s) => ({ ...s, step: bindStep(s.step, size, inTile), unit: size(s.unit) })), bytes: room.bytes };
}
