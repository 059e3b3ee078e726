/**
 * Fusion: fewer kernels that compute the same bits. Passes over the steps of a plan, each in a file of its own, in order:
 *
 *   prune      what nobody wants is left out
 *   merge      a loop that takes in what another one gives, round by round, becomes part of it
 *   hoist      what is the same in all rounds of a loop is computed once, before it
 *   literals   constants that simplify something become part of the expressions
 *   group      elementwise loops over one index space become one kernel with several outputs
 *   recompute  what costs little is computed where it is wanted, not stored and read back
 *   prologue   what only a reduction reads is computed inside it
 *   products   products of the same sizes that do not wait for each other become one kernel
 *   emit       values that nobody outside a kernel reads are not stored
 *   rows       the layers of a network on rows take a tile of rows through all of them
 *
 * The bodies of loops and branches are fused first, each by itself: from outside, a loop is one step. How values go from round to round is settled
 * last (carries.ts).
 *
 * Whenever expressions are rewritten they are also simplified, as far as that keeps bits. Every operation still rounds to its own type and every
 * sum keeps its tree: no bit changes.
 */
import { settleCarries } from "./carries.ts";
import { type Control, controlStep } from "./control.ts";
import { emit } from "./fusion/emit.ts";
import { group } from "./fusion/group.ts";
import { hoist } from "./fusion/hoist.ts";
import { merge } from "./fusion/merge.ts";
import type { Literal } from "./fusion/literals.ts";
import { products } from "./fusion/products.ts";
import { prologue } from "./fusion/prologue.ts";
import { prune } from "./fusion/prune.ts";
import { recompute } from "./fusion/recompute.ts";
import { rows } from "./fusion/rows.ts";
import type { Slot, Step } from "./kernel.ts";

/**
 * The same computation in fewer kernels. `keep`: whether somebody else wants a slot's values afterwards. `literal`: the number that a slot holds
 * for ever, where there is one.
 */
export function fuse(steps: readonly Step[], keep: (slot: Slot) => boolean, literal: Literal = () => undefined): readonly Step[] {
  return settleCarries(fuseList(hoist(prune(merge(prune(steps, keep)), keep)), keep, literal, new Set()));
}

/** `moving`: what lies elsewhere in each round of a loop around. */
function fuseList(steps: readonly Step[], keep: (slot: Slot) => boolean, literal: Literal, moving: ReadonlySet<Slot>): Step[] {
  const inside = steps.map((step) => (step.control ? controlStep(fuseControl(step.control, literal, moving)) : step));
  const items = group(inside, literal);
  recompute(items, keep);
  return rows(emit(products(prologue(items, keep)), keep), keep, moving);
}

function fuseControl(control: Control, literal: Literal, moving: ReadonlySet<Slot>): Control {
  if (control.kind === "switch") {
    const results = new Set(control.results);
    return { ...control, cases: control.cases.map((list) => fuseList(list, (slot) => results.has(slot), literal, moving)) };
  }
  const news = new Set(control.carries.map((c) => c.from));
  if (control.kind === "while") {
    const condition = fuseList(control.condition, (slot) => slot === control.test.slot, literal, moving);
    return { ...control, condition, body: fuseList(control.body, (slot) => news.has(slot), literal, moving) };
  }
  const inside = new Set(moving);
  for (const { slice, direction } of control.stacks) {
    inside.add(slice);
    if (direction === "out") news.add(slice);
  }
  return { ...control, body: fuseList(control.body, (slot) => news.has(slot), literal, inside) };
}
