/** The stabilized method of biconjugate gradients, for operators of any kind (van der Vorst, SIAM J. Sci. Stat. Comput. 13, 1992). */
import { scalar } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, sub } from "../../ops/arithmetic.ts";
import { greater, less, logicalAnd, notEqual, where } from "../../ops/compare.ts";
import { zerosLike } from "../../ops/creation.ts";
import { abs } from "../../ops/piecewise.ts";
import { iterate } from "./iterate.ts";
import { type Correct, krylov, type KrylovOptions } from "./krylov.ts";
import { epsilonOf, inner, lengthOf, type Solver } from "./solver.ts";

/** a / b, or 0 where b is 0. */
const ratio = (a: Tensor, b: Tensor): Tensor => where(notEqual(b, 0), div(a, b), 0);

const stabilized: Correct = (system, r, limit, maxiter) => {
  const rr = inner(r, r);
  const one = scalar(1, r.dtype);
  const still = zerosLike(r);
  const first = { d: still, r, shadow: r, p: still, v: still, rho: one, alpha: one, omega: one, rr };
  const { d, k } = iterate(
    { ...first, k: scalar(0, "int32"), going: scalar(true, "bool") },
    (s) => logicalAnd(s.going, logicalAnd(greater(s.rr, mul(limit, limit)), less(s.k, maxiter))),
    (s) => {
      const met = inner(s.shadow, s.r);
      // Where the residual has turned away from its shadow, everything begins anew from here.
      const lost = notEqual(greater(abs(met), mul(epsilonOf(r), mul(lengthOf(s.shadow), lengthOf(s.r)))), true);
      const shadow = where(lost, s.r, s.shadow);
      const rho = where(lost, s.rr, met);
      const beta = where(lost, 0, mul(ratio(rho, s.rho), ratio(s.alpha, s.omega)));
      const p = add(s.r, mul(beta, sub(s.p, mul(s.omega, s.v))));
      const towards = system.precondition(p);
      const v = system.apply(towards);
      const across = inner(shadow, v);
      const alpha = ratio(rho, across);
      const half = sub(s.r, mul(alpha, v));
      const then = system.precondition(half);
      const t = system.apply(then);
      const omega = ratio(inner(t, half), inner(t, t));
      const next = sub(half, mul(omega, t));
      return {
        d: add(s.d, add(mul(alpha, towards), mul(omega, then))),
        ...{ r: next, shadow, p, v, rho, alpha, omega, rr: inner(next, next), k: add(s.k, 2) },
        going: logicalAnd(notEqual(across, 0), notEqual(omega, 0)),
      };
    },
  );
  return { d, iterations: k };
};

/** Needs little memory; the residual may go up and down on its way. Each step takes two products. */
export const bicgstab = (options: KrylovOptions = {}): Solver => krylov("bicgstab", options, stabilized);
