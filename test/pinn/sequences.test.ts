/** Sequences against published numbers, their defining properties, and integrals. */
import { describe, expect, it } from "vitest";
import { halton, latinHypercube, randomNumbers, sequence, type SequenceName, sobol, uniform } from "../../pinn/sequences.ts";

const names: readonly SequenceName[] = ["uniform", "latinHypercube", "halton", "sobol"];

describe("sequences", () => {
  it.each(names)("%s: within the unit cube, the same again for a seed, others for another", (name) => {
    const points = sequence(name, 3)(500, 4);
    expect(points.length).toBe(2000);
    expect(points.every((v) => v >= 0 && v < 1)).toBe(true);
    expect(sequence(name, 3)(500, 4)).toEqual(points);
    expect(sequence(name, 4)(500, 4)).not.toEqual(points);
  });

  it("Sobol's are those of Joe and Kuo's numbers, as other libraries print them", () => {
    const points = sobol(0)(1000, 10);
    const row = (i: number): number[] => [...points.subarray(10 * i, 10 * i + 10)];
    expect(row(4)).toEqual([0.375, 0.375, 0.625, 0.875, 0.375, 0.125, 0.375, 0.875, 0.875, 0.625]);
    expect(row(7)).toEqual([0.125, 0.625, 0.375, 0.125, 0.125, 0.375, 0.625, 0.625, 0.625, 0.875]);
    expect(row(777)).toEqual([
      0.6923828125, 0.9365234375, 0.1630859375, 0.2744140625, 0.6357421875, 0.3564453125, 0.1904296875, 0.7626953125, 0.3486328125,
      0.3232421875,
    ]);
    expect(row(999)).toEqual([
      0.1572265625, 0.9091796875, 0.0810546875, 0.9892578125, 0.9677734375, 0.8447265625, 0.8583984375, 0.7119140625, 0.8134765625,
      0.6318359375,
    ]);
  });

  it("of 2^k points of Sobol's, each of 2^k equal slices of each axis has one", () => {
    const points = sobol(0)(256, 10);
    for (let axis = 0; axis < 10; axis++)
      expect(new Set(Array.from({ length: 256 }, (_, i) => Math.floor(256 * points[10 * i + axis]!))).size).toBe(256);
  });

  it("a hypercube of n points has one in each of n slices of each axis", () => {
    const points = latinHypercube(5)(100, 3);
    for (let axis = 0; axis < 3; axis++)
      expect(new Set(Array.from({ length: 100 }, (_, i) => Math.floor(100 * points[3 * i + axis]!))).size).toBe(100);
  });

  it("Halton's begin with mirrored digits", () => {
    expect([...halton(0)(4, 2)]).toEqual([1 / 2, 1 / 3, 1 / 4, 2 / 3, 3 / 4, 1 / 9, 1 / 8, expect.closeTo(4 / 9, 15)]);
  });

  it("those that go on are one sequence, whatever the portions", () => {
    for (const make of [halton, sobol, uniform]) {
      const portions = make(7);
      expect([...portions(5, 3), ...portions(33, 3)]).toEqual([...make(7)(38, 3)]);
    }
  });

  it("integrate smooth functions: the even ones far better than chance", () => {
    const error = (name: SequenceName): number => {
      const n = 4096;
      const points = sequence(name, 1)(n, 3);
      let sum = 0;
      for (let i = 0; i < n; i++) sum += Math.exp(points[3 * i]! + points[3 * i + 1]! - points[3 * i + 2]!);
      return Math.abs(sum / n - (Math.E - 1) ** 2 * (1 - 1 / Math.E));
    };
    expect(error("uniform")).toBeLessThan(0.1);
    expect(error("halton")).toBeLessThan(3e-3);
    expect(error("sobol")).toBeLessThan(1e-3);
  });

  it("random numbers of near seeds are unrelated, and uniform by their moments", () => {
    const draw = (seed: number): number[] => Array.from({ length: 20_000 }, randomNumbers(seed));
    const [a, b] = [draw(1), draw(2)];
    const mean = (f: (i: number) => number): number => a.reduce((sum, _, i) => sum + f(i), 0) / a.length;
    // Four standard errors.
    expect(Math.abs(mean((i) => a[i]!) - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / 2e4));
    expect(Math.abs(mean((i) => (a[i]! - 0.5) * (b[i]! - 0.5)))).toBeLessThan(4 / 12 / Math.sqrt(2e4));
    expect(Math.abs(mean((i) => (a[i]! - 0.5) * (a[(i + 1) % a.length]! - 0.5)))).toBeLessThan(4 / 12 / Math.sqrt(2e4));
  });

  it("say what they cannot do", () => {
    expect(() => sequence("grid" as SequenceName)).toThrow('no sequence "grid"; there are uniform, latinHypercube, halton, sobol');
    expect(() => sobol(0)(1, 11)).toThrow("up to 10 dimensions, got 11");
  });
});
