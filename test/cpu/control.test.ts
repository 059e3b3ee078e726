/** Loops and branches inside WebAssembly give the interpreter's bits: random programs, from scratch, after changes and at other sizes; on threads too. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import type { Variable } from "../../core/source.ts";
import { cpu, cpuOnWorkers } from "../../cpu/backend.ts";
import type { Backend } from "../../kernel/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { sameBits } from "../../scheduler/bits.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { Random } from "../ad/cases.ts";
import { randomProgram } from "../kernel/random-loops.ts";

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array;

const m = 2;
/** [t, n]: how long loops are, and vectors. No rounds at all, and vectors of whole and broken groups of lanes, among them. */
const settings = [
  [3, 5],
  [4, 5],
  [0, 8],
  [7, 1],
] as const;

/** What a program publishes: at first, after each of its sources has changed alone, and at other sizes. */
async function valuesOf(seed: number, backend: Backend, cacheBytes: number): Promise<readonly Numbers[]> {
  const engine = await createEngine({ backend, cache: { budgetBytes: cacheBytes } });
  const r = new Random(seed);
  const dtype = r.pick(["float32", "float64"] as const);
  const [length, n] = [dim("t"), dim("n")];
  const shapes = [[], [n], [m, n], [length]];
  const numbers = ([t, k]: readonly [number, number], which: number, round: number): Float64Array =>
    new Random(seed + 100 * round + which).numbers([1, k, m * k, t][which]!, -1, 1);
  const data = (...given: Parameters<typeof numbers>): Float64Array | Float32Array =>
    dtype === "float32" ? Float32Array.from(numbers(...given)) : numbers(...given);
  const sources = shapes.map((shape, i) => engine.variable(data(settings[0], i, 0), { shape }) as Variable);
  const roots = randomProgram(r, sources, { length, n, m }).filter(() => r.next() < 0.8);
  const values: Numbers[] = [];
  const subscription = engine.observe(roots).subscribe();
  const take = async (): Promise<void> => {
    if (roots.length > 0) values.push(...(await engine.read(roots)).map((v) => v.data));
  };
  await take();
  for (const [i, source] of sources.entries()) {
    source.set(data(settings[0], i, 1));
    await take();
  }
  for (const setting of settings.slice(1)) {
    engine.transaction(() => sources.forEach((s, i) => s.set(data(setting, i, 2))));
    await take();
  }
  subscription.unsubscribe();
  await engine.dispose();
  return values;
}

it.each([
  ["on one thread", async () => cpu(), 60, 64 << 20],
  ["that keep nothing", async () => cpu(), 20, 0],
  ["left to workers", async () => (await cpuOnWorkers(2))!, 8, 64 << 20],
] as const)("random programs %s give the interpreter's bits", async (_, backend, numRuns, cacheBytes) => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const expected = await valuesOf(seed, interpreter(), 64 << 20);
      const got = await valuesOf(seed, await backend(), cacheBytes);
      expect(got.length).toBe(expected.length);
      got.forEach((v, i) => expect(sameBits(v, expected[i]!), `value ${i}: ${v} for ${expected[i]}`).toBe(true));
    }),
    { numRuns },
  );
});
