/** Linear systems over operators that are functions: solutions, and derivatives in every mode, against dense solves and finite differences. */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { grad } from "../../ad/grad.ts";
import { lsmr } from "../../ad/implicit/lsmr.ts";
import { solvesIn } from "../../ad/implicit/solves.ts";
import { bicgstab, cg, gmres, linearSolve, type Solution } from "../../ad/implicit/systems.ts";
import { hessian } from "../../ad/jacobian.ts";
import { jvp } from "../../ad/jvp.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { topological } from "../../core/graph.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, square, sub } from "../../ops/arithmetic.ts";
import { diagonal } from "../../ops/diagonal.ts";
import { dot, matmul } from "../../ops/matmul.ts";
import { lstsq } from "../../ops/pseudoinverse.ts";
import { sum } from "../../ops/reductions.ts";
import { solve } from "../../ops/solve.ts";
import { transpose } from "../../ops/transpose.ts";
import { expectNear } from "../ops/support.ts";
import { definite, general, identity, random } from "./implicit-cases.ts";
import { f64, interpret, itemOf, relativeError, valueOf, valuesOf } from "./values.ts";

const symmetric = (a: Tensor): Tensor => mul(0.5, add(a, transpose(a)));
type Solver = (a: Tensor, b: Tensor) => Tensor;

/** Each solver as a function of matrix and right-hand side, beside the dense solve of the same. */
const solvers: readonly (readonly [name: string, kind: "definite" | "general", iterative: Solver, dense: Solver])[] = [
  ["lu", "general", (a, b) => linearSolve((v) => matmul(a, v), b, { solver: "lu" }), solve],
  [
    "cholesky",
    "definite",
    (a, b) => linearSolve((v) => matmul(symmetric(a), v), b, { positiveDefinite: true }),
    (a, b) => solve(symmetric(a), b),
  ],
  ["cg", "definite", (a, b) => cg((v) => matmul(symmetric(a), v), b).x, (a, b) => solve(symmetric(a), b)],
  [
    "cg with a preconditioner",
    "definite",
    (a, b) => cg((v) => matmul(symmetric(a), v), b, { preconditioner: (r) => div(r, diagonal(a)) }).x,
    (a, b) => solve(symmetric(a), b),
  ],
  ["gmres", "general", (a, b) => gmres((v) => matmul(a, v), b).x, solve],
  [
    "gmres with a preconditioner, restarted",
    "general",
    (a, b) => gmres((v) => matmul(a, v), b, { restart: 2, preconditioner: (r) => div(r, diagonal(a)) }).x,
    solve,
  ],
  ["bicgstab", "general", (a, b) => bicgstab((v) => matmul(a, v), b).x, solve],
  ["a solver of one's own", "general", (a, b) => linearSolve((v) => matmul(a, v), b, { solver: (f, r) => richardson(f, r) }), solve],
  ["lsmr", "general", (a, b) => lsmr((v: Tensor) => matmul(a, v), b, b).x, solve],
];
/** Enough steps of x + (b - A x) / 4 for matrices whose eigenvalues are near 2. */
function richardson(f: (x: Tensor) => Tensor, b: Tensor): Tensor {
  let x = mul(0.4, b);
  for (let i = 0; i < 60; i++) x = add(x, mul(0.4, sub(b, f(x))));
  return x;
}

describe.each(solvers)("%s", (name, kind, iterative, dense) => {
  const n = 3;
  const make = kind === "definite" ? definite : general;
  // The fixed iteration needs eigenvalues near 2.
  const a = name.startsWith("a solver") ? add(mul(2, identity(n)), mul(0.3, random([n, n], 5))) : make(n, 5);
  const b = random([n], 6);
  it("solves, and its gradients are those of a dense solve", () => {
    const loss = (s: Solver) => (m: Tensor, r: Tensor) => sum(square(s(m, r)));
    const [x, expected] = valuesOf(iterative(a, b), dense(a, b)) as [number[], number[]];
    expect(relativeError(x, expected)).toBeLessThan(1e-11);
    for (const argnums of [0, 1]) {
      const [got, want] = valuesOf(grad(loss(iterative), { argnums })(a, b), grad(loss(dense), { argnums })(a, b)) as [number[], number[]];
      expect(relativeError(got, want)).toBeLessThan(1e-10);
    }
  });
  it("has derivatives that finite differences confirm, and <ct, J v> = <J^T ct, v>", async () => {
    await checkGradsWith(interpret, iterative, [a, b], { order: 1 });
    const [da, db, ct] = [random([n, n], 7), random([n], 8), random([n], 9)];
    const pushed = jvp(iterative, [a, b], [da, db])[1];
    const [ca, cb] = vjp(iterative, [a, b])[1](ct);
    const [left, right] = valuesOf(dot(ct, pushed), add(sum(mul(ca, da)), dot(cb, db))).flat() as [number, number];
    expect(Math.abs(left - right)).toBeLessThan(1e-10 * Math.max(1, Math.abs(left)));
  });
  it("has second derivatives", () => {
    const along = (s: Solver) => (t: Tensor) => sum(square(s(add(a, mul(t, random([n, n], 11))), add(b, mul(t, random([n], 12))))));
    const [got, want] = valuesOf(hessian(along(iterative))(f64(0)), hessian(along(dense))(f64(0))).flat() as [number, number];
    expect(Math.abs(got - want)).toBeLessThan(1e-9 * Math.abs(want));
  });
});

it("one unknown, a right-hand side of 0, and a start that is the solution, take no steps or one", () => {
  const a = general(4, 3);
  const x = random([4], 2);
  const b = matmul(a, x);
  for (const s of [
    gmres,
    bicgstab,
    (f: (v: Tensor) => unknown, r: Tensor, o?: object) => cg((v) => matmul(transpose(a), f(v) as Tensor), matmul(transpose(a), r), o),
  ]) {
    const nothing = s((v: Tensor) => matmul(a, v), f64([0, 0, 0, 0]), { x0: x }) as Solution<Tensor>;
    expect(valuesOf(nothing.x, nothing.residual, nothing.iterations, nothing.converged)).toEqual([[0, 0, 0, 0], [0], [0], [1]]);
    const exact = s((v: Tensor) => matmul(a, v), b, { x0: x }) as Solution<Tensor>;
    expect(itemOf(exact.converged)).toBe(1);
    expect(itemOf(exact.iterations)).toBeLessThanOrEqual(4);
    expect(relativeError(valueOf(exact.x), valueOf(x))).toBeLessThan(1e-14);
  }
  for (const s of [cg, gmres, bicgstab]) {
    const one = s((v: Tensor) => mul(v, 4), f64(3));
    expect(valuesOf(one.x, one.converged)).toEqual([[0.75], [1]]);
    expect(itemOf(grad((r: Tensor) => s((v: Tensor) => mul(v, 4), r).x)(f64(0)))).toBe(0.25);
    expect(itemOf(grad((c: Tensor) => s((v: Tensor) => mul(v, c), f64(3)).x)(f64(4)))).toBeCloseTo(-3 / 16, 15);
  }
});

it.each([1e-13, 1e-30, 1e-200, 1e200])("cotangents and right-hand sides of size %d lose nothing", (size) => {
  const a = definite(5, 1);
  const b = random([5], 2);
  const want = valueOf(solve(a, b));
  type Iterative = (f: (v: Tensor) => Tensor, r: Tensor) => Solution<Tensor>;
  const least: Iterative = (f, r) => lsmr<Tensor, Tensor>(f, r, r);
  for (const s of [cg as Iterative, gmres as Iterative, bicgstab as Iterative, least]) {
    const solved = (r: Tensor): Solution<Tensor> => s((v) => matmul(a, v), r);
    const small = mul(b, size);
    const [pulled] = vjp((r: Tensor) => solved(r).x, [b])[1](small);
    for (const x of [solved(small).x, pulled]) expect(relativeError(valueOf(div(x, size)), want)).toBeLessThan(1e-10);
    expect(itemOf(solved(small).converged)).toBe(1);
  }
});

it("no unknowns are a solution", () => {
  const none = constant([], { dtype: "float64", shape: [0] });
  for (const solver of [cg, gmres, bicgstab]) {
    const { x, residual, converged } = solver((v: Tensor) => mul(v, 2), none);
    expect([valueOf(x), itemOf(residual), itemOf(converged)]).toEqual([[], 0, 1]);
  }
});

it("float32, too, down to 1e-30", () => {
  const a = constant(valueOf(definite(4, 1)), { shape: [4, 4] });
  const b = constant(valueOf(random([4], 2)).map((v) => v * 1e-30));
  for (const s of [cg, gmres, bicgstab]) {
    const solved = s((v: Tensor) => matmul(a, v), b);
    expect(itemOf(solved.converged)).toBe(1);
    expect(relativeError(valueOf(solved.x), valueOf(solve(a, b)))).toBeLessThan(1e-5);
  }
});

it("solvesIn finds the solution that a gradient is of, and the system of its adjoint", () => {
  const a = definite(4, 3);
  const loss = (m: Tensor): Tensor => sum(square(cg((v: Tensor) => matmul(m, v), random([4], 1)).x));
  const found = solvesIn(grad(loss)(a));
  expect(found.map((s) => [s.name, s.derivative])).toEqual([
    ["cg", false],
    ["cg", true],
  ]);
  expect(valuesOf(...found.map((s) => s.converged))).toEqual([[1], [1]]);
  expect(valuesOf(...found.map((s) => s.iterations)).flat()).toEqual([4, 4].map((k) => expect.closeTo(k, -1)));
  expect(solvesIn(a)).toEqual([]);
});

it("a direct solver factorizes once, for the solution, its gradient and its Hessian", () => {
  const b = random([3], 1);
  const f = (m: Tensor): Tensor => sum(square(linearSolve((v: Tensor) => matmul(m, v), b)));
  const m = general(3, 4);
  const nodes = topological([f(m), grad(f)(m) as Tensor, hessian(f)(m) as Tensor]);
  expect(nodes.filter((t) => t.primitive.name === "lu").length).toBe(1);
});

it("takes trees, and what the operator closes over has gradients", async () => {
  const f = (k: Tensor): Tensor => {
    const { x } = gmres(
      (v: { u: Tensor; p: Tensor }) => ({ u: add(mul(k, v.u), mul(v.p, f64([1, 2]))), p: sub(dot(v.u, f64([1, 0.5])), v.p) }),
      { u: f64([1, -1]), p: f64(0.5) },
    );
    return add(sum(square(x.u)), x.p);
  };
  await checkGradsWith(interpret, f, [f64(3)], { order: 1 });
});

it("an operator may hold a solution: the Schur complement of a block", () => {
  const [a, b, c, d] = [definite(3, 1), random([3, 2], 2), random([2, 3], 3), definite(2, 4)] as [Tensor, Tensor, Tensor, Tensor];
  const f = (m: Tensor, r: Tensor): Tensor =>
    gmres((v: Tensor) => sub(matmul(d, v), matmul(c, cg((w: Tensor) => matmul(m, w), matmul(b, v)).x)), r).x;
  const g = (m: Tensor, r: Tensor): Tensor => solve(sub(d, matmul(c, solve(m, b))), r);
  for (const argnums of [0, 1]) {
    const by = (h: typeof f): number[] => valueOf(grad((m: Tensor, r: Tensor) => sum(square(h(m, r))), { argnums })(a, random([2], 5)));
    expect(relativeError(by(f), by(g))).toBeLessThan(1e-9);
  }
});

it("vmap solves for each example to its own end", () => {
  const n = 6;
  const as = [1, 2, 3].map((seed) => definite(n, seed));
  const bs = [4, 5, 6].map((seed) => random([n], seed));
  const all = constant(valuesOf(...as).flat(), { shape: [3, n, n], dtype: "float64" });
  const right = constant(valuesOf(...bs).flat(), { shape: [3, n], dtype: "float64" });
  const one = (a: Tensor, b: Tensor): Solution<Tensor> => cg((v: Tensor) => matmul(a, v), b, { tol: 1e-6 });
  const together = vmap(one)(all, right) as unknown as Solution<Tensor>;
  const alone = as.map((a, i) => one(a, bs[i]!));
  expectNear(valueOf(together.x), valuesOf(...alone.map((s) => s.x)).flat(), 1e-14);
  expect(valueOf(together.iterations)).toEqual(valuesOf(...alone.map((s) => s.iterations)).flat());
  const slope = (a: Tensor, b: Tensor): Tensor => grad((m: Tensor) => sum(square(cg((v: Tensor) => matmul(m, v), b).x)))(a) as Tensor;
  expectNear(
    valueOf(vmap(slope)(all, right) as Tensor),
    as.flatMap((a, i) => valueOf(slope(a, bs[i]!))),
    1e-10,
  );
  // One operator for many right-hand sides, which are examples.
  const many = vmap((b: Tensor) => one(as[0]!, b).x)(right) as Tensor;
  expectNear(
    valueOf(many),
    bs.flatMap((b) => valueOf(one(as[0]!, b).x)),
    1e-14,
  );
});

describe("lsmr", () => {
  const cases: readonly [string, Tensor, Tensor][] = [
    ["tall", random([5, 3], 1), random([5], 2)],
    ["wide", random([3, 5], 3), random([3], 4)],
    ["of rank 2", matmul(random([5, 2], 5), random([2, 4], 6)), random([5], 7)],
  ];
  it.each(cases)("%s: the solution of least length, with the derivatives of lstsq", (_, a, b) => {
    const like = random([a.shape[1] as number], 1);
    const f = (m: Tensor, r: Tensor): Solution<Tensor> => lsmr((v: Tensor) => matmul(m, v), r, like) as Solution<Tensor>;
    const solved = f(a, b);
    expect(relativeError(valueOf(solved.x), valueOf(lstsq(a, b).x))).toBeLessThan(1e-10);
    expect(itemOf(solved.converged)).toBe(1);
    for (const argnums of [0, 1]) {
      const got = valueOf(grad((m: Tensor, r: Tensor) => sum(square(f(m, r).x)), { argnums })(a, b));
      expect(relativeError(got, valueOf(grad((m: Tensor, r: Tensor) => sum(square(lstsq(m, r).x)), { argnums })(a, b)))).toBeLessThan(1e-8);
    }
  });
  it("damping: the regularized normal equations, and derivatives by the damping", async () => {
    const [, a, b] = cases[0]!;
    const like = f64([0, 0, 0]);
    const f = (m: Tensor, d: Tensor): Tensor => lsmr((v: Tensor) => matmul(m, v), b, like, { damping: d }).x;
    const g = (m: Tensor, d: Tensor): Tensor => solve(add(matmul(transpose(m), m), mul(square(d), identity(3))), matmul(transpose(m), b));
    expect(relativeError(valueOf(f(a, f64(0.3))), valueOf(g(a, f64(0.3))))).toBeLessThan(1e-12);
    for (const argnums of [0, 1]) {
      const by = (h: typeof f): number[] => valueOf(grad((m: Tensor, d: Tensor) => sum(square(h(m, d))), { argnums })(a, f64(0.3)));
      expect(relativeError(by(f), by(g))).toBeLessThan(1e-10);
    }
    const [got, want] = [f, g].map((h) => itemOf(hessian((d: Tensor) => sum(square(h(a, d))))(f64(0.3)))) as [number, number];
    expect(Math.abs(got - want)).toBeLessThan(1e-9 * Math.abs(want));
  });
});
