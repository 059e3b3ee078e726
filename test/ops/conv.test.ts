/** Convolution and pooling against loops over plain arrays; transposed convolution against the transpose; what their derivatives are made of. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { jacrev } from "../../ad/jacobian.ts";
import { vjp } from "../../ad/vjp.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { conv, convTranspose, type ConvOptions } from "../../ops/conv.ts";
import { avgPool, maxPool } from "../../ops/pool.ts";
import { slidingWindows } from "../../ops/windows.ts";
import { at, countOf, leafOf, numbers, numbersOf, positions, valueOf } from "./support.ts";

interface Geometry {
  readonly space: number[];
  readonly window: number[];
  readonly strides: number[];
  readonly dilation: number[];
  readonly padding: [number, number][];
}
const geometry: fc.Arbitrary<Geometry> = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const each = (low: number, high: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: low, max: high }), { minLength: rank, maxLength: rank });
  return fc.record({
    space: each(3, rank === 1 ? 9 : 5),
    window: each(1, 3),
    strides: each(1, 3),
    dilation: each(1, 2),
    padding: fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: rank, maxLength: rank }),
  });
});
const fits = ({ space, window, dilation, padding }: Geometry): boolean =>
  space.every((n, i) => n + padding[i]![0] + padding[i]![1] >= (window[i]! - 1) * dilation[i]! + 1);
const outOf = ({ space, window, strides, dilation, padding }: Geometry): number[] =>
  space.map((n, i) => Math.floor((n + padding[i]![0] + padding[i]![1] - (window[i]! - 1) * dilation[i]! - 1) / strides[i]!) + 1);
/** x at a place that may lie in the padding. */
const look = (data: readonly number[], shape: readonly number[], p: readonly number[], otherwise: number): number =>
  p.some((k, i) => k < 0 || k >= shape[i]!) ? otherwise : at(data, shape, p);

describe("conv", () => {
  it("is the sum of products over channels and window, whatever the geometry", () =>
    fc.assert(
      fc.property(
        geometry.filter(fits),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(100),
        (g, groups, channels, seed) => {
          const [n, c, o] = [2, channels * groups, 2 * groups];
          const x = numbers([n, c, ...g.space], { seed });
          const w = numbers([o, channels, ...g.window], { seed: seed + 1 });
          const out = [n, o, ...outOf(g)];
          const expected = positions(out).map(([b, f, ...p]) => {
            const group = Math.floor(f! / 2);
            return positions([channels, ...g.window]).reduce((sum, [k, ...t]) => {
              const place = p.map((q, i) => q * g.strides[i]! + t[i]! * g.dilation[i]! - g.padding[i]![0]);
              return sum + look(x.data, x.shape, [b!, group * channels + k!, ...place], 0) * at(w.data, w.shape, [f!, k!, ...t]);
            }, 0);
          });
          const y = conv(x.tensor, w.tensor, { ...g, groups });
          expect(y.shape).toEqual(out);
          numbersOf(y).forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-13));
        },
      ),
      { numRuns: 60 },
    ));

  it('pads evenly for "same", the odd one behind, so that out = ceil(n / stride)', () => {
    for (const [n, k, stride] of [
      [7, 3, 1],
      [7, 4, 2],
      [8, 3, 3],
      [5, 2, 2],
    ] as const) {
      const [x, w] = [numbers([1, 1, n]).tensor, numbers([1, 1, k]).tensor];
      const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + k - n);
      const y = conv(x, w, { padding: "same", strides: stride });
      expect(y.shape).toEqual([1, 1, Math.ceil(n / stride)]);
      expect(numbersOf(y)).toEqual(numbersOf(conv(x, w, { padding: [[Math.floor(total / 2), Math.ceil(total / 2)]], strides: stride })));
    }
  });

  it("sums in one order, written out or as a product: nine terms and ten with a zero give the same bits", () => {
    const [x, w] = [numbers([2, 9, 5]), numbers([3, 9, 1])];
    const more = (v: { data: number[] }, rows: number, each: number): number[] =>
      Array.from({ length: rows }, (_, r) => [
        ...v.data.slice(r * 9 * each, (r + 1) * 9 * each),
        ...new Array<number>(each).fill(0),
      ]).flat();
    const wide = conv(
      constant(Float64Array.from(more(x, 2, 5)), { shape: [2, 10, 5] }),
      constant(Float64Array.from(more(w, 3, 1)), { shape: [3, 10, 1] }),
    );
    expect(numbersOf(conv(x.tensor, w.tensor))).toEqual(numbersOf(wide));
  });

  it("takes named sizes, integers, and no examples at all", () => {
    const x = leafOf([dim("n"), 1, dim("m")]);
    const y = conv(x, constant(Float64Array.of(1, -1), { shape: [1, 1, 2] }));
    expect(numbersOf(y, { sizes: { n: 2, m: 3 }, leaves: new Map([[x, [1, 4, 9, 0, 2, 8]]]) })).toEqual([-3, -5, -2, -6]);
    const i = constant([1, 2, 3, 4], { dtype: "int32" }).reshape([1, 1, 4]);
    expect(numbersOf(conv(i, constant([1, 1], { dtype: "int32" }).reshape([1, 1, 2])))).toEqual([3, 5, 7]);
    expect(
      valueOf(conv(constant(new Float64Array(0), { shape: [0, 1, 4] }), constant(Float64Array.of(1), { shape: [1, 1, 1] }))).shape,
    ).toEqual([0, 1, 4]);
  });

  it("its transposes are convolutions: no derivative of any order has another contraction", () => {
    const f = (x: Tensor, w: Tensor): Tensor => conv(x, w, { strides: 2, padding: 1 }).square().sum();
    const g = (x: Tensor, w: Tensor): Tensor => (grad(f, { argnums: 1 })(x, w) as Tensor).square().sum();
    const root = grad(g)(numbers([1, 2, 5, 5]).tensor as never, numbers([2, 2, 3, 3]).tensor as never) as Tensor;
    const seen = new Set<Tensor>([root]);
    for (const t of seen) for (const input of t.inputs) seen.add(input);
    const names = new Set([...seen].map((t) => t.primitive.name));
    expect(names.has("conv")).toBe(true);
    for (const name of ["matmul", "windows", "gather", "scatterAdd"]) expect(names.has(name)).toBe(false);
  });
});

describe("convTranspose", () => {
  it("is the transpose of conv, as a matrix, cut to the size wanted", () =>
    fc.assert(
      fc.property(geometry.filter(fits), fc.integer({ min: 1, max: 2 }), fc.nat(100), (g, groups, seed) => {
        const [c, o] = [2 * groups, groups];
        const y = numbers([1, c, ...outOf(g)], { seed });
        const w = numbers([c, o / groups, ...g.window], { seed: seed + 1 });
        // How much conv leaves over at the end is what it has to be told again.
        const outputPadding = g.space.map(
          (n, i) => (n + g.padding[i]![0] + g.padding[i]![1] - (g.window[i]! - 1) * g.dilation[i]! - 1) % g.strides[i]!,
        );
        const options: ConvOptions = { ...g, groups };
        const z = convTranspose(y.tensor, w.tensor, { ...options, padding: g.padding, outputPadding });
        const x = numbers([1, o, ...g.space], { seed }).tensor;
        const [expected] = vjp((t: Tensor) => conv(t, w.tensor, options), [x])[1](y.tensor) as [Tensor];
        expect(z.shape).toEqual([1, o, ...g.space]);
        const want = numbersOf(expected);
        numbersOf(z).forEach((v, i) => expect(Math.abs(v - want[i]!)).toBeLessThan(1e-13));
      }),
      { numRuns: 40 },
    ));
  it("has PyTorch's sizes and a published value", () => {
    // torch.nn.functional.conv_transpose1d([[[1, 2, 3]]], [[[1, 10, 100]]], stride=2)
    const x = constant(Float64Array.of(1, 2, 3), { shape: [1, 1, 3] });
    const w = constant(Float64Array.of(1, 10, 100), { shape: [1, 1, 3] });
    expect(numbersOf(convTranspose(x, w, { strides: 2 }))).toEqual([1, 10, 102, 20, 203, 30, 300]);
    expect(numbersOf(convTranspose(x, w, { strides: 2, padding: 1, outputPadding: 1 }))).toEqual([10, 102, 20, 203, 30, 300]);
  });
});

describe("windows and pools", () => {
  it("windows are slices at a stride, and transpose to their sum", () => {
    const x = numbers([2, 9]);
    const w = slidingWindows(x.tensor, 3, { stride: 2, dilation: 2 });
    expect(w.shape).toEqual([2, 3, 3]);
    expect(numbersOf(w)).toEqual(positions([2, 3, 3]).map(([r, p, t]) => at(x.data, [2, 9], [r!, 2 * p! + 2 * t!])));
    const counts = numbersOf(grad((t: Tensor) => slidingWindows(t, 3, { stride: 2, dilation: 2 }).sum())(x.tensor) as Tensor);
    expect(counts.slice(0, 9)).toEqual([1, 0, 2, 0, 3, 0, 2, 0, 1]);
  });
  it("maxPool and avgPool are loops over windows", () =>
    fc.assert(
      fc.property(geometry.filter(fits), fc.nat(100), (g, seed) => {
        const x = numbers([2, 2, ...g.space], { seed });
        const out = [2, 2, ...outOf(g)];
        const windows = (otherwise: number): number[][] =>
          positions(out).map(([b, c, ...p]) =>
            positions(g.window).map((t) =>
              look(x.data, x.shape, [b!, c!, ...p.map((q, i) => q * g.strides[i]! + t[i]! * g.dilation[i]! - g.padding[i]![0])], otherwise),
            ),
          );
        expect(numbersOf(maxPool(x.tensor, g.window, g))).toEqual(windows(-Infinity).map((v) => Math.max(...v)));
        const close = (got: number[], expected: number[]): void =>
          got.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-13));
        close(
          numbersOf(avgPool(x.tensor, g.window, g)),
          windows(0).map((v) => v.reduce((s, w) => s + w, 0) / countOf(g.window)),
        );
        const inside = windows(NaN).map((v) => v.filter((w) => !Number.isNaN(w)));
        if (inside.every((v) => v.length > 0))
          close(
            numbersOf(avgPool(x.tensor, g.window, { ...g, countPadding: false })),
            inside.map((v) => v.reduce((s, w) => s + w, 0) / v.length),
          );
      }),
      { numRuns: 60 },
    ));
  it("maxPool shares the derivative among all that tie in a window, and passes NaN on", () => {
    const x = constant(Float64Array.of(1, 1, 1, 0, 1, 5, 0, 0, NaN), { shape: [1, 1, 3, 3] });
    expect(numbersOf(maxPool(x, 2, { strides: 1 }))).toEqual([1, 5, 1, NaN]);
    const j = numbersOf(jacrev((t: Tensor) => maxPool(t, 2))(constant(Float64Array.of(1, 1, 1, 0), { shape: [1, 1, 2, 2] })) as Tensor);
    [1 / 3, 1 / 3, 1 / 3, 0].forEach((v, i) => expect(Math.abs(j[i]! - v)).toBeLessThan(1e-15));
  });
});

describe("bad input", () => {
  const x = numbers([2, 4, 8]).tensor.named("x");
  const w = numbers([3, 4, 3]).tensor.named("w");
  it.each([
    [() => conv(x, numbers([3, 2, 3]).tensor), /conv: .*"x".* has 4 channels, in 1 group, but .* expects 2 in each/],
    [() => conv(x, w, { groups: 3 }), /conv: axis 1 of .*"x".*, of size 4, does not divide into 3 groups/],
    [() => conv(numbers([4, 8]).tensor, w), /conv: x must be \[examples, channels, \.\.\.space\]/],
    [() => conv(x, numbers([3, 4, 9]).tensor), /conv: windows .* do not fit in axis 2 of .*"x".*, which has 8 elements with padding/],
    [() => conv(x, w, { strides: 0 }), /conv: strides must be a positive integer, or 1 of them, got 0/],
    [() => conv(x, w, { strides: [1, 1] }), /conv: strides must be a positive integer, or 1 of them, got \[1, 1\]/],
    [() => conv(x, w, { padding: -1 }), /conv: padding must be non-negative integers, got -1/],
    [() => conv(x, w, { padding: "full" as never }), /conv: padding must be "valid", "same", a number, or \[before, after\]/],
    [() => conv(leafOf([1, 4, dim("n")]), w, { strides: 2 }), /conv: how many windows fit in axis 2 .* is not known; stride 2 must divide/],
    [() => convTranspose(x, w), /convTranspose: .*"x".* has 4 channels, but .*"w".* is for 3/],
    [() => convTranspose(x, w.transpose([1, 0, 2]), { padding: 9 }), /convTranspose: the padding leaves nothing of/],
    [() => maxPool(x, 9), /maxPool: a window over 9 elements does not fit in axis 2 of .*"x"/],
    [() => avgPool(numbers([3, 3]).tensor, 2), /avgPool: x must be \[examples, channels, \.\.\.space\]/],
    [() => slidingWindows(x, 0), /slidingWindows: the size must be a positive integer, got 0/],
    [() => slidingWindows(x, 9), /slidingWindows: a window over 9 elements does not fit in axis 2/],
  ])("%s", (f, message) => expect(f).toThrow(message));
});
