/** Complex numbers in an engine: sources, states, parameters, observers, cutoffs, named sizes, inspection, threads, and a worker. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { grad } from "../../ad/grad.ts";
import type { Complex } from "../../core/data.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Value } from "../../core/value.ts";
import { createEngine, verifyDeterminism } from "../../index.ts";
import type { Engine } from "../../scheduler/engine.ts";
import { add, div, mul } from "../../ops/arithmetic.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { exp, log } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs } from "../../ops/piecewise.ts";
import { sum } from "../../ops/reductions.ts";
import { c, complexOf } from "../ops/complex-numbers.ts";

const engines: { dispose(): Promise<void> }[] = [];
const kept = <E extends { dispose(): Promise<void> }>(engine: E): E => {
  engines.push(engine);
  return engine;
};
const engineOf = async (): Promise<Engine> => kept(await createEngine({ threads: 1 }));
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.dispose();
});
const list = (v: Value): unknown => v.toArray();

describe("sources", () => {
  it("take { re, im }, real numbers and pairs, the second time without allocating, and are read as they are", async () => {
    const engine = await engineOf();
    const z = engine.variable([c(1, 2), 3], { label: "z" });
    expect(z.describe()).toBe('variable "z" complex64[2]');
    const y = mul(z, c(0, 1));
    expect(list(await engine.read(y))).toEqual([c(-2, 1), c(0, 3)]);
    for (const [given, seen] of [
      [
        [c(5, 6), c(7, 8)],
        [c(-6, 5), c(-8, 7)],
      ],
      [
        [1, c(0, 1)],
        [c(0, 1), c(-1, 0)],
      ],
      [Float32Array.of(1, 2, 3, 4), [c(-2, 1), c(-4, 3)]],
      [
        [c(5, 6), c(7, 8)],
        [c(-6, 5), c(-8, 7)],
      ],
    ] as const) {
      z.set(given as never);
      const got = (await engine.read(y)).toArray() as Complex[];
      expect(got.map(({ re, im }) => c(re + 0, im + 0))).toEqual(seen);
      expect(list(await engine.read(z))).toEqual(
        ArrayBuffer.isView(given) ? [c(1, 2), c(3, 4)] : given.map((x) => (typeof x === "number" ? c(x, 0) : x)),
      );
    }
  });

  it("refuse what does not fit, where it is written", async () => {
    const engine = await engineOf();
    const z = engine.variable([c(1, 2), 3], { label: "z" });
    const x = engine.variable([1, 2], { label: "x" });
    expect(() => z.set([c(1, 2)])).toThrow(/set variable "z" complex64\[2\]: expected shape \[2\], got shape \[1\]/);
    expect(() => z.set(new Float32Array(2))).toThrow(/got 1 elements/);
    expect(() => x.set([c(1, 2), 1])).toThrow(/is complex, but the dtype is float32/);
  });

  it("the same bits are no change, in either part", async () => {
    const engine = await engineOf();
    const z = engine.variable([c(1, 2)]);
    const seen: unknown[] = [];
    engine.observe(exp(z)).subscribe((v) => seen.push(v.toArray()));
    await engine.flush();
    z.set([c(1, 2)]);
    await engine.flush();
    expect(seen.length).toBe(1);
    z.set([c(1, 3)]);
    await engine.flush();
    expect(seen.length).toBe(2);
  });

  it("have named sizes, counted in numbers", async () => {
    const engine = await engineOf();
    const z = engine.variable([c(1, 2), 3], { shape: [dim("n")], label: "z" });
    const w = engine.variable([1, 2], { shape: [dim("n")], label: "w" });
    const y = sum(mul(conj(z), w));
    expect((await engine.read(y)).item<Complex>()).toEqual(c(7, -2));
    engine.transaction(() => {
      z.set(Float32Array.of(1, 1, 2, 2, 3, 3));
      w.set([1, 1, 1]);
    });
    expect((await engine.read(y)).item<Complex>()).toEqual(c(6, -6));
    expect(() => z.set([c(0, 1)])).toThrow(/dimension "n" would be 1/);
  });
});

describe("time", () => {
  it("a state turns by i at each tick", async () => {
    const engine = await engineOf();
    const s = engine.state([c(1, 0)], { dtype: "complex128" });
    s.next = mul(s, c(0, 1));
    engine.tick(3);
    const [v] = (await engine.read(s)).toArray() as Complex[];
    expect([v!.re + 0, v!.im]).toEqual([0, -1]);
    s.set([c(0, 2)]);
    engine.tick();
    expect(list(await engine.read(abs(s)))).toEqual([2]);
  });

  it("a cutoff on the real part holds back changes of the imaginary one", async () => {
    const engine = await engineOf();
    const z = engine.variable([c(1, 2)]);
    const x = exp(real(z));
    engine.cutoff(x, "exact");
    const above = log(x);
    engine.observe(above).subscribe();
    await engine.flush();
    const before = engine.stats.nodesRecomputed;
    z.set([c(1, 9)]);
    await engine.flush();
    expect(engine.stats.nodesRecomputed - before).toBeLessThanOrEqual(2);
  });

  it("parameters are trees with complex leaves, with undo", async () => {
    const engine = await engineOf();
    const p = engine.parameters({ gain: c(1, 2), taps: [c(1, 1), 2], rate: 0.5 });
    const y = mul(sum(mul(p.tensors.gain as Tensor, p.tensors.taps as Tensor)), p.tensors.rate as Tensor);
    const read = async (): Promise<Complex> => (await engine.read(y)).item<Complex>();
    expect(await read()).toEqual(c(0.5, 3.5));
    p.update((draft) => {
      (draft as { gain: Complex }).gain = c(0, 1);
    });
    expect(await read()).toEqual(c(-0.5, 1.5));
    p.undo();
    expect(await read()).toEqual(c(0.5, 3.5));
  });
});

describe("what engines say and promise", () => {
  it("watch names the node where a part went bad", async () => {
    const engine = await engineOf();
    const z = engine.variable([c(1, 0), c(0, 0)], { label: "z" });
    const y = log(z).named("bad");
    const failures: string[] = [];
    engine.failures.subscribe((f) => failures.push(String(f.error)));
    engine.watch();
    engine.observe(y).subscribe();
    await engine.flush();
    expect(failures[0]).toMatch(/-Infinity at element 1/);
  });

  it("inspection shows numbers as a + bi", async () => {
    const engine = await engineOf();
    const z = engine.variable([c(1, -2)]);
    const y = conj(z);
    engine.observe(y).subscribe();
    await engine.flush();
    expect(String(await engine.read(y))).toMatch(/^Value\(complex64\[1\] \[1\+2i\] epoch \d+\)$/);
  });

  it("the same bits under every setting, and after changes", async () => {
    const { values } = await verifyDeterminism(
      (z: Tensor, w: Tensor) => {
        const y = exp(div(matmul(z, w), c(2, 1)));
        return [y, grad((t: Tensor) => sum(abs(exp(matmul(t, w)))))(z)];
      },
      [
        [
          [c(1, 2), c(3, 1)],
          [1, c(0, -1)],
        ],
        [c(0.1, 0.2), c(-0.3, 0)],
      ],
    );
    expect(values).toBeGreaterThan(0);
  });

  it("an output over parts that nobody else needs, and one over parts that others need", async () => {
    const engine = await engineOf();
    const x = engine.variable(Float64Array.from({ length: 100 }, (_, i) => i / 10));
    const [re, im] = [exp(mul(x, -1)), mul(x, 2)];
    const z = complex(re, im);
    const seen = (await engine.read([z, re, imag(z)])) as unknown as Value[];
    expect(Array.from(seen[1]!.data)).toEqual(Array.from({ length: 100 }, (_, i) => seen[0]!.data[2 * i]));
    expect(Array.from(seen[2]!.data)).toEqual(Array.from({ length: 100 }, (_, i) => seen[0]!.data[2 * i + 1]));
    x.set(Float64Array.from({ length: 100 }, (_, i) => i));
    const again = await engine.read(z);
    expect(Array.from(again.data)).toEqual(
      complexOf(
        complex(
          exp(constant(Float64Array.from({ length: 100 }, (_, i) => -i))),
          constant(Float64Array.from({ length: 100 }, (_, i) => 2 * i)),
        ),
      ).flatMap(({ re: a, im: b }) => [a, b]),
    );
  });

  it("a worker computes them as well", async () => {
    vi.setConfig({ testTimeout: 20_000 });
    const engine = kept(await createEngine({ worker: true }));
    const z = engine.variable([c(1, 2)], { label: "z" });
    const y = add(exp(div(z, c(1, 1))), c(0, 1));
    const g = grad(sum(abs(y)), z) as Tensor;
    const here = await engineOf();
    const w = here.variable([c(1, 2)]);
    const v = add(exp(div(w, c(1, 1))), c(0, 1));
    const same = async (): Promise<void> => {
      const [a, b] = [
        (await engine.read([y, g])) as unknown as Value[],
        (await here.read([v, grad(sum(abs(v)), w) as Tensor])) as unknown as Value[],
      ];
      expect(a.map(list)).toEqual(b.map(list));
    };
    await same();
    for (const source of [z, w]) source.set([c(-3, 0.5)]);
    await same();
  });
});
