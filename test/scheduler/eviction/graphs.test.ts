/** Graphs that are no chains under budgets: within the bytes, to the bits of keeping everything, and with no more work than stated. */
import { describe, expect, it } from "vitest";
import { dtr, nextUse } from "../../../scheduler/eviction/policies.ts";
import { type Build, residualNetwork, runWithin, SCALARS, uNet, wave } from "./graphs.ts";

/** Parts of the bytes that keeping everything takes, and the work that they may cost beside that which is done once. */
const graphs: readonly [string, Build, readonly (readonly [part: number, extra: number])[]][] = [
  [
    "a residual network of 16 blocks",
    residualNetwork(16),
    [
      [0.5, 0],
      [0.2, 0.4],
    ],
  ],
  [
    "a U-net of 4 levels",
    uNet(4),
    [
      [0.5, 0],
      [0.34, 0.25],
    ],
  ],
  ["a wave of 60 steps", wave(60), [[0.15, 0]]],
];

describe.each(graphs)("%s", (_, build, budgets) => {
  it("runs in less memory to the same bits", async () => {
    const free = await runWithin(build);
    expect(free.extra).toBe(0);
    for (const [part, most] of budgets) {
      const budget = Math.floor(part * free.bytes);
      const extras: number[] = [];
      for (const policy of [nextUse(), dtr(), undefined]) {
        const { bytes, extra, results } = await runWithin(build, budget, policy);
        expect(bytes).toBeLessThanOrEqual(budget + SCALARS);
        expect(results).toEqual(free.results);
        expect([part, policy?.name, extra <= most]).toEqual([part, policy?.name, true]);
        extras.push(extra);
      }
      // By default the better one of the two is taken.
      expect(extras[2]).toBeLessThanOrEqual(Math.min(extras[0]!, extras[1]!));
    }
  });
});
