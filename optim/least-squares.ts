/**
 * Nonlinear least squares: Levenberg and Marquardt's method as a graph over states. Each tick makes a step, and keeps it if it is one downhill. A step
 * that is refused leaves the parameters, and so the Jacobian, as they were: the next tick solves anew with more damping, and computes nothing else.
 */
import type { DType } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import type { State } from "../core/source.ts";
import { type Tensor } from "../core/tensor.ts";
import { add, div, mul, neg, square, sub } from "../ops/arithmetic.ts";
import { cholesky } from "../ops/cholesky.ts";
import { equal, greater, greaterEqual, isNaN, less, lessEqual, logicalAnd, logicalNot, logicalOr, where } from "../ops/compare.ts";
import { concatenate } from "../ops/concatenate.ts";
import { zeros } from "../ops/creation.ts";
import { diag } from "../ops/diagonal.ts";
import { sqrt } from "../ops/functions.ts";
import { dot, matmul } from "../ops/matmul.ts";
import { abs, maximum } from "../ops/piecewise.ts";
import { qr } from "../ops/qr.ts";
import { max, sum } from "../ops/reductions.ts";
import { expandDims, reshape } from "../ops/reshape.ts";
import { transpose } from "../ops/transpose.ts";
import { triangularSolve } from "../ops/triangular.ts";
import type { BaseEngine } from "../scheduler/base.ts";
import type { Clock } from "../scheduler/clock.ts";
import { parametersIn, type Parameters } from "./parameters.ts";
import { jacobianAt, type ParameterList, type Residual, residualsAt } from "./residuals.ts";

export interface LeastSquaresOptions {
  readonly clock?: Clock;
  /** Of parameters that are given as plain numbers (default float64: normal equations square what float32 has lost). */
  readonly dtype?: DType;
  /** How the damped linear problem is solved: "qr" of the Jacobian, or "cholesky" of J^T J, which is less work and half the digits. Default: qr up to 64 parameters. */
  readonly solver?: "qr" | "cholesky";
  /** The first damping, relative to the curvature of each parameter (default 100: cautious, for the first tenfold decreases cost little). */
  readonly damping?: number;
  /** Stops where each residual's angle with each column of the Jacobian is this near a right one (default 1e-10). */
  readonly gradientTolerance?: number;
  /** Stops after a step this short, relative to the parameters (default 1e-12). */
  readonly stepTolerance?: number;
  /** Stops when a step has made the loss smaller by no more than this part (default 0). */
  readonly lossTolerance?: number;
}

/** Why a method has stopped, by its `status`. */
export const reasons = [
  "running",
  "the gradient vanishes",
  "steps have become short",
  "the loss does not get smaller",
  "no step makes the loss smaller",
  "the loss is not finite",
] as const;
const Status = { running: 0, gradient: 1, step: 2, loss: 3, stuck: 4, notFinite: 5 } as const;

export interface LeastSquares<P> {
  readonly params: P;
  /** Half the sum of squares. */
  readonly loss: Tensor<[]>;
  readonly residuals: Tensor;
  readonly jacobian: Tensor;
  readonly damping: State<[]>;
  /** How many ticks there were, and how many of them moved the parameters: int32. */
  readonly count: State<[]>;
  readonly accepted: State<[]>;
  /** 0 while it runs, else the number of one of `reasons`: int32. */
  readonly status: State<[]>;
  readonly reasons: readonly string[];
  readonly clock: Clock;
  readonly states: readonly State[];
}

/** A part of the loss that its rounding may hide. */
const trust = 1e-13;
/** Beyond such damping, steps are too short to change anything. */
const largestDamping = 1e20;

/**
 * Levenberg and Marquardt's method, with the damping of Nielsen (1999) and the scaling of Moré (1978): half the sum of squares of all residuals, made
 * smaller by each tick of the clock.
 */
export function levenbergMarquardt<const T>(
  engine: BaseEngine,
  residuals: Residual<Parameters<T>> | readonly Residual<Parameters<T>>[],
  initial: T,
  options: LeastSquaresOptions = {},
): LeastSquares<Parameters<T>> {
  const op = "levenbergMarquardt";
  const { clock = engine.clock(), dtype = "float64", damping: firstDamping = 100 } = options;
  const { gradientTolerance = 1e-10, stepTolerance = 1e-12, lossTolerance = 0 } = options;
  const terms = Array.isArray(residuals) ? (residuals as readonly Residual<any>[]) : [residuals as Residual<any>];
  const given = parametersIn(op, initial, dtype);
  const n = given.data.length;
  const state = (data: number | Float64Array | Float32Array | Int32Array, label: string, of: DType = given.dtype): State =>
    engine.state(data, { clock, dtype: of, label });
  const p = state(given.data, "parameters");
  const lambda = state(firstDamping, "damping");
  const growth = state(2, "growth of the damping");
  const scale = state(new Float64Array(n), "scale");
  const [count, accepted, status] = ["steps", "accepted steps", "status"].map((label) => state(0, label, "int32")) as [State, State, State];

  const listAt = (vector: Tensor): ParameterList => ({ leaves: given.leaves(vector), treeOf: given.rebuild });
  const r = residualsAt(op, terms, listAt(p));
  const J = jacobianAt(op, terms, listAt(p));
  const loss = half(r);
  const gradient = matmul(transpose(J), r);
  const curvature = sum(square(J), 0);
  // The largest curvature so far keeps the scale from shrinking where the Jacobian happens to vanish.
  const scaled = maximum(scale, curvature);
  const weight = where(greater(scaled, 0), scaled, 1);

  const solver = options.solver ?? (n <= 64 ? "qr" : "cholesky");
  const damped = mul(lambda, weight);
  const step = solver === "qr" ? stepByQR(J, r, damped) : stepByCholesky(J, gradient, damped);
  const trial = add(p, step);
  const trialLoss = half(residualsAt(op, terms, listAt(trial)));
  const predicted = mul(0.5, dot(step, sub(mul(damped, step), gradient)));
  const actual = sub(loss, trialLoss);
  const ratio = div(actual, predicted);

  const running = equal(status, Status.running);
  // Near a minimum rounding hides what a step gains: there steps are taken on trust, until they are short.
  const hidden = logicalAnd(lessEqual(abs(actual), mul(trust, loss)), lessEqual(predicted, mul(trust, loss)));
  const better = logicalAnd(logicalOr(greater(actual, 0), hidden), greaterEqual(predicted, 0));
  const moves = logicalAnd(running, better);
  const angle = max(div(abs(gradient), mul(sqrt(weight), maximum(sqrt(mul(2, loss)), Number.MIN_VALUE))));
  const length = (v: Tensor): Tensor => sqrt(sum(mul(weight, square(v))));
  const short = lessEqual(length(step), mul(stepTolerance, length(p)));
  const flat = logicalAnd(greater(actual, 0), lessEqual(actual, mul(lossTolerance, loss)));
  const verdict = [
    [isNaN(loss), Status.notFinite],
    [lessEqual(angle, gradientTolerance), Status.gradient],
    [equal(loss, 0), Status.gradient],
    [short, Status.step],
    [flat, Status.loss],
    [logicalNot(less(lambda, largestDamping)), Status.stuck],
  ] as const;

  const shrink = where(hidden, 0.1, maximum(0.1, sub(1, cube(sub(mul(2, ratio), 1)))));
  p.next = where(moves, trial, p);
  lambda.next = where(running, where(better, mul(lambda, shrink), mul(lambda, growth)), lambda);
  growth.next = where(running, where(better, 2, mul(growth, 2)), growth);
  scale.next = where(running, scaled, scale);
  count.next = add(count, 1);
  accepted.next = where(moves, add(accepted, 1), accepted);
  status.next = where(
    running,
    verdict.reduceRight<Tensor>((rest, [holds, code]) => where(holds, code, rest), scalar(0, "int32")),
    status,
  );
  const params = given.rebuild(given.leaves(p)) as Parameters<T>;
  return {
    params,
    loss,
    residuals: r,
    jacobian: J,
    damping: lambda,
    count,
    accepted,
    status,
    reasons,
    clock,
    states: [p, lambda, growth, scale, count, accepted, status],
  };
}

const half = (r: Tensor): Tensor => mul(0.5, sum(square(r)));
const cube = (x: Tensor): Tensor => mul(x, square(x));

/** The step that makes |J s + r|^2 + sum damped s^2 smallest, from the factorization of J on top of the damping. */
function stepByQR(J: Tensor, r: Tensor, damped: Tensor): Tensor {
  const n = J.shape[1] as number;
  const { q, r: upper } = qr(concatenate([J, diag(sqrt(damped))]));
  const right = matmul(transpose(q), concatenate([r, zeros([n], { dtype: r.dtype })]));
  return neg(reshape(triangularSolve(upper, expandDims(right, 1), { lower: false }), [n]));
}

/** The same from the normal equations (J^T J + damping) s = -J^T r. */
function stepByCholesky(J: Tensor, gradient: Tensor, damped: Tensor): Tensor {
  const n = J.shape[1] as number;
  const L = cholesky(add(matmul(transpose(J), J), diag(damped)));
  const half = triangularSolve(L, expandDims(neg(gradient), 1), { lower: true });
  return reshape(triangularSolve(transpose(L), half, { lower: false }), [n]);
}
