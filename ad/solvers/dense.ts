/** Direct solvers: the operator is written out as a matrix, which is factorized. For systems of some hundred unknowns at most. */
import type { Tensor } from "../../core/tensor.ts";
import { mul, sub } from "../../ops/arithmetic.ts";
import { cholesky as factor } from "../../ops/cholesky.ts";
import { full } from "../../ops/creation.ts";
import { stopGradient } from "../../ops/identity.ts";
import { factorize, solvePrimitive } from "../../ops/lu.ts";
import { maximum } from "../../ops/piecewise.ts";
import { expandDims, reshape } from "../../ops/reshape.ts";
import { triangularSolve } from "../../ops/triangular.ts";
import { defaultTol, isSmall, lengthOf, type Solved, type Solver, type System, type Tolerances } from "./solver.ts";

function direct(name: string, { tol, atol = 0 }: Tolerances, solution: (system: System, b: Tensor) => Tensor): Solver {
  return {
    name,
    solve: (system, b): Solved => {
      const x = solution(system, b);
      const r = sub(b, system.apply(x));
      const residual = lengthOf(r);
      const limit = mul(lengthOf(b), tol ?? defaultTol(b));
      const converged = isSmall(system, r, residual, x, atol > 0 ? maximum(limit, atol) : limit);
      return { x, residual, iterations: full([], 1, { dtype: "int32" }), converged };
    },
  };
}

/** Elimination with partial pivoting. The transposed system takes the same factors. */
export const lu = (tolerances: Tolerances = {}): Solver =>
  direct("lu", tolerances, (system, b) => {
    const { matrix, transposed } = system.matrix();
    const { matrix: a, factors, order } = factorize(expandDims(stopGradient(matrix), 0));
    return reshape(solvePrimitive([a, factors, order, reshape(b, [1, ...b.shape, 1])], { adjoint: transposed }), b.shape);
  });

/** For symmetric positive definite operators. */
export const cholesky = (tolerances: Tolerances = {}): Solver =>
  direct("cholesky", tolerances, (system, b) => {
    const l = factor(system.matrix().matrix);
    return triangularSolve(l, triangularSolve(l, b), { transposed: true });
  });
