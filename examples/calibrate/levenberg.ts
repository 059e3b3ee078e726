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

/** Takes an evaluation in; the first one starts a fit. One that did not improve (or is NaN) raises the damping. */
export function levenberg(fit: Fit | undefined, trial: Evaluation): Fit {
  const improved = !fit || trial.loss < fit.best.loss;
  const best = improved ? trial : fit.best;
  const damping = !fit ? firstDamping : fit.damping * (improved ? 0.1 : 10);
  const evaluations = (fit?.evaluations ?? 0) + 1;

  const [[a, b], [, c]] = best.curvature;
  const inverse = invert([a * (1 + damping), b], [b, c * (1 + damping)]);
  const step = inverse.map((row) => -row[0] * best.gradient[0] - row[1] * best.gradient[1]) as unknown as Pair;
  const size = Math.max(...step.map(Math.abs));
  const done = !(size > smallestStep) || damping > largestDamping || evaluations >= mostEvaluations;
  const next: Pair = [best.parameters[0] * Math.exp(step[0]), best.parameters[1] * Math.exp(step[1])];
  return { trial, best, next: done ? undefined : next, evaluations, improved, damping };
}

/**
 * The standard errors of the best parameters, sqrt of the diagonal of s^2 (J^T J)^-1, where s^2 is the variance of the
 * residuals of n observations. Null where the observations do not determine them.
 */
export function standardErrors({ parameters, loss, curvature }: Evaluation, n: number): readonly [number | null, number | null] {
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
