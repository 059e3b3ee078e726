/** Diagonals, products and rearrangements against loops and NumPy's published examples. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { diagonal, trace } from "../../ops/diagonal.ts";
import { matmul } from "../../ops/matmul.ts";
import { cross, inner, kron, multiDot, polyval, vander, vecdot } from "../../ops/products.ts";
import { meshgrid, ravel, roll, rot90 } from "../../ops/rearrange.ts";
import { at, countOf, leafOf, numbers, numbersOf, positions } from "./support.ts";

const f64 = (...v: number[]): Tensor => constant(Float64Array.from(v));
const shaped = (shape: readonly number[]): Tensor =>
  constant(
    Float64Array.from({ length: countOf(shape) }, (_, i) => i),
    { shape: [...shape] },
  );
const runs = { numRuns: 40 };
const sizes = fc.integer({ min: 1, max: 4 });

describe("diagonals", () => {
  it("are read along any two axes at any offset, and their sum is the trace", () =>
    fc.assert(
      fc.property(
        fc.tuple(sizes, sizes, sizes),
        fc.constantFrom([0, 1], [1, 0], [2, 0], [1, 2]),
        fc.integer({ min: -3, max: 3 }),
        (shape, [a, b], k) => {
          const { data, tensor } = numbers(shape);
          const rest = [0, 1, 2].find((i) => i !== a && i !== b)!;
          const size = Math.max(0, Math.min(shape[a!]! - Math.max(-k, 0), shape[b!]! - Math.max(k, 0)));
          const expected = positions([shape[rest]!, size]).map(([r, d]) => {
            const p = [0, 0, 0];
            [p[rest], p[a!], p[b!]] = [r!, d! + Math.max(-k, 0), d! + Math.max(k, 0)];
            return at(data, shape, p);
          });
          const options = { offset: k, axis1: a!, axis2: b! };
          const d = diagonal(tensor, options);
          expect(d.shape).toEqual([shape[rest]!, size]);
          expect(numbersOf(d)).toEqual(expected);
          const sums = Array.from({ length: shape[rest]! }, (_, r) => expected.slice(r * size, r * size + size).reduce((s, v) => s + v, 0));
          numbersOf(trace(tensor, options)).forEach((v, r) => expect(Math.abs(v - sums[r]!)).toBeLessThan(1e-14));
        },
      ),
      runs,
    ));
  it("of bools are counted by trace", () =>
    expect(
      numbersOf(
        trace(
          constant([
            [true, false],
            [true, true],
          ]),
        ),
      ),
    ).toEqual([2]));
});

describe("products", () => {
  it("cross is perpendicular to both, as long as the area, and right-handed", () => {
    expect(numbersOf(cross(f64(1, 2, 3), f64(4, 5, 6)))).toEqual([-3, 6, -3]);
    expect(numbersOf(cross(shaped([3, 2]), f64(1, 0, 0).reshape([3, 1]), 0))).toEqual([0, 0, 4, 5, -2, -3]);
    const [a, b] = [numbers([5, 3], { seed: 2 }).tensor, numbers([1, 3], { seed: 3 }).tensor];
    numbersOf(vecdot(cross(a, b), a)).forEach((v) => expect(Math.abs(v)).toBeLessThan(1e-14));
  });
  it("vecdot and inner", () => {
    expect(numbersOf(vecdot(shaped([2, 3]), f64(1, 2, 3)))).toEqual([8, 26]);
    expect(numbersOf(inner(shaped([2, 3]), shaped([2, 3])))).toEqual([5, 14, 14, 50]);
    expect(numbersOf(inner(f64(1, 2), 3))).toEqual([3, 6]);
  });
  it("kron is a matrix of blocks", () => {
    // numpy.kron([1, 10, 100], [5, 6, 7])
    expect(numbersOf(kron(f64(1, 10, 100), f64(5, 6, 7)))).toEqual([5, 6, 7, 50, 60, 70, 500, 600, 700]);
    const [a, b] = [numbers([2, 3], { seed: 4 }), numbers([3, 2], { seed: 5 })];
    const k = kron(a.tensor, b.tensor);
    expect(k.shape).toEqual([6, 6]);
    expect(numbersOf(k)).toEqual(
      positions([6, 6]).map(
        ([i, j]) => at(a.data, [2, 3], [Math.floor(i! / 3), Math.floor(j! / 2)]) * at(b.data, [3, 2], [i! % 3, j! % 2]),
      ),
    );
    expect(kron(f64(1, 2), shaped([2, 2])).shape).toEqual([2, 4]);
  });
  it("multiDot is the product, by the cheapest order", () => {
    const shapes = [
      [10, 100],
      [100, 5],
      [5, 50],
    ];
    const [a, b, c] = shapes.map((s, i) => numbers(s, { seed: i }).tensor);
    const chain = multiDot([a!, b!, c!]);
    // 7,500 multiplications from the left, 75,000 from the right (Cormen et al.).
    expect(chain).toBe(matmul(matmul(a!, b!), c!));
    expect(multiDot([c!.T, b!.T, a!.T])).toBe(matmul(c!.T, matmul(b!.T, a!.T)));
    expect(multiDot([f64(1, 2), shaped([2, 3]), f64(1, 1, 1)]).shape).toEqual([]);
    expect(multiDot([shaped([2, 3])]).shape).toEqual([2, 3]);
    expect(multiDot([leafOf([dim("n"), 3]), shaped([3, 2]), shaped([2, 4])]).shape).toEqual([dim("n"), 4]);
  });
  it("vander and polyval agree", () => {
    expect(numbersOf(vander(f64(1, 2, 3, 5), 3))).toEqual([1, 1, 1, 4, 2, 1, 9, 3, 1, 25, 5, 1]);
    expect(numbersOf(vander(f64(0, -2), 4, { increasing: true }))).toEqual([1, 0, 0, 0, 1, -2, 4, -8]);
    expect(numbersOf(polyval(f64(3, 0, 1), f64(5, -1)))).toEqual([76, 4]);
    const p = f64(0.3, -1, 2, 0.5);
    const x = f64(0.7, -1.3);
    const values = numbersOf(matmul(vander(x, 4), p));
    numbersOf(polyval(p, x)).forEach((v, i) => expect(Math.abs(v - values[i]!)).toBeLessThan(1e-14));
  });
});

describe("rearrangements", () => {
  it("roll moves the end to the beginning", () => {
    const x = shaped([2, 5]);
    // NumPy's examples.
    expect(numbersOf(roll(f64(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 2))).toEqual([8, 9, 0, 1, 2, 3, 4, 5, 6, 7]);
    expect(numbersOf(roll(x, -1))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    expect(numbersOf(roll(x, 1, 0))).toEqual([5, 6, 7, 8, 9, 0, 1, 2, 3, 4]);
    expect(numbersOf(roll(x, [1, 1], [1, 0]))).toEqual([9, 5, 6, 7, 8, 4, 0, 1, 2, 3]);
    expect(numbersOf(roll(x, 7, 1))).toEqual(numbersOf(roll(x, 2, 1)));
    const n = leafOf([dim("n")]);
    expect(numbersOf(roll(n, -1), { sizes: { n: 3 }, leaves: new Map([[n, [1, 2, 3]]]) })).toEqual([2, 3, 1]);
  });
  it("four right angles are none; one goes from the first axis towards the second", () => {
    const x = shaped([2, 3]);
    expect(
      numbersOf(
        rot90(
          constant([
            [1, 2],
            [3, 4],
          ]),
        ),
      ),
    ).toEqual([2, 4, 1, 3]);
    expect(numbersOf(rot90(rot90(x, 1), 3))).toEqual(numbersOf(x));
    expect(numbersOf(rot90(x, 2))).toEqual([5, 4, 3, 2, 1, 0]);
    expect(rot90(x, 4)).toBe(x);
    expect(rot90(x, -1).shape).toEqual([3, 2]);
  });
  it("meshgrid spreads coordinates", () => {
    const [x, y] = meshgrid([f64(0, 0.5, 1), f64(0, 1)]);
    expect([x!.shape, numbersOf(x!), numbersOf(y!)]).toEqual([
      [2, 3],
      [0, 0.5, 1, 0, 0.5, 1],
      [0, 0, 0, 1, 1, 1],
    ]);
    const [i, j, k] = meshgrid([f64(1, 2), f64(3), f64(4, 5)], { indexing: "ij" });
    expect([i!.shape, numbersOf(i!), numbersOf(j!), numbersOf(k!)]).toEqual([
      [2, 1, 2],
      [1, 1, 2, 2],
      [3, 3, 3, 3],
      [4, 5, 4, 5],
    ]);
    expect(ravel(shaped([2, 3])).shape).toEqual([6]);
  });
});

describe("bad input", () => {
  const x = shaped([2, 3]).named("x");
  it.each([
    [() => diagonal(f64(1)), /diagonal: needs a matrix, or a stack of them/],
    [() => diagonal(x, { axis1: 1, axis2: -1 }), /diagonal: axis1 and axis2 must differ, got 1 and -1/],
    [() => trace(x, 0.5), /trace: the offset must be an integer, got 0\.5/],
    [() => diagonal(leafOf([dim("n"), dim("m")])), /diagonal: which of n and m is smaller/],
    [() => cross(x, f64(1, 2)), /cross: shapes do not broadcast/],
    [() => cross(x, x, 0), /cross: the vectors must have 3 components, along axis 0 of .*"x".* they have 2/],
    [() => inner(x, f64(1, 2)), /inner: axes \[1\] of .* differ in size/],
    [() => multiDot([]), /multiDot: needs a list of matrices, got an empty one/],
    [() => multiDot([x, x]), /multiDot: .*"x".* has 3 columns, but .* has 2 rows/],
    [() => multiDot([x, f64(1, 2, 3), x]), /multiDot: operand 2 must be a matrix, got/],
    [() => vander(f64(1), -1), /vander: the number of powers must be a non-negative integer, got -1/],
    [() => vander(1), /vander: needs a vector/],
    [() => polyval(x, 1), /polyval: the coefficients must be a vector of a known size/],
    [() => roll(x, 0.5), /roll: shifts must be integers, got 0\.5/],
    [() => roll(x, [1, 2], [0]), /roll: 2 shifts for 1 axes/],
    [() => rot90(x, 1, [0, 0]), /rot90: the two axes must differ/],
    [() => meshgrid([x]), /meshgrid: needs vectors/],
    [() => meshgrid([1], { indexing: "yx" as never }), /meshgrid: indexing must be "xy" or "ij", got "yx"/],
  ])("%s", (f, message) => expect(f).toThrow(message));
});
