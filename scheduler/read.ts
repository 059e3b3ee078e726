/** `read` without an engine at hand: that of the tensor's sources, or one made on first use for expressions of constants. */
import { Tensor } from "../core/tensor.ts";
import { flatten, type Tree } from "../core/tree.ts";
import { BaseEngine } from "./base.ts";
import type { ValuesOf } from "./options.ts";

/** A `read` that makes its own engine when it is first given tensors that belong to none. */
export function reader(makeEngine: () => Promise<BaseEngine>): <T extends Tree<Tensor>>(tree: T) => Promise<ValuesOf<T>> {
  let shared: Promise<BaseEngine> | undefined;
  return async (tree) => {
    const owner = flatten<Tensor>(tree).leaves.find((t) => t instanceof Tensor && t.owner !== undefined)?.owner;
    if (owner && !(owner instanceof BaseEngine)) throw new Error(`read: ${owner.label} cannot be read from`);
    const engine = owner ?? (await (shared ??= makeEngine()));
    return engine.read(tree) as Promise<any>;
  };
}
