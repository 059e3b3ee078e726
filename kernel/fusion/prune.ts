/**
 * What nobody wants is left out: steps, and of loops and branches the results, with all that only they need. A stack that nobody reads, such as the
 * history of a scan's carries, is never written; a carry on which nothing depends does not go round.
 */
import { type Control, controlStep, type Repeat, type Switch, type While } from "../control.ts";
import { operandsOf, type Slot, type Step } from "../kernel.ts";

type Wanted = (slot: Slot) => boolean;

export function prune(steps: readonly Step[], keep: Wanted): Step[] {
  const read = new Set<Slot>();
  const wanted: Wanted = (slot) => keep(slot) || read.has(slot);
  const kept: Step[] = [];
  for (const step of [...steps].reverse()) {
    if (!operandsOf(step).writes.some((w) => wanted(w.slot))) continue;
    const rest = step.control ? controlStep(pruneControl(step.control, wanted)) : step;
    for (const { slot } of operandsOf(rest).reads) read.add(slot);
    kept.push(rest);
  }
  return kept.reverse();
}

function pruneControl(control: Control, wanted: Wanted): Control {
  switch (control.kind) {
    case "repeat":
      return pruneRepeat(control, wanted);
    case "while":
      return pruneWhile(control, wanted);
    case "switch":
      return pruneSwitch(control, wanted);
  }
}

function pruneRepeat(control: Repeat, wanted: Wanted): Repeat {
  const stacks = control.stacks.filter((s) => s.direction === "in" || wanted(s.stack));
  const values = new Set(stacks.flatMap((s) => (s.direction === "out" ? [s.slice] : [])));
  return pruneRounds(control, wanted, (carries, news) => {
    const body = prune(control.body, (slot) => news.has(slot) || values.has(slot));
    const read = readBy(body);
    return [{ ...control, body, carries, stacks: stacks.filter((s) => s.direction === "out" || read.has(s.slice)) }, read];
  });
}

function pruneWhile(control: While, wanted: Wanted): While {
  const condition = prune(control.condition, (slot) => slot === control.test.slot);
  return pruneRounds(control, wanted, (carries, news) => {
    const body = prune(control.body, (slot) => news.has(slot));
    return [{ ...control, condition, body, carries }, readBy([...condition, ...body]).add(control.test.slot)];
  });
}

/** Carries that are wanted, or on which one of these depends. `attempt` gives the loop with some of them, and the slots that it then reads. */
function pruneRounds<L extends Repeat | While>(
  { carries }: L,
  wanted: Wanted,
  attempt: (carries: L["carries"], news: ReadonlySet<Slot>) => readonly [L, ReadonlySet<Slot>],
): L {
  for (let live = carries.filter((c) => wanted(c.to)); ; ) {
    const [loop, read] = attempt(live, new Set(live.map((c) => c.from)));
    const more = carries.filter((c) => live.includes(c) || read.has(c.to));
    if (more.length === live.length) return loop;
    live = more;
  }
}

function pruneSwitch(control: Switch, wanted: Wanted): Switch {
  const results = control.results.filter(wanted);
  return { ...control, results, cases: control.cases.map((steps) => prune(steps, (slot) => results.includes(slot))) };
}

const readBy = (steps: readonly Step[]): Set<Slot> => new Set(steps.flatMap((s) => operandsOf(s).reads.map((r) => r.slot)));
