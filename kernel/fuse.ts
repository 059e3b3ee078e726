/**
 * Fusion: fewer kernels that compute the same bits. Passes over the steps of a plan, each in a file of its own, in order:
 *
 *   literals   constants that simplify something become part of the expressions
 *   group      elementwise loops over one index space become one kernel with several outputs
 *   recompute  what costs little is computed where it is wanted, not stored and read back
 *   prologue   what only a reduction reads is computed inside it
 *   products   products of the same sizes that do not wait for each other become one kernel
 *   emit       values that nobody outside a kernel reads are not stored
 *   rows       the layers of a network on rows take a tile of rows through all of them
 *
 * Whenever expressions are rewritten they are also simplified, as far as that keeps bits. Every operation still rounds to its own type and every
 * sum keeps its tree: no bit changes.
 */
import { settleCarries } from "./carries.ts";
import { emit } from "./fusion/emit.ts";
import { group } from "./fusion/group.ts";
import type { Literal } from "./fusion/literals.ts";
import { products } from "./fusion/products.ts";
import { prologue } from "./fusion/prologue.ts";
import { recompute } from "./fusion/recompute.ts";
import { rows } from "./fusion/rows.ts";
import type { Slot, Step } from "./kernel.ts";

/**
 * The same computation in fewer kernels. `keep`: whether somebody else wants a slot's values afterwards. `literal`: the number that a slot holds
 * for ever, where there is one.
 */
export function fuse(steps: readonly Step[], keep: (slot: Slot) => boolean, literal: Literal = () => undefined): readonly Step[] {
  const items = group(steps, literal);
  recompute(items, keep);
  return settleCarries(rows(emit(products(prologue(items, keep)), keep), keep));
}
