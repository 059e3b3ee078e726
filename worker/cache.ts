/** Settings of a cache on their way to a worker: policies that come with the engine travel by name, functions of a user's own do not. */
import { fromWords, inWords, type PolicyMessage } from "../scheduler/eviction/policies.ts";
import type { CacheOptions } from "../scheduler/eviction/settings.ts";

export interface CacheMessage extends Omit<CacheOptions, "policy" | "cost"> {
  readonly policy?: PolicyMessage | undefined;
}

export function encodeCache({ policy, cost, ...numbers }: CacheOptions): CacheMessage {
  if (typeof cost === "function")
    throw new Error('createEngine: an engine in a worker takes "flops" as cache.cost; a function cannot be sent there');
  return { ...numbers, ...(policy ? { policy: inWords(policy) } : {}) };
}

export const decodeCache = ({ policy, ...numbers }: CacheMessage): CacheOptions => ({
  ...numbers,
  ...(policy ? { policy: fromWords(policy) } : {}),
});
