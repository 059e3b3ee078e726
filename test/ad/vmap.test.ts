/** vmap is a loop of f, whatever axes it maps, nested, and over keys, constants and sources; Jacobians that are one plan. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { derivatives } from "../../ad/derivatives.ts";
import { grad } from "../../ad/grad.ts";
import { jacfwd, jacrev } from "../../ad/jacobian.ts";
import { vmap } from "../../ad/vmap.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { createEngine, type Engine } from "../../index.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { concatenate, stack } from "../../ops/concatenate.ts";
import { arange, eye } from "../../ops/creation.ts";
import { sin, tanh } from "../../ops/functions.ts";
import { take } from "../../ops/indexing.ts";
import { matmul } from "../../ops/matmul.ts";
import { random } from "../../ops/random.ts";
import { argmax, mean, sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { sliceAxis } from "../../ops/pad.ts";
import { moveaxis } from "../../ops/transpose.ts";
import { Random } from "./cases.ts";
import { relativeError, valueOf, valuesOf } from "./values.ts";

/** The i-th entry of an axis, without it. */
const entry = (x: Tensor, axis: number, i: number): Tensor => {
  const part = sliceAxis(x, axis, i, i + 1);
  return reshape(
    part,
    part.shape.filter((_, k) => k !== axis),
  );
};

describe("any axes in and out", () => {
  it("one level and two are loops, to the bit", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const r = new Random(seed);
        const f = (a: Tensor, b: Tensor): { y: Tensor; z: Tensor } => ({ y: matmul(a, sin(b)), z: sum(mul(a, a), { axis: 0 }) });
        const [n, m] = [r.integer(1, 3), r.integer(1, 3)];
        // a [2, 3] and b [3, 2], with an axis of n examples in a and of m in b, somewhere.
        const [ia, ib] = [r.integer(0, 2), r.integer(0, 2)];
        const put = (shape: number[], axis: number, size: number): Tensor =>
          r.tensor([...shape.slice(0, axis), size, ...shape.slice(axis)]);
        const [a, b] = [put([2, 3], ia, n), put([3, 2], ib, m)];
        const [oy, oz] = [r.integer(-3, 2), r.integer(-2, 1)];
        const one = vmap(f, { inAxes: [ia, null], outAxes: { y: oy, z: oz } })(a, entry(b, ib, 0));
        for (const [got, axis, key] of [
          [one.y, oy, "y"],
          [one.z, oz, "z"],
        ] as const) {
          const at = axis < 0 ? axis + got.rank : axis;
          for (let i = 0; i < n; i++) expect(valueOf(entry(got, at, i))).toEqual(valueOf(f(entry(a, ia, i), entry(b, ib, 0))[key]));
        }
        const two = vmap((x: Tensor) => vmap((y: Tensor) => f(x, y).y, { inAxes: ib, outAxes: -1 })(b), { inAxes: ia, outAxes: oy })(
          a,
        ) as Tensor;
        const outer = moveaxis(two, oy, 0);
        for (let i = 0; i < n; i++)
          for (let j = 0; j < m; j++)
            expect(valueOf(entry(entry(outer, 0, i), 2, j))).toEqual(valueOf(f(entry(a, ia, i), entry(b, ib, j)).y));
      }),
      { numRuns: 25 },
    );
  });
  it("trees of axes follow the arguments", () => {
    const p = {
      w: constant(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: "float64" },
      ),
      b: constant([10, 20], { dtype: "float64" }),
    };
    const f = (q: { w: Tensor; b: Tensor }, k: number): Tensor => add(mul(q.w, k), q.b);
    expect(valueOf(vmap(f, { inAxes: [{ w: 1, b: null }, null] })(p, 2 as never))).toEqual([12, 26, 14, 28]);
  });
});

describe("what is mapped over", () => {
  it("keys: each example draws what its own key gives, split or not", () => {
    const keys = random.keys(random.key(3), 4);
    const f = (key: Tensor): Tensor[] => {
      const [k1, k2] = random.split(key);
      return [random.normal(k1, [3]), random.uniform(random.foldIn(k2, 5), [2]), random.permutation(k2, 4)];
    };
    const together = vmap(f)(keys) as Tensor[];
    const alone = [0, 1, 2, 3].map((i) => valuesOf(...f(entry(keys, 0, i))));
    expect(valuesOf(...together)).toEqual([0, 1, 2].map((k) => alone.flatMap((draws) => draws[k]!)));
  });
  it("positions, with constants, ranges and computed indices beside them", () => {
    const table = constant(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: "float64" },
    );
    const f = (i: Tensor): Tensor => add(take(table, i, 1), take(arange(10), add(i, argmax(table, { axis: 1 })), 0));
    const at = constant([2, 0, 1], { dtype: "int32" });
    expect(valueOf(vmap(f)(at))).toEqual([0, 1, 2].flatMap((k) => valueOf(f(entry(at, 0, k)))));
  });
  it("dimensions without examples, and one example", () => {
    const empty = vmap((x: Tensor) => sum(square(x)))(constant([], { shape: [0, 3], dtype: "float64" })) as Tensor;
    expect(empty.shape).toEqual([0]);
    expect(valueOf(vmap((x: Tensor) => square(x))(constant([3], { dtype: "float64" })))).toEqual([9]);
  });
});

describe("the number of examples", () => {
  const two = constant([3, 4], { dtype: "float64" });
  const f = (x: Tensor): Tensor[] => [square(x), constant([1, 2], { dtype: "float64" })];

  it("may be given where nothing is mapped, and then all are alike", () => {
    const [a, b] = vmap(f, { inAxes: null, axisSize: 3 })(two) as Tensor[];
    expect([a!.shape, b!.shape]).toEqual([
      [3, 2],
      [3, 2],
    ]);
    expect(valueOf(a!)).toEqual([9, 16, 9, 16, 9, 16]);
    const made = vmap(() => two, { axisSize: 2, outAxes: 1 })() as Tensor;
    expect(valueOf(made)).toEqual([3, 3, 4, 4]);
    expect((vmap(() => two, { axisSize: dim("n") })() as Tensor).shape.map(String)).toEqual(["n", "2"]);
  });
  it("must be that of the axes that are mapped, and a size", () => {
    expect(valueOf(vmap(square, { axisSize: 2 })(two) as Tensor)).toEqual([9, 16]);
    expect(() => vmap(square, { axisSize: 3 })(two)).toThrow(/vmap: axisSize is 3, but .*\[2\] has 2 on axis 0/);
    expect(() => vmap(() => two, { axisSize: -1 })()).toThrow(/vmap: axisSize: -1 is not a size/);
    expect(() => vmap(square, { inAxes: null })(two)).toThrow(/vmap: no argument is mapped.*axisSize/);
  });
});

describe("per-example gradients and Jacobians", () => {
  let engine: Engine;
  beforeAll(async () => void (engine = await createEngine()));
  afterAll(() => engine.dispose());
  const r = new Random(11);
  const widths = [2, 8, 8, 1];
  const n = 40;

  it("of a network's residuals are one plan: vmapped vjp and jacfwd agree, and cost few kernels more than one gradient", async () => {
    const source = (shape: number[]): Tensor => {
      const size = shape.reduce((a, b) => a * b, 1);
      return engine.variable(r.numbers(size, -1, 1), { shape, dtype: "float64" });
    };
    const params = widths.slice(1).flatMap((m, i) => [source([widths[i]!, m]), source([m])]);
    const [t, x] = [source([n]), source([n])];
    const network = (p: readonly Tensor[], s: Tensor, z: Tensor): Tensor => {
      let a: Tensor = stack([s, z], -1);
      for (let k = 0; k < p.length; k += 2) {
        a = add(matmul(a, p[k]!), p[k + 1]!);
        if (k + 2 < p.length) a = tanh(a);
      }
      return reshape(a, s.shape);
    };
    const residual = (p: readonly Tensor[], s: Tensor, z: Tensor): Tensor => {
      const { u, u_s, u_z, u_zz } = derivatives((a: Tensor, b: Tensor) => network(p, a, b), { s: 1, z: 2 })(s, z);
      return sub(add(u_s, mul(u, u_z)), mul(0.01, u_zz));
    };
    const argnums = params.map((_, i) => i);
    const rows = (blocks: readonly Tensor[]): Tensor =>
      concatenate(
        blocks.map((g) => reshape(g, [n, -1])),
        1,
      );
    const each = (s: Tensor, z: Tensor): Tensor[] => grad((...p: Tensor[]) => residual(p, s, z), { argnums })(...params) as Tensor[];
    const byRows = rows(vmap(each)(t, x) as Tensor[]);
    const all = (...p: Tensor[]): Tensor => residual(p, t, x);
    const forward = rows(jacfwd(all, { argnums })(...params) as Tensor[]);
    const reverse = rows(jacrev(all, { argnums })(...params) as Tensor[]);
    const loss = mean(square(all(...params)));

    const kernelsOf = async (tensors: Tensor[]): Promise<number> => {
      const watching = engine.observe(tensors).subscribe(() => {});
      await engine.flush();
      watching.unsubscribe();
      return engine.stats.lastFlush.kernels;
    };
    const one = await kernelsOf([loss, ...grad(loss, params)]);
    expect((await kernelsOf([byRows])) - one).toBeLessThanOrEqual(20);
    const [a, b, c] = await engine.read([byRows, forward, reverse]);
    expect(a!.shape).toEqual([n, 2 * 8 + 8 + 8 * 8 + 8 + 8 + 1]);
    expect(relativeError(b!.data, a!.data)).toBeLessThan(1e-14);
    expect(relativeError(c!.data, a!.data)).toBeLessThan(1e-14);
  });
  it("per-example gradients sum to the gradient of the sum", () => {
    const [w, xs] = [r.tensor([3, 2]), r.tensor([5, 3])];
    const loss = (v: Tensor, x: Tensor): Tensor => sum(square(tanh(matmul(x, v))));
    const each = vmap(grad(loss), { inAxes: [null, 0] })(w, xs) as Tensor;
    expect(each.shape).toEqual([5, 3, 2]);
    expect(relativeError(valueOf(sum(each, 0)), valueOf(grad((v: Tensor) => sum(square(tanh(matmul(xs, v)))))(w) as Tensor))).toBeLessThan(
      1e-15,
    );
  });
  it("a Jacobian of thousands of outputs is as exact as its columns", () => {
    const z = r.tensor([2000]);
    const j = jacfwd((s: Tensor) => mul(z, sin(mul(s, z))))(constant(0.5, { dtype: "float64" })) as Tensor;
    expect(relativeError(valueOf(j), valueOf(mul(square(z), sin(add(mul(z, 0.5), Math.PI / 2)))))).toBeLessThan(1e-14);
    expect(valueOf(jacrev((x: Tensor) => x)(constant([1, 2, 3], { dtype: "float64" })) as Tensor)).toEqual(valueOf(eye(3)));
  });
});
