/** Sums of many terms: the fixed tree, whether they are added one by one, stacked and summed, or folded in memory. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { foldFunction } from "../../kernel/fold.ts";
import { addN } from "../../ops/addN.ts";
import { stack } from "../../ops/concatenate.ts";
import { mean, sum } from "../../ops/reductions.ts";
import { valueOf } from "../ad/values.ts";

const seeded = (seed: number) => (): number => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5) * 2 ** (seed % 40);

it("have the bits of a sum over as many values in memory, however many they are", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(255, 256, 257, 273, 511, 512, 513, 1030)),
      fc.nat(),
      fc.constantFrom("float32" as const, "float64" as const, "int32" as const),
      (n, seed, dtype) => {
        const next = seeded(seed);
        const shape = [2, 3];
        const terms = Array.from({ length: n }, () => {
          const values = Array.from({ length: 6 }, () => (dtype === "int32" ? Math.trunc(next() * 2 ** 20) | 0 : next()));
          return constant(values, { shape, dtype }) as Tensor;
        });
        const storage = ({ float32: "f32", float64: "f64", int32: "i32" } as const)[dtype];
        const numbers = terms.map((t) => valueOf(t));
        const expected = numbers[0]!.map(
          (_, i) =>
            foldFunction("sum", storage)(
              numbers.map((v) => v[i]!),
              n,
            )[0]!,
        );
        expect(valueOf(addN(terms))).toEqual(expected);
        for (const axis of [0, 1, 2]) expect(valueOf(sum(stack(terms, axis), axis))).toEqual(expected);
        if (dtype !== "int32") {
          const means = valueOf(mean(stack(terms), 0));
          means.forEach((m, i) => expect(m).toBe(dtype === "float32" ? Math.fround(expected[i]! / n) : expected[i]! / n));
        }
        expect(valueOf(sum(stack(terms)))).toHaveLength(1);
      },
    ),
    { numRuns: 60 },
  );
});

it("are made of nodes of which a change of one term reaches few", () => {
  const terms = Array.from({ length: 256 }, (_, i) => constant([i], { dtype: "float64" }) as Tensor);
  const above = (t: Tensor, from: Tensor, seen = new Map<Tensor, boolean>()): Tensor[] => {
    const found: Tensor[] = [];
    const reaches = (x: Tensor): boolean => {
      let known = seen.get(x);
      if (known === undefined) {
        // Of all inputs: each has to be looked at.
        known = x.inputs.map((y) => y === from || reaches(y)).some((r) => r);
        seen.set(x, known);
        if (known) found.push(x);
      }
      return known;
    };
    reaches(t);
    return found;
  };
  const total = addN(terms);
  terms.forEach((term, i) => {
    const path = above(total, term);
    const additions = path.reduce((n, t) => n + t.inputs.length - 1, 0);
    // What comes after it in its partial sum, from the node on that it is in; and the three that join the partial sums.
    const inNode = Math.floor(i / 16) * 4;
    expect(additions).toBe(64 - inNode - (inNode === 0 ? 1 : 0) + 3);
  });
});
