/**
 * Least squares as a primitive: the x of least length for which |b - A x| is least, A^+ b, for a linear operator of any shape and rank.
 * Derivatives are those along operators of one rank (Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973):
 *   x' = A^+ (b' - A' x) + A^+ A^+^T A'^T r + (1 - A^+ A) A'^T A^+^T x,  with r = b - A x.
 * All of these are least squares again, with A or its transpose.
 */
import type { Tensor } from "../../core/tensor.ts";
import { addN } from "../../ops/addN.ts";
import { neg, sub } from "../../ops/arithmetic.ts";
import { type JvpCall, type Maybe, type RuleSet, type TransposeCall } from "../../ops/primitive.ts";
import { applyComposed, composedPrimitive } from "../composed.ts";
import type { Solved, Solver } from "../solvers/solver.ts";
import { unconverged } from "./diagnosis.ts";
import { trusted, type Unconverged } from "./linear-solve.ts";
import type { Operator } from "./operator.ts";

export interface LeastSquaresProblem {
  readonly operator: Operator;
  readonly solver: Solver;
  readonly unconverged: Unconverged;
  /** The columns are independent, so that A^+ A = 1. */
  readonly independent: boolean;
}

interface Own extends LeastSquaresProblem {
  /** Whether the value itself is NaN where it is no solution. */
  readonly strict: boolean;
}

export function solveLeastSquares(problem: LeastSquaresProblem, closures: readonly Tensor[], b: Tensor, strict = false): Solved {
  const { operator, solver, unconverged, independent } = problem;
  const own: Own = { operator, solver, unconverged, independent, strict };
  const [x, residual, iterations, converged] = applyComposed(leastSquaresPrimitive, [...closures, b], (stands) => {
    const [given, right] = [stands.slice(0, -1), stands.at(-1)!];
    const transposed = operator.transpose(solver.name);
    const system = { apply: (v: Tensor) => operator.of(given, v), applyTransposed: (w: Tensor) => transposed.of(given, w) };
    const solved = solver.solve(
      { ...system, precondition: (r) => r, matrix: () => ({ matrix: operator.matrix(given), transposed: false }) },
      right,
      undefined,
    );
    const value = strict ? trusted(solved.x, solved.converged, unconverged) : solved.x;
    return { values: [value, solved.residual, solved.iterations, solved.converged], own };
  }) as [Tensor, Tensor, Tensor, Tensor];
  return { x, residual, iterations, converged };
}

/** The problem with the transposed operator. */
const turned = (problem: LeastSquaresProblem, rules: RuleSet): LeastSquaresProblem => ({
  ...problem,
  operator: problem.operator.transpose(problem.solver.name, rules),
  independent: false,
});

function jvp({ params, inputs, tangents, outputs: [found, , , converged], rules, mode }: JvpCall<Own>): readonly Maybe[] {
  const { operator, independent } = params;
  const closures = inputs.slice(0, -1);
  const moved = tangents.slice(0, -1);
  const back = turned(params, rules);
  const solved = (problem: LeastSquaresProblem, b: Tensor): Tensor => solveLeastSquares(problem, closures, b, true).x;
  const x = params.strict ? found! : trusted(found!, converged!, params.unconverged);
  const r = sub(inputs.at(-1)!, operator.of(closures, x));
  const image = operator.push(closures, moved, x, rules, mode);
  const ofResidual = back.operator.push(closures, moved, r, rules, mode);
  const beside = independent || !image ? undefined : back.operator.push(closures, moved, solved(back, x), rules, mode);
  const right = addN([
    tangents.at(-1),
    image && neg(image),
    ofResidual && solved(back, ofResidual),
    beside && neg(operator.of(closures, beside)),
  ]);
  return [addN([right && solved(params, right), beside]), undefined, undefined, undefined];
}

function transpose({ params, inputs, linear, cotangents: [ct], rules }: TransposeCall<Own>): readonly Maybe[] {
  const closures = inputs.slice(0, -1);
  if (linear.slice(0, -1).some((flag) => flag)) throw new Error(`${params.solver.name}: the solution is not linear in the operator`);
  return [...closures.map(() => undefined), ct && solveLeastSquares(turned(params, rules), closures, ct, true).x];
}

export const leastSquaresPrimitive = composedPrimitive<Own>(
  "leastSquares",
  { jvp, transpose },
  unconverged((own) => own.solver.name),
);
