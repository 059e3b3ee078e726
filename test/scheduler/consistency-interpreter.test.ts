/** As consistency.test.ts, over the interpreter: what differs there and not here is the compiler's, not the scheduler's. */
import { describe, it } from "vitest";
import { interpreter } from "../../kernel/interpreter.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { checkMany } from "./model.ts";

describe("over the interpreter, the engine publishes what a fresh evaluation gives", () => {
  const over = (seed: number, budgetBytes: number): Promise<void> =>
    checkMany(250, seed, () => createEngine({ backend: interpreter(), budgetBytes }));

  it.each([5, 6])("in 250 sequences from seed %i", (seed) => over(seed, Infinity));
  it.each([7, 8])("within a budget of memory, in 250 sequences from seed %i", (seed) => over(seed, 4000));
});
