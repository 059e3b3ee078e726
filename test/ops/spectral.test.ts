/** QR, eigenvalues and singular values: the factors give the matrix again and are orthogonal, also for matrices of low rank. */
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { vjp } from "../../ad/vjp.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { eye } from "../../ops/creation.ts";
import { eigh } from "../../ops/eigh.ts";
import { matmul } from "../../ops/matmul.ts";
import { qr } from "../../ops/qr.ts";
import { sum } from "../../ops/reductions.ts";
import { expandDims } from "../../ops/reshape.ts";
import { svd } from "../../ops/svd.ts";
import { swapaxes } from "../../ops/transpose.ts";
import { Random } from "../ad/cases.ts";
import { numbersOf, valuesOf } from "./support.ts";

const random = new Random(11);
const some = (shape: readonly number[], dtype: DType = "float64"): Tensor =>
  constant(
    random.numbers(
      shape.reduce((a, b) => a * b, 1),
      -1,
      1,
    ),
    { shape, dtype },
  );
const t = (a: Tensor): Tensor => swapaxes(a, -1, -2);
const unit = { float64: 2 ** -52, float32: 2 ** -23 };
/** The greatest element of each difference, in units of the last place of the other's greatest. */
function expectClose(pairs: readonly (readonly [Tensor, Tensor])[], within: number): void {
  const values = valuesOf(pairs.flat());
  pairs.forEach(([a, b], i) => {
    expect(a.shape).toEqual(b.shape);
    const [x, y] = [values[2 * i]!.data, values[2 * i + 1]!.data];
    const size = Math.max(0, ...[...y].map(Math.abs)) || 1;
    y.forEach((v, k) => expect(Math.abs(x[k]! - v) / size / unit[b.dtype as "float64"]).toBeLessThan(within));
  });
}
const identity = (x: Tensor): readonly [Tensor, Tensor] => {
  const gram = matmul(t(x), x);
  const n = gram.shape.at(-1)!;
  return [gram, add(eye(n, n, 0, { dtype: x.dtype }), mul(gram, 0))];
};
const descending = (values: readonly number[]): void => values.slice(1).forEach((v, i) => expect(v).toBeLessThanOrEqual(values[i]!));
/** Each row of x times its entry in s. */
const scaled = (s: Tensor, x: Tensor): Tensor => mul(expandDims(s, -1), x);

const shapes = [
  [1, 1],
  [2, 3, 3],
  [5, 2],
  [2, 5],
  [2, 7, 4],
  [20, 13],
  [0, 0],
  [3, 0],
  [0, 3],
] as const;

describe.each(["float64", "float32"] as const)("%s", (dtype) => {
  it("qr: Q R is A, Q has orthonormal columns, R is upper triangular", () => {
    for (const shape of shapes)
      for (const mode of ["reduced", "complete"] as const) {
        const a = some(shape, dtype);
        const { q, r } = qr(a, { mode });
        expectClose([[matmul(q, r), a], identity(q)], 40);
        const columns = r.shape.at(-1) as number;
        const rows = r.shape.at(-2) as number;
        numbersOf(r).forEach((v, i) => Math.floor(i / columns) % rows > i % columns && expect(v).toBe(0));
      }
  });

  it("svd: U S V^T is A, vectors are orthonormal, values descend", () => {
    for (const shape of shapes) {
      const a = some(shape, dtype);
      const { u, s, vt } = svd(a);
      expectClose([[matmul(u, scaled(s, vt)), a], identity(u), identity(t(vt))], 100);
      if (shape.length === 2) descending(numbersOf(s));
      const full = svd(a, { fullMatrices: true });
      expectClose([identity(full.u), identity(t(full.vt)), [full.s, s]], 100);
    }
  });

  it("eigh: V W V^T is A, vectors are orthonormal, values ascend", () => {
    for (const shape of [
      [1, 1],
      [2, 2],
      [2, 5, 5],
      [24, 24],
      [0, 0],
    ] as const) {
      const b = some(shape, dtype);
      const a = add(b, t(b));
      const { w, v } = eigh(a);
      expectClose([[matmul(v, scaled(w, t(v))), a], identity(v)], 100);
      if (shape.length === 2) descending(numbersOf(w).map((x) => -x));
    }
  });

  it("matrices of low rank, and of zeros: vectors are orthonormal all the same", () => {
    for (const a of [
      matmul(some([6, 2], dtype), some([2, 5], dtype)),
      mul(some([5, 3], dtype), 0),
      constant([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], { shape: [4, 3], dtype }),
    ]) {
      const { u, s, vt } = svd(a, { fullMatrices: true });
      expectClose([identity(u), identity(vt)], 100);
      expectClose([[matmul(qr(a).q, qr(a).r), a], identity(qr(a).q), identity(eigh(matmul(t(a), a)).v)], 100);
      expectClose([[s, svd(a).s]], 10);
    }
  });
});

it("the second difference matrix has the eigenvalues of the textbook", () => {
  const n = 12;
  const a = sub(mul(eye(n, n, 0, { dtype: "float64" }), 2), add(eye(n, n, 1, { dtype: "float64" }), eye(n, n, -1, { dtype: "float64" })));
  const wanted = Array.from({ length: n }, (_, k) => 4 * Math.sin(((k + 1) * Math.PI) / (2 * (n + 1))) ** 2);
  numbersOf(eigh(a).w).forEach((w, k) => expect(w).toBeCloseTo(wanted[k]!, 13));
});

it("svd finds the small singular values of the Hilbert matrix: their product is the determinant", () => {
  // det of the 6 x 6 Hilbert matrix is 1 / 186313420339200000.
  const a = constant(
    Float64Array.from({ length: 36 }, (_, i) => 1 / (Math.floor(i / 6) + (i % 6) + 1)),
    { shape: [6, 6] },
  );
  const product = numbersOf(svd(a).s).reduce((p, s) => p * s, 1);
  expect(product * 186313420339200000).toBeCloseTo(1, 9);
});

it("values so large or small that their squares are not there", () => {
  for (const size of [1e200, 1e-200]) {
    const a = mul(some([4, 3]), size);
    const { u, s, vt } = svd(a);
    expectClose(
      [
        [matmul(u, scaled(s, vt)), a],
        [matmul(qr(a).q, qr(a).r), a],
      ],
      100,
    );
  }
});

it("vectors point so that the first component of some size is positive", () => {
  const { v } = eigh(constant([2, 1, 1, 2], { shape: [2, 2], dtype: "float64" }));
  numbersOf(v).forEach((x, i) => expect(x).toBeCloseTo(i === 2 ? -Math.SQRT1_2 : Math.SQRT1_2, 14));
});

it("equal and nearly equal eigenvalues: derivatives of values exist, those of vectors with derivativeEps", () => {
  const weights = some([3, 3]);
  for (const gap of [0, 1e-9]) {
    const a = constant([1, 0, 0, 0, 1 + gap, 0, 0, 0, 4], { shape: [3, 3], dtype: "float64" });
    const pulled = (f: (x: Tensor) => Tensor): number[] => numbersOf(grad(f)(a) as Tensor);
    // The sum of all eigenvalues is the trace.
    pulled((x) => sum(eigh(x).w)).forEach((g, i) => expect(g).toBeCloseTo(i % 4 === 0 ? 1 : 0, 12));
    const bent = { derivativeEps: 1e-12 };
    expect(pulled((x) => sum(mul(weights, eigh(x, bent).v))).every(Number.isFinite)).toBe(true);
    expect(pulled((x) => sum(mul(weights, svd(x, bent).u))).every(Number.isFinite)).toBe(true);
    expect(pulled((x) => sum(grad((y: Tensor) => sum(mul(weights, eigh(y, bent).v)))(x) as Tensor)).every(Number.isFinite)).toBe(true);
    if (gap === 0) expect(pulled((x) => sum(mul(weights, eigh(x).v))).every(Number.isFinite)).toBe(false);
  }
});

it("derivativeEps changes derivatives where values are apart by no more than eps / gap^2", () => {
  const a = add(some([4, 4]), constant([0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 8, 0, 0, 0, 0, 12], { shape: [4, 4], dtype: "float64" }));
  const ct = some([4, 4]);
  const gradient = (derivativeEps: number): Tensor => vjp((x: Tensor) => eigh(x, { derivativeEps }).v, [a])[1](ct)[0] as Tensor;
  const [exact, bent] = [numbersOf(gradient(0)), numbersOf(gradient(1e-8))];
  exact.forEach((g, i) => expect(bent[i]!).toBeCloseTo(g, 7));
  expect(bent).not.toEqual(exact);
});

it("mistakes say what would fit", () => {
  expect(() => qr(some([3, 3]), { mode: "full" as never })).toThrow(/qr: the mode must be "reduced" or "complete", got "full"/);
  expect(() => eigh(some([2, 3]))).toThrow(/eigh: needs square matrices/);
  expect(() => eigh(some([2, 2]), { derivativeEps: -1 })).toThrow(/eigh: derivativeEps must be a number that is not negative, got -1/);
  expect(() => svd(some([3]))).toThrow(/svd: needs a matrix, or a stack of them/);
});
