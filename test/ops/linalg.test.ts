/** Factorizations put together give the matrix again, systems are solved, and mistakes are named. */
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { dim } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { sub } from "../../ops/arithmetic.ts";
import { cholesky, choleskyPivot } from "../../ops/cholesky.ts";
import { eye, zeros } from "../../ops/creation.ts";
import { lu } from "../../ops/lu.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs } from "../../ops/piecewise.ts";
import { sum } from "../../ops/reductions.ts";
import { det, slogdet } from "../../ops/determinant.ts";
import { inv, solve } from "../../ops/solve.ts";
import { swapaxes } from "../../ops/transpose.ts";
import { triangularSolve } from "../../ops/triangular.ts";
import "../../ops/methods.ts";
import { Random } from "../ad/cases.ts";
import { numbersOf, valuesOf } from "./support.ts";

const random = new Random(7);
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
const scale = (a: Tensor): number => Math.max(0, ...numbersOf(abs(a)));
/** The greatest difference, in units of the last place of the greatest element. */
const distance = (a: Tensor, b: Tensor): number => {
  expect(a.shape).toEqual(b.shape);
  return scale(sub(a, b)) / (scale(b) * unit[b.dtype as "float32"] || 1);
};
const hilbert = (n: number): Tensor =>
  constant(
    Float64Array.from({ length: n * n }, (_, i) => 1 / (Math.floor(i / n) + (i % n) + 1)),
    { shape: [n, n] },
  );

const sizes = [0, 1, 2, 3, 8, 17, 40];
const dtypes = ["float64", "float32"] as const;

describe.each(dtypes)("%s", (dtype) => {
  it("cholesky: L L^T is A, L is lower triangular with a positive diagonal", () => {
    for (const n of sizes) {
      const b = some([2, n, n], dtype);
      const a = matmul(b, t(b)).add(eye(n, n, 0, { dtype }));
      const l = cholesky(a);
      expect(l.dtype).toBe(dtype);
      expect(distance(matmul(l, t(l)), a)).toBeLessThan(4 + 2 * n);
      numbersOf(l).forEach((v, i) => {
        const [row, column] = [Math.floor(i / n) % n, i % n];
        if (column > row) expect(v).toBe(0);
        if (column === row) expect(v).toBeGreaterThan(0);
      });
    }
  });

  it("lu: P L U is A, for any shape; multipliers are at most 1", () => {
    for (const m of sizes)
      for (const n of [0, 1, 3, 17]) {
        const a = some([2, m, n], dtype);
        const { p, l, u, permutation } = lu(a);
        expect(distance(matmul(p, matmul(l, u)), a)).toBeLessThan(4 + 4 * Math.min(m, n));
        expect(scale(l)).toBeLessThanOrEqual(1);
        const orders = numbersOf(permutation);
        for (const item of [0, 1]) expect(new Set(orders.slice(item * m, (item + 1) * m)).size).toBe(m);
      }
  });

  it("solve: the residual is small, also where the matrix is ill-conditioned; transposes, vectors and broadcasts", () => {
    for (const [left, right] of [
      [
        [1, 1],
        [1, 1],
      ],
      [[5, 5], [5]],
      [
        [40, 40],
        [40, 3],
      ],
      [
        [2, 6, 6],
        [6, 2],
      ],
      [
        [6, 6],
        [2, 6, 2],
      ],
      [
        [3, 1, 4, 4],
        [2, 4, 2],
      ],
      [
        [0, 0],
        [0, 2],
      ],
      [
        [2, 0, 0],
        [2, 0, 0],
      ],
      [
        [3, 3],
        [3, 0],
      ],
    ] as const) {
      const [a, b] = [some(left, dtype), some(right, dtype)];
      const x = solve(a, b);
      const residual = scale(sub(matmul(a, x), b)) / (scale(x) || 1);
      expect(residual).toBeLessThan(unit[dtype] * 10 * (1 + left.at(-1)!) ** 2);
    }
  });
});

it("the Hilbert matrix of 10 rows: factors reproduce it, the solution has a small residual", () => {
  const a = hilbert(10);
  const l = cholesky(a);
  expect(distance(matmul(l, t(l)), a)).toBeLessThan(10);
  const b = some([10]);
  const x = solve(a, b);
  expect(scale(sub(matmul(a, x), b)) / scale(x)).toBeLessThan(1e-14);
});

it("cholesky: NaN for a matrix that is not positive definite, and for no other", () => {
  const got = numbersOf(cholesky(constant([1, 2, 2, 1, 0, 0, 0, 1, 4, 0, 0, 9], { shape: [3, 2, 2] })));
  const [bad, good] = [got.slice(0, 8), got.slice(8)];
  const a = constant([1, 2, 2, 1, 0, 0, 0, 1, 4, 0, 0, 9, NaN, 0, 0, 1], { shape: [4, 2, 2] });
  expect(numbersOf(choleskyPivot(a))).toEqual([2, 1, 0, 1]);
  expect(bad.every(Number.isNaN)).toBe(true);
  expect(good).toEqual([2, 0, 0, 3]);
});

it("triangularSolve reads one triangle, and with unitDiagonal not the diagonal", () => {
  const full = some([2, 5, 5]);
  const b = some([2, 5, 3]);
  const shown = numbersOf(full);
  const part = (keep: (row: number, column: number) => boolean, ones: boolean): Tensor =>
    constant(
      Float64Array.from(shown, (v, i) => {
        const [row, column] = [Math.floor(i / 5) % 5, i % 5];
        return row === column ? (ones ? 1 : v) : keep(row, column) ? v : 0;
      }),
      { shape: [2, 5, 5] },
    );
  for (const lower of [true, false])
    for (const transposed of [true, false])
      for (const unitDiagonal of [true, false]) {
        const a = part((row, column) => (lower ? row > column : row < column), unitDiagonal);
        const x = triangularSolve(full, b, { lower, transposed, unitDiagonal });
        expect(scale(sub(matmul(transposed ? t(a) : a, x), b)) / scale(x)).toBeLessThan(1e-14);
        const y = triangularSolve(full, t(b), { lower, transposed, unitDiagonal, right: true });
        expect(scale(sub(matmul(y, transposed ? t(a) : a), t(b))) / scale(y)).toBeLessThan(1e-14);
      }
});

it("det, slogdet and inv", () => {
  const a = constant(
    [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [0, 1],
        [1, 0],
      ],
      [
        [1, 2],
        [2, 4],
      ],
      [
        [2, 0],
        [0, 3],
      ],
    ],
    { dtype: "float64" },
  );
  const near = (got: Tensor, wanted: readonly number[]): void =>
    numbersOf(got).forEach((v, i) => (Number.isFinite(v) ? expect(v).toBeCloseTo(wanted[i]!, 13) : expect(v).toBe(wanted[i])));
  near(det(a), [-2, -1, 0, 6]);
  const { sign, logabsdet } = slogdet(a);
  near(sign, [-1, -1, 0, 1]);
  near(logabsdet, [Math.log(2), 0, -Infinity, Math.log(6)]);
  expect(numbersOf(det(zeros([3, 0, 0])))).toEqual([1, 1, 1]);
  const b = some([3, 7, 7]);
  expect(scale(sub(matmul(b, inv(b)), eye(7, 7, 0, { dtype: "float64" })))).toBeLessThan(1e-12);
  // Far outside of what a float can hold.
  const large = slogdet(eye(200, 200, 0, { dtype: "float64" }).mul(1e5));
  near(large.logabsdet, [200 * Math.log(1e5)]);
});

it("a singular matrix gives infinities or NaN, and its neighbours in the stack their own results", () => {
  const a = constant([1, 2, 2, 4, 2, 0, 0, 4], { shape: [2, 2, 2], dtype: "float64" });
  const b = constant([1, 1], { shape: [2, 1], dtype: "float64" });
  const [x, gradient, u] = valuesOf([solve(a, b), grad((m: Tensor) => sum(det(m)))(a) as Tensor, lu(a).u]).map((r) => [...r.data]);
  expect(x!.slice(0, 2).some(Number.isFinite)).toBe(false);
  expect(x!.slice(2)).toEqual([0.5, 0.25]);
  expect(gradient).toEqual([4, -2, -2, 1, 4, 0, 0, 2]);
  expect(u!.slice(0, 4)).toEqual([2, 4, 0, 0]);
});

it("det has derivatives where a matrix is singular: its cofactors", () => {
  const gradient = (a: Tensor): number[] => numbersOf(grad((m: Tensor) => sum(det(m)))(a) as Tensor);
  // Of rank 3, with a pivot of 0 in any place.
  for (const gone of [0, 1, 2, 3]) {
    const a = matmul(
      matmul(
        some([4, 4]),
        constant(
          Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 && i !== 5 * gone ? 1 : 0)),
          { shape: [4, 4] },
        ),
      ),
      some([4, 4]),
    );
    const shown = numbersOf(a);
    gradient(a).forEach((g, i) => {
      const minor = shown.filter((_, k) => k % 4 !== i % 4 && Math.floor(k / 4) !== Math.floor(i / 4));
      const [cofactor] = numbersOf(det(constant(minor, { shape: [3, 3], dtype: "float64" })));
      expect(g).toBeCloseTo(cofactor! * (-1) ** ((i % 4) + Math.floor(i / 4)), 13);
    });
  }
  expect(gradient(zeros([2, 2], { dtype: "float64" }))).toEqual([0, 0, 0, 0]);
  expect(gradient(zeros([1, 1], { dtype: "float64" }))).toEqual([1]);
  expect(gradient(constant([0, 0, 0, 0, 2, 0, 0, 0, 3], { shape: [3, 3], dtype: "float64" }))).toEqual([6, 0, 0, 0, 0, 0, 0, 0, 0]);
});

it("named sizes: one graph for any of them", () => {
  const n = dim("n");
  const a = placeholder([n, n], "float64");
  const b = placeholder([n], "float64");
  const roots = [solve(a, b), det(a), cholesky(matmul(a, t(a)).add(eye(n, n, 0, { dtype: "float64" })))];
  for (const size of [1, 2, 5]) {
    const [x, y] = [random.numbers(size * size, -1, 1), random.numbers(size, -1, 1)];
    const leaves = new Map([
      [a as Tensor, x],
      [b as Tensor, y],
    ]);
    const [u, v] = [constant(x, { shape: [size, size] }), constant(y, { shape: [size] })];
    const fixed = [solve(u, v), det(u), cholesky(matmul(u, t(u)).add(eye(size, size, 0, { dtype: "float64" })))];
    const wanted = valuesOf(fixed).map((r) => [...r.data]);
    expect(valuesOf(roots, { leaves, sizes: { n: size } }).map((r) => [...r.data])).toEqual(wanted);
  }
});

it("mistakes say what would fit", () => {
  const [a, b] = [some([2, 3]), some([4])];
  expect(() => cholesky(a)).toThrow(/cholesky: needs square matrices, got .*2 rows and 3 columns/);
  expect(() => inv(b)).toThrow(/inv: needs a matrix, or a stack of them/);
  expect(() => solve(some([3, 3]), b)).toThrow(/solve: .* has 3 columns, but the right-hand side .* has 4 rows/);
  expect(() => solve(some([2, 3, 3]), some([4, 3, 1]))).toThrow(/leading axes .* do not broadcast/);
  expect(() => triangularSolve(some([3, 3]), some([3, 2]), { right: true })).toThrow(/has 3 rows, but .* has 2 columns/);
});
