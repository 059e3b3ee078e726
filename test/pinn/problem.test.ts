/** Small problems whose solutions are known, and what a change of a source computes again. */
import { describe, expect, it } from "vitest";
import { add, cos, createEngine, mul, neg, sin, sub, type Tensor, tensor } from "../../index.ts";
import { levenbergMarquardt } from "../../optim/least-squares.ts";
import { train } from "../../optim/train.ts";
import { adam } from "../../optim/optimizers.ts";
import { difference, over } from "../../pinn/combine.ts";
import { type Condition, dirichlet, initial, measured, neumann, periodic, robin } from "../../pinn/conditions.ts";
import { pde } from "../../pinn/formula.ts";
import { fourierFeatures, mlp, modifiedMlp, type Network, siren } from "../../pinn/networks.ts";
import { Problem, type ProblemOptions } from "../../pinn/problem.ts";
import type { Region } from "../../pinn/region.ts";
import { sampleInside } from "../../pinn/sample.ts";
import { disk, interval } from "../../pinn/shapes.ts";

/** The greatest difference from a solution, after some steps of Levenberg and Marquardt's method. */
async function errorOf(options: ProblemOptions, solution: (...x: number[]) => number, ticks: number): Promise<number> {
  const engine = await createEngine({ threads: 1 });
  const problem = new Problem(engine, options);
  const fit = levenbergMarquardt(engine, problem.residuals, problem.init(1) as object, { damping: 1 });
  fit.clock.tick(ticks);
  const { data } = sampleInside(options.region, 200, { seed: 9 });
  const d = options.region.variables.length;
  const column = (k: number): Tensor => tensor(data.filter((_, i) => i % d === k));
  const at = Object.fromEntries(options.region.variables.map((v, k) => [v, column(k)]));
  const u = (await engine.read(problem.fields.at(fit.params, at)["u"]!)).data;
  await engine.dispose();
  return Math.max(...Array.from(u, (v, i) => Math.abs(v - solution(...data.subarray(i * d, (i + 1) * d)))));
}

const poisson = pde`u_xx + pi^2*sin(pi*x)`;
const line = interval(-1, 1);
const small = (region: Region, widths = [8, 8]): Network => mlp({ inputs: region.variables.length, widths, bounds: region.bounds });

describe("problems with known solutions", () => {
  const sine = (x: number): number => Math.sin(Math.PI * x);
  const cases: readonly [string, readonly Condition[]][] = [
    ["Dirichlet's conditions", [dirichlet("u", 0, { points: 4 })]],
    [
      "a value on one side and a slope on the other",
      [dirichlet("u", 0, { points: 2, on: "left" }), neumann("u", -Math.PI, { points: 2, on: "right" })],
    ],
    ["Robin's conditions", [robin("u", 2, 1, ({ x }) => mul(-Math.PI, neg(cos(mul(Math.PI, x!)))).mul(x!), { points: 4 })]],
    [
      "measurements",
      [
        measured("u", [
          [-1, 0],
          [-0.5, -1],
          [0.5, 1],
          [1, 0],
        ]),
      ],
    ],
  ];
  it.each(cases)("the line, with %s", async (_, conditions) => {
    expect(await errorOf({ region: line, network: small(line), equations: { poisson }, conditions, points: 40 }, sine, 150)).toBeLessThan(
      1e-3,
    );
  });

  it("the heat equation: a sine decays", async () => {
    const region = over(interval(0, 1), 0, 0.5);
    const equations = { heat: pde`u_t = 0.4*u_xx` };
    const conditions = [dirichlet("u", 0, { points: 20 }), initial("u", ({ x }) => sin(mul(Math.PI, x!)), { points: 20 })];
    const error = await errorOf(
      { region, network: small(region, [10, 10]), equations, conditions, points: 100 },
      (x, t) => Math.exp(-(Math.PI ** 2) * 0.4 * t) * Math.sin(Math.PI * x),
      60,
    );
    expect(error).toBeLessThan(5e-3);
  });

  it("a ring, with an equation that is a function", async () => {
    const region = difference(disk([0, 0], 1), disk([0, 0], 0.5));
    const harmonic = (x: number, y: number): number => x * x - y * y;
    const equations = { laplace: ({ d }: { d: (f: string, by?: string) => Tensor }) => add(d("u", "xx"), d("u", "yy")) };
    const conditions = [dirichlet("u", pde`x^2 - y^2`, { points: 60 })];
    expect(await errorOf({ region, network: small(region), equations, conditions, points: 60 }, harmonic, 50)).toBeLessThan(5e-3);
  });

  it("conditions that are built into the network hold exactly", async () => {
    const engine = await createEngine({ threads: 1 });
    const problem = new Problem(engine, {
      region: line,
      network: small(line),
      equations: { poisson },
      points: 10,
      transform: ({ u }, { x }) => ({ u: mul(u!, sub(1, mul(x!, x!))) as Tensor }),
    });
    const u = problem.fields.at(toTensors(problem.init(3)), { x: tensor(Float64Array.of(-1, 0.3, 1)) })["u"]!;
    const [left, middle, right] = (await engine.read(u)).data;
    await engine.dispose();
    expect(Math.abs(left!) + Math.abs(right!)).toBe(0);
    expect(middle).not.toBe(0);
  });

  it("periodic fields agree at both ends, with their slopes", async () => {
    const engine = await createEngine({ threads: 1 });
    const region = over(interval(-1, 1), 0, 1);
    const problem = new Problem(engine, {
      region,
      network: small(region),
      equations: { wave: pde`u_t + u_x` },
      conditions: [periodic("u", "x", { points: 5 })],
      points: 5,
    });
    const term = problem.terms.get("periodic u")!;
    const [value, slope] = term.residual(toTensors(problem.init(3)), { x: tensor(Float64Array.of(-1)), t: tensor(Float64Array.of(0.5)) });
    const at = (x: number): Promise<number> =>
      engine
        .read(problem.fields.at(toTensors(problem.init(3)), { x: tensor(Float64Array.of(x)), t: tensor(Float64Array.of(0.5)) })["u"]!)
        .then((v) => v.item());
    expect((await engine.read(value!)).item()).toBeCloseTo((await at(1)) - (await at(-1)), 12);
    const h = 1e-5;
    const slopeAt = async (x: number): Promise<number> => ((await at(x + h)) - (await at(x - h))) / (2 * h);
    expect((await engine.read(slope!)).item()).toBeCloseTo((await slopeAt(1)) - (await slopeAt(-1)), 8);
    await engine.dispose();
  });
});

/** Initial numbers as tensors. */
const toTensors = (tree: unknown): unknown =>
  Array.isArray(tree)
    ? tree.map(toTensors)
    : "data" in (tree as object)
      ? tensor((tree as { data: Float64Array }).data, { shape: (tree as { shape: number[] }).shape })
      : Object.fromEntries(Object.entries(tree as object).map(([k, v]) => [k, toTensors(v)]));

describe("networks", () => {
  const networks: readonly Network[] = [
    mlp({ inputs: 2, outputs: 2, widths: [5, 7] }),
    siren({ inputs: 2, outputs: 2, widths: [6, 6], frequency: 3 }),
    fourierFeatures({ inputs: 2, outputs: 2, widths: [6], features: 4 }),
    modifiedMlp({ inputs: 2, outputs: 2, widths: [6, 6, 6] }),
  ];
  it.each(networks.map((n) => [n.name, n] as const))(
    "%s: the same at many points as at each, and another for another seed",
    async (_, network) => {
      const engine = await createEngine({ threads: 1 });
      const [x, y] = [Float64Array.of(0.1, -0.4, 0.9), Float64Array.of(0.5, 0.2, -0.3)];
      const params = toTensors(network.init(1));
      const together = await engine.read(network.apply(params, [tensor(x), tensor(y)]));
      expect(together.length).toBe(2);
      for (let i = 0; i < 3; i++) {
        const alone = await engine.read(network.apply(params, [tensor(x[i]!, { dtype: "float64" }), tensor(y[i]!, { dtype: "float64" })]));
        alone.forEach((v, k) => expect(v.item()).toBeCloseTo(together[k]!.data[i]!, 13));
      }
      const other = await engine.read(network.apply(toTensors(network.init(2)), [tensor(x), tensor(y)]));
      expect([...other[0]!.data]).not.toEqual([...together[0]!.data]);
      expect(network.init(1)).toEqual(network.init(1));
      await engine.dispose();
    },
  );
});

describe("a live problem", () => {
  it("goes on with another coefficient, other points and other weights", async () => {
    const engine = await createEngine({ threads: 1 });
    const nu = engine.variable(1, { dtype: "float64", label: "nu" });
    const problem = new Problem(engine, {
      region: line,
      network: small(line),
      equations: { balance: pde`${nu}*u_xx + 1` },
      conditions: [dirichlet("u", 0, { points: 4 })],
      points: 20,
    });
    const training = train(engine, problem.loss, problem.init(0) as object, adam({ learningRate: 1e-2 }), { dtype: "float64" });
    const loss = async (): Promise<number> => (await engine.read(training.loss)).item();
    training.clock.tick(200);
    const settled = await loss();
    nu.set(2);
    expect(await loss()).toBeGreaterThan(2 * settled);
    training.clock.tick(200);
    expect(await loss()).toBeLessThan(0.5);
    const before = await loss();
    problem.terms.get("dirichlet u")!.weight.set(0);
    expect(await loss()).toBeLessThanOrEqual(before);
    problem.terms.get("balance")!.points.set(sampleInside(line, 20, { seed: 5 }).data);
    expect(await loss()).not.toBe(before);
    await engine.dispose();
  });
});

describe("mistakes", () => {
  it("are named", async () => {
    const engine = await createEngine({ threads: 1 });
    const make = (options: Partial<ProblemOptions>) => () =>
      new Problem(engine, { region: line, network: small(line), equations: { poisson }, points: 5, ...options });
    expect(make({ network: mlp({ inputs: 3 }) })).toThrow('the network "mlp" has 3 inputs for the variables x');
    expect(make({ fields: ["u", "v"] })).toThrow("has 1 outputs for the fields u, v");
    expect(make({ equations: { wrong: pde`u_xx + v` } })).toThrow('there is no "v"; the fields are u, the variables x');
    expect(make({ equations: { wrong: pde`u_tt` } })).toThrow('there is no "u_tt"');
    expect(make({ conditions: [initial("u", 0)] })).toThrow("has no time; make a region through time");
    expect(make({ conditions: [dirichlet("w", 0)] })).toThrow('there is no field "w"');
    expect(make({ conditions: [dirichlet("u", 0, { on: "top" })] })).toThrow('has no face "top"');
    expect(make({ conditions: [measured("u", [[3, 1]])] })).toThrow("row 0, at [3], is outside of interval");
    expect(make({ conditions: [periodic("u", "y")] })).toThrow('no variable "y"');
    expect(make({ weights: { posson: 2 } })).toThrow('no term "posson" to weigh; the terms are poisson');
    expect(make({ conditions: [dirichlet("u", 0), dirichlet("u", 1)] })).toThrow("two terms have one name");
    expect(() => mlp({ inputs: 0 })).toThrow("inputs must be a positive whole number");
    await engine.dispose();
  });
});
