/** Loops run inside the backend: one call, kernels compiled once whatever the length, room for one round, and nothing for what nobody wants. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { switchCase } from "../../ad/control/branches.ts";
import { scan, whileLoop } from "../../ad/control/loops.ts";
import { grad } from "../../ad/grad.ts";
import { jvp } from "../../ad/jvp.ts";
import { dim, type Dim, subDims } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu, cpuOnWorkers } from "../../cpu/backend.ts";
import { type Backend, type Segment, stepsIn } from "../../kernel/backend.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { less } from "../../ops/compare.ts";
import { ones } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { sin, tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { pad, slice } from "../../ops/pad.ts";
import { sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { around, failuresOf, settle, watch } from "./engines.ts";

const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((e) => e.dispose()));
  vi.restoreAllMocks();
});

async function engineOver(backend: Backend = cpu({ threads: 1 })): Promise<Engine> {
  const engine = await createEngine({ backend });
  engines.push(engine);
  return engine;
}

const N = 64;
const wave = (phase = 0): Float64Array => Float64Array.from({ length: N }, (_, i) => Math.sin((2 * Math.PI * i) / N + phase));

/** One explicit step of u_t = c u_xx, u held at both ends. */
const heat = (u: Tensor, c: Tensor): Tensor => {
  const inside = add(sub(slice(u, [2], [N]), mul(slice(u, [1], [N - 1]), 2)), slice(u, [0], [N - 2]));
  return add(u, pad(mul(inside, c), [[1, 1]]));
};
const heated = (u: Tensor, c: Tensor, length: Dim): Tensor => scan((v: Tensor) => [heat(v, c), null], u, null, { length })[0];

describe("a heat equation of 64 points", () => {
  it("takes 10,000 steps in one call, with the bits of a loop in JavaScript", async () => {
    const device = cpu({ threads: 1 });
    const calls: number[] = [];
    const engine = await engineOver(
      around(device, {
        prepare: (segments) => {
          const program = device.prepare(segments);
          return { run: () => (calls.push(stepCount(segments)), program.run()), release: () => program.release() };
        },
      }),
    );
    const [u, c] = [engine.variable(wave()), engine.variable(0.2, { dtype: "float64" })];
    const y = heated(u, c, 10_000);
    const got = (await engine.read(y)).data;
    let v = wave();
    for (let t = 0; t < 10_000; t++) {
      const w = v.slice();
      for (let i = 1; i < N - 1; i++) w[i] = v[i]! + (v[i + 1]! - v[i]! * 2 + v[i - 1]!) * 0.2;
      v = w;
    }
    expect(Array.from(got)).toEqual(Array.from(v));
    expect(calls).toHaveLength(1);
    // A loop, and few kernels in it.
    expect(calls[0]).toBeLessThan(6);
  });

  it.each(["value", "tangent", "gradient"])("compiles as many kernels for 10,000 steps as for 10: %s", async (what) => {
    const compiled = vi.spyOn(WebAssembly, "Module");
    const counts: number[] = [];
    const kernels: number[] = [];
    for (const length of [10, 10_000]) {
      const engine = await engineOver();
      const [u, c] = [engine.variable(wave()), engine.variable(0.2, { dtype: "float64" })];
      const before = compiled.mock.calls.length;
      const loss = sum(heated(u, c, length)) as Tensor<[]>;
      const one = engine.variable(1, { dtype: "float64" });
      await engine.read(what === "value" ? loss : what === "tangent" ? jvp(loss, c, one) : grad(loss, c));
      counts.push(compiled.mock.calls.length - before);
      kernels.push(engine.stats.lastFlush.kernels);
    }
    expect(counts[0]).toBe(counts[1]);
    expect(kernels[0]).toBe(kernels[1]);
  });

  it("compiles nothing for another named length, even or odd, none at all among them", async () => {
    const engine = await engineOver();
    const c = engine.variable(0.2, { dtype: "float64" });
    const forcing = engine.variable(new Float64Array(4), { shape: [dim("t")] });
    const u0 = engine.variable(wave());
    const [last, sums] = scan((v: Tensor, f: Tensor) => [add(heat(v, c), f), sum(v)] as const, u0, forcing);
    const dc = grad(sum(last) as Tensor<[]>, c);
    const subscription = engine.observe([last, sums, dc]).subscribe();
    await settle(engine);
    forcing.set(new Float64Array(5));
    await settle(engine);
    const compiled = vi.spyOn(WebAssembly, "Module");
    for (const length of [6, 7, 100, 1, 0, 1001]) {
      forcing.set(new Float64Array(length).fill(0.01));
      await settle(engine);
      expect((await engine.read(sums)).data).toHaveLength(length);
    }
    expect(compiled).not.toHaveBeenCalled();
    subscription.unsubscribe();
  });

  it("of no steps is what it began with", async () => {
    const engine = await engineOver();
    const [u, c] = [engine.variable(wave()), engine.variable(0.2, { dtype: "float64" })];
    expect(Array.from((await engine.read(heated(u, c, 0))).data)).toEqual(Array.from(wave()));
    expect((await engine.read(grad(sum(heated(u, c, 0)) as Tensor<[]>, c))).item()).toBe(0);
  });
});

it("a million rounds count to a million", async () => {
  const engine = await engineOver();
  const one = engine.variable(1, { dtype: "int32" });
  const [count] = scan((k: Tensor) => [add(k, one), null], engine.variable(0, { dtype: "int32" }), null, { length: 1e6 });
  expect((await engine.read(count)).item()).toBe(1e6);
  const { value } = whileLoop(
    ({ value }: { value: Tensor }) => less(value, 1e6),
    ({ value }: { value: Tensor }) => ({ value: add(value, one) }),
    { value: engine.variable(0, { dtype: "int32" }) as Tensor },
  );
  expect((await engine.read(value)).item()).toBe(1e6);
});

describe("room", () => {
  const LENGTH = 500;
  const bytesOf = async (make: (u: Tensor, w: Tensor) => Tensor): Promise<{ peak: number; written: number }> => {
    const engine = await engineOver();
    const u = engine.variable(wave());
    const w = engine.variable(
      Float64Array.from({ length: N * N }, (_, i) => Math.sin(i) / N),
      { shape: [N, N] },
    );
    await engine.read(make(u, w));
    const { peakBytes, bytesWritten } = engine.stats.lastFlush;
    return { peak: peakBytes - 8 * (N + N * N), written: bytesWritten };
  };

  it("what nobody wants of a loop takes no room and moves no bytes", async () => {
    const bare = await bytesOf((u, w) => scan((v: Tensor) => [tanh(matmul(w, v)), null], u, null, { length: LENGTH })[0]);
    const unread = await bytesOf(
      (u, w) => scan((v: Tensor) => [tanh(matmul(w, v)), { v, more: matmul(w, sin(v)) }] as const, u, null, { length: LENGTH })[0],
    );
    const read = await bytesOf((u, w) => sum(scan((v: Tensor) => [tanh(matmul(w, v)), v] as const, u, null, { length: LENGTH })[1]));
    expect(unread).toEqual(bare);
    expect(bare.peak).toBeLessThan(8 * N * 8);
    // The history of a carry, when somebody wants it.
    expect(read.peak).toBeGreaterThan(8 * N * LENGTH);
    expect(read.written).toBeGreaterThanOrEqual(bare.written + 8 * N * LENGTH);
  });

  it("values inside of a round share memory", async () => {
    const deep = (layers: number) => (u: Tensor, w: Tensor) => {
      const step = (v: Tensor): Tensor => {
        let x = v;
        for (let i = 0; i < layers; i++) x = tanh(matmul(w, x));
        return x;
      };
      return scan((v: Tensor) => [step(v), null], u, null, { length: 10 })[0];
    };
    const [few, many] = [await bytesOf(deep(3)), await bytesOf(deep(30))];
    expect(many.peak).toBeLessThanOrEqual(few.peak + 64);
    // Each round of 27 more products writes 27 vectors more, and as many after tanh.
    expect(many.written - few.written).toBe(10 * 2 * 27 * 8 * N);
  });

  it("an elementwise step writes over the carry, and any other takes turns with it: neither copies", async () => {
    const over = await bytesOf((u) => scan((v: Tensor) => [sin(v), null], u, null, { length: LENGTH })[0]);
    expect(over.written).toBe(8 * N * (LENGTH + 1));
    const turns = await bytesOf((u, w) => scan((v: Tensor) => [matmul(w, v), null], u, null, { length: LENGTH })[0]);
    expect(turns.written).toBe(8 * N * (LENGTH + 1));
  });
});

it("tangents of any order run beside their loop: none of them keeps its history", async () => {
  const peakOf = async (order: number, length: number): Promise<number> => {
    const engine = await engineOver();
    const [u, c] = [engine.variable(wave()), engine.variable(0.2, { dtype: "float64" })];
    const one = engine.variable(1, { dtype: "float64" });
    let y = sum(heated(u, c, length)) as Tensor;
    for (let k = 0; k < order; k++) y = jvp(y, c, one);
    await engine.read(y);
    return engine.stats.lastFlush.peakBytes;
  };
  for (const order of [1, 2, 3]) expect(await peakOf(order, 1000)).toBe(await peakOf(order, 10));
});

it("a loop that takes in what another one gives runs beside it, whatever is between and behind", async () => {
  const engine = await engineOver();
  const u = engine.variable(wave());
  const LENGTH = 300;
  const [last, all] = scan((v: Tensor) => [heat(v, mul(sum(v), 0.01)), tanh(v)] as const, u, null, { length: LENGTH });
  const far = sum(sin(last));
  // The second does not wait for the last carry of the first; the third does.
  const [second] = scan((v: Tensor, x: Tensor) => [add(mul(v, 0.5), x), null], mul(u, 2), all);
  const [third] = scan((v: Tensor, x: Tensor) => [add(mul(v, far), x), null], u, all);
  await engine.read([second, far]);
  expect(engine.stats.lastFlush.peakBytes).toBeLessThan(8 * N * 20);
  const unfused = await createEngine({ backend: cpu({ threads: 1 }), fusion: false });
  engines.push(unfused);
  const read = async (e: Engine): Promise<unknown> => {
    const v = e.variable(wave());
    const [a, xs] = scan((w: Tensor) => [heat(w, mul(sum(w), 0.01)), tanh(w)] as const, v, null, { length: LENGTH });
    const [b] = scan((w: Tensor, x: Tensor) => [add(mul(w, 0.5), x), null], mul(v, 2), xs);
    const [c] = scan((w: Tensor, x: Tensor) => [add(mul(w, sum(sin(a))), x), null], v, xs);
    return (await e.read([a, b, c])).map((t) => Array.from(t.data));
  };
  expect(await read(engine)).toEqual(await read(unfused));
  await engine.read(third);
  expect(engine.stats.lastFlush.peakBytes).toBeGreaterThan(8 * N * LENGTH);
});

it("networks on rows take tiles in a loop's body, on batches that move from round to round", async () => {
  const ROWS = 600;
  const numbers = (n: number, seed: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + seed));
  const results: unknown[] = [];
  let tiled = 0;
  for (const [device, fusion] of [
    [cpu({ threads: 1 }), true],
    [(await cpuOnWorkers(2))!, true],
    [cpu({ threads: 1 }), false],
  ] as const) {
    const engine = await createEngine({
      backend: around(device, {
        prepare: (segments) => {
          tiled += stepsIn(segments).filter((s) => s.rows).length;
          return device.prepare(segments);
        },
      }),
      fusion,
    });
    engines.push(engine);
    const batches = engine.variable(numbers(3 * ROWS * 2, 1), { shape: [3, ROWS, 2] });
    const still = engine.variable(numbers(ROWS * 2, 2), { shape: [ROWS, 2] });
    const first = { a: engine.variable(numbers(16, 3), { shape: [2, 8] }), b: engine.variable(numbers(8, 4), { shape: [8, 1] }) };
    const net = (w: { a: Tensor; b: Tensor }, x: Tensor): Tensor => matmul(tanh(matmul(x, w.a)), w.b);
    const loss = (w: { a: Tensor; b: Tensor }, x: Tensor): Tensor => {
      const [p, q] = [net(w, x), net(w, still)];
      return mul(add(sum(mul(p, p)), sum(mul(q, q))), 1 / ROWS);
    };
    const [trained, losses] = scan(
      (w: { a: Tensor; b: Tensor }, x: Tensor) => {
        const [dw] = [grad((v: { a: Tensor; b: Tensor }) => loss(v, x))(w) as unknown as { a: Tensor; b: Tensor }];
        return [{ a: sub(w.a, mul(dw.a, 0.1)), b: sub(w.b, mul(dw.b, 0.1)) }, loss(w, x)] as const;
      },
      first,
      batches,
    );
    const values = await engine.read([trained.a, trained.b, losses] as readonly Tensor[]);
    results.push(values.map((v) => Array.from(v.data)));
  }
  expect(tiled).toBeGreaterThan(0);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

it("what is the same in all rounds is computed once", async () => {
  const engine = await engineOver();
  const w = engine.variable(
    Float64Array.from({ length: N * N }, (_, i) => Math.sin(i) / N),
    { shape: [N, N] },
  );
  const u = engine.variable(wave());
  const operations = async (length: number): Promise<number> => {
    // Of an inner loop: what it closes over is the same in all of its rounds, but not in those of the outer one.
    const outer = scan(
      (v: Tensor) => {
        const inner = scan((z: Tensor) => [add(mul(z, 0.5), matmul(w, v)), null], v, null, { length });
        return [inner[0], null];
      },
      u,
      null,
      { length: 3 },
    );
    const before = engine.stats.operations;
    await engine.read(outer[0]);
    return engine.stats.operations - before;
  };
  const [few, many] = [await operations(10), await operations(20)];
  // Ten rounds more of a product and a sum an element, in each of three.
  expect(many - few).toBe(3 * 10 * 2 * N);
});

it("what does not fit into a round fails, by the name of the loop, and nothing else does", async () => {
  const engine = await createEngine({ backend: cpu({ threads: 1 }), budgetBytes: 100_000 });
  engines.push(engine);
  const u = engine.variable(wave());
  const [big] = scan((v: Tensor) => [sum(matmul(reshape(v, [N, 1]), reshape(cumsum(v), [1, N])), { axis: 0 }), null], u, null, {
    length: 3,
  });
  const wide = scan(
    (v: Tensor) => [sum(sin(cumsum(mul(reshape(v, [N, 1, 1]), ones([N, N, N], { dtype: "float64" })), 0)), { axis: [0, 1] }), null],
    u,
    null,
    { length: 3 },
  )[0];
  const failures = failuresOf(engine);
  engine.observe(wide).subscribe();
  const fine = watch(engine, big);
  await engine.flush();
  expect(failures.map(({ error }) => String(error))).toEqual([
    expect.stringMatching(/scan.* needs \d+ bytes; its plan takes \d+ bytes at its peak and budgetBytes is 100000/),
  ]);
  expect(fine).toHaveLength(1);
});

it("of fewer than no steps fails when its name has a size", async () => {
  const engine = await engineOver();
  const x = engine.variable(new Float64Array(2), { shape: [dim("k")] });
  failuresOf(engine);
  const [count] = scan((c: Tensor) => [add(c, sum(x)), null], engine.variable(0, { dtype: "float64" }), null, {
    length: subDims(dim("k"), 3),
  });
  await expect(engine.read(count)).rejects.toThrow(/k-3.* is negative \(-1\)/);
  x.set([1, 1, 1, 1]);
  expect((await engine.read(count)).item()).toBe(4);
});

it("only the chosen case is computed", async () => {
  const engine = await engineOver();
  const index = engine.variable(0, { dtype: "int32" });
  const x = engine.variable(1, { dtype: "float64" });
  // A loop that would not end within the time of a test.
  const long = (v: Tensor): Tensor => scan((c: Tensor) => [sin(c), null], v, null, { length: 2 ** 31 - 1 })[0];
  const y = switchCase(index, [(v: Tensor) => mul(v, 2), long], x);
  expect((await engine.read(y)).item()).toBe(2);
});

/** How many steps segments have, those of a body once. */
const stepCount = (segments: readonly Segment[]): number =>
  segments.reduce((n, s) => n + (s.kind === "run" ? s.steps.length : s.kind === "loop" ? stepCount(s.body) : 0), 0);
