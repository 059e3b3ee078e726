/** The judges of derivative and batching rules: finite differences to second order, the inner-product identity, and loops of f. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { jvp } from "../../ad/jvp.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Value } from "../../core/value.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { sum } from "../../ops/reductions.ts";
import type { Case as FixedCase } from "../ops/cases.ts";
import { type Case, Random } from "./cases.ts";
import { interpret } from "./values.ts";

const RUNS = 5;

/** Operations at fixed shapes, at numbers drawn from their domain. */
export const drawn = (cases: readonly FixedCase[]): Case[] =>
  cases.map(
    ({ name, f, shapes, domain = [-2, 2], distinct }): Case => ({
      name,
      draw: (r) => ({ f, args: shapes.map((shape) => (distinct ? r.distinct(shape) : r.tensor(shape, ...domain))) }),
    }),
  );

/** Declares the tests of every case. */
export function judgeRules(cases: readonly Case[]): void {
  describe("jvp and vjp agree with finite differences to second order", () => {
    it.each(cases.map((c) => [c.name, c] as const))("%s", async (_, { draw }) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const { f, args } = draw(new Random(seed));
          await checkGradsWith(interpret, f, args, { order: 2, seed });
        }),
        { numRuns: RUNS },
      );
    });
  });

  describe("<ct, J v> = <J^T ct, v>, of f and of its pullback", () => {
    it.each(cases.map((c) => [c.name, c] as const))("%s", async (_, { draw }) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const random = new Random(seed);
          const { f, args } = draw(random);
          const like = (t: Tensor): Tensor => random.tensor(t.shape as number[], -1, 1);
          const pair = async (g: (...xs: Tensor[]) => Tensor): Promise<void> => {
            const v = args.map(like);
            const [y, tangent] = jvp(g, args as Tensor[], v);
            const ct = like(y);
            const cotangents = vjp(g, args as Tensor[])[1](ct) as Tensor[];
            const [left, right] = await interpret([
              sum(mul(ct, tangent)),
              cotangents.map((c, i) => sum(mul(c, v[i]!))).reduce((a, b) => add(a, b)),
            ]);
            expect(Math.abs(left!.item() - right!.item())).toBeLessThan(1e-10 * (1 + Math.abs(left!.item())));
          };
          await pair(f);
          const weights = like(f(...args));
          await pair((...xs) => vjp(f, xs)[1](weights)[0]!);
        }),
        { numRuns: 3 },
      );
    });
  });

  describe("vmap of f, and of its pullback, is a loop, to the bit", () => {
    /** Three examples of each argument, some of which are the same for all. */
    it.each(cases.map((c) => [c.name, c] as const))("%s", async (_, { draw }) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const size = 3;
          const draws = Array.from({ length: size }, () => draw(new Random(seed)));
          const { f, args } = draws[0]!;
          const random = new Random(seed + 1);
          const mapped = args.map(() => random.next() < 0.7);
          if (!mapped.includes(true)) mapped[0] = true;
          const values = await interpret(args);
          const examples = args.map((t, i) => Array.from({ length: size }, (__, k) => (mapped[i] ? shuffled(values[i]!, random, k) : t)));
          const axes = args.map((t, i) => (mapped[i] ? random.integer(0, t.rank) : null));
          const stacked = await Promise.all(args.map(async (t, i) => (mapped[i] ? joined(await interpret(examples[i]!), axes[i]!) : t)));
          const [y] = await interpret([f(...args)]);
          const cotangent = random.tensor(y!.shape, -1, 1);
          const by = random.integer(0, args.length - 1);
          const pulled = (...xs: Tensor[]): Tensor => vjp(f, xs)[1](cotangent)[by]!;
          for (const g of [f, pulled]) {
            const [together] = await interpret([vmap(g, { inAxes: axes })(...stacked)]);
            const alone = await interpret(Array.from({ length: size }, (__, k) => g(...examples.map((e) => e[k]!))));
            expect(together!.shape).toEqual([size, ...alone[0]!.shape]);
            expect(Array.from(together!.data)).toEqual(alone.flatMap((v) => Array.from(v.data)));
          }
        }),
        { numRuns: RUNS },
      );
    });
  });
}

/** The same numbers in another order: they stay in the operation's domain. */
function shuffled(v: Value, random: Random, k: number): Tensor {
  const data = Float64Array.from(v.data);
  for (let i = data.length - 1; i > 0 && k > 0; i--) {
    const j = random.integer(0, i);
    [data[i], data[j]] = [data[j]!, data[i]!];
  }
  return constant(data, { shape: v.shape });
}

/** Values of one shape along a new axis. */
function joined(values: readonly Value[], axis: number): Tensor {
  const { shape } = values[0]!;
  const outer = shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const inner = shape.slice(axis).reduce((n, d) => n * d, 1);
  const data = new Float64Array(values.length * outer * inner);
  for (let o = 0; o < outer; o++)
    values.forEach((v, k) => data.set(v.data.subarray(o * inner, (o + 1) * inner), (o * values.length + k) * inner));
  return constant(data, { shape: [...shape.slice(0, axis), values.length, ...shape.slice(axis)] });
}
