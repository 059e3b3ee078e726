/** First-order optimizers against the trajectories of torch.optim (2.13, float64, 50 steps), and the properties that define them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addN } from "../../ops/addN.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { eye } from "../../ops/creation.ts";
import { matmul } from "../../ops/matmul.ts";
import { slice } from "../../ops/pad.ts";
import { sum } from "../../ops/reductions.ts";
import { transpose } from "../../ops/transpose.ts";
import type { Tensor } from "../../core/tensor.ts";
import { createEngine, tensor } from "../../index.ts";
import { adafactor } from "../../optim/adafactor.ts";
import { chain, type Optimizer } from "../../optim/optimizer.ts";
import { adam, adamw, lion, rmsprop, sgd } from "../../optim/optimizers.ts";
import {
  cosineDecay,
  exponentialDecay,
  joinSchedules,
  linearSchedule,
  piecewiseConstant,
  rateOf,
  warmupCosine,
} from "../../optim/schedules.ts";
import { train } from "../../optim/train.ts";
import { accumulate, clip, clipByGlobalNorm, scaleByLearningRate } from "../../optim/transforms.ts";

const start = { x: Float64Array.of(-1.2, 1, 0.5), m: { data: Float64Array.of(0.3, -0.7, 1.1, 0.2), shape: [2, 2] } };

/** Rosenbrock's function of x, plus the distance of m m^T from the identity. */
function loss({ x, m }: { x: Tensor; m: Tensor }): Tensor {
  const [low, high] = [slice(x, [0], [2]), slice(x, [1], [3])];
  const rosenbrock = add(sum(square(sub(1, low))), mul(100, sum(square(sub(high, square(low))))));
  return add(rosenbrock, sum(square(sub(matmul(m, transpose(m)), eye(2, 2, 0, { dtype: "float64" })))));
}

async function after(optimizer: Optimizer, steps: number): Promise<number[]> {
  const engine = await createEngine({ threads: 1 });
  const { params, clock } = train(engine, loss, start, optimizer);
  clock.tick(steps);
  const { x, m } = await engine.read(params);
  await engine.dispose();
  return [...x!.data, ...m!.data];
}

function expectNear(got: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  expect(got.length).toBe(expected.length);
  got.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(tolerance));
}

describe("trajectories of torch.optim", () => {
  const cases: readonly [string, Optimizer, readonly number[]][] = [
    [
      "sgd",
      sgd({ learningRate: 1e-3 }),
      [
        -0.885340355410012, 0.7937607239698399, 0.633606331994617, 0.2873454906694581, -0.7620869650046176, 1.0487783349050723,
        0.21567264819434454,
      ],
    ],
    [
      "sgd with momentum",
      sgd({ learningRate: 1e-4, momentum: 0.9 }),
      [
        -0.8219736124598994, 0.7032564646586152, 0.5315190741368568, 0.2884556723681267, -0.7524916556238104, 1.0534903555200696,
        0.2132059973940619,
      ],
    ],
    [
      "sgd with Nesterov's momentum",
      sgd({ learningRate: 1e-4, momentum: 0.9, nesterov: true }),
      [
        -0.8539639094543793, 0.7460520660304499, 0.5690754110136204, 0.2883371241214627, -0.7534779841450874, 1.0529892080315915,
        0.2134593181498368,
      ],
    ],
    [
      "adam",
      adam({ learningRate: 1e-2 }),
      [
        -0.9000166242678317, 0.853219755864733, 0.7473671482915615, 0.3541212856285492, -0.9459035597874442, 0.9339823479135372,
        0.3499688773752027,
      ],
    ],
    [
      "adam with amsgrad",
      adam({ learningRate: 1e-2, amsgrad: true }),
      [
        -0.9000947229128573, 0.8532175198757073, 0.7472206913907845, 0.3541197574533503, -0.9459149512819645, 0.9339493820658434,
        0.3499844829954432,
      ],
    ],
    [
      "adamw",
      adamw({ learningRate: 1e-2, weightDecay: 0.1 }),
      [
        -0.870672327513055, 0.8162077616525121, 0.6958116548043389, 0.38896682729139753, -0.9282804465029869, 0.9177910649481829,
        0.3852176975118234,
      ],
    ],
    [
      "rmsprop",
      rmsprop({ learningRate: 1e-3 }),
      [
        -1.0809193192114817, 0.9042664993368602, 0.6121121166557183, 0.29932576068786104, -0.8228811810504135, 0.9965541702984982,
        0.29463480045081497,
      ],
    ],
    [
      "rmsprop, centered, with momentum",
      rmsprop({ learningRate: 1e-3, centered: true, momentum: 0.5 }),
      [
        -0.9883604485452973, 0.8713535931746714, 0.6882800930003133, 0.35332924885380235, -0.9094336158154718, 0.9449047223378364,
        0.35325556619306714,
      ],
    ],
    [
      "adafactor",
      adafactor({ learningRate: 1e-2 }),
      [
        -0.9387472020163882, 0.861731266772842, 0.7288151848148761, 0.29398658502342684, -0.9477019657111436, 0.9556084139292014,
        0.29360955815090145,
      ],
    ],
    [
      "adam under a cosine",
      adam({ learningRate: cosineDecay(1e-2, 50, { end: 1e-3 }) }),
      [
        -0.9654763557236549, 0.8623724939979802, 0.7046002837743511, 0.3465054825670459, -0.9311089350612444, 0.9347070265500224,
        0.34772166711857766,
      ],
    ],
  ];
  it.each(cases)("%s", async (_, optimizer, expected) => expectNear(await after(optimizer, 50), expected));

  it("lion moves by its rate, in the direction of the mean's sign", async () => {
    const got = await after(lion({ learningRate: 1e-3 }), 1);
    const from = [...start.x, ...start.m.data];
    got.forEach((v, i) => expect(Math.abs(Math.abs(v - from[i]!) - 1e-3)).toBeLessThan(1e-15));
  });
});

describe("a quadratic of known curvature", () => {
  it("gradient descent contracts each direction by 1 - rate * curvature", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double({ min: 0.1, max: 9, noNaN: true }), { minLength: 1, maxLength: 5 }), async (curvatures) => {
        const engine = await createEngine({ threads: 1 });
        const a = tensor(Float64Array.from(curvatures));
        const { params, clock } = train(
          engine,
          (x: Tensor) => mul(0.5, sum(mul(a, square(x)))),
          Float64Array.from(curvatures, () => 1),
          sgd({ learningRate: 0.1 }),
        );
        clock.tick(20);
        const got = (await engine.read(params)).data;
        await engine.dispose();
        curvatures.forEach((c, i) => expect(Math.abs(got[i]! - (1 - 0.1 * c) ** 20)).toBeLessThan(1e-13));
      }),
      { numRuns: 10 },
    );
  });
});

describe("transforms of gradients", () => {
  it("clipping by the global norm leaves small gradients alone, and shortens large ones to the limit", async () => {
    const norm = async (limit: number): Promise<number> => {
      const moved = await after(chain(clipByGlobalNorm(limit), scaleByLearningRate(1)), 1);
      const from = [...start.x, ...start.m.data];
      return Math.hypot(...moved.map((v, i) => v - from[i]!));
    };
    expect(await norm(0.5)).toBeCloseTo(0.5, 13);
    const whole = await norm(1e9);
    expect(whole).toBeGreaterThan(100);
    expect(await norm(whole * 1.01)).toBe(whole);
  });

  it("clipping by value bounds every element", async () => {
    const moved = await after(chain(clip(0.25), scaleByLearningRate(1)), 1);
    const from = [...start.x, ...start.m.data];
    const steps = moved.map((v, i) => Math.abs(v - from[i]!));
    expect(Math.max(...steps)).toBeCloseTo(0.25, 14);
  });

  it("gathered gradients of equal steps are steps of the optimizer alone", async () => {
    // While the parameters stay, all gradients are equal, and so is their mean.
    expectNear(await after(accumulate(adam({ learningRate: 1e-2 }), 4), 40), await after(adam({ learningRate: 1e-2 }), 10));
    expect(await after(accumulate(adam(), 4), 3)).toEqual([...start.x, ...start.m.data]);
  });
});

describe("schedules", () => {
  const rates = async (rate: Parameters<typeof rateOf>[1], counts: readonly number[]): Promise<number[]> => {
    const engine = await createEngine({ threads: 1 });
    const all = counts.map((c) =>
      add(rateOf("test", rate, engine.variable(c, { dtype: "int32" }), "float64"), tensor(0, { dtype: "float64" })),
    );
    const got = (await engine.read(all)).map((v) => v.item());
    await engine.dispose();
    return got;
  };

  it("follow their closed forms", async () => {
    const counts = [0, 1, 7, 50, 99, 100, 250];
    expectNear(
      await rates(linearSchedule(2, 1, 100), counts),
      counts.map((c) => 2 - Math.min(c / 100, 1)),
      1e-14,
    );
    expectNear(
      await rates(exponentialDecay(0.5, 0.9, 10), counts),
      counts.map((c) => 0.5 * 0.9 ** (c / 10)),
      1e-14,
    );
    expectNear(
      await rates(exponentialDecay(0.5, 0.9, 10, { staircase: true }), counts),
      counts.map((c) => 0.5 * 0.9 ** Math.floor(c / 10)),
      1e-14,
    );
    expectNear(
      await rates(cosineDecay(1, 100), counts),
      counts.map((c) => (1 + Math.cos(Math.PI * Math.min(c / 100, 1))) / 2),
      1e-14,
    );
    expectNear(await rates(piecewiseConstant(1, { 50: 0.1, 100: 0.5 }), counts), [1, 1, 1, 0.1, 0.1, 0.05, 0.05], 1e-15);
  });

  it("follow each other, each from its own beginning", async () => {
    expectNear(await rates(warmupCosine(1, 10, 110), [0, 5, 10, 60, 110]), [0, 0.5, 1, 0.5, 0], 1e-14);
    expectNear(await rates(joinSchedules([0.3, linearSchedule(1, 0, 10)], [5]), [0, 4, 5, 10, 20]), [0.3, 0.3, 1, 0.5, 0], 1e-14);
  });

  it("a rate behind a variable takes effect with the next step", async () => {
    const engine = await createEngine({ threads: 1 });
    const rate = engine.variable(0, { dtype: "float64" });
    const { params, clock } = train(engine, (x: Tensor) => addN([sum(x)]), Float64Array.of(1), sgd({ learningRate: rate }));
    const at = async (): Promise<number> => (await engine.read(params)).item();
    clock.tick();
    expect(await at()).toBe(1);
    rate.set(0.25);
    clock.tick();
    expect(await at()).toBe(0.75);
    await engine.dispose();
  });
});

describe("mistakes", () => {
  it("are named", async () => {
    const engine = await createEngine({ threads: 1 });
    // Some of these the types refuse, too.
    const f: any = (x: Tensor) => sum(x);
    expect(() => train(engine, f, {}, adam())).toThrow("there are no parameters");
    expect(() => train(engine, f, tensor([1]), adam())).toThrow("give its numbers");
    expect(() => train(engine, f, { w: "heavy" }, adam())).toThrow('parameter w must be numbers, got "heavy"');
    expect(() => train(engine, f, [1, 2], sgd({ learningRate: -1 }))).toThrow("at least 0");
    expect(() => adam({ beta1: 1 })).toThrow("beta1 must be at least 0 and below 1");
    expect(() => clipByGlobalNorm(0)).toThrow("positive");
    expect(() => accumulate(adam(), 0)).toThrow("whole number");
    expect(() => joinSchedules([1, 2, 3], [5, 5])).toThrow("ascend");
    await engine.dispose();
  });
});
