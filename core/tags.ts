/** Tags: words that users give nodes, for whoever decides what is kept in memory. A node made again in another place keeps them. */
import type { Tensor } from "./tensor.ts";

/** The tag of what goes first where room is short: see ad/checkpoint.ts. */
export const CHECKPOINTED = "checkpointed";

const tags = new WeakMap<Tensor, readonly string[]>();
const none: readonly string[] = [];

export const tagsOf = (t: Tensor): readonly string[] => tags.get(t) ?? none;

export function addTags(t: Tensor, added: readonly string[]): void {
  if (added.length > 0) tags.set(t, [...new Set([...tagsOf(t), ...added])]);
}
