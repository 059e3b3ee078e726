/** Looking inside: what would be computed again and why, pictures, the watch for NaN, counters, the console. */
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { scan } from "../../ad/control/loops.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { root } from "../../ad/implicit/root.ts";
import { vmap } from "../../ad/vmap.ts";
import { add, div, mul, neg } from "../../ops/arithmetic.ts";
import { cholesky } from "../../ops/cholesky.ts";
import { solve } from "../../ops/solve.ts";
import { reduceSum } from "../../ops/broadcast.ts";
import { sign } from "../../ops/piecewise.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { failuresOf, overBackends, settle, watch } from "./engines.ts";

overBackends("explain", (make) => {
  it("tells for each source what it would recompute, and a shortest path", async () => {
    const engine = await make();
    const w = engine.variable(1, { label: "w" });
    const x = engine.variable([1, 2], { label: "x", shape: [dim("n")] });
    const s = sign(w).named("s");
    engine.cutoff(s, "exact");
    const deep = neg(neg(s));
    const loss = reduceSum([mul(x, add(deep, w))], { axes: [0] }).named("loss");
    expect(engine.explain(loss).state).toBe("computed when read");
    watch(engine, loss);
    expect(engine.explain(loss).state).toBe("dirty");
    await settle(engine);
    const { state, nodes, causes, dims } = engine.explain(loss);
    expect([state, nodes, dims]).toEqual(["up to date", 7, ["n"]]);
    expect(causes.map((c) => [c.source, c.recomputes, c.path.map((t) => t.label ?? t.primitive.name), c.cutoff])).toEqual([
      [x, 2, ["x", "mul", "loss"], undefined],
      [w, 7, ["w", "add", "broadcast", "mul", "loss"], undefined],
    ]);
    expect(String(engine.explain(deep))).toMatch(
      /variable "w".* recomputes 3 of them: variable "w" -> sign "s" -> neg -> neg; it ends at sign "s"/,
    );
    expect(String(engine.explain(constant(1)))).toMatch(/depends on no source/);
  });

  it("says what failed", async () => {
    const engine = await make();
    failuresOf(engine);
    const x = engine.variable(1);
    const bad = neg(add(x, 1)).named("bad");
    expect(engine.explain(bad).state).toBe("computed when read");
    const small = await make({ budgetBytes: 8 });
    failuresOf(small);
    const y = small.variable([1, 2]);
    const big = neg(y).named("big");
    watch(small, big);
    await settle(small);
    expect(String(small.explain(big))).toMatch(/"big".* is failed: neg "big".*needs 8 bytes/);
  });
});

overBackends("diagnosis", (make) => {
  const matrices = [
    [
      [4, 2],
      [2, 3],
    ],
    [
      [1, 2],
      [2, 1],
    ],
  ];
  it("names the failing pivot of a factorization, for as long as it fails", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const a = engine.variable(matrices, { label: "a", dtype: "float64" });
    const l = cholesky(a);
    const x = solve(a, constant([1, 2], { dtype: "float64", shape: [2, 1] }));
    const both = reduceSum([mul(l, x)], { axes: [0, 1, 2] });
    expect(engine.explain(both).troubles).toEqual([]);
    watch(engine, both);
    await settle(engine);
    const [trouble, ...others] = engine.explain(both).troubles;
    expect(others).toEqual([]);
    expect(trouble!.tensor.primitive.name).toBe("cholesky");
    expect(trouble!.message).toMatch(/^cholesky float64\[2, 2, 2\]: matrix 1 of 2 is not positive definite: pivot 2 is not positive/);
    expect(String(engine.explain(both))).toContain(trouble!.message);
    a.set([matrices[0]!, matrices[0]!]);
    await settle(engine);
    expect(engine.explain(both).troubles).toEqual([]);
    a.set([
      matrices[0]!,
      [
        [1, 2],
        [2, 4],
      ],
    ]);
    await settle(engine);
    expect(engine.explain(both).troubles.map((t) => t.message.replace(/ \(made.*/, ""))).toEqual([
      "cholesky float64[2, 2, 2]: matrix 1 of 2 is not positive definite: pivot 2 is not positive",
      "lu float64[2, 2, 2]: matrix 1 of 2 is singular: pivot 2 is 0",
    ]);
    expect(engine.explain(x).troubles.length).toBe(1);
    // A value of NaN is no failure of the engine.
    expect(failures).toEqual([]);
    await engine.dispose();
  });
  it("is what the watch for NaN says of a factorization", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    engine.watch();
    const a = engine.variable(matrices[0]!, { label: "a", dtype: "float64" });
    watch(engine, neg(cholesky(a)));
    await settle(engine);
    expect(failures).toEqual([]);
    a.set(matrices[1]!);
    await settle(engine);
    expect(failures.map((f) => String(f.error))).toEqual([
      expect.stringMatching(/cholesky float64\[1, 2, 2\]: the matrix is not positive definite: pivot 2 is not positive/),
    ]);
  });
  it("says which solutions have not converged, examples of vmap one by one", async () => {
    const engine = await make();
    const t = engine.variable([1, -1], { dtype: "float64" });
    const x = vmap((c: Tensor) => root((y: Tensor) => add(mul(y, y), c), constant(1, { dtype: "float64" })))(t) as Tensor;
    watch(engine, x);
    await settle(engine);
    const { troubles } = engine.explain(neg(x));
    expect(troubles).toEqual([]);
    expect(engine.explain(x).troubles.map((s) => s.message)).toEqual([
      expect.stringMatching(/^equation float64\[.*\]: root has not converged for example 0 of 2: the residual is \S+ after \d+ iterations/),
    ]);
  });
});

overBackends("toDot", (make) => {
  it("draws every node and edge once, with labels, shapes and state", async () => {
    const engine = await make();
    const a = engine.variable([1, 2], { label: 'the "a"' });
    const y = mul(a, neg(a));
    watch(engine, y);
    await settle(engine);
    const dot = engine.toDot({ y, unseen: [add(y, 1)] });
    expect(dot).toMatch(/^digraph \{\n[^]*\n\}\n$/);
    expect(dot).toContain('label="the \\"a\\"\\nfloat32[2]", shape=box');
    expect(dot).toMatch(/label="add\\nfloat32\[2\]", style=dashed/);
    expect(dot).toMatch(/label="mul\\nfloat32\[2\]", penwidth=2/);
    expect(dot.match(/ -> /g)!.length).toBe(6);
  });
});

it("loops are drawn with their bodies, and explained with their size", async () => {
  const engine = await createEngine({ backend: interpreter() });
  const w = engine.variable(0.5, { label: "w" });
  const step = (c: Tensor): Tensor => add(mul(c, w), scan((d: Tensor) => [neg(d), null], c, null, { length: 2 })[0]);
  const y = neg(scan((c: Tensor) => [step(c), null], w, null, { length: 3 })[0]);
  const dot = engine.toDot(y);
  expect(dot.match(/subgraph cluster_/g)).toHaveLength(2);
  expect(dot.match(/label="neg/g)).toHaveLength(2);
  // One from the loop to its body, one from the loop in there to its own.
  expect(dot.match(/style=dotted/g)!.length).toBeGreaterThanOrEqual(2);
  expect(dot.match(/\{/g)!.length).toBe(dot.match(/\}/g)!.length);
  for (const [, from, to] of dot.matchAll(/(\w+) -> (\w+)/g)) for (const name of [from!, to!]) expect(dot).toContain(`${name} [label=`);
  expect(String(engine.explain(y))).toMatch(/recomputes 3 of them: variable "w" -> scan \(over 4 nodes\) -> output -> neg/);
  await engine.dispose();
});

overBackends("the watch", (make) => {
  it("names the first node that goes bad, once, until it is well again", async () => {
    const engine = await make();
    const failures = failuresOf(engine);
    const a = engine.variable([1, 2], { label: "a" });
    const quotient = div(1, a).named("quotient");
    engine.watch({ nan: true });
    watch(engine, add(neg(quotient), mul(quotient, 2)));
    await settle(engine);
    for (const data of [
      [1, 0],
      [0, 0],
      [2, 2],
      [0, 1],
    ]) {
      a.set(data);
      await settle(engine);
    }
    expect(failures.map((f) => [f.epoch, f.tensor])).toEqual([
      [1, quotient],
      [4, quotient],
    ]);
    expect(String(failures[0]!.error)).toMatch(/div "quotient" float32\[2\] has Infinity at element 1, from .*"a".*finite/);
    a.set([NaN, 1]);
    await settle(engine);
    expect(failures.at(-1)!.tensor).toBe(a);
    engine.watch({ nan: false });
    const count = failures.length;
    a.set([0, 0]);
    await settle(engine);
    expect(failures.length).toBe(count);
  });
});

overBackends("the console", (make) => {
  it("shows operation, shape, label and last value", async () => {
    const engine = await make();
    const y = neg(engine.variable([1, 2.5])).named("y");
    expect(inspect(y)).toBe('Tensor(neg "y" float32[2])');
    watch(engine, y);
    await settle(engine);
    expect(inspect(y)).toBe('Tensor(neg "y" float32[2] = [-1, -2.5])');
  });
});

overBackends("stats", (make) => {
  it("only grow, and give the figures of the last flush", async () => {
    const engine = await make();
    const a = engine.variable(1);
    watch(engine, neg(neg(a)));
    await settle(engine);
    const before = engine.stats;
    for (let i = 0; i < 3; i++) {
      a.set(i + 2);
      await settle(engine);
    }
    const after = engine.stats;
    expect(after.nodesComputed - before.nodesComputed).toBe(6);
    expect(after.epochs - before.epochs).toBe(3);
    expect(after.flushes - before.flushes).toBe(3);
    expect(after.lastFlush).toMatchObject({ nodesComputed: 2, nodesTotal: 3, kernels: 1 });
    expect(after.lastFlush.ms).toBeGreaterThan(0);
    await engine.flush();
    expect(engine.stats.nodesComputed).toBe(after.nodesComputed);
  });
});
