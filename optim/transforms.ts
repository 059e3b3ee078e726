/** What is done to gradients before, between and after the rules that scale them: clipping, weight decay, rates, accumulation. */
import type { Tensor } from "../core/tensor.ts";
import { add, div, mul, neg, square } from "../ops/arithmetic.ts";
import { addN } from "../ops/addN.ts";
import { equal, where } from "../ops/compare.ts";
import { zerosLike } from "../ops/creation.ts";
import { convert } from "../ops/convert.ts";
import { showArgument } from "../ops/describe.ts";
import { sqrt } from "../ops/functions.ts";
import { clip as clamp, maximum, rem } from "../ops/piecewise.ts";
import { sum } from "../ops/reductions.ts";
import { likeParams, type Optimizer, stateless } from "./optimizer.ts";
import { type LearningRate, rateOf } from "./schedules.ts";

const positive = (op: string, x: number): number => {
  if (typeof x === "number" && x > 0) return x;
  throw new Error(`${op}: needs a positive number, got ${showArgument(x)}`);
};

/** Steps downhill: updates times minus the learning rate. */
export const scaleByLearningRate = (rate: LearningRate): Optimizer =>
  stateless("learning rate", ({ updates, count }) => updates.map((u) => neg(mul(u, rateOf("scaleByLearningRate", rate, count, u.dtype)))));

/** Adds `decay` times the parameters: with a rule that adapts before it, decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101). */
export const addDecayedWeights = (decay: number): Optimizer =>
  stateless("weight decay", ({ updates, params }) => (decay === 0 ? updates : updates.map((u, i) => add(u, mul(decay, params[i]!)))));

/** Each element between -limit and limit. */
export function clip(limit: number): Optimizer {
  positive("clip", limit);
  return stateless("clip", ({ updates }) => updates.map((u) => clamp(u, -limit, limit)));
}

/** The norm of all updates together: the square root of the sum of all squares. */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return sqrt(addN(tensors.map((t) => convert(sum(square(t)), tensors[0]!.dtype))));
}

/** Scales all updates by one factor where their norm together is above a limit (Pascanu et al., arXiv:1211.5063). */
export function clipByGlobalNorm(limit: number): Optimizer {
  positive("clipByGlobalNorm", limit);
  return stateless("clip by global norm", ({ updates }) => {
    if (updates.length === 0) return updates;
    const excess = maximum(div(globalNorm(updates), limit), 1);
    return updates.map((u) => div(u, convert(excess, u.dtype)));
  });
}

/**
 * Gathers the gradients of `steps` steps and hands their mean to an optimizer; in between the parameters stay, and the optimizer's registers and
 * count too.
 */
export function accumulate(optimizer: Optimizer, steps: number): Optimizer {
  if (!Number.isInteger(steps) || steps < 1)
    throw new Error(`accumulate: needs a positive whole number of steps, got ${showArgument(steps)}`);
  return {
    name: `${optimizer.name} every ${steps} steps`,
    registers: (params) => [...likeParams("gathered gradient", params), ...optimizer.registers(params)],
    update: ({ updates, params, registers, count }) => {
      const gathered = updates.map((u, i) => add(registers[i]!, u));
      const own = registers.slice(params.length);
      const full = equal(rem(count, steps), steps - 1);
      const inner = optimizer.update({
        updates: gathered.map((g) => div(g, steps)),
        params,
        registers: own,
        count: convert(div(convert(count, "float64"), steps), "int32"),
      });
      return {
        updates: inner.updates.map((u) => where(full, u, zerosLike(u))),
        registers: [...gathered.map((g) => where(full, zerosLike(g), g)), ...inner.registers.map((next, i) => where(full, next, own[i]!))],
      };
    },
  };
}
