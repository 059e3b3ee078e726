/** Shape operations against loops over positions. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import "../../ops/methods.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { concatenate, split, stack } from "../../ops/concatenate.ts";
import { arange, eye, full, fullLike, iota, linspace, oneHot, ones, onesLike, tril, triu, zeros, zerosLike } from "../../ops/creation.ts";
import { diag } from "../../ops/diagonal.ts";
import { probe, stopGradient } from "../../ops/identity.ts";
import { dimSize } from "../../ops/iota.ts";
import { pad, type PadWidth, slice } from "../../ops/pad.ts";
import { repeat, tile } from "../../ops/repeat.ts";
import { expandDims, reshape, squeeze } from "../../ops/reshape.ts";
import { flip, moveaxis, swapaxes, transpose } from "../../ops/transpose.ts";
import { at, countOf, leafOf, numbersOf, positions, valueOf } from "./support.ts";

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
/** 0, 1, 2, ... in a shape. */
const ramp = (shape: readonly number[]): { x: Tensor; data: number[]; shape: readonly number[] } => {
  const data = Array.from({ length: countOf(shape) }, (_, i) => i + 1);
  return { x: constant(Float32Array.from(data), { shape: [...shape] }), data, shape };
};

/** Expects the elements that `element` gives at each position of the shape. */
function expectElements(t: Tensor, shape: readonly number[], element: (p: number[]) => number): void {
  const v = valueOf(t);
  expect(t.shape).toEqual(shape);
  expect([...v.data]).toEqual(positions(shape).map(element));
}

describe("axes", () => {
  it("transpose puts axis perm[i] at i, and twice in a row is one node", () => {
    const permutations = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
    );
    fc.assert(
      fc.property(permutations, fc.boolean(), ([shape, perm], negative) => {
        const { x, data } = ramp(shape);
        const y = transpose(x, negative ? perm.map((p) => p - shape.length) : perm);
        expectElements(
          y,
          perm.map((p) => shape[p]!),
          (p) =>
            at(
              data,
              shape,
              shape.map((_, i) => p[perm.indexOf(i)]!),
            ),
        );
        expect(
          transpose(
            y,
            perm.map((_, i) => perm.indexOf(i)),
          ),
        ).toBe(x);
      }),
    );
    expect(transpose(ramp([2, 3, 4]).x).shape).toEqual([4, 3, 2]);
  });
  it("moveaxis, swapaxes, expandDims and squeeze keep the order of what they do not move", () => {
    const { x } = ramp([1, 2, 3, 4]);
    expect(moveaxis(x, 1, -1).shape).toEqual([1, 3, 4, 2]);
    expect(moveaxis(x, [0, -1], [2, 0]).shape).toEqual([4, 2, 1, 3]);
    expect(swapaxes(x, 1, -1).shape).toEqual([1, 4, 3, 2]);
    expect(expandDims(x, -1).shape).toEqual([1, 2, 3, 4, 1]);
    expect(expandDims(x, [0, 3]).shape).toEqual([1, 1, 2, 1, 3, 4]);
    expect(squeeze(expandDims(x, 2)).shape).toEqual([2, 3, 4]);
    expect(squeeze(x, 0).shape).toEqual([2, 3, 4]);
  });
  it("flip walks the given axes backwards", () => {
    fc.assert(
      fc.property(shapes, fc.nat(15), (shape, mask) => {
        const { x, data } = ramp(shape);
        const axes = [...shape.keys()].filter((i) => (mask >> i) & 1);
        expectElements(flip(x, axes), shape, (p) =>
          at(
            data,
            shape,
            p.map((k, i) => (axes.includes(i) ? shape[i]! - 1 - k : k)),
          ),
        );
      }),
    );
  });
});

describe("slices and padding", () => {
  it("slice takes what JavaScript's slice and a stride take, on each axis, forwards and backwards", () => {
    const range = (n: number): fc.Arbitrary<[number | null, number | null, number | null]> =>
      fc.tuple(
        fc.option(fc.integer({ min: -n, max: n - 1 })),
        fc.option(fc.integer({ min: -n, max: n })),
        fc.option(fc.constantFrom(1, 2, 3, -1, -2)),
      );
    fc.assert(
      fc.property(
        shapes.chain((shape) => fc.tuple(fc.constant(shape), fc.tuple(...shape.map(range)))),
        ([shape, ranges]) => {
          const { x, data } = ramp(shape);
          // Python's rule, on the list of positions of each axis.
          const kept = shape.map((n, i) => {
            const [start, stop, step] = [ranges[i]![0], ranges[i]![1], ranges[i]![2] ?? 1];
            const fix = (v: number): number => (v < 0 ? v + n : v);
            const out: number[] = [];
            const [from, to] = [start === null ? (step > 0 ? 0 : n - 1) : fix(start), stop === null ? (step > 0 ? n : -1) : fix(stop)];
            for (let k = from; step > 0 ? k < to : k > to; k += step) out.push(k);
            return out;
          });
          const y = slice(
            x,
            ranges.map((r) => r[0]),
            ranges.map((r) => r[1]),
            ranges.map((r) => r[2]),
          );
          expectElements(
            y,
            kept.map((k) => k.length),
            (p) =>
              at(
                data,
                shape,
                p.map((k, i) => kept[i]![k]!),
              ),
          );
        },
      ),
    );
  });
  it("pad puts elements before, after and between", () => {
    const width = fc.oneof(fc.tuple(fc.nat(2), fc.nat(2)), fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)));
    fc.assert(
      fc.property(
        shapes.chain((shape) => fc.tuple(fc.constant(shape), fc.tuple(...shape.map(() => width)))),
        fc.constantFrom(0, -0, 7, -Infinity, NaN),
        ([shape, widths], value) => {
          const { x, data } = ramp(shape);
          const out = shape.map((n, i) => widths[i]![0] + widths[i]![1] + n + (n - 1) * (widths[i]![2] ?? 0));
          expectElements(pad(x, widths as PadWidth[], { value }), out, (p) => {
            const from = p.map((k, i) => (k - widths[i]![0]) / ((widths[i]![2] ?? 0) + 1));
            return from.every((k, i) => Number.isInteger(k) && k >= 0 && k < shape[i]!) ? at(data, shape, from) : value + 0;
          });
        },
      ),
    );
    expect(valueOf(pad(constant([[true, false]]), 1, { value: 1 })).data).toEqual(Uint32Array.of(1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1));
  });
});

describe("joining and splitting", () => {
  it("concatenate lays parts one after another, and split cuts them apart again", () => {
    fc.assert(
      fc.property(shapes, fc.nat(3), fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }), (shape, a, sizes) => {
        const axis = a % shape.length;
        const parts = sizes.map((n) => ramp(shape.map((d, i) => (i === axis ? n : d))));
        const joined = concatenate(
          parts.map((p) => p.x),
          axis - shape.length,
        );
        const starts = sizes.map((_, k) => sizes.slice(0, k).reduce((s, n) => s + n, 0));
        expectElements(
          joined,
          shape.map((d, i) => (i === axis ? sizes.reduce((s, n) => s + n, 0) : d)),
          (p) => {
            const k = starts.findLastIndex((start, j) => p[axis]! >= start && sizes[j]! > 0);
            return at(
              parts[k]!.data,
              parts[k]!.shape,
              p.map((v, i) => (i === axis ? v - starts[k]! : v)),
            );
          },
        );
        const again = split(joined, starts.slice(1), axis);
        expect(again.map((t) => numbersOf(t))).toEqual(parts.map((p) => p.data));
      }),
    );
  });
  it("stack makes a new axis, and promotes dtypes", () => {
    const [a, b] = [ramp([2, 3]), ramp([2, 3])];
    expectElements(stack([a.x, b.x.mul(-1)], 1), [2, 2, 3], ([i, k, j]) => (k ? -1 : 1) * at(a.data, a.shape, [i!, j!]));
    expect(stack([1, true, constant([1, 2], { dtype: "int32" }).sum()]).dtype).toBe("float32");
    expect(stack([a.x, a.x], -1).shape).toEqual([2, 3, 2]);
  });
  it("split into equal sections", () => {
    expect(split(ramp([6]).x, 3).map((t) => numbersOf(t))).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });
  it("tile and repeat", () => {
    expect(numbersOf(tile(ramp([2]).x, 2))).toEqual([1, 2, 1, 2]);
    expect(tile(ramp([2]).x, [3, 1]).shape).toEqual([3, 2]);
    expectElements(tile(ramp([2, 2]).x, [2, 3]), [4, 6], ([i, j]) => 1 + 2 * (i! % 2) + (j! % 2));
    expectElements(repeat(ramp([2, 2]).x, 3, 1), [2, 6], ([i, j]) => 1 + 2 * i! + Math.floor(j! / 3));
    expect(numbersOf(repeat(ramp([2]).x, 2))).toEqual([1, 1, 2, 2]);
  });
});

describe("creation", () => {
  it("constants, ranges and patterns", () => {
    expect(numbersOf(full([2, 2], 3))).toEqual([3, 3, 3, 3]);
    expect(
      [
        zeros([2]),
        ones([2], { dtype: "int32" }),
        zerosLike(ones([2], { dtype: "bool" })),
        onesLike(zeros([1, 2])),
        fullLike(zeros([2], { dtype: "float64" }), 0.1),
      ].map((t) => [t.dtype, ...numbersOf(t)]),
    ).toEqual([
      ["float32", 0, 0],
      ["int32", 1, 1],
      ["bool", 0, 0],
      ["float32", 1, 1],
      ["float64", 0.1, 0.1],
    ]);
    expectElements(iota([2, 3], 1), [2, 3], ([, j]) => j!);
    expect(
      [arange(4), arange(2, 5), arange(5, 0, -2), arange(0, 1, 0.25), arange(3, { dtype: "float64" }), arange(3, 1)].map((t) => [
        t.dtype,
        ...numbersOf(t),
      ]),
    ).toEqual([
      ["int32", 0, 1, 2, 3],
      ["int32", 2, 3, 4],
      ["int32", 5, 3, 1],
      ["float32", 0, 0.25, 0.5, 0.75],
      ["float64", 0, 1, 2],
      ["int32"],
    ]);
    const points = numbersOf(linspace(-0.3, 0.7, 11));
    expect([points[0], points[10]]).toEqual([-0.3, 0.7].map(Math.fround));
    points.forEach((p, i) => expect(Math.abs(p - (-0.3 + i / 10))).toBeLessThan(1e-7));
    expect(numbersOf(linspace(0, 1, 4, { endpoint: false }))).toEqual([0, 0.25, 0.5, 0.75]);
    expect([numbersOf(linspace(2, 3, 1)), numbersOf(linspace(2, 3, 0))]).toEqual([[2], []]);
    for (const k of [-2, -1, 0, 1, 3]) {
      expectElements(eye(3, 4, k), [3, 4], ([i, j]) => +(j! - i! === k));
      const { x, data, shape } = ramp([2, 3, 4]);
      expectElements(tril(x, k), shape, (p) => (p[2]! - p[1]! <= k ? at(data, shape, p) : 0));
      expectElements(triu(x, k), shape, (p) => (p[2]! - p[1]! >= k ? at(data, shape, p) : 0));
      const m = ramp([3, 4]);
      const length = Math.max(0, Math.min(3 - Math.max(-k, 0), 4 - Math.max(k, 0)));
      expectElements(diag(m.x, k), [length], ([i]) => at(m.data, m.shape, [i! + Math.max(-k, 0), i! + Math.max(k, 0)]));
      const n = 2 + Math.abs(k);
      expectElements(diag(ramp([2]).x, k), [n, n], ([i, j]) => (j! - i! === k ? Math.min(i!, j!) + 1 : 0));
    }
    expectElements(oneHot(constant([[0, 2]], { dtype: "int32" }), 3), [1, 2, 3], ([, j, c]) => +(c === [0, 2][j!]!));
    expect(numbersOf(oneHot(constant([1, -1, 5], { dtype: "int32" }), 3, { axis: 0, dtype: "int32" }))).toEqual([
      0, 0, 0, 1, 0, 0, 0, 0, 0,
    ]);
  });
});

describe("named dimensions", () => {
  const [n, m] = [dim("n"), dim("m")];
  const sizes = { n: 3, m: 2 };
  const x = leafOf([n, 2], "float32");
  const bindings = { sizes, leaves: new Map([[x, [1, 2, 3, 4, 5, 6]]]) };
  const check = (t: Tensor, shape: readonly unknown[], expected: readonly number[]): void => {
    expect(t.shape.map(String)).toEqual(shape.map(String));
    expect(numbersOf(t, bindings)).toEqual(expected);
  };
  it("flow through shape operations", () => {
    check(transpose(x), [2, n], [1, 3, 5, 2, 4, 6]);
    check(flip(x, 0), [n, 2], [5, 6, 3, 4, 1, 2]);
    check(slice(x, [1]), ["n-1", 2], [3, 4, 5, 6]);
    check(slice(x, [0, 1], [-1]), ["n-1", 1], [2, 4]);
    check(slice(x, [null, null], [], [-1]), [n, 2], [5, 6, 3, 4, 1, 2]);
    check(slice(x, [-2]), [2, 2], [3, 4, 5, 6]);
    check(
      pad(x, [
        [1, 0],
        [0, 0],
      ]),
      ["n+1", 2],
      [0, 0, 1, 2, 3, 4, 5, 6],
    );
    check(
      pad(
        x,
        [
          [0, 1, 1],
          [0, 0],
        ],
        { value: 9 },
      ),
      ["2*n", 2],
      [1, 2, 9, 9, 3, 4, 9, 9, 5, 6, 9, 9],
    );
    check(concatenate([x, slice(x, [1])]), ["2*n-1", 2], [1, 2, 3, 4, 5, 6, 3, 4, 5, 6]);
    check(reshape(x, [-1]), ["2*n"], [1, 2, 3, 4, 5, 6]);
    check(split(reshape(x, [-1]), 2)[1]!, [n], [4, 5, 6]);
    check(split(x, [1])[1]!, ["n-1", 2], [3, 4, 5, 6]);
    check(tile(x, [1, m]), [n, "2*m"], [1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6]);
    check(repeat(x, m, 0), ["m*n", 2], [1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6]);
    check(tril(x), [n, 2], [1, 0, 3, 4, 5, 6]);
    check(arange(n), [n], [0, 1, 2]);
    check(arange(1, n), ["n-1"], [1, 2]);
    check(eye(n), [n, n], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    check(diag(slice(x, [null, 0], [null, 1]).reshape([n])), [n, n], [1, 0, 0, 0, 3, 0, 0, 0, 5]);
    check(oneHot(arange(n), m), [n, m], [1, 0, 0, 1, 0, 0]);
    check(full([n], dimSize(n, "float32")), [n], [3, 3, 3]);
  });
});

it("stopGradient and probe are identities; a probe is never merged", () => {
  const x = constant([1, 2]);
  expect(numbersOf(stopGradient(x))).toEqual([1, 2]);
  expect(numbersOf(probe(x))).toEqual([1, 2]);
  expect(stopGradient(x)).toBe(stopGradient(x));
  expect(probe(x)).not.toBe(probe(x));
});

describe("bad input", () => {
  const x = ramp([2, 3]).x.named("x");
  const y = leafOf([dim("n"), 3]);
  it.each([
    [() => transpose(x, [0]), /transpose: .*"x" float32\[2, 3\] must list its 2 axes, got \[0\]/],
    [() => transpose(x, [0, 0]), /transpose: axis 0 is given twice/],
    [() => transpose(x, [0, 2]), /transpose: axis 2 is out of range/],
    [() => swapaxes(x, 0, 2), /swapaxes: axis 2/],
    [() => moveaxis(x, [0, 1], 0), /moveaxis: 2 axes to move, 1 places/],
    [() => flip(x, 0.5), /flip: axis 0\.5/],
    [() => slice(x, [3]), /slice: axis 0 of .*"x".*start 3 is out of range \(use -2 to 2\)/],
    [() => slice(x, [0], [5]), /stop 5 is out of range/],
    [() => slice(x, [NaN]), /start NaN/],
    [() => slice(x, [0, 0, 0]), /3 entries for/],
    [() => slice(x, [0], [2], [0]), /step must be an integer other than 0/],
    [() => slice(y, [0], [], [2]), /n elements are not a multiple of the step 2/],
    [() => slice(x, 1 as never), /slice: start, stop and step are lists/],
    [() => pad(x, [[1, 1]]), /pad: .* needs \[low, high\] for each of its 2 axes, got 1 entries/],
    [() => pad(x, -1), /pad: axis 0 .*non-negative integers, got \[-1, -1\]/],
    [
      () =>
        pad(x, [
          [0, 0.5],
          [0, 0],
        ]),
      /pad: axis 0/,
    ],
    [() => concatenate([] as never), /concatenate: needs at least one tensor/],
    [() => concatenate([x, constant([1])]), /concatenate: .*float32\[1\] does not fit beside .*"x"/],
    [() => concatenate([x], 2), /concatenate: axis 2/],
    [() => concatenate([1, 2]), /concatenate: axis 0 is out of range for a tensor of rank 0/],
    [() => stack([] as never), /stack: needs at least one tensor/],
    [() => stack([x, transpose(x)]), /stack: .*float32\[3, 2\] does not fit beside/],
    [() => stack([x, "no" as never]), /stack: entry 1 must be a tensor or a number, got string no/],
    [() => split(x, 2, 1), /split: axis 1 of .*"x".* does not divide into 2 equal sections/],
    [() => split(x, [2, 1], 1), /split: positions must ascend from 0 to 3.*got \[2, 1\]/],
    [() => squeeze(x, 0), /squeeze: axis 0 of .* has size 2, not 1/],
    [() => expandDims(x, 4), /expandDims: axis 4/],
    [() => reshape(x, [4, -1]), /reshape/],
    [() => full([2, -1], 0), /full: -1 is not a size/],
    [() => full([2], x), /full: the value must be a scalar/],
    [() => zeros([NaN]), /NaN is not a size/],
    [() => zeros([2], { dtype: "float16" as never }), /"float16" is not a dtype/],
    [() => arange(0, 1, 0), /arange: the step is 0/],
    [() => arange(NaN), /arange: .*finite/],
    [() => arange(0, dim("n"), 2), /steps of 1/],
    [() => linspace(0, 1, -1), /linspace: .*-1/],
    [() => eye(1.5), /eye: the number of rows must be .* got 1\.5/],
    [() => eye(2, 2, 0.5), /eye: the diagonal must be an integer, got 0\.5/],
    [() => tril(constant([1])), /tril: needs a matrix/],
    [() => diag(ramp([1, 1, 1]).x), /diag: needs a vector or a matrix/],
    [() => oneHot(constant([0.5]), 3), /oneHot: needs integer indices, got constant float32\[1\]/],
    [() => oneHot(constant([1], { dtype: "int32" }), -3), /oneHot: the number of classes/],
    [() => tile(x, -1), /tile: the number of copies/],
    [() => repeat(x, 1.5), /repeat: the number of copies/],
  ])("%s", (f, message) => {
    expect(f).toThrow(message);
  });
});
