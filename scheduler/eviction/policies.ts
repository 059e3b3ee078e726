/**
 * The policies that come with the engine. Costs are those of computing a value again, with what went before and goes into it.
 *
 *   keepAll    nothing goes; what does not fit fails
 *   lru        what was used longest ago goes first
 *   dtr        cost of the neighbourhood / (bytes x time since the last use): Kirisame et al., Dynamic Tensor Rematerialization, 2021
 *   msps       cost / bytes: memory saved per second, Peng et al., Capuchin, 2020
 *   nextUse    cost / (bytes x root of the time until the next use), which a plan knows; the default
 *   revolve    the optimum on chains: see revolve.ts
 *   saveOnly   what has one of these tags stays, the rest as nextUse
 *   dropFirst  what has one of these tags goes before anything else, the rest as nextUse
 *   frontier   what changes have read while it was up to date stays longest, the rest as nextUse
 *   compose    the first of several that has a preference, that is, gives another score than 0
 */
import { type CacheEntry, type CachePolicy, nameOf } from "./policy.ts";
import { byScores } from "./greedy.ts";
import { nextUseScore } from "./next-use.ts";
import { revolveSchedule } from "./revolve.ts";
import { DoesNotFit, follow, type Schedule, type Tape } from "./tape.ts";

/** Policies of these names and arguments can be made again elsewhere: in a worker. */
export interface KnownPolicy extends CachePolicy {
  readonly name: string;
  readonly maker: string;
  readonly args: readonly (string | CachePolicy)[];
}

const known = (maker: string, score: CachePolicy["score"], args: readonly string[] = []): KnownPolicy => {
  const name = args.length > 0 ? `${maker}(${args.join(", ")})` : maker;
  return { name, maker, args, score };
};

export const keepAll = (): KnownPolicy => known("keepAll", () => Infinity);
export const lru = (): KnownPolicy => known("lru", (e) => e.lastUse);
export const dtr = (): KnownPolicy => known("dtr", (e, { now }) => e.neighbourhood() / (e.bytes * (now - e.lastUse + 1)));
export const msps = (): KnownPolicy => known("msps", (e) => e.recompute() / e.bytes);

export const nextUse = (): KnownPolicy => known("nextUse", nextUseScore);

export const revolve = (): KnownPolicy => ({ ...known("revolve", nextUseScore), plan: chainOrScores });

/** The schedule for a chain, unless going by scores is cheaper: few graphs are chains and nothing else. */
function chainOrScores(tape: Tape, budget: number): Schedule | undefined {
  const planned = revolveSchedule(tape, budget);
  if (!planned) return undefined;
  try {
    const scored = byScores(tape, budget, nextUse());
    return follow(tape, scored).cost < follow(tape, planned).cost ? scored : planned;
  } catch (error) {
    if (error instanceof DoesNotFit) return planned;
    throw error;
  }
}

export const saveOnly = (...tags: string[]): KnownPolicy => known("saveOnly", (e) => (tagged(e, tags) ? Infinity : 0), tags);
export const dropFirst = (...tags: string[]): KnownPolicy => known("dropFirst", (e) => (tagged(e, tags) ? -Number.MAX_VALUE : 0), tags);
export const frontier = (): KnownPolicy => known("frontier", (e) => (e.frontier ? Number.MAX_VALUE : 0));

export function compose(...policies: CachePolicy[]): KnownPolicy {
  const planning = policies.find((p) => p.plan);
  return {
    name: `compose(${policies.map((p) => p.name ?? "yours").join(", ")})`,
    maker: "compose",
    args: policies,
    score: (entry, context) => {
      for (const policy of policies) {
        const score = policy.score(entry, context);
        if (score !== 0) return score;
      }
      return 0;
    },
    ...(planning ? { plan: (tape, budget) => planning.plan!(tape, budget) } : {}),
  };
}

const tagged = (e: CacheEntry, tags: readonly string[]): boolean => tags.some((t) => e.tags.has(t));

/** A policy in words, for another thread. */
export interface PolicyMessage {
  readonly name: string;
  readonly args: readonly (string | PolicyMessage)[];
}

const makers: Readonly<Record<string, (...args: any[]) => CachePolicy>> = {
  keepAll,
  lru,
  dtr,
  msps,
  nextUse,
  revolve,
  saveOnly,
  dropFirst,
  frontier,
  compose,
};

/** The policy in words; throws where it is a user's own. */
export function inWords(policy: CachePolicy): PolicyMessage {
  const { maker, args } = policy as Partial<KnownPolicy>;
  if (!maker || !args)
    throw new Error(
      `createEngine: an engine in a worker takes policies that come with the engine, and not ${nameOf(policy)}, which is a function`,
    );
  return { name: maker, args: args.map((x) => (typeof x === "string" ? x : inWords(x))) };
}

export const fromWords = ({ name, args }: PolicyMessage): CachePolicy =>
  makers[name]!(...args.map((x) => (typeof x === "string" ? x : fromWords(x))));
