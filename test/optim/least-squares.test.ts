/** Least squares against certified fits, closed forms, and what a refused step may cost. */
import { describe, expect, it } from "vitest";
import { add, createEngine, mul, square, sin, stack, sub, sum, type Tensor, tensor, tanh } from "../../index.ts";
import { type LeastSquaresOptions, levenbergMarquardt, reasons } from "../../optim/least-squares.ts";
import { type Regression, regressions } from "./nist.ts";

async function fit({ model, x, y }: Regression, start: readonly number[], options: LeastSquaresOptions) {
  const engine = await createEngine({ threads: 1 });
  const [xs, ys] = [tensor(Float64Array.from(x)), tensor(Float64Array.from(y))];
  const problem = levenbergMarquardt(
    engine,
    (b: readonly Tensor[]) => sub(model(b, xs), ys),
    start.map((v) => ({ data: Float64Array.of(v), shape: [] })),
    options,
  );
  problem.clock.tick(1000);
  const { params, loss, status, accepted } = await engine.read({
    params: problem.params,
    loss: problem.loss,
    status: problem.status,
    accepted: problem.accepted,
  });
  await engine.dispose();
  return { params: params.map((v) => v.item()), loss: loss.item(), status: status.item(), accepted: accepted.item() };
}

const digits = (got: number, certified: number): number => -Math.log10(Math.max(Math.abs(got - certified) / Math.abs(certified), 1e-16));

describe("certified nonlinear regression", () => {
  const cases = regressions.flatMap((r) => r.starts.map((start, i) => ({ name: `${r.name} from start ${i + 1}`, r, start })));
  it.each(cases)("$name: 8 digits of every parameter", async ({ r, start }) => {
    const { params, loss, status } = await fit(r, start, {});
    params.forEach((p, i) => expect(digits(p, r.certified[i]!)).toBeGreaterThan(8));
    expect(digits(2 * loss, r.sumOfSquares)).toBeGreaterThan(8);
    expect([1, 2]).toContain(status);
  });

  it("the normal equations find the same fit, where it is well determined", async () => {
    const r = regressions.find(({ name }) => name === "Rat42")!;
    const { params } = await fit(r, r.starts[1], { solver: "cholesky" });
    params.forEach((p, i) => expect(digits(p, r.certified[i]!)).toBeGreaterThan(6));
  });
});

/** (1 - x, 10 (y - x^2)): Rosenbrock's function is the sum of squares, with its minimum, zero, at (1, 1). */
const rosenbrock = ({ x, y }: { readonly x: Tensor; readonly y: Tensor }): Tensor => stack([sub(1, x), mul(10, sub(y, square(x)))]);

describe("Levenberg and Marquardt's method", () => {
  it("finds the minimum of Rosenbrock's function to the last digit", async () => {
    const engine = await createEngine({ threads: 1 });
    const { params, loss, status, clock } = levenbergMarquardt(engine, rosenbrock, { x: -1.2, y: 1 });
    clock.tick(200);
    const at = await engine.read({ params, loss, status });
    await engine.dispose();
    expect([at.params.x.item(), at.params.y.item()]).toEqual([1, 1]);
    expect(at.loss.item()).toBe(0);
    expect([1, 2]).toContain(at.status.item());
  });

  it("makes the loss smaller with every step that it keeps, and stays where it has stopped", async () => {
    const engine = await createEngine({ threads: 1 });
    const { loss, accepted, status, clock, params } = levenbergMarquardt(engine, rosenbrock, { x: -1.2, y: 1 }, { damping: 1e-6 });
    let before = await engine.read({ loss, accepted, status, params });
    let refused = 0;
    for (let i = 0; i < 60; i++) {
      clock.tick();
      const now = await engine.read({ loss, accepted, status, params });
      if (before.status.item() > 0 || now.accepted.item() === before.accepted.item()) {
        refused += Number(before.status.item() === 0);
        expect(now.params.x.item()).toBe(before.params.x.item());
      } else expect(now.loss.item()).toBeLessThan(before.loss.item());
      before = now;
    }
    await engine.dispose();
    expect(refused).toBeGreaterThan(0);
    expect([1, 2]).toContain(before.status.item());
  });

  it("a refused step computes no residual and no Jacobian again", async () => {
    const engine = await createEngine({ threads: 1 });
    const { accepted, jacobian, clock } = levenbergMarquardt(engine, rosenbrock, { x: -1.2, y: 1 }, { damping: 1e-6 });
    const epochs: number[] = [];
    const kept: number[] = [];
    engine.observe(jacobian).subscribe(({ epoch }) => epochs.push(epoch));
    engine.observe(accepted).subscribe(({ epoch }) => kept.push(epoch));
    for (let i = 0; i < 12; i++) {
      clock.tick();
      await engine.flush();
    }
    await engine.dispose();
    expect(epochs.length).toBeLessThan(13);
    expect(epochs).toEqual(kept);
  });

  it("residuals at single points give the steps of residuals all at once", async () => {
    const xs = Float64Array.from({ length: 40 }, (_, i) => i / 13 - 1.5);
    const x = tensor(xs);
    const [w, b] = [Float64Array.of(0.3, -0.8, 1.1), Float64Array.of(0.1, -0.2, 0.3)];
    const at = async (points: boolean): Promise<number[]> => {
      const engine = await createEngine({ threads: 1 });
      type P = { readonly w: Tensor; readonly b: Tensor };
      const network = ({ w, b }: P, point: Tensor): Tensor => sum(tanh(add(mul(w, point), b)));
      const whole = (p: P): Tensor => stack([...xs].map((v, i) => sub(network(p, tensor(v, { dtype: "float64" })), Math.sin(3 * xs[i]!))));
      const single = { of: (p: P, point: Tensor) => sub(network(p, point), sin(mul(3, point))), at: x };
      const problem = levenbergMarquardt(engine, points ? single : whole, { w, b }, { solver: "cholesky" });
      problem.clock.tick(5);
      const { params, loss } = await engine.read({ params: problem.params, loss: problem.loss });
      await engine.dispose();
      return [loss.item(), ...params.w.data, ...params.b.data];
    };
    const [one, other] = [await at(true), await at(false)];
    one.forEach((v, i) => expect(Math.abs(v - other[i]!)).toBeLessThan(1e-9));
  });

  it("says that a loss is not finite, and leaves the parameters", async () => {
    const engine = await createEngine({ threads: 1 });
    const { params, status, clock } = levenbergMarquardt(engine, (p: Tensor) => mul(p, NaN), 2);
    clock.tick(3);
    const at = await engine.read({ params, status });
    await engine.dispose();
    expect(reasons[at.status.item()]).toBe("the loss is not finite");
    expect(at.params.item()).toBe(2);
  });

  it("takes a changed problem up where it stands", async () => {
    const engine = await createEngine({ threads: 1 });
    const target = engine.variable(3, { dtype: "float64" });
    const { params, status, clock } = levenbergMarquardt(engine, (p: Tensor) => sub(p, target), 0);
    clock.tick(60);
    expect((await engine.read(params)).item()).toBeCloseTo(3, 12);
    expect((await engine.read(status)).item()).not.toBe(0);
    target.set(5);
    status.set(0);
    clock.tick(60);
    expect((await engine.read(params)).item()).toBeCloseTo(5, 12);
    await engine.dispose();
  });
});
