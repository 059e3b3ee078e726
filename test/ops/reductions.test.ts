/** Reductions against plain float64 loops, with their conventions at zeros, ties, infinities and empty axes. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { hessian } from "../../ad/jacobian.ts";
import { dim } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { zeros } from "../../ops/creation.ts";
import * as norms from "../../ops/norm.ts";
import * as r from "../../ops/reductions.ts";
import { logsumexp, logSoftmax, softmax } from "../../ops/softmax.ts";
import { at, leafOf, numbers, numbersOf, positions, valueOf } from "./support.ts";

/** Applies `fold` to the elements along some axes, in row-major order, at each position of the others. */
function reduced(data: readonly number[], shape: readonly number[], axes: readonly number[], fold: (row: number[]) => number): number[] {
  const kept = [...shape.keys()].filter((i) => !axes.includes(i));
  return positions(kept.map((i) => shape[i]!)).map((outer) =>
    fold(
      positions(axes.map((i) => shape[i]!)).map((inner) =>
        at(
          data,
          shape,
          shape.map((_, i) => (axes.includes(i) ? inner[axes.indexOf(i)]! : outer[kept.indexOf(i)]!)),
        ),
      ),
    ),
  );
}

const total = (row: number[]): number => row.reduce((a, b) => a + b, 0);
const average = (row: number[]): number => total(row) / row.length;
const spreadOf = (row: number[]): number => average(row.map((v) => (v - average(row)) ** 2));
const folds: Record<string, { f: (x: Tensor, o: r.ReduceOptions) => Tensor; fold: (row: number[]) => number }> = {
  sum: { f: r.sum, fold: total },
  mean: { f: r.mean, fold: average },
  prod: { f: r.prod, fold: (row) => row.reduce((a, b) => a * b, 1) },
  max: { f: r.max, fold: (row) => Math.max(...row) },
  min: { f: r.min, fold: (row) => Math.min(...row) },
  var: { f: norms.variance, fold: spreadOf },
  std: { f: norms.std, fold: (row) => Math.sqrt(spreadOf(row)) },
  norm: { f: norms.norm, fold: (row) => Math.hypot(...row) },
  "norm 1": { f: (x, o) => norms.norm(x, { ...o, ord: 1 }), fold: (row) => total(row.map(Math.abs)) },
  "norm Infinity": { f: (x, o) => norms.norm(x, { ...o, ord: Infinity }), fold: (row) => Math.max(...row.map(Math.abs)) },
  "norm -Infinity": { f: (x, o) => norms.norm(x, { ...o, ord: -Infinity }), fold: (row) => Math.min(...row.map(Math.abs)) },
  "norm 0": { f: (x, o) => norms.norm(x, { ...o, ord: 0 }), fold: (row) => row.filter((v) => v !== 0).length },
  "norm 3": { f: (x, o) => norms.norm(x, { ...o, ord: 3 }), fold: (row) => Math.cbrt(total(row.map((v) => Math.abs(v) ** 3))) },
  "norm -0.5": { f: (x, o) => norms.norm(x, { ...o, ord: -0.5 }), fold: (row) => total(row.map((v) => Math.abs(v) ** -0.5)) ** -2 },
  logsumexp: { f: logsumexp, fold: (row) => Math.log(total(row.map(Math.exp))) },
};

const cases = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axes: fc.subarray([...shape.keys()]),
    all: fc.boolean(),
    keepdims: fc.boolean(),
    negative: fc.boolean(),
    seed: fc.nat(1000),
  }),
);

describe("values", () => {
  for (const [name, { f, fold }] of Object.entries(folds))
    it(`${name} over any axes`, () => {
      fc.assert(
        fc.property(cases, ({ shape, axes: some, all, keepdims, negative, seed }) => {
          const x = numbers(shape, { seed });
          const axes = all ? [...shape.keys()] : some;
          const y = valueOf(f(x.tensor, { axis: all ? undefined : axes.map((a) => (negative ? a - shape.length : a)), keepdims }));
          expect(y.shape).toEqual(shape.flatMap((d, i) => (axes.includes(i) ? (keepdims ? [1] : []) : [d])));
          const expected = reduced(x.data, shape, axes, fold);
          y.data.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-12));
        }),
        { numRuns: 40 },
      );
    });
  it("argmax and argmin give the first extreme, of the flattened operand without an axis", () => {
    const x = constant([
      [3, 1, 3],
      [1, 1, 2],
    ]);
    expect(
      [r.argmax(x), r.argmin(x), r.argmax(x, 0), r.argmin(x, { axis: -1, keepdims: true })].map((t) => [t.dtype, t.shape, numbersOf(t)]),
    ).toEqual([
      ["int32", [], [0]],
      ["int32", [], [1]],
      ["int32", [3], [0, 0, 0]],
      ["int32", [2, 1], [1, 0]],
    ]);
    expect(numbersOf(r.argmax(constant([[1, NaN, 5]]), 1))).toEqual([1]);
  });
  it("cumsum along any axis, and flattened without one", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }), fc.nat(2), (shape, a) => {
        const axis = a % shape.length;
        const x = numbers(shape);
        const expected = positions(shape).map((p) =>
          total(Array.from({ length: p[axis]! + 1 }, (_, k) => at(x.data, shape, p.with(axis, k)))),
        );
        numbersOf(cumsum(x.tensor, axis - shape.length)).forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-13));
      }),
    );
    expect(
      numbersOf(
        cumsum(
          constant([
            [1, 2],
            [3, 4],
          ]),
        ),
      ),
    ).toEqual([1, 3, 6, 10]);
  });
  it("all and any look for non-zero elements", () => {
    const x = constant([
      [0, 0, 0],
      [0, NaN, 2],
      [1, 2, 3],
    ]);
    expect([r.all(x, 1), r.any(x, 1), r.all(x), r.any(x)].map((t) => [t.dtype, ...numbersOf(t)])).toEqual([
      ["bool", 0, 0, 1],
      ["bool", 0, 1, 1],
      ["bool", 0],
      ["bool", 1],
    ]);
  });
  it("softmax and its logarithm sum to one, and survive large operands", () => {
    const x = constant(Float64Array.of(1000, 1001, 999, -5, 0, -Infinity), { shape: [2, 3] });
    const rows = [
      [1, Math.E, 1 / Math.E],
      [Math.exp(-5), 1, 0],
    ].map((row) => row.map((v) => v / total(row)));
    numbersOf(softmax(x)).forEach((v, i) => expect(Math.abs(v - rows.flat()[i]!)).toBeLessThan(1e-15));
    numbersOf(logSoftmax(x))
      .slice(0, 5)
      .forEach((v, i) => expect(Math.abs(v - Math.log(rows.flat()[i]!))).toBeLessThan(1e-14));
    expect(numbersOf(logSoftmax(x))[5]).toBe(-Infinity);
  });
});

it("dtypes: bools are counted, integers stay where they can, means are float32", () => {
  const of = (dtype: DType): Tensor => numbers([3], { low: 0, high: 2, dtype }).tensor;
  const table = (["bool", "int32", "uint32", "float32", "float64"] as const).map((d) =>
    [r.sum(of(d)), r.prod(of(d)), r.max(of(d)), r.mean(of(d)), cumsum(of(d))].map((t) => t.dtype),
  );
  expect(table).toEqual([
    ["int32", "int32", "bool", "float32", "int32"],
    ["int32", "int32", "int32", "float32", "int32"],
    ["uint32", "uint32", "uint32", "float32", "uint32"],
    ["float32", "float32", "float32", "float32", "float32"],
    ["float64", "float64", "float64", "float64", "float64"],
  ]);
});

it("empty axes: sums are 0, products 1, means NaN, extremes refused", () => {
  const x = zeros([0, 2]);
  expect([r.sum(x, 0), r.prod(x, 0), r.mean(x, 0), r.all(x, 0), r.any(x, 0), r.max(x, 1)].map((t) => numbersOf(t))).toEqual([
    [0, 0],
    [1, 1],
    [NaN, NaN],
    [1, 1],
    [0, 0],
    [],
  ]);
  expect(() => r.max(x, 0)).toThrow(/max: .*float32\[0, 2\] has no elements along axes \[0\], and so no max/);
  expect(() => r.argmin(x)).toThrow(/argmin: .* has no elements/);
});

describe("derivatives at kinks", () => {
  const g = (f: (x: Tensor) => Tensor, data: readonly number[]): number[] =>
    numbersOf(grad((x: Tensor) => f(x).sum())(constant(Float64Array.from(data))) as Tensor);
  it("extremes split ties evenly", () => {
    expect(g((x) => r.max(x), [1, 3, 3, 2])).toEqual([0, 0.5, 0.5, 0]);
    expect(g((x) => r.min(x.reshape([2, 2]), 1), [1, 1, 0, 5])).toEqual([0.5, 0.5, 1, 0]);
    expect(g((x) => r.max(x), [Infinity, 1, Infinity])).toEqual([0.5, 0, 0.5]);
  });
  it("prod is exact at zeros, to second order", () => {
    expect(g((x) => r.prod(x), [2, 0, 3])).toEqual([0, 6, 0]);
    expect(g((x) => r.prod(x), [0, 0, 3])).toEqual([0, 0, 0]);
    const h = numbersOf(hessian((x: Tensor) => r.prod(x))(constant(Float64Array.of(0, 0, 3, 5))) as Tensor);
    expect(h).toEqual([0, 15, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });
  it("norm and std are flat at 0", () => {
    expect(g((x) => norms.norm(x), [0, 0])).toEqual([0, 0]);
    g((x) => norms.norm(x), [3, -4]).forEach((v, i) => expect(Math.abs(v - [0.6, -0.8][i]!)).toBeLessThan(2e-16));
    expect(g((x) => norms.std(x), [2, 2, 2])).toEqual([0, 0, 0]);
    for (const ord of [0.5, 1, 3, Infinity]) expect(g((x) => norms.norm(x, { ord }), [0, 0])).toEqual([0, 0]);
    const partly = g((x) => norms.norm(x, { ord: 0.5 }), [0, 4]);
    expect(partly).toEqual([0, 1]);
    const h = hessian((x: Tensor) => norms.norm(x))(constant(Float64Array.of(0, 0))) as Tensor;
    expect(numbersOf(h).some(Number.isNaN)).toBe(false);
  });
  it("logsumexp survives infinite maxima", () => {
    const rows = [-Infinity, -Infinity, Infinity, 0, Infinity, Infinity, -Infinity, 1];
    const f = (x: Tensor): Tensor => logsumexp(x.reshape([4, 2]), 1);
    expect(numbersOf(f(constant(Float64Array.from(rows))))).toEqual([-Infinity, Infinity, Infinity, 1]);
    const gradient = g(f, rows);
    expect(gradient.some(Number.isNaN)).toBe(false);
    expect(gradient.slice(6)).toEqual([0, 1]);
    expect(numbersOf(logsumexp(constant([1, NaN])))).toEqual([NaN]);
  });
});

describe("named dimensions", () => {
  const n = dim("n");
  const x = leafOf([n, 2]);
  const data = [1, 2, 0, 4, 5, -3];
  const bindings = { sizes: { n: 3 }, leaves: new Map([[x, data]]) };
  it("reduce like their sizes", () => {
    const y = constant(Float64Array.from(data), { shape: [3, 2] });
    for (const [name, { f }] of Object.entries(folds))
      for (const axis of [0, 1, undefined]) expect(numbersOf(f(x, { axis }), bindings), name).toEqual(numbersOf(f(y, { axis })));
    expect(numbersOf(norms.variance(x, { axis: 0, correction: 1 }), bindings)).toEqual(
      numbersOf(norms.variance(y, { axis: 0, correction: 1 })),
    );
    for (const f of [r.argmax, r.argmin, softmax, cumsum] as ((x: Tensor, axis: number) => Tensor)[])
      expect(numbersOf(f(x, 0), bindings)).toEqual(numbersOf(f(y, 0)));
  });
  it("prod of a named length has exact derivatives at zeros, twice", () => {
    const p = leafOf([n]);
    const leaves = new Map([[p, [0, 2, 0, 5]]]);
    const first = grad(r.prod(p), p) as Tensor;
    expect(numbersOf(first, { sizes: { n: 4 }, leaves })).toEqual([0, 0, 0, 0]);
    const direction = leafOf([n]);
    const second = grad(first.mul(direction).sum(), p) as Tensor;
    expect(numbersOf(second, { sizes: { n: 4 }, leaves: new Map([...leaves, [direction, [1, 0, 0, 0]]]) })).toEqual([0, 0, 10, 0]);
  });
});

describe("bad input", () => {
  const x = constant([
    [1, 2],
    [3, 4],
  ]).named("x");
  it.each([
    [() => r.sum(x, 2 as never), /sum: axis 2 is out of range for a tensor of rank 2/],
    [() => r.sum(x, [0, -2]), /sum: axis 0 is given twice/],
    [() => r.mean(x, { axis: 0.5 } as never), /mean: axis 0\.5/],
    [() => r.sum(x, "0" as never), /sum: expected an axis, a list of axes or \{ axis, keepdims \}, got "0"/],
    [() => r.sum(x, x as never), /sum: expected an axis.*got constant "x" float32\[2, 2\]/],
    [() => r.sum(x, { axes: 0 } as never), /got an option "axes"/],
    [() => r.max(constant(1), 0 as never), /max: axis 0 .*scalar has no axes/],
    [() => r.argmax(x, [0, 1] as never), /argmax: takes one axis/],
    [() => norms.variance(x, { correction: NaN }), /var: the correction must be a number, got NaN/],
    [() => norms.norm(x, { ord: "nuc" as never }), /norm: ord must be a number or "fro", got "nuc"/],
    [() => cumsum(x, 2 as never), /cumsum: axis 2/],
    [() => softmax(x, 3 as never), /softmax: axis 3/],
    [() => logsumexp(x, -3 as never), /logsumexp: axis -3/],
    [() => r.sum("x" as never), /sum: the operand must be a tensor or a number, got string x/],
  ])("%s", (f, message) => {
    expect(f).toThrow(message);
  });
});
