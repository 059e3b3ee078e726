/** Roots, fixed points and minima: solutions, and their derivatives against closed forms, finite differences and each other. */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { grad } from "../../ad/grad.ts";
import { argmin } from "../../ad/implicit/argmin.ts";
import { fixedPoint, type FixedPointOptions, root } from "../../ad/implicit/root.ts";
import { solvesIn } from "../../ad/implicit/solves.ts";
import { type Solution } from "../../ad/implicit/systems.ts";
import { hessian } from "../../ad/jacobian.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, square, sub } from "../../ops/arithmetic.ts";
import { cos, exp, log, sin, tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { logsumexp } from "../../ops/softmax.ts";
import { sum } from "../../ops/reductions.ts";
import { solve } from "../../ops/solve.ts";
import { transpose } from "../../ops/transpose.ts";
import { expectAdjoint, random } from "./implicit-cases.ts";
import { f64, interpret, itemOf, relativeError, valueOf, valuesOf } from "./values.ts";

describe("root", () => {
  const squareRoot = (t: Tensor): Tensor => root((x: Tensor, theta: Tensor) => sub(square(x), theta), f64(1), t);
  it("x^2 = t: the square root, and its derivatives to third order, of the right sign", () => {
    const d = [1, 2, 3].reduce<((t: Tensor) => Tensor)[]>((all) => [...all, (t) => grad(all.at(-1)!)(t) as Tensor], [squareRoot]);
    const want = [2 ** 0.5, 0.5 * 2 ** -0.5, -0.25 * 2 ** -1.5, 0.375 * 2 ** -2.5];
    expect(d.map((f) => itemOf(f(f64(2))))).toEqual(want.map((v) => expect.closeTo(v, 13)));
  });
  it("has derivatives in every mode", () =>
    checkGradsWith(interpret, squareRoot, [f64(2)], { order: 2, modes: ["fwd", "rev", "jet", "vmap"] }));
  it("of several unknowns in a tree, by what F closes over", async () => {
    const f = (a: Tensor, b: Tensor): Tensor => {
      const { x, y } = root(({ x, y }: { x: Tensor; y: Tensor }) => ({ x: sub(add(square(x), sum(square(y))), a), y: sub(y, mul(b, x)) }), {
        x: f64(1),
        y: f64([0.5, 0.5]),
      });
      return add(x, sum(sin(y)));
    };
    // x^2 (1 + |b|^2) = a
    const closed = (a: Tensor, b: Tensor): Tensor => {
      const x = exp(mul(0.5, log(div(a, add(1, sum(square(b)))))));
      return add(x, sum(sin(mul(b, x))));
    };
    const [a, b] = [f64(3), f64([0.4, -1.2])];
    for (const argnums of [0, 1])
      expect(relativeError(valueOf(grad(f, { argnums })(a, b)), valueOf(grad(closed, { argnums })(a, b)))).toBeLessThan(1e-12);
    await checkGradsWith(interpret, f, [a, b], { order: 1 });
  });
  it("maps over examples, each to its own end", () => {
    const ts = [0.5, 2, 1e6];
    const known = (t: Tensor): Solution<Tensor> => root((x: Tensor) => sub(square(x), t), f64(1), undefined, { diagnostics: true });
    const all = vmap(known)(f64(ts)) as unknown as Solution<Tensor>;
    expect(valueOf(all.x)).toEqual(ts.map((t) => expect.closeTo(Math.sqrt(t), 12)));
    expect(valueOf(all.iterations)).toEqual(ts.map((t) => itemOf(known(f64(t)).iterations)));
    const slopes = vmap(grad(squareRoot))(f64(ts)) as Tensor;
    expect(
      relativeError(
        valueOf(slopes),
        ts.map((t) => 0.5 / Math.sqrt(t)),
      ),
    ).toBeLessThan(1e-12);
  });
  it("steps back where a whole step leads astray", () => {
    // Newton's method alone diverges from here, for |x| > 1.39.
    const s = root((x: Tensor, t: Tensor) => sub(tanh(x), t), f64(3), f64(0), { diagnostics: true });
    expect(valuesOf(s.x, s.converged)).toEqual([[expect.closeTo(0, 12)], [1]]);
  });
  it("takes Krylov solvers, and a preconditioner that closes over the parameters", async () => {
    const a = add(random([4, 4], 1), mul(3, matmul(random([4, 4], 2), transpose(random([4, 4], 2)))));
    for (const solver of ["gmres", "bicgstab"] as const) {
      const f = (m: Tensor, t: Tensor): Tensor =>
        root((x: Tensor) => sub(add(matmul(m, x), mul(0.1, sin(x))), t), f64([0, 0, 0, 0]), undefined, {
          linear: { solver, preconditioner: (r: Tensor) => div(r, sum(square(m))) },
        });
      expectAdjoint((m) => f(m, f64([1, 2, 3, 4])), a);
      if (solver === "bicgstab") await checkGradsWith(interpret, (t: Tensor) => f(a, t), [f64([1, 2, 3, 4])], { order: 1 });
    }
  });
});

describe("fixedPoint", () => {
  const a = mul(0.4, random([3, 3], 3));
  const b = random([3], 4);
  const of =
    (options: FixedPointOptions) =>
    (m: Tensor, t: Tensor): Tensor =>
      fixedPoint((x: Tensor, theta: Tensor) => tanh(add(matmul(m, x), theta)), f64([0, 0, 0]), t, { tol: 1e-13, ...options });
  it.each(["anderson", "picard", "newton"] as const)("%s: a linear map has (1 - A)^-1 b, and its derivatives", (method) => {
    const f = (m: Tensor, t: Tensor): Tensor =>
      fixedPoint((x: Tensor) => add(matmul(m, x), t), f64([0, 0, 0]), undefined, { method, tol: 1e-13 });
    const closed = (m: Tensor, t: Tensor): Tensor =>
      solve(sub(constant([1, 0, 0, 0, 1, 0, 0, 0, 1], { shape: [3, 3], dtype: "float64" }), m), t);
    expect(relativeError(valueOf(f(a, b)), valueOf(closed(a, b)))).toBeLessThan(1e-12);
    for (const argnums of [0, 1]) {
      const by = (g: typeof f): number[] => valueOf(grad((m: Tensor, t: Tensor) => sum(square(g(m, t))), { argnums })(a, b));
      expect(relativeError(by(f), by(closed))).toBeLessThan(1e-11);
    }
  });
  it("x = cos(t x): dx/dt = (1 - f_x)^-1 f_t, with the sign of a fixed point", () => {
    const f = (t: Tensor): Tensor => fixedPoint((x: Tensor) => cos(mul(t, x)), f64(0.5));
    const x = itemOf(f(f64(1)));
    expect(x).toBeCloseTo(0.7390851332151607, 10);
    expect(itemOf(grad(f)(f64(1)) as Tensor)).toBeCloseTo((-x * Math.sin(x)) / (1 + Math.sin(x)), 9);
  });
  it("has first and second derivatives", () => checkGradsWith(interpret, of({}), [a, b], { order: 2 }));
  it("mixing takes fewer steps than repeating", () => {
    const steps = (method: "anderson" | "picard"): number => {
      const f = (x: Tensor): Tensor => add(mul(f64([0.95, 0.9, -0.8]), x), 1);
      return itemOf(fixedPoint(f, f64([0, 0, 0]), undefined, { method, maxiter: 5000, diagnostics: true }).iterations);
    };
    expect(steps("anderson")).toBeLessThan(12);
    expect(steps("picard")).toBeGreaterThan(300);
  });
});

describe("argmin", () => {
  const x = random([6, 2], 5);
  const y = random([6], 6);
  /** Ridge regression, in closed form and as a minimum. */
  const ridge = (l: Tensor): Tensor =>
    argmin((w: Tensor, k: Tensor) => add(sum(square(sub(matmul(x, w), y))), mul(k, sum(square(w)))), f64([0, 0]), l);
  const normal = (l: Tensor): Tensor =>
    solve(add(matmul(transpose(x), x), mul(l, constant([1, 0, 0, 1], { shape: [2, 2], dtype: "float64" }))), matmul(transpose(x), y));
  it("ridge regression: the normal equations, and their derivatives by the weight of the penalty", () => {
    expect(relativeError(valueOf(ridge(f64(0.7))), valueOf(normal(f64(0.7))))).toBeLessThan(1e-13);
    for (const way of [grad, hessian]) {
      const by = (f: typeof ridge): number => itemOf(way((l: Tensor) => sum(square(f(l))))(f64(0.7)) as Tensor);
      expect(by(ridge)).toBeCloseTo(by(normal), 11);
    }
    expectAdjoint(ridge, f64(0.7));
  });
  it("goes down a curved valley, and from where the Hessian is indefinite", async () => {
    const valley = (t: Tensor): Solution<{ x: Tensor; y: Tensor }> =>
      argmin(
        (p: { x: Tensor; y: Tensor }) => add(square(sub(t, p.x)), mul(100, square(sub(p.y, square(p.x))))),
        { x: f64(-1.2), y: f64(1) },
        undefined,
        { diagnostics: true },
      );
    const { x: at, converged } = valley(f64(1.5));
    expect(valuesOf(at.x, at.y, converged)).toEqual([[expect.closeTo(1.5, 10)], [expect.closeTo(2.25, 10)], [1]]);
    await checkGradsWith(interpret, (t: Tensor) => valley(t).x, [f64(1.5)], { order: 1 });
    // x^4 - x^2 has a maximum at 0 and minima at +-1/sqrt(2).
    const well = (t: Tensor): Tensor => argmin((p: Tensor) => sub(square(square(p)), mul(t, square(p))), f64(0.1));
    expect(itemOf(well(f64(1)))).toBeCloseTo(Math.SQRT1_2, 10);
    expect(itemOf(grad(well)(f64(2)) as Tensor)).toBeCloseTo(0.25, 10);
  });
  it("with conjugate gradients, as with a matrix", () => {
    const f = (t: Tensor, solver: "cg" | "lu"): Tensor =>
      argmin((p: Tensor) => add(logsumexp(mul(p, t)), sum(square(p))), f64([1, -1, 0.5]), undefined, { linear: { solver } });
    const t = f64([0.5, 2, -1]);
    const by = (solver: "cg" | "lu"): number[] => valueOf(grad((s: Tensor) => sum(square(f(s, solver))))(t));
    expect(relativeError(by("cg"), by("lu"))).toBeLessThan(1e-9);
  });
});

it("solvesIn names what a gradient is made of", () => {
  const f = (t: Tensor): Tensor => root((x: Tensor) => sub(square(x), t), f64(1));
  expect(solvesIn(grad(f)(f64(2))).map((s) => [s.name, s.derivative, itemOf(s.converged)])).toEqual([
    ["root", false, 1],
    ["lu", true, 1],
  ]);
});

it.each([
  [() => root(3 as never, f64(1)), /root: needs a function, got 3/],
  [() => root((x: Tensor) => x, f64(1), undefined, { tol: NaN }), /root: tol must be a number, at least 0, got NaN/],
  [() => argmin((x: Tensor) => x, f64(1), undefined, { maxiter: -1 }), /argmin: maxiter must be a number, at least 0, got -1/],
  [() => argmin((x: Tensor) => x, f64([1, 2])), /argmin: the objective must give a scalar/],
  [() => root((x: Tensor) => [x], f64(1)), /root: what F gives is of another structure than x0/],
  [
    () => fixedPoint((x: Tensor) => x, constant(1, { dtype: "int32" })),
    /fixedPoint: x0 must be float32 or float64, got constant int32\[\]/,
  ],
  [
    () => fixedPoint((x: Tensor) => x, f64(1), undefined, { method: "magic" as never }),
    /the method must be "anderson", "picard" or "newton", got/,
  ],
  [
    () => root((x: { a: Tensor; b: Tensor }) => x, { a: f64(1), b: constant(1) }),
    /x0 must be of one dtype, got constant float64\[\] and constant float32\[\]/,
  ],
])("bad input %#: an error that says what fits", (f, message) => expect(f).toThrow(message));
