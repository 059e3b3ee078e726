/**
 * Control steps: loops and branches that hold steps, as rows kernels do. They run inside the backend, whatever the number of rounds, and
 * their kernels are compiled once.
 *
 * From outside, a control step reads and writes whole slots. Inside, its steps run in their order, and hand values on through slots of their own:
 *
 *   a slice    is one position of a stack: the same slot's name for another place in each round
 *   a carry    is a slot `to` that steps read, and a slot `from` that they write, which is what they read in the next round
 */
import { addDims, type Dim, mulDims, sameDim } from "../core/dim.ts";
import { sizeOf } from "../core/shape.ts";
import { controlKernel, operandsOf, Slot, type Operand, type Step } from "./kernel.ts";
import { contiguous, isContiguous, type View } from "./view.ts";

/** What a round has of a stack: the slot `slice` lies `by` elements further on in `stack` with each position. */
export interface Stack {
  readonly stack: Slot;
  readonly slice: Slot;
  readonly direction: "in" | "out";
  readonly by: Dim;
}

/** A value that goes from round to round. Every round writes all of `from`, and leaves `to` alone. */
export interface Carry {
  readonly from: Slot;
  readonly to: Slot;
  /**
   * How, once that is settled (carries.ts): `from` lies in the place of `to`, or the two take turns with their places, or the last step of the body
   * is a copy.
   */
  readonly way?: "place" | "turns" | "copy";
}

/** `count` rounds of a body. */
export interface Repeat {
  readonly kind: "repeat";
  readonly count: Dim;
  readonly body: readonly Step[];
  readonly stacks: readonly Stack[];
  readonly carries: readonly Carry[];
  /** Whether rounds go from the last position of the stacks to the first. */
  readonly reverse: boolean;
}

/** Rounds of a body, as long as the condition's steps leave a `test` other than 0. */
export interface While {
  readonly kind: "while";
  readonly condition: readonly Step[];
  readonly test: Operand;
  readonly body: readonly Step[];
  readonly carries: readonly Carry[];
}

/** The steps of one case, by an index that is clamped. Each writes all of `results`. */
export interface Switch {
  readonly kind: "switch";
  readonly index: Operand;
  readonly cases: readonly (readonly Step[])[];
  readonly results: readonly Slot[];
}

export type Control = Repeat | While | Switch;

/** One position of a view along its first axis, as a round reads it, and the stack that it is of. */
export function sliceIn(view: View): { readonly slice: View; readonly stack: Stack } {
  const shape = view.shape.slice(1);
  const strides = view.strides.slice(1);
  const whole = sameDim(view.offset, 0) && isContiguous(view);
  const slot = new Slot(view.slot.storage, whole ? sizeOf(shape) : view.slot.length);
  const slice = { slot, shape, offset: view.offset, strides };
  return { slice, stack: { stack: view.slot, slice: slot, direction: "in", by: view.strides[0]! } };
}

/** A stack of `length` values like the one that each round writes: all of a slot, in order. */
export function sliceOut(slice: View, length: Dim): { readonly view: View; readonly stack: Stack } {
  const view = contiguous(slice.slot.storage, [length, ...slice.shape]);
  return { view, stack: { stack: view.slot, slice: slice.slot, direction: "out", by: sizeOf(slice.shape) } };
}

export const repeatStep = (repeat: Omit<Repeat, "kind">): Step => controlStep({ kind: "repeat", ...repeat });
export const whileStep = (loop: Omit<While, "kind">): Step => controlStep({ kind: "while", ...loop });
export const switchStep = (choice: Omit<Switch, "kind">): Step => controlStep({ kind: "switch", ...choice });

/** The step that carries control out. */
export function controlStep(control: Control): Step {
  const { reads, writes } = touched(control);
  return { kernel: controlKernel, sizes: [], reads: [...reads].map(all), writes: [...writes].map(all), uniforms: [], control };
}

const all = (slot: Slot): Operand => ({ slot, offset: 0, strides: [] });

/** The lists of steps inside, in the order in which they run. */
export function bodiesOf(control: Control): readonly (readonly Step[])[] {
  switch (control.kind) {
    case "repeat":
      return [control.body];
    case "while":
      return [control.condition, control.body];
    case "switch":
      return control.cases;
  }
}

/** The same control over other steps. */
export function withBodies(control: Control, bodies: readonly (readonly Step[])[]): Control {
  switch (control.kind) {
    case "repeat":
      return { ...control, body: bodies[0]! };
    case "while":
      return { ...control, condition: bodies[0]!, body: bodies[1]! };
    case "switch":
      return { ...control, cases: bodies };
  }
}

/** Steps, those in control steps in the place of these. */
export const flatten = (steps: readonly Step[]): readonly Step[] =>
  steps.some((s) => s.control) ? steps.flatMap((s) => (s.control ? bodiesOf(s.control).flatMap(flatten) : [s])) : steps;

/** The slots that steps need room for because they write them, inside of control steps too: other names of a place need none of their own. */
export function writtenSlots(steps: readonly Step[]): Set<Slot> {
  const written = new Set<Slot>();
  for (const step of steps) {
    const { control } = step;
    for (const { slot } of operandsOf(step).writes) written.add(slot);
    if (!control) continue;
    for (const slot of writtenSlots(bodiesOf(control).flat())) written.add(slot);
    if (control.kind === "repeat") for (const { slice } of control.stacks) written.delete(slice);
    if (control.kind !== "switch") for (const { from, way } of control.carries) if (way === "place") written.delete(from);
  }
  return written;
}

/** The slots outside that a control step reads and writes. */
function touched(control: Control): { readonly reads: ReadonlySet<Slot>; readonly writes: ReadonlySet<Slot> } {
  const reads = new Set<Slot>();
  const writes = new Set<Slot>();
  const inside = new Set<Slot>();
  for (const step of bodiesOf(control).flat()) {
    const operands = operandsOf(step);
    for (const { slot } of operands.reads) reads.add(slot);
    for (const { slot } of operands.writes) inside.add(slot);
  }
  if (control.kind === "while") reads.add(control.test.slot);
  if (control.kind === "repeat") for (const { slice } of control.stacks) inside.add(slice);
  for (const slot of inside) reads.delete(slot);
  if (control.kind === "switch") {
    reads.add(control.index.slot);
    for (const slot of control.results) writes.add(slot);
  } else
    for (const { to } of control.carries) {
      reads.add(to);
      writes.add(to);
    }
  if (control.kind === "repeat") for (const { stack, direction } of control.stacks) (direction === "in" ? reads : writes).add(stack);
  return { reads, writes };
}

/** Where a stack begins for the first round, in elements, and how far it moves with each. */
export function strideOf({ by }: Stack, { count, reverse }: Repeat): { readonly first: Dim; readonly each: Dim } {
  if (!reverse) return { first: 0, each: by };
  return { first: mulDims(by, addDims(count, -1)), each: mulDims(by, -1) };
}
