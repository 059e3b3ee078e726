/** Rules that scale gradients by what earlier ones were: momentum, and running means of squares. Each is one part of a chain. */
import type { Tensor } from "../core/tensor.ts";
import { add, div, mul, neg, square, sub } from "../ops/arithmetic.ts";
import { convert } from "../ops/convert.ts";
import { showArgument } from "../ops/describe.ts";
import { expm1, sqrt } from "../ops/functions.ts";
import { maximum, sign } from "../ops/piecewise.ts";
import { likeParams, type Optimizer } from "./optimizer.ts";

/** Throws unless x is a weight of a running mean: at least 0, below 1. */
export function checkDecay(op: string, name: string, x: number): void {
  if (!(typeof x === "number" && x >= 0 && x < 1)) throw new Error(`${op}: ${name} must be at least 0 and below 1, got ${showArgument(x)}`);
}

/** (1 - weight) x + weight mean */
const runningMean = (mean: Tensor, x: Tensor, weight: number): Tensor => add(mul(mean, weight), mul(x, 1 - weight));

/**
 * 1 - weight^steps: what a running mean that began at zero is too small by. By way of the logarithm, since weight^steps is near 1 and would
 * leave few digits.
 */
const correction = (weight: number, count: Tensor, like: Tensor): Tensor =>
  neg(expm1(mul(add(convert(count, like.dtype), 1), Math.log(weight))));

export interface MomentumOptions {
  /** The weight of the velocity so far. */
  readonly momentum: number;
  /** Whether the update looks ahead along the velocity (Nesterov 1983, in the form of Sutskever et al. 2013). */
  readonly nesterov?: boolean;
}

/** The velocity v <- momentum v + g instead of the gradient. */
export function trace({ momentum, nesterov = false }: MomentumOptions): Optimizer {
  checkDecay("momentum", "momentum", momentum);
  return {
    name: "momentum",
    registers: (params) => likeParams("velocity", params),
    update: ({ updates, registers }) => {
      const velocities = updates.map((g, i) => add(mul(registers[i]!, momentum), g));
      return { updates: nesterov ? updates.map((g, i) => add(g, mul(velocities[i]!, momentum))) : velocities, registers: velocities };
    },
  };
}

export interface AdamScaling {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Divides by the greatest mean of squares so far (Reddi et al., On the Convergence of Adam and Beyond, 2018). */
  readonly amsgrad?: boolean;
}

/** m / (sqrt(v) + epsilon) with running means of gradients and of their squares, corrected for their start (Kingma and Ba, arXiv:1412.6980). */
export function scaleByAdam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false }: AdamScaling = {}): Optimizer {
  checkDecay("adam", "beta1", beta1);
  checkDecay("adam", "beta2", beta2);
  return {
    name: "adam",
    registers: (params) => [
      ...likeParams("mean", params),
      ...likeParams("mean square", params),
      ...(amsgrad ? likeParams("greatest mean square", params) : []),
    ],
    update: ({ updates, registers, count }) => {
      const n = updates.length;
      const means = updates.map((g, i) => runningMean(registers[i]!, g, beta1));
      const squares = updates.map((g, i) => runningMean(registers[n + i]!, square(g), beta2));
      const greatest = amsgrad ? squares.map((v, i) => maximum(registers[2 * n + i]!, v)) : [];
      const scaled = means.map((m, i) => {
        const v = amsgrad ? greatest[i]! : squares[i]!;
        return div(div(m, correction(beta1, count, m)), add(sqrt(div(v, correction(beta2, count, v))), epsilon));
      });
      return { updates: scaled, registers: [...means, ...squares, ...greatest] };
    },
  };
}

export interface RmsScaling {
  /** The weight of the mean of squares so far. */
  readonly decay?: number;
  readonly epsilon?: number;
  /** Divides by the standard deviation instead of the root of the mean square (Graves, arXiv:1308.0850). */
  readonly centered?: boolean;
}

/** g / (sqrt(v) + epsilon) with a running mean of squares (Hinton, Neural Networks for Machine Learning, lecture 6e, 2012). */
export function scaleByRms({ decay = 0.99, epsilon = 1e-8, centered = false }: RmsScaling = {}): Optimizer {
  checkDecay("rmsprop", "decay", decay);
  return {
    name: "rms",
    registers: (params) => [...likeParams("mean square", params), ...(centered ? likeParams("mean", params) : [])],
    update: ({ updates, registers }) => {
      const n = updates.length;
      const squares = updates.map((g, i) => runningMean(registers[i]!, square(g), decay));
      const means = centered ? updates.map((g, i) => runningMean(registers[n + i]!, g, decay)) : [];
      const scaled = updates.map((g, i) => {
        const spread = centered ? maximum(sub(squares[i]!, square(means[i]!)), 0) : squares[i]!;
        return div(g, add(sqrt(spread), epsilon));
      });
      return { updates: scaled, registers: [...squares, ...means] };
    },
  };
}

/** The sign of a mean of gradients (Chen et al., Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675). */
export function scaleByLion({ beta1 = 0.9, beta2 = 0.99 }: { readonly beta1?: number; readonly beta2?: number } = {}): Optimizer {
  checkDecay("lion", "beta1", beta1);
  checkDecay("lion", "beta2", beta2);
  return {
    name: "lion",
    registers: (params) => likeParams("mean", params),
    update: ({ updates, registers }) => ({
      updates: updates.map((g, i) => sign(runningMean(registers[i]!, g, beta1))),
      registers: updates.map((g, i) => runningMean(registers[i]!, g, beta2)),
    }),
  };
}
