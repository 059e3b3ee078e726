/** Networks on rows run tile by tile through their layers: the bits are those of layer after layer, at any number of rows. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { grad } from "../../ad/grad.ts";
import { jvp } from "../../ad/jvp.ts";
import { dim } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import type { Threads } from "../../cpu/threads.ts";
import type { Backend, Segment } from "../../kernel/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { sin, tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { relu } from "../../ops/piecewise.ts";
import { max, mean, sum } from "../../ops/reductions.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { Random } from "../ad/cases.ts";

/** A backend that counts the tiled kernels it is given. */
function counting(backend: Backend): { backend: Backend; tiled: () => number } {
  let tiled = 0;
  const prepare = (segments: readonly Segment[]) => {
    for (const s of segments) if (s.kind === "run") tiled += s.steps.filter((step) => step.kernel.kind === "rows").length;
    return backend.prepare(segments);
  };
  return { backend: new Proxy(backend, { get: (b, key) => (key === "prepare" ? prepare : bound(b, key)) }), tiled: () => tiled };
}
const bound = (b: Backend, key: string | symbol): unknown => {
  const value: unknown = Reflect.get(b, key, b);
  return typeof value === "function" ? (value.bind(b) as unknown) : value;
};

interface Plan {
  readonly seed: number;
  readonly widths: readonly number[];
  readonly counts: readonly number[];
  readonly dtype: "float32" | "float64";
}

/** A network on n rows, its loss and gradients, tangents, and what somebody may want of the rows themselves. */
function outputs(engine: Engine, { seed, widths, counts, dtype }: Plan): { roots: Tensor[]; resize: (count: number) => void } {
  const r = new Random(seed);
  const numbers = (n: number): number[] => Array.from({ length: n }, () => r.next() * 2 - 1);
  const n = dim("n");
  const data = (count: number): Float64Array => Float64Array.from({ length: count * widths[0]! }, (_, i) => Math.sin(i * 0.37 + seed));
  const x = engine.variable(data(counts[0]!), { shape: [n, widths[0]!], dtype });
  const parameters = widths
    .slice(1)
    .flatMap((width, k) => [
      engine.variable(numbers(widths[k]! * width), { shape: [widths[k]!, width], dtype }),
      engine.variable(numbers(width), { shape: [width], dtype }),
    ]);
  const network = (rows: Tensor): Tensor => {
    let a = rows;
    for (let k = 0; k < parameters.length; k += 2) {
      const z = add(matmul(a, parameters[k]!), parameters[k + 1]!) as Tensor;
      a = k + 2 < parameters.length ? r.pick([tanh, sin, relu])(z) : z;
    }
    return a;
  };
  const direction = mul(x, 0.5) as Tensor;
  const [value, tangent] = jvp(network, [x], [direction]) as unknown as [Tensor, Tensor];
  const loss = mean(add(mul(value, value), mul(tangent, sin(value)))) as Tensor;
  const roots = [loss, ...(grad(loss, parameters) as Tensor[])];
  if (r.next() < 0.5) roots.push(value);
  if (r.next() < 0.5) roots.push(sum(tangent, 1) as Tensor, max(value, 1) as Tensor);
  if (r.next() < 0.3) roots.push(mul(value, sum(value)) as Tensor);
  return { roots, resize: (count) => x.set(data(count)) };
}

async function values(plan: Plan, options: Parameters<typeof createEngine>[0], ready?: () => Promise<void>): Promise<number[][]> {
  const engine = await createEngine(options);
  const { roots, resize } = outputs(engine, plan);
  const subscription = engine.observe(roots).subscribe();
  const all: number[][] = [];
  for (const count of plan.counts) {
    resize(count);
    await ready?.();
    for (const v of (await engine.read(roots)) as unknown as { data: ArrayLike<number> }[]) all.push(Array.from(v.data));
  }
  subscription.unsubscribe();
  await engine.dispose();
  return all;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(9999),
  widths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 4 }),
  counts: fc.uniqueArray(fc.constantFrom(0, 1, 2, 255, 256, 257, 511, 512, 513, 700, 1024, 1300), { minLength: 1, maxLength: 2 }),
  dtype: fc.constantFrom("float32" as const, "float64" as const),
});

describe("tiles of rows", () => {
  it("give the bits of layer after layer, interpreted and compiled", async () => {
    let tiled = 0;
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const expected = await values(plan, { backend: cpu({ threads: 1 }), fusion: false });
        const compiled = counting(cpu({ threads: 1 }));
        expect(await values(plan, { backend: compiled.backend })).toEqual(expected);
        tiled += compiled.tiled();
      }),
      { numRuns: 20 },
    );
    expect(tiled).toBeGreaterThan(20);
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const small = { ...plan, counts: plan.counts.map((c) => Math.min(c, 513)) };
        expect(await values(small, { backend: interpreter() })).toEqual(
          await values(small, { backend: cpu({ threads: 1 }), fusion: false }),
        );
      }),
      { numRuns: 2 },
    );
  });

  it("end where one row meets all others", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 3, 255, 256, 300), fc.nat(99), async (count, seed) => {
        const run = async (fusion: boolean): Promise<number[]> => {
          const engine = await createEngine({ backend: cpu({ threads: 1 }), fusion });
          const r = new Random(seed);
          const x = engine.variable(
            Float32Array.from({ length: count * 8 }, () => r.next() - 0.5),
            { shape: [dim("n"), 8] },
          );
          const w = engine.variable(
            Float32Array.from({ length: 64 }, () => r.next() - 0.5),
            { shape: [8, 8] },
          );
          const h = matmul(tanh(matmul(tanh(matmul(x, w) as Tensor) as Tensor, w) as Tensor) as Tensor, w) as Tensor;
          const v = tanh(sum(tanh(h), 1) as Tensor) as Tensor;
          const pairs = tanh(sub(v.reshape([dim("n"), 1]), v.reshape([1, dim("n")])) as Tensor) as Tensor;
          const { data } = (await engine.read(add(sum(pairs, 1), sum(mul(pairs, pairs), 0)) as Tensor)) as unknown as {
            data: ArrayLike<number>;
          };
          await engine.dispose();
          return Array.from(data);
        };
        expect(await run(true)).toEqual(await run(false));
      }),
      { numRuns: 12 },
    );
  });

  it("compile nothing for another number of rows", async () => {
    const plan: Plan = { seed: 3, widths: [2, 20, 20, 1], counts: [1024], dtype: "float32" };
    const engine = await createEngine({ backend: cpu({ threads: 1 }) });
    const { roots, resize } = outputs(engine, plan);
    const subscription = engine.observe(roots).subscribe();
    await engine.flush();
    resize(1023); // the plan for a change of the rows
    await engine.flush();
    const compiled = vi.spyOn(WebAssembly, "Module");
    for (const count of [1025, 1026, 1027, 1028, 1029, 1100, 1279, 1280, 700, 3]) {
      resize(count);
      await engine.flush();
    }
    expect(compiled).not.toHaveBeenCalled();
    compiled.mockRestore();
    subscription.unsubscribe();
    await engine.dispose();
  });

  it("give the same bits when threads share them out", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const many = { ...plan, counts: [700, ...plan.counts.map((c) => c + 1000)] };
        const backend = cpu({ threads: 2, eager: true });
        const threads = (): Threads => (backend as unknown as { readonly threads: Threads }).threads;
        let reads = 0;
        // The first plan starts the workers; those that are made when there are any are shared out.
        const ready = async (): Promise<void> => {
          if (reads++ > 0) await vi.waitFor(() => expect(threads().ready).toBe(1), { timeout: 10_000 });
        };
        expect(await values(many, { backend }, ready)).toEqual(await values(many, { backend: cpu({ threads: 1 }), fusion: false }));
      }),
      { numRuns: 6 },
    );
  });
});
