/** What is computed when something changes: no more than lies between the change and what is wanted, by plans that are found again. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Variable } from "../../core/source.ts";
import type { Tensor } from "../../core/tensor.ts";
import { addN } from "../../ops/addN.ts";
import { add, mul, neg } from "../../ops/arithmetic.ts";
import { sign } from "../../ops/piecewise.ts";
import { overBackends, settle, watch } from "./engines.ts";

overBackends("plans", (make) => {
  it("compute what depends on the change and nothing else", async () => {
    const engine = await make({ fusion: false });
    const [a, b] = [engine.variable(1), engine.variable(2)];
    const left = neg(neg(a));
    const right = neg(neg(neg(b)));
    watch(engine, add(left, right));
    await settle(engine);
    expect(engine.stats.lastFlush).toMatchObject({ nodesComputed: 6, nodesTotal: 8, kernels: 6 });
    a.set(5);
    await settle(engine);
    expect(engine.stats.lastFlush).toMatchObject({ nodesComputed: 3, nodesTotal: 8, kernels: 3 });
    b.set(7);
    await settle(engine);
    expect(engine.stats.lastFlush.nodesComputed).toBe(4);
  });

  it("store a value inside a fused kernel once a change has needed it while it was up to date", async () => {
    const engine = await make();
    const [a, b, c] = [engine.variable(1), engine.variable(2), engine.variable(1)];
    const seen = watch(engine, add(neg(mul(a, c)), neg(neg(mul(b, c)))));
    await settle(engine);
    expect(engine.stats.lastFlush).toMatchObject({ nodesComputed: 6, kernels: 1 });
    for (const [x, nodes] of [
      [5, 6],
      [6, 3],
      [7, 3],
    ] as const) {
      a.set(x);
      await settle(engine);
      expect(engine.stats.lastFlush).toMatchObject({ nodesComputed: nodes, kernels: 1 });
    }
    expect(seen.map(([, v]) => v)).toEqual([1, -3, -4, -5]);
  });

  it("are found again when the same sources change, in any order", async () => {
    const engine = await make();
    const sources = [1, 2, 3].map((v) => engine.variable(v));
    const seen = watch(engine, addN(sources));
    await settle(engine);
    const change = async (order: readonly number[], v: number): Promise<void> => {
      for (const i of order) sources[i]!.set(v + i);
      await settle(engine);
    };
    await change([0, 1, 2], 10);
    await change([0], 20);
    await change([2, 1], 30);
    const { plansBuilt, nodesMarked, plansReused } = engine.stats;
    await change([2, 0, 1], 40);
    await change([1, 2], 50);
    await change([0], 60);
    expect(engine.stats).toMatchObject({ plansBuilt, nodesMarked, plansReused: plansReused + 3 });
    expect(seen.map(([, v]) => v)).toEqual([6, 33, 43, 83, 123, 143, 163]);
  });

  it("of their own are made for a large change when it repeats; first it is met with a ready one that covers it", async () => {
    const engine = await make();
    const arm = (t: Tensor): Tensor => Array.from({ length: 1200 }).reduce<Tensor>((x) => neg(x), t);
    const [a, b] = [engine.variable(1), engine.variable(2)];
    const [left, right] = [arm(a), arm(b)];
    const seen = watch(engine, add(left, right));
    let lent = 0;
    engine.observe(right, { lend: true }).subscribe(() => lent++);
    await settle(engine);
    const { plansBuilt } = engine.stats;
    const changes: [number, number][] = [];
    for (const v of [5, 6, 7, 8]) {
      a.set(v);
      await settle(engine);
      changes.push([engine.stats.plansBuilt - plansBuilt, engine.stats.lastFlush.nodesComputed]);
    }
    expect(changes).toEqual([
      [0, 2401],
      [1, 1201],
      [1, 1201],
      [1, 1201],
    ]);
    expect(seen.map(([, v]) => v)).toEqual([3, 7, 8, 9, 10]);
    // What was computed again although it was up to date is not news.
    expect(lent).toBe(1);
  });

  it("stay few when patterns of change are many", async () => {
    const engine = await make();
    const sources = Array.from({ length: 12 }, (_, i) => engine.variable(i));
    const total = addN(sources.map((s) => neg(s)));
    const seen = watch(engine, total);
    const now = sources.map((_, i) => i);
    for (let k = 1; k < 800; k++) {
      sources.forEach((s, i) => {
        if ((k * 37) & (1 << i)) s.set((now[i] = k));
      });
      await engine.flush();
    }
    engine.invariant();
    expect(seen.at(-1)![1]).toBe(-now.reduce((x, y) => x + y));
  });

  it("compute each node of a wide and deep diamond once", async () => {
    const engine = await make();
    const a = engine.variable(1);
    let level: Tensor[] = [a];
    for (let i = 0; i < 12; i++) level = [add(level[0]!, level.at(-1)!), mul(level[0]!, 0.5)];
    watch(engine, addN(level));
    await settle(engine);
    a.set(2);
    await settle(engine);
    expect(engine.stats.lastFlush.nodesComputed).toBe(25);
  });
});

overBackends("cutoffs", (make) => {
  it("end recomputation where the bits come out the same", async () => {
    const engine = await make();
    const a = engine.variable([1, -2]);
    const s = sign(a);
    engine.cutoff(s, "exact");
    let y: Tensor = s;
    for (let i = 0; i < 10; i++) y = neg(y);
    const seen = watch(engine, y);
    await settle(engine);
    a.set([5, -6]);
    await settle(engine);
    expect(engine.stats.lastFlush.nodesComputed).toBe(1);
    a.set([5, 6]);
    await settle(engine);
    expect(engine.stats.lastFlush.nodesComputed).toBe(11);
    expect(seen.map(([, v]) => v)).toEqual([
      [1, -1],
      [1, 1],
    ]);
  });

  it("hold back what is above them, also where it is dirty from elsewhere, so that it is computed once", async () => {
    const engine = await make({ fusion: false });
    const [a, b] = [engine.variable(1), engine.variable(10)];
    const s = sign(a);
    engine.cutoff(s, "exact");
    const seen = watch(engine, mul(s, neg(b)));
    await settle(engine);
    for (const [x, y, nodes] of [
      [2, 10, 1],
      [3, 20, 3],
      [-3, 30, 3],
      [-4, 30, 1],
      [4, 30, 2],
    ] as const) {
      a.set(x);
      b.set(y);
      await settle(engine);
      expect(engine.stats.lastFlush.nodesComputed).toBe(nodes);
    }
    expect(seen.map(([, v]) => v)).toEqual([-10, -20, 30, -30]);
  });

  it("find their plans again", async () => {
    const engine = await make();
    const a = engine.variable(1);
    const s = sign(a);
    engine.cutoff(s, "exact");
    watch(engine, neg(s));
    for (const v of [1, 2, -2, -3]) {
      a.set(v);
      await settle(engine);
    }
    const { plansBuilt, nodesMarked } = engine.stats;
    for (const v of [3, 4, -1, -2, 5]) {
      a.set(v);
      await settle(engine);
    }
    expect(engine.stats).toMatchObject({ plansBuilt, nodesMarked });
  });

  it("may be set while the engine runs", async () => {
    const engine = await make();
    const a = engine.variable(1);
    const s = sign(a);
    const seen = watch(engine, neg(s));
    await settle(engine);
    engine.cutoff(s, "exact");
    for (const v of [2, 3]) {
      a.set(v);
      await settle(engine);
    }
    expect(engine.stats.lastFlush.nodesComputed).toBe(1);
    a.set(-1);
    await settle(engine);
    expect(seen.map(([, v]) => v)).toEqual([-1, 1]);
  });

  it("refuse what they do not know", async () => {
    const engine = await make();
    expect(() => engine.cutoff(neg(engine.variable(1)), "loose" as never)).toThrow(/cutoff: "loose" is .*"exact"/);
  });

  it("change nothing that is published, wherever they are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ op: fc.constantFrom("add", "sign", "neg"), x: fc.nat(30), y: fc.nat(30), cutoff: fc.boolean() }), {
          minLength: 3,
          maxLength: 25,
        }),
        fc.array(fc.array(fc.tuple(fc.nat(2), fc.integer({ min: -1, max: 1 })), { maxLength: 3 }), { maxLength: 8 }),
        async (nodes, changes) => {
          const [plain, cut] = [await make(), await make()];
          const run = async (engine: typeof plain, withCutoffs: boolean): Promise<unknown> => {
            const pool: Tensor[] = [0, 1, 2].map((v) => engine.variable(v));
            const sources = pool.slice() as Variable[];
            for (const { op, x, y, cutoff } of nodes) {
              const [p, q] = [pool[x % pool.length]!, pool[y % pool.length]!];
              const t = op === "add" ? add(p, q) : op === "sign" ? sign(p) : neg(p);
              if (withCutoffs && cutoff) engine.cutoff(t, "exact");
              pool.push(t);
            }
            const seen = [watch(engine, pool.at(-1)!), watch(engine, pool.at(-2)!)];
            for (const change of changes) {
              for (const [i, v] of change) sources[i]!.set(v);
              await settle(engine);
            }
            await engine.dispose();
            return seen;
          };
          expect(await run(cut, true)).toEqual(await run(plain, false));
        },
      ),
      { numRuns: 100, seed: 7 },
    );
  });
});
