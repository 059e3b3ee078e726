/** The heat equation, stepped by a scan on the CPU backend: 10,000 steps beside loops written by hand, and fewer beside the graph of all steps. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fold } from "../../ad/control/loops.ts";
import { grad } from "../../ad/grad.ts";
import { jvp } from "../../ad/jvp.ts";
import { substitute } from "../../core/graph.ts";
import type { Variable } from "../../core/source.ts";
import type { Tensor } from "../../core/tensor.ts";
import { createEngine, type Engine } from "../../index.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { roll } from "../../ops/rearrange.ts";
import { sum } from "../../ops/reductions.ts";
import { relativeError } from "./values.ts";

const POINTS = 64;
const noise = (k: number): number => Math.sin(12.9898 * (k + 1)) * 0.5;
const vector = (f: (i: number) => number): Float64Array => Float64Array.from({ length: POINTS }, (_, i) => f(i));

/** One step on a ring of points: u + k (u_left - 2 u + u_right) + q. */
const step = (u: Tensor, k: Tensor, q: Tensor): Tensor => {
  const curvature = add(sub(roll(u, 1), mul(u, 2)), roll(u, -1));
  return add(add(u, mul(k, curvature)), q);
};

/** The same by hand, with the tangent along (du, dk, dq), and the adjoint of the sum of squares at the end. */
function byHand(steps: number, u0: Float64Array, k: number, q: Float64Array, [du0, dk, dq]: readonly [Float64Array, number, Float64Array]) {
  const at = (a: Float64Array, i: number): number => a[(i + POINTS) % POINTS]!;
  const curvature = (a: Float64Array, i: number): number => at(a, i - 1) - a[i]! * 2 + at(a, i + 1);
  const way = [u0];
  let du = du0;
  for (let t = 0; t < steps; t++) {
    const u = way[t]!;
    const tangent = du;
    way.push(vector((i) => u[i]! + k * curvature(u, i) + q[i]!));
    du = vector((i) => tangent[i]! + (dk * curvature(u, i) + curvature(tangent, i) * k) + dq[i]!);
  }
  let adjoint = vector((i) => 2 * way[steps]![i]!);
  let byK = 0;
  const byQ = new Float64Array(POINTS);
  for (let t = steps - 1; t >= 0; t--) {
    const later = adjoint;
    for (let i = 0; i < POINTS; i++) {
      byK += later[i]! * curvature(way[t]!, i);
      byQ[i]! += later[i]!;
    }
    adjoint = vector((i) => later[i]! + k * curvature(later, i));
  }
  return { u: way[steps]!, du, byK, byQ, byU: adjoint };
}

describe("64 points", () => {
  let engine: Engine;
  let u0: Variable, k: Variable, q: Variable, du: Variable, dk: Variable, dq: Variable;
  const values = [
    vector(noise),
    0.2,
    vector((i) => noise(i + 99) * 1e-3),
    vector((i) => noise(i + 7)),
    0.3,
    vector((i) => noise(i + 50) * 1e-2),
  ] as const;
  beforeAll(async () => {
    engine = await createEngine();
    const variable = (x: Float64Array | number): Variable => engine.variable(x as Float64Array, { dtype: "float64" });
    [u0, k, q, du, dk, dq] = values.map(variable) as [Variable, Variable, Variable, Variable, Variable, Variable];
  });
  afterAll(() => engine.dispose());
  const scanned = (steps: number): Tensor => fold((u: Tensor) => step(u, k, q), u0, null, { length: steps });
  const read = async (u: Tensor): Promise<Float64Array[]> => {
    const tangent = jvp(u, [u0, k, q], [du, dk, dq]);
    const found = await engine.read([u, tangent, ...grad(sum(square(u)), [u0, k, q])] as Tensor[]);
    return found.map((v) => v.data as Float64Array);
  };

  it("10,000 steps: value and jvp are those of a loop, to the bit; gradients to 1e-12", async () => {
    const expected = byHand(10_000, values[0], values[1], values[2], [values[3], values[4], values[5]]);
    const [u, tangent, byU, byK, byQ] = await read(scanned(10_000));
    expect(u).toEqual(expected.u);
    expect(tangent).toEqual(expected.du);
    expect(relativeError(byU!, expected.byU)).toBeLessThan(1e-12);
    expect(relativeError(byK!, [expected.byK])).toBeLessThan(1e-12);
    expect(relativeError(byQ!, expected.byQ)).toBeLessThan(1e-12);
  });
  it("100 steps: as the graph of all steps, to the bit, and its gradients to 1e-12", async () => {
    let u: Tensor = u0;
    for (let t = 0; t < 100; t++) u = step(u, k, q);
    const [all, loop] = [await read(u), await read(scanned(100))];
    expect(loop.slice(0, 2)).toEqual(all.slice(0, 2));
    loop.slice(2).forEach((g, i) => expect(relativeError(g, all[i + 2]!)).toBeLessThan(1e-12));
  });
  it("a gradient keeps one carry a step; of loops in loops the outer ones, and the inner ones of one part", async () => {
    const nested = fold((u: Tensor) => fold((v: Tensor) => step(v, k, q), u, null, { length: 64 }), u0, null, { length: 64 }) as Tensor;
    const found: Float64Array[] = [];
    const peaks: number[] = [];
    for (const u of [scanned(64 * 64), nested]) {
      const fresh = await createEngine();
      const [v0, w, s] = values.slice(0, 3).map((x) => fresh.variable(x as Float64Array, { dtype: "float64" }));
      const [gradient] = substitute(
        [grad(sum(square(u)), k) as Tensor],
        new Map([
          [u0, v0!],
          [k, w!],
          [q, s!],
        ]) as never,
      );
      found.push((await fresh.read(gradient!)).data as Float64Array);
      peaks.push(fresh.stats.lastFlush.peakBytes);
      await fresh.dispose();
    }
    expect(relativeError(found[1]!, found[0]!)).toBeLessThan(1e-12);
    const carry = POINTS * 8;
    expect(peaks[0]).toBeGreaterThan(64 * 64 * carry);
    expect(peaks[0]).toBeLessThan(1.1 * 64 * 64 * carry);
    expect(peaks[1]).toBeLessThan(4 * 64 * carry);
  });
  it("the graph of a scan does not grow with its length", () => {
    const count = (roots: Tensor[]): number => {
      const seen = new Set<Tensor>();
      const visit = (t: Tensor): void => {
        if (seen.has(t)) return;
        seen.add(t);
        t.inputs.forEach(visit);
      };
      roots.forEach(visit);
      return seen.size;
    };
    const size = (steps: number): number => {
      const u = scanned(steps);
      return count([u, jvp(u, k, dk) as Tensor, grad(sum(square(u)), k)]);
    };
    expect(size(10_000)).toBe(size(10));
  });
});
