/** Random numbers: the published vectors of the generator, the distributions, and independence of how they are asked for. */
import { describe, expect, it } from "vitest";
import { vmap } from "../../ad/vmap.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { stack } from "../../ops/concatenate.ts";
import { random, threefry2x32 } from "../../ops/random.ts";
import { leafOf, numbersOf, valuesOf } from "./support.ts";

const key = random.key(42);

describe("threefry2x32", () => {
  // Random123, tests/kat_vectors: counter, key, result for 20 rounds.
  it.each([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x243f6a88, 0x85a308d3],
      [0x13198a2e, 0x03707344],
      [0xc4923a9c, 0x483df7a0],
    ],
  ])("gives the published words of counter %j and key %j", (counter, key, expected) => {
    const words = [...key, ...counter].map((w) => constant(Uint32Array.of(w)));
    expect(valuesOf(threefry2x32.many(words, {})).map((v) => v.data[0])).toEqual(expected);
  });
});

/** Kolmogorov's distance between a sample and a distribution, in units in which 1.95 has probability 0.001. */
function distance(sample: number[], cdf: (x: number) => number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  const n = sorted.length;
  return Math.max(...sorted.map((x, i) => Math.max((i + 1) / n - cdf(x), cdf(x) - i / n))) * Math.sqrt(n);
}

/** The normal distribution function, by Simpson's rule from 0. */
function normalCdf(x: number): number {
  const [n, h] = [200, x / 200];
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * density(i * h);
  return 0.5 + (sum * h) / 3;
}

describe("distributions", () => {
  const N = 4000;
  for (const dtype of ["float32", "float64"] as const) {
    it(`uniform ${dtype} is uniform in [min, max)`, () => {
      const sample = numbersOf(random.uniform(key, [N], { dtype, min: -1, max: 3 }));
      expect(Math.min(...sample)).toBeGreaterThanOrEqual(-1);
      expect(Math.max(...sample)).toBeLessThan(3);
      expect(distance(sample, (x) => (x + 1) / 4)).toBeLessThan(1.95);
    });
    it(`normal ${dtype} is normal`, () => {
      const sample = numbersOf(random.normal(key, [N], { dtype }));
      expect(distance(sample, normalCdf)).toBeLessThan(1.95);
      expect(new Set(sample).size).toBeGreaterThan(N - 3);
    });
  }
  it("uniform stays below max where rounding would reach it", () => {
    const sample = numbersOf(random.uniform(key, [N], { min: 1, max: 1 + 2 ** -22 }));
    expect(new Set(sample)).toEqual(new Set([0, 1, 2, 3].map((k) => 1 + k * 2 ** -23).filter((x) => x < 1 + 2 ** -22)));
  });
  it("float64 uses more than 32 bits", () => {
    const low = numbersOf(random.uniform(key, [64], { dtype: "float64" })).map((u) => (u * 2 ** 32) % 1);
    expect(distance(low, (x) => x)).toBeLessThan(1.95);
  });
  it("bernoulli is true as often as it should", () => {
    const p = constant([0.1, 0.5, 0.9]);
    const sample = valuesOf([random.bernoulli(key, p, [N, 3])])[0]!;
    [0.1, 0.5, 0.9].forEach((q, j) => {
      const hits = Array.from({ length: N }, (_, i) => sample.data[3 * i + j]!).reduce((a, b) => a + b);
      expect(Math.abs(hits - N * q) / Math.sqrt(N * q * (1 - q))).toBeLessThan(4);
    });
    expect(numbersOf(random.bernoulli(key, 0, [50])).every((b) => b === 0)).toBe(true);
    expect(numbersOf(random.bernoulli(key, 1, [50])).every((b) => b === 1)).toBe(true);
  });
  it("randint takes each value equally often", () => {
    const counts = new Map<number, number>();
    for (const v of numbersOf(random.randint(key, [N], -3, 4))) counts.set(v, (counts.get(v) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
    for (const c of counts.values()) expect(Math.abs(c - N / 7)).toBeLessThan(4 * Math.sqrt((N / 7) * (6 / 7)));
  });
  it.each([
    [7, 0, 2 ** 31],
    [1000003, -(2 ** 31), 2 ** 31 - 1],
    [65537, -5, 65532],
  ])("randint (seed %d) is floor(w n / 2^64), exactly, from %d to %d", (seed, low, high) => {
    const k = random.key(seed);
    const [w0, w1] = valuesOf(
      threefry2x32.many(
        [
          constant(Uint32Array.of(0, 0, 0)),
          constant(Uint32Array.of(seed, seed, seed)),
          constant(Uint32Array.of(0, 0, 0)),
          constant(Uint32Array.of(0, 1, 2)),
        ],
        {},
      ),
    );
    const expected = [0, 1, 2].map(
      (i) => low + Number((((BigInt(w0!.data[i]!) << 32n) + BigInt(w1!.data[i]!)) * BigInt(high - low)) >> 64n),
    );
    expect(numbersOf(random.randint(k, [3], low, high))).toEqual(expected);
  });
  it("permutation is one, and reaches all orders evenly", () => {
    const counts = new Map<string, number>();
    for (const k of random.split(key, 600)) {
      const p = numbersOf(random.permutation(k, 3));
      expect(p.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
      counts.set(p.join(), (counts.get(p.join()) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const c of counts.values()) expect(Math.abs(c - 100)).toBeLessThan(4 * Math.sqrt((100 * 5) / 6));
    const rows = numbersOf(
      random.permutation(
        key,
        constant([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ),
    );
    expect(rows.filter((_, i) => i % 2 === 0).toSorted((a, b) => a - b)).toEqual([1, 3, 5]);
    expect(rows.filter((_, i) => i % 2 === 0).map((x) => x + 1)).toEqual(rows.filter((_, i) => i % 2 === 1));
  });
});

describe("keys", () => {
  it("differ after split, keys, foldIn and between seeds", () => {
    const all = [
      key,
      ...random.split(key, 5),
      ...[0, 1, 2, -1].map((n) => random.foldIn(key, n)),
      random.key(43),
      random.key(-42),
      random.key(42 + 2 ** 32),
    ];
    const seen = new Set(valuesOf(all).map((v) => [...v.data].join()));
    expect(seen.size).toBe(all.length);
  });
  it("split gives the rows of keys, and foldIn does not depend on the integer's dtype", () => {
    expect(random.split(key, 3).flatMap((k) => numbersOf(k))).toEqual(numbersOf(random.keys(key, 3)));
    expect(numbersOf(random.foldIn(key, constant(7, { dtype: "int32" })))).toEqual(numbersOf(random.foldIn(key, 7)));
  });
  it("draw the same numbers in any shape, and under vmap", () => {
    expect(numbersOf(random.normal(key, [2, 3]))).toEqual(numbersOf(random.normal(key, [6])));
    const keys = random.split(key, 3);
    const draw = (k: Tensor): Tensor => stack([random.normal(k, [4]), random.uniform(random.split(k)[1]!, [4])]);
    expect(numbersOf(vmap(draw)(stack(keys)))).toEqual(keys.flatMap((k) => numbersOf(draw(k))));
    const order = (k: Tensor): Tensor => random.permutation(k, 5);
    expect(numbersOf(vmap(order)(stack(keys)))).toEqual(keys.flatMap((k) => numbersOf(order(k))));
  });
  it("draw for named dimensions what they draw for their sizes", () => {
    const n = dim("n");
    expect(numbersOf(random.normal(key, [n, 2]), { sizes: { n: 3 } })).toEqual(numbersOf(random.normal(key, [3, 2])));
    expect(numbersOf(random.permutation(key, n), { sizes: { n: 6 } })).toEqual(numbersOf(random.permutation(key, 6)));
  });
});

describe("bad input", () => {
  it.each([
    [() => random.key(0.5), /random\.key: the seed must be an integer, got 0\.5/],
    [() => random.key(NaN), /random\.key: .*NaN/],
    [() => random.normal(leafOf([2], "float32"), [3]), /random\.normal: needs a key.*float32\[2\]/],
    [() => random.normal(random.keys(key, 3), [3]), /use vmap/],
    [() => random.uniform(key, [2.5]), /random\.uniform: 2\.5 is not a size/],
    [() => random.uniform(key, [2], { min: 1, max: 1 }), /min must be less than max/],
    [() => random.uniform(key, [2], { dtype: "int32" }), /dtype must be float32 or float64, got "int32"/],
    [() => random.bernoulli(key, 1.5, [2]), /probability must lie in \[0, 1\], got 1\.5/],
    [() => random.bernoulli(key, NaN, [2]), /probability must lie in/],
    [() => random.randint(key, [2], 3, 3), /low must be less than high, got 3 and 3/],
    [() => random.randint(key, [2], 0, 0.5), /bounds must be integers/],
    [() => random.split(key, -1), /random\.split: .*-1/],
    [() => random.permutation(key, 1.5), /random\.permutation: .*1\.5/],
    [() => random.foldIn(key, 2 ** 40), /random\.foldIn: .*32 bits/],
  ])("%s", (f, message) => {
    expect(f).toThrow(message);
  });
});
