/** Observing: what streams carry, when, and to whom it belongs. */
import { filter, map } from "rxjs";
import { expect, it, vi } from "vitest";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Value } from "../../core/value.ts";
import { add, mul, neg } from "../../ops/arithmetic.ts";
import { transpose } from "../../ops/transpose.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { failuresOf, macrotask, overBackends, settle, watch } from "./engines.ts";

overBackends("observe", (make, backend) => {
  it("emits the current value first, then that of each epoch in which the node changed", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(2), engine.variable(5)];
    const seen = watch(engine, mul(a, 3));
    await settle(engine);
    b.set(6);
    await settle(engine);
    a.set(4);
    await settle(engine);
    expect(seen).toEqual([
      [0, 6],
      [2, 12],
    ]);
  });

  it("gives a later observer the current value, though nothing changes", async () => {
    const engine = await make();
    const y = neg(engine.variable(2));
    const first = watch(engine, y);
    await settle(engine);
    const second = watch(engine, y);
    await settle(engine);
    expect([first, second]).toEqual([[[0, -2]], [[0, -2]]]);
  });

  it("emits one object for each epoch, all of that epoch", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(1), engine.variable(10)];
    const seen: unknown[] = [];
    engine
      .observe({ sum: add(a, b), parts: [a, { b }] as const })
      .subscribe(({ sum, parts: [x, y] }) => seen.push([sum.epoch, x.epoch, y.b.epoch, sum.item(), x.item(), y.b.item()]));
    await settle(engine);
    engine.transaction(() => {
      a.set(2);
      b.set(20);
    });
    await settle(engine);
    expect(seen).toEqual([
      [0, 0, 0, 11, 1, 10],
      [1, 1, 1, 22, 2, 20],
    ]);
  });

  it("does not emit when the bits of what is observed come out the same", async () => {
    const engine = await make();
    const a = engine.variable(2);
    const seen = watch(engine, mul(a, a));
    await settle(engine);
    a.set(-2);
    await settle(engine);
    expect(seen).toEqual([[0, 4]]);
    expect(engine.stats.epochs).toBe(1);
  });

  it("gives each reader data of its own, which stays what it was", async () => {
    const engine = await make();
    const a = engine.variable([1, 2]);
    const values: Value[] = [];
    engine.observe(a).subscribe((v) => values.push(v));
    engine.observe(a).subscribe((v) => values.push(v));
    await settle(engine);
    values[0]!.data[0] = 99;
    a.set([3, 4]);
    await settle(engine);
    expect(values.map((v) => v.toArray())).toEqual([
      [99, 2],
      [1, 2],
      [3, 4],
      [3, 4],
    ]);
  });

  it("lends a view of the engine's memory that the next flush overwrites", async () => {
    const engine = await make();
    const a = engine.variable([1, 2]);
    const seen: unknown[] = [];
    let lent: Value | undefined;
    engine.observe(neg(a), { lend: true }).subscribe((v) => {
      lent = v;
      seen.push(v.toArray());
    });
    await settle(engine);
    a.set([3, 4]);
    const first = lent!;
    await settle(engine);
    expect(seen).toEqual([
      [-1, -2],
      [-3, -4],
    ]);
    expect(first.toArray()).toEqual([-3, -4]);
  });

  it("publishes views in row-major order", async () => {
    const engine = await make();
    const a = engine.variable([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const t = transpose(a);
    expect((await engine.read(t)).toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    let lent: unknown;
    engine.observe(t, { lend: true }).subscribe((v) => (lent = v.toArray()));
    await settle(engine);
    expect(lent).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
  });

  it("serves an observer that subscribes inside another, in the same flush", async () => {
    const engine = await make();
    const a = engine.variable(1);
    const inner: unknown[] = [];
    let done = false;
    engine.observe(a).subscribe(() => {
      if (!done) engine.observe(neg(a)).subscribe((v) => inner.push(v.item()));
      done = true;
    });
    await settle(engine);
    expect(inner).toEqual([-1]);
  });

  it("tells an observer that left during a publication nothing more", async () => {
    const engine = await make();
    const a = engine.variable(1);
    let calls = 0;
    engine.observe(a).subscribe(() => second.unsubscribe());
    const second = engine.observe(a).subscribe(() => calls++);
    await settle(engine);
    expect(calls).toBe(0);
  });

  it("takes a variable as the observer of a stream: complete is ignored, an error is reported", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(3), engine.variable(0, { label: "b" })];
    const failures = failuresOf(engine);
    const scaled = engine.observe(a).pipe(map((v) => v.item() * 10));
    const subscription = scaled.subscribe(b);
    await settle(engine);
    expect((await engine.read(b)).item()).toBe(30);
    subscription.unsubscribe();
    b.complete();
    b.next(7);
    expect((await engine.read(b)).item()).toBe(7);
    b.error(new Error("sensor lost"));
    expect(failures.map((f) => [f.tensor, String(f.error)])).toEqual([[b, "Error: sensor lost"]]);
  });

  it("reports an observer that throws, directly or behind operators, and goes on", async () => {
    const engine = await make();
    const a = engine.variable(1, { label: "a" });
    const failures = failuresOf(engine);
    const boom = (): never => {
      throw new Error("mine");
    };
    engine.observe(a).subscribe(boom);
    engine
      .observe(a)
      .pipe(
        filter(() => true),
        map((v) => v.item()),
      )
      .subscribe({ next: boom });
    const seen = watch(engine, a);
    await settle(engine);
    a.set(2);
    await settle(engine);
    await macrotask();
    expect(seen).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(failures.map((f) => [f.tensor, String(f.error)])).toEqual(Array(4).fill([a, "Error: mine"]));
  });

  it("reports to console.error when nobody listens to failures", async () => {
    const engine = await make({ label: "lab" });
    const spy = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      engine.observe(engine.variable(1, { label: "a" })).subscribe(() => {
        throw new Error("mine");
      });
      await settle(engine);
      expect(spy.mock.calls[0]!.map(String).join("")).toMatch(/lab: .*"a".*mine/);
    } finally {
      spy.mockRestore();
    }
  });

  it("lets listeners of failures and of parameters throw, too", async () => {
    const engine = await make();
    const spy = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const p = engine.parameters({ nu: 1 });
      p.changes.subscribe(() => {
        throw new Error("listener");
      });
      p.update((d) => void (d.nu = 2));
      engine.failures.subscribe(() => {
        throw new Error("mine");
      });
      p.tensors.nu.error(new Error("sensor"));
      await settle(engine);
      await macrotask();
      expect(spy.mock.calls.map((c) => String(c.at(-1)))).toEqual(["Error: listener", "Error: mine"]);
    } finally {
      spy.mockRestore();
    }
  });

  it("refuses tensors of another engine, placeholders, and what is no tensor, where it is called", async () => {
    const [engine, other] = [await make(), await make({ label: "other" })];
    const foreign = other.variable(1, { label: "w" });
    expect(() => engine.observe({ a: [foreign] })).toThrow(/observe: variable "w" float32\[\] at a\[0\] belongs to other/);
    expect(() => engine.observe(neg(placeholder([], "float32")))).toThrow(/placeholder/);
    expect(() => engine.observe(5 as never)).toThrow(/expected a tensor.* got 5/);
    await expect(engine.read(foreign)).rejects.toThrow(/belongs to other/);
    expect(() => add(engine.variable(1), foreign)).toThrow(/two engines/);
  });

  it("observes constants, which belong to no engine", async () => {
    const seen = watch(await make(), add(constant([1, 2]), 1));
    await macrotask();
    expect(seen).toEqual([[0, [2, 3]]]);
  });

  it("releases what nobody needs at the end of the flush, and only that", async () => {
    const device = backend();
    const engine = await createEngine({ backend: device });
    const a = engine.variable(new Float32Array(1000));
    const [y, z] = [neg(a), mul(a, a)];
    const keep = engine.observe(y).subscribe();
    const leave = engine.observe(z).subscribe();
    await settle(engine);
    expect(engine.stats.bytesResident).toBe(12000);
    leave.unsubscribe();
    await settle(engine);
    expect(engine.stats.bytesResident).toBe(8000);
    keep.unsubscribe();
    await settle(engine);
    expect(engine.stats.bytesResident).toBe(0);
    expect(engine.stats.nodesNecessary).toBe(0);
    expect(device.bytesInUse).toBe(0);
    a.set(new Float32Array(1000).fill(2));
    expect((await engine.read(z)).data[999]).toBe(4);
  });
});
