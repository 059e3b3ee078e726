/** Equations inside of equations, loops and vmap; and what becomes of those that have no solution, or are not given the steps to find it. */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { scan } from "../../ad/control/loops.ts";
import { grad } from "../../ad/grad.ts";
import { argmin } from "../../ad/implicit/argmin.ts";
import { fixedPoint, root } from "../../ad/implicit/root.ts";
import { linearSolve, type Solution } from "../../ad/implicit/systems.ts";
import { hessian } from "../../ad/jacobian.ts";
import { jvp } from "../../ad/jvp.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { cos, exp, log, sin } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { sum } from "../../ops/reductions.ts";
import { expectAdjoint, random } from "./implicit-cases.ts";
import { f64, interpret, itemOf, relativeError, valueOf, valuesOf } from "./values.ts";

describe("nestings", () => {
  const rollout = (k: Tensor, from: Tensor): Tensor =>
    scan((c: Tensor) => [sub(c, mul(0.1, mul(k, c))), null] as const, from, null, { length: 10 })[0];
  it("jvp of argmin of scan", async () => {
    // The rate at which 2 has decayed to 1 after ten steps: 2 (1 - 0.1 k)^10 = t.
    const f = (t: Tensor): Tensor => argmin((k: Tensor) => square(sub(rollout(k, f64(2)), t)), f64(0.5));
    const rate = (t: number): number => 10 * (1 - (t / 2) ** 0.1);
    expect(itemOf(f(f64(1)))).toBeCloseTo(rate(1), 9);
    expect(itemOf(jvp(f, [f64(1)], [1])[1])).toBeCloseTo(-0.5 * 0.5 ** -0.9, 8);
    await checkGradsWith(interpret, f, [f64(1)], { order: 1 });
  });
  it("root inside of scan, forward and in reverse", async () => {
    // Implicit Euler steps of u' = -k u^3.
    const f = (k: Tensor): Tensor =>
      scan((u: Tensor) => [root((v: Tensor) => add(sub(v, u), mul(mul(k, 0.1), mul(v, square(v)))), u), null] as const, f64(1), null, {
        length: 5,
      })[0];
    let u = 1;
    for (let i = 0; i < 5; i++) {
      let v = u;
      for (let j = 0; j < 50; j++) v -= (v - u + 0.2 * v ** 3) / (1 + 0.6 * v * v);
      u = v;
    }
    expect(itemOf(f(f64(2)))).toBeCloseTo(u, 12);
    expectAdjoint(f, f64(2));
    await checkGradsWith(interpret, f, [f64(2)], { order: 1 });
  });
  it("argmin of an objective with a linear solve inside, and a root of a gradient of a fixed point", () => {
    const a = add(random([3, 3], 8), mul(3, constant([1, 0, 0, 0, 1, 0, 0, 0, 1], { shape: [3, 3], dtype: "float64" })));
    const f = (t: Tensor): Tensor =>
      argmin(
        (k: Tensor) =>
          add(square(sub(sum(linearSolve((v: Tensor) => add(matmul(a, v), mul(k, v)), f64([1, 2, 3]))), t)), mul(0.01, square(k))),
        f64(0.1),
      );
    expectAdjoint(f, f64(0.6));
    const [above, below] = [0.601, 0.599].map((t) => itemOf(f(f64(t)))) as [number, number];
    expect(itemOf(grad(f)(f64(0.6)) as Tensor)).toBeCloseTo((above - below) / 0.002, 5);
    const inner = (s: Tensor): Tensor => fixedPoint((x: Tensor) => mul(0.5, cos(mul(s, x))), f64(0.4));
    const g = (t: Tensor): Tensor => root((s: Tensor) => sub(grad(inner)(s) as Tensor, t), f64(1));
    const s = itemOf(g(f64(-0.06)));
    expect(itemOf(grad(inner)(f64(s)) as Tensor)).toBeCloseTo(-0.06, 10);
    expect(itemOf(grad(g)(f64(-0.06)) as Tensor)).toBeCloseTo(1 / itemOf(hessian(inner)(f64(s)) as Tensor), 7);
  });
  it("vmap of grad of argmin, and grad of a sum of vmapped roots", () => {
    const f = (t: Tensor): Tensor => argmin((p: Tensor) => add(square(sub(p, t)), mul(0.1, square(square(p)))), f64(0));
    const ts = [-1, 0, 2];
    expect(valueOf(vmap(grad(f))(f64(ts)) as Tensor)).toEqual(ts.map((t) => expect.closeTo(itemOf(grad(f)(f64(t)) as Tensor), 12)));
    const g = (t: Tensor): Tensor =>
      sum(vmap((c: Tensor) => root((x: Tensor) => sub(mul(x, square(x)), mul(t, c)), f64(1)))(f64([1, 8])) as Tensor);
    expect(itemOf(grad(g)(f64(1)) as Tensor)).toBeCloseTo(1, 12);
  });
});

describe("what is no solution", () => {
  const stopped = (t: Tensor, unconverged: "nan" | "allow"): Solution<Tensor> =>
    root((x: Tensor) => sub(square(x), t), f64(100), undefined, { maxiter: 2, unconverged, diagnostics: true });
  it("is flagged; its derivatives are NaN in both modes, unless they are allowed", () => {
    const { x, residual, iterations, converged } = stopped(f64(2), "nan");
    expect(valuesOf(converged, iterations)).toEqual([[0], [2]]);
    expect(itemOf(residual)).toBeGreaterThan(100);
    expect(itemOf(x)).toBeCloseTo(25, 0);
    for (const f of [
      stopped,
      (t: Tensor, u: "nan" | "allow") => ({
        x: argmin((p: Tensor) => exp(sub(mul(p, p), t)), f64(3), undefined, { maxiter: 1, unconverged: u }),
      }),
    ]) {
      const g = (u: "nan" | "allow") => (t: Tensor) => f(t, u).x;
      expect(itemOf(grad(g("nan"))(f64(2)) as Tensor)).toBeNaN();
      expect(itemOf(jvp(g("nan"), [f64(2)], [1])[1])).toBeNaN();
      expect(itemOf(grad(g("allow"))(f64(2)) as Tensor)).not.toBeNaN();
    }
  });
  it("an iteration that goes nowhere, one that diverges and one that has no root end, flagged", () => {
    const all = [
      root((x: Tensor) => add(square(x), 1), f64(1), undefined, { diagnostics: true }),
      root((x: Tensor) => log(x), f64(-1), undefined, { diagnostics: true }),
      fixedPoint((x: Tensor) => add(mul(2, x), 1), f64(1), undefined, { diagnostics: true, method: "picard" }),
      argmin((x: Tensor) => x, f64(1), undefined, { diagnostics: true }),
    ];
    for (const s of all) expect(itemOf(s.converged)).toBe(0);
  });
  it("a singular Jacobian has derivatives of NaN, not numbers", () => {
    // At 0 the derivative of the cube root of t is infinite.
    const cube = (t: Tensor): Tensor => root((x: Tensor) => sub(mul(x, square(x)), t), f64(0));
    expect(itemOf(cube(f64(0)))).toBe(0);
    expect(itemOf(grad(cube)(f64(0)) as Tensor)).toBeNaN();
    const flat = (t: Tensor): Tensor =>
      root((x: Tensor) => sub(x, matmul(constant([1, 0, 0, 1], { shape: [2, 2], dtype: "float64" }), mul(t, x))), f64([0, 0]));
    expect(valueOf(jvp(flat, [f64(1)], [1])[1])).toEqual([NaN, NaN]);
  });
  it("tiny cotangents lose nothing on their way through a root", () => {
    const f = (t: Tensor): Tensor =>
      root((x: Tensor) => sub(add(x, mul(0.2, sin(x))), t), f64([1, 1]), undefined, { linear: { solver: "cg" } });
    const at = f64([0.5, -2]);
    const [large, small] = [1, 1e-13].map((size) => valueOf(vjp(f, [at])[1](f64([size, -size]))[0]));
    expect(
      relativeError(
        small!.map((v) => v * 1e13),
        large!,
      ),
    ).toBeLessThan(1e-12);
  });
  it("a start that is the solution takes no step, or one", () => {
    const done = root((x: Tensor) => sub(square(x), 4), f64(2), undefined, { diagnostics: true });
    expect(valuesOf(done.x, done.iterations, done.converged)).toEqual([[2], [0], [1]]);
    const warm = root((x: Tensor) => sub(square(x), 2), f64(Math.SQRT2), undefined, { diagnostics: true });
    expect(itemOf(warm.iterations)).toBeLessThanOrEqual(1);
    expect(itemOf(warm.converged)).toBe(1);
  });
});
