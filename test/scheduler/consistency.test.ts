/**
 * From-scratch consistency: after any sequence of writes, transactions, ticks, observations, reads and collected garbage, what the
 * engine publishes has the bits that the reference engine computes from the sources alone.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import type { Backend } from "../../kernel/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { check, explain, programs } from "./model.ts";

async function consistent(backend: () => Backend, sequences: number, seed: number): Promise<void> {
  const result = await fc.check(
    fc.asyncProperty(programs, (program) => check(program, () => createEngine({ backend: backend() }))),
    { numRuns: sequences, seed },
  );
  if (result.failed)
    expect.fail(
      `seed ${seed}, shrunk ${result.numShrinks} times: ${String(result.errorInstance)}\n${explain(result.counterexample![0])}\nMore: npm run fuzz -- --seed ${seed}`,
    );
}

describe("the engine publishes what a fresh evaluation gives", () => {
  it.each([1, 2, 3, 4])("over WebAssembly, 500 sequences from seed %i", (seed) => consistent(cpu, 500, seed));
  it("over the interpreter, 300 sequences", () => consistent(interpreter, 300, 5));
});
