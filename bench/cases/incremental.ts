/**
 * What a change costs where part of a graph has changed, beside an engine in which everything changes. What these cases state are counts, which do
 * not depend on the machine: scalar operations of the last change, and over what no engine can do without.
 */
import { add, derivatives, type Engine, grad, log, matmul, mean, mul, separable, sqrt, square, stack } from "../../dist/index.js";
import { sub, sum, tanh, type Tensor, type Variable } from "../../dist/index.js";
import { burgersLoss } from "../../test/ad/burgers-loop.ts";
import { type Case, type Contestant, type Floats, type Numbers, uniform } from "../case.ts";
import { newEngine } from "../fluxion.ts";
import { meanSquaredError, parametersOf } from "../network.ts";
import { network } from "./pinn-fluxion.ts";
import { tileLoss } from "./tiles-loop.ts";

/** Whatever is worth keeping fits. */
const CACHE = 2 ** 31;

interface Given {
  readonly shape: readonly number[];
  readonly data: Floats;
}

/** A graph over sources of given values, and what of it is looked at. */
interface Graph {
  readonly sources: readonly Given[];
  readonly build: (sources: readonly Variable[]) => readonly Tensor[];
}

interface Running {
  readonly engine: Engine;
  readonly sources: readonly Variable[];
  readonly outputs: readonly Tensor[];
  /** Writes some sources, other values each time, and flushes. */
  change(which: readonly number[]): Promise<void>;
}

async function run({ sources: given, build }: Graph): Promise<Running> {
  const engine = await newEngine(undefined, { cache: { budgetBytes: CACHE } });
  const sources = given.map(({ shape, data }) => engine.variable(data, { shape }));
  const outputs = build(sources);
  engine.observe([...outputs], { lend: true }).subscribe(() => {});
  await engine.flush();
  let round = 0;
  const change = (which: readonly number[]): Promise<void> => {
    round++;
    for (const k of which) {
      const data = given[k]!.data.slice();
      data[0]! += 0.01 * (1 + (round % 7));
      sources[k]!.set(data);
    }
    return engine.flush();
  };
  return { engine, sources, outputs, change };
}

/** Changes of sources by turns. */
async function contestant(graph: Graph, turns: readonly (readonly number[])[], counts: Contestant["counts"]): Promise<Contestant> {
  const running = await run(graph);
  let i = 0;
  return {
    step: () => running.change(turns[i++ % turns.length]!),
    // Each source changes and comes back: what is compared was computed piece by piece.
    outputs: async () => {
      for (const turn of turns) await running.change(turn);
      graph.sources.forEach(({ data }, k) => running.sources[k]!.set(data));
      return (await running.engine.read([...running.outputs])).map((v) => v.data);
    },
    ...(counts && { counts }),
    dispose: () => running.engine.dispose(),
  };
}

const operationsOf = ({ engine }: Running): number => engine.stats.lastFlush.operations;
const all = (graph: Graph): number[] => graph.sources.map((_, k) => k);

// ---- tiles

const LAYERS = 16;
const losses: Readonly<Record<string, (terms: Tensor[]) => Tensor>> = {
  mean: (terms) => mean(stack(terms)),
  sum: (terms) => sum(stack(terms)),
  "sqrt of sum": (terms) => sqrt(sum(stack(terms.map((t) => separable(t))))),
  "log of sum": (terms) => log(sum(stack(terms.map((t) => separable(t))))),
};

/** Tiles of size x size through layers that they share: a loss of their sums of squares, and its gradients by layers and tiles. */
function tiles(count: number, size: number, loss: (terms: Tensor[]) => Tensor): Graph {
  const given = (seed: number): Given => ({
    shape: [size, size],
    data: uniform(size * size, -1.2, 1.2, seed).map((v) => v / Math.sqrt(size)),
  });
  return {
    sources: Array.from({ length: count + LAYERS }, (_, k) => given(1 + k)),
    build: (sources) => {
      const [xs, layers] = [sources.slice(0, count), sources.slice(count)];
      const term = (x: Tensor): Tensor => sum(square(layers.reduce<Tensor>((a, w) => tanh(matmul(a, w)), x)));
      const y = loss(xs.map(term));
      return [y, ...grad(y, sources)];
    },
  };
}

/** Additions on the way of term k up the fixed tree over up to 256 terms: what comes after it in its partial sum, and joining these. */
function pathUp(count: number, k: number): number {
  const [place, length] = [Math.floor(k / 4), Math.ceil((count - (k % 4)) / 4)];
  return (place === 0 ? length - 1 : length - place) + 2;
}

/** Operations of a change of one tile, over those of a tile alone and its way up the sums: the mean over some tiles, after each has changed once. */
async function overIdeal(count: number, size: number): Promise<Record<string, number>> {
  const alone = await run(tiles(1, size, ([t]) => t!));
  const tile = operationsOf(alone);
  await alone.engine.dispose();
  const chosen = [0, Math.floor(count / 3), Math.floor(count / 2), count - 1];
  const found: Record<string, number> = { "tile operations": tile };
  for (const [name, loss] of Object.entries(losses)) {
    const running = await run(tiles(count, size, loss));
    for (const k of chosen) await running.change([k]);
    let over = 0;
    for (const k of chosen) {
      await running.change([k]);
      over += operationsOf(running) / (tile + pathUp(count, k) * (LAYERS * size * size + 1)) / chosen.length;
    }
    found[`${name} over ideal`] = Number(over.toPrecision(4));
    await running.engine.dispose();
  }
  return found;
}

function tilesCase(count: number, size: number): Case {
  const graph = tiles(count, size, losses["mean"]!);
  return {
    name: `tiles-${count}`,
    unit: "ms",
    clock: "wall",
    // Each tile makes a plan when it changes for the first time.
    warmSteps: 8,
    tolerance: 1e-4,
    reference: () =>
      tileLoss(
        graph.sources.map((s) => s.data),
        count,
        size,
      ),
    fluxion: () =>
      contestant(
        graph,
        [0, 1, 2, 3].map((k) => [Math.floor((k * (count - 1)) / 3)]),
        () => overIdeal(count, size),
      ),
    peers: { "from-scratch": () => contestant(graph, [all(graph)], undefined) },
    note: `one of ${count} tiles of ${size} x ${size} through ${LAYERS} layers, by the wall clock; from-scratch: all of them`,
  };
}

// ---- a coefficient, weights, all parameters

const widths = [2, 20, 20, 20, 20, 1];
const vector = (length: number, low: number, seed: number): Given => ({ shape: [length], data: uniform(length, low, 1, seed) });

/** What the last change computed, and what the first one did. */
function operationCounts(graph: Graph, turns: readonly (readonly number[])[]): () => Promise<Record<string, number>> {
  return async () => {
    const running = await run(graph);
    const first = operationsOf(running);
    for (const turn of [...turns, ...turns]) await running.change(turn);
    const { operations, nodesComputed, nodesRecomputed } = running.engine.stats.lastFlush;
    await running.engine.dispose();
    return { operations, nodes: nodesComputed, recomputed: nodesRecomputed, "from scratch": first };
  };
}

function coefficientCase(points: number): Case {
  const parameters = parametersOf(widths, 31);
  const nu = 0.05;
  const [t, x] = [vector(points, 0, 41), vector(points, -1, 42)];
  const graph: Graph = {
    sources: [{ shape: [], data: Float32Array.of(nu) }, t, x, ...parameters],
    build: ([v, ts, xs, ...p]) => {
      const { u, u_t, u_x, u_xx } = derivatives((s: Tensor, y: Tensor) => network(p, s, y), { t: 1, x: 2 })(ts!, xs!);
      const loss = mean(square(sub(add(u_t, mul(u, u_x)), mul(v!, u_xx))));
      return [loss, grad(loss, v!)];
    },
  };
  const reference = (): Numbers[] => {
    const layers = widths.slice(1).map((outputs, k) => ({
      w: Float64Array.from(parameters[2 * k]!.data),
      b: Float64Array.from(parameters[2 * k + 1]!.data),
      inputs: widths[k]!,
      outputs,
    }));
    const both = Float64Array.from({ length: 2 * points }, (_, i) => (i % 2 === 0 ? t : x).data[i >> 1]!);
    const at = (v: number): number => burgersLoss(layers, both, v).loss;
    const v = Math.fround(nu);
    // The loss is a square in the coefficient: a central difference is its derivative.
    return [[at(v)], [(at(v + 1) - at(v - 1)) / 2]];
  };
  return {
    name: "pinn-coefficient",
    unit: "ms",
    clock: "wall",
    tolerance: 1e-4,
    reference,
    fluxion: () => contestant(graph, [[0]], operationCounts(graph, [[0]])),
    peers: { "from-scratch": () => contestant(graph, [all(graph)], undefined) },
    note: `the coefficient of a residual at ${points} points: the loss and its derivative by it, by the wall clock`,
  };
}

function weightsCase(points: number): Case {
  const parameters = parametersOf(widths, 31);
  const weights = [0.5, 1, 1.5, 2];
  const data = weights.map((_, k) => ({ points: uniform(2 * points, -1, 1, 50 + k), y: uniform(points, -1, 1, 60 + k) }));
  const graph: Graph = {
    sources: [
      ...weights.map((w) => ({ shape: [], data: Float32Array.of(w) })),
      ...data.flatMap((d) => [
        { shape: [points], data: d.points.filter((_, i) => i % 2 === 0) },
        { shape: [points], data: d.points.filter((_, i) => i % 2 === 1) },
        { shape: [points], data: d.y },
      ]),
      ...parameters,
    ],
    build: (sources) => {
      const p = sources.slice(16);
      const terms = weights.map((_, k) => {
        const [t, x, y] = sources.slice(4 + 3 * k);
        return mul(sources[k]!, separable(mean(square(sub(network(p, t!, x!), y!)))));
      });
      const loss = sum(stack(terms));
      return [loss, ...grad(loss, p)];
    },
  };
  const reference = (): Numbers[] => {
    const each = data.map((d) =>
      meanSquaredError(
        parameters.map((p) => p.data),
        widths,
        d.points,
        d.y,
      ),
    );
    const weighted = (of: (e: (typeof each)[number]) => number): number => each.reduce((s, e, k) => s + weights[k]! * of(e), 0);
    return [[weighted((e) => e.loss)], ...parameters.map((p, k) => Array.from(p.data, (_, i) => weighted((e) => e.gradient[k]![i]!)))];
  };
  const turns = weights.map((_, k) => [k]);
  return {
    name: "loss-weights",
    unit: "ms",
    clock: "wall",
    warmSteps: 8,
    tolerance: 1e-4,
    reference,
    fluxion: () => contestant(graph, turns, operationCounts(graph, turns)),
    peers: { "from-scratch": () => contestant(graph, [all(graph)], undefined) },
    note: "the weight of one of four separable terms: the loss and its gradient by all parameters, by the wall clock",
  };
}

/** A training step in an engine in which tiles have changed before, beside one that has never done anything else. */
function fullUpdate(count: number, size: number): Case {
  const graph = tiles(count, size, losses["sum"]!);
  const layers = all(graph).slice(count);
  const used = async () => {
    const running = await run(graph);
    for (const k of [0, 1, 2, 0, 1, 2]) await running.change([k]);
    return { ...contestantOf(running), counts: operationCounts(graph, [[0], [1], layers]) };
  };
  const contestantOf = (running: Running): Contestant => ({
    step: () => running.change(layers),
    outputs: async () => {
      graph.sources.forEach(({ data }, k) => running.sources[k]!.set(data));
      return (await running.engine.read([...running.outputs])).map((v) => v.data);
    },
    dispose: () => running.engine.dispose(),
  });
  return {
    name: "full-update",
    unit: "ms",
    tolerance: 1e-4,
    reference: () =>
      tileLoss(
        graph.sources.map((s) => s.data),
        count,
        size,
        1,
      ),
    fluxion: used,
    peers: { "own-plan": async () => contestantOf(await run(graph)) },
    note: `training steps of ${count} tiles after changes of single tiles; own-plan: an engine in which nothing else ever changed`,
  };
}

export const incrementalCases: readonly Case[] = [
  tilesCase(16, 64),
  tilesCase(64, 64),
  tilesCase(256, 32),
  coefficientCase(10_000),
  weightsCase(1024),
  fullUpdate(16, 64),
];
