/** Plans under a budget: values are let go and computed again within them, the peak stays within the budget, and no bit changes. */
import { expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import type { Backend } from "../../kernel/backend.ts";
import { tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { square } from "../../ops/arithmetic.ts";
import { sum } from "../../ops/reductions.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import type { EngineOptions } from "../../scheduler/options.ts";
import { failuresOf, settle } from "./engines.ts";

/** A backend that never holds more than so many bytes, or the test fails. */
function within(device: Backend, budget: number): Backend & { most: number } {
  const checked = {
    most: 0,
    name: device.name,
    get bytesInUse() {
      return device.bytesInUse;
    },
    allocate: (bytes: number) => {
      const buffer = device.allocate(bytes);
      sizes.set(buffer, bytes);
      used += bytes;
      checked.most = Math.max(checked.most, used);
      if (used > budget) throw new Error(`${used} bytes are allocated, of ${budget}`);
      return buffer;
    },
    free: (buffer: number) => {
      used -= sizes.get(buffer)!;
      device.free(buffer);
    },
    write: device.write.bind(device),
    view: device.view.bind(device),
    prepare: device.prepare.bind(device),
    dispose: () => device.dispose(),
  };
  const sizes = new Map<number, number>();
  let used = 0;
  return checked;
}

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
