/**
 * As consistency.test.ts, with caches whose budgets and policies change before every flush, and with pins that come and go: which values are there, and
 * which are computed again, within plans and between flushes, must not show in any bit.
 */
import { afterAll, describe, expect, it } from "vitest";
import { topological } from "../../../core/graph.ts";
import { isLeaf } from "../../../core/leaves.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { cpu } from "../../../cpu/backend.ts";
import { type Backend, OutOfMemory } from "../../../kernel/backend.ts";
import { interpreter } from "../../../kernel/interpreter.ts";
import { createEngine, type Engine } from "../../../scheduler/engine.ts";
import * as policies from "../../../scheduler/eviction/policies.ts";
import type { CachePolicy } from "../../../scheduler/eviction/policy.ts";
import { checkMany } from "../model.ts";

/** Of all engines made here: how many there were, and how many ran out of memory, which ends their program. */
const totals = { engines: 0, exhausted: 0 };

/** An engine whose cache is set anew before every flush, mostly to something too small. */
async function restless(backend: Backend, seed: number, fusion: boolean): Promise<Engine> {
  let state = seed;
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const engine = await createEngine({ backend, fusion });
  totals.engines++;
  let exhausted = 0;
  engine.failures.subscribe(({ error }) => void (error instanceof OutOfMemory && (totals.exhausted += exhausted++ === 0 ? 1 : 0)));
  const choices: (() => CachePolicy | undefined)[] = [
    () => undefined,
    policies.lru,
    policies.dtr,
    policies.msps,
    policies.nextUse,
    policies.revolve,
    policies.frontier,
    () => policies.saveOnly("kept"),
    () => policies.compose(policies.dropFirst("kept"), policies.revolve()),
    () => ({ score: () => below(100) }),
  ];
  const seen: Tensor[] = [];
  const pins: (() => void)[] = [];
  const observe = engine.observe.bind(engine) as (tree: any, options?: any) => any;
  engine.observe = ((tree: any, options: any) => {
    const roots = tree.first ? [tree.first, ...tree.rest] : [tree];
    seen.push(...topological(roots).filter((t) => !isLeaf(t)));
    return observe(tree, options);
  }) as Engine["observe"];
  const change = (): void => {
    const policy = choices[below(choices.length)]!();
    for (const unpin of pins.splice(0, below(3))) unpin();
    // What is pinned may not fit: then all stays as it was.
    try {
      engine.cache.set({ policy, budgetBytes: [128, 192, 320, 700, 2000][below(5)]!, minBytes: below(2) * 20 });
      const some = seen[below(seen.length)];
      if (some && below(2) === 0) pins.push(engine.pin(some));
      if (some) engine.tag(some, "kept");
    } catch {
      engine.invariant();
    }
  };
  const flush = engine.flush.bind(engine);
  engine.flush = () => {
    change();
    return flush();
  };
  return engine;
}

describe("with a cache that changes all the time, the engine publishes what a fresh evaluation gives", () => {
  it.each([
    [21, true],
    [22, false],
  ])("over WebAssembly, in 60 sequences from seed %i, fusion %s", (seed, fusion) => {
    let k = seed;
    return checkMany(60, seed, () => restless(cpu(), k++, fusion));
  });

  afterAll(() => {
    expect(totals.exhausted).toBeLessThan(totals.engines / 2);
  });

  it("over the interpreter, in 60 sequences", () => {
    let k = 0;
    return checkMany(60, 23, () => restless(interpreter(), k++, false));
  });
});
