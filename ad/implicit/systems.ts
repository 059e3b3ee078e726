/**
 * Linear systems for users, over operators that are functions: `linearSolve`, and `cg`, `gmres`, `bicgstab` with what is known of the
 * solution.
 */
import type { Tensor } from "../../core/tensor.ts";
import { showArgument } from "../../ops/describe.ts";
import type { Tensors } from "../trace.ts";
import { solveLinear } from "./linear-solve.ts";
import { type LinearMap, type LinearOptions, linearProblem, mapped, settingsOf } from "./settings.ts";
import { spaceOf } from "./space.ts";
import type { Solved } from "../solvers/solver.ts";

/** A solution, and what is known of it. Derivatives flow through x alone. */
export interface Solution<X> {
  readonly x: X;
  /** |b - A x|, computed from x. */
  readonly residual: Tensor<[]>;
  /** How many products with the operator the solver made (int32); 1 for direct solvers. */
  readonly iterations: Tensor<[]>;
  /** Whether the residual is within the tolerances, or as small as rounding lets it be (bool). */
  readonly converged: Tensor<[]>;
}

export interface IterativeOptions<B = any> extends Omit<LinearOptions, "solver" | "transposeSolver"> {
  /** Where to begin, like b (default: 0). Derivatives do not flow through it. */
  readonly x0?: B;
}

function system(
  op: string,
  matvec: LinearMap,
  b: unknown,
  x0: unknown,
  options: LinearOptions,
  strict = false,
): Solved & { readonly tree: unknown } {
  if (typeof matvec !== "function") throw new Error(`${op}: the operator must be a function, got ${showArgument(matvec)}`);
  const space = spaceOf(op, b, "the right-hand side");
  const { problem, operands } = linearProblem(mapped(matvec, space, "what the operator gives"), settingsOf(op, space, options), space.like);
  const right = space.vector(b, "the right-hand side");
  const start = x0 === undefined ? undefined : space.vector(x0, "x0");
  const solved = solveLinear(problem, { ...operands, b: right, x0: start }, strict);
  return { ...solved, tree: space.tree(solved.x) };
}

/**
 * x with matvec(x) = b, for a linear function of trees like b; NaN where the solver has found none. Derivatives, in all modes and of
 * every order, are those of the equation: by b, and by whatever matvec closes over. The solvers of derivatives take the same options.
 */
export function linearSolve<B>(matvec: (x: Tensors<B>) => unknown, b: B, options: LinearOptions & { readonly x0?: B } = {}): Tensors<B> {
  return system("linearSolve", matvec, b, options.x0, options, true).tree as Tensors<B>;
}

function iterative(solver: "cg" | "gmres" | "bicgstab") {
  return <B>(matvec: (x: Tensors<B>) => unknown, b: B, options: IterativeOptions<B> = {}): Solution<Tensors<B>> => {
    const { tree, residual, iterations, converged } = system(solver, matvec, b, options.x0, { ...options, solver });
    return { x: tree as Tensors<B>, residual, iterations, converged } as Solution<Tensors<B>>;
  };
}

/**
 * Conjugate gradients, for symmetric positive definite operators. x is what was found, solution or not; derivatives of what is none are
 * NaN.
 */
export const cg = iterative("cg");
/** GMRES with restarts, for any operators. */
export const gmres = iterative("gmres") as <B>(
  matvec: (x: Tensors<B>) => unknown,
  b: B,
  options?: IterativeOptions<B> & { readonly restart?: number },
) => Solution<Tensors<B>>;
/** The stabilized method of biconjugate gradients, for any operators: little memory. */
export const bicgstab = iterative("bicgstab");
