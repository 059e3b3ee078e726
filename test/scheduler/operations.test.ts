/** What the counters say of work: scalar operations against counts by hand, and what changes made dirty and cutoffs held back. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, neg } from "../../ops/arithmetic.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { sqrt } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { sign } from "../../ops/piecewise.ts";
import { sum } from "../../ops/reductions.ts";
import { transpose } from "../../ops/transpose.ts";
import { overBackends, settle, watch } from "./engines.ts";

overBackends("counted work", (make) => {
  it("is an operation a point, whether kernels are fused or not", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 8, max: 40 }), fc.boolean(), async (m, n, fusion) => {
        const engine = await make({ fusion });
        const x = engine.variable(new Float32Array(m * n).fill(2), { shape: [m, n] });
        const counted: [Tensor, number][] = [
          [neg(mul(x, x)), 2 * m * n],
          [sum(sqrt(x)), 2 * m * n],
          [sum(div(x, 3), 0), 2 * m * n],
          [cumsum(x, 1), m * n],
          [matmul(x, transpose(x).add(1)), 2 * m * m * n + m * n],
          [transpose(x), 0],
        ];
        for (const [t, operations] of counted) {
          const { operations: before } = engine.stats;
          await engine.read(t);
          expect([t.describe(), engine.stats.operations - before]).toEqual([t.describe(), operations]);
        }
        await engine.dispose();
      }),
      { numRuns: 20 },
    );
  });

  it("follows the sizes of names", async () => {
    const engine = await make();
    const x = engine.variable([1, 2, 3], { shape: [dim("n")] });
    watch(engine, neg(mul(x, x)));
    await settle(engine);
    expect(engine.stats.lastFlush.operations).toBe(6);
    x.set([1, 2, 3, 4, 5]);
    await settle(engine);
    expect(engine.stats.lastFlush.operations).toBe(10);
  });

  it("says what became dirty, what was computed and where a change was cut off", async () => {
    const engine = await make({ fusion: false });
    const [a, b] = [engine.variable(2), engine.variable(1)];
    const flat = sign(a);
    engine.cutoff(flat, "exact");
    watch(engine, add(neg(neg(flat)), b));
    await settle(engine);
    const figures: unknown[] = [];
    for (const change of [() => a.set(3), () => a.set(4), () => a.set(-4), () => b.set(7), () => b.set(7)]) {
      const { flushes } = engine.stats;
      change();
      await settle(engine);
      const { nodesDirty, nodesComputed, nodesCutOff, operations } = engine.stats.lastFlush;
      figures.push(engine.stats.flushes > flushes ? [nodesDirty, nodesComputed, nodesCutOff, operations] : "none");
    }
    const [signs] = figures as [number[]];
    const perSign = signs[3]!;
    expect(figures).toEqual([
      [1, 1, 1, perSign],
      [1, 1, 1, perSign],
      [4, 4, 0, perSign + 3],
      [1, 1, 0, 1],
      [0, 0, 0, 0],
    ]);
  });

  it("says which plans cover a change, and which were made for it", async () => {
    const engine = await make();
    const arm = (t: Tensor): Tensor => Array.from({ length: 1200 }).reduce<Tensor>((x) => neg(x), t);
    const [a, b] = [engine.variable(1), engine.variable(2)];
    const right = arm(b);
    watch(engine, add(arm(a), right));
    watch(engine, right);
    await settle(engine);
    const figures: unknown[] = [];
    for (const v of [5, 6, 7]) {
      const { plansBuilt, plansReused, plansCovering, plansSpecialized } = engine.stats;
      a.set(v);
      await settle(engine);
      const now = engine.stats;
      figures.push([
        now.plansBuilt - plansBuilt,
        now.plansReused - plansReused,
        now.plansCovering - plansCovering,
        now.plansSpecialized - plansSpecialized,
      ]);
    }
    expect(figures).toEqual([
      [0, 1, 1, 0],
      [1, 0, 0, 1],
      [0, 1, 0, 0],
    ]);
  });
});
