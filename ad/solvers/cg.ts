/** The method of conjugate gradients, for symmetric positive definite operators (Golub and Van Loan, Matrix Computations, 11.5). */
import { scalar } from "../../core/leaves.ts";
import { add, div, mul, sub } from "../../ops/arithmetic.ts";
import { greater, less, logicalAnd, notEqual, where } from "../../ops/compare.ts";
import { zerosLike } from "../../ops/creation.ts";
import { type Correct, krylov, type KrylovOptions } from "./krylov.ts";
import { iterate } from "./iterate.ts";
import { inner, type Solver } from "./solver.ts";

export const conjugateGradients: Correct = (system, r, limit, maxiter) => {
  const z = system.precondition(r);
  const first = { d: zerosLike(r), r, p: z, rz: inner(r, z), rr: inner(r, r), k: scalar(0, "int32"), going: scalar(true, "bool") };
  const { d, k } = iterate(
    first,
    (s) => logicalAnd(s.going, logicalAnd(greater(s.rr, mul(limit, limit)), less(s.k, maxiter))),
    (s) => {
      const q = system.apply(s.p);
      const curvature = inner(s.p, q);
      // Along a direction without curvature there is no way down.
      const going = notEqual(curvature, 0);
      const step = where(going, div(s.rz, curvature), 0);
      const next = sub(s.r, mul(step, q));
      const preconditioned = system.precondition(next);
      const rz = inner(next, preconditioned);
      const p = add(preconditioned, mul(div(rz, s.rz), s.p));
      return { d: add(s.d, mul(step, s.p)), r: next, p, rz, rr: inner(next, next), k: add(s.k, 1), going };
    },
  );
  return { d, iterations: k };
};

/** Fewer steps the closer the eigenvalues lie together; `precondition` should be symmetric positive definite too. */
export const cg = (options: KrylovOptions = {}): Solver => krylov("cg", options, conjugateGradients);
