/** Reading and writing at positions, against loops: positions known and computed, in and out of range. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vmap } from "../../ad/vmap.ts";
import { dim } from "../../core/dim.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as indexing from "../../ops/indexing.ts";
import { argsort, sort } from "../../ops/sort.ts";
import { at, leafOf, numbers, numbersOf, positions } from "./support.ts";

// What is tested here comes from generated shapes, of which types know nothing.
type Loose = Record<string, (...args: any[]) => Tensor>;
const { take, takeAlongAxis, gather, scatterAdd, dynamicSlice, dynamicUpdateSlice } = indexing as unknown as Loose;

const runs = { numRuns: 50 };
const axisCase = fc
  .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
  .chain((shape) =>
    fc.record({ shape: fc.constant(shape), axis: fc.nat(shape.length - 1), rows: fc.integer({ min: 0, max: 3 }), seed: fc.nat(100) }),
  );

/** Integers as a tensor whose values are not known when expressions are built, and what it is bound to. */
function computed(data: readonly number[], shape: readonly number[]): { indices: Tensor; leaves: Map<Tensor, readonly number[]> } {
  const indices = placeholder(shape, "int32");
  return { indices, leaves: new Map([[indices, data]]) };
}
const resolve = (i: number, n: number): number => (i < 0 ? i + n : i);
const clamp = (i: number, n: number): number => Math.max(0, Math.min(n - 1, i));

describe("take", () => {
  it("reads slices at positions of an axis; computed ones clamp or fill", () => {
    fc.assert(
      fc.property(axisCase, fc.boolean(), ({ shape, axis, rows, seed }, fill) => {
        const x = numbers(shape, { seed });
        const n = shape[axis]!;
        const { data } = numbers([rows, 2], { seed, low: -2 * n, high: 2 * n, dtype: "int32" });
        const { indices, leaves } = computed(data, [rows, 2]);
        const y = take!(x.tensor, indices, { axis: axis - shape.length, ...(fill && { mode: "fill", fillValue: 9 }) });
        const out = [...shape.slice(0, axis), rows, 2, ...shape.slice(axis + 1)];
        expect(y.shape).toEqual(out);
        const expected = positions(out).map((p) => {
          const i = resolve(data[p[axis]! * 2 + p[axis + 1]!]!, n);
          if (fill && (i < 0 || i >= n)) return 9;
          return at(x.data, shape, [...p.slice(0, axis), clamp(i, n), ...p.slice(axis + 2)]);
        });
        expect(numbersOf(y, { leaves })).toEqual(expected);
      }),
      runs,
    );
  });
  it("flattens without an axis; known positions count from either end", () => {
    const x = constant([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(
      numbersOf(
        take!(x, [
          [0, -1],
          [5, -6],
        ]),
      ),
    ).toEqual([1, 6, 6, 1]);
    expect(numbersOf(take!(x, -1, 1))).toEqual([3, 6]);
    expect(take!(x, 1, 0).shape).toEqual([3]);
    expect(numbersOf(take!(constant([true, false]), [1, 0], 0))).toEqual([0, 1]);
    expect(numbersOf(take!(x, Int32Array.of(2, 2), 1))).toEqual([3, 3, 6, 6]);
  });
  it("fills with NaN, or 0 for integers, unless told otherwise", () => {
    const { indices, leaves } = computed([0, 7], [2]);
    expect(numbersOf(take!(constant([1, 2]), indices, { mode: "fill" }), { leaves })).toEqual([1, NaN]);
    expect(numbersOf(take!(constant([1, 2], { dtype: "int32" }), indices, { mode: "fill" }), { leaves })).toEqual([1, 0]);
  });
});

it("takeAlongAxis reads each row at its own positions, and broadcasts the others", () => {
  fc.assert(
    fc.property(axisCase, ({ shape, axis, rows, seed }) => {
      const x = numbers(shape, { seed });
      const n = shape[axis]!;
      const indexShape = shape.map((d, i) => (i === axis ? rows : (seed >> i) & 1 ? 1 : d));
      const { data } = numbers(indexShape, { seed, low: -n, high: n, dtype: "int32" });
      const known = constant(Int32Array.from(data), { shape: indexShape });
      const { indices, leaves } = computed(data, indexShape);
      const out = shape.with(axis, rows);
      const expected = positions(out).map((p) => {
        const i = at(
          data,
          indexShape,
          p.map((k, j) => (indexShape[j] === 1 ? 0 : k)),
        );
        return at(x.data, shape, p.with(axis, resolve(i, n)));
      });
      for (const y of [takeAlongAxis!(x.tensor, known, axis), takeAlongAxis!(x.tensor, indices, axis)]) {
        expect(y.shape).toEqual(out);
        expect(numbersOf(y, { leaves })).toEqual(expected);
      }
    }),
    runs,
  );
});

it("gather reads at points of the first axes", () => {
  fc.assert(
    fc.property(axisCase, ({ shape, axis, rows, seed }) => {
      const [x, k] = [numbers(shape, { seed }), axis + 1];
      const { data } = numbers([rows, k], { seed, low: -5, high: 9, dtype: "int32" });
      const { indices, leaves } = computed(data, [rows, k]);
      const y = gather!(x.tensor, indices);
      const filled = gather!(x.tensor, indices, { mode: "fill", fillValue: 5 });
      const point = (r: number): number[] => Array.from({ length: k }, (_, a) => resolve(data[r * k + a]!, shape[a]!));
      const out = [rows, ...shape.slice(k)];
      expect(y.shape).toEqual(out);
      expect(numbersOf(y, { leaves })).toEqual(
        positions(out).map(([r, ...rest]) => at(x.data, shape, [...point(r!).map((i, a) => clamp(i, shape[a]!)), ...rest])),
      );
      const inside = (p: number[]): boolean => p.every((i, a) => i >= 0 && i < shape[a]!);
      expect(numbersOf(filled, { leaves })).toEqual(
        positions(out).map(([r, ...rest]) => (inside(point(r!)) ? at(x.data, shape, [...point(r!), ...rest]) : 5)),
      );
    }),
    runs,
  );
});

it("scatterAdd adds updates at positions, repeated ones too, and drops those out of range", () => {
  fc.assert(
    fc.property(axisCase, ({ shape, axis, rows, seed }) => {
      const n = shape[axis]!;
      const x = numbers(shape, { seed, low: -9, high: 9, dtype: "int32" });
      const updateShape = [...shape.slice(0, axis), rows, ...shape.slice(axis + 1)];
      const u = numbers(updateShape, { seed: seed + 1, low: -9, high: 9, dtype: "int32" });
      const { data } = numbers([rows], { seed, low: -2 * n, high: 2 * n, dtype: "int32" });
      const { indices, leaves } = computed(data, [rows]);
      const expected = positions(shape).map((p) =>
        data.reduce((s, i, r) => s + (resolve(i, n) === p[axis] ? at(u.data, updateShape, p.with(axis, r)) : 0), at(x.data, shape, p)),
      );
      expect(numbersOf(scatterAdd!(x.tensor, indices, u.tensor, { axis }), { leaves })).toEqual(expected);
    }),
    runs,
  );
  expect(numbersOf(scatterAdd!(constant([1, 2, 3]), [0, 0, -1], 10))).toEqual([21, 2, 13]);
});

describe("windows", () => {
  const windows = axisCase.chain((c) =>
    fc.record({
      shape: fc.constant(c.shape),
      seed: fc.constant(c.seed),
      sizes: fc.tuple(...c.shape.map((n) => fc.nat(n))),
      starts: fc.tuple(...c.shape.map((n) => fc.integer({ min: -2 * n, max: 2 * n }))),
      known: fc.nat(7),
    }),
  );
  it("dynamicSlice reads a window that fits, dynamicUpdateSlice writes one", () => {
    fc.assert(
      fc.property(windows, ({ shape, seed, sizes, starts, known }) => {
        const [x, u] = [numbers(shape, { seed }), numbers(sizes, { seed: seed + 1 })];
        const first = starts.map((s, i) => Math.max(0, Math.min(shape[i]! - sizes[i]!, resolve(s, shape[i]!))));
        // Some starts are numbers, which must fit; others are computed, and clamp.
        const leaves = new Map<Tensor, number[]>();
        const given = starts.map((s, i) => {
          if ((known >> i) & 1) return first[i]!;
          const t = placeholder([], "int32");
          leaves.set(t, [s]);
          return t;
        });
        expect(numbersOf(dynamicSlice!(x.tensor, given, sizes), { leaves })).toEqual(
          positions(sizes).map((p) =>
            at(
              x.data,
              shape,
              p.map((k, i) => k + first[i]!),
            ),
          ),
        );
        const inside = (p: number[]): boolean => p.every((k, i) => k >= first[i]! && k < first[i]! + sizes[i]!);
        const written = positions(shape).map((p) =>
          inside(p)
            ? at(
                u.data,
                sizes,
                p.map((k, i) => k - first[i]!),
              )
            : at(x.data, shape, p),
        );
        expect(numbersOf(dynamicUpdateSlice!(x.tensor, u.tensor, given), { leaves })).toEqual(written);
      }),
      runs,
    );
  });
  it("each example has its own start under vmap", () => {
    const x = constant([0, 1, 2, 3, 4]);
    const starts = constant([0, 2, 9], { dtype: "int32" });
    expect(numbersOf(vmap((s: Tensor) => dynamicSlice!(x, [s], [2]))(starts))).toEqual([0, 1, 2, 3, 3, 4]);
    expect(numbersOf(vmap((s: Tensor) => dynamicUpdateSlice!(x, constant([9]), [s]))(starts))).toEqual([
      9, 1, 2, 3, 4, 0, 1, 9, 3, 4, 0, 1, 2, 3, 9,
    ]);
  });
});

describe("sorting", () => {
  it("argsort is the stable order, NaN last, along any axis", () => {
    const value = fc.constantFrom(0, -0, 1, -1, 2, NaN, Infinity, -Infinity);
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 12 }), (row) => {
        const key = (v: number): number => (Number.isNaN(v) ? 1 : 0);
        const expected = [...row.keys()].sort(
          (i, j) => key(row[i]!) - key(row[j]!) || (row[i]! < row[j]! ? -1 : row[i]! > row[j]! ? 1 : i - j),
        );
        const x = constant(Float64Array.from(row));
        expect(numbersOf(argsort(x))).toEqual(expected);
        expect(numbersOf(sort(x))).toEqual(expected.map((i) => row[i]!));
        const column = x.reshape([-1, 1]);
        expect(numbersOf(argsort(column, 0 as never))).toEqual(expected);
      }),
      runs,
    );
    expect(
      numbersOf(
        argsort(
          constant([
            [3, 1],
            [2, 5],
          ]),
          0 as never,
        ),
      ),
    ).toEqual([1, 0, 0, 1]);
  });
});

it("named dimensions: positions reach as far as their sizes", () => {
  const x = leafOf([dim("n"), 2]);
  const { indices, leaves } = computed([0, -1, 9], [3]);
  const bindings = { sizes: { n: 3 }, leaves: new Map<Tensor, readonly number[]>([...leaves, [x, [1, 2, 3, 4, 5, 6]]]) };
  expect(numbersOf(take!(x, indices, 0), bindings)).toEqual([1, 2, 5, 6, 5, 6]);
  expect(numbersOf(take!(x, [0, -1], 0), bindings)).toEqual([1, 2, 5, 6]);
  expect(numbersOf(gather!(x, [[-1, 1]]), bindings)).toEqual([6]);
  expect(numbersOf(scatterAdd!(x, indices, 1), bindings)).toEqual([2, 3, 3, 4, 6, 7]);
  expect(numbersOf(dynamicSlice!(x, [indices.take(2), 0], [2, 2]), bindings)).toEqual([3, 4, 5, 6]);
  expect(numbersOf(dynamicUpdateSlice!(x, constant([[0, 0]]), [indices.take(2), 0]), bindings)).toEqual([1, 2, 3, 4, 0, 0]);
  // A size that turns out to be 0: there is nothing to clamp to, and reading gives 0.
  expect(numbersOf(take!(x, indices, 0), { sizes: { n: 0 }, leaves: new Map<Tensor, readonly number[]>([...leaves, [x, []]]) })).toEqual([
    0, 0, 0, 0, 0, 0,
  ]);
});

describe("bad input", () => {
  const x = constant([
    [1, 2, 3],
    [4, 5, 6],
  ]).named("x");
  const i = placeholder([2], "int32");
  it.each([
    [() => take!(x, [0, 3], 1), /take: index 3 is out of range for axis 1 of .*"x".* \(use -3 to 2\)/],
    [() => take!(x, -3, 0), /take: index -3 is out of range for axis 0/],
    [() => take!(x, constant([5], { dtype: "int32" }), 0), /take: index 5/],
    [() => take!(x, constant([0.5]), 0), /take: indices must be integers, got constant float32\[1\]/],
    [() => take!(x, 0.5, 0), /take: 0\.5 at position 0 is not an integer/],
    [() => take!(x, [[0], [0, 1]], 0), /take: the array is ragged/],
    [() => take!(x, 0, 2), /take: axis 2/],
    [() => take!(x, i, { axis: 0, mode: "wrap" }), /take: mode must be "clamp" or "fill", got "wrap"/],
    [() => take!(x, i, { axis: 0, fillValue: 1 }), /take: a fillValue needs mode: "fill"/],
    [() => take!(constant([]), i, 0), /take: axis 0 of .* is empty/],
    [() => takeAlongAxis!(x, i, 0), /takeAlongAxis: indices and operand need the same number of axes/],
    [() => takeAlongAxis!(x, [[0], [0], [0]], 1), /takeAlongAxis: .* does not broadcast with .*"x".* beside axis 1/],
    [() => gather!(x, [[0, 0, 0]]), /gather: the last axis of the indices must hold 1 to 2 positions/],
    [() => gather!(x, [[0, 3]]), /gather: index 3 is out of range for axis 1/],
    [() => gather!(x, 1), /gather: the last axis of the indices/],
    [() => scatterAdd!(x, [2], 1), /scatterAdd: index 2 is out of range for axis 0/],
    [() => scatterAdd!(x, [0], constant([1, 2])), /scatterAdd: updates .*float32\[2\] do not broadcast to \[1, 3\]/],
    [() => dynamicSlice!(x, [0], [1]), /dynamicSlice: .*"x".* needs a start and a size for each of its 2 axes, got 1 and 1/],
    [() => dynamicSlice!(x, [0, 0], [3, 1]), /dynamicSlice: 3 elements do not fit in axis 0/],
    [() => dynamicSlice!(x, [1, 0], [2, 1]), /dynamicSlice: 2 elements from 1 are out of range for axis 0/],
    [() => dynamicSlice!(x, [0.5, 0], [1, 1]), /the start of axis 0 must be an integer, got 0\.5/],
    [() => dynamicSlice!(x, [i, 0], [1, 1]), /the start of axis 0 must be a scalar/],
    [() => dynamicSlice!(x, [0, 0], [NaN, 1]), /NaN is not a size/],
    [() => dynamicUpdateSlice!(x, constant([1]), [0, 0]), /dynamicUpdateSlice: the update .* needs as many axes as/],
    [() => argsort(constant(1)), /argsort: axis -1 is out of range .*scalar/],
  ])("%s", (f, message) => {
    expect(f).toThrow(message);
  });
});
