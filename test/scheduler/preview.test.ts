/** Previews by tangents: what a frame costs, how far it is off, and when the exact values come. */
import "../../ops/methods.ts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Variable } from "../../core/source.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul } from "../../ops/arithmetic.ts";
import { stack } from "../../ops/concatenate.ts";
import { exp, sin } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { overBackends, watch } from "./engines.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

overBackends("previews", (make) => {
  const curve = (k: Tensor): Tensor => {
    const a = stack([sin(mul(k, 1.5)), exp(mul(k, -0.5)), mul(k, k)]);
    return matmul(matmul(a.reshape([3, 1]), a.reshape([1, 3])), a.reshape([3, 1]));
  };
  const at = async (engine: Awaited<ReturnType<typeof make>>, k: Variable, v: number): Promise<Float64Array> => {
    k.set(v);
    return (await engine.read(curve(k))).data as Float64Array;
  };

  it("cost one kernel a frame, and are off by the square of the step", async () => {
    const engine = await make();
    const k = engine.variable(0.7, { dtype: "float64" }) as unknown as Variable;
    const preview = engine.preview(k);
    const seen = watch(engine, preview.of(curve(k)));
    await engine.flush();
    const steps = [0.08, 0.04, 0.02, 0.01];
    preview.drag(0.8);
    await engine.flush();
    const shown: number[][] = [];
    for (const d of steps) {
      preview.drag(0.7 + d);
      await engine.flush();
      const { kernels, nodesRecomputed } = engine.stats.lastFlush;
      expect([kernels, nodesRecomputed]).toEqual([1, 0]);
      shown.push((seen.at(-1)![1] as number[][]).flat());
    }
    const other = await make();
    const exact = other.variable(0, { dtype: "float64" }) as unknown as Variable;
    const errors: number[] = [];
    for (const [i, d] of steps.entries()) {
      const values = await at(other, exact, 0.7 + d);
      errors.push(Math.max(...shown[i]!.map((v, j) => Math.abs(v - values[j]!))));
    }
    // The slope of log error over log step, by least squares.
    const [x, y] = [steps.map(Math.log), errors.map(Math.log)];
    const mean = (v: number[]): number => v.reduce((a, b) => a + b) / v.length;
    const [mx, my] = [mean(x), mean(y)];
    const slope = x.reduce((s, v, i) => s + (v - mx) * (y[i]! - my), 0) / x.reduce((s, v) => s + (v - mx) ** 2, 0);
    expect(slope).toBeGreaterThan(1.9);
    expect(slope).toBeLessThan(2.2);
  });

  it("are exact, to the bit, when the control rests, and after a deadline in any case", async () => {
    const engine = await make();
    const k = engine.variable(0.7, { dtype: "float64" }) as unknown as Variable;
    const preview = engine.preview(k, { idle: 100, deadline: 350 });
    const seen = watch(engine, preview.of(curve(k)));
    const source = watch(engine, k);
    await engine.flush();
    const other = await make();
    const judge = other.variable(0, { dtype: "float64" }) as unknown as Variable;
    preview.drag(0.75);
    await engine.flush();
    expect(source.at(-1)![1]).toBe(0.7);
    vi.advanceTimersByTime(99);
    await engine.flush();
    expect(source.at(-1)![1]).toBe(0.7);
    vi.advanceTimersByTime(1);
    await engine.flush();
    expect(source.at(-1)![1]).toBe(0.75);
    expect((seen.at(-1)![1] as number[][]).flat()).toEqual([...(await at(other, judge, 0.75))]);
    for (let i = 1; i <= 7; i++) {
      preview.drag(0.75 + i / 100);
      await engine.flush();
      vi.advanceTimersByTime(50);
    }
    await engine.flush();
    expect(source.at(-1)![1]).toBe(0.75 + 7 / 100);
    expect((seen.at(-1)![1] as number[][]).flat()).toEqual([...(await at(other, judge, 0.75 + 7 / 100))]);
    // What is set by others meanwhile is where the next drag begins.
    k.set(0.2);
    await engine.flush();
    expect((seen.at(-1)![1] as number[][]).flat()).toEqual([...(await at(other, judge, 0.2))]);
    const { length } = source;
    preview.settle();
    await engine.flush();
    expect(source).toHaveLength(length);
    // A drag that outlives its engine ends in nothing.
    preview.drag(1);
    await engine.dispose();
    vi.advanceTimersByTime(1000);
  });

  it("say what they cannot do", async () => {
    const engine = await make();
    const preview = (k: unknown, options?: object): unknown => engine.preview(k as Variable, options);
    expect(() => preview(engine.variable([1, 2]))).toThrow(/preview: a control is a variable of one float number, got .*\[2\]/);
    expect(() => preview(engine.variable(1, { dtype: "int32" }))).toThrow(/one float number/);
    expect(() => preview(engine.variable(1), { idle: -1 })).toThrow(/idle is a number of milliseconds, got -1/);
    expect(() => engine.preview(engine.variable(1) as unknown as Variable).drag(NaN)).toThrow(/finite number, got NaN/);
  });
});
