/** Adafactor (Shazeer and Stern, arXiv:1804.04235): running means of squares kept as one row and one column of each matrix. */
import type { Shape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { add, div, mul, neg, square, sub } from "../ops/arithmetic.ts";
import { convert } from "../ops/convert.ts";
import { showArgument } from "../ops/describe.ts";
import { rsqrt, sqrt } from "../ops/functions.ts";
import { maximum, minimum } from "../ops/piecewise.ts";
import { pow } from "../ops/power.ts";
import { mean } from "../ops/reductions.ts";
import { expandDims } from "../ops/reshape.ts";
import type { Optimizer, Register } from "./optimizer.ts";
import { type LearningRate, rateOf } from "./schedules.ts";

export interface AdafactorOptions {
  /** Relative to the size of the parameters. Default: the least of 0.01 and 1 / sqrt(step). */
  readonly learningRate?: LearningRate;
  /** The mean of squares forgets with weight 1 - step^-decay. */
  readonly decay?: number;
  /** Updates whose root mean square is above this are scaled down. */
  readonly clippingThreshold?: number;
  /** Added to squares; and the least size of a parameter. */
  readonly epsilon?: readonly [number, number];
  readonly weightDecay?: number;
}

/** The root of the mean of squares of all elements. */
const rootMeanSquare = (x: Tensor): Tensor => sqrt(mean(square(x)));

/** A matrix, or a stack of them: its means of squares are factored. */
const isFactored = (p: Tensor): boolean => p.rank >= 2;

/** The registers of one parameter: rows and columns, or all elements. */
function registersOf(p: Tensor, i: number): Register[] {
  const name = p.label ?? `parameter ${i}`;
  const register = (what: string, shape: Shape): Register => ({ name: `${what} of ${name}`, shape, dtype: p.dtype, initial: 0 });
  if (!isFactored(p)) return [register("mean square", p.shape)];
  const stack = p.shape.slice(0, -2);
  return [register("mean square of rows", [...stack, p.shape.at(-2)!]), register("mean square of columns", [...stack, p.shape.at(-1)!])];
}

/**
 * Steps of a size relative to the parameters', without momentum, with means of squares that take a row and a column of memory a matrix instead of
 * all of it. The rate is lr * max(epsilon[1], rms(parameter)).
 */
export function adafactor({
  learningRate,
  decay = 0.8,
  clippingThreshold = 1,
  epsilon = [1e-30, 1e-3],
  weightDecay = 0,
}: AdafactorOptions = {}): Optimizer {
  if (!(decay > 0)) throw new Error(`adafactor: decay must be positive, got ${showArgument(decay)}`);
  if (!(clippingThreshold > 0)) throw new Error(`adafactor: clippingThreshold must be positive, got ${showArgument(clippingThreshold)}`);
  return {
    name: "adafactor",
    registers: (params) => params.flatMap(registersOf),
    update: ({ updates, params, registers, count }) => {
      let at = 0;
      const kept: Tensor[] = [];
      const next = updates.map((g, i) => {
        const p = params[i]!;
        const step = add(convert(count, p.dtype), 1);
        const fresh = pow(step, -decay);
        const blend = (old: Tensor, now: Tensor): Tensor => add(mul(old, sub(1, fresh)), mul(now, fresh));
        const squares = add(square(g), epsilon[0]);
        let scaled: Tensor;
        if (isFactored(p)) {
          const rows = blend(registers[at++]!, mean(squares, -1));
          const columns = blend(registers[at++]!, mean(squares, -2));
          kept.push(rows, columns);
          const share = rsqrt(div(rows, mean(rows, { axis: -1, keepdims: true })));
          scaled = mul(mul(g, expandDims(share, -1)), expandDims(rsqrt(columns), -2));
        } else {
          const all = blend(registers[at++]!, squares);
          kept.push(all);
          scaled = mul(g, rsqrt(all));
        }
        const clipped = div(scaled, maximum(div(rootMeanSquare(scaled), clippingThreshold), 1));
        const rate = learningRate === undefined ? minimum(rsqrt(step), 0.01) : rateOf("adafactor", learningRate, count, p.dtype);
        const change = mul(clipped, mul(rate, maximum(rootMeanSquare(p), epsilon[1])));
        return neg(weightDecay === 0 ? change : add(change, mul(p, mul(weightDecay, rate))));
      });
      return { updates: next, registers: kept };
    },
  };
}
