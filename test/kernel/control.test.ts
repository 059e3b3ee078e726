/** Loops and branches mean what they say: random programs, planned with and without fusion, against each round done by hand. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { Random } from "../ad/cases.ts";
import { evaluate, failed, sameBits } from "../oracle/evaluate.ts";
import { randomProgram } from "./random-loops.ts";

interface Program {
  readonly engine: Engine;
  readonly data: ReadonlyMap<Tensor, Float64Array | Float32Array>;
  readonly roots: readonly Tensor[];
}

const sizes = { length: 3, n: 5, m: 2 };
const named = { length: dim("t"), n: dim("n"), m: 2 };

async function programOf(seed: number, fusion: boolean): Promise<Program> {
  const engine = await createEngine({ backend: interpreter(), fusion });
  const r = new Random(seed);
  const dtype = r.pick(["float32", "float64"] as const);
  const data = new Map<Tensor, Float64Array | Float32Array>();
  const source = (shape: readonly (keyof typeof sizes)[]): Tensor => {
    const numbers = r.numbers(
      shape.reduce((count, d) => count * sizes[d], 1),
      -1,
      1,
    );
    const values = dtype === "float32" ? Float32Array.from(numbers) : numbers;
    const t = engine.variable(values, { shape: shape.map((d) => named[d]) });
    data.set(t, values);
    return t;
  };
  const sources = [source([]), source(["n"]), source(["m", "n"]), source(["length"])];
  const roots = randomProgram(r, sources, named).filter(() => r.next() < 0.5);
  return { engine, data, roots };
}

it.each([true, false])("random programs give the bits of rounds done by hand (fusion: %s)", async (fusion) => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const { engine, data, roots } = await programOf(seed, fusion);
      try {
        if (roots.length === 0) return;
        const expected = evaluate(roots, (t) => data.get(t), new Map(Object.entries({ t: sizes.length, n: sizes.n, m: sizes.m })));
        const got = await engine.read(roots);
        got.forEach((v, i) => {
          const want = expected[i]!;
          if (failed(want)) throw want.error;
          expect(sameBits({ shape: v.shape, dtype: v.dtype, data: v.data }, want), `output ${i}: ${v.data} for ${want.data}`).toBe(true);
        });
      } finally {
        await engine.dispose();
      }
    }),
    { numRuns: 60 },
  );
});
