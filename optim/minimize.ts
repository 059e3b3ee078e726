/** `minimize`: a loss, where to begin, and how: the training and its run in one call. */
import type { Tensor } from "../core/tensor.ts";
import type { BaseEngine } from "../scheduler/base.ts";
import type { Optimizer } from "./optimizer.ts";
import { adam } from "./optimizers.ts";
import type { Parameters, ParameterStates } from "./parameters.ts";
import { Run, type Runnable, type RunOptions } from "./run.ts";
import { train, type Training, type TrainOptions } from "./train.ts";

export interface MinimizeOptions extends RunOptions, TrainOptions {
  readonly engine: BaseEngine;
  /** Default: adam(). */
  readonly optimizer?: Optimizer;
}

/** Begins to make a loss smaller. The run tells of its progress; the parameters are states that anything may be built on. */
export function minimize<const T>(
  loss: (params: Parameters<T>) => Tensor,
  initial: T,
  { engine, optimizer = adam(), ...options }: MinimizeOptions,
): Run & { readonly training: Training<ParameterStates<T>> } {
  const training = train(engine, loss, initial, optimizer, options);
  return Object.assign(run(engine, training, options), { training });
}

/** Runs a training that is there already, of any method. */
export const run = (engine: BaseEngine, training: Runnable, options: RunOptions): Run => new Run(engine, training, options);
