/** The engine in a worker, beside the one in this thread: what is the same, what differs and says so, and what goes over the wire. */
import { inspect } from "node:util";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import {
  cholesky,
  createEngine,
  customJvp,
  definePrimitive,
  dim,
  grad,
  matmul,
  mean,
  random,
  read,
  RuleSet,
  slice,
  sum,
  tensor,
  tanh,
} from "fluxion";
import type { BaseEngine, EngineStats, RemoteEngine, Rules, Tensor, Value } from "fluxion";
import type { Aval } from "../../core/primitive.ts";
import { liveNodes } from "../../core/tensor.ts";
import type { Channel } from "../../worker/channel.ts";
import { connect, type RemoteEngineOptions } from "../../worker/remote.ts";
import type { Request, Step } from "../../worker/wire.ts";
import { collectGarbage } from "../tooling/gc.ts";
import { channelHere } from "./channels.ts";

const engines: BaseEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.dispose();
});
const here = async (options: RemoteEngineOptions = {}): Promise<RemoteEngine> => {
  const engine = await connect(options, channelHere());
  engines.push(engine);
  return engine;
};
/** An engine, and what it sent. */
async function overheard(): Promise<{ engine: RemoteEngine; steps: () => Step[] }> {
  const channel = channelHere();
  const sent: Request[] = [];
  const listening: Channel = {
    ...channel,
    post: (request, transfer) => (sent.push(structuredClone(request)), channel.post(request, transfer)),
  };
  const engine = await connect({}, listening);
  engines.push(engine);
  return { engine, steps: () => sent.filter((r) => r.kind === "step") };
}

const failuresOf = (engine: BaseEngine): { tensor: Tensor | undefined; message: string; epoch: number }[] => {
  const seen: { tensor: Tensor | undefined; message: string; epoch: number }[] = [];
  engine.failures.subscribe(({ tensor, error, epoch }) => seen.push({ tensor, message: (error as Error).message, epoch }));
  return seen;
};

describe("an engine in a worker", () => {
  it("tells observers of each epoch, all of it, and reads what was written", async () => {
    const engine = await here();
    const [a, b] = [engine.variable(1), engine.variable(10)];
    const seen: unknown[] = [];
    engine.observe({ sum: a.add(b), parts: [a, { b }] as const }).subscribe(({ sum, parts: [x, y] }) => {
      seen.push([sum.epoch, sum.item(), x.item(), y.b.item()]);
    });
    await engine.flush();
    engine.transaction(() => {
      a.set(2);
      b.set(20);
    });
    expect((await engine.read(a.mul(b))).item()).toBe(40);
    expect(seen).toEqual([
      [0, 11, 1, 10],
      [1, 22, 2, 20],
    ]);
  });

  it("makes an observer's write the next epoch, and stops observers that write for ever", async () => {
    const engine = await here();
    const failures = failuresOf(engine);
    const a = engine.variable(0, { label: "a" });
    const seen: number[] = [];
    engine.observe(a).subscribe((v) => {
      seen.push(v.item());
      a.set(v.item() + 1);
    });
    await engine.flush();
    expect(seen).toEqual(Array.from({ length: 101 }, (_, i) => i));
    expect(failures.map((f) => f.message)).toEqual([expect.stringMatching(/set variable "a".*100 flushes in a row/)]);
    a.set(1000);
    // Read in the epoch of the write, which its observer answers with the next.
    expect((await engine.read(a)).item()).toBe(1000);
  });

  it("advances states, publishes the last of several ticks, and undoes parameters", async () => {
    const engine = await here();
    const clock = engine.clock();
    const s = engine.state([1, 2], { clock });
    s.next = s.mul(2);
    const seen: unknown[] = [];
    engine.observe(s).subscribe((v) => seen.push([v.epoch, v.toArray()]));
    await engine.flush();
    clock.tick(3);
    clock.tick();
    await engine.flush();
    expect(seen).toEqual([
      [0, [1, 2]],
      [3, [8, 16]],
      [4, [16, 32]],
    ]);
    const p = engine.parameters({ layers: [{ w: [1, 2] }], rate: 0.5 });
    const scaled = p.tensors.layers[0]!.w.mul(p.tensors.rate);
    p.update((draft) => void (draft.rate = 2));
    expect((await engine.read(scaled)).toArray()).toEqual([2, 4]);
    p.undo();
    expect((await engine.read(scaled)).toArray()).toEqual([0.5, 1]);
  });

  it("reports failures with the tensors of this side, and goes on", async () => {
    const engine = await here();
    const failures = failuresOf(engine);
    const x = engine.variable([1, 2, 3], { shape: [dim("n")], label: "x" });
    const tail = slice(x as Tensor, [1], [x.shape[0]!] as never).named("tail");
    const told: unknown[] = [];
    engine.observe(tail, { failures: "emit" }).subscribe((e) => told.push("value" in e ? e.value.toArray() : (e.error as Error).message));
    const silent: unknown[] = [];
    engine.observe(tail).subscribe((v) => silent.push(v.toArray()));
    await engine.flush();
    x.set([]);
    await expect(engine.read(tail)).rejects.toThrow(/tail|n-1|negative/);
    x.set([7, 8]);
    await engine.flush();
    expect(told).toEqual([[2, 3], expect.stringContaining("n"), [8]]);
    expect(silent).toEqual([[2, 3], [8]]);
    expect(failures[0]!.tensor).toBe(tail);
  });

  it("names the first node that holds no number, and where this program made it", async () => {
    const engine = await here();
    const failures = failuresOf(engine);
    const x = engine.variable(1, { label: "x" });
    const root = x.log().named("root");
    engine.observe(root.add(1)).subscribe();
    await engine.flush();
    engine.watch();
    x.set(-1);
    await engine.flush();
    expect(failures.map((f) => f.tensor)).toEqual([root]);
    expect(failures[0]!.message).toMatch(/log "root" .* has NaN at element 0.*made at .*engine\.test\.ts/);
  });

  it("gives values that stay what they are, lent ones too", async () => {
    const engine = await here();
    const a = engine.variable([1, 2]);
    const values: Value[] = [];
    for (const options of [{}, {}, { lend: true }]) engine.observe(a.neg(), options).subscribe((v) => values.push(v));
    await engine.flush();
    values[0]!.data[0] = 99;
    a.set([3, 4]);
    await engine.flush();
    const [before, after] = [
      [-1, -2],
      [-3, -4],
    ];
    expect(values.map((v) => v.toArray())).toEqual([[99, -2], before, before, after, after, after]);
  });

  it("answers what an engine in this thread answers, about the same graph", async () => {
    const [remote, local] = [await here(), await createEngine()];
    engines.push(local);
    const answers = [];
    for (const engine of [remote, local]) {
      const x = engine.variable([1, 2], { shape: [dim("n")], label: "x" });
      const y = mean(x.mul(x).named("square")).named("y");
      engine.cutoff(y, "exact");
      engine.observe(y).subscribe();
      await engine.flush();
      const explanation = await engine.explain(y);
      const picture = (await engine.toDot({ y, x })).replace(/n\d+/g, "n");
      expect(explanation.causes[0]!.source).toBe(x);
      expect(explanation.causes[0]!.path.at(-1)).toBe(y);
      expect(explanation.causes[0]!.cutoff).toBe(y);
      answers.push([
        explanation.state,
        explanation.nodes,
        explanation.dims,
        String(explanation),
        inspect(explanation),
        picture,
        inspect(x),
      ]);
    }
    expect(answers[0]).toEqual(answers[1]);
  });

  it("counts what the other half did, as of the last flush", async () => {
    const [remote, local] = [await here(), await createEngine()];
    engines.push(local);
    const counted: EngineStats[] = [];
    for (const engine of [remote, local]) {
      expect(engine.stats.epochs).toBe(0);
      const x = engine.variable([1, 2]);
      engine.observe(tanh(x.mul(2))).subscribe();
      for (let i = 0; i < 3; i++) {
        x.set([i, i]);
        await engine.flush();
      }
      counted.push({ ...engine.stats, lastFlush: { ...engine.stats.lastFlush, ms: 0 } });
    }
    expect(counted[0]).toEqual(counted[1]);
  });

  it("computes derivatives, random numbers and named shapes with the bits of an engine in this thread", async () => {
    const [remote, local] = [await here(), await createEngine()];
    engines.push(local);
    const results = [];
    for (const engine of [remote, local]) {
      const n = dim("n");
      const x = engine.variable(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        { shape: [n, 2], dtype: "float64" },
      );
      const w = engine.variable(
        [
          [0.1, 0.2],
          [0.3, -0.4],
        ],
        { dtype: "float64" },
      );
      const noise = random.normal(random.foldIn(random.key(7), 3), [n, 2], { dtype: "float64" });
      const loss = mean(tanh(matmul(x.add(noise), w) as Tensor).square());
      const seen = await engine.read({ loss, dw: grad(loss, w), second: grad(sum(grad(loss, w)), x), last: x.flip(0) });
      results.push(Object.values(seen).map((v) => [v.shape, v.dtype, [...v.data]]));
    }
    expect(results[0]).toEqual(results[1]);
  });

  it("computes compositions with rules of the user's own", async () => {
    const [remote, local] = [await here(), await createEngine()];
    engines.push(local);
    const cube = definePrimitive<{ by: number }>({
      name: "cube",
      eval: ([x], { by }) => x!.mul(x!).mul(x!).mul(by),
      jvp: ({ inputs: [x], tangents: [dx] }) => [dx && dx.mul(x!).mul(x!).mul(100)],
    });
    const pair = customJvp(
      (x: Tensor) => ({ up: x.add(1), down: x.sub(1) }),
      (_, [dx]) => ({ up: dx, down: dx.mul(2) }),
    );
    const results = [];
    for (const engine of [remote, local]) {
      const x = engine.variable([1, 2]);
      const { up, down } = pair(x);
      const y = cube([up.mul(down)], { by: 2 });
      const slope = grad(sum(y) as Tensor<[]>, x);
      const { a, b } = await engine.read({ a: y, b: slope });
      results.push([[...a.data], [...b.data], String(await engine.explain(y))]);
    }
    expect(results[0]).toEqual(results[1]);
  });

  it("explains a factorization that has failed", async () => {
    const engine = await here();
    const l = cholesky(
      engine.variable([
        [1, 2],
        [2, 1],
      ]),
    );
    await engine.read(l);
    const [trouble, ...others] = (await engine.explain(l)).troubles;
    expect(others).toEqual([]);
    expect(trouble!.tensor.primitive.name).toBe("cholesky");
    expect(trouble!.message).toMatch(/the matrix is not positive definite: pivot 2 is not positive/);
  });

  it("is where the top-level read reads", async () => {
    const engine = await here();
    expect((await read(engine.variable(20).add(22))).item()).toBe(42);
  });
});

/** A primitive that an engine in this thread would compute. */
const identity: Rules & { name: string; type: (inputs: readonly Tensor[]) => Aval } = {
  name: "mystery",
  type: ([x]) => x!.outputs[0]!,
  lower: ({ inputs }) => ({ steps: [], outputs: [inputs[0]!] }),
};

describe("what cannot be the same says so", () => {
  it("readSync and flushSync", async () => {
    const engine = await here({ label: "far" });
    const x = engine.variable(1);
    // @ts-expect-error: the values are in a worker
    expect(() => engine.readSync(x)).toThrow(/readSync: the values of far are in a worker; use await engine\.read/);
    // @ts-expect-error: so are the kernels
    expect(() => engine.flushSync()).toThrow(/flushSync: far computes in a worker; use await engine\.flush/);
    expectTypeOf(engine.explain).returns.resolves.toHaveProperty("causes");
  });

  it("primitives of the user's own, where they are asked for", async () => {
    const engine = await here();
    const mystery = definePrimitive<object>({ ...identity, jvp: ({ tangents }) => tangents });
    const x = engine.variable(1);
    const y = mystery([x], {}).add(1);
    for (const ask of [() => engine.observe(y), () => engine.cutoff(y, "exact")])
      expect(ask).toThrow(/(observe|cutoff): mystery: .*worker/);
    await expect(engine.read(y)).rejects.toThrow(/read: mystery: .*worker/);
    await expect(engine.explain(y)).rejects.toThrow(/explain: mystery/);
    // Derivatives are taken here, and may leave none of it.
    const slope = grad(mystery([x.square()], {}) as Tensor<[]>, x, {
      rules: new RuleSet({ mystery: { transpose: ({ cotangents }) => cotangents } }),
    });
    expect((await engine.read(slope)).item()).toBe(2);
  });

  it("and, as a state's next, when it is computed", async () => {
    const engine = await here();
    const failures = failuresOf(engine);
    const mystery = definePrimitive<object>(identity);
    const s = engine.state(1);
    s.next = mystery([s], {});
    engine.tick();
    await engine.flush();
    expect(failures.at(-1)!.message).toMatch(/no state of the clock advances.*mystery: .*worker/);
    expect((await engine.read(s)).item()).toBe(1);
  });

  it.each([
    [{ worker: "yes" }, /worker must be true or false, got "yes"/],
    [{ worker: true, backend: {} }, /leave backend out/],
    [{ worker: true, flushOn: "tomorrow" }, /flushOn must be/],
    [{ worker: true, fusion: 3 }, /fusion must be true or false, got 3/],
    [{ worker: true, threads: 0 }, /threads must be an integer from 1 to 64, got 0/],
    [{ worker: true, label: () => {} }, /label must be a string, got/],
  ])("options that do not fit: %o", (options, message) => expect(createEngine(options as never)).rejects.toThrow(message));

  it("options that the other half refuses", () =>
    expect(here({ budgetBytes: NaN })).rejects.toThrow(/budgetBytes must be a positive number/));
});

describe("what is sent", () => {
  it("is each node once, the data of constants included", async () => {
    const { engine, steps } = await overheard();
    const x = engine.variable([1, 2]);
    const y = x.mul(tensor([3, 4])).tanh();
    for (let i = 0; i < 3; i++) {
      x.set([i, 1]);
      await engine.read({ y, z: y.add(i) });
    }
    const names = steps().map((s) => s.cargo.map((m) => (m.kind === "node" ? m.primitive : m.kind)));
    expect(names[0]).toEqual(["source", "constant", "mul", "tanh", "constant", "broadcast", "add"]);
    expect(names[1]).toEqual(["constant", "broadcast", "add"]);
    expect(steps().map((s) => s.entries.length)).toEqual([1, 1, 1]);
  });

  it("is nothing for sources and graphs that nobody asks for", async () => {
    const { engine, steps } = await overheard();
    const x = engine.variable(1);
    x.mul(2);
    await engine.flush();
    expect(steps()).toEqual([]);
  });

  it("is the newest value only, however often a source is set while the worker computes", async () => {
    const { engine, steps } = await overheard();
    const x = engine.variable(0);
    const seen: number[] = [];
    engine.observe(x).subscribe((v) => seen.push(v.item()));
    await engine.flush();
    const flushed = [];
    for (let i = 1; i <= 1000; i++) {
      x.set(i);
      if (i % 10 === 0) {
        flushed.push(engine.flush());
        await Promise.resolve();
      }
    }
    await Promise.all(flushed);
    // The first goes at once; all that follow gather while it is under way.
    expect(seen).toEqual([0, 10, 1000]);
    expect(steps().flatMap((s) => s.entries)).toHaveLength(2);
  });

  it("is what nobody holds any more, so that the other half forgets it", async () => {
    const { engine, steps } = await overheard();
    const x = engine.variable([1, 2]);
    const use = async (i: number): Promise<void> => void (await engine.read(x.mul(tensor([i, 1])).add(tensor([i, i]))));
    for (let i = 0; i < 40; i++) await use(i);
    for (let i = 0; i < 5; i++) await collectGarbage();
    await engine.flush();
    const sent = steps().flatMap((s) => s.cargo).length;
    const released = steps().flatMap((s) => s.released);
    expect(new Set(released).size).toBe(released.length);
    expect(sent - released.length).toBeLessThan(30);
    const before = liveNodes();
    for (let i = 40; i < 400; i++) await use(i);
    for (let i = 0; i < 5; i++) await collectGarbage();
    await engine.flush();
    await collectGarbage();
    // Both halves are in this thread, and so are their nodes.
    expect(liveNodes() - before).toBeLessThan(100);
  });
});
