/** Caches by policies, at run time: budgets, pins, tags, changes of settings, and everything that a policy may do wrong. */
import { describe, expect, it } from "vitest";
import { checkpoint } from "../../../ad/checkpoint.ts";
import { grad } from "../../../ad/grad.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { cpu } from "../../../cpu/backend.ts";
import { interpreter } from "../../../kernel/interpreter.ts";
import { mul, square } from "../../../ops/arithmetic.ts";
import { sin, tanh } from "../../../ops/functions.ts";
import { sum } from "../../../ops/reductions.ts";
import { createEngine, type Engine } from "../../../scheduler/engine.ts";
import * as policies from "../../../scheduler/eviction/policies.ts";
import type { CachePolicy } from "../../../scheduler/eviction/policy.ts";
import { failuresOf, settle, watch } from "../engines.ts";
import { branches } from "./graphs.ts";

const SIZE = 256;
const BYTES = 4 * SIZE;

/** The gradient of a chain of nonlinear steps, unfused, so that each value takes room. */
function chain(engine: Engine, depth: number): { x: ReturnType<Engine["variable"]>; values: Tensor[]; dx: Tensor } {
  const x = engine.variable(
    Float32Array.from({ length: SIZE }, (_, i) => Math.sin(i)),
    { label: "x" },
  );
  const values: Tensor[] = [x];
  for (let i = 0; i < depth; i++) values.push(sin(mul(values.at(-1)!, 1.1)).named(`state ${i + 1}`));
  return { x, values, dx: grad(sum(square(values.at(-1)!)), x) };
}

const bitsOf = (engine: Engine, t: Tensor): number[] => [...engine.readSync(t).data];
async function expected(depth: number): Promise<number[]> {
  const engine = await createEngine({ backend: cpu() });
  return bitsOf(engine, chain(engine, depth).dx);
}

describe("a cache with a policy", () => {
  it.each(["lru", "dtr", "msps", "nextUse", "revolve", "frontier"] as const)(
    "%s keeps plans within its budget, to the same bits",
    async (name) => {
      const bits = await expected(40);
      const engine = await createEngine({
        backend: cpu(),
        fusion: false,
        cache: { budgetBytes: 12 * (BYTES + 64), policy: policies[name]() },
      });
      const failures = failuresOf(engine);
      const { x, dx } = chain(engine, 40);
      const seen = watch(engine, dx);
      await settle(engine);
      expect([failures, seen[0]![1]]).toEqual([[], bits]);
      const { lastFlush, bytesResident } = engine.stats;
      // x and its gradient, and the small constants and results.
      const beside = 2 * BYTES + 1000;
      expect(lastFlush.peakBytes).toBeLessThanOrEqual(12 * (BYTES + 64) + beside);
      expect(bytesResident).toBeLessThanOrEqual(12 * (BYTES + 64) + beside);
      expect(lastFlush.kernelsRepeated).toBeGreaterThan(0);
      x.set(new Float32Array(SIZE).fill(0.5));
      await settle(engine);
      const fresh = await createEngine({ backend: cpu() });
      const again = chain(fresh, 40);
      again.x.set(new Float32Array(SIZE).fill(0.5));
      expect(seen[1]![1]).toEqual(bitsOf(fresh, again.dx));
    },
  );

  it("of too little room names the operation in the way and a budget that does; with that, it does", async () => {
    const engine = await createEngine({ backend: cpu(), fusion: false, cache: { budgetBytes: 2000, policy: policies.nextUse() } });
    const { dx } = chain(engine, 20);
    const failing = (): string => {
      try {
        bitsOf(engine, dx);
        return "";
      } catch (error) {
        return String(error);
      }
    };
    const message = failing();
    expect(message).toMatch(
      /cache.budgetBytes is 2000, and policy "nextUse" has no schedule .*; the operation that takes the most is \w+.*float32\[256\] \(\d+ bytes/,
    );
    const enough = Number(/a cache.budgetBytes of (\d+) would do/.exec(message)![1]);
    engine.cache.set({ budgetBytes: enough });
    expect(failing()).toBe("");
    expect(bitsOf(engine, dx)).toEqual(await expected(20));
    expect(engine.stats.lastFlush.peakBytes).toBeLessThanOrEqual(enough + 2 * BYTES + 1000);
  });

  it("may be set while the engine runs: less room is given back at once", async () => {
    const engine = await createEngine({ backend: cpu(), fusion: false });
    const { x, dx } = chain(engine, 40);
    const seen = watch(engine, dx);
    await settle(engine);
    const before = engine.stats.bytesResident;
    expect(before).toBeGreaterThan(40 * BYTES);
    engine.cache.set({ budgetBytes: 10 * BYTES, policy: policies.lru() });
    engine.invariant();
    expect(engine.stats.bytesResident).toBeLessThan(13 * BYTES + 1000);
    for (const [k, policy] of [policies.dtr(), policies.revolve(), undefined].entries()) {
      engine.cache.set({ policy });
      x.set(new Float32Array(SIZE).fill(k));
      await settle(engine);
      const fresh = await createEngine({ backend: cpu() });
      const again = chain(fresh, 40);
      again.x.set(new Float32Array(SIZE).fill(k));
      expect(seen.at(-1)![1]).toEqual(fresh.readSync(again.dx).toArray());
    }
    expect(engine.cache.budgetBytes).toBe(10 * BYTES);
  });

  it("keeps the frontier of changes with a twentieth of all values: what is computed is what has changed", async () => {
    // 24 branches of 50 nodes under one sum; a change reaches 4 of them.
    const engine = await createEngine({ backend: cpu(), fusion: false, cache: { budgetBytes: 60 * BYTES, policy: policies.frontier() } });
    const { sources, total: t } = branches(24, 50, SIZE)(engine);
    const total = watch(engine, t);
    await settle(engine);
    const computed: number[] = [];
    for (let frame = 0; frame < 8; frame++) {
      for (const s of sources.slice(0, 4)) s.set(new Float32Array(SIZE).fill(Math.cos(frame)));
      await settle(engine);
      computed.push(engine.stats.lastFlush.nodesComputed);
    }
    // The 200 nodes of four branches, and the sums above them.
    expect(computed.slice(2)).toEqual(new Array(6).fill(200 + 24));
    expect(total.length).toBe(9);
    expect(engine.memoryReport().cacheBytes).toBeLessThanOrEqual(60 * BYTES);
  });
});

describe("pins and tags", () => {
  it("keep what they name, and a pin ends", async () => {
    const engine = await createEngine({ backend: cpu(), fusion: false, cache: { budgetBytes: 12 * BYTES, policy: policies.lru() } });
    const { values, dx } = chain(engine, 30);
    watch(engine, dx);
    const unpin = engine.pin(values[15]!);
    await settle(engine);
    const whyOf = (t: Tensor): unknown => engine.memoryReport().values.find((v) => v.tensor === t)?.why;
    expect(whyOf(values[15]!)).toBe("pinned");
    expect(engine.memoryReport().pinnedBytes).toBe(BYTES);
    expect(engine.toDot(dx)).toContain("fillcolor=gold");
    unpin();
    unpin();
    await settle(engine);
    expect(whyOf(values[15]!)).not.toBe("pinned");
    expect(engine.memoryReport().pinnedBytes).toBe(0);
    expect(String(engine.memoryReport())).toMatch(/The cache keeps \d+ of at most 12288 bytes by policy "lru"/);
  });

  it("that are saved stay where others go", async () => {
    const engine = await createEngine({
      backend: cpu(),
      fusion: false,
      cache: { budgetBytes: 12 * BYTES, policy: policies.saveOnly("keep") },
    });
    const { values, dx } = chain(engine, 30);
    engine.tag([values[10]!, values[20]!], "keep");
    expect(bitsOf(engine, dx)).toEqual(await expected(30));
    const kept = engine.memoryReport().values.filter((v) => v.why === "cache");
    expect(kept.filter((v) => v.tags.includes("keep")).map((v) => v.tensor)).toEqual(expect.arrayContaining([values[10], values[20]]));
  });

  it("checkpoint(f) has what f computes inside go before everything else", async () => {
    const engine = await createEngine({ backend: cpu(), fusion: false, cache: { budgetBytes: 8 * BYTES } });
    const x = engine.variable(new Float32Array(SIZE).fill(0.3));
    let inner: Tensor | undefined;
    const block = checkpoint((t: Tensor) => tanh((inner = sin(mul(t, 1.3)))));
    const first = block(x);
    const y = sum(square(tanh(sin(first))));
    expect(engine.cache.policy).toBe(undefined);
    watch(engine, grad(y, x));
    await settle(engine);
    const { values } = engine.memoryReport();
    expect(values.some((v) => v.tensor === inner)).toBe(false);
    expect(checkpoint(() => 1)()).toBe(1);
    expect(() => checkpoint(5 as never)).toThrow(/checkpoint: needs a function, got 5/);
  });
});

describe("bad input", () => {
  const wrong: [string, CachePolicy, RegExp][] = [
    [
      "throws",
      {
        name: "mine",
        score: () => {
          throw new Error("no idea");
        },
      },
      /cache policy "mine" threw: Error: no idea/,
    ],
    ["gives NaN", { name: "mine", score: () => NaN }, /cache policy "mine" gave NaN as a score/],
    ["gives no number", { score: () => "high" as never }, /cache policy "without a name" gave high as a score/],
    [
      "lets nothing go",
      { name: "mine", score: () => Infinity },
      /policy "mine" has no schedule .*: it scores Infinity what would have to go/,
    ],
    [
      "plans nonsense",
      { name: "mine", score: () => 1, plan: () => [0, 0] },
      /the plan of cache policy "mine" is none: .* operation 1 has not run/,
    ],
    [
      "plans too much",
      { name: "mine", score: () => 1, plan: (t) => t.ops.map((_, i) => i) },
      /the plan of cache policy "mine" takes \d+ bytes, more than/,
    ],
  ];
  it.each(wrong)("a policy that %s is an error by its name, and the engine goes on with another", async (_, policy, message) => {
    const engine = await createEngine({ backend: interpreter(), fusion: false, cache: { budgetBytes: 12 * (BYTES + 64), policy } });
    const { dx } = chain(engine, 30);
    expect(() => bitsOf(engine, dx)).toThrow(message);
    engine.invariant();
    engine.cache.set({ policy: policies.nextUse() });
    expect(bitsOf(engine, dx)).toEqual(await expected(30));
  });

  it("settings that do not fit change nothing", async () => {
    const engine = await createEngine({ backend: cpu(), cache: { budgetBytes: 5000, policy: policies.lru() } });
    for (const [options, message] of [
      [{ budgetBytes: 0 }, /budgetBytes is 0, and the policy "lru" has nothing to decide/],
      [{ budgetBytes: -1 }, /cache.set: cache.budgetBytes must be a number of bytes, at least 0, got -1/],
      [{ budgetBytes: NaN }, /cache.budgetBytes must be a number of bytes, at least 0, got NaN/],
      [{ minBytes: -1 }, /cache.minBytes must be a number of bytes, at least 0/],
      [{ policy: { plan: () => [] } }, /cache.policy must be a policy/],
      [{ room: 1 }, /there is no option cache.room/],
    ] as const)
      expect(() => engine.cache.set(options as never)).toThrow(message);
    expect([engine.cache.budgetBytes, engine.cache.policy!.name]).toEqual([5000, "lru"]);
  });

  it("pins that take more than the budget are refused, and so is a budget that they do not fit into", async () => {
    const engine = await createEngine({ backend: cpu(), fusion: false, cache: { budgetBytes: 3 * BYTES, policy: policies.lru() } });
    const { values, x } = chain(engine, 10);
    watch(engine, sum(values.at(-1)!));
    await settle(engine);
    expect(() => engine.pin(values.slice(1, 6))).toThrow(/what is pinned takes 5120 bytes, and cache.budgetBytes is 3072/);
    engine.pin(values[3]!);
    expect(() => engine.cache.set({ budgetBytes: 1000 })).toThrow(/what is pinned takes 1024 bytes, and cache.budgetBytes is 1000/);
    x.set(new Float32Array(SIZE).fill(2));
    await settle(engine);
    expect(engine.cache.budgetBytes).toBe(3 * BYTES);
    expect(() => engine.tag(x, "")).toThrow(/tag: tags are words, got ""/);
  });

  it("a cost that is negative is an error that says of what", async () => {
    const engine = await createEngine({
      backend: cpu(),
      fusion: false,
      cache: { budgetBytes: 12 * (BYTES + 64), policy: policies.dtr(), cost: () => -1 },
    });
    const { dx } = chain(engine, 30);
    expect(() => bitsOf(engine, dx)).toThrow(/cache.cost gave -1 for .*float32\[256\]; costs are numbers, at least 0/);
    engine.cache.set({ cost: ({ operations }) => operations + 1 });
    expect(bitsOf(engine, dx)).toEqual(await expected(30));
  });
});
