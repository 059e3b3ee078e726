/**
 * From-scratch consistency: after any sequence of writes, transactions, ticks, observations, reads and collected garbage, what the
 * engine publishes has the bits that the reference engine computes from the sources alone. More with `npm run fuzz`.
 */
import { describe, it } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { checkMany } from "./model.ts";

describe("over WebAssembly, the engine publishes what a fresh evaluation gives", () => {
  it.each([1, 2, 3, 4])("in 250 sequences from seed %i", (seed) => checkMany(250, seed, () => createEngine({ backend: cpu() })));
});
