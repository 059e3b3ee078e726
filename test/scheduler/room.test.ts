/** Room: what stays within a cache's budget, what is said of bytes, and what happens when there is not enough of it. */
import { describe, expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { type Backend, OutOfMemory } from "../../kernel/backend.ts";
import { add, mul, neg } from "../../ops/arithmetic.ts";
import { exp } from "../../ops/functions.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { cummax, cumprod } from "../../ops/cumulative.ts";
import { matmul } from "../../ops/matmul.ts";
import { sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { sort } from "../../ops/sort.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { failuresOf, overBackends, settle, watch } from "./engines.ts";

/** x, after so many operations that are not fused. */
function chain(x: Tensor, count: number): Tensor[] {
  const values = [x];
  for (let i = 0; i < count; i++) values.push(i % 2 === 0 ? neg(values.at(-1)!) : mul(values.at(-1)!, 1.5));
  return values;
}

overBackends("a cache's budget", (make) => {
  it("keeps everything while it lasts; beyond, what a change has needed stays before all else", async () => {
    for (const [budgetBytes, first] of [
      [2 ** 26, 0],
      [5000, 15],
    ] as const) {
      const engine = await make({ cache: { budgetBytes }, fusion: false });
      const [x, k] = [engine.variable(new Float32Array(1000).fill(1)), engine.variable(2)];
      const values = chain(x, 40);
      // There is room for one value in the small cache: for the fifth, which is needed longest, until a change needs the twentieth.
      const seen = watch(engine, add(sum(add(values.at(-1)!, values[5]!)), sum(mul(values[20]!, k))));
      await settle(engine);
      const recomputed = [];
      for (const v of [3, 4, 5]) {
        k.set(v);
        await settle(engine);
        recomputed.push(engine.stats.nodesRecomputed);
        // A change of everything in between, which leaves behind what the next change of k needs.
        x.set(new Float32Array(1000).fill(v));
        await settle(engine);
      }
      expect(recomputed).toEqual([first, first, first]);
      expect(seen.length).toBe(7);
      // k's broadcast, the product, its sum, and the sum of both.
      k.set(6);
      await settle(engine);
      expect(engine.stats.lastFlush.nodesComputed).toBe(4);
      await engine.dispose();
    }
  });

  it("that does not hold what a change has needed leaves it inside its kernel", async () => {
    for (const options of [{ cache: { budgetBytes: 3000 } }, { budgetBytes: 4200 }]) {
      const engine = await make(options);
      const failures = failuresOf(engine);
      const [x, k] = [engine.variable(new Float32Array(1000).fill(1)), engine.variable(2)];
      const seen = watch(engine, sum(mul(neg(x), k)));
      await settle(engine);
      for (const v of [3, 4, 5]) {
        k.set(v);
        await settle(engine);
        expect(engine.stats.lastFlush.bytesWritten).toBeLessThan(20);
      }
      expect([failures, seen.map(([, v]) => v)]).toEqual([[], [-2000, -3000, -4000, -5000]]);
    }
  });

  it("of nothing keeps nothing that nobody asked for", async () => {
    const engine = await make({ cache: { budgetBytes: 0 }, fusion: false });
    const x = engine.variable(new Float32Array(1000).fill(1));
    const total = sum(exp(neg(x)));
    watch(engine, total);
    await settle(engine);
    // x, and an arena in which exp lies where neg was.
    expect(engine.stats.bytesResident).toBe(4000 + 4032 + 4);
    expect(engine.stats.lastFlush).toMatchObject({ peakBytes: 8036, liveBytes: 8004, kernels: 3 });
  });

  it("is a number of bytes", async () => {
    for (const budgetBytes of [-1, NaN, "many" as unknown as number])
      await expect(make({ cache: { budgetBytes } })).rejects.toThrow(/cache.budgetBytes must be a number of bytes, at least 0, got/);
  });

  it("gives way to budgetBytes, and what is let go is counted", async () => {
    const engine = await make({ budgetBytes: 30_000, fusion: false });
    const failures = failuresOf(engine);
    const x = engine.variable(new Float32Array(1000).fill(1));
    watch(engine, sum(chain(x, 4).at(-1)!));
    await settle(engine);
    expect(engine.stats.bytesEvicted).toBe(0);
    const y = engine.variable(new Float32Array(3000).fill(1));
    const seen = watch(engine, sum(y));
    await settle(engine);
    expect([seen, failures]).toEqual([[[0, 3000]], []]);
    expect(engine.stats.bytesEvicted).toBeGreaterThanOrEqual(4000);
    expect(engine.stats.bytesResident).toBeLessThanOrEqual(30_000);
  });
});

overBackends("bytes moved", (make) => {
  it("are those of the elements that kernels touch, each once an operand", async () => {
    const engine = await make({ fusion: false });
    const moved = async (t: Tensor): Promise<readonly [number, number]> => {
      const subscription = engine.observe(t).subscribe();
      await settle(engine);
      const { bytesRead, bytesWritten } = engine.stats.lastFlush;
      subscription.unsubscribe();
      return [bytesRead, bytesWritten];
    };
    const a = engine.variable(new Float32Array(1000), { shape: [10, 100] });
    const row = engine.variable(new Float32Array(100));
    const wide = engine.variable(new Float64Array(100), { shape: [100, 1] });
    expect(await moved(neg(a))).toEqual([4000, 4000]);
    expect(await moved(add(a, row))).toEqual([4400, 4000]);
    expect(await moved(mul(a, a))).toEqual([4000, 4000]);
    expect(await moved(sum(a))).toEqual([4000, 4]);
    expect(await moved(sum(a, { axis: 0 }))).toEqual([4000, 400]);
    expect(await moved(matmul(a, reshape(row, [100, 1])))).toEqual([4400, 40]);
    expect(await moved(sum(exp(wide)))).toEqual([1600, 808]);
    expect(engine.stats).toMatchObject({ bytesRead: 26400, bytesWritten: 13252 });
    for (const scan of [cumsum, cumprod, cummax]) {
      expect(await moved(scan(a, 1))).toEqual([4000, 4000]);
      expect(await moved(scan(a, 0))).toEqual([4000, 4000]);
    }
  });
});

/** A backend with less room than it knows. */
function cramped(device: Backend, room: number): Backend {
  let used = 0;
  const sizes = new Map<number, number>();
  return {
    name: device.name,
    bytesInUse: 0,
    allocate: (bytes) => {
      if (used + bytes > room) throw new OutOfMemory(`no ${bytes} bytes here`);
      const buffer = device.allocate(bytes);
      sizes.set(buffer, bytes);
      used += bytes;
      return buffer;
    },
    free: (buffer) => {
      used -= sizes.get(buffer)!;
      device.free(buffer);
    },
    write: (buffer, data) => device.write(buffer, data),
    view: (...args) => device.view(...args),
    prepare: (segments) => device.prepare(segments),
    dispose: () => device.dispose(),
  };
}

describe("a graph that does not fit", () => {
  /** All products of pairs, sorted: each of the values in between is n times n. */
  const pairs = (engine: Engine): { x: ReturnType<Engine["variable"]>; y: Tensor } => {
    const x = engine.variable(new Float32Array(20).fill(1), { shape: [dim("n")], label: "x" });
    const n = x.shape[0]!;
    const products = mul(reshape(x, [n, 1]), reshape(x, [1, n])).named("products");
    return { x, y: sum(sort(products)) };
  };

  it.each([
    ["into the 4 GiB of WebAssembly", undefined, /the backend "cpu" holds 4294967296/],
    ["into budgetBytes", 1e9, /budgetBytes is 1000000000/],
  ])("%s fails before anything is allocated, and says why; smaller data is computed again", async (_, budgetBytes, limit) => {
    const device = cpu();
    const engine = await createEngine({ backend: device, ...(budgetBytes ? { budgetBytes } : {}) });
    const failures = failuresOf(engine);
    const { x, y } = pairs(engine);
    const other = watch(engine, sum(x));
    const seen = watch(engine, y);
    await settle(engine);
    x.set(new Float32Array(40_000).fill(1));
    await settle(engine);
    const messages = failures.map((f) => String(f.error));
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) {
      expect(message).toMatch(/needs 6400000000 bytes; its plan takes \d{10,} bytes at its peak/);
      expect(message).toMatch(limit);
      expect(message).toMatch(/the largest tensors are .*float32\[n, n\] \(6400000000 bytes\)/);
    }
    expect(device.bytesInUse).toBeLessThan(10e6);
    x.set(new Float32Array(30).fill(2));
    await settle(engine);
    expect(seen).toEqual([
      [0, 400],
      [2, 3600],
    ]);
    expect(other).toEqual([
      [0, 20],
      [1, 40_000],
      [2, 60],
    ]);
  });

  it("on the device goes on with as little as can be, and fails where that is too much", async () => {
    const engine = await createEngine({ backend: cramped(cpu(), 100_000), fusion: false });
    const failures = failuresOf(engine);
    const x = engine.variable(new Float32Array(4000).fill(1), { shape: [dim("n")] });
    const long = watch(engine, sum(chain(x, 30).at(-1)!));
    await settle(engine);
    expect(failures).toEqual([]);
    expect(long[0]![1]).toBeCloseTo(-4000 * 1.5 ** 15, -1);
    const many = chain(x, 8).slice(1);
    engine.observe(many).subscribe();
    await settle(engine);
    expect(String(failures[0]!.error)).toMatch(
      /needs 16000 bytes; its plan takes \d+ bytes at its peak .*: no 16000 bytes here; the largest tensors are/,
    );
    x.set(new Float32Array(1000).fill(1));
    const known = failures.length;
    await settle(engine);
    expect(failures.length).toBe(known);
    expect(long.length).toBe(2);
  });

  it.each(["budgetBytes", "the device"])("into %s fails as few nodes as can be, in few rounds", async (where) => {
    const [nodes, fitting] = [700, 40];
    // What 40 products take, x, and the numbers that x is multiplied with, of 4 or 8 bytes.
    const room = 4000 * (fitting + 1) + 6400;
    const engine = await createEngine(where === "the device" ? { backend: cramped(cpu(), room) } : { backend: cpu(), budgetBytes: room });
    const failures = failuresOf(engine);
    const x = engine.variable(new Float32Array(1000).fill(1), { label: "x" });
    const seen = Array.from({ length: nodes }, (_, i) => watch(engine, mul(x, i + 0.5)));
    await settle(engine);
    expect(seen.filter((values) => values.length > 0).length).toBe(fitting);
    expect(failures.length).toBe(nodes - fitting);
    // Each round takes away half of what is missing, so there are about as many as the binary logarithm of 660; each has a peak of its own.
    const peaks = new Set(failures.map((f) => /takes \d+ bytes at its peak/.exec(String(f.error))![0]));
    expect(peaks.size).toBeLessThan(15);
  });

  it("fails what depends on what it fails, and nothing beside it in vain", async () => {
    const engine = await createEngine({ backend: cpu(), budgetBytes: 50_000, fusion: false });
    const failures = failuresOf(engine);
    const x = engine.variable(new Float32Array(1000).fill(1), { label: "x" });
    const other = watch(engine, neg(x));
    const root = reshape(mul(reshape(x, [1000, 1]), reshape(add(x, 1), [1, 1000])), [1_000_000]).named("root");
    const dependents = [1, 2, 3, 4, 5].map((i) => watch(engine, mul(sum(root), i)));
    const beside = [1, 2, 3, 4, 5].map((i) => watch(engine, mul(x, i + 0.5)));
    await settle(engine);
    expect(dependents.flat()).toEqual([]);
    expect([other, ...beside].map((values) => values.length)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(new Set(failures.map((f) => String(f.error))).size).toBe(1);
    expect(String(failures[0]!.error)).toMatch(/needs 4000000 bytes/);
  });

  it("because of its sources alone names no largest tensors: there are none", async () => {
    const engine = await createEngine({ backend: cpu(), budgetBytes: 1000 });
    const failures = failuresOf(engine);
    watch(engine, engine.variable(new Float32Array(1000), { label: "x" }));
    await settle(engine);
    expect(failures.map((f) => String(f.error))).toEqual([
      'OutOfMemory: variable "x" float32[1000] needs 4000 bytes; 0 are in use and budgetBytes is 1000',
    ]);
  });
});
