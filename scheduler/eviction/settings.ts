/** How an engine's cache is set: what may stay, who decides what goes, and what computing something costs. Checked here, whoever sets it. */
import { CHECKPOINTED } from "../../core/tags.ts";
import type { Tensor } from "../../core/tensor.ts";
import { showArgument } from "../../ops/describe.ts";
import { compose, dropFirst, dtr, nextUse } from "./policies.ts";
import { type CachePolicy, nameOf, PolicyError } from "./policy.ts";

/** What computing something comes to, for cost functions. */
export interface Work {
  /** What is computed, as far as it is kept: several nodes where their kernels are one. */
  readonly tensors: readonly Tensor[];
  /** Scalar operations. */
  readonly operations: number;
  /** Bytes read and written. */
  readonly bytes: number;
}

export interface CacheOptions {
  /**
   * How many bytes may stay between flushes although nobody asked for them, so that a change finds what it needs (default: 64 MiB). With a policy
   * it is the budget of the whole cache: also of what lives between the kernels of one plan, which then computes again what does not fit.
   */
  readonly budgetBytes?: number | undefined;
  /** Which values go first. Default: none, which keeps what changes have needed, and has plans meet the engine's own `budgetBytes` as `nextUse` does. */
  readonly policy?: CachePolicy | undefined;
  /** What policies take as costs: counted scalar operations (default), or a function of the work, in any unit. */
  readonly cost?: "flops" | ((work: Work) => number) | undefined;
  /** Smaller values go only when nothing else is left (default: 0). */
  readonly minBytes?: number | undefined;
}

/** What may stay in memory although nobody asks for it. */
const CACHE_BYTES = 64 * 2 ** 20;

export interface CacheSettings {
  readonly budgetBytes: number;
  /** The one that was asked for, and the one that decides: what is checkpointed goes first in any case. */
  readonly policy: CachePolicy | undefined;
  readonly deciding: CachePolicy;
  /** Those whose schedules a plan chooses from, the first of the cheapest. */
  readonly planning: readonly CachePolicy[];
  readonly cost: (work: Work) => number;
  readonly minBytes: number;
}

export const defaultPolicy = nextUse();
const flops = ({ operations }: Work): number => operations;
const deciding = (policy: CachePolicy): CachePolicy => {
  const { name: _, ...both } = compose(dropFirst(CHECKPOINTED), policy);
  return policy.name === undefined ? both : { ...both, name: policy.name };
};
const byDefault = deciding(defaultPolicy);
/** Neither is the better one on all graphs, and each has some on which only it finds a schedule. */
const planningByDefault = [byDefault, deciding(dtr())];
const initial: CacheSettings = {
  budgetBytes: CACHE_BYTES,
  policy: undefined,
  deciding: byDefault,
  planning: planningByDefault,
  cost: flops,
  minBytes: 0,
};

/** Settings with some of them set anew; what is undefined is as by default. Throws where one does not fit. */
export function withCacheOptions(options: CacheOptions = {}, before = initial): CacheSettings {
  const { budgetBytes = before.budgetBytes, minBytes = before.minBytes } = options;
  const policy = "policy" in options ? options.policy : before.policy;
  const cost = options.cost === undefined ? before.cost : options.cost === "flops" ? flops : checkedCost(options.cost);
  if (policy && budgetBytes === 0)
    throw new Error(
      `cache: budgetBytes is 0, and the policy ${nameOf(policy)} has nothing to decide; leave out the policy, or give it room`,
    );
  return { budgetBytes, policy, ...decidingAs(policy, before), cost, minBytes };
}

function decidingAs(policy: CachePolicy | undefined, before: CacheSettings): Pick<CacheSettings, "deciding" | "planning"> {
  if (policy === before.policy) return { deciding: before.deciding, planning: before.planning };
  if (!policy) return { deciding: byDefault, planning: planningByDefault };
  const own = deciding(policy);
  return { deciding: own, planning: [own] };
}

function checkedCost(cost: (work: Work) => number): (work: Work) => number {
  return (work) => {
    const value: unknown = cost(work);
    if (typeof value === "number" && value >= 0) return value;
    const what = work.tensors.map((t) => t.describe()).join(", ");
    throw new PolicyError(`cache.cost gave ${showArgument(value)} for ${what}; costs are numbers, at least 0`);
  };
}
