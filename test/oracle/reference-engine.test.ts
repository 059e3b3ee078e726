/** The judge of the engine is judged itself: each rule of the semantics, once, by hand. */
import { config } from "rxjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Value } from "../../core/value.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { reduceSum } from "../../ops/broadcast.ts";
import { createReferenceEngine, type ReferenceEngine } from "./reference-engine.ts";

describe("the reference engine", () => {
  let engine: ReferenceEngine;
  let thrown: unknown[];
  beforeEach(() => {
    engine = createReferenceEngine();
    thrown = [];
    config.onUnhandledError = (error) => thrown.push(error);
  });
  afterEach(() => {
    config.onUnhandledError = null;
  });
  const watch = (t: Tensor): unknown[] => {
    const seen: unknown[] = [];
    engine.observe(t).subscribe((v: Value) => seen.push([v.epoch, v.toArray()]));
    return seen;
  };

  it("publishes the current value first, then each epoch in which the bits changed", async () => {
    const a = engine.variable(1);
    const seen = watch(mul(a, a));
    await engine.flush();
    a.set(2);
    a.set(3);
    await engine.flush();
    a.set(3);
    await engine.flush();
    a.set(-3);
    await engine.flush();
    expect(engine.epoch).toBe(2);
    expect(seen).toEqual([
      [0, 1],
      [1, 9],
    ]);
  });

  it("emits one object per epoch in which any member changed", async () => {
    const [a, b] = [engine.variable(1), engine.variable(10)];
    const seen: unknown[] = [];
    engine.observe({ sum: add(a, b), list: [a] }).subscribe(({ sum, list }) => seen.push([sum.item(), list[0].item()]));
    await engine.flush();
    engine.transaction(() => (a.set(2), b.set(9)));
    await engine.flush();
    expect(seen).toEqual([
      [11, 1],
      [11, 2],
    ]);
  });

  it("ticks read the values before them, together, and publish the last of several", async () => {
    const clock = engine.clock();
    const [p, q] = [engine.state(0, { clock }), engine.state(1, { clock })];
    p.next = q;
    q.next = add(p, q);
    const seen = watch(q);
    await engine.flush();
    clock.tick(5);
    await engine.flush();
    q.set(100);
    clock.tick();
    await engine.flush();
    expect(seen).toEqual([
      [0, 1],
      [5, 8],
      [6, 105],
    ]);
  });

  it("rolls back what a throwing transaction wrote, and refuses an async one", async () => {
    const a = engine.variable(1);
    const fail = (): never => {
      throw new Error("no");
    };
    expect(() => engine.transaction(() => (a.set(2), fail()))).toThrow("no");
    expect(() => engine.transaction(async () => a.set(3))).toThrow(/async/);
    engine.transaction(() => {
      a.set(4);
      expect(() => engine.transaction(() => (a.set(5), fail()))).toThrow("no");
    });
    expect((await engine.read(a)).item()).toBe(4);
  });

  it("holds every name to one size, at set or at the end of a transaction", async () => {
    const n = dim("n");
    const a = engine.variable([1, 2], { shape: [n] });
    const b = engine.variable([3, 4], { shape: [n] });
    const total = reduceSum([mul(a, b)], { axes: [0] });
    expect(() => a.set([1, 2, 3])).toThrow(/"n" would be/);
    expect(() => engine.variable([1], { shape: [n] })).toThrow(/"n" would be/);
    expect(() => engine.transaction(() => a.set([1, 2, 3]))).toThrow(/"n" would be/);
    expect((await engine.read(total)).item()).toBe(11);
    engine.transaction(() => (a.set([1, 1, 1]), b.set([1, 2, 3])));
    expect((await engine.read(total)).item()).toBe(6);
  });

  it("makes what observers write the next transaction, and stops a chain of a hundred", async () => {
    const a = engine.variable(0);
    const echo = engine.variable(0);
    engine.observe(a).subscribe((v: Value) => echo.set(v.item() * 2));
    const seen = watch(echo);
    a.set(5);
    await engine.flush();
    expect(seen).toEqual([
      [1, 0],
      [2, 10],
    ]);
    const failures: unknown[] = [];
    engine.failures.subscribe((f) => failures.push(f.error));
    const endless = engine.observe(echo).subscribe((v: Value) => echo.set(v.item() + 1));
    await engine.flush();
    endless.unsubscribe();
    expect(String(failures[0])).toMatch(/100 chained/);
  });

  it("lets an observer throw without disturbing the others", async () => {
    const a = engine.variable(1);
    engine.observe(a).subscribe(() => {
      throw new Error("mine");
    });
    const seen = watch(a);
    await engine.flush();
    a.set(2);
    await engine.flush();
    expect(seen.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(thrown.map(String)).toEqual(["Error: mine", "Error: mine"]);
  });

  it("completes observers, rejects reads and refuses writes once disposed", async () => {
    const a = engine.variable(1);
    let completed = false;
    engine.observe(a).subscribe({ complete: () => (completed = true) });
    const read = engine.read(a);
    await engine.dispose();
    await engine.dispose();
    await expect(read).rejects.toThrow(/disposed/);
    expect(completed).toBe(true);
    expect(() => a.set(2)).toThrow(/disposed/);
  });
});
