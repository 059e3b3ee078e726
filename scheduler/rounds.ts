/** How often what is inside of control steps counts: what nobody knows beforehand is not guessed. */
import type { Dim } from "../core/dim.ts";
import { bodiesOf, type Control } from "../kernel/control.ts";
import type { Step } from "../kernel/kernel.ts";

/** What `count` says of the bodies, with every round of a loop; one round of a while loop; the case of a switch that counts most. */
export function inControl(control: Control, size: (d: Dim) => number, count: (steps: readonly Step[]) => number): number {
  const counts = bodiesOf(control).map(count);
  if (control.kind === "switch") return Math.max(...counts);
  return (control.kind === "repeat" ? size(control.count) : 1) * counts.reduce((sum, n) => sum + n, 0);
}
