/** A Poisson equation on 64 x 64 points by conjugate gradients, on the CPU backend: its solution, gradients and second derivatives. */
import { beforeAll, expect, it } from "vitest";
import {
  add,
  astype,
  cg,
  createEngine,
  div,
  type Engine,
  grad,
  hvp,
  iota,
  jvp,
  mul,
  pad,
  read,
  slice,
  sub,
  sum,
  sin,
  square,
  tensor,
  type Tensor,
} from "fluxion";

import { relativeError } from "./values.ts";

const n = 64;
const h = 1 / (n + 1);
const f64 = (x: number | number[]): Tensor => tensor(x, { dtype: "float64" });
/** The points of the grid along one axis, as [n, n]. */
const points = (axis: number): Tensor => mul(h, add(astype(iota([n, n], axis), "float64"), 1)) as Tensor;

/** -div(c grad u) with u = 0 on the boundary; c at the points, averaged between them. */
function diffusion(c: Tensor): (u: Tensor) => Tensor {
  return (u) => {
    const at = (x: Tensor, i: number, j: number): Tensor =>
      slice(
        pad(x, [
          [1, 1],
          [1, 1],
        ]),
        [i, j],
        [i + n, j + n],
      ) as Tensor;
    const flux = (i: number, j: number): Tensor => mul(add(c, at(c, i, j)), sub(u, at(u, i, j))) as Tensor;
    return div(add(add(flux(0, 1), flux(2, 1)), add(flux(1, 0), flux(1, 2))), 2 * h * h) as Tensor;
  };
}

const wave = (k: number): Tensor => mul(sin(mul(Math.PI * k, points(0))), sin(mul(Math.PI, points(1)))) as Tensor;
/** The eigenvalue of that wave, where c is 1 (and so twice the boundary's half). */
const constantOf = (k: number): number => (4 / h ** 2) * (Math.sin((Math.PI * k * h) / 2) ** 2 + Math.sin((Math.PI * h) / 2) ** 2);
const laplacian = (u: Tensor): Tensor => {
  const at = (i: number, j: number): Tensor =>
    slice(
      pad(u, [
        [1, 1],
        [1, 1],
      ]),
      [i, j],
      [i + n, j + n],
    ) as Tensor;
  return div(sub(mul(4, u), add(add(at(0, 1), at(2, 1)), add(at(1, 0), at(1, 2)))), h * h) as Tensor;
};

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});

it("has the solution that the eigenvectors of the Laplacian give", async () => {
  const b = add(wave(1), mul(0.5, wave(7)));
  const { x, residual, iterations, converged } = cg(laplacian, b);
  const found = await read({ x, residual, iterations, converged });
  const closed = await read(add(div(wave(1), constantOf(1)), mul(0.5 / constantOf(7), wave(7))));
  expect(relativeError(found.x.data, closed.data)).toBeLessThan(1e-11);
  expect(found.converged.item()).toBe(1);
  // A right-hand side of two eigenvectors takes two steps.
  expect(found.iterations.item()).toBeLessThan(10);
});

it("its gradient, by the field of coefficients and by the right-hand side, is that of finite differences", async () => {
  const b = mul(100, sin(mul(13, add(points(0), square(points(1))))));
  const c = add(1, mul(0.5, sin(mul(5, points(1)))));
  const objective = (field: Tensor, right: Tensor): Tensor => sum(square(cg(diffusion(field), right).x)) as Tensor;
  const [dc, db] = [sin(mul(9, sub(points(0), points(1)))), sin(mul(4, points(0)))] as [Tensor, Tensor];
  const at = async (e: number): Promise<number> =>
    (await engine.read(objective(add(c, mul(e, dc)) as Tensor, add(b, mul(e, db)) as Tensor))).item() as number;
  const values = { 1: await at(1e-3), [-1]: await at(-1e-3), 2: await at(2e-3), [-2]: await at(-2e-3), 0: await at(0) } as Record<
    number,
    number
  >;
  const first = (8 * (values[1]! - values[-1]!) - (values[2]! - values[-2]!)) / 12e-3;
  const second = (16 * (values[1]! + values[-1]!) - (values[2]! + values[-2]!) - 30 * values[0]!) / 12e-6;
  const gradients = grad(objective, { argnums: [0, 1] })(c, b) as [Tensor, Tensor];
  const [gc, gb] = gradients;
  const reverse = await engine.read(add(sum(mul(gc, dc)), sum(mul(gb, db))));
  const forward = await engine.read(jvp(objective, [c, b], [dc, db])[1]);
  expect(Math.abs((reverse.item() as number) / first - 1)).toBeLessThan(1e-8);
  expect(Math.abs((forward.item() as number) / (reverse.item() as number) - 1)).toBeLessThan(1e-10);
  const [hc, hb] = hvp(objective, [c, b], [dc, db]) as unknown as [Tensor, Tensor];
  const curvature = await engine.read(add(sum(mul(hc, dc)), sum(mul(hb, db))));
  expect(Math.abs((curvature.item() as number) / second - 1)).toBeLessThan(1e-6);
});

it("its derivatives by a scale k of the operator are powers of 1/k", async () => {
  const b = sin(mul(13, add(points(0), square(points(1)))));
  const f = (k: Tensor): Tensor => sum(square(cg((u: Tensor) => mul(k, laplacian(u)), b).x)) as Tensor;
  const k = f64(1.5);
  const second = grad((t: Tensor) => grad(f)(t) as Tensor)(k) as Tensor;
  const v = await engine.read({ y: f(k), first: grad(f)(k) as Tensor, second });
  const y = v.y.item() as number;
  expect((v.first.item() as number) / ((-2 / 1.5) * y)).toBeCloseTo(1, 10);
  expect((v.second.item() as number) / ((6 / 1.5 ** 2) * y)).toBeCloseTo(1, 10);
});

it("runs in the backend, as a source of an engine is moved", async () => {
  const k = engine.variable(2, { dtype: "float64", label: "k" });
  const { x, iterations, converged } = cg((u: Tensor) => mul(k, laplacian(u)), wave(3));
  const seen: unknown[] = [];
  const subscription = engine
    .observe({ top: x, iterations, converged })
    .subscribe((v) => seen.push([v.converged.item(), v.iterations.item()]));
  await engine.flush();
  k.set(4);
  await engine.flush();
  expect(seen.length).toBeGreaterThanOrEqual(1);
  expect(seen.every((s) => (s as unknown[])[0] === 1)).toBe(true);
  subscription.unsubscribe();
  const [two, four] = [await engine.read(cg((u: Tensor) => mul(2, laplacian(u)), wave(3)).x), await engine.read(x)];
  expect(
    relativeError(
      four.data,
      two.data.map((u) => u / 2),
    ),
  ).toBeLessThan(1e-11);
});
