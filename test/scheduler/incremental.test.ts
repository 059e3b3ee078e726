/**
 * What a change costs, in scalar operations, where some of a graph has changed: one tile of many, the weight of one term of a loss, the coefficient of
 * a residual. Always from the second change of a kind on, and always to the bits of an engine that has just been made.
 */
import "../../ops/methods.ts";
import { describe, expect, it } from "vitest";
import { derivatives } from "../../ad/derivatives.ts";
import { grad } from "../../ad/grad.ts";
import type { Variable } from "../../core/source.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { stack } from "../../ops/concatenate.ts";
import { log, sqrt, tanh } from "../../ops/functions.ts";
import { separable } from "../../ops/identity.ts";
import { matmul } from "../../ops/matmul.ts";
import { mean, sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { sameBits } from "../../scheduler/bits.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";

const LAYERS = 16;

/** Numbers that differ with the seed. */
const numbers = (count: number, seed: number, size = 0.4): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * size);

interface Setting {
  readonly engine: Engine;
  readonly sources: readonly Variable[];
  readonly outputs: readonly Tensor[];
}

type Build = (variable: (shape: readonly number[], seed: number) => Variable) => readonly Tensor[];

/** An engine in which somebody looks at all outputs of a graph; its sources in the order in which they are made. */
async function observed(build: Build, data: (index: number) => Float32Array | undefined = () => undefined): Promise<Setting> {
  const engine = await createEngine({ backend: cpu(), cache: { budgetBytes: 2 ** 28 } });
  const sources: Variable[] = [];
  const outputs = build((shape, seed) => {
    const values =
      data(sources.length) ??
      numbers(
        shape.reduce((n, d) => n * d, 1),
        seed,
      );
    sources.push(engine.variable(values, { shape }) as Variable);
    return sources.at(-1)!;
  });
  engine.observe([...outputs], { lend: true }).subscribe();
  await engine.flush();
  return { engine, sources, outputs };
}

/** Sets a source and flushes. What that cost. */
async function change({ engine, sources }: Setting, index: number, values: Float32Array): Promise<Engine["stats"]["lastFlush"]> {
  sources[index]!.set(values);
  await engine.flush();
  engine.invariant();
  return engine.stats.lastFlush;
}

/** All outputs must have the bits that an engine gives which has just been made, with the same data. */
async function expectFresh(build: Build, { engine, sources, outputs }: Setting): Promise<void> {
  const data = await Promise.all(sources.map(async (s) => (await engine.read(s)).data as Float32Array));
  const fresh = await observed(build, (i) => data[i]);
  for (const [i, t] of outputs.entries()) {
    const [got, expected] = [(await engine.read(t)).data, (await fresh.engine.read(fresh.outputs[i]!)).data];
    expect(sameBits(got, expected), t.describe()).toBe(true);
  }
  await fresh.engine.dispose();
}

/** The loss of `count` tiles of size x size through layers that they share, and its gradients by the layers and by the tiles. */
const tiles =
  (count: number, size: number, loss: (terms: Tensor[]) => Tensor, mark = (term: Tensor): Tensor => term): Build =>
  (variable) => {
    const xs = Array.from({ length: count }, (_, k) => variable([size, size], 100 + k));
    const layers = Array.from({ length: LAYERS }, (_, l) => variable([size, size], l));
    const term = (x: Tensor): Tensor => sum(square(layers.reduce<Tensor>((a, w) => tanh(matmul(a, w)), x)));
    const y = loss(xs.map((x) => mark(term(x))));
    return [y, ...grad(y, [...layers, ...xs])];
  };

/** Additions on the way of term k up the fixed tree over up to 256 terms: what comes after it in its partial sum, and joining these. */
function pathUp(count: number, k: number): number {
  const [place, length] = [Math.floor(k / 4), Math.ceil((count - (k % 4)) / 4)];
  return (place === 0 ? length - 1 : length - place) + 2;
}

describe("one tile of many costs about itself and its way up the sum", () => {
  const cases: [number, number, string, (terms: Tensor[]) => Tensor, typeof separable | undefined][] = [
    [16, 12, "sum", (t) => sum(stack(t)), undefined],
    [16, 12, "mean", (t) => mean(stack(t)), undefined],
    [16, 12, "sqrt of sum", (t) => sqrt(sum(stack(t))), separable],
    [16, 12, "log of sum", (t) => log(sum(stack(t))), separable],
    [64, 8, "sqrt of sum", (t) => sqrt(sum(stack(t))), separable],
  ];
  it.each(cases)("%d tiles of size %d, %s", async (count, size, _, loss, mark) => {
    const alone = await observed(tiles(1, size, ([t]) => t!));
    const tile = alone.engine.stats.lastFlush.operations;
    await alone.engine.dispose();
    const build = tiles(count, size, loss, mark);
    const setting = await observed(build);
    await change(setting, 1, numbers(size * size, 500));
    for (const k of [0, 5, count - 1]) {
      const { operations } = await change(setting, k, numbers(size * size, 600 + k));
      const ideal = tile + pathUp(count, k) * (LAYERS * size * size + 1);
      expect(operations).toBeGreaterThan(tile);
      expect(operations / ideal).toBeLessThan(1.3);
    }
    await expectFresh(build, setting);
    await setting.engine.dispose();
  });

  it("but all of them where the seed comes first and depends on all", async () => {
    const build = tiles(16, 16, (t) => sqrt(sum(stack(t))));
    const setting = await observed(build);
    const { operations: all } = setting.engine.stats.lastFlush;
    for (const k of [1, 2, 3, 1, 2]) await change(setting, k, numbers(256, 500 + k));
    expect((await change(setting, 2, numbers(256, 600))).operations).toBeGreaterThan(0.4 * all);
    await setting.engine.dispose();
  });
});

const widths = [2, 12, 12, 12, 1];
const POINTS = 200;
const parametersOf = (variable: Parameters<Build>[0]): Variable[] =>
  widths.slice(1).flatMap((n, k) => [variable([widths[k]!, n], k), variable([n], 50 + k)]);

function network(p: readonly Tensor[], t: Tensor, x: Tensor): Tensor {
  let a: Tensor = stack([t, x], -1);
  for (let k = 0; k < p.length; k += 2) {
    a = add(matmul(a, p[k]!), p[k + 1]!);
    if (k + 2 < p.length) a = tanh(a);
  }
  return reshape(a, t.shape);
}

describe("from the second change on no node of the network is computed", () => {
  it("when the coefficient of a residual moves: the loss and its derivative by it", async () => {
    const build: Build = (variable) => {
      const nu = variable([], 1);
      const [t, x] = [variable([POINTS], 7), variable([POINTS], 8)];
      const p = parametersOf(variable);
      const { u, u_t, u_x, u_xx } = derivatives((s: Tensor, y: Tensor) => network(p, s, y), { t: 1, x: 2 })(t, x);
      const loss = mean(square(sub(add(u_t, mul(u, u_x)), mul(nu, u_xx))));
      return [loss, grad(loss, nu)];
    };
    const setting = await observed(build);
    const { operations: all } = setting.engine.stats.lastFlush;
    await change(setting, 0, numbers(1, 2));
    for (const seed of [3, 4, 5]) {
      const { operations, nodesRecomputed } = await change(setting, 0, numbers(1, seed));
      expect(nodesRecomputed).toBe(0);
      // A layer alone is 2 x 12 x 12 at each point.
      expect(operations).toBeLessThan(16 * POINTS);
      expect(operations).toBeLessThan(0.005 * all);
    }
    await expectFresh(build, setting);
    await setting.engine.dispose();
  });

  it("when the weight of one separable term moves: the loss and its gradient by all parameters", async () => {
    const build =
      (mark: (t: Tensor) => Tensor): Build =>
      (variable) => {
        const weights = [0, 1, 2, 3].map((k) => variable([], 30 + k));
        const p = parametersOf(variable);
        const terms = weights.map((w, k) => {
          const [t, x] = [variable([POINTS], 7 + 3 * k), variable([POINTS], 8 + 3 * k)];
          return mul(w, mark(mean(square(sub(network(p, t, x), mul(k, t))))));
        });
        const loss = terms.reduce<Tensor>((a, b) => add(a, b), terms.pop()!);
        return [loss, ...grad(loss, p)];
      };
    const setting = await observed(build(separable));
    const parameters = widths.slice(1).reduce((n, d, k) => n + widths[k]! * d + d, 0);
    for (const k of [0, 1, 2, 3]) await change(setting, k, numbers(1, 40 + k));
    for (const k of [3, 0, 2, 1]) {
      const { operations, nodesRecomputed } = await change(setting, k, numbers(1, 50 + k));
      expect(nodesRecomputed).toBe(0);
      // Of each parameter: its gradients by the four terms, one of them scaled anew, added up.
      expect(operations).toBeLessThanOrEqual(4 * parameters + 8);
    }
    await expectFresh(build(separable), setting);
    await setting.engine.dispose();

    const seedFirst = await observed(build((t) => t));
    for (const k of [0, 1, 2, 3, 0, 1]) await change(seedFirst, k, numbers(1, 60 + k));
    expect((await change(seedFirst, 0, numbers(1, 70))).operations).toBeGreaterThan(100 * parameters);
    await seedFirst.engine.dispose();
  });
});

describe("a change of all parameters", () => {
  it("runs the kernels of a plan that was made for exactly that, whatever has changed before", async () => {
    const build = tiles(16, 16, (t) => sum(stack(t)));
    const step = async (setting: Setting, round: number): Promise<Engine["stats"]["lastFlush"]> => {
      for (let l = 0; l < LAYERS; l++) setting.sources[16 + l]!.set(numbers(256, l + 0.01 * round));
      await setting.engine.flush();
      return setting.engine.stats.lastFlush;
    };
    const [used, fresh] = [await observed(build), await observed(build)];
    for (const k of [0, 7, 3, 0]) await change(used, k, numbers(256, 500 + k));
    await step(used, 1);
    await step(fresh, 1);
    const [after, made] = [await step(used, 2), await step(fresh, 2)];
    expect(after.operations).toBeLessThanOrEqual(1.05 * made.operations);
    expect(after.bytesRead + after.bytesWritten).toBeLessThanOrEqual(1.05 * (made.bytesRead + made.bytesWritten));
    expect([after.nodesRecomputed, after.kernels]).toEqual([made.nodesRecomputed, made.kernels]);
    await used.engine.dispose();
    await fresh.engine.dispose();
  });
});
