/**
 * LSMR: least squares for operators of any shape and rank (Fong and Saunders, SIAM J. Sci. Comput. 33, 2011). The bidiagonalization of
 * Golub and Kahan; |A^T r| falls from step to step. Of all solutions it gives the one of least length.
 */
import { scalar } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, neg, square, sub } from "../../ops/arithmetic.ts";
import { greater, less, lessEqual, logicalAnd, logicalNot, logicalOr, where } from "../../ops/compare.ts";
import { zerosLike } from "../../ops/creation.ts";
import { sqrt } from "../../ops/functions.ts";
import { abs } from "../../ops/piecewise.ts";
import { iterate } from "./iterate.ts";
import { type KrylovOptions, stepsFor } from "./krylov.ts";
import { defaultTol, epsilonOf, lengthOf, scaleOf, type Solved, type Solver, type System } from "./solver.ts";

/** Rounding may keep what is measured at the end above what the steps estimate, by about so much. */
const SLACK = 10;

/** v / |v| and |v|; 0 where v is 0. */
function normalized(v: Tensor): [Tensor, Tensor] {
  const length = lengthOf(v);
  return [div(v, where(greater(length, 0), length, 1)), length];
}

/** The rotation that turns (a, b) into (r, 0): [c, s, r]. */
function rotation(a: Tensor, b: Tensor): [Tensor, Tensor, Tensor] {
  const r = sqrt(add(square(a), square(b)));
  const divisor = where(greater(r, 0), r, 1);
  return [div(a, divisor), div(b, divisor), r];
}

function steps(system: System, b: Tensor, tol: number, maxiter: number): { x: Tensor; size: Tensor; k: Tensor } {
  const [u, beta] = normalized(b);
  const [v, alpha] = normalized(system.applyTransposed(u));
  const one = scalar(1, b.dtype);
  const zero = scalar(0, b.dtype);
  const first = {
    ...{ x: zerosLike(v), u, v, alpha, h: v, far: zerosLike(v) },
    // Of the two rotations of each step (bars as in the paper).
    ...{ alphaBar: alpha, zetaBar: mul(alpha, beta), rho: one, rhoBar: one, cBar: one, sBar: zero },
    // What estimates of |r| are made of.
    ...{ betaRest: beta, betaDot: zero, rhoDot: one, tau: zero, theta: zero, zeta: zero },
    ...{ r: beta, size: square(alpha), k: scalar(0, "int32") },
  };
  const { x, size, k } = iterate(
    first,
    (s) => {
      const norm = sqrt(s.size);
      const done = logicalOr(lessEqual(s.r, mul(tol, beta)), lessEqual(abs(s.zetaBar), mul(tol, mul(norm, s.r))));
      return logicalAnd(logicalNot(done), less(s.k, maxiter));
    },
    (s) => {
      const [nextU, nextBeta] = normalized(sub(system.apply(s.v), mul(s.alpha, s.u)));
      const [nextV, nextAlpha] = normalized(sub(system.applyTransposed(nextU), mul(nextBeta, s.v)));
      const [c, sine, rho] = rotation(s.alphaBar, nextBeta);
      const theta = mul(sine, nextAlpha);
      const alphaBar = mul(c, nextAlpha);
      const thetaBar = mul(s.sBar, rho);
      const [cBar, sBar, rhoBar] = rotation(mul(s.cBar, rho), theta);
      const zeta = mul(cBar, s.zetaBar);
      const far = sub(s.h, mul(div(mul(thetaBar, rho), mul(s.rho, s.rhoBar)), s.far));
      const x = add(s.x, mul(div(zeta, mul(rho, rhoBar)), far));
      // |r|, by one more rotation of the factors that are known so far.
      const betaHat = mul(c, s.betaRest);
      const [cTilde, sTilde, rhoTilde] = rotation(s.rhoDot, thetaBar);
      const thetaTilde = mul(sTilde, rhoBar);
      const rhoDot = mul(cTilde, rhoBar);
      const betaDot = sub(mul(cTilde, betaHat), mul(sTilde, s.betaDot));
      const tauTilde = div(sub(s.zeta, mul(s.theta, s.tau)), rhoTilde);
      const tauDot = div(sub(zeta, mul(thetaTilde, tauTilde)), rhoDot);
      const betaRest = neg(mul(sine, s.betaRest));
      const next = { x, u: nextU, v: nextV, alpha: nextAlpha, h: sub(nextV, mul(div(theta, rho), s.h)), far };
      const turned = { alphaBar, zetaBar: neg(mul(sBar, s.zetaBar)), rho, rhoBar, cBar, sBar };
      const known = { betaRest, betaDot, rhoDot, tau: tauTilde, theta: thetaTilde, zeta };
      const r = sqrt(add(square(sub(betaDot, tauDot)), square(betaRest)));
      return { ...next, ...turned, ...known, r, size: add(s.size, add(square(nextBeta), square(nextAlpha))), k: add(s.k, 1) };
    },
  );
  return { x, size, k };
}

/**
 * `tol` is for |r| beside |b| where A x = b has a solution, else for |A^T r| beside |A| |r|. `iterations` counts steps, of two products
 * each.
 */
export const lsmr = ({ tol, atol = 0, maxiter }: KrylovOptions = {}): Solver => ({
  name: "lsmr",
  solve: (system, b): Solved => {
    const scale = scaleOf(b);
    const right = div(b, scale);
    const size = lengthOf(right);
    const wanted = tol ?? defaultTol(b);
    const { x, size: squares, k } = steps(system, right, wanted, maxiter ?? stepsFor(system.applyTransposed(b).shape[0]!));
    const left = sub(right, system.apply(x));
    const residual = lengthOf(left);
    const norm = sqrt(squares);
    const rounding = mul(mul(norm, lengthOf(x)), 100 * epsilonOf(b));
    const solved = logicalOr(lessEqual(residual, mul(size, SLACK * wanted)), lessEqual(residual, rounding));
    const least = lessEqual(lengthOf(system.applyTransposed(left)), mul(norm, add(mul(residual, SLACK * wanted), rounding)));
    const near = lessEqual(mul(residual, scale), atol);
    return { x: mul(scale, x), residual: mul(scale, residual), iterations: k, converged: logicalOr(near, logicalOr(solved, least)) };
  },
});
