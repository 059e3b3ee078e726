/**
 * The primitive on which implicit derivatives rest: x with A x = b, for a linear operator A given as a function. Its value is what a
 * solver computes, as ordinary nodes; its derivatives know the equation, not the solver. A x' = b' - A' x gives tangents, A^T y = ct
 * cotangents; both are solves again, so that reverse mode, higher orders, jet and vmap follow.
 */
import type { Tensor } from "../../core/tensor.ts";
import { addN } from "../../ops/addN.ts";
import { mul, neg } from "../../ops/arithmetic.ts";
import { where } from "../../ops/compare.ts";
import { type JvpCall, type Maybe, type TransposeCall } from "../../ops/primitive.ts";
import { applyComposed, composedPrimitive } from "../composed.ts";
import type { Solved, Solver, System } from "../solvers/solver.ts";
import { unconverged } from "./diagnosis.ts";
import type { Operator } from "./operator.ts";

/** What becomes of derivatives of something that is no solution: NaN, or what the equation gives there. */
export type Unconverged = "nan" | "allow";

/** What makes a system, beside the values that its functions close over. */
export interface LinearProblem {
  readonly operator: Operator;
  readonly preconditioner: Operator | undefined;
  readonly solver: Solver;
  readonly transposeSolver: Solver;
  readonly unconverged: Unconverged;
}

/** The values: those that the operator closes over, those of the preconditioner, the right-hand side, perhaps where to begin. */
export interface LinearOperands {
  readonly closures: readonly Tensor[];
  readonly preconditioning: readonly Tensor[];
  readonly b: Tensor;
  readonly x0?: Tensor | undefined;
}

interface Own extends LinearProblem {
  /** Whether the value itself is NaN where it is no solution: that of a derivative, whose flag nobody looks at. */
  readonly strict: boolean;
}

/** x as derivatives see it: NaN where it is no solution. */
export const trusted = (x: Tensor, converged: Tensor, unconverged: Unconverged): Tensor =>
  unconverged === "nan" ? mul(x, where(converged, 1, NaN)) : x;

/** Operands in a row, as nodes hold them, by what they are. */
function parted<T>(
  list: readonly T[],
  { operator, preconditioner }: LinearProblem,
): { closures: T[]; preconditioning: T[]; b: T; x0: T | undefined } {
  const own = operator.closures;
  const all = own + (preconditioner?.closures ?? 0);
  return { closures: list.slice(0, own), preconditioning: list.slice(own, all), b: list[all]!, x0: list[all + 1] };
}

export function systemOf(
  { operator, preconditioner }: LinearProblem,
  { closures, preconditioning }: Omit<LinearOperands, "b">,
  name: string,
): System {
  return {
    apply: (v) => operator.of(closures, v),
    applyTransposed: (w) => operator.transpose(name).of(closures, w),
    precondition: (r) => preconditioner?.of(preconditioning, r) ?? r,
    matrix: () => ({ matrix: (operator.original ?? operator).matrix(closures), transposed: operator.original !== undefined }),
  };
}

/** The solution, its residual, the iterations, and whether it is one. */
export function solveLinear(problem: LinearProblem, operands: LinearOperands, strict = false): Solved {
  const { operator, preconditioner, solver, transposeSolver, unconverged } = problem;
  const { closures, preconditioning, b, x0 } = operands;
  const own: Own = { operator, preconditioner, solver, transposeSolver, unconverged, strict };
  const [x, residual, iterations, converged] = applyComposed(
    linearSolvePrimitive,
    [...closures, ...preconditioning, b, ...(x0 ? [x0] : [])],
    (stands) => {
      const { b: right, x0: start, ...rest } = parted(stands, own);
      const solved = solver.solve(systemOf(own, rest, solver.name), right, start);
      const value = strict ? trusted(solved.x, solved.converged, unconverged) : solved.x;
      return { values: [value, solved.residual, solved.iterations, solved.converged], own };
    },
  ) as [Tensor, Tensor, Tensor, Tensor];
  return { x, residual, iterations, converged };
}

function jvp({ params, inputs, tangents, outputs: [x, , , converged], rules, mode }: JvpCall<Own>): readonly Maybe[] {
  const { closures, preconditioning } = parted(inputs, params);
  const moved = parted(tangents, params);
  // Only what the solution itself enters is wrong where it is none: by b the derivative is a system of its own, and linear.
  const solution = params.strict ? x! : trusted(x!, converged!, params.unconverged);
  const pushed = params.operator.push(closures, moved.closures, solution, rules, mode);
  const b = addN([moved.b, pushed && neg(pushed)]);
  return [b && solveLinear(params, { closures, preconditioning, b }, true).x, undefined, undefined, undefined];
}

function transpose({ params, inputs, linear, cotangents: [ct], rules }: TransposeCall<Own>): readonly Maybe[] {
  const { closures, preconditioning } = parted(inputs, params);
  const { name } = params.solver;
  if (parted(linear, params).closures.some((flag) => flag)) throw new Error(`${name}: the solution is not linear in the operator`);
  const problem: LinearProblem = {
    operator: params.operator.transpose(name, rules),
    preconditioner: params.preconditioner?.transpose(`the preconditioner of ${name}`, rules),
    solver: params.transposeSolver,
    transposeSolver: params.solver,
    unconverged: params.unconverged,
  };
  const back = ct && solveLinear(problem, { closures, preconditioning, b: ct }, true).x;
  return inputs.map((_, i) => (i === closures.length + preconditioning.length ? back : undefined));
}

export const linearSolvePrimitive = composedPrimitive<Own>(
  "linearSolve",
  { jvp, transpose },
  unconverged((own) => own.solver.name),
);
