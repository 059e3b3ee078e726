/** Every operation's derivative, transposition and batching rules, against finite differences and loops, in float64. */
import { describe, expect, it } from "vitest";
import { jvp } from "../../ad/jvp.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cases } from "./cases.ts";
import { countOf, numbers, numbersOf, valuesOf } from "./support.ts";

type F = (...x: Tensor[]) => Tensor;
const dotOf = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, i) => s + v * b[i]!, 0);

/** The directional derivative of a plain function of numbers, by a central difference with one Richardson step. */
function difference(f: (x: number[][]) => number[], x: number[][], v: number[][]): number[] {
  const along = (h: number): number[] => {
    const moved = (s: number): number[] => f(x.map((a, i) => a.map((value, k) => value + s * v[i]![k]!)));
    const [up, down] = [moved(h), moved(-h)];
    return up.map((u, i) => (u - down[i]!) / (2 * h));
  };
  const [coarse, fine] = [along(2e-3), along(1e-3)];
  return fine.map((d, i) => (4 * d - coarse[i]!) / 3);
}

function expectClose(got: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(got.length).toBe(expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  got.forEach((g, i) =>
    expect(Math.abs(g - expected[i]!), `entry ${i}: ${g}, expected ${expected[i]}`).toBeLessThanOrEqual(tolerance * size),
  );
}

for (const { name, f, shapes, domain } of cases) {
  describe(name, () => {
    const g: F = f;
    const inputs = shapes.map((shape, i) => numbers(shape, { seed: 7 + i, low: domain?.[0] ?? -2, high: domain?.[1] ?? 2 }));
    const x = inputs.map((input) => input.tensor);
    const directions = shapes.map((shape, i) => numbers(shape, { seed: 70 + i, low: -1, high: 1 }));
    const v = directions.map((d) => d.tensor);
    const at = (data: number[][]): Tensor[] => data.map((d, i) => constant(Float64Array.from(d), { shape: [...shapes[i]!] }));
    const data = inputs.map((input) => input.data);
    const dv = directions.map((d) => d.data);

    it("has the first derivative of finite differences", () => {
      const [, tangent] = jvp(g, x, v);
      expectClose(
        numbersOf(tangent),
        difference((p) => numbersOf(g(...at(p))), data, dv),
        1e-8,
      );
    });
    it("has the second derivative of finite differences", () => {
      const first: F = (...p) => jvp(g, p, v)[1];
      const [, second] = jvp(first, x, v);
      expectClose(
        numbersOf(second),
        difference((p) => numbersOf(first(...at(p))), data, dv),
        1e-7,
      );
    });
    it("pulls back by the transpose, twice", () => {
      const check = (h: F): void => {
        const [y, tangent] = jvp(h, x, v);
        const ct = numbers(y.shape as number[], { seed: 99, low: -1, high: 1 });
        const pulled = vjp(h, x)[1](ct.tensor);
        const [forward, ...back] = valuesOf([tangent, ...pulled]).map((r) => [...r.data]);
        const [a, b] = [dotOf(ct.data, forward!), back.reduce((s, b, i) => s + dotOf(b, dv[i]!), 0)];
        expectClose([b], [a], 1e-11);
      };
      check(g);
      const w = numbers(g(...x).shape as number[], { seed: 98, low: -1, high: 1 }).tensor;
      check((...p) => vjp(g, p)[1](w)[0]!);
    });
    it("is batched as a loop, for every choice of batched operands", () => {
      for (let mask = 1; mask < 2 ** shapes.length; mask++) {
        const flags = shapes.map((_, i) => (mask >> i) & 1);
        const stacks = shapes.map((shape, i) =>
          numbers(flags[i] ? [3, ...shape] : shape, { seed: 20 + i, low: domain?.[0] ?? -2, high: domain?.[1] ?? 2 }),
        );
        const inAxes = flags.map((flag) => (flag ? 0 : null));
        const cotangent = numbers(g(...x).shape as number[], { seed: 97, low: -1, high: 1 }).tensor;
        const pulled: F = (...p) => vjp(g, p)[1](cotangent)[p.length - 1]!;
        for (const h of [g, pulled]) {
          const together = numbersOf(vmap(h, { inAxes })(...stacks.map((s) => s.tensor)));
          const one = (k: number): Tensor[] =>
            stacks.map((s, i) => {
              const n = countOf(shapes[i]!);
              return constant(Float64Array.from(flags[i] ? s.data.slice(k * n, (k + 1) * n) : s.data), { shape: [...shapes[i]!] });
            });
          const apart = [0, 1, 2].flatMap((k) => numbersOf(h(...one(k))));
          expectClose(together, apart, 1e-13);
        }
      }
    });
  });
}
