/** Sources: variables, states and clocks, parameters, named dimensions. */
import { expect, it } from "vitest";
import type { Patch } from "immer";
import { dim } from "../../core/dim.ts";
import { State, type Variable } from "../../core/source.ts";
import { add, mul, neg, sub } from "../../ops/arithmetic.ts";
import { broadcastTo } from "../../ops/operand.ts";
import { reduceSum } from "../../ops/broadcast.ts";
import { constant } from "../../core/leaves.ts";
import { transpose } from "../../ops/transpose.ts";
import { failuresOf, overBackends, settle, watch } from "./engines.ts";

overBackends("variables", (make) => {
  it("copy what they are given", async () => {
    const engine = await make();
    const data = new Float32Array([1, 2]);
    const a = engine.variable(data);
    data[0] = 50;
    expect(engine.readSync(a).toArray()).toEqual([1, 2]);
    data.set([7, 8]);
    a.set(data);
    data[0] = 50;
    expect(engine.readSync(a).toArray()).toEqual([7, 8]);
  });

  it("report what a stream gives them and does not fit, and keep their value", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const a = engine.variable([1, 2], { label: "a" });
    for (const message of [[3, 4], "bad", [1, 2, 3], [5, 6]]) a.next(message as never);
    expect(engine.readSync(a).toArray()).toEqual([5, 6]);
    expect(failures.map((f) => [f.tensor, (f.error as Error).message.includes('"a"')])).toEqual([
      [a, true],
      [a, true],
    ]);
  });

  it("have the dtype and shape that the data or the options say", async () => {
    const engine = await make();
    const type = (v: Variable): string => `${v.dtype}[${v.shape}]`;
    expect(type(engine.variable([[1, 2, 3]]))).toBe("float32[1,3]");
    expect(type(engine.variable([true]))).toBe("bool[1]");
    expect(type(engine.variable(new Int32Array(6), { shape: [2, 3] }))).toBe("int32[2,3]");
    expect(type(engine.variable(1, { dtype: "float64", label: "x" }))).toBe("float64[]");
    expect(engine.variable(1, { label: "x" }).label).toBe("x");
  });

  it.each([
    ["another shape", [1, 2, 3], /set variable "w" float32\[2\]: expected shape \[2\], got shape \[3\]/],
    ["ragged arrays", [[1], [1, 2]], /set variable "w".*ragged/],
    ["words", "one", /set variable "w".*string/],
  ])("refuse %s where set is called, and keep their value", async (_, data, message) => {
    const engine = await make();
    const w = engine.variable([1, 2], { label: "w" });
    expect(() => w.set(data as never)).toThrow(message);
    await settle(engine);
    expect(engine.readSync(w).toArray()).toEqual([1, 2]);
  });

  it("keep their value while nobody looks, and when somebody looks again", async () => {
    const engine = await make();
    const a = engine.variable([1, 2]);
    const first = engine.observe(a).subscribe();
    await settle(engine);
    a.set([3, 4]);
    first.unsubscribe();
    await settle(engine);
    expect(engine.stats.bytesResident).toBe(0);
    a.set([5, 4]);
    await settle(engine);
    expect(watch(engine, neg(a))).toEqual([]);
    expect(engine.readSync(neg(a)).toArray()).toEqual([-5, -4]);
  });

  it("may be disposed of, and are collected when they are not", async () => {
    const engine = await make();
    const a = engine.variable([1], { label: "a" });
    a[Symbol.dispose]();
    expect(() => a.set([2])).toThrow(/set variable "a".*disposed/);
    expect(() => engine.observe(neg(a))).toThrow(/"a".*disposed/);
    const dropped = new WeakRef(engine.variable([1, 2]));
    await engine.read(neg(dropped.deref()!));
    const other = engine.variable(0);
    for (let i = 1; i < 12; i++) {
      other.set(i);
      await settle(engine);
    }
    for (let i = 0; i < 10 && dropped.deref(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      globalThis.gc!();
    }
    expect(dropped.deref()).toBe(undefined);
  });
});

overBackends("named dimensions", (make) => {
  const n = dim("n");

  it("follow the data: sums over more rows without a new kernel or plan", async () => {
    const engine = await make();
    const x = engine.variable([1, 2], { shape: [n] });
    const seen = watch(engine, reduceSum([mul(x, x)], { axes: [0] }));
    await settle(engine);
    for (const data of [[1, 2, 3], [4], [], [1, 2, 3, 4, 5, 6, 7]]) {
      x.set(data);
      await settle(engine);
    }
    expect(seen.map(([, v]) => v)).toEqual([5, 14, 16, 0, 140]);
    const { plansBuilt } = engine.stats;
    x.set([2, 2]);
    await settle(engine);
    expect(engine.stats.plansBuilt).toBe(plansBuilt);
    expect(seen.at(-1)![1]).toBe(8);
  });

  it("reach nodes that depend on a size and on no source", async () => {
    const engine = await make();
    const x = engine.variable([1, 2], { shape: [n] });
    const ones = broadcastTo(constant(1), [n]);
    const seen = watch(engine, reduceSum([ones], { axes: [0] }));
    await settle(engine);
    x.set([1, 2, 3]);
    await settle(engine);
    expect(seen).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it("have one size: another throws at set, naming both sources and sizes", async () => {
    const engine = await make();
    const x = engine.variable([1, 2], { shape: [n], label: "x" });
    const y = engine.variable([3, 4], { shape: [n], label: "y" });
    expect(() => x.set([1, 2, 3])).toThrow(/dimension "n" would be 3 in variable "x".* and 2 in variable "y".*one transaction/);
    expect(() => engine.variable([1], { shape: [n] })).toThrow(/dimension "n"/);
    expect((await engine.read(add(x, y))).toArray()).toEqual([4, 6]);
  });

  it("may change in a transaction that changes all of their sources, and are checked at its end", async () => {
    const engine = await make();
    const x = engine.variable([1, 2], { shape: [n] });
    const y = engine.variable([3, 4], { shape: [n] });
    const seen = watch(engine, mul(x, y));
    await settle(engine);
    expect(() => engine.transaction(() => x.set([1, 2, 3]))).toThrow(/dimension "n"/);
    engine.transaction(() => {
      x.set([1, 2, 3]);
      y.set([4, 5, 6]);
    });
    await settle(engine);
    expect(seen.map(([, v]) => v)).toEqual([
      [3, 8],
      [4, 10, 18],
    ]);
    x.set([0, 0, 1]);
    expect(engine.readSync(mul(x, y)).toArray()).toEqual([0, 0, 6]);
  });

  it("give a failing node its value once a source carries the name", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const seen = watch(engine, reduceSum([broadcastTo(constant(2), [n])], { axes: [0] }));
    await settle(engine);
    expect(String(failures[0]!.error)).toMatch(/dimension "n" is not known/);
    const x = engine.variable([1, 2, 3], { shape: [n] });
    await settle(engine);
    x.set([1, 2]);
    await settle(engine);
    expect(seen).toEqual([[1, 4]]);
  });
});

overBackends("clocks", (make) => {
  it("let all states take the value that their next had before, at once", async () => {
    const engine = await make();
    const [p, q] = [engine.state(0), engine.state(1)];
    p.next = q;
    q.next = add(p, q);
    const seen = watch(engine, add(mul(p, 1000), q));
    await settle(engine);
    engine.tick(5);
    await settle(engine);
    engine.tick();
    engine.tick();
    await settle(engine);
    expect(seen).toEqual([
      [0, 1],
      [5, 5008],
      [6, 8013],
      [7, 13021],
    ]);
    expect(engine.stats.epochs).toBe(7);
  });

  it("commit pending writes first, without an epoch of their own", async () => {
    const engine = await make();
    const k = engine.variable(1);
    const u = engine.state(0);
    u.next = add(u, k);
    const seen = watch(engine, u);
    await settle(engine);
    k.set(10);
    engine.tick(2);
    k.set(100);
    await settle(engine);
    engine.tick();
    await settle(engine);
    expect(seen).toEqual([
      [0, 0],
      [2, 20],
      [4, 120],
    ]);
  });

  it("advance their own states alone, observed or not", async () => {
    const engine = await make();
    const clock = engine.clock();
    const u = engine.state(0, { clock });
    const v = engine.state(0);
    u.next = add(u, 1);
    v.next = add(v, 1);
    clock.tick(3);
    engine.tick(2);
    clock.tick();
    const both = await engine.read({ u, v });
    expect([both.u.item(), both.v.item()]).toEqual([4, 2]);
  });

  it("take writes to states like any others", async () => {
    const engine = await make();
    const u = engine.state([1, 2]);
    u.next = mul(u, 2);
    engine.tick();
    u.set([10, 20]);
    engine.tick(2);
    expect((await engine.read(u)).toArray()).toEqual([40, 80]);
  });

  it("move views of other shapes of memory into states: swaps, transposes", async () => {
    const engine = await make();
    const a = engine.state([
      [1, 2],
      [3, 4],
    ]);
    const b = engine.state([
      [5, 6],
      [7, 8],
    ]);
    a.next = transpose(b);
    b.next = a;
    engine.tick();
    expect((await engine.read(a)).toArray()).toEqual([
      [5, 7],
      [6, 8],
    ]);
    expect((await engine.read(b)).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    engine.tick(2);
    expect((await engine.read(b)).toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    engine.invariant();
  });

  it("compute in a tick what next needs and nothing else, with a plan that is found again", async () => {
    const engine = await make();
    const u = engine.state(new Float32Array(8));
    u.next = add(u, 1);
    let far = neg(u);
    for (let i = 0; i < 50; i++) far = neg(far);
    const seen = watch(engine, far);
    // The first tick also computes what is constant.
    for (const ticks of [0, 1, 2]) {
      if (ticks > 0) engine.tick(ticks);
      await settle(engine);
    }
    const before = engine.stats;
    engine.tick(10);
    await settle(engine);
    const after = engine.stats;
    expect(after.nodesComputed - before.nodesComputed).toBe(10 * 1 + 51);
    expect(after.plansBuilt).toBe(before.plansBuilt);
    expect(after.nodesMarked).toBe(before.nodesMarked);
    expect(seen.at(-1)).toEqual([13, Array(8).fill(-13)]);
  });

  it("recompute nothing when the states come to rest", async () => {
    const engine = await make();
    const u = engine.state(5);
    u.next = mul(u, 1);
    const seen = watch(engine, neg(u));
    await settle(engine);
    engine.tick();
    await settle(engine);
    const before = engine.stats.nodesComputed;
    engine.tick(4);
    await settle(engine);
    expect(engine.stats.nodesComputed).toBe(before);
    expect(seen).toEqual([[0, -5]]);
  });

  it("advance no state when a next fails", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const [u, v] = [engine.state(1, { label: "u" }), engine.state(1, { label: "v" })];
    u.next = add(u, 1);
    v.next = add(v, reduceSum([broadcastTo(constant(1), [dim("unknown")])], { axes: [0] }));
    engine.tick(3);
    await settle(engine);
    expect(engine.readSync(u).item()).toBe(1);
    expect(failures.map((f) => String(f.error)).at(-1)).toMatch(
      /tick: no state of the clock advances: next of state "v".*"unknown" is not known/,
    );
  });

  it("refuse to tick a state without next, and next twice, of another type, or of another engine", async () => {
    const [engine, other] = [await make(), await make()];
    const u = engine.state([1, 2], { label: "u" });
    expect(() => engine.tick()).toThrow(/tick: state "u" float32\[2\] has no next/);
    expect(() => (u.next = constant([1, 2, 3]))).toThrow(/"u".*must be float32\[2\]/);
    expect(() => (u.next = constant([1, 2], { dtype: "float64" }))).toThrow(/"u".*float64/);
    expect(() => (u.next = other.variable([1, 2]))).toThrow(/another engine/);
    u.next = neg(u);
    expect(() => (u.next = neg(u))).toThrow(/"u".*next is already/);
    expect(() => engine.state(0, { clock: other.clock() })).toThrow(/state: the clock belongs to another engine/);
    for (const n of [0, -1, 1.5, NaN]) expect(() => engine.tick(n)).toThrow(/not a number of ticks/);
  });

  it("do not hold states that nobody else holds", async () => {
    const engine = await make();
    const ref = new WeakRef(engine.state(0));
    for (let i = 0; i < 10 && ref.deref(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      globalThis.gc!();
    }
    expect(ref.deref()).toBe(undefined);
    expect(ref.deref() instanceof State).toBe(false);
    engine.tick();
    await settle(engine);
  });
});

overBackends("parameters", (make) => {
  const tree = () => ({
    layers: [
      {
        W: [
          [1, 2],
          [3, 4],
        ],
        b: [0, 0],
      },
      { W: new Float64Array([5, 6]), b: [1] },
    ],
    nu: 0.5,
    on: true,
  });

  it("make a variable of each number, typed array and array of numbers", async () => {
    const engine = await make();
    const p = engine.parameters(tree());
    const [first, second] = p.tensors.layers as unknown as [{ W: Variable; b: Variable }, { W: Variable; b: Variable }];
    expect([first.W, second.W, p.tensors.nu, p.tensors.on].map((t) => `${t.label}: ${t.dtype}[${t.shape}]`)).toEqual([
      "layers[0].W: float32[2,2]",
      "layers[1].W: float64[2]",
      "nu: float32[]",
      "on: bool[]",
    ]);
  });

  it("set the leaves that changed, in one epoch, and no others", async () => {
    const engine = await make();
    const p = engine.parameters(tree());
    const [nu, W] = [watch(engine, p.tensors.nu), watch(engine, p.tensors.layers[0]!.W)];
    const rest = watch(engine, p.tensors.layers[1]!.W);
    await settle(engine);
    p.update((draft) => {
      draft.nu = 0.25;
      (draft.layers[0]!.W as number[][])[1]![0] = -3;
    });
    await settle(engine);
    expect(engine.stats.epochs).toBe(1);
    expect(nu.at(-1)).toEqual([1, 0.25]);
    expect(W.at(-1)).toEqual([
      1,
      [
        [1, 2],
        [-3, 4],
      ],
    ]);
    expect(rest.length).toBe(1);
    expect(p.value.nu).toBe(0.25);
  });

  it("undo and redo, and tell of each change in patches", async () => {
    const engine = await make();
    const p = engine.parameters({ nu: 1, k: [1, 2] as number[] });
    const changes: (readonly Patch[])[] = [];
    p.changes.subscribe((patches) => changes.push(patches));
    const now = async (): Promise<number> => (await engine.read(p.tensors.nu)).item();
    expect(p.undo()).toBe(false);
    p.update((d) => void (d.nu = 2));
    p.update((d) => void (d.nu = 3));
    expect(p.undo()).toBe(true);
    expect([await now(), p.value.nu]).toEqual([2, 2]);
    p.undo();
    expect(await now()).toBe(1);
    expect([p.redo(), p.redo(), p.redo()]).toEqual([true, true, false]);
    expect(await now()).toBe(3);
    p.undo();
    p.update((d) => void (d.k[0] = 9));
    expect(p.redo()).toBe(false);
    expect(changes.map((c) => c[0]!.value)).toEqual([2, 3, 2, 1, 2, 3, 2, 9]);
  });

  it("roll back with the transaction that they are changed in", async () => {
    const engine = await make();
    const p = engine.parameters({ nu: 1 });
    expect(() =>
      engine.transaction(() => {
        p.update((d) => void (d.nu = 2));
        expect(p.value.nu).toBe(2);
        throw new Error("no");
      }),
    ).toThrow("no");
    expect([p.value.nu, (await engine.read(p.tensors.nu)).item(), p.undo()]).toEqual([1, 1, false]);
  });

  it("refuse a recipe that changes the structure or a shape, and leaves that are no numbers", async () => {
    const engine = await make();
    const p = engine.parameters({ nu: 1, k: [1, 2] });
    expect(() => p.update((d) => void ((d as Record<string, unknown>)["mu"] = 1))).toThrow(
      /parameters: .*structure.*\{nu, k\}.*\{nu, k, mu\}/,
    );
    expect(() => p.update((d) => void d.k.push(3))).toThrow(/"k".*expected shape \[2\], got shape \[3\]/);
    expect(p.value).toEqual({ nu: 1, k: [1, 2] });
    expect(() => engine.parameters({ a: "x" } as never)).toThrow(/parameters: a is string/);
  });

  it("do not share memory with the tree they were made of", async () => {
    const engine = await make();
    const data = new Float32Array([1, 2]);
    const p = engine.parameters({ data });
    data[0] = 9;
    expect([p.value.data[0], engine.readSync(p.tensors.data).data[0]]).toEqual([1, 1]);
    expect(engine.readSync(sub(p.tensors.data, 1)).toArray()).toEqual([0, 1]);
  });
});
