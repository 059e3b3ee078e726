/** The judge of Taylor mode: jvp in jvp, to any order, along curves. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jet } from "../../ad/jet.ts";
import { jvp } from "../../ad/jvp.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, square } from "../../ops/arithmetic.ts";
import { zerosLike } from "../../ops/creation.ts";
import { type Case, Random } from "./cases.ts";
import { valuesOf } from "./values.ts";

export type Curve = (s: Tensor) => Tensor;

/** To which order derivatives are compared. */
export const ORDER = 6;

/** The first derivatives of f by s at 0, by jvp in jvp. */
export function nested(f: Curve, order: number): Tensor[] {
  const s = constant(0, { dtype: "float64" });
  const found: Tensor[] = [];
  let g = f;
  for (let k = 0; k < order; k++) {
    const h = g;
    g = (at) => jvp(h, [at], [1])[1] as Tensor;
    found.push(g(s));
  }
  return found;
}

/** Relative to the greatest derivative up to each order, or 1: what cancels there loses as many digits in either. */
export function expectClose(got: readonly (readonly number[])[], expected: readonly (readonly number[])[], tolerance: number): void {
  let size = 1;
  got.forEach((values, k) => {
    size = Math.max(size, ...expected[k]!.map(Math.abs));
    values.forEach((v, i) => expect(Math.abs(v - expected[k]![i]!), `order ${k + 1}, element ${i}`).toBeLessThanOrEqual(tolerance * size));
  });
}

/** Declares the tests of every case: its series along a random curve, with a curvature for some arguments only. */
export function judgeJets(cases: readonly Case[]): void {
  describe("every operation's series agrees with nested jvp, to order 6", () => {
    it.each(cases.map((c) => [c.name, c] as const))("%s", (_, { draw }) => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const random = new Random(seed);
          const { f, args } = draw(random);
          const order = random.integer(3, ORDER);
          // x(s) = x + v s + w s^2 / 2.
          const v = args.map((t) => random.tensor(t.shape as number[], -1, 1));
          const w = args.map((t) => (random.next() < 0.5 ? random.tensor(t.shape as number[], -1, 1) : undefined));
          const at = (s: Tensor): Tensor[] =>
            args.map((x, i) => add(add(x, mul(s, v[i]!)), w[i] ? mul(mul(square(s), 0.5), w[i]) : zerosLike(x)));
          const series = args.map((__, i) => [v[i], w[i] ?? null, ...new Array<null>(order - 2).fill(null)]);
          const [, got] = jet(f as (...xs: Tensor[]) => Tensor, args as Tensor[], series) as unknown as [Tensor, Tensor[]];
          expectClose(valuesOf(...got), valuesOf(...nested((s) => f(...at(s)), order)), 1e-12);
        }),
        { numRuns: 2 },
      );
    });
  });
}
