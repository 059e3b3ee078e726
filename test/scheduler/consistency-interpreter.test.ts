/** As consistency.test.ts, over the interpreter: what differs there and not here is the compiler's, not the scheduler's. */
import { describe, it } from "vitest";
import { interpreter } from "../../kernel/interpreter.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { checkMany } from "./model.ts";

describe("over the interpreter, the engine publishes what a fresh evaluation gives", () => {
  it.each([5, 6, 7, 8])("in 250 sequences from seed %i", (seed) => checkMany(250, seed, () => createEngine({ backend: interpreter() })));
});
