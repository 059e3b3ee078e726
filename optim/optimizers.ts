/** First-order optimizers by their names, as chains of the rules in adaptive.ts and transforms.ts. */
import type { Optimizer } from "./optimizer.ts";
import { chain } from "./optimizer.ts";
import { type AdamScaling, type MomentumOptions, type RmsScaling, scaleByAdam, scaleByLion, scaleByRms, trace } from "./adaptive.ts";
import type { LearningRate } from "./schedules.ts";
import { addDecayedWeights, scaleByLearningRate } from "./transforms.ts";

export interface RateOptions {
  /** A number, a scalar tensor (a variable may change while it runs), or a schedule. */
  readonly learningRate: LearningRate;
}
export interface DecayOptions {
  /** Decoupled weight decay: times the parameters, times the learning rate. */
  readonly weightDecay?: number;
}

/** Gradient descent, with or without momentum. */
export const sgd = ({ learningRate, momentum = 0, nesterov = false }: RateOptions & Partial<MomentumOptions>): Optimizer =>
  named(
    "sgd",
    momentum === 0 && !nesterov
      ? scaleByLearningRate(learningRate)
      : chain(trace({ momentum, nesterov }), scaleByLearningRate(learningRate)),
  );

/** Adam (Kingma and Ba, arXiv:1412.6980). The default rate is the paper's. */
export const adam = ({ learningRate = 1e-3, ...scaling }: Partial<RateOptions> & AdamScaling = {}): Optimizer =>
  named("adam", chain(scaleByAdam(scaling), scaleByLearningRate(learningRate)));

/** Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101). */
export const adamw = ({
  learningRate = 1e-3,
  weightDecay = 1e-2,
  ...scaling
}: Partial<RateOptions> & DecayOptions & AdamScaling = {}): Optimizer =>
  named("adamw", chain(scaleByAdam(scaling), addDecayedWeights(weightDecay), scaleByLearningRate(learningRate)));

/** RMSProp (Hinton 2012), with or without momentum on what is scaled. */
export const rmsprop = ({ learningRate, momentum = 0, ...scaling }: RateOptions & { readonly momentum?: number } & RmsScaling): Optimizer =>
  named("rmsprop", chain(scaleByRms(scaling), ...(momentum === 0 ? [] : [trace({ momentum })]), scaleByLearningRate(learningRate)));

/** Lion (Chen et al., arXiv:2302.06675). */
export const lion = ({
  learningRate = 1e-4,
  weightDecay = 0,
  ...betas
}: Partial<RateOptions> & DecayOptions & { readonly beta1?: number; readonly beta2?: number } = {}): Optimizer =>
  named("lion", chain(scaleByLion(betas), addDecayedWeights(weightDecay), scaleByLearningRate(learningRate)));

const named = (name: string, optimizer: Optimizer): Optimizer => ({ ...optimizer, name });
