/**
 * GMRES with restarts, for operators of any kind (Saad and Schultz, SIAM J. Sci. Stat. Comput. 7, 1986), preconditioned from the right,
 * so that residuals are those of the system itself. The residual of each step follows from the null vector of the Hessenberg matrix,
 * without rotations (Ayachour, J. Comput. Appl. Math. 159, 2003).
 */
import { scalar } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, neg, sub } from "../../ops/arithmetic.ts";
import { convert } from "../../ops/convert.ts";
import { equal, greater, less, logicalAnd, where } from "../../ops/compare.ts";
import { eye, iota, zerosLike } from "../../ops/creation.ts";
import { matmul } from "../../ops/matmul.ts";
import { pad, slice } from "../../ops/pad.ts";
import { lstsq } from "../../ops/pseudoinverse.ts";
import { expandDims } from "../../ops/reshape.ts";
import { transpose } from "../../ops/transpose.ts";
import { iterate } from "./iterate.ts";
import { type Correct, krylov, type KrylovOptions } from "./krylov.ts";
import { inner, lengthOf, type Solver, type System } from "./solver.ts";

export interface GmresOptions extends KrylovOptions {
  /** After how many steps the basis is given up for a new one (default 30, or the number of unknowns). Each step keeps a vector. */
  readonly restart?: number;
}

/** 1 where a position is `at`, else 0. */
const unit = (length: number, at: Tensor, dtype: Tensor["dtype"]): Tensor => convert(equal(iota([length]), at), dtype);

/** One basis of m steps at most: a correction d for the residual r, of length beta, and how many steps it took. */
function cycle(system: System, r: Tensor, beta: Tensor, limit: Tensor, m: number, left: Tensor): { d: Tensor; steps: Tensor } {
  const { dtype } = r;
  const start = expandDims(div(r, beta), 0);
  const first = {
    basis: pad(start, [
      [0, m],
      [0, 0],
    ]),
    // Columns that are not reached ask nothing of the least squares: each stands for a row of its own.
    hessenberg: eye(m, m + 1, 1, { dtype }),
    null: unit(m + 1, scalar(0, "int32"), dtype),
    estimate: beta,
    j: scalar(0, "int32"),
  };
  const { basis, hessenberg, j } = iterate(
    first,
    (s) => logicalAnd(greater(s.estimate, limit), logicalAnd(less(s.j, m), less(s.j, left))),
    (s) => {
      const w = system.apply(system.precondition(matmul(unit(m + 1, s.j, dtype), s.basis)));
      // Gram and Schmidt, twice, which is enough.
      const once = matmul(s.basis, w);
      const less1 = sub(w, matmul(once, s.basis));
      const again = matmul(s.basis, less1);
      const rest = sub(less1, matmul(again, s.basis));
      const h = add(once, again);
      const length = lengthOf(rest);
      const next = unit(m + 1, add(s.j, 1), dtype);
      const added = where(greater(length, 0), div(neg(inner(s.null, h)), length), Infinity);
      const extended = where(equal(next, 1), added, s.null);
      return {
        basis: where(expandDims(equal(next, 1), 1), expandDims(div(rest, where(greater(length, 0), length, 1)), 0), s.basis),
        hessenberg: where(expandDims(equal(unit(m, s.j, dtype), 1), 1), expandDims(add(h, mul(length, next)), 0), s.hessenberg),
        null: extended,
        estimate: where(greater(length, 0), div(beta, lengthOf(extended)), 0),
        j: add(s.j, 1),
      };
    },
  );
  const y = lstsq(transpose(hessenberg), mul(beta, unit(m + 1, scalar(0, "int32"), dtype))).x;
  return { d: system.precondition(matmul(y, slice(basis, [0, 0], [m, r.shape[0]!]))), steps: j };
}

const restarted =
  (restart: number): Correct =>
  (system, r, limit, maxiter) => {
    const [n] = r.shape;
    const m = typeof n === "number" ? Math.min(restart, n) : restart;
    const first = { d: zerosLike(r), r, size: lengthOf(r), k: scalar(0, "int32"), going: scalar(true, "bool") };
    const { d, k } = iterate(
      first,
      (s) => logicalAnd(s.going, logicalAnd(greater(s.size, limit), less(s.k, maxiter))),
      (s) => {
        const { d, steps } = cycle(system, s.r, s.size, limit, m, sub(maxiter, s.k));
        const total = add(s.d, d);
        const next = sub(r, system.apply(total));
        const size = lengthOf(next);
        // What does not get smaller is as small as rounding, or the operator, lets it be.
        const going = less(size, s.size);
        return { d: where(going, total, s.d), r: next, size, k: add(s.k, steps), going };
      },
    );
    return { d, iterations: k };
  };

/** The residual never grows; a basis of `restart` vectors is kept. */
export function gmres({ restart = 30, ...options }: GmresOptions = {}): Solver {
  if (!Number.isInteger(restart) || restart < 1)
    throw new Error(`gmres: restart must be a positive number of steps, got ${String(restart)}`);
  return krylov("gmres", options, restarted(restart));
}
