/** Sorting and what follows from it, against loops over plain arrays and NumPy's published definitions. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { vmap } from "../../ad/vmap.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as quantiles from "../../ops/quantile.ts";
import { searchsorted } from "../../ops/searchsorted.ts";
import { argsort, sort, topK } from "../../ops/sort.ts";
import { leafOf, numbersOf } from "./support.ts";

type Loose = Record<string, (...args: any[]) => Tensor>;
const { median, percentile, quantile } = quantiles as unknown as Loose;
const f64 = (v: readonly number[]): Tensor => constant(Float64Array.from(v));
const value = fc.constantFrom(0, -0, 1, -1, 2, 2.5, NaN, Infinity, -Infinity);
const rows = fc.array(value, { minLength: 1, maxLength: 12 });
const runs = { numRuns: 60 };
/** Ascending, NaN greatest, zeros equal. */
const compare = (a: number, b: number): number =>
  Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a < b ? -1 : a > b ? 1 : 0;

describe("descending order and the greatest k", () => {
  it("keeps the order of equal elements, and begins with NaN", () =>
    fc.assert(
      fc.property(rows, fc.nat(), (row, k) => {
        const down = [...row.keys()].sort((i, j) => compare(row[j]!, row[i]!) || i - j);
        const up = [...row.keys()].sort((i, j) => compare(row[i]!, row[j]!) || i - j);
        const x = f64(row);
        expect(numbersOf(argsort(x, -1, { descending: true }))).toEqual(down);
        expect(numbersOf(sort(x, -1, { descending: true }))).toEqual(down.map((i) => row[i]!));
        const count = k % (row.length + 1);
        for (const [largest, order] of [
          [true, down],
          [false, up],
        ] as const) {
          const { values, indices } = topK(x, count, { largest });
          expect(numbersOf(indices)).toEqual(order.slice(0, count));
          expect(numbersOf(values)).toEqual(order.slice(0, count).map((i) => row[i]!));
        }
      }),
      runs,
    ));
  it("works along any axis, and in batches", () => {
    const x = f64([3, 1, 2, 9, 8, 7]).reshape([2, 3]);
    expect(numbersOf(topK(x, 1, { axis: 0 }).indices)).toEqual([1, 1, 1]);
    expect(numbersOf(topK(x, 2).values)).toEqual([3, 2, 9, 8]);
    expect(numbersOf(vmap((t: Tensor) => topK(t, 2).indices)(x))).toEqual([0, 2, 0, 1]);
    const n = leafOf([dim("n")]);
    expect(numbersOf(topK(n, 2).values, { sizes: { n: 4 }, leaves: new Map([[n, [1, 5, 3, 4]]]) })).toEqual([5, 4]);
    expect(() => numbersOf(topK(n, 5).values, { sizes: { n: 4 }, leaves: new Map([[n, [1, 5, 3, 4]]]) })).toThrow(/failed/);
  });
  it("sends the derivative to the elements", () => {
    const g = grad((t: Tensor) =>
      topK(t, 2)
        .values.mul(f64([10, 20]))
        .sum(),
    )(f64([1, 4, 2, 3])) as Tensor;
    expect(numbersOf(g)).toEqual([0, 10, 0, 20]);
  });
});

describe("searchsorted", () => {
  it("is the count of elements that come before", () =>
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), rows, (elements, queries) => {
        const sorted = elements.toSorted(compare);
        const [a, v] = [f64(sorted), f64(queries)];
        expect(numbersOf(searchsorted(a, v))).toEqual(queries.map((q) => sorted.filter((s) => compare(s, q) < 0).length));
        expect(numbersOf(searchsorted(a, v, { side: "right" }))).toEqual(
          queries.map((q) => sorted.filter((s) => compare(s, q) <= 0).length),
        );
        const named = leafOf([dim("n")]);
        const bindings = { sizes: { n: sorted.length }, leaves: new Map([[named, sorted]]) };
        expect(numbersOf(searchsorted(named, v), bindings)).toEqual(numbersOf(searchsorted(a, v)));
      }),
      runs,
    ));
  it("takes rows, scalars, integers and batches", () => {
    const table = f64([0, 1, 2, 10, 20, 30]).reshape([2, 3]);
    expect(numbersOf(searchsorted(table, f64([1.5, 15]).reshape([2, 1])))).toEqual([2, 1]);
    expect(numbersOf(searchsorted(table, 11))).toEqual([3, 1]);
    expect(numbersOf(searchsorted(table, f64([0, 20]), { side: "right" }))).toEqual([1, 3, 0, 2]);
    expect(searchsorted(f64([1, 2]), 1.5).shape).toEqual([]);
    expect(numbersOf(searchsorted(constant([1, 3, 5], { dtype: "int32" }), constant([3, 4], { dtype: "int32" })))).toEqual([1, 2]);
    expect(numbersOf(vmap((a: Tensor) => searchsorted(a, f64([1, 25])))(table))).toEqual([1, 3, 0, 2]);
    expect(numbersOf(vmap((v: Tensor) => searchsorted(f64([0, 10]), v))(table))).toEqual([0, 1, 1, 1, 2, 2]);
    const wide = Float64Array.from({ length: 1000 }, (_, i) => i * i);
    expect(numbersOf(searchsorted(constant(wide), f64([998 ** 2, 1e7, -1, 500 ** 2 + 1])))).toEqual([998, 1000, 0, 501]);
  });
});

describe("quantiles", () => {
  const x = [7, 1, 3, 10, 5];
  it.each([
    ["linear", [1, 1.8, 5, 8.2, 10]],
    ["lower", [1, 1, 5, 7, 10]],
    ["higher", [1, 3, 5, 10, 10]],
    ["nearest", [1, 1, 5, 7, 10]],
    ["midpoint", [1, 2, 5, 8.5, 10]],
  ])("by the method %s are NumPy's", (method, expected) => {
    // numpy.quantile([7, 1, 3, 10, 5], [0, 0.1, 0.5, 0.85, 1], method=...)
    numbersOf(quantile!(f64(x), [0, 0.1, 0.5, 0.85, 1], { method })).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
  });
  it("of rows, with NaN, in percent, and kept axes", () => {
    const m = f64([1, 2, 3, 4, 8, 6, 7, NaN]).reshape([2, 4]);
    expect(numbersOf(median!(m, 1))).toEqual([2.5, NaN]);
    expect(numbersOf(median!(m.slice([0], [1])))).toEqual([2.5]);
    expect(median!(m, { axis: 0, keepdims: true }).shape).toEqual([1, 4]);
    expect(quantile!(m, [0.2, 0.4, 0.6], { axis: 1, keepdims: true }).shape).toEqual([3, 2, 1]);
    expect(quantile!(m, [0.2, 0.4, 0.6], 0).shape).toEqual([3, 4]);
    expect(numbersOf(percentile!(f64(x), 25))).toEqual([3]);
    expect(numbersOf(median!(constant([4, 1, 2], { dtype: "int32" })))).toEqual([2]);
    expect(median!(constant([4, 1, 2], { dtype: "int32" })).dtype).toBe("float32");
  });
});

describe("bad input", () => {
  const x = constant([[1, 2, 3]]).named("x");
  it.each([
    [() => sort(x, 2 as never), /sort: axis 2 is out of range/],
    [() => sort(x, 0, { descending: 1 as never }), /sort: descending must be true or false, got 1/],
    [() => topK(x, 4), /topK: k must be an integer from 0 to 3, the size of axis 1 of .*"x".*; got 4/],
    [() => topK(x, 1.5), /topK: k must be an integer/],
    [() => searchsorted(1, x), /searchsorted: the sorted elements must have an axis/],
    [() => searchsorted(x, x, { side: "middle" as never }), /searchsorted: side must be "left" or "right", got "middle"/],
    [() => searchsorted(constant([[1], [2]]), constant([[1], [2], [3]])), /searchsorted: the rows of .* do not broadcast/],
    [() => quantile!(x, 1.5), /quantile: fractions lie between 0 and 1, got 1\.5/],
    [() => percentile!(x, [50, 101]), /percentile: fractions lie between 0 and 100, got 101/],
    [() => quantile!(x, 0.5, { method: "hazen" }), /quantile: method must be one of linear, lower, higher, nearest, midpoint, got "hazen"/],
    [() => quantile!(x, x), /quantile: the fractions must be a scalar or a vector/],
    [() => median!(constant([]), {}), /median: .* has no elements/],
  ])("%s", (f, message) => expect(f).toThrow(message));
});
