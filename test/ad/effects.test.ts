/** Effects: what graphs record of random numbers and states, and what transforms make of them. */
import { afterAll, describe, expect, it } from "vitest";
import * as fx from "fluxion";
import { createEngine, effectsOf, grad, random, type Tensor } from "fluxion";
import { topological } from "../../core/graph.ts";
import { threefry2x32 } from "../../ops/random.ts";
import { relativeError, valuesOf } from "./values.ts";

const engine = await createEngine();
afterAll(() => engine.dispose());

/** The nodes that draw numbers. */
const draws = (...roots: Tensor[]): Set<Tensor> => new Set(topological(roots).filter((t) => t.primitive === threefry2x32.primitive));
const f64 = (data: readonly number[]): Tensor => fx.tensor(data as number[], { dtype: "float64" });

describe("the effects of a graph", () => {
  const key = random.key(1);
  const w = engine.variable([1, 2]);
  const s = engine.state([0, 0]);

  it("are those of its nodes, each once", () => {
    expect(effectsOf(fx.tanh(w.mul(2)))).toEqual([]);
    expect(effectsOf(random.normal(key, [3]))).toEqual(["random"]);
    expect(effectsOf(random.split(key))).toEqual(["random"]);
    expect(effectsOf(s.add(w))).toEqual(["state"]);
    expect(effectsOf({ a: fx.dropout(key, s, 0.5), b: [w] })).toEqual(["random", "state"]);
    // A key is a constant like any other until something is drawn from it.
    expect(effectsOf(key)).toEqual([]);
  });

  it("are those of what a primitive of one's own is made of, or records", () => {
    const noisy = fx.definePrimitive({ name: "noisy", eval: ([x]) => fx.add(x!, random.normal(key, [2])) });
    expect(effectsOf(noisy([w], {}))).toEqual(["random"]);
    const lower: NonNullable<fx.Rules["lower"]> = ({ inputs }) => ({ steps: [], outputs: inputs });
    const drawn = fx.definePrimitive({ name: "drawn", shape: ([x]) => x!.shape, lower, effects: ["random"] });
    expect(effectsOf(drawn([w], {}))).toEqual(["random"]);
    expect(() => fx.definePrimitive({ name: "both", eval: ([x]) => x!, effects: ["random"] })).toThrow(
      /both.*effects of the operations in eval/,
    );
  });

  it("are those of the bodies of loops and branches", () => {
    const steps = fx.arange(3, { dtype: "int32" });
    const one = fx.tensor([1, 1]);
    const drawing = (c: Tensor, t: Tensor): [Tensor, Tensor] => [fx.dropout(random.foldIn(key, t), c, 0.5), c];
    expect(effectsOf(fx.scan(drawing, one, steps)[0] as Tensor)).toEqual(["random"]);
    expect(effectsOf(fx.scan((c: Tensor, t: Tensor): [Tensor, Tensor] => [fx.add(c, s) as Tensor, t], one, steps)[0] as Tensor)).toEqual([
      "state",
    ]);
    const first = fx.less(fx.sum(w), 1) as Tensor;
    const either = fx.cond(
      first,
      (x: Tensor) => x,
      (x: Tensor) => fx.mul(x, random.normal(key, [2])) as Tensor,
      one,
    ) as Tensor;
    expect(effectsOf(either)).toEqual(["random"]);
    expect(effectsOf(fx.scan((c: Tensor, t: Tensor): [Tensor, Tensor] => [fx.tanh(c), t], one, steps)[0] as Tensor)).toEqual([]);
  });

  it("need tensors", () => {
    expect(() => effectsOf([w, 3 as never])).toThrow(/effectsOf.*3/);
  });
});

describe("random numbers", () => {
  const key = random.key(7);
  /** Noise on the inputs and on what is kept of them. */
  const f = (x: Tensor, k: Tensor = key): Tensor => {
    const [k1, k2] = random.split(k);
    return fx.sum(fx.square(fx.dropout(k2, fx.tanh(fx.add(x, fx.astype(random.normal(k1, [6]), "float64"))), 0.5)));
  };
  const x = f64([0.1, -0.4, 0.8, 1.2, -2, 0.3]);

  it("are the same nodes forward and backward, in every mode", () => {
    const y = f(x);
    const here = draws(y);
    const ones = f64([1, 1, 1, 1, 1, 1]);
    const all: Record<string, Tensor> = {
      grad: grad(f)(x),
      jvp: fx.jvp(f, [x], [ones])[1] as Tensor,
      hvp: fx.hvp(f, [x], [ones])[0] as Tensor,
      jet: fx.jet(f, x, [ones, null, null])[1][2]!,
      hessian: fx.hessian(f)(x),
      jacrev: fx.jacrev(f)(x),
      jacfwd: fx.jacfwd(f)(x),
    };
    for (const [name, d] of Object.entries(all)) {
      const there = draws(d);
      expect([name, there.size]).not.toEqual([name, 0]);
      expect([name, [...there].filter((t) => !here.has(t))]).toEqual([name, []]);
    }
  });

  it("give a gradient that is zero exactly where dropout made zeros, and differences confirm the rest", async () => {
    const kept = fx.dropout(random.split(key)[1], f64([1, 1, 1, 1, 1, 1]), 0.5);
    const [mask, g] = valuesOf(kept, grad(f)(x));
    expect(mask!.map((v) => v === 0)).toEqual(g!.map((v) => v === 0));
    expect(new Set(mask!.map((v) => v === 0)).size).toBe(2);
    await fx.checkGrads(f, [x]);
  });

  it("are those of a loop over split keys, when a function is mapped over them, and so are gradients", () => {
    const keys = random.keys(key, 4);
    const each = Array.from({ length: 4 }, (_, i) => fx.reshape(fx.slice(keys, [i, 0], [i + 1, 2]), [2]));
    const [values, gradients] = valuesOf(
      fx.vmap(f, { inAxes: [null, 0] })(x, keys),
      fx.vmap(grad(f as (x: Tensor, k: Tensor) => Tensor), { inAxes: [null, 0] })(x, keys),
    );
    const alone = valuesOf(...each.map((k) => f(x, k)), ...each.map((k) => grad(f as (x: Tensor, k: Tensor) => Tensor)(x, k)));
    expect(values).toEqual(alone.slice(0, 4).flat());
    expect(gradients).toEqual(alone.slice(4).flat());
    expect(new Set(values).size).toBe(4);
  });

  it("inside a loop are those of the loop written out, forward and backward", async () => {
    const step = (c: Tensor, v: Tensor, t: number | Tensor): Tensor =>
      fx.add(c, fx.dropout(random.foldIn(key, t), fx.tanh(fx.mul(c, v)), 0.6));
    const steps = fx.arange(5, { dtype: "int32" });
    const looped = (v: Tensor): Tensor =>
      fx.sum(fx.scan((c: Tensor, t: Tensor): [Tensor, null] => [step(c, v, t), null], x, steps)[0] as Tensor);
    const written = (v: Tensor): Tensor => fx.sum([0, 1, 2, 3, 4].reduce((c, t) => step(c, v, t), x));
    const v = f64([1.5, -2, 1.1, 3, 0.7, 2]);
    const [a, b] = valuesOf(looped(v), grad(looped)(v));
    const [y, g] = valuesOf(written(v), grad(written)(v));
    expect(a).toEqual(y);
    expect(relativeError(b!, g!)).toBeLessThan(1e-15);
    await fx.checkGrads(looped, [v]);
  });

  it("do not change from one evaluation to the next", async () => {
    const v = engine.variable([0.1, -0.4, 0.8, 1.2, -2, 0.3], { dtype: "float64" });
    const both = { y: f(v), g: grad(f(v), v) };
    const first = await engine.read(both);
    v.set([0, 0, 0, 0, 0, 0]);
    await engine.read(both);
    v.set([0.1, -0.4, 0.8, 1.2, -2, 0.3]);
    const again = await engine.read(both);
    expect([again.y.toArray(), again.g.toArray()]).toEqual([first.y.toArray(), first.g.toArray()]);
    expect([first.y.toArray(), first.g.toArray()]).toEqual([valuesOf(f(x))[0]![0], valuesOf(grad(f)(x))[0]]);
  });
});

describe("a state in a differentiated graph", () => {
  it("is read as of the epoch, by the value and its derivatives alike", async () => {
    const clock = engine.clock();
    const s = engine.state(2, { clock, dtype: "float64" });
    s.next = s.mul(1.5);
    const w = engine.variable(3, { dtype: "float64" });
    // y = w^2 s^2; by w: 2 w s^2, 2 s^2; by s: 2 w^2 s.
    const y = fx.square(w.mul(s));
    const dw = grad(y, w);
    const all = { s, y, dw, ds: grad(y, s), dww: grad(dw, w), pushed: fx.jvp(y, w, fx.tensor(1, { dtype: "float64" })) };
    expect(effectsOf(all.dw)).toEqual(["state"]);
    const seen: number[][] = [];
    const watched = engine.observe(all).subscribe((v) => seen.push([v.s, v.y, v.dw, v.ds, v.dww, v.pushed].map((t) => t.item() as number)));
    await engine.flush();
    for (let i = 0; i < 3; i++) {
      clock.tick();
      await engine.flush();
    }
    watched.unsubscribe();
    expect(seen).toEqual([2, 3, 4.5, 6.75].map((at) => [at, 9 * at * at, 6 * at * at, 18 * at, 2 * at * at, 6 * at * at]));
  });

  it("that advances by its own gradient takes the gradient of the epoch before", async () => {
    const clock = engine.clock();
    const s = engine.state([4, -2], { clock, dtype: "float64" });
    const loss = fx.sum(fx.square(s));
    s.next = s.sub(grad(loss, s).mul(0.25));
    const seen: unknown[] = [];
    const watched = engine.observe({ s, loss }).subscribe((v) => seen.push([v.s.toArray(), v.loss.item()]));
    await engine.flush();
    clock.tick();
    await engine.flush();
    clock.tick(2);
    await engine.flush();
    watched.unsubscribe();
    expect(seen).toEqual([
      [[4, -2], 20],
      [[2, -1], 5],
      [[0.5, -0.25], 0.3125],
    ]);
  });
});
