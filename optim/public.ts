/** fluxion/optim: what a user imports to train. */
export { adafactor, type AdafactorOptions } from "./adafactor.ts";
export { type AdamScaling, type MomentumOptions, type RmsScaling, scaleByAdam, scaleByLion, scaleByRms, trace } from "./adaptive.ts";
export { chain, type Optimizer, type OptimizerCall, type OptimizerResult, type Register, stateless } from "./optimizer.ts";
export { adam, adamw, type DecayOptions, lion, type RateOptions, rmsprop, sgd } from "./optimizers.ts";
export { NotFinite, type Outcome, type Progress, Run, type Runnable, type RunOptions } from "./run.ts";
export {
  cosineDecay,
  exponentialDecay,
  inverseTimeDecay,
  joinSchedules,
  type LearningRate,
  linearSchedule,
  piecewiseConstant,
  type Schedule,
  warmupCosine,
} from "./schedules.ts";
export { lbfgs, type Lbfgs, type LbfgsOptions } from "./lbfgs.ts";
export { type LeastSquares, type LeastSquaresOptions, levenbergMarquardt, reasons } from "./least-squares.ts";
export { lineSearch, type LineSearchOptions, type LineSearchResult, type ValueAndGradient } from "./line-search.ts";
export { minimize, type MinimizeOptions, run } from "./minimize.ts";
export { type Initial, type Parameters, type ParameterStates } from "./parameters.ts";
export { ravel, unravel } from "./ravel.ts";
export { type PointResidual, type Residual } from "./residuals.ts";
export { train, type Training, type TrainOptions } from "./train.ts";
export { accumulate, addDecayedWeights, clip, clipByGlobalNorm, globalNorm, scaleByLearningRate } from "./transforms.ts";
