/** Plans under a budget: values are let go and computed again within them, the peak stays within the budget, and no bit changes. */
import { expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { OutOfMemory } from "../../kernel/backend.ts";
import { tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { mul, square } from "../../ops/arithmetic.ts";
import { sum } from "../../ops/reductions.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { dtr, lru, msps, nextUse, revolve } from "../../scheduler/eviction/policies.ts";
import type { EngineOptions } from "../../scheduler/options.ts";
import { failuresOf, settle } from "./engines.ts";
import { within } from "./eviction/within.ts";

const [DEPTH, WIDTH, ROWS] = [40, 16, 64];
const STATE = 4 * ROWS * WIDTH;

/** A network so deep that its backward pass needs many values: the loss and its gradient by the input. */
function network(engine: Engine): { x: ReturnType<Engine["variable"]>; outputs: Tensor[] } {
  const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + n) / 3);
  const x = engine.variable(numbers(ROWS * WIDTH), { shape: [ROWS, WIDTH], label: "x" });
  const w = engine.variable(numbers(WIDTH * WIDTH), { shape: [WIDTH, WIDTH], label: "w" });
  let y: Tensor = x;
  for (let i = 0; i < DEPTH; i++) y = tanh(matmul(y, w)).named(`layer ${i}`);
  const loss = sum(square(y));
  return { x, outputs: [loss, grad(loss, x)] };
}

async function run(options: Omit<EngineOptions, "backend">, budget = Infinity) {
  const backend = within(cpu(), budget);
  const engine = await createEngine({ backend, ...options });
  const failures = failuresOf(engine);
  const { x, outputs } = network(engine);
  const seen: number[][] = [];
  engine.observe(outputs).subscribe((v: any) => seen.push(v.map((t: any) => [...t.data]).flat()));
  await settle(engine);
  const first = engine.stats.lastFlush;
  x.set(Float32Array.from({ length: ROWS * WIDTH }, (_, i) => Math.cos(i) / 2));
  await settle(engine);
  return { seen, first, failures, stats: engine.stats, most: backend.most };
}

it("budgetBytes is met by computing values again, with the same bits", async () => {
  const free = await run({ fusion: false });
  expect(free.seen.length).toBe(2);
  expect(free.first.kernelsRepeated).toBe(0);
  for (const states of [12, 16, 24, 40])
    for (const fusion of [true, false]) {
      const budget = states * STATE;
      expect(budget).toBeLessThan(free.first.peakBytes);
      const { seen, first, failures, most } = await run({ fusion, budgetBytes: budget }, budget);
      expect([failures, seen]).toEqual([[], free.seen]);
      expect(first.peakBytes).toBeLessThanOrEqual(budget);
      expect(most).toBeLessThanOrEqual(budget);
      expect(first.operationsRepeated / first.operations).toBeLessThan(0.7);
      if (!fusion) expect(first.kernelsRepeated).toBeGreaterThan(0);
    }
});

it("any graph of many values has the same bits under any budget that it runs in, by any policy", async () => {
  const size = 64;
  let [ran, repeated] = [0, 0];
  for (let seed = 1; seed <= 12; seed++) {
    const below = numbersFrom(seed);
    // Each value is made of two earlier ones, mostly late ones; the gradient reads them all again.
    const build = (engine: Engine): Tensor => {
      const values: Tensor[] = [engine.variable(Float32Array.from({ length: size }, (_, i) => Math.sin(i + seed)))];
      const next = numbersFrom(seed);
      for (let i = 0; i < 40; i++) {
        const pick = (): Tensor => values[Math.max(0, values.length - 1 - (next(4) === 0 ? next(30) : next(3)))]!;
        values.push(next(2) === 0 ? tanh(pick()) : mul(pick(), pick()));
      }
      return grad(sum(square(values.at(-1)!)), values[0]!);
    };
    const free = await createEngine({ backend: cpu(), fusion: false });
    const bits = [...free.readSync(build(free)).data];
    const list = [nextUse, lru, dtr, msps, revolve];
    for (let k = 0; k < 5; k++) {
      const engine = await createEngine({
        backend: cpu(),
        fusion: false,
        cache: { budgetBytes: (4 + below(14)) * (4 * size + 64), policy: list[below(list.length)]!() },
      });
      engine.failures.subscribe();
      const y = build(engine);
      try {
        expect([...engine.readSync(y).data]).toEqual(bits);
        ran++;
      } catch (error) {
        if (!(error instanceof OutOfMemory)) throw error;
      }
      repeated += engine.stats.kernelsRepeated;
    }
  }
  expect(ran).toBeGreaterThan(30);
  expect(repeated).toBeGreaterThan(500);
});

/** Whole numbers below n, the same in every run. */
function numbersFrom(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}
