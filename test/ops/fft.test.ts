/** Fourier transforms against sums written out, round trips, and the identities that they have to keep. */
import { describe, expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { rootsOfUnity } from "../../kernel/roots.ts";
import { complex, imag, real } from "../../ops/complex.ts";
import { convert } from "../../ops/convert.ts";
import * as f from "../../ops/fourier.ts";
import { leafOf, numbers, numbersOf, valuesOf } from "./support.ts";

/** Both parts, one after the other. */
const partsOf = (z: Tensor): number[] => valuesOf([real(z), imag(z)]).flatMap((v) => [...v.data]);
const length = (x: readonly number[]): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0));
/** |a - b| / |b|, in units of the rounding error. */
const distance = (a: readonly number[], b: readonly number[], dtype: DType): number => {
  expect(a.length).toBe(b.length);
  return length(a.map((v, i) => v - b[i]!)) / (length([...b]) || 1) / (dtype === "float32" ? 2 ** -24 : 2 ** -53);
};
const someOf = (shape: readonly number[], seed = 1, dtype: DType = "float64"): { re: Tensor; im: Tensor; z: Tensor } => {
  const [re, im] = [numbers(shape, { seed, dtype }).tensor, numbers(shape, { seed: seed + 1, dtype }).tensor];
  return { re, im, z: complex(re, im) };
};
/** The sums of x_j exp(-2 pi i j k / n), by exact roots, in float64. */
function naive(re: readonly number[], im: readonly number[]): number[] {
  const n = re.length;
  const roots = rootsOfUnity(n);
  const sums = [new Array<number>(n).fill(0), new Array<number>(n).fill(0)] as const;
  for (let k = 0; k < n; k++)
    for (let j = 0; j < n; j++) {
      const [c, s] = [roots.re[(j * k) % n]!, roots.im[(j * k) % n]!];
      sums[0][k]! += re[j]! * c - im[j]! * s;
      sums[1][k]! += re[j]! * s + im[j]! * c;
    }
  return sums.flat();
}

it("roots of unity have both parts of every eighth of the circle, and square to each other", () => {
  for (const n of [1, 2, 3, 4, 5, 8, 12, 31, 360, 1009]) {
    const { re, im } = rootsOfUnity(n);
    for (let k = 0; k < n; k++) {
      expect(Math.abs(re[k]! - Math.cos((2 * Math.PI * k) / n))).toBeLessThan(2e-15);
      expect(Math.abs(im[k]! + Math.sin((2 * Math.PI * k) / n))).toBeLessThan(2e-15);
      expect(Math.abs(re[k]! ** 2 + im[k]! ** 2 - 1)).toBeLessThan(2.5e-16);
    }
  }
  const { re, im } = rootsOfUnity(8);
  expect([...re]).toEqual([1, Math.SQRT1_2, 0, -Math.SQRT1_2, -1, -Math.SQRT1_2, 0, Math.SQRT1_2].map((v) => expect.closeTo(v, 17)));
  expect([...im].map((v) => v + 0)).toEqual([0, -Math.SQRT1_2, -1, -Math.SQRT1_2, 0, Math.SQRT1_2, 1, Math.SQRT1_2]);
});

const primes = [67, 251, 1009];
describe.each(["float64", "float32"] as const)("%s", (dtype) => {
  it("every length from 1 to 64, and primes: the sums, within a few rounding errors", () => {
    for (const n of [...Array.from({ length: 64 }, (_, i) => i + 1), ...primes]) {
      const { re, im, z } = someOf([n], n, dtype);
      const [x, y] = [numbersOf(re), numbersOf(im)];
      const bound = 4 + 2 * Math.log2(n);
      expect(distance(partsOf(f.fft(z)), naive(x, y), dtype), `fft of ${n}`).toBeLessThan(bound);
      // A convolution stands behind lengths with a great prime factor.
      expect(distance(partsOf(f.ifft(f.fft(z))), [...x, ...y], dtype), `inverse of ${n}`).toBeLessThan(2 * bound);
    }
  });

  it("real numbers: rfft is half of fft, irfft its inverse", () => {
    for (const n of [1, 2, 3, 4, 5, 8, 9, 15, 16, 37, 50, 64, 101]) {
      const { re } = someOf([n], n, dtype);
      const x = numbersOf(re);
      const half = Math.floor(n / 2) + 1;
      const all = naive(
        x,
        x.map(() => 0),
      );
      expect(distance(partsOf(f.rfft(re)), [...all.slice(0, half), ...all.slice(n, n + half)], dtype)).toBeLessThan(20);
      expect(distance(partsOf(f.fft(re)), all, dtype)).toBeLessThan(20);
      expect(distance(numbersOf(f.irfft(f.rfft(re), { n })), x, dtype)).toBeLessThan(20);
      if (n % 2 === 0) expect(f.irfft(f.rfft(re)).shape).toEqual([n]);
    }
  });
});

it("a batch along any axis is each of its columns, of few columns and of many", () => {
  for (const shape of [
    [3, 8, 5],
    [2, 6, 16],
    [1, 12, 33],
    [2, 67, 3],
    [4, 1, 7],
  ])
    for (const axis of [0, 1, 2]) {
      const { re, im, z } = someOf(shape, 7);
      const [x, y] = [numbersOf(re), numbersOf(im)];
      const n = shape[axis]!;
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const got = partsOf(f.fft(z, { axis }));
      const total = x.length;
      for (let start = 0; start < total; start++) {
        if (Math.floor(start / inner) % n !== 0) continue;
        const at = Array.from({ length: n }, (_, j) => start + j * inner);
        const wanted = naive(
          at.map((i) => x[i]!),
          at.map((i) => y[i]!),
        );
        expect(distance([...at.map((i) => got[i]!), ...at.map((i) => got[total + i]!)], wanted, "float64")).toBeLessThan(30);
      }
    }
});

it("several axes are one after the other", () => {
  const { re, z } = someOf([3, 4, 6]);
  const same = (a: Tensor, b: Tensor): void => expect(distance(partsOf(a), partsOf(b), "float64")).toBeLessThan(20);
  same(f.fft2(z), f.fft(f.fft(z, { axis: 1 }), { axis: 2 }));
  same(f.fftn(z), f.fft(f.fft2(z), { axis: 0 }));
  same(f.fftn(z, { axes: [0, 2] }), f.fft(f.fft(z, { axis: 0 }), { axis: 2 }));
  same(f.ifft2(f.fft2(z)), z);
  same(f.ifftn(f.fftn(z)), z);
  same(f.irfft2(f.rfft2(re)), re);
  same(f.irfftn(f.rfftn(re, { s: [5, 4, 7] }), { s: [5, 4, 7] }), f.ifftn(f.fftn(re, { s: [5, 4, 7] })));
  same(f.rfft2(re), f.fft(f.rfft(re), { axis: 1 }));
});

it("a length cuts, or adds zeros; norms put the factor where they say", () => {
  const { re, im, z } = someOf([6]);
  const [x, y] = [numbersOf(re), numbersOf(im)];
  const padded = (v: readonly number[]): number[] => [...v, 0, 0];
  expect(distance(partsOf(f.fft(z, { n: 8 })), naive(padded(x), padded(y)), "float64")).toBeLessThan(10);
  expect(distance(partsOf(f.fft(z, { n: 4 })), naive(x.slice(0, 4), y.slice(0, 4)), "float64")).toBeLessThan(10);
  const plain = naive(x, y);
  const scaled = (by: number): number[] => plain.map((v) => v * by);
  expect(distance(partsOf(f.fft(z, { norm: "ortho" })), scaled(1 / Math.sqrt(6)), "float64")).toBeLessThan(10);
  expect(distance(partsOf(f.fft(z, { norm: "forward" })), scaled(1 / 6), "float64")).toBeLessThan(10);
  for (const norm of ["backward", "ortho", "forward"] as const) {
    expect(distance(partsOf(f.ifft(f.fft(z, { norm }), { norm })), [...x, ...y], "float64")).toBeLessThan(10);
    expect(distance(numbersOf(f.irfft(f.rfft(re, { norm }), { norm })), x, "float64")).toBeLessThan(10);
  }
});

it("Parseval: the ortho transform keeps the sum of squares, of long arrays too", () => {
  for (const n of [1000, 1024, 2187, 1499]) {
    const { z } = someOf([n], n);
    expect(Math.abs(length(partsOf(f.fft(z, { norm: "ortho" }))) / length(partsOf(z)) - 1)).toBeLessThan(1e-14);
  }
});

it("the imaginary part of what stands for the mean does not count in irfft, nor that of the last for an even length", () => {
  const { re, im } = someOf([4]);
  const cleared = constant(
    numbersOf(im).map((v, i) => (i === 0 || i === 3 ? 0 : v)),
    { dtype: "float64" },
  );
  expect(distance(numbersOf(f.irfft(complex(re, im))), numbersOf(f.irfft(complex(re, cleared))), "float64")).toBeLessThan(4);
});

it("shifts and frequencies, as NumPy's", () => {
  expect(numbersOf(f.fftfreq(5, 0.5))).toEqual([0, 1, 2, -2, -1].map((k) => Math.fround(k / 2.5)));
  expect(numbersOf(f.fftfreq(4, 1, { dtype: "float64" }))).toEqual([0, 0.25, -0.5, -0.25]);
  expect(numbersOf(f.rfftfreq(5, 1, { dtype: "float64" }))).toEqual([0, 0.2, 0.4]);
  expect(numbersOf(f.rfftfreq(4, 1, { dtype: "float64" }))).toEqual([0, 0.25, 0.5]);
  for (const n of [4, 5]) {
    const x = convert(constant(Array.from({ length: n }, (_, i) => i)), "float64");
    expect(numbersOf(f.fftshift(x))).toEqual(n === 4 ? [2, 3, 0, 1] : [3, 4, 0, 1, 2]);
    expect(numbersOf(f.ifftshift(f.fftshift(x)))).toEqual(numbersOf(x));
  }
  const m = numbers([2, 3]);
  expect(numbersOf(f.fftshift(m.tensor, 1))).toEqual([2, 0, 1, 5, 3, 4].map((i) => m.data[i]!));
  expect(partsOf(f.fftshift(someOf([3]).z))).toHaveLength(6);
});

it("axes with names are columns; the transformed one is refused by name", () => {
  const x = leafOf([dim("rows"), 4]);
  const data = numbers([3, 4]).data;
  const bindings = { leaves: new Map([[x, data]]), sizes: { rows: 3 } };
  const y = f.fft(x);
  const got = valuesOf([real(y), imag(y)], bindings).map((v) => [...v.data]);
  for (let row = 0; row < 3; row++) {
    const part = (v: number[]): number[] => v.slice(4 * row, 4 * row + 4);
    expect(distance([...part(got[0]!), ...part(got[1]!)], naive(part(data), [0, 0, 0, 0]), "float64")).toBeLessThan(10);
  }
  expect(() => f.fft(x, { axis: 0 })).toThrow(/fft: axis 0 of .* has the named size rows; a transform needs a known length/);
});

it("mistakes say what would fit", () => {
  const { re, z } = someOf([4]);
  expect(() => f.rfft(z)).toThrow(/rfft: needs real numbers, got .*; use fft/);
  expect(() => f.fft(re, { n: 0 })).toThrow(/fft: the length must be a positive integer, got 0/);
  expect(() => f.fft(constant(1))).toThrow(/fft: needs an axis to transform/);
  expect(() => f.fft(re, { norm: "unit" as never })).toThrow(/fft: norm must be "backward", "ortho" or "forward", got "unit"/);
  expect(() => f.fft2(re)).toThrow(/fft2/);
  expect(() => f.fftn(re, { s: [4], axes: [0, 1] })).toThrow(/fftn: s has 1 lengths for 2 axes/);
  expect(() => f.fftfreq(0)).toThrow(/fftfreq: n must be a positive integer/);
});
