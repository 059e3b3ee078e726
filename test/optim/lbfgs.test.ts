/** L-BFGS on functions whose minima are known, and the conditions that its line search promises. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  createEngine,
  grad,
  greater,
  matmul,
  mul,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  where,
} from "../../index.ts";
import { valueAndGrad } from "../../ad/grad.ts";
import { dot } from "../../ops/matmul.ts";
import { lbfgs, type LbfgsOptions } from "../../optim/lbfgs.ts";
import { lineSearch } from "../../optim/line-search.ts";
import { run } from "../../optim/minimize.ts";

const rosenbrock = (x: Tensor): Tensor => {
  const n = x.shape[0] as number;
  const [low, high] = [slice(x, [0], [n - 1]), slice(x, [1], [n])];
  return add(sum(square(sub(1, low))), mul(100, sum(square(sub(high, square(low))))));
};
/** Beale's function (1958), with its minimum 0 at (3, 0.5). */
const beale = (p: Tensor): Tensor => {
  const [x, y] = [sum(slice(p, [0], [1])), sum(slice(p, [1], [2]))];
  const term = (c: number, power: Tensor): Tensor => square(add(sub(c, x), mul(x, power)));
  return add(add(term(1.5, y), term(2.25, square(y))), term(2.625, mul(y, square(y))));
};

async function minimum(f: (x: Tensor) => Tensor, start: readonly number[], options: LbfgsOptions = {}) {
  const engine = await createEngine({ threads: 1 });
  const problem = lbfgs(engine, f, Float64Array.from(start), options);
  const { reason } = await run(engine, problem, { steps: 1000 }).done;
  const { params, loss, count, evaluations } = await engine.read({
    params: problem.params,
    loss: problem.loss,
    count: problem.count,
    evaluations: problem.evaluations,
  });
  await engine.dispose();
  return { x: [...params.data], loss: loss.item(), reason, iterations: count.item(), evaluations: evaluations.item() };
}

describe("lbfgs", () => {
  it("finds the minimum of Rosenbrock's function, in two and in ten dimensions", async () => {
    for (const start of [[-1.2, 1], Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? -1.2 : 1))]) {
      const { x, reason, iterations, evaluations } = await minimum(rosenbrock, start);
      expect(reason).toBe("the gradient vanishes");
      x.forEach((v) => expect(Math.abs(v - 1)).toBeLessThan(1e-9));
      expect(iterations).toBeLessThan(100);
      expect(evaluations).toBeLessThan(1.6 * iterations + 5);
    }
  });

  it("finds the minimum of Beale's function", async () => {
    const { x, loss } = await minimum(beale, [1, 1]);
    expect(Math.abs(x[0]! - 3)).toBeLessThan(1e-8);
    expect(Math.abs(x[1]! - 0.5)).toBeLessThan(1e-8);
    expect(loss).toBeLessThan(1e-18);
  });

  it("solves a quadratic of known condition number in no more iterations than conjugate gradients are bound by", async () => {
    const curvatures = Float64Array.from({ length: 30 }, (_, i) => 10 ** ((3 * i) / 29));
    const a = tensor(curvatures);
    const { x, iterations, reason } = await minimum(
      (v) => mul(0.5, sum(mul(a, square(v)))),
      Array.from({ length: 30 }, () => 1),
      { history: 30 },
    );
    expect(reason).toBe("the gradient vanishes");
    expect(Math.max(...x.map(Math.abs))).toBeLessThan(1e-9);
    // What conjugate gradients need at most to make the error smaller by 1e12.
    expect(iterations).toBeLessThan((Math.sqrt(1000) * Math.log(2e12)) / 2);
  });

  it("makes as many iterations in one tick as in many, with the same bits", async () => {
    const [one, ten] = [await minimum(rosenbrock, [-1.2, 1], { iterations: 1 }), await minimum(rosenbrock, [-1.2, 1], { iterations: 10 })];
    expect(one.x).toEqual(ten.x);
    expect(one.iterations).toBe(ten.iterations);
  });

  it("goes on, warm, when what the loss is built on changes", async () => {
    const engine = await createEngine({ threads: 1 });
    const target = engine.variable(Float64Array.of(1, 2, 3));
    const { params, status, clock } = lbfgs(engine, (x: Tensor) => sum(square(sub(x, target))), new Float64Array(3));
    clock.tick();
    expect([...(await engine.read(params)).data]).toEqual([1, 2, 3].map((v) => expect.closeTo(v, 9)));
    target.set([4, 5, 6]);
    status.set(0);
    clock.tick();
    expect([...(await engine.read(params)).data]).toEqual([4, 5, 6].map((v) => expect.closeTo(v, 9)));
    await engine.dispose();
  });

  it("says that a loss is not finite, and that none can be made smaller", async () => {
    expect((await minimum((x) => mul(sum(x), NaN), [1]).catch((e: Error) => ({ reason: e.message }))).reason).toContain("NaN");
    // |x| has a kink at its minimum, where no smooth step helps.
    const { reason } = await minimum((x) => sum(mul(x, where(greater(x, 0), 1, -1))), [1]);
    expect(reason).toBe("no step makes the loss smaller");
  });
});

describe("the line search", () => {
  it("finds steps that fulfil the strong Wolfe conditions", async () => {
    const engine = await createEngine({ threads: 1 });
    const [x, first, mixing] = [
      engine.variable(new Float64Array(3)),
      engine.variable(1, { dtype: "float64" }),
      engine.variable(new Float64Array(9), { shape: [3, 3] }),
    ];
    const f = (v: Tensor): Tensor => add(rosenbrock(v), sum(square(matmul(mixing, v))));
    const [value, gradient] = valueAndGrad(f)(x) as [Tensor, Tensor];
    const direction = sub(0, matmul(transpose(add(mixing, 0)), matmul(mixing, gradient))).sub(gradient);
    const found = lineSearch((v) => valueAndGrad(f)(v) as [Tensor, Tensor], { x, value, gradient }, direction, first, { curvature: 0.1 });
    const slopes = { before: dot(gradient, direction), after: dot(grad(f)(found.x) as Tensor, direction) };
    const all = { ...found, ...slopes };
    const number = fc.double({ min: -2, max: 2, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(number, { minLength: 3, maxLength: 3 }),
        fc.array(number, { minLength: 9, maxLength: 9 }),
        fc.integer({ min: -6, max: 3 }),
        async (at, m, exponent) => {
          x.set(at);
          mixing.set(Float64Array.from(m));
          first.set(10 ** exponent);
          const r = await engine.read(all);
          if (!(r.before.item() < -1e-6)) return;
          expect(r.found.item()).toBe(1);
          expect(r.step.item()).toBeGreaterThan(0);
          expect(Math.abs(r.after.item())).toBeLessThanOrEqual(0.1 * Math.abs(r.before.item()) * (1 + 1e-9));
          const v0 = (await engine.read(value)).item();
          expect(r.value.item()).toBeLessThanOrEqual(v0 + 1e-4 * r.step.item() * r.before.item() + 1e-13 * Math.abs(v0));
        },
      ),
      { numRuns: 60 },
    );
    await engine.dispose();
  });
});
