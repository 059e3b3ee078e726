/**
 * L-BFGS with a line search for the strong Wolfe conditions, as a graph: a tick makes several iterations, inside the backend. Each tick begins with the value
 * and the gradient as they are then, so that whatever the loss is built on may change between two of them.
 */
import type { DType } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import type { State } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import { scan, whileLoop } from "../ad/control/loops.ts";
import { valueAndGrad } from "../ad/grad.ts";
import { add, div, mul, neg, sub } from "../ops/arithmetic.ts";
import { equal, greater, less, lessEqual, logicalAnd, logicalNot, where } from "../ops/compare.ts";
import { concatenate } from "../ops/concatenate.ts";
import { isFinite } from "../ops/floating.ts";
import { dot } from "../ops/matmul.ts";
import { sliceAxis } from "../ops/pad.ts";
import { abs, minimum } from "../ops/piecewise.ts";
import { max, sum } from "../ops/reductions.ts";
import { expandDims } from "../ops/reshape.ts";
import type { BaseEngine } from "../scheduler/base.ts";
import type { Clock } from "../scheduler/clock.ts";
import { lineSearch, type ValueAndGradient } from "./line-search.ts";
import { type Parameters, parametersIn } from "./parameters.ts";
import { ravel } from "./ravel.ts";

export interface LbfgsOptions {
  readonly clock?: Clock;
  /** Of parameters that are given as plain numbers (default float64: in float32 line searches end early). */
  readonly dtype?: DType;
  /** How many pairs of steps and gradient differences it remembers (default 20). */
  readonly history?: number;
  /** Iterations a tick (default 10). */
  readonly iterations?: number;
  /** Stops where no element of the gradient is larger than this (default 1e-9). */
  readonly gradientTolerance?: number;
  /** Stops when an iteration has made the loss smaller by no more than this part of it (default 0). */
  readonly lossTolerance?: number;
}

/** Why it has stopped, by its `status`. */
const reasons = [
  "running",
  "the gradient vanishes",
  "the loss does not get smaller",
  "no step makes the loss smaller",
  "the loss is not finite",
] as const;
const none = scalar(0, "int32");
const [running, vanishing, level, stuck, notFinite] = reasons.map((_, i) => scalar(i, "int32")) as [Tensor, Tensor, Tensor, Tensor, Tensor];

export interface Lbfgs<P> {
  readonly params: P;
  readonly loss: Tensor<[]>;
  /** How many iterations were made, and how often the loss was computed for them: int32. */
  readonly count: State<[]>;
  readonly evaluations: State<[]>;
  /** 0 while it runs, else the number of one of `reasons`: int32. */
  readonly status: State<[]>;
  readonly reasons: readonly string[];
  readonly clock: Clock;
  readonly states: readonly State[];
}

/** Below this part of |s| |y| a pair says nothing of the curvature. */
const LEAST_CURVATURE = 1e-14;

/** The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Liu and Nocedal 1989) for a loss of a tree of parameters. */
export function lbfgs<const T>(
  engine: BaseEngine,
  loss: (params: Parameters<T>) => Tensor,
  initial: T,
  options: LbfgsOptions = {},
): Lbfgs<Parameters<T>> {
  const { clock = engine.clock(), dtype = "float64", history = 20, iterations = 10, gradientTolerance = 1e-9, lossTolerance = 0 } = options;
  const given = parametersIn("lbfgs", initial, dtype);
  const n = given.data.length;
  const state = (data: number | Float64Array | Float32Array, label: string, shape: readonly number[], of: DType = given.dtype): State =>
    engine.state(data as number, { clock, dtype: of, label, shape });
  const x = state(given.data, "parameters", [n]);
  const steps = state(new Float64Array(history * n), "steps", [history, n]);
  const differences = state(new Float64Array(history * n), "gradient differences", [history, n]);
  const [count, evaluations, status] = ["iterations", "evaluations", "status"].map((label) => state(0, label, [], "int32")) as [
    State,
    State,
    State,
  ];

  const treeOf = (vector: Tensor): Parameters<T> => given.rebuild(given.leaves(vector)) as Parameters<T>;
  const f: ValueAndGradient = (vector) => {
    const by = (...leaves: Tensor[]): Tensor => loss(given.rebuild(leaves) as Parameters<T>);
    const leaves = given.leaves(vector);
    const [value, gradients] = valueAndGrad(by, { argnums: leaves.map((_, i) => i) })(...leaves) as [Tensor, Tensor[]];
    return [value, ravel(gradients)];
  };

  const [value, gradient] = f(x);
  const verdict = (v: Tensor, g: Tensor): Tensor =>
    where(isFinite(v), where(lessEqual(max(abs(g)), gradientTolerance), vanishing, running), notFinite);
  const last = whileLoop(
    (c) => logicalAnd(equal(c.status, running), less(c.made, iterations)),
    (c) => {
      const direction = neg(inverseHessianTimes(c.gradient, c.steps, c.differences));
      // Before anything is known of the curvature, a first step of length 1 at most.
      const unknown = equal(sum(mul(c.differences, c.differences)), 0);
      const first = where(unknown, minimum(1, div(1, sum(abs(c.gradient)))), 1);
      const found = lineSearch(f, c, direction, first);
      const s = sub(found.x, c.x);
      const y = sub(found.gradient, c.gradient);
      const curved = greater(dot(s, y), mul(LEAST_CURVATURE, dot(y, y)));
      const gain = sub(c.value, found.value);
      const flat = lessEqual(abs(gain), mul(lossTolerance, abs(c.value)));
      const after = verdict(found.value, found.gradient);
      // What was remembered may have led astray: one more attempt goes along the gradient.
      const failed = logicalNot(found.found);
      const kept = (rows: Tensor, row: Tensor): Tensor => where(failed, mul(rows, 0), where(curved, shifted(rows, row), rows));
      return {
        x: found.x,
        value: found.value,
        gradient: found.gradient,
        steps: kept(c.steps, s),
        differences: kept(c.differences, y),
        made: add(c.made, 1),
        evaluations: add(c.evaluations, found.evaluations),
        status: where(failed, where(unknown, stuck, running), where(logicalAnd(equal(after, running), flat), level, after)),
      };
    },
    {
      x,
      value,
      gradient,
      steps,
      differences,
      made: none,
      evaluations: none,
      status: where(equal(status, running), verdict(value, gradient), status),
    },
  );
  x.next = last.x;
  steps.next = last.steps;
  differences.next = last.differences;
  count.next = add(count, last.made);
  evaluations.next = add(evaluations, last.evaluations);
  status.next = last.status;
  const states = [x, steps, differences, count, evaluations, status];
  return { params: treeOf(x), loss: value as Tensor<[]>, count, evaluations, status, reasons, clock, states };
}

/** The rows without the first, and one more at the end. */
const shifted = (rows: Tensor, row: Tensor): Tensor => concatenate([sliceAxis(rows, 0, 1, rows.shape[0]!), expandDims(row, 0)]);

/** The inverse Hessian that steps s and gradient differences y tell of, times a vector: the two loops of Nocedal (1980). Rows of zeros say nothing. */
function inverseHessianTimes(vector: Tensor, steps: Tensor, differences: Tensor): Tensor {
  const weights = sum(mul(steps, differences), 1);
  const known = greater(weights, 0);
  const rho = where(known, div(1, where(known, weights, 1)), 0);
  const rows = { s: steps, y: differences, rho };
  const [down, alphas] = scan(
    (q: Tensor, { s, y, rho: r }) => {
      const alpha = mul(r, dot(s, q));
      return [sub(q, mul(alpha, y)), alpha] as const;
    },
    vector,
    rows,
    { reverse: true },
  );
  const m = steps.shape[0] as number;
  const lastOf = (t: Tensor): Tensor => sliceAxis(t, 0, m - 1, m);
  const square = sum(mul(lastOf(differences), lastOf(differences)));
  const scale = where(greater(square, 0), div(sum(lastOf(weights)), where(greater(square, 0), square, 1)), 1);
  const [up] = scan(
    (q: Tensor, { s, y, rho: r, alpha }) => [add(q, mul(s, sub(alpha, mul(r, dot(y, q))))), null] as const,
    mul(scale, down),
    { ...rows, alpha: alphas },
  );
  return up;
}
