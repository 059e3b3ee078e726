/**
 * As consistency.test.ts, with caches that are too small for all values: what stays, what shares memory while a plan runs, and what is computed
 * again must not show in any bit. Values of these programs have a few dozen bytes each.
 */
import { describe, it } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { checkMany } from "./model.ts";

describe("with a small cache, the engine publishes what a fresh evaluation gives", () => {
  it.each([
    [11, 0, true],
    [12, 0, false],
    [13, 60, true],
    [14, 400, false],
  ])("over WebAssembly, in 100 sequences from seed %i, %i bytes, fusion %s", (seed, budgetBytes, fusion) =>
    checkMany(100, seed, () => createEngine({ backend: cpu(), cache: { budgetBytes }, fusion })),
  );

  it.each([
    [15, 0, Infinity],
    [16, 100, 4000],
    [17, 1000, 3000],
  ])("over the interpreter, in 100 sequences from seed %i, %i bytes, %d bytes in all", (seed, cacheBytes, budgetBytes) =>
    checkMany(100, seed, () => createEngine({ backend: interpreter(), cache: { budgetBytes: cacheBytes }, budgetBytes })),
  );
});
