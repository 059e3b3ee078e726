/**
 * Propagation: what a change costs for each node that is computed again, beside signal libraries on graphs of the same shape. A node is a sum
 * of its inputs and a constant. fluxion's nodes hold one number each and end in a prefix sum, which no fusion can see through: every one of
 * them is a kernel of its own (`kernels` in the output counts them).
 */
import { add, cumsum, type Engine, floor, type Tensor } from "../../dist/index.js";
import type { Case, Contestant } from "../case.ts";
import { type Backend, countsOf, newEngine } from "../fluxion.ts";
import { alienSignals, preactSignals } from "../peers/signals.ts";

/** A reactive library, as far as these graphs need it. */
export interface Reactive<N> {
  source(value: number): { node: N; set(value: number): void };
  /** The sum of one or two nodes and a constant. */
  sum(inputs: readonly [N, N?], plus: number): N;
  floor(input: N): N;
  /** Calls `seen` with each new value; when `settle` returns, what was set has arrived. */
  observe(node: N, seen: (value: number) => void): { settle(): void; stop(): void };
}

interface Graph<N> {
  readonly root: N;
  /** Makes the i-th change. */
  readonly change: (i: number) => void;
}

interface Shape {
  readonly name: string;
  /** Nodes that a change makes the library compute again. */
  readonly nodes: number;
  readonly unit: "ns/node" | "ns";
  /** So many different parts of the graph change in turn. */
  readonly patterns?: number;
  /** The value of the root after changes 0 and 1. */
  readonly expected: readonly [number, number];
  build<N>(lib: Reactive<N>, cutoff: (node: N) => void): Graph<N>;
}

const flip = (set: (value: number) => void) => (i: number) => set(i % 2 === 0 ? 3 : 5);

function chainOf<N>(lib: Reactive<N>, from: N, length: number): N {
  let node = from;
  for (let i = 0; i < length; i++) node = lib.sum([node], 1);
  return node;
}

const binomial = (n: number, k: number): number => (k === 0 ? 1 : (binomial(n - 1, k - 1) * n) / k);

/** Neighbours added up in pairs, the sums in pairs again, until one node is left. */
function treeOf<N>(lib: Reactive<N>, leaves: readonly N[]): N {
  let level = leaves;
  while (level.length > 1)
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) =>
      2 * i + 1 < level.length ? lib.sum([level[2 * i]!, level[2 * i + 1]!], 0) : level[2 * i]!,
    );
  return level[0]!;
}

const side = 32;
const branches = 128;
const branchNodes = 77;

const shapes: readonly Shape[] = [
  {
    name: "graph-chain-1000",
    nodes: 1000,
    unit: "ns/node",
    expected: [1003, 1005],
    build(lib) {
      const { node, set } = lib.source(0);
      return { root: chainOf(lib, node, 1000), change: flip(set) };
    },
  },
  {
    // A thousand nodes on one source, and the 999 that add them up.
    name: "graph-wide-1000",
    nodes: 1999,
    unit: "ns/node",
    expected: [3000 + 499500, 5000 + 499500],
    build(lib) {
      const { node, set } = lib.source(0);
      const row = Array.from({ length: 1000 }, (_, i) => lib.sum([node], i));
      return { root: treeOf(lib, row), change: flip(set) };
    },
  },
  {
    // Each node is the sum of its upper and its left neighbour: paths from the source are counted.
    name: "graph-grid-32",
    nodes: side * side,
    unit: "ns/node",
    expected: [3 * binomial(2 * side - 2, side - 1), 5 * binomial(2 * side - 2, side - 1)],
    build(lib) {
      const { node, set } = lib.source(0);
      let above: ReturnType<typeof lib.sum>[] = [];
      for (let i = 0; i < side; i++) {
        const row: typeof above = [];
        for (let j = 0; j < side; j++) {
          row.push(lib.sum(i > 0 && j > 0 ? [above[j]!, row[j - 1]!] : [above[j] ?? row[j - 1] ?? node], 0));
        }
        above = row;
      }
      return { root: above[side - 1]!, change: flip(set) };
    },
  },
  {
    // A tree with 128 branches, each a chain on a source of its own: 9,983 nodes. A change is in one branch after the other.
    name: "graph-sparse-10k",
    nodes: branchNodes + Math.log2(branches),
    patterns: branches,
    unit: "ns/node",
    expected: [branches * branchNodes + 1, branches * branchNodes + 2],
    build(lib) {
      const sources = Array.from({ length: branches }, () => lib.source(0));
      const root = treeOf(
        lib,
        sources.map(({ node }) => chainOf(lib, node, branchNodes)),
      );
      return { root, change: (i) => sources[i % branches]!.set(1 + Math.floor(i / branches)) };
    },
  },
  {
    name: "graph-cutoff-1000",
    nodes: 1,
    unit: "ns",
    expected: [1000, 1000],
    build(lib, cutoff) {
      const { node, set } = lib.source(0.125);
      const first = lib.floor(node);
      cutoff(first);
      return { root: chainOf(lib, first, 1000), change: (i) => set(i % 2 === 0 ? 0.25 : 0.5) };
    },
  },
];

function reactive(engine: Engine): Reactive<Tensor> {
  return {
    source: (value) => {
      const v = engine.variable([value]);
      return { node: v, set: (x) => v.set([x]) };
    },
    sum: ([a, b], plus) => {
      const both = b ? add(a, b) : a;
      return cumsum(plus === 0 ? both : both.add(plus));
    },
    floor: (input) => cumsum(floor(input)),
    observe: (node, seen) => {
      const subscription = engine.observe(node, { lend: true }).subscribe((v) => seen(v.data[0]!));
      // Signals arrive at once; so does this.
      return { settle: () => engine.flushSync(), stop: () => subscription.unsubscribe() };
    },
  };
}

function contestant<N>(shape: Shape, lib: Reactive<N>, cutoff: (node: N) => void): Contestant & { change(): void } {
  const { root, change } = shape.build(lib, cutoff);
  let last = NaN;
  const { settle, stop } = lib.observe(root, (v) => void (last = v));
  let i = 0;
  const step = (): void => {
    change(i++);
    settle();
  };
  return {
    step,
    outputs: () => {
      step();
      const first = last;
      step();
      return [[first, last]];
    },
    change: () => change(i++),
    dispose: stop,
  };
}

async function fluxion(shape: Shape, backend: Backend): Promise<Contestant> {
  const engine = await newEngine(backend);
  const c = contestant(shape, reactive(engine), (t) => engine.cutoff(t, "exact"));
  return {
    ...c,
    counts: async () => {
      await c.step();
      return countsOf(engine);
    },
    also: {
      awaited: () => {
        c.change();
        return engine.flush();
      },
    },
    dispose: async () => {
      await c.dispose?.();
      await engine.dispose();
    },
  };
}

export const graphCases: readonly Case[] = shapes.map((shape) => ({
  name: shape.name,
  unit: shape.unit,
  perStep: shape.nodes,
  // Each pattern of change makes a plan when it is new, and another where it meets what an earlier one left.
  warmSteps: 3 * (shape.patterns ?? 1),
  tolerance: 1e-6,
  reference: () => [shape.expected],
  fluxion: (backend) => fluxion(shape, backend),
  peers: {
    "alien-signals": async () => contestant(shape, await alienSignals(), () => {}),
    "preact-signals": async () => contestant(shape, await preactSignals(), () => {}),
  },
}));
