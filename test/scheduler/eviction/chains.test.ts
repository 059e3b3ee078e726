/** Schedules on chains, against the closed form of the optimum and against dynamic programming; and schedules of any tape: they run, and fit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byScores } from "../../../scheduler/eviction/greedy.ts";
import { dtr, lru, msps, nextUse } from "../../../scheduler/eviction/policies.ts";
import { checkpointing, revolveSchedule } from "../../../scheduler/eviction/revolve.ts";
import { fewestSteps, weighedSplit } from "../../../scheduler/eviction/splits.ts";
import { bottleneck, DoesNotFit, follow, type Schedule, type Tape } from "../../../scheduler/eviction/tape.ts";
import { chainTape, random } from "./tapes.ts";

const binomial = (n: number, k: number): number => {
  let value = 1;
  for (let i = 1; i <= k; i++) value = (value * (n - k + i)) / i;
  return Math.round(value);
};

/** Griewank's optimum: the least r with C(B + r, r) >= N, then r N - C(B + r, r - 1) steps. */
function optimum(n: number, b: number): number {
  let r = 0;
  while (binomial(b + r, r) < n) r++;
  return r * n - (r > 0 ? binomial(b + r, r - 1) : 0);
}

/** What a step works with beside the states that are kept: its operand and its result, and the adjoint that waits. */
const WORKING = 3;

describe("revolve", () => {
  it.each([
    [10, [15, 13, 10, 9, 9, 9]],
    [100, [490, 316, 245, 222, 178, 168]],
    [1000, [12155, 6284, 4285, 3636, 2747, 2472]],
  ])("on %i steps knows the published optima", (n, published) => {
    expect([3, 5, 8, 10, 20, 30].map((b) => optimum(n, b))).toEqual(published);
    expect([3, 5, 8, 10, 20, 30].map((b) => fewestSteps(n, b))).toEqual(published);
  });

  it.each([10, 100, 500, 1000])(
    "takes exactly the optimum of steps on a chain of %i, in B states and the working buffers of a step",
    (n) => {
      const tape = chainTape(new Array<number>(n).fill(1));
      for (const b of [6, 10, 20, 64]) {
        // The first state is one of the B, and is there in any case.
        const states = checkpointing(tape)!.attempt(b - 1, Infinity) as Schedule;
        const figures = follow(tape, states);
        expect([b, figures.cost]).toEqual([b, optimum(n, b)]);
        expect(figures.peak).toBeLessThanOrEqual(b - 1 + WORKING);
        const budgeted = follow(tape, revolveSchedule(tape, b - 1 + WORKING)!);
        expect(budgeted.cost).toBeLessThanOrEqual(optimum(n, b));
        expect(budgeted.peak).toBeLessThanOrEqual(b - 1 + WORKING);
      }
    },
  );

  it("takes the optimum of dynamic programming on chains of random costs", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const costs = random(60, seed).map((x) => Math.exp(3 * x));
      const tape = chainTape(costs);
      for (const b of [3, 8]) {
        const least = weighedSplit(costs.slice(0, -1), b).least(b);
        expect(follow(tape, checkpointing(tape)!.attempt(b - 1, Infinity) as Schedule).cost).toBeCloseTo(least, 6);
      }
    }
  });

  it("goes through 10,000 steps with 10 states", () => {
    const tape = chainTape(new Array<number>(10_000).fill(1));
    const { cost, peak } = follow(tape, checkpointing(tape)!.attempt(9, Infinity) as Schedule);
    expect(cost).toBe(optimum(10_000, 10));
    expect(peak).toBeLessThanOrEqual(9 + WORKING);
  });
});

describe("scores", () => {
  it("of the next use come within a quarter of the optimum on equal steps, and those of dtr within a half", () => {
    for (const n of [100, 500, 1000])
      for (const b of [8, 10, 20, 64]) {
        const tape = chainTape(new Array<number>(n).fill(1));
        const steps = [nextUse(), dtr()].map((policy) => follow(tape, byScores(tape, b - 1 + WORKING, policy)).cost / optimum(n, b));
        expect(steps[0]).toBeLessThanOrEqual(1.25);
        expect(steps[1]).toBeLessThanOrEqual(1.5);
      }
  });

  it("of the next use come within 1.3 of the optimum on random costs, in the median of 20 chains", () => {
    const ratios = Array.from({ length: 20 }, (_, k) => {
      const costs = random(100, k + 1).map((x) => Math.exp(2 * x));
      const tape = chainTape(costs);
      return follow(tape, byScores(tape, 8 - 1 + WORKING, nextUse())).cost / weighedSplit(costs.slice(0, -1), 8).least(8);
    });
    expect(ratios.sort((a, b) => a - b)[10]).toBeLessThanOrEqual(1.3);
  });
});

/** Random tapes: each operation reads some of what was written before, mostly lately. */
const tapes: fc.Arbitrary<Tape> = fc
  .array(
    fc.record({
      reads: fc.array(fc.oneof(fc.nat(2), fc.nat(10), fc.nat(60)), { maxLength: 3 }),
      writes: fc.integer({ min: 1, max: 2 }),
      bytes: fc.constantFrom(1, 1, 2, 5, 9),
      cost: fc.nat(20),
      stays: fc.nat(9),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((specs) => {
    const values: Tape["values"][number][] = [];
    const ops = specs.map(({ reads, writes, bytes, cost, stays }) => {
      const read = [...new Set(reads.flatMap((back) => (back < values.length ? [values.length - 1 - back] : [])))];
      const write = Array.from({ length: writes }, () => values.push({ bytes, stays: stays === 0, tags: [] }) - 1);
      return { reads: read, writes: write, cost };
    });
    return { ops, values };
  });

it("schedules of any tape run, stay within the budget, and cost nothing more where there is room for all", () => {
  let fitted = 0;
  const policies = [nextUse(), dtr(), lru(), msps()];
  fc.assert(
    fc.property(tapes, fc.nat(100), fc.nat(3), (tape, percent, p) => {
      const all = follow(tape, byScores(tape, Infinity, nextUse()));
      expect(all.repeated).toBe(0);
      const least = bottleneck(tape).bytes;
      const budget = least + ((all.peak - least) * percent) / 100;
      const schedules = [(): unknown => byScores(tape, budget, policies[p]!), (): unknown => revolveSchedule(tape, budget)];
      for (const make of schedules)
        try {
          const schedule = make();
          if (!schedule) continue;
          fitted++;
          expect(follow(tape, schedule as number[]).peak).toBeLessThanOrEqual(budget);
        } catch (error) {
          if (!(error instanceof DoesNotFit)) throw error;
        }
    }),
    { numRuns: 300, seed: 5 },
  );
  expect(fitted).toBeGreaterThan(150);
});

it("follow refuses what is no schedule", () => {
  const tape = chainTape([1, 1, 1]);
  expect(() => follow(tape, [1])).toThrow(/operation 1 reads value 1, which is not there/);
  expect(() => follow(tape, [0])).toThrow(/operation 1 has not run/);
  expect(() => follow(tape, [0, ~1, ~1])).toThrow(/value 1 cannot be let go/);
  expect(() => follow(tape, [9])).toThrow(/there is no operation 9/);
});
