/** Every operation over named dimensions gives what it gives for their sizes: values, cotangents and batches, bit for bit. */
import { describe, expect, it } from "vitest";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cases as ownCases } from "./cases.ts";
import { familyCases } from "./family-cases.ts";
import { countOf, leafOf, numbers, numbersOf } from "./support.ts";

const cases = [...ownCases, ...familyCases];

/** A name for each size, so that what was equal stays equal. */
const nameOf = (size: number): string => `size${size}`;
const sizes = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [nameOf(n), n]));

for (const { name, f, shapes, domain, named = true } of cases) {
  if (!named) continue;
  describe(name, () => {
    const given = shapes.map((shape, i) => numbers(shape, { seed: 7 + i, low: domain?.[0] ?? -2, high: domain?.[1] ?? 2 }));
    /** Compares a function at placeholders of named shapes with the same at constants. `batch` puts an axis in front of the first operand. */
    const compare = (g: (...x: Tensor[]) => Tensor, batch: readonly number[] = []): void => {
      const data = given.map((x, i) =>
        i === 0 ? Array.from({ length: countOf(batch) }, (_, k) => x.data.map((v) => v + 0.01 * k)).flat() : x.data,
      );
      const full = shapes.map((s, i) => (i === 0 ? [...batch, ...s] : s));
      const leaves = full.map((s) => leafOf(s.map((d) => (d === 1 ? 1 : dim(nameOf(d))))));
      const there = g(...leaves);
      const expected = numbersOf(g(...data.map((d, i) => constant(Float64Array.from(d), { shape: [...full[i]!] }))));
      const got = numbersOf(there, { sizes, leaves: new Map(leaves.map((t, i) => [t, data[i]!])) });
      if (named === "rounded") got.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-14));
      else expect(got).toEqual(expected);
    };
    it("has the value", () => compare(f));
    it("has the cotangent", () => compare((...x) => vjp(f, x)[1](f(...x))[0]!));
    it("has the second cotangent", () => {
      const first = (...x: Tensor[]): Tensor => vjp(f, x)[1](f(...x))[0]!;
      compare((...x) => vjp(first, x)[1](x[0]!)[0]!);
    });
    it("has the batch", () => compare(vmap(f, { inAxes: shapes.map((_, i) => (i === 0 ? 0 : null)) }), [5]));
  });
}
