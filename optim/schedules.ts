/** Learning rates: a number, a tensor (such as a variable behind a slider), or a schedule, which makes a tensor of the number of steps so far. */
import type { DType } from "../core/dtype.ts";
import { isFloat } from "../core/dtype.ts";
import { Tensor } from "../core/tensor.ts";
import { add, div, mul, sub } from "../ops/arithmetic.ts";
import { less, where } from "../ops/compare.ts";
import { convert } from "../ops/convert.ts";
import { showArgument } from "../ops/describe.ts";
import { cos } from "../ops/functions.ts";
import { toTensor } from "../ops/operand.ts";
import { floor, minimum } from "../ops/piecewise.ts";
import { pow } from "../ops/power.ts";

/** From the number of steps made before, a scalar of a float dtype, the rate of the next one. */
export type Schedule = (count: Tensor) => Tensor;
export type LearningRate = number | Tensor | Schedule;

/** The rate of the next step, in a dtype. */
export function rateOf(op: string, rate: LearningRate, count: Tensor, dtype: DType): Tensor | number {
  if (typeof rate === "function") return scalarOf(op, rate(convert(count, dtype)), dtype);
  if (rate instanceof Tensor) return scalarOf(op, rate, dtype);
  if (typeof rate !== "number" || !(rate >= 0))
    throw new Error(`${op}: the learning rate must be a number of at least 0, a scalar tensor or a schedule, got ${showArgument(rate)}`);
  return rate;
}

function scalarOf(op: string, rate: Tensor, dtype: DType): Tensor {
  if (!(rate instanceof Tensor) || rate.rank !== 0 || !isFloat(rate.dtype))
    throw new Error(`${op}: a learning rate must be one float number, got ${showArgument(rate)}`);
  return convert(rate, dtype);
}

/** How far a phase of so many steps is, from 0 to 1. */
const progress = (count: Tensor, steps: number): Tensor => minimum(div(count, steps), 1);

const checkSteps = (op: string, steps: number): void => {
  if (!(steps > 0)) throw new Error(`${op}: needs a positive number of steps, got ${showArgument(steps)}`);
};

/** From `start` to `end` in a straight line over so many steps; `end` from then on. */
export function linearSchedule(start: number, end: number, steps: number): Schedule {
  checkSteps("linearSchedule", steps);
  return (count) => add(start, mul(end - start, progress(count, steps)));
}

/** rate * decay^(count / steps); with `staircase` the exponent is rounded down. */
export function exponentialDecay(rate: number, decay: number, steps: number, { staircase = false } = {}): Schedule {
  checkSteps("exponentialDecay", steps);
  return (count) => {
    const exponent = div(count, steps);
    return mul(rate, pow(decay, staircase ? floor(exponent) : exponent));
  };
}

/** rate * (1 + (count / steps) decay)^-1: 1/t decay. */
export function inverseTimeDecay(rate: number, decay: number, steps: number): Schedule {
  checkSteps("inverseTimeDecay", steps);
  return (count) => div(rate, add(1, mul(div(count, steps), decay)));
}

/** From `rate` to `end` along half a cosine over so many steps (Loshchilov and Hutter, arXiv:1608.03983, without restarts). */
export function cosineDecay(rate: number, steps: number, { end = 0 }: { readonly end?: number } = {}): Schedule {
  checkSteps("cosineDecay", steps);
  return (count) => add(end, mul((rate - end) / 2, add(1, cos(mul(Math.PI, progress(count, steps))))));
}

/** The rates of schedules in turn: each begins anew where its boundary, in steps, is. There is one boundary less than schedules. */
export function joinSchedules(schedules: readonly LearningRate[], boundaries: readonly number[]): Schedule {
  if (schedules.length !== boundaries.length + 1)
    throw new Error(`joinSchedules: ${schedules.length} schedules need ${schedules.length - 1} boundaries, got ${boundaries.length}`);
  boundaries.forEach((b, i) => {
    if (!(b > (boundaries[i - 1] ?? 0)))
      throw new Error(`joinSchedules: boundaries must ascend from above 0, got ${boundaries.join(", ")}`);
  });
  return (count) => {
    const rate = (k: number): Tensor | number => {
      const own = k === 0 ? count : sub(count, boundaries[k - 1]!);
      return rateOf("joinSchedules", schedules[k]!, own, count.dtype);
    };
    return boundaries.reduceRight<Tensor>(
      (later, b, k) => where(less(count, b), rate(k), later),
      toTensor("joinSchedules", rate(boundaries.length), count.dtype),
    );
  };
}

/** From 0 to `peak` in a straight line over the first `warmup` of the steps, then along half a cosine to `end`. */
export const warmupCosine = (peak: number, warmup: number, steps: number, options: { readonly end?: number } = {}): Schedule =>
  joinSchedules([linearSchedule(0, peak, warmup), cosineDecay(peak, steps - warmup, options)], [warmup]);

/** The rate, times a factor from each of these numbers of steps on. */
export function piecewiseConstant(rate: number, factors: Readonly<Record<number, number>>): Schedule {
  const boundaries = Object.keys(factors).map(Number);
  let now = rate;
  return joinSchedules([rate, ...boundaries.map((b) => (now *= factors[b]!))], boundaries);
}
