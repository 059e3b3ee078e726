/** Limits: depth, memory over time, budgets. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import { keepSites } from "../../core/site.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { type Backend, OutOfMemory } from "../../kernel/backend.ts";
import { add, mul, neg } from "../../ops/arithmetic.ts";
import { reduceSum } from "../../ops/broadcast.ts";
import { broadcastTo } from "../../ops/operand.ts";
import { sort } from "../../ops/sort.ts";
import type { Variable } from "../../core/source.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { check, programs } from "./model.ts";
import { failuresOf, overBackends, settle, watch } from "./engines.ts";

/** A backend that has no room for one of the buffers it is asked for. */
function runsOutOnce(device: Backend, at: number): Backend {
  let asked = 0;
  return {
    name: device.name,
    bytesInUse: 0,
    allocate: (bytes) => {
      if (asked++ === at) throw new OutOfMemory("no room");
      return device.allocate(bytes);
    },
    free: (buffer) => device.free(buffer),
    write: (buffer, data) => device.write(buffer, data),
    view: (...args) => device.view(...args),
    prepare: (segments) => device.prepare(segments),
    dispose: () => device.dispose(),
  };
}

describe("depth", () => {
  it("is no limit: a chain of 100,000 nodes is observed, changed and released", async () => {
    keepSites(0);
    const engine = await createEngine({ backend: cpu() });
    const a = engine.variable(1);
    let t: Tensor = a;
    for (let i = 0; i < 100_000; i++) t = i % 2 === 0 ? neg(t) : add(t, 1);
    const seen: unknown[] = [];
    const subscription = engine.observe(t).subscribe((v) => seen.push(v.item()));
    await settle(engine);
    a.set(3);
    await settle(engine);
    // Each pair of nodes maps x to 1 - x, and an even number of pairs undoes itself.
    expect(seen).toEqual([1, 3]);
    expect(engine.explain(t).causes[0]!.path.length).toBe(100_001);
    subscription.unsubscribe();
    await settle(engine);
    expect(engine.stats.nodesNecessary).toBe(0);
  });
});

describe("memory", () => {
  it("may run out at any moment: what is published has the same bits as ever", async () => {
    const result = await fc.check(
      fc.asyncProperty(programs, fc.nat(40), (program, at) => check(program, () => createEngine({ backend: runsOutOnce(cpu(), at) }))),
      { numRuns: 100, seed: 3 },
    );
    if (result.failed) expect.fail(`${String(result.errorInstance)}\n${JSON.stringify(result.counterexample)}`);
  });

  it("stays flat over 10,000 flushes", async () => {
    const device = cpu();
    const engine = await createEngine({ backend: device });
    const a = engine.variable(new Float32Array(16));
    const y = reduceSum([mul(a, a)], { axes: [0] });
    engine.observe(y).subscribe();
    engine.observe(neg(a)).subscribe((v) => v.shape);
    const data = new Float32Array(16);
    const flushes = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        data[i % 16] = i;
        a.set(data);
        if (i % 3 === 0) await engine.read(y);
        else await engine.flush();
        if (i % 7 === 0) engine.observe(add(a, 1)).subscribe().unsubscribe();
      }
    };
    const heap = async (): Promise<number> => {
      for (let i = 0; i < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        globalThis.gc!();
      }
      return process.memoryUsage().heapUsed;
    };
    // A leak grows in every round; compilers and caches warm up in the first ones.
    const [rounds, more, perRound] = [4, 12, 2000];
    const growth: number[] = [];
    await flushes(perRound);
    const bytes = device.bytesInUse;
    let last = await heap();
    for (let i = 0; i < rounds || (i < more && Math.min(...growth) >= 16); i++) {
      await flushes(perRound);
      const now = await heap();
      growth.push((now - last) / perRound);
      last = now;
    }
    expect(device.bytesInUse).toBe(bytes);
    expect(Math.min(...growth)).toBeLessThan(16);
    engine.invariant();
  });
});

overBackends("buffers", (make) => {
  it("follow a named size up and down", async () => {
    const engine = await make();
    const x = engine.variable([1], { shape: [dim("n")] });
    watch(engine, reduceSum([neg(x)], { axes: [0] }));
    await settle(engine);
    const small = engine.stats.bytesResident;
    x.set(new Float32Array(100_000).fill(1));
    await settle(engine);
    expect(engine.stats.bytesResident).toBe(400_004);
    x.set([2]);
    await settle(engine);
    expect(engine.stats.bytesResident).toBe(small);
  });

  it("are shared inside plans when the budget is too small for all, and what was let go is computed again, not stale", async () => {
    const build = async (
      budgetBytes: number,
    ): Promise<{ engine: Engine; x: Variable; k: Variable; seen: unknown[][]; failures: unknown[] }> => {
      const engine = await make({ budgetBytes, fusion: false });
      const failures = failuresOf(engine);
      const x = engine.variable(new Float32Array(1000).fill(1));
      const k = engine.variable(2);
      let t: Tensor = x;
      for (let i = 0; i < 30; i++) t = i % 2 === 0 ? neg(t) : mul(t, 1.5);
      const [left, right] = [reduceSum([t], { axes: [0] }), reduceSum([mul(t, k)], { axes: [0] })];
      return { engine, x, k, seen: [watch(engine, left), watch(engine, right)], failures };
    };
    const [roomy, tight] = [await build(Infinity), await build(20_000)];
    for (const { engine, x, k } of [roomy, tight]) {
      await settle(engine);
      x.set(new Float32Array(1000).fill(3));
      await settle(engine);
      k.set(5);
      await settle(engine);
      k.set(6);
      await settle(engine);
    }
    expect(tight.failures).toEqual([]);
    expect(tight.seen).toEqual(roomy.seen);
    expect(tight.seen.map((s) => s.length)).toEqual([2, 4]);
    expect(roomy.engine.stats.bytesResident).toBeGreaterThan(120_000);
    expect(tight.engine.stats.bytesResident).toBeLessThanOrEqual(20_000);
    expect(roomy.engine.stats.lastFlush.nodesComputed).toBe(3);
    // There is room for one of the thirty, and the one that is needed longest stays: that which both sums read.
    expect(tight.engine.stats.lastFlush.nodesComputed).toBe(3);
    expect([roomy.engine.stats.nodesRecomputed, tight.engine.stats.nodesRecomputed]).toEqual([0, 0]);
  });

  it("need a budget that is a number of bytes", async () => {
    for (const budgetBytes of [0, -1, NaN]) await expect(make({ budgetBytes })).rejects.toThrow(/budgetBytes must be a positive number/);
  });

  it("make room for a source that comes late", async () => {
    const engine = await make({ budgetBytes: 16_500, fusion: false });
    const failures = failuresOf(engine);
    const x = engine.variable(new Float32Array(1000).fill(1));
    const seen = watch(engine, reduceSum([neg(neg(neg(x)))], { axes: [0] }));
    await settle(engine);
    const y = engine.variable(new Float32Array(1000).fill(2));
    const other = watch(engine, reduceSum([y], { axes: [0] }));
    await settle(engine);
    x.set(new Float32Array(1000).fill(4));
    await settle(engine);
    expect([failures, seen.at(-1)![1], other]).toEqual([[], -4000, [[0, 2000]]]);
  });

  it("that do not fit inside a plan fail their nodes; the others of the plan go on", async () => {
    const engine = await make({ budgetBytes: 5000 });
    const failures = failuresOf(engine);
    const x = engine.variable(new Float32Array(500), { label: "x" });
    const wide = neg(broadcastTo(x, [500, 500])).named("wide");
    const few = watch(engine, reduceSum([x], { axes: [0] }));
    const none = watch(engine, reduceSum([sort(wide)], { axes: [0, 1] }));
    await settle(engine);
    for (const v of [1, 2]) {
      x.set(new Float32Array(500).fill(v));
      await settle(engine);
    }
    expect(few).toEqual([
      [0, 0],
      [1, 500],
      [2, 1000],
    ]);
    expect(none).toEqual([]);
    expect(new Set(failures.map((f) => String(f.error).includes("1000000 bytes")))).toEqual(new Set([true]));
  });

  it("keep within the budget: what does not fit fails, with the bytes, the budget and the largest tensors", async () => {
    const engine = await make({ budgetBytes: 10_000 });
    const failures = failuresOf(engine);
    const a = engine.variable(new Float32Array(1000).fill(1), { label: "a" });
    const b = engine.variable(new Float32Array(100).fill(1), { label: "b" });
    const first = watch(engine, reduceSum([neg(b)], { axes: [0] }));
    engine.observe([neg(a), mul(a, 2)]).subscribe();
    await settle(engine);
    expect(first).toEqual([[0, -100]]);
    expect(failures.map((f) => String(f.error))).toEqual([
      expect.stringMatching(
        /mul float32\[1000\] needs 4000 bytes; its plan takes 12408 bytes at its peak and budgetBytes is 10000.*variable "a" float32\[1000\] \(4000 bytes\)/,
      ),
    ]);
    b.set(new Float32Array(100).fill(2));
    await settle(engine);
    expect(first.at(-1)).toEqual([1, -200]);
    expect(engine.stats.bytesResident).toBeLessThanOrEqual(10_000);
  });
});
