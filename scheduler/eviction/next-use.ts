/** The default score: what a value costs to have again, for the room that it takes and the time that nobody needs it. */
import type { CacheContext, CacheEntry } from "./policy.ts";

/** Between flushes nobody knows the next use: what was used lately is likely to be used soon. */
export function nextUseScore(e: CacheEntry, { now }: CacheContext): number {
  const wait = e.nextUse === undefined ? now - e.lastUse : e.nextUse - now;
  return e.recompute() / (e.bytes * Math.sqrt(Math.max(0, wait) + 1));
}
