/** What becomes of systems without a solution, of solvers that are stopped, and of mistakes. */
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { solvesIn } from "../../ad/implicit/solves.ts";
import { bicgstab, cg, gmres, linearSolve, type Solution } from "../../ad/implicit/systems.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul, neg, square } from "../../ops/arithmetic.ts";
import { matmul } from "../../ops/matmul.ts";
import { sum } from "../../ops/reductions.ts";
import { definite, general, random } from "./implicit-cases.ts";
import { f64, itemOf, valueOf, valuesOf } from "./values.ts";

describe("what is no solution", () => {
  const indefinite = f64([
    [0, 1],
    [1, 0],
  ]);
  const singular = f64([
    [1, 1],
    [1, 1],
  ]);
  const b = f64([1, 0]);
  it("is flagged, and has derivatives of NaN", () => {
    for (const [s, a, options] of [
      [cg, indefinite, {}],
      [cg, singular, {}],
      [gmres, singular, {}],
      [bicgstab, singular, {}],
      [cg, definite(6, 3), { maxiter: 2 }],
      [gmres, general(6, 3), { maxiter: 2 }],
      [bicgstab, general(6, 3), { maxiter: 2 }],
    ] as const) {
      const right = a.shape[0] === 2 ? b : random([6], 1);
      const f = (m: Tensor, r: Tensor): Solution<Tensor> => s((v: Tensor) => matmul(m, v), r, options);
      expect(itemOf(f(a, right).converged)).toBe(0);
      expect(itemOf(f(a, right).residual)).toBeGreaterThan(1e-3);
      expect(valueOf(f(a, right).x).every(Number.isFinite)).toBe(true);
      // By the right-hand side it is another system, which may have a solution.
      for (const argnums of a.shape[0] === 2 ? [0] : [0, 1])
        expect(valueOf(grad((m: Tensor, r: Tensor) => sum(f(m, r).x), { argnums })(a, right)).every(Number.isNaN)).toBe(true);
      expect(
        valueOf(
          linearSolve((v: Tensor) => matmul(a, v), right, { ...options, solver: s === cg ? "cg" : s === gmres ? "gmres" : "bicgstab" }),
        ).every(Number.isNaN),
      ).toBe(true);
    }
  });
  it("is NaN where a direct solver finds it singular", () => {
    for (const solver of ["lu", "cholesky"] as const) {
      const f = (m: Tensor): Tensor => linearSolve((v: Tensor) => matmul(m, v), b, { solver });
      expect(valueOf(f(singular)).every(Number.isNaN)).toBe(true);
      expect(valueOf(grad((m: Tensor) => sum(f(m)))(singular)).every(Number.isNaN)).toBe(true);
      expect(valuesOf(...solvesIn(f(singular)).map((t) => t.converged))).toEqual([[0]]);
    }
  });
  it("can be had as far as it goes", () => {
    const a = definite(6, 3);
    const right = random([6], 1);
    const f = (m: Tensor): Tensor => cg((v: Tensor) => matmul(m, v), right, { maxiter: 3, unconverged: "allow" }).x;
    expect(valueOf(grad((m: Tensor) => sum(f(m)))(a)).every(Number.isFinite)).toBe(true);
  });
});

describe("bad input", () => {
  const b = f64([1, 2]);
  it.each([
    [() => cg(3 as never, b), /cg: the operator must be a function, got 3/],
    [
      () => cg((v) => v, constant([1, 2], { dtype: "int32" })),
      /cg: the right-hand side must be float32 or float64, got constant int32\[2\]/,
    ],
    [
      () => gmres(() => f64([1, 2, 3]), b),
      /gmres: what the operator gives has constant float64\[3\] where the right-hand side has .*float64\[2\]; shape and dtype must be equal/,
    ],
    [
      () => gmres((v) => ({ v }), b),
      /gmres: what the operator gives is of another structure than the right-hand side\n.*float64\[2\]\n.*\{ v: float64\[2\] \}/,
    ],
    [() => cg((v) => v, b, { x0: f64([1]) }), /cg: x0 has constant float64\[1\] where/],
    [() => cg((v) => v, b, { tol: -1 }), /cg: tol must be a number, at least 0, got -1/],
    [() => gmres((v) => v, b, { restart: 0 }), /gmres: restart must be a positive number of steps, got 0/],
    [
      () => linearSolve((v) => v, b, { solver: "qr" as never }),
      /linearSolve: the solver must be "lu", "cholesky", "cg", "gmres", "bicgstab" or a function, got/,
    ],
    [() => linearSolve((v) => v, b, { unconverged: "maybe" as never }), /unconverged must be "nan" or "allow"/],
    [
      () => grad((r: Tensor) => sum(linearSolve((v) => mul(v, v), r)))(b),
      /the operator is not linear: its derivative depends on the vector that it is applied to/,
    ],
    [() => grad((r: Tensor) => sum(neg(linearSolve((v) => square(v), r, { solver: "gmres" }))))(b), /gmres: the operator is not linear/],
  ])("%#: an error that says what fits", (f, message) => expect(f).toThrow(message));
});
