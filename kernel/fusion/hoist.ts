/** What is the same in all rounds of a loop is computed once, before it. Of branches only numbers are taken out: they cost nothing. */
import { bodiesOf, type Control, controlStep, withBodies } from "../control.ts";
import { operandsOf, type Slot, type Step } from "../kernel.ts";

export function hoist(steps: readonly Step[]): readonly Step[] {
  if (!steps.some((s) => s.control)) return steps;
  return steps.flatMap((step) => (step.control ? hoistFrom(step.control) : [step]));
}

/** What could be taken out of a control step, and the step with the rest. */
function hoistFrom(control: Control): Step[] {
  const bodies = bodiesOf(control).map(hoist);
  const isSame = control.kind === "switch" ? isNumber : sameInRounds(control, bodies.flat());
  const out = bodies.flatMap((steps) => steps.filter(isSame));
  const rest = bodies.map((steps) => steps.filter((step) => !isSame(step)));
  return [...out, controlStep(withBodies(control, rest))];
}

/** Whether a step fills a scalar with a number. */
const isNumber = ({ loop }: Step): boolean => loop !== undefined && loop.shape.length === 0 && loop.reads.length === 0;

/** Steps that depend on nothing that a round has of its own, and write nothing that it hands on. */
function sameInRounds(control: Exclude<Control, { kind: "switch" }>, steps: readonly Step[]): (step: Step) => boolean {
  const varying = new Set<Slot>(control.carries.flatMap(({ from, to }) => [from, to]));
  if (control.kind === "repeat") for (const { slice } of control.stacks) varying.add(slice);
  else varying.add(control.test.slot);
  const varies = (step: Step): boolean => {
    const { reads, writes } = operandsOf(step);
    return [...reads, ...writes].some((o) => varying.has(o.slot));
  };
  // Where one of several steps that write a slot varies, all of them do.
  for (let before = -1; before < varying.size; ) {
    before = varying.size;
    for (const step of steps) if (varies(step)) for (const { slot } of operandsOf(step).writes) varying.add(slot);
  }
  return (step) => !varies(step);
}
