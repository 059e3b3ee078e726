/** Solutions of equations in engines: named sizes, float32, workers, and the same bits under every setting. */
import { describe, expect, it } from "vitest";
import { add, argmin, bicgstab, cg, cos, createEngine, dim, exp, fixedPoint, gmres, grad, lsmr, matmul, mul } from "fluxion";
import { pad, read, root, slice, type Solution, square, sub, sum, tanh, tensor, type Tensor, verifyDeterminism } from "fluxion";
import { addDims } from "../../core/dim.ts";

describe("named sizes", () => {
  const n = dim("n");
  /** 3 u - u left - u right. */
  const chain = (u: Tensor): Tensor => {
    const p = pad(u, [[1, 1]]);
    return sub(mul(3, u), add(slice(p, [0], [n]), slice(p, [2], [addDims(n, 2)]))) as Tensor;
  };
  type Iterative = (f: (v: Tensor) => Tensor, b: Tensor) => Solution<Tensor>;
  const least: Iterative = (f, b) => lsmr<Tensor, Tensor>(f, b, b);
  it.each([
    ["cg", cg as Iterative],
    ["gmres", gmres as Iterative],
    ["bicgstab", bicgstab as Iterative],
    ["lsmr", least],
  ])("%s follows a size that changes, and so does its gradient", async (_, solver) => {
    const engine = await createEngine();
    const b = engine.variable(new Float64Array([1, 2, 3, 4]), { shape: [n], dtype: "float64" });
    const { x, converged } = solver(chain, b);
    const slope = grad(sum(square(x)) as Tensor<[]>, b) as Tensor;
    // The operator is symmetric: the gradient g of |x|^2 has A g = 2 x.
    const left = [sub(chain(x), b), sub(chain(slope), mul(2, x))] as [Tensor, Tensor];
    for (const size of [4, 7, 3]) {
      b.set(Float64Array.from({ length: size }, (_, i) => Math.sin(i + 1)));
      const [ofX, ofSlope] = await engine.read(left);
      expect(Math.max(...Array.from(ofX.data, Math.abs))).toBeLessThan(1e-13);
      expect(Math.max(...Array.from(ofSlope.data, Math.abs))).toBeLessThan(1e-12);
      expect((await engine.read(converged)).item()).toBe(1);
    }
    await engine.dispose();
  });
});

it("float32 converges, to what its numbers can tell", async () => {
  const t = tensor(2);
  const cases: readonly (readonly [Solution<Tensor>, number[]])[] = [
    [root((x: Tensor) => sub(square(x), t), tensor(1), undefined, { diagnostics: true }), [Math.SQRT2]],
    [fixedPoint((x: Tensor) => cos(mul(t, mul(0.4, x))), tensor([0.5, 0.1]), undefined, { diagnostics: true }), [0.8014179, 0.8014179]],
    [argmin((x: Tensor) => sum(sub(exp(x), mul(t, x))) as Tensor, tensor([0, 3]), undefined, { diagnostics: true }), [Math.LN2, Math.LN2]],
  ];
  for (const [solution, expected] of cases) {
    const { x, converged } = await read({ x: solution.x, converged: solution.converged });
    expect(converged.item()).toBe(1);
    expected.forEach((v, i) => expect(x.data[i]).toBeCloseTo(v, 5));
  }
});

it("a worker computes them, and their gradients", async () => {
  const engine = await createEngine({ worker: true });
  const t = engine.variable(2, { dtype: "float64" });
  const y = root((x: Tensor) => sub(square(x), t), tensor(1, { dtype: "float64" })) as Tensor<[]>;
  const slope = grad(y, t) as Tensor;
  expect((await engine.read(slope)).item()).toBeCloseTo(0.5 / Math.SQRT2, 14);
  t.set(8);
  expect((await engine.read(slope)).item()).toBeCloseTo(0.5 / Math.sqrt(8), 14);
  await engine.dispose();
});

it("have the same bits compiled and interpreted, fused and not, on one thread and on several", async () => {
  const n = 10;
  const a = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => (i === j ? 8 : Math.sin(i * j + i))));
  const b = Array.from({ length: n }, (_, i) => i / 10);
  const f = (m: Tensor, r: Tensor): Tensor[] => [
    gmres((v) => matmul(m, v), r, { restart: 4 }).x,
    grad((q: Tensor) => sum(square(bicgstab((v) => matmul(q, v), r).x)))(m) as Tensor,
    fixedPoint((x: Tensor) => mul(0.1, tanh(add(matmul(m, x), r))), r),
  ];
  expect((await verifyDeterminism(f, [a, b])).settings.length).toBeGreaterThan(3);
});
