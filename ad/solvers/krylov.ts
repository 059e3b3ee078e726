/**
 * What iterative solvers of square systems share. They look for a correction d of where they begin, from 0, with A d = r and r of a size
 * of about 1: so neither the squares of a tiny right-hand side underflow, nor those of a great one overflow. What they found is judged by
 * its own residual.
 */
import type { Dim } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, sub } from "../../ops/arithmetic.ts";
import { greater, where } from "../../ops/compare.ts";
import { isSmall, lengthOf, limitOf, scaleOf, type Solved, type Solver, type System, type Tolerances } from "./solver.ts";

export interface KrylovOptions extends Tolerances {
  /** The most steps, that is products with the operator. Default: ten times the number of unknowns, and at least 200. */
  readonly maxiter?: number;
}

/** A correction d with A d = r, as far as |r - A d| <= limit, in at most so many steps. */
export type Correct = (system: System, r: Tensor, limit: Tensor, maxiter: number) => { readonly d: Tensor; readonly iterations: Tensor };

/** The default for so many unknowns, or for a number that has a name. */
export const stepsFor = (n: Dim): number => (typeof n === "number" ? Math.max(10 * n, 200) : 10_000);

export const krylov = (name: string, options: KrylovOptions, correct: Correct): Solver => ({
  name,
  solve: (system, b, x0): Solved => {
    const size = lengthOf(b);
    // The solution for 0 is 0: no relative tolerance would be met on the way there.
    const start = x0 && where(greater(size, 0), x0, 0);
    const first = start ? sub(b, system.apply(start)) : b;
    const scale = scaleOf(first);
    const limit = limitOf(options, b, div(size, scale), scale);
    const r = div(first, scale);
    const { d, iterations } = correct(system, r, limit, options.maxiter ?? stepsFor(b.shape[0]!));
    const left = sub(r, system.apply(d));
    const residual = lengthOf(left);
    const x = start ? add(start, mul(scale, d)) : mul(scale, d);
    const converged = isSmall(system, left, residual, div(x, scale), limit);
    return { x, residual: mul(scale, residual), iterations, converged };
  },
});
