/** Checkpointing as a hint: what a function computes on its way goes first where memory is short, and is computed again in the backward pass. */
import { dependents } from "../core/graph.ts";
import { addTags, CHECKPOINTED } from "../core/tags.ts";
import { Tensor } from "../core/tensor.ts";
import { flatten, type Tree } from "../core/tree.ts";
import { showArgument } from "../ops/describe.ts";

/**
 * The same function, with values inside that an engine lets go before any others when its budget is short: only arguments and results compete with
 * the rest. Nothing is computed twice while there is room, and no bit changes.
 */
export function checkpoint<F extends (...args: any[]) => unknown>(f: F): F {
  if (typeof f !== "function") throw new Error(`checkpoint: needs a function, got ${showArgument(f)}`);
  return ((...args: any[]) => {
    const result = f(...args);
    const given = tensorsIn(args);
    const results = tensorsIn(result);
    const outside = new Set<Tensor>([...given, ...results]);
    for (const t of dependents(results, given)) if (!outside.has(t)) addTags(t, [CHECKPOINTED]);
    return result;
  }) as F;
}

const tensorsIn = (tree: unknown): readonly Tensor[] => flatten(tree as Tree<unknown>).leaves.filter((x) => x instanceof Tensor);
