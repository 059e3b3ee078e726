/** Graphs that are no chains, whose gradients need many values again: what budgets cost on them, tests bound and the benchmark counts. */
import { grad } from "../../../ad/grad.ts";
import type { Variable } from "../../../core/source.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { cpu } from "../../../cpu/backend.ts";
import { add, mul, square, sub } from "../../../ops/arithmetic.ts";
import { concatenate } from "../../../ops/concatenate.ts";
import { sin, tanh } from "../../../ops/functions.ts";
import { matmul } from "../../../ops/matmul.ts";
import { roll } from "../../../ops/rearrange.ts";
import { mean, sum } from "../../../ops/reductions.ts";
import { repeat } from "../../../ops/repeat.ts";
import { reshape } from "../../../ops/reshape.ts";
import { createEngine, type Engine } from "../../../scheduler/engine.ts";
import type { CachePolicy } from "../../../scheduler/eviction/policy.ts";
import { within } from "./within.ts";

/** A source that changes, and what is asked for. */
export interface Graph {
  readonly x: Variable;
  readonly outputs: readonly Tensor[];
}

export type Build = (engine: Engine) => Graph;

const numbers = (n: number, by: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, (_, i) => Math.sin(by * (i + 1)));

/** A dense layer's weights. */
const weights = (engine: Engine, inputs: number, outputs: number, by: number): Variable =>
  engine.variable(
    numbers(inputs * outputs, 1.3 + by / 7).map((v) => v / Math.sqrt(inputs)),
    { shape: [inputs, outputs] },
  );

/** Blocks y + tanh(y W) V, and the gradients by all weights. */
export const residualNetwork =
  (blocks: number, rows = 128, width = 16): Build =>
  (engine) => {
    const x = engine.variable(numbers(rows * width, 1.7), { shape: [rows, width], label: "x" });
    const layers = Array.from({ length: 2 * blocks }, (_, k) => weights(engine, width, width, k));
    let y: Tensor = x;
    for (let k = 0; k < blocks; k++) y = add(y, matmul(tanh(matmul(y, layers[2 * k]!)), layers[2 * k + 1]!));
    const loss = mean(square(y));
    return { x, outputs: [loss, ...grad(loss, layers)] };
  };

/** Down through levels of half the rows each, and up again beside what each level had on the way down; two layers each way. */
export const uNet =
  (levels: number, rows = 512, width = 16): Build =>
  (engine) => {
    const x = engine.variable(numbers(rows * width, 1.7), { shape: [rows, width], label: "x" });
    const layers: Variable[] = [];
    const layer = (t: Tensor, inputs = width): Tensor => {
      layers.push(weights(engine, inputs, width, layers.length));
      return tanh(matmul(t, layers.at(-1)!));
    };
    const through = (t: Tensor, left: number, size: number): Tensor => {
      const down = layer(layer(t));
      if (left === 0) return down;
      const below = through(mean(reshape(down, [size / 2, 2, width]), 1), left - 1, size / 2);
      return layer(layer(concatenate([repeat(below, 2, 0), down], 1), 2 * width));
    };
    const loss = mean(square(through(x, levels, rows)));
    return { x, outputs: [loss, ...grad(loss, layers)] };
  };

/** The wave equation on a ring by the leapfrog method: the gradient of the last energy by the speeds, squared, and by the first state. */
export const wave =
  (steps: number, points = 128): Build =>
  (engine) => {
    const x = engine.variable(numbers(points, (2 * Math.PI) / points), { label: "u" });
    const speeds = engine.variable(numbers(points, 0.3).map((v) => 0.2 + 0.1 * v));
    let [before, now]: [Tensor, Tensor] = [x, x];
    for (let k = 0; k < steps; k++) {
      const curvature = sub(add(roll(now, 1), roll(now, -1)), mul(now, 2));
      [before, now] = [now, add(sub(mul(now, 2), before), mul(speeds, curvature))];
    }
    const energy = sum(square(now));
    return { x, outputs: [energy, ...grad(energy, [speeds, x])] };
  };

/** Branches of so many nodes each, under sums: those of a changing source, and those of others. */
export const branches = (count: number, depth: number, size = 256): ((engine: Engine) => { sources: Variable[]; total: Tensor }) => {
  return (engine) => {
    const sources = Array.from({ length: count }, (_, k) => engine.variable(new Float32Array(size).fill(k / count)));
    const tops = sources.map((s) => {
      let t: Tensor = s;
      for (let i = 0; i < depth; i++) t = sin(t);
      return t;
    });
    return { sources, total: sum(tops.reduce((a, b) => add(a, b))) };
  };
};

/** What a budget takes: the most bytes that were allocated, and the work done again over what is done once. */
export interface Taken {
  readonly bytes: number;
  readonly extra: number;
  /** Values of all outputs, after a change. */
  readonly results: readonly number[];
  readonly engine: Engine;
  readonly x: Variable;
}

/** Scalars of four bytes get eight, of which budgets count four; this is more than all of them come to. */
export const SCALARS = 256;

/** Runs a graph and a change of it in so many bytes altogether; none said, all values are kept. Throws OutOfMemory where there is no schedule. */
export async function runWithin(build: Build, budgetBytes?: number, policy?: CachePolicy): Promise<Taken> {
  const room = budgetBytes === undefined ? {} : { budgetBytes };
  const backend = within(cpu(), budgetBytes === undefined ? Infinity : budgetBytes + SCALARS);
  const engine = await createEngine({ backend, ...room, cache: { ...room, policy } });
  const { x, outputs } = build(engine);
  let results: number[] = [];
  let failure: Error | undefined;
  engine.failures.subscribe(({ error }) => (failure ??= error as Error));
  engine.observe([...outputs]).subscribe((v: any) => (results = v.flatMap((t: any) => [...t.data])));
  await engine.flush();
  const { operations, operationsRepeated } = engine.stats.lastFlush;
  if (!failure) {
    x.set(
      numbers(
        x.shape.reduce<number>((a, b) => a * (b as number), 1),
        0.9,
      ),
    );
    await engine.flush();
  }
  if (failure) {
    await engine.dispose();
    throw failure;
  }
  return { bytes: backend.most, extra: operationsRepeated / (operations - operationsRepeated), results, engine, x };
}
