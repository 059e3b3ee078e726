/** Failures are values: who hears of them, who does not, and what becomes of them. */
import { expect, it } from "vitest";
import { dim, subDims } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import { add, neg } from "../../ops/arithmetic.ts";
import { broadcastTo } from "../../ops/operand.ts";
import { reduceSum } from "../../ops/broadcast.ts";
import { grad } from "../../ad/grad.ts";
import { variance } from "../../ops/norm.ts";
import { dynamicSlice } from "../../ops/indexing.ts";
import { pad, slice } from "../../ops/pad.ts";
import { definePrimitive } from "../../ops/primitive.ts";
import type { Backend } from "../../kernel/backend.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { failuresOf, overBackends, settle, watch } from "./engines.ts";

const n = dim("n");
/** The sum of n - 3 ones: there is none when n < 3. */
const fragile = (): ReturnType<typeof reduceSum> => reduceSum([broadcastTo(constant(1), [subDims(n, 3)])], { axes: [0] });

overBackends("failures", (make) => {
  const sized = async (engine: Engine, size: number): Promise<(to: number) => Promise<void>> => {
    const x = engine.variable(new Float32Array(size), { shape: [n], label: "x" });
    engine.observe(x).subscribe();
    return async (to) => {
      x.set(new Float32Array(to));
      await settle(engine);
    };
  };

  it("stay with their dependents: others and later epochs go on", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const resize = await sized(engine, 5);
    const k = engine.variable(2);
    const broken = fragile();
    const bad = watch(engine, neg(neg(broken)));
    const good = watch(engine, neg(k));
    await settle(engine);
    k.set(3);
    await resize(2);
    k.set(4);
    await resize(1);
    k.set(5);
    await resize(7);
    expect(good).toEqual([
      [0, -2],
      [1, -3],
      [2, -4],
      [3, -5],
    ]);
    expect(bad).toEqual([
      [0, 2],
      [3, 4],
    ]);
    expect(failures.map((f) => f.epoch)).toEqual([1]);
    expect(failures[0]!.tensor!.primitive.name).toBe("broadcast");
    expect(String(failures[0]!.error)).toMatch(/dimension n-3 of shape \[n-3\] is negative \(-1\)/);
  });

  it("befall slices, and their gradients, that reach beyond a size that shrank", async () => {
    const engine = await make();
    failuresOf(engine);
    const x = engine.variable([1, 2, 3, 4], { shape: [n], label: "x" });
    const total = reduceSum([slice(x, [1], [3])], { axes: [0] });
    const both = { total, slope: grad(total, x) };
    const read = async (data: number[]): Promise<unknown> => {
      x.set(data);
      const { total, slope } = await engine.read(both);
      return [total.item(), slope.toArray()];
    };
    expect(await read([1, 2, 3, 4])).toEqual([5, [0, 1, 1, 0]]);
    await expect(read([1, 2])).rejects.toThrow(/slice float32\[2\] reaches beyond its operand: n-3 is -1/);
    expect(await read([5, 6, 7])).toEqual([13, [0, 1, 1]]);
    await expect(engine.read(pad(x, [[subDims(n, 4), 0]]))).rejects.toThrow(/pad .* reaches beyond its operand: n-4 is -1/);
    expect((await engine.read(variance(x, { correction: 9 }))).shape).toEqual([]); // a divisor may be negative
    const at = engine.variable(0, { dtype: "int32" });
    await expect(engine.read(dynamicSlice(x, [at], [4]))).rejects.toThrow(/size .* reaches beyond its operand: n-4 is -1/);
  });

  it("are emitted on the stream when they are asked for", async () => {
    const engine = await make();
    failuresOf(engine);
    const resize = await sized(engine, 5);
    const seen: unknown[] = [];
    engine.observe({ y: add(fragile(), 1) }, { failures: "emit" }).subscribe((e) => {
      seen.push("value" in e ? [e.epoch, e.value.y.item()] : [e.epoch, String(e.error).includes("negative")]);
    });
    await settle(engine);
    await resize(1);
    await resize(4);
    expect(seen).toEqual([
      [0, 3],
      [1, true],
      [2, 2],
    ]);
  });

  it("reject a read, and throw from readSync", async () => {
    const engine = await make();
    failuresOf(engine);
    await sized(engine, 1);
    await expect(engine.read(fragile())).rejects.toThrow(/negative/);
    expect(() => engine.readSync(fragile())).toThrow(/negative/);
    expect((await engine.read(constant(4))).item()).toBe(4);
  });

  it("of memory end when there is room again", async () => {
    const engine = await make({ budgetBytes: 9000 });
    const failures = failuresOf(engine);
    const a = engine.variable(new Float32Array(1000).fill(1));
    const big = engine.observe(neg(a)).subscribe();
    await settle(engine);
    const late = watch(engine, add(a, 1));
    await settle(engine);
    expect(late).toEqual([]);
    expect(String(failures[0]!.error)).toMatch(/OutOfMemory.*budgetBytes is 9000/);
    big.unsubscribe();
    await settle(engine);
    a.set(new Float32Array(1000).fill(2));
    await settle(engine);
    expect(late).toEqual([[1, Array(1000).fill(3)]]);
  });

  it("of a kernel that cannot be made leave the engine alive", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const broken = definePrimitive<object>({
      name: "broken",
      type: ([x]) => x!.outputs[0]!,
      lower: () => {
        throw new Error("no such kernel");
      },
    });
    const a = engine.variable(1);
    const [good, bad] = [watch(engine, neg(a)), watch(engine, broken([a], {}))];
    await settle(engine);
    expect([good, bad]).toEqual([[[0, -1]], []]);
    expect(failures.map((f) => [f.tensor!.primitive.name, String(f.error)])).toEqual([["broken", "Error: no such kernel"]]);
  });

  it("of a missing lowering rule are thrown where the node is observed", async () => {
    const engine = await make();
    const abstract = definePrimitive<object>({ name: "abstract", type: ([x]) => x!.outputs[0]! });
    expect(() => engine.observe(abstract([engine.variable(1)], {}))).toThrow(/abstract: the primitive has no lower rule.*RuleSet/);
  });
});

overBackends("an engine whose device is gone", (_, backend) => {
  it("ends its streams with the error, and refuses everything afterwards", async () => {
    const device = backend();
    let gone = false;
    const view: Backend["view"] = (...args) => {
      if (gone) throw new Error("device lost");
      return device.view(...args);
    };
    const engine = await createEngine({ backend: { ...delegate(device), view }, label: "lab" });
    const failures = failuresOf(engine);
    const a = engine.variable(1);
    const errors: unknown[] = [];
    engine.observe(neg(a)).subscribe({ error: (e) => errors.push(e) });
    await settle(engine);
    gone = true;
    a.set(2);
    const read = engine.read(a);
    await engine.flush();
    expect(errors.map(String)).toEqual(["Error: device lost"]);
    expect(failures.map((f) => String(f.error))).toEqual(["Error: device lost"]);
    await expect(read).rejects.toThrow(/device lost/);
    expect(() => a.set(3)).toThrow(/lab was disposed/);
  });
});

/** A backend that hands everything on. */
const delegate = (device: Backend): Backend => ({
  name: device.name,
  bytesInUse: 0,
  view: (...args) => device.view(...args),
  allocate: (bytes) => device.allocate(bytes),
  free: (buffer) => device.free(buffer),
  write: (buffer, data) => device.write(buffer, data),
  prepare: (segments) => device.prepare(segments),
  dispose: () => device.dispose(),
});

overBackends("dispose", (make) => {
  it("completes observers, rejects reads, frees memory, and refuses everything afterwards; twice is fine", async () => {
    const engine = await make({ label: "lab" });
    const a = engine.variable(1);
    let completed = 0;
    engine.observe(a).subscribe({ complete: () => completed++ });
    engine.failures.subscribe({ complete: () => completed++ });
    const stream = engine.observe(neg(a));
    await settle(engine);
    const read = engine.read(a);
    await engine.dispose();
    await engine.dispose();
    await expect(read).rejects.toThrow(/lab was disposed/);
    expect(completed).toBe(2);
    stream.subscribe({ complete: () => completed++ });
    expect(completed).toBe(3);
    expect(() => a.set(2)).toThrow(/set variable.*lab was disposed/);
    expect(() => engine.tick()).toThrow(/lab was disposed/);
    expect(() => engine.observe(a)).toThrow(/lab was disposed/);
    expect(() => engine.transaction(() => 1)).toThrow(/lab was disposed/);
    await expect(engine.read(a)).rejects.toThrow(/lab was disposed/);
    await engine.flush();
  });

  it("may be called inside an observer", async () => {
    const engine = await make();
    const a = engine.variable(1);
    let calls = 0;
    engine.observe(a).subscribe(() => void engine.dispose());
    engine.observe(a).subscribe(() => calls++);
    const read = engine.read(a);
    await expect(read).rejects.toThrow(/disposed/);
    expect(calls).toBe(0);
  });

  it("comes with Symbol.asyncDispose", async () => {
    const engine = await make();
    await engine[Symbol.asyncDispose]();
    expect(() => engine.variable(1)).toThrow(/disposed/);
  });
});
