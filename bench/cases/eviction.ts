/**
 * What budgets of memory cost: steps and operations that are done again, as counts, which do not depend on the machine. Chains are tapes as the
 * planner sees them, against the fewest steps that are possible; the rest are graphs in an engine, against keeping everything.
 */
import { cpu } from "../../cpu/backend.ts";
import { OutOfMemory } from "../../kernel/backend.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { byScores } from "../../scheduler/eviction/greedy.ts";
import { dtr, frontier, lru, nextUse } from "../../scheduler/eviction/policies.ts";
import type { CachePolicy } from "../../scheduler/eviction/policy.ts";
import { checkpointing } from "../../scheduler/eviction/revolve.ts";
import { fewestSteps, weighedSplit } from "../../scheduler/eviction/splits.ts";
import { DoesNotFit, follow, type Schedule, type Tape } from "../../scheduler/eviction/tape.ts";
import { branches, type Build, residualNetwork, runWithin, type Taken, uNet, wave } from "../../test/scheduler/eviction/graphs.ts";
import { chainTape, random } from "../../test/scheduler/eviction/tapes.ts";
import type { Case } from "../case.ts";
import { median } from "../measure.ts";

type Counts = Record<string, number>;
const rounded = (x: number): number => Number(x.toPrecision(4));

// ---- chains

/** Beside the states that are kept: a step's operand and its result, and the adjoint that waits. */
const WORKING = 3;

/** Steps with b states, the first of which is there in any case; undefined where there is no schedule. */
const planners: Readonly<Record<string, (tape: Tape, b: number) => Schedule | undefined>> = {
  revolve: (tape, b) => checkpointing(tape)!.attempt(b - 1, Infinity) as Schedule,
  nextUse: (tape, b) => scheduled(tape, b, nextUse()),
  dtr: (tape, b) => scheduled(tape, b, dtr()),
  lru: (tape, b) => scheduled(tape, b, lru()),
};

function scheduled(tape: Tape, b: number, policy: CachePolicy): Schedule | undefined {
  try {
    return byScores(tape, b - 1 + WORKING, policy);
  } catch (error) {
    if (error instanceof DoesNotFit) return undefined;
    throw error;
  }
}

const equalSteps = (n: number): Tape => chainTape(new Array<number>(n).fill(1));
const LENGTHS = [100, 500, 1000];
const STATES = [6, 10, 20, 64];

function overOptimum(): Counts {
  const found: Counts = { "working buffers": WORKING };
  for (const n of LENGTHS)
    for (const b of STATES)
      for (const [name, plan] of Object.entries(planners)) {
        const schedule = plan(equalSteps(n), b);
        if (schedule) found[`${n}/${b} ${name}`] = rounded(follow(equalSteps(n), schedule).cost / fewestSteps(n, b));
      }
  return found;
}

const chainCase: Case = {
  name: "eviction-chain",
  unit: "ms",
  tolerance: 0,
  // Griewank's optimum; what revolve takes is exactly that.
  reference: () => [LENGTHS.flatMap((n) => STATES.map((b) => fewestSteps(n, b)))],
  fluxion: async () => ({
    step: () => void planners["revolve"]!(equalSteps(1000), 20),
    outputs: () => [LENGTHS.flatMap((n) => STATES.map((b) => follow(equalSteps(n), planners["revolve"]!(equalSteps(n), b)!).cost))],
    counts: overOptimum,
  }),
  peers: {},
  note: "steps over the optimum, by steps/states and policy; left out: no schedule; timed: a schedule for 1,000 steps and 20 states",
};

const CHAINS = 20;
const costsOf = (k: number): number[] => random(100, k + 1).map((x) => Math.exp(2 * x));
const randomStates = [8, 20];

/** By dynamic programming. */
const leastOf = (costs: readonly number[], b: number): number => weighedSplit(costs.slice(0, -1), b).least(b);

function medians(): Counts {
  const found: Counts = {};
  for (const b of randomStates)
    for (const [name, plan] of Object.entries(planners)) {
      const ratios = Array.from({ length: CHAINS }, (_, k) => {
        const tape = chainTape(costsOf(k));
        const schedule = plan(tape, b);
        return schedule ? follow(tape, schedule).cost / leastOf(costsOf(k), b) : Infinity;
      });
      if (median(ratios) < Infinity) found[`100/${b} ${name}`] = rounded(median(ratios));
    }
  return found;
}

const randomCase: Case = {
  name: "eviction-random",
  unit: "ms",
  tolerance: 1e-12,
  reference: () => [Array.from({ length: CHAINS }, (_, k) => leastOf(costsOf(k), 8))],
  fluxion: async () => ({
    step: () => void planners["revolve"]!(chainTape(costsOf(0)), 8),
    outputs: () => [
      Array.from({ length: CHAINS }, (_, k) => follow(chainTape(costsOf(k)), planners["revolve"]!(chainTape(costsOf(k)), 8)!).cost),
    ],
    counts: medians,
  }),
  peers: {},
  note: `${CHAINS} chains of 100 steps of random costs: the median cost over the optimum, by steps/states and policy; timed: a schedule`,
};

// ---- graphs

/** For which parts of the bytes of keeping everything. */
function graphCase(name: string, build: Build, parts: readonly number[], note: string): Case {
  const policies = { nextUse, dtr };
  const different = (a: readonly number[], b: readonly number[]): number =>
    a.length === b.length ? a.filter((v, i) => !Object.is(v, b[i])).length : Infinity;
  return {
    name,
    unit: "ms",
    warmSteps: 1,
    tolerance: 0,
    reference: () => [[0]],
    fluxion: async () => {
      const free = await runWithin(build);
      const counts: Counts = { "bytes of keepAll": free.bytes };
      let wrong = 0;
      let last: Taken | undefined;
      for (const part of parts)
        for (const [policy, of] of Object.entries(policies))
          try {
            const taken = await runWithin(build, Math.floor(part * free.bytes), of());
            wrong += different(taken.results, free.results);
            counts[`${part} ${policy}: bytes`] = rounded(taken.bytes / free.bytes);
            counts[`${part} ${policy}: extra`] = rounded(taken.extra);
            await last?.engine.dispose();
            last = taken;
          } catch (error) {
            if (!(error instanceof OutOfMemory)) throw error;
          }
      await free.engine.dispose();
      const { engine, x } = last!;
      const size = x.shape.reduce<number>((n, d) => n * (d as number), 1);
      let round = 0;
      return {
        step: () => {
          x.set(new Float32Array(size).fill(0.1 + 0.01 * (round++ % 7)));
          return engine.flush();
        },
        // How many numbers differ in a bit from those of keepAll.
        outputs: () => [[wrong]],
        counts: () => counts,
        dispose: () => engine.dispose(),
      };
    },
    peers: {},
    note: `${note}: by the budget as a part of keepAll's bytes, what is taken, and operations done again over those done once; left out: no schedule`,
  };
}

// ---- what a change reads

const [BRANCHES, DEPTH, CHANGING, SIZE] = [24, 50, 4, 256];

const frontierCase: Case = {
  name: "frontier",
  unit: "ms",
  warmSteps: 8,
  tolerance: 0,
  reference: () => [[CHANGING * DEPTH]],
  fluxion: async () => {
    const budgetBytes = (BRANCHES * DEPTH * 4 * SIZE) / 20;
    // Unfused, so that every node is a value of its own.
    const engine = await createEngine({ backend: cpu(), fusion: false, cache: { budgetBytes, policy: frontier() } });
    const { sources, total } = branches(BRANCHES, DEPTH, SIZE)(engine);
    engine.observe(total).subscribe(() => {});
    await engine.flush();
    let frame = 0;
    const step = (): Promise<void> => {
      frame++;
      for (const s of sources.slice(0, CHANGING)) s.set(new Float32Array(SIZE).fill(Math.cos(frame)));
      return engine.flush();
    };
    return {
      step,
      outputs: async () => {
        for (let k = 0; k < 4; k++) await step();
        // The sums above the branches come on top.
        return [[engine.stats.lastFlush.nodesComputed - BRANCHES]];
      },
      counts: () => ({
        nodes: engine.stats.lastFlush.nodesComputed,
        "cache bytes": engine.memoryReport().cacheBytes,
        "budget bytes": budgetBytes,
      }),
      dispose: () => engine.dispose(),
    };
  },
  peers: {},
  note: `${BRANCHES * DEPTH} nodes, of which ${CHANGING * DEPTH} are dirty a frame, and ${BRANCHES} sums; the cache has room for 5% of the values`,
};

export const evictionCases: readonly Case[] = [
  chainCase,
  randomCase,
  graphCase("residual-network", residualNetwork(40), [0.5, 0.3, 0.2, 0.1], "40 blocks, gradients by all weights"),
  graphCase("u-net", uNet(4), [0.5, 0.4, 0.34], "four levels, gradients by all weights"),
  graphCase("wave-1000", wave(1000), [0.2, 0.15], "1,000 leapfrog steps, gradients by speeds and first state"),
  frontierCase,
];
