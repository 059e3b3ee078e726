/** verifyDeterminism accepts what is deterministic, under every setting, and names what differs. */
import { describe, expect, it, vi } from "vitest";
import { cond, grad, matmul, mean, mul, scan, sin, square, sum, tanh, verifyDeterminism, whileLoop } from "fluxion";
import { createEngine } from "../../scheduler/engine.ts";
import { verifyDeterminismWith } from "../../scheduler/determinism.ts";
import { Threads } from "../../cpu/threads.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import type { Tensor } from "../../core/tensor.ts";

const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.3));
const rows = (n: number, m: number): number[][] => Array.from({ length: n }, (_, i) => Array.from(numbers(m), (v) => v * (i + 1)));

it("a network's loss and gradient have the same bits, compiled and interpreted, fused and unfused, on one thread and several", async () => {
  const f = (w: Tensor, x: Tensor, b: Tensor): object => {
    const loss = mean(square(tanh(matmul(x, w).add(b)).sub(sin(b))));
    return { loss, ...(grad(loss, { w, b }) as object) };
  };
  const { values, settings } = await verifyDeterminism(f, [rows(5, 3), rows(7, 5), numbers(3)]);
  expect(settings).toEqual([
    "fused, one thread",
    "unfused, one thread",
    "fused, one thread, no cache",
    "interpreted",
    "fused, 2 threads",
    "fused, 3 threads",
  ]);
  expect(values).toBe(6 * 5 * (1 + 15 + 3));
});

it("loops, their derivatives and branches have the same bits", async () => {
  const f = (u: Tensor, w: Tensor, k: Tensor): object => {
    const [last, all] = scan((c: Tensor) => [tanh(matmul(w, c)).add(mul(c, k)), c] as const, u, null, { length: 6 });
    const until = whileLoop(
      (c: Tensor) => sum(square(c)).gt(0.01),
      (c: Tensor) => mul(c, 0.5),
      last,
    );
    const chosen = cond(
      sum(all).gt(0),
      (c: Tensor) => sin(c),
      (c: Tensor) => square(c),
      last,
    );
    return { last, all, until, chosen, ...(grad(sum(chosen), { u, w, k }) as object) };
  };
  const { values } = await verifyDeterminism(f, [numbers(5), rows(5, 5), 0.25]);
  expect(values).toBe(6 * 5 * (5 + 30 + 5 + 5 + 5 + 25 + 1));
});

describe("with several threads", () => {
  it("all are there before anything is computed", async () => {
    const runs: (readonly [workers: number, ready: number])[] = [];
    const beforeRun = vi.spyOn(Threads.prototype, "beforeRun").mockImplementation(function (this: Threads) {
      runs.push([this.workers.length, this.ready]);
    });
    await verifyDeterminism((x: Tensor) => sum(sin(x)), [numbers(20)]);
    beforeRun.mockRestore();
    expect(new Set(runs.map(([workers]) => workers))).toEqual(new Set([1, 2]));
    for (const [workers, ready] of runs) expect(ready).toBe(workers);
  });

  it("they are left out where memory cannot be shared", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    const { settings } = await verifyDeterminism((x: Tensor) => sum(sin(x)), [numbers(20)]);
    vi.unstubAllGlobals();
    expect(settings).toHaveLength(4);
    expect(settings.join()).not.toContain("threads");
  });
});

it("names the setting, the output and the element that differ", async () => {
  const engine = () => createEngine({ backend: interpreter() });
  let call = 0;
  const unsteady = (x: Tensor): object => ({ total: sum(x), scaled: x.mul(++call === 1 ? 2 : 2.5) });
  const settings = [
    { name: "first", make: engine },
    { name: "second", make: engine },
  ];
  await expect(verifyDeterminismWith(settings, unsteady, [[0, 1]])).rejects.toThrow(
    /scaled differs under second, computed from scratch: element 1 is 2.5, and was 2$/,
  );
});
