/**
 * The Gauss-Newton method with Levenberg and Marquardt's damping, as a reducer: each evaluation of the model goes in,
 * and the parameters to try next come out. It steps in the logarithms of the parameters, which keeps them positive, and
 * so every derivative here is by a logarithm.
 */

/** The model at one pair of parameters. */
export interface Evaluation {
  readonly parameters: Pair;
  /** Half the sum of squared residuals. */
  readonly loss: number;
  /** J^T r, the gradient of the loss, and J^T J, its curvature but for that of the readings themselves. */
  readonly gradient: Pair;
  readonly curvature: readonly [Pair, Pair];
  /** The gradient of the loss again, by adjoints: not needed here, but it should agree. */
  readonly adjoint: Pair;
}

export type Pair = readonly [number, number];

/** The distance between the gradients by tangents and by adjoints. */
export const mismatch = ({ gradient, adjoint }: Evaluation): number => Math.hypot(gradient[0] - adjoint[0], gradient[1] - adjoint[1]);

export interface Fit {
  /** The last evaluation, and the best one so far. */
  readonly trial: Evaluation;
  readonly best: Evaluation;
  /** What to evaluate next; undefined when no step would improve the fit any more. */
  readonly next: Pair | undefined;
  readonly evaluations: number;
  /** Whether the last evaluation improved the fit. */
  readonly improved: boolean;
  readonly damping: number;
}

const [firstDamping, largestDamping, smallestStep, mostEvaluations] = [1e-3, 1e8, 1e-7, 60];
/** No step changes a parameter by a larger factor than e^3: the derivatives here tell nothing of what is so far away. */
const largestStep = 3;

/** The step from an evaluation that Gauss and Newton's method takes, shortened and turned downhill by damping. */
function stepFrom({ curvature, gradient }: Evaluation, damping: number): Pair {
  const [[a, b], [, c]] = curvature;
  const [first, second] = invert([a * (1 + damping), b], [b, c * (1 + damping)]);
  const along = (row: Pair): number => -row[0] * gradient[0] - row[1] * gradient[1];
  return [along(first), along(second)];
}

const sizeOf = (step: Pair): number => Math.max(...step.map(Math.abs));

/** Takes an evaluation in; the first one starts a fit. One that did not improve (or is NaN) raises the damping. */
export function levenberg(fit: Fit | undefined, trial: Evaluation): Fit {
  const improved = !fit || trial.loss < fit.best.loss;
  const best = improved ? trial : fit.best;
  const evaluations = (fit?.evaluations ?? 0) + 1;

  let damping = !fit ? firstDamping : fit.damping * (improved ? 0.1 : 10);
  let step = stepFrom(best, damping);
  // What was just tried, to the bit, would be no change: nobody would be told of its evaluation.
  const again = (): boolean => trial.parameters.every((p, i) => p === best.parameters[i]! * Math.exp(step[i]!));
  for (; (sizeOf(step) > largestStep || again()) && damping <= largestDamping; step = stepFrom(best, damping)) damping *= 10;
  const done = !(sizeOf(step) > smallestStep) || damping > largestDamping || evaluations >= mostEvaluations;
  const next: Pair = [best.parameters[0] * Math.exp(step[0]), best.parameters[1] * Math.exp(step[1])];
  return { trial, best, next: done ? undefined : next, evaluations, improved, damping };
}

/** At a minimum, the undamped step is shorter than this. */
const settled = 1e-3;

/**
 * The standard errors of the best parameters, sqrt of the diagonal of s^2 (J^T J)^-1, where s^2 is the variance of the
 * residuals of n observations. Null where the observations do not determine them, and where the fit ended at no minimum.
 */
export function standardErrors(best: Evaluation, n: number): readonly [number | null, number | null] {
  const { parameters, loss, curvature } = best;
  if (!(sizeOf(stepFrom(best, 0)) < settled)) return [null, null];
  const variance = (2 * loss) / (n - 2);
  const inverse = invert(...curvature);
  const error = (i: 0 | 1): number | null => {
    const size = parameters[i] * Math.sqrt(variance * inverse[i][i]);
    return Number.isFinite(size) ? size : null;
  };
  return [error(0), error(1)];
}

function invert([a, b]: Pair, [c, d]: Pair): [Pair, Pair] {
  const determinant = a * d - b * c;
  return [
    [d / determinant, -b / determinant],
    [-c / determinant, a / determinant],
  ];
}
