/** Loops and branches mean what they say: random programs, planned with and without fusion, against each round done by hand. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dim, type DimSizes } from "../../core/dim.ts";
import type { TypedArray } from "../../core/dtype.ts";
import type { Tensor } from "../../core/tensor.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { roll } from "../../ops/rearrange.ts";
import { reshape } from "../../ops/reshape.ts";
import { flip } from "../../ops/transpose.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { Random } from "../ad/cases.ts";
import { evaluate, failed, sameBits } from "../oracle/evaluate.ts";
import { scan } from "./loops.ts";
import { randomProgram } from "./random-loops.ts";

/** What an engine on the interpreter reads, as fused, is what rounds by hand give. */
async function expectSame(
  engine: Engine,
  roots: readonly Tensor[],
  leaf: (t: Tensor) => TypedArray | undefined,
  dims: DimSizes,
): Promise<void> {
  const expected = evaluate(roots, leaf, dims);
  const got = await engine.read(roots);
  got.forEach((v, i) => {
    const want = expected[i]!;
    if (failed(want)) throw want.error;
    expect(sameBits({ shape: v.shape, dtype: v.dtype, data: v.data }, want), `output ${i}: ${v.data} for ${want.data}`).toBe(true);
  });
}

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
  const roots = randomProgram(r, sources, named).filter(() => r.next() < 0.8);
  return { engine, data, roots };
}

it.each([true, false])("random programs give the bits of rounds done by hand (fusion: %s)", async (fusion) => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const { engine, data, roots } = await programOf(seed, fusion);
      try {
        if (roots.length === 0) return;
        const dims = new Map(Object.entries({ t: sizes.length, n: sizes.n, m: sizes.m }));
        await expectSame(engine, roots, (t) => data.get(t), dims);
      } finally {
        await engine.dispose();
      }
    }),
    { numRuns: 120 },
  );
});

const shifted = (u: Tensor): Tensor => add(roll(u, 1), mul(u, 0.5));

describe.each([1, 2, 3])("loops in loops of %i rounds", (inner) => {
  const cases: Record<string, (u: Tensor, f: Tensor) => readonly Tensor[]> = {
    "whose last carries are stacked": (u) => {
      const { carries, values } = scan({ consts: [], carries: [u], xs: [], length: 3 }, (_, [v]) => {
        const last = scan({ consts: [], carries: [v!], xs: [], length: inner }, (_, [w]) => [[shifted(w!)], []]).carries[0]!;
        return [[mul(v!, 0.5)], [last]];
      });
      return [...carries, ...values];
    },
    "whose last carries go on": (u) =>
      scan({ consts: [], carries: [u], xs: [], length: 3 }, (_, [v]) => [
        scan({ consts: [], carries: [v!], xs: [], length: inner }, (_, [w]) => [[shifted(w!)], []]).carries,
        [],
      ]).carries,
    "over a carry, backwards": (u, f) =>
      scan({ consts: [f], carries: [u], xs: [], length: 3 }, ([g], [v]) => {
        const { values } = scan({ consts: [], carries: [g!], xs: [v!], length: v!.shape[0]!, reverse: true }, (_, [w], [x]) => [
          [add(mul(w!, x!), 0.25)],
          [w!],
        ]);
        return [[add(flip(v!, 0), values[0]!)], []];
      }).carries,
    "that exchange carries": (u, f) =>
      scan({ consts: [f], carries: [u, mul(u, 2)], xs: [u], length: u.shape[0]! }, (_, [v, w], [x]) => [
        scan({ consts: [], carries: [w!, v!], xs: [], length: inner }, (_, [a, b]) => [[b!, a!], []]).carries,
        [mul(v!, x!)],
      ]).carries,
  };
  it.each(Object.keys(cases))("%s", async (name) => {
    const engine = await createEngine({ backend: interpreter() });
    const data = [Float64Array.of(0.3, -0.7, 1.1, 0.2, -0.4), Float64Array.of(0.6)];
    const [u, f] = [engine.variable(data[0]!), engine.variable(data[1]!, { shape: [1] })];
    await expectSame(engine, cases[name]!(u, reshape(f, [])), (t) => (t === u ? data[0] : t === f ? data[1] : undefined), new Map());
    await engine.dispose();
  });
});
