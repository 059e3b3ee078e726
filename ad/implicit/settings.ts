/** What users say about a linear system, as a problem: operator, preconditioner and solvers over vectors. */
import { scalar } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { sub } from "../../ops/arithmetic.ts";
import { full } from "../../ops/creation.ts";
import { showArgument } from "../../ops/describe.ts";
import { bicgstab } from "../solvers/bicgstab.ts";
import { cg } from "../solvers/cg.ts";
import { cholesky, lu } from "../solvers/dense.ts";
import { gmres, type GmresOptions } from "../solvers/gmres.ts";
import { isSmall, lengthOf, limitOf, type Solver } from "../solvers/solver.ts";
import type { LinearOperands, LinearProblem, Unconverged } from "./linear-solve.ts";
import { operatorOf } from "./operator.ts";
import type { Space } from "./space.ts";

/** A function from trees of one structure to trees of the same. */
export type LinearMap = (x: any) => unknown;

/** A solver of one's own: x with matvec(x) = b, as far as it goes. */
export type OwnSolver = (matvec: (x: any) => any, b: any, preconditioner: (r: any) => any) => unknown;

export type SolverName = "lu" | "cholesky" | "cg" | "gmres" | "bicgstab";

/** What solvers may be told: tolerances, the most steps, and for gmres when to restart. */
export interface LinearOptions extends GmresOptions {
  /**
   * "lu" and "cholesky" write the operator out as a matrix; "cg", "gmres" and "bicgstab" apply it only. Or a function. Default: a direct
   * solver for up to 256 unknowns, beyond that "cg" for positive definite operators and else "gmres".
   */
  readonly solver?: SolverName | OwnSolver;
  /** For A^T x = b, in reverse mode. Default: the same solver. */
  readonly transposeSolver?: SolverName | OwnSolver;
  /** The operator is its own transpose: reverse mode need not transpose it. */
  readonly symmetric?: boolean;
  /** Symmetric, and x . A x > 0 for all x but 0. */
  readonly positiveDefinite?: boolean;
  /** A linear function that is near the operator's inverse, and cheap. Its transpose serves the transposed system. */
  readonly preconditioner?: LinearMap;
  /** "nan" (default): derivatives of what is no solution are NaN. "allow": they are what the equation gives there. */
  readonly unconverged?: Unconverged;
}

const named: Record<SolverName, (options: GmresOptions) => Solver> = { lu, cholesky, cg, gmres, bicgstab };
const DIRECT = 256;

/** The values that preconditioners and operators close over are operands: see LinearOperands. */
export interface Settings {
  readonly problem: Omit<LinearProblem, "operator">;
  readonly symmetric: boolean;
  readonly preconditioning: readonly Tensor[];
}

/** Throws unless tolerances and the most steps, where they are given, are numbers that can be met. */
export function checkTolerances(op: string, options: { readonly tol?: number; readonly atol?: number; readonly maxiter?: number }): void {
  for (const name of ["tol", "atol", "maxiter"] as const) {
    const x = options[name];
    if (x !== undefined && !(typeof x === "number" && x >= 0))
      throw new Error(`${op}: ${name} must be a number, at least 0, got ${showArgument(x)}`);
  }
}

/** Throws, naming `op` and what fits, on options that do not. */
export function settingsOf(op: string, space: Space, options: LinearOptions): Settings {
  const { positiveDefinite = false, symmetric = positiveDefinite, unconverged = "nan", preconditioner } = options;
  if (unconverged !== "nan" && unconverged !== "allow")
    throw new Error(`${op}: unconverged must be "nan" or "allow", got ${showArgument(unconverged)}`);
  checkTolerances(op, options);
  const [n] = space.like.shape;
  const small = typeof n === "number" && n <= DIRECT;
  const chosen = options.solver ?? (small ? (positiveDefinite ? "cholesky" : "lu") : positiveDefinite ? "cg" : "gmres");
  const make = (solver: SolverName | OwnSolver): Solver => {
    if (typeof solver === "function") return own(op, solver, space, options);
    if (!Object.hasOwn(named, solver))
      throw new Error(
        `${op}: the solver must be ${Object.keys(named)
          .map((s) => `"${s}"`)
          .join(", ")} or a function, got ${showArgument(solver)}`,
      );
    return named[solver](options);
  };
  const solver = make(chosen);
  const transposeSolver = options.transposeSolver === undefined ? solver : make(options.transposeSolver);
  const near = preconditioner && operatorOf(mapped(preconditioner, space, "what the preconditioner gives"), space.like, symmetric);
  const problem = { preconditioner: near?.operator, solver, transposeSolver, unconverged };
  return { problem, symmetric: symmetric || chosen === "cg" || chosen === "cholesky", preconditioning: near?.closures ?? [] };
}

/** A function of trees as one of vectors. */
export const mapped =
  (f: LinearMap, space: Space, what: string) =>
  (v: Tensor): Tensor =>
    space.vector(f(space.tree(v)), what);

/** The problem and its operands, for an operator on vectors. */
export function linearProblem(
  apply: (v: Tensor) => Tensor,
  { problem, symmetric, preconditioning }: Settings,
  like: Tensor,
): { problem: LinearProblem; operands: Omit<LinearOperands, "b"> } {
  const { operator, closures } = operatorOf(apply, like, symmetric);
  return { problem: { ...problem, operator }, operands: { closures, preconditioning } };
}

/** A user's solver among others: it is judged by its residual. */
const own = (op: string, f: OwnSolver, space: Space, options: LinearOptions): Solver => ({
  name: f.name || op,
  solve: (system, b) => {
    const lifted =
      (map: (v: Tensor) => Tensor) =>
      (tree: unknown): unknown =>
        space.tree(map(space.vector(tree, "what the solver applies the operator to")));
    const found = f(lifted(system.apply), space.tree(b), lifted(system.precondition));
    const x = space.vector(found, "what the solver gives");
    const r = sub(b, system.apply(x));
    const residual = lengthOf(r);
    const limit = limitOf(options, b, lengthOf(b), scalar(1, b.dtype));
    return { x, residual, iterations: full([], 1, { dtype: "int32" }), converged: isSmall(system, r, residual, x, limit) };
  },
});
