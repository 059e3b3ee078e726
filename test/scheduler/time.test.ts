/** Time: when writes take effect, what a read sees, and how flushes follow each other. */
import { VirtualTimeScheduler } from "rxjs";
import { expect, it } from "vitest";
import { constant } from "../../core/leaves.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { reader } from "../../scheduler/read.ts";
import { add, mul, neg } from "../../ops/arithmetic.ts";
import { failuresOf, macrotask, overBackends, settle, watch } from "./engines.ts";

overBackends("flushes", (make, backend) => {
  it("only enqueue a write, and take all writes since the last flush as one transaction", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(1), engine.variable(1)];
    const seen = watch(engine, add(a, b));
    await settle(engine);
    a.set(2);
    b.set(3);
    a.set(4);
    expect(seen.length).toBe(1);
    await macrotask();
    expect(seen).toEqual([
      [0, 2],
      [1, 7],
    ]);
  });

  it("count a write of the same bits as no change, with all NaNs equal and -0 apart from 0", async () => {
    const engine = await make();
    const a = engine.variable([0, NaN]);
    a.set([0, NaN]);
    await settle(engine);
    expect(engine.stats.epochs).toBe(0);
    a.set([-0, NaN]);
    await settle(engine);
    expect(engine.stats.epochs).toBe(1);
    expect(Object.is((await engine.read(a)).data[0], -0)).toBe(true);
  });

  it("are forced by a read, which sees the writes before it", async () => {
    const engine = await make({ flushOn: new VirtualTimeScheduler() });
    const a = engine.variable(1);
    const seen = watch(engine, a);
    a.set(5);
    expect((await engine.read({ y: mul(a, 2), list: [a] })).y.item()).toBe(10);
    expect(seen).toEqual([[1, 5]]);
  });

  it("run when an RxJS scheduler says so", async () => {
    const scheduler = new VirtualTimeScheduler();
    const engine = await make({ flushOn: scheduler });
    const seen = watch(engine, engine.variable(1));
    await macrotask();
    expect(seen).toEqual([]);
    scheduler.flush();
    expect(seen).toEqual([[0, 1]]);
  });

  it("cannot wait for animation frames where there are none", async () => {
    await expect(make({ flushOn: "animationFrame" })).rejects.toThrow(/animationFrame.*requestAnimationFrame/);
  });

  it("have the values of one epoch in one read", async () => {
    const engine = await make();
    const a = engine.variable(1);
    a.set(2);
    const both = engine.read({ x: a, y: neg(a) });
    const { x, y } = await both;
    expect([x.epoch, y.epoch, x.item(), y.item()]).toEqual([1, 1, 2, -2]);
  });

  it("reuse the plan in a loop of writes and reads", async () => {
    const engine = await make();
    const a = engine.variable(0);
    const y = mul(add(a, 1), 2);
    for (let i = 0; i < 3; i++) {
      a.set(i + 1);
      await engine.read(y);
    }
    const { plansBuilt, nodesMarked } = engine.stats;
    for (let i = 0; i < 20; i++) {
      a.set(-i);
      expect((await engine.read(y)).item()).toBe((1 - i) * 2);
      engine.invariant();
    }
    expect([engine.stats.plansBuilt, engine.stats.nodesMarked]).toEqual([plansBuilt, nodesMarked]);
  });

  it("keep what was read for a few flushes, and compute it only when it is read", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(1), engine.variable(1)];
    watch(engine, b);
    await engine.read(neg(a));
    const before = engine.stats.nodesComputed;
    for (let i = 0; i < 20; i++) {
      a.set(i + 5);
      await settle(engine);
    }
    expect(engine.stats.nodesComputed).toBe(before);
    expect(engine.stats.nodesNecessary).toBe(1);
  });

  it("make what observers write the next transaction", async () => {
    const engine = await make();
    const [a, echo] = [engine.variable(1), engine.variable(0)];
    engine.observe(a).subscribe((v) => {
      echo.set(-1);
      echo.set(v.item() * 2);
    });
    const seen = watch(engine, add(a, echo));
    await settle(engine);
    a.set(5);
    await settle(engine);
    expect(seen).toEqual([
      [0, 1],
      [1, 3],
      [2, 7],
      [3, 15],
    ]);
  });

  it("stop a chain of a hundred with an error in the observer that writes", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const a = engine.variable(0, { label: "loop" });
    engine.observe(a).subscribe((v) => a.set(v.item() + 1));
    await settle(engine);
    expect(failures.map((f) => String(f.error))).toEqual([expect.stringMatching(/100 flushes in a row.*observer of variable "loop"/)]);
    expect(failures[0]!.tensor).toBe(a);
    // After a macrotask all is as before.
    await macrotask();
    a.set(-50);
    await settle(engine);
    expect((await engine.read(a)).item()).toBe(50);
  });

  it("may be awaited inside an observer", async () => {
    const engine = await make();
    const a = engine.variable(1);
    const log: string[] = [];
    engine.observe(a).subscribe(async (v) => {
      log.push(`got ${v.item()}`);
      await engine.flush();
      log.push(`flushed ${v.item()}`);
      if (v.item() === 1) a.set(2);
    });
    await settle(engine);
    await macrotask();
    expect(log).toEqual(["got 1", "flushed 1", "got 2", "flushed 2"]);
  });

  it("are not needed by readSync, which shows the published epoch inside observers", async () => {
    const engine = await make();
    const a = engine.variable(1);
    const y = neg(a);
    const seen: unknown[] = [];
    engine.observe(a).subscribe((v) => {
      if (v.item() < 3) a.set(v.item() + 1);
      seen.push([v.epoch, engine.readSync(y).epoch, engine.readSync(y).item()]);
    });
    a.set(2);
    expect(engine.readSync({ y }).y.item()).toBe(-3);
    expect(seen).toEqual([
      [1, 1, -2],
      [2, 2, -3],
    ]);
    engine.invariant();
  });

  it("resolve flush at once when nothing is pending", async () => {
    const engine = await make();
    await engine.flush();
    await engine.flush();
    expect(engine.stats.flushes).toBe(0);
  });

  it("are made by a top-level read on the engine of the sources, or on one made for constants", async () => {
    let made = 0;
    const read = reader(() => (made++, createEngine({ backend: backend() })));
    const engine = await make();
    expect((await read(mul(engine.variable(3), 2))).item()).toBe(6);
    expect(made).toBe(0);
    expect((await read(add(constant([1, 2]), 1))).toArray()).toEqual([2, 3]);
    expect((await read({ a: [constant(1)] })).a[0]!.item()).toBe(1);
    expect(made).toBe(1);
  });
});

overBackends("transactions", (make) => {
  it("make one epoch of all writes", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(1), engine.variable(2)];
    const seen = watch(engine, add(a, b));
    await settle(engine);
    const result = engine.transaction(() => {
      a.set(10);
      b.set(20);
      return "done";
    });
    await settle(engine);
    expect(result).toBe("done");
    expect(seen).toEqual([
      [0, 3],
      [1, 30],
    ]);
  });

  it("roll back all of their writes, and no others, when the callback throws", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(1), engine.variable(2)];
    const fail = (): never => {
      throw new Error("no");
    };
    a.set(5);
    expect(() =>
      engine.transaction(() => {
        a.set(6);
        b.set(7);
        a.set(8);
        fail();
      }),
    ).toThrow("no");
    expect((await engine.read({ a, b })).a.item()).toBe(5);
    engine.transaction(() => {
      a.set(10);
      expect(() =>
        engine.transaction(() => {
          a.set(11);
          b.set(12);
          fail();
        }),
      ).toThrow("no");
    });
    const values = await engine.read({ a, b });
    expect([values.a.item(), values.b.item()]).toEqual([10, 2]);
  });

  it("join the outer transaction", async () => {
    const engine = await make();
    const [a, b] = [engine.variable(1), engine.variable(2)];
    expect(() =>
      engine.transaction(() => {
        engine.transaction(() => a.set(9));
        engine.transaction(() => b.set(9));
        throw new Error("outer");
      }),
    ).toThrow("outer");
    expect(engine.readSync(add(a, b)).item()).toBe(3);
  });

  it("refuse an async callback, and take back what it wrote", async () => {
    const engine = await make();
    const a = engine.variable(1);
    expect(() => engine.transaction(async () => a.set(3))).toThrow(/transaction: the callback is async/);
    expect(engine.readSync(a).item()).toBe(1);
  });

  it("read committed values inside", async () => {
    const engine = await make();
    const a = engine.variable(1);
    const y = neg(a);
    engine.transaction(() => {
      a.set(2);
      expect(engine.readSync(y).item()).toBe(-1);
    });
    expect(engine.readSync(y).item()).toBe(-2);
  });

  it("refuse ticks", async () => {
    const engine = await make();
    expect(() => engine.transaction(() => engine.tick())).toThrow(/tick: a transaction is open/);
  });
});
