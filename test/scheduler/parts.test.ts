/** Concatenations of many: what has changed is copied into its place, and nothing else is. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Variable } from "../../core/source.ts";
import type { Tensor } from "../../core/tensor.ts";
import { neg } from "../../ops/arithmetic.ts";
import { concatenate, stack } from "../../ops/concatenate.ts";
import { tanh } from "../../ops/functions.ts";
import { sign } from "../../ops/piecewise.ts";
import { sum } from "../../ops/reductions.ts";
import { failuresOf, overBackends, settle, watch } from "./engines.ts";

overBackends("parts", (make) => {
  it("are copied when they have changed, from the second change on, and no other is computed", async () => {
    const engine = await make();
    const sources = Array.from({ length: 40 }, (_, i) => engine.variable([i, -i, 1])) as unknown as Variable[];
    // What is read at other places cannot be computed where it is read.
    const all = concatenate(sources.map((s) => sum(s.mul(constant([[1], [2]])), 0)) as Tensor[]);
    const seen = watch(engine, neg(all));
    await settle(engine);
    sources[3]!.set([1, 1, 1]);
    await settle(engine);
    for (const k of [4, 3, 39, 0]) {
      sources[k]!.set([k, k, k + 1]);
      await settle(engine);
      const { nodesComputed, nodesRecomputed, operations } = engine.stats.lastFlush;
      expect([nodesComputed, nodesRecomputed]).toEqual([5, 0]);
      // Six products and six additions; three numbers copied; 120 negated.
      expect(operations).toBe(6 + 6 + 3 + 120);
    }
    const values = sources.map((_, i) => [i, -i, 1]);
    for (const k of [4, 3, 39, 0]) values[k] = [k, k, k + 1];
    expect(seen.at(-1)![1]).toEqual(values.flat().map((v) => -3 * v));
  });

  it("are all there whatever changed when, was looked at, failed, was resized or had to make room", async () => {
    const action = fc.record({
      do: fc.constantFrom("set", "set", "set", "resize", "flush", "flush", "part", "all", "leave", "other" as const),
      k: fc.nat(5),
      v: fc.integer({ min: -3, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 5, maxLength: 40 }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(0, 64, 200, 1 << 20),
        async (actions, fusion, cutoff, budgetBytes) => {
          const engine = await make({ fusion, cache: { budgetBytes } });
          const shape = [dim("n"), 2];
          const data = (v: number, rows: number): number[] => Array.from({ length: 2 * rows }, (_, i) => v * (i + 1));
          let rows = 2;
          const state = [1, 2, 3, 4, 5, 6];
          const sources = state.map((v) => engine.variable(data(v, rows), { shape, dtype: "float64" }) as Variable);
          const inner = sources.map((s, i) => (i % 2 === 0 ? tanh(s) : sign(s)) as Tensor);
          if (cutoff) engine.cutoff(inner[1]!, "exact");
          const [joined, stacked] = [concatenate(inner as [Tensor, Tensor]), stack(inner, 1)] as Tensor[];
          const expected = (): number[] => {
            const parts = state.map((v, i) => data(v, rows).map((x) => (i % 2 === 0 ? x : Math.sign(x))));
            return parts.flat();
          };
          const scale = (t: Tensor): Tensor => neg(neg(t));
          const looked = [scale(joined!), stacked!, inner[0]!, sum(joined!, 0)];
          const open = new Map<number, { unsubscribe(): void }>();
          const check = async (): Promise<void> => {
            await settle(engine);
            const got = (await engine.read(joined!)).data;
            engine.invariant();
            expected().forEach((x, i) =>
              expect(Math.abs(Math.floor(i / (2 * rows)) % 2 === 0 ? got[i]! - Math.tanh(x) : got[i]! - x)).toBeLessThan(1e-12),
            );
          };
          for (const { do: what, k, v } of actions) {
            if (what === "set") sources[k]!.set(data((state[k] = v), rows));
            else if (what === "resize") {
              rows = 1 + ((v + 3) % 4);
              engine.transaction(() => sources.forEach((s, i) => s.set(data(state[i]!, rows))));
            } else if (what === "flush") await settle(engine);
            else if (what === "all") await check();
            else if (what === "leave") {
              open.get(k % 4)?.unsubscribe();
              open.delete(k % 4);
            } else if (!open.has(k % 4)) open.set(k % 4, engine.observe(looked[k % 4]!, { lend: true }).subscribe());
          }
          await check();
          await engine.dispose();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are all computed again after the whole has failed", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const n = engine.variable([1, 2, 3, 4], { shape: [dim("n")] });
    const sources = Array.from({ length: 5 }, (_, i) => engine.variable([i]));
    // Of fewer than two numbers there is no slice of two.
    const whole = concatenate([...sources.map((s) => neg(s)), n.slice([1], [3])] as [Tensor, Tensor]);
    const seen = watch(engine, whole);
    await settle(engine);
    n.set([7]);
    await settle(engine);
    sources[2]!.set([9]);
    await settle(engine);
    n.set([5, 6, 7]);
    await settle(engine);
    sources[0]!.set([8]);
    await settle(engine);
    expect(failures.length).toBeGreaterThan(0);
    expect(seen.map(([, v]) => v)).toEqual([
      [-0, -1, -2, -3, -4, 2, 3],
      [-0, -1, -9, -3, -4, 6, 7],
      [-8, -1, -9, -3, -4, 6, 7],
    ]);
  });
});
