/**
 * How values go from round to round, settled once steps are fused. Most need no copy: an elementwise step writes the new value over the old one; or
 * the two take turns with their places, so that a round reads what the one before it wrote.
 */
import { type Carry, bodiesOf, type Control, controlStep, flatten, withBodies } from "./control.ts";
import { operandsOf, type Slot, type Step } from "./kernel.ts";
import { copyStep } from "./lowering.ts";
import { mayWriteOver } from "./overwrite.ts";
import type { View } from "./view.ts";

/** The steps with every carry's way settled. `moving`: what lies elsewhere in each round of a loop around. */
export function settleCarries(steps: readonly Step[], moving: ReadonlySet<Slot> = new Set()): readonly Step[] {
  if (!steps.some((s) => s.control)) return steps;
  return steps.map((step) => (step.control ? controlStep(settled(step.control, moving)) : step));
}

function settled(control: Control, moving: ReadonlySet<Slot>): Control {
  const inside = new Set(moving);
  let carries: readonly Carry[] = [];
  if (control.kind !== "switch") {
    carries = control.carries.map((c) => ({ ...c, way: wayOf(c, control, moving) }));
    for (const { from, to, way } of carries) if (way === "turns") inside.add(from).add(to);
  }
  if (control.kind === "repeat") for (const { slice } of control.stacks) inside.add(slice);
  const bodies = bodiesOf(control).map((steps) => settleCarries(steps, inside));
  const copies = carries.filter((c) => c.way === "copy").map(carryStep);
  if (copies.length > 0) bodies.push([...bodies.pop()!, ...copies]);
  const rest = withBodies(control, bodies);
  return rest.kind === "switch" ? rest : { ...rest, carries };
}

/** Copies all of a carry's new value to where the next round looks for it. */
export const carryStep = ({ from, to }: Carry): Step => copyStep(wholeOf(from), wholeOf(to));

const wholeOf = (slot: Slot): View => ({ slot, shape: [slot.length], offset: 0, strides: [1] });

function wayOf({ from, to }: Carry, control: Control, moving: ReadonlySet<Slot>): NonNullable<Carry["way"]> {
  const body = bodiesOf(control).at(-1)!;
  const touches = (step: Step, slot: Slot): boolean => {
    const { reads, writes } = operandsOf(step);
    return [...reads, ...writes].some((o) => o.slot === slot);
  };
  const writers = body.filter((step) => operandsOf(step).writes.some((w) => w.slot === from));
  const [writer] = writers;
  const tiled = flatten(body).some((step) => step.rows && (touches(step, from) || touches(step, to)));
  const still = !moving.has(to);
  if (writers.length === 1 && mayWriteOver(writer!, from, to) && (still || !tiled)) {
    const later = body.slice(body.indexOf(writer!) + 1);
    if (!later.some((step) => touches(step, to))) return "place";
  }
  // A number of rounds that is not known beforehand may end in either place; places that move themselves cannot take turns.
  return control.kind === "repeat" && still && !tiled && !writers.some((step) => step.control) ? "turns" : "copy";
}
