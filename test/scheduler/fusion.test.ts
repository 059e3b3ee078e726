/** Every plan gives the same bits fused and unfused: random graphs, from scratch and after changes of single sources. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Variable } from "../../core/source.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { sameBits } from "../../scheduler/bits.ts";
import { build, dtypes, type NodeSpec, nodeSpec, randomData, sourceShapes } from "../oracle/random-graph.ts";

const sizes = new Map([
  ["n", 5],
  ["m", 4],
]);

interface Run {
  readonly kernels: number;
  readonly values: readonly (Float32Array | Float64Array | Int32Array | Uint32Array | string)[];
}

/** The values of all nodes that can be built, at first and after each source changed; and the kernels that took. */
async function run(specs: readonly NodeSpec[], seed: number, options: Parameters<typeof createEngine>[0], watched: number): Promise<Run> {
  const engine = await createEngine(options);
  const data = (i: number, round: number) => randomData(sourceShapes[i]!, dtypes[i % dtypes.length]!, sizes, seed + 100 * round + i);
  const sources = sourceShapes.map((shape, i) => engine.variable(data(i, 0), { shape, dtype: dtypes[i % dtypes.length]! }) as Variable);
  const pool: Tensor[] = [...sources];
  for (const spec of specs) pool.push(build(spec, pool));
  // Only some are observed, so that the others may stay inside kernels.
  const roots = pool.slice(sources.length).filter((_, i) => i % watched === 0);
  const values: Run["values"][number][] = [];
  const subscriptions = roots.map((t) => engine.observe(t, { failures: "emit" }).subscribe());
  const take = async (): Promise<void> => {
    for (const t of roots)
      values.push(
        await engine.read(t).then(
          (v) => v.data,
          (error: unknown) => String(error),
        ),
      );
  };
  await take();
  for (let i = 0; i < sources.length; i++) {
    sources[i]!.set(data(i, 1));
    await take();
  }
  for (const s of subscriptions) s.unsubscribe();
  const { kernels } = engine.stats;
  await engine.dispose();
  return { kernels, values };
}

const same = (a: Run["values"][number], b: Run["values"][number]): boolean =>
  typeof a === "string" || typeof b === "string" ? a === b : a.length === b.length && sameBits(a, b);

it("plans compute the same bits with fusion as without", async () => {
  let [fused, unfused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(nodeSpec, { minLength: 4, maxLength: 30 }),
      fc.nat(),
      fc.integer({ min: 1, max: 4 }),
      async (specs, seed, watched) => {
        const without = await run(specs, seed, { backend: interpreter(), fusion: false }, watched);
        unfused += without.kernels;
        for (const backend of [interpreter, cpu]) {
          const withFusion = await run(specs, seed, { backend: backend() }, watched);
          fused += withFusion.kernels / 2;
          withFusion.values.forEach((v, i) => {
            if (!same(v, without.values[i]!)) expect(v).toEqual(without.values[i]);
          });
        }
      },
    ),
    { numRuns: 120 },
  );
  expect(fused).toBeLessThan(unfused);
});
