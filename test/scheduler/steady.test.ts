/** A flush like the one before it allocates nothing, and what flushes once stays fast: what is used least recently is forgotten first. */
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import type { Variable } from "../../core/source.ts";
import { addN } from "../../ops/addN.ts";
import { neg } from "../../ops/arithmetic.ts";
import { overBackends, settle, watch } from "./engines.ts";

it("a flush like the ones before leaves less than a few bytes on the heap", () => {
  const script = new URL("./steady.ts", import.meta.url).pathname;
  const said = execFileSync(process.execPath, ["--expose-gc", "--min-semi-space-size=64", "--import", "tsx", script], { encoding: "utf8" });
  const { bytes, told, resident, control, awaited } = JSON.parse(said) as {
    bytes: Record<string, number>;
    told: number;
    resident: number;
    control: number;
    awaited: number;
  };
  console.log(`bytes of heap a flush: ${JSON.stringify(bytes)}; awaited, ${awaited}; with an array of two numbers made for it, ${control}`);
  // The measurement sees what is there: an array of two numbers.
  expect(control).toBeGreaterThan(30);
  // A promise, what runs when it settles, and what waits for it.
  expect(awaited).toBeLessThan(1000);
  expect(told).toBeGreaterThan(100_000);
  expect(resident).toBe(0);
  for (const [what, grown] of Object.entries(bytes)) expect(grown, what).toBeLessThan(8);
}, 60_000);

overBackends("plans", (make) => {
  it("that are used again and again outlive hundreds that are used once", async () => {
    const engine = await make();
    const sources: Variable[] = Array.from({ length: 11 }, (_, i) => engine.variable(i));
    const usual = engine.variable(0);
    const seen = watch(engine, addN([...sources, usual].map((s) => neg(s))));
    const now = sources.map((_, i) => i);
    await settle(engine);
    const change = (v: number): void => {
      usual.set(v);
      engine.flushSync();
    };
    change(1);
    change(2);
    for (let k = 1; k < 900; k++) {
      engine.transaction(() =>
        sources.forEach((s, i) => {
          if (k & (1 << i)) s.set((now[i] = k + i));
        }),
      );
      engine.flushSync();
      const { plansBuilt } = engine.stats;
      change(3 + k);
      if (k > 2) expect(engine.stats.plansBuilt).toBe(plansBuilt);
      expect(engine.stats.plansHeld).toBeLessThanOrEqual(512);
    }
    engine.invariant();
    expect(engine.stats.plansHeld).toBeGreaterThan(256);
    expect(seen.at(-1)![1]).toBe(-now.reduce((x, y) => x + y, 902));
    await engine.dispose();
  });
});

overBackends("flushSync", (make) => {
  it("has published what was pending when it returns, and refuses inside observers and transactions", async () => {
    const engine = await make();
    const a = engine.variable(1);
    const seen = watch(engine, neg(a));
    engine.flushSync();
    a.set(2);
    expect(seen.map(([, v]) => v)).toEqual([-1]);
    engine.flushSync();
    expect(seen.map(([, v]) => v)).toEqual([-1, -2]);
    const errors: unknown[] = [];
    engine.observe(a).subscribe(() => {
      try {
        engine.flushSync();
      } catch (error) {
        errors.push(error);
      }
    });
    engine.flushSync();
    expect(String(errors)).toMatch(/flushSync: a flush is under way/);
    expect(() => engine.transaction(() => engine.flushSync())).toThrow(/flushSync: a transaction is open/);
    await engine.dispose();
    engine.flushSync();
  });
});
