/** What decides which values go when room is short: policies, and what they are told. */
import type { Schedule, Tape } from "./tape.ts";

/** A value that is there and could go. */
export interface CacheEntry {
  readonly bytes: number;
  /** What the operation costs that computes it, in scalar operations, or as the engine's `cost` says. */
  readonly cost: number;
  readonly tags: ReadonlySet<string>;
  /** When it was last written or read, and when it will be read next, where that is known; Infinity says never. On the clock of `context.now`. */
  readonly lastUse: number;
  readonly nextUse: number | undefined;
  /** Whether a change has read it while it was up to date. */
  readonly frontier: boolean;
  /** What it would cost to have it again: with the values that went before and that it takes; and with those that went and take it, too. */
  recompute(): number;
  neighbourhood(): number;
}

export interface CacheContext {
  /** Whether a plan is made ("plan": time is counted in its operations), or it is settled what stays between flushes ("flush": in runs of plans). */
  readonly phase: "plan" | "flush";
  readonly now: number;
  readonly budgetBytes: number;
}

/**
 * Which values stay. Where room is short, the value with the lowest score goes; Infinity: it may not go at all. A policy is asked again whenever
 * something has to go, so it should be quick; it gives the same answers to the same questions, or plans differ from run to run.
 */
export interface CachePolicy {
  /** For messages. */
  readonly name?: string;
  score(entry: CacheEntry, context: CacheContext): number;
  /** For those that see a plan as a whole: a schedule within so many bytes, or undefined to have values go by their scores. */
  plan?(tape: Tape, budgetBytes: number): Schedule | undefined;
}

/** A policy did something that it may not do. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
}

export const nameOf = ({ name = "without a name" }: CachePolicy): string => `"${name}"`;

/** What a policy gives a value, checked. */
export function scoreOf(policy: CachePolicy, entry: CacheEntry, context: CacheContext): number {
  let score: unknown;
  try {
    score = policy.score(entry, context);
  } catch (cause) {
    throw new PolicyError(`cache policy ${nameOf(policy)} threw: ${String(cause)}`, { cause });
  }
  if (typeof score !== "number" || Number.isNaN(score))
    throw new PolicyError(`cache policy ${nameOf(policy)} gave ${String(score)} as a score; scores are numbers, the lowest goes first`);
  return score;
}
