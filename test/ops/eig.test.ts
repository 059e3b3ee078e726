/** Eigenvalues and eigenvectors of matrices of any kind, at sizes from 1 to 64. */
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { mul, sub } from "../../ops/arithmetic.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { det } from "../../ops/determinant.ts";
import { eig, eigvals } from "../../ops/eig.ts";
import { eigvalsh } from "../../ops/eigh.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs } from "../../ops/piecewise.ts";
import { max, sum } from "../../ops/reductions.ts";
import { expandDims } from "../../ops/reshape.ts";
import { inv } from "../../ops/solve.ts";
import { swapaxes } from "../../ops/transpose.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { numbers, numbersOf } from "./support.ts";

const some = (shape: readonly number[], dtype: DType = "float64", seed = 1): Tensor =>
  complex(numbers(shape, { seed, dtype, low: -1, high: 1 }).tensor, numbers(shape, { seed: seed + 7, dtype, low: -1, high: 1 }).tensor);
const eigOf = (a: Tensor, options = {}): { w: Tensor; v: Tensor } => eig(a, options) as { w: Tensor; v: Tensor };
/** A V - V diag(w), and how far the columns are from length 1. */
function gapsOf(a: Tensor): Tensor[] {
  const { w, v } = eigOf(a);
  return [abs(sub(matmul(a, v), mul(v, expandDims(w, -2)))), abs(sub(sum(real(mul(v, conj(v))), -2), 1))];
}
const greatest = (x: readonly number[]): number => Math.max(0, ...x);
const matrix = (rows: readonly (readonly number[])[]): Tensor => constant(rows, { dtype: "float64" }) as Tensor;

describe.each(["float32", "float64"] as const)("of %s parts", (dtype) => {
  it("A V is V W, columns have length 1 and a decisive component that is real and positive", () => {
    const eps = dtype === "float32" ? 2 ** -24 : 2 ** -53;
    for (const shape of [
      [1, 1],
      [2, 2],
      [3, 2, 3, 3],
      [7, 7],
      [10, 10],
      [0, 0],
    ]) {
      for (const a of [some(shape, dtype), numbers(shape, { dtype, seed: 3 }).tensor]) {
        for (const gap of gapsOf(a)) expect(greatest(numbersOf(gap))).toBeLessThan(120 * eps);
        const { v } = eigOf(a);
        expect(v.dtype).toBe(dtype === "float32" ? "complex64" : "complex128");
        const [re, im, n] = [numbersOf(real(v)), numbersOf(imag(v)), shape.at(-1)!];
        for (let item = 0; item < re.length; item += n * n)
          for (let c = 0; c < n; c++) {
            const at = Array.from({ length: n }, (_, r) => item + r * n + c);
            const sizes = at.map((i) => Math.hypot(re[i]!, im[i]!));
            const first = at[sizes.findIndex((s) => s > 0.3 * greatest(sizes))]!;
            expect(re[first]).toBeGreaterThan(0);
            expect(Math.abs(im[first]!)).toBeLessThan(4 * eps);
          }
      }
    }
  });
});

it("at 64 rows too, compiled", async () => {
  const engine = await createEngine({ backend: cpu() });
  const gaps = gapsOf(some([64, 64])).map((gap) => max(gap));
  for (const gap of await engine.read(gaps)) expect(gap.item()).toBeLessThan(1e-12);
  await engine.dispose();
});

it("values add up to the trace and multiply to the determinant; those of Hermitian matrices are eigh's", () => {
  const a = some([5, 5]);
  const [re, im] = [numbersOf(real(eigvals(a) as Tensor)), numbersOf(imag(eigvals(a) as Tensor))];
  let product = [1, 0];
  re.forEach((x, i) => (product = [product[0]! * x - product[1]! * im[i]!, product[0]! * im[i]! + product[1]! * x]));
  const determinant = det(a) as Tensor;
  expect(product[0]).toBeCloseTo(numbersOf(real(determinant))[0]!, 12);
  expect(product[1]).toBeCloseTo(numbersOf(imag(determinant))[0]!, 12);
  const diagonal = (x: readonly number[]): number => [0, 6, 12, 18, 24].reduce((s, i) => s + x[i]!, 0);
  expect(re.reduce((s, x) => s + x)).toBeCloseTo(diagonal(numbersOf(real(a))), 13);
  expect(im.reduce((s, x) => s + x)).toBeCloseTo(diagonal(numbersOf(imag(a))), 13);
  const h = sub(a, mul(conj(swapaxes(a, 0, 1)), -1));
  const wanted = numbersOf(eigvalsh(h) as Tensor);
  numbersOf(real(eigvals(h) as Tensor))
    .sort((x, y) => x - y)
    .forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 13));
});

it("a rotation, a companion matrix, a cycle, matrices without a basis, what is very large or small", () => {
  const values = (a: Tensor): { re: number[]; im: number[] } => ({
    re: numbersOf(real(eigvals(a) as Tensor)),
    im: numbersOf(imag(eigvals(a) as Tensor)),
  });
  const turn = values(
    matrix([
      [0, 1],
      [-1, 0],
    ]),
  );
  turn.re.forEach((x) => expect(x).toBeCloseTo(0, 15));
  expect(turn.im.map(Math.abs)).toEqual([expect.closeTo(1, 14), expect.closeTo(1, 14)]);
  // (x - 1)(x - 2)(x - 3)
  const roots = values(
    matrix([
      [6, -11, 6],
      [1, 0, 0],
      [0, 1, 0],
    ]),
  );
  [...roots.re].sort((x, y) => x - y).forEach((x, i) => expect(x).toBeCloseTo(i + 1, 12));
  // The roots of unity, which the shifts do not move without an exceptional one.
  const cycle = values(
    matrix([
      [0, 0, 0, 1],
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ]),
  );
  cycle.re.forEach((x, i) => expect(Math.hypot(x, cycle.im[i]!)).toBeCloseTo(1, 14));
  expect(
    values(
      matrix([
        [1, 1],
        [0, 1],
      ]),
    ).re,
  ).toEqual([1, 1]);
  const defective = eigOf(matrix(Array.from({ length: 12 }, (_, i) => Array.from({ length: 12 }, (__, j) => +(j === i + 1)))));
  expect(numbersOf(abs(defective.w))).toEqual(Array(12).fill(0));
  expect(numbersOf(real(defective.v)).every(Number.isFinite)).toBe(true);
  for (const size of [1e200, 1e-200])
    values(
      mul(
        matrix([
          [2, 0],
          [0, 3],
        ]),
        size,
      ),
    ).re.forEach((x, i) => expect(x / size).toBeCloseTo(2 + i, 14));
});

it("what has no eigenvalues is NaN, and no other of the stack", () => {
  const a = constant([NaN, 1, 2, 3, 1, 0, 0, 2], { shape: [2, 2, 2], dtype: "float64" });
  const re = numbersOf(real(eigvals(a) as Tensor));
  expect(re).toEqual([NaN, NaN, 1, 2]);
});

it("equal and nearly equal eigenvalues: derivatives of vectors are finite with derivativeEps, of the trace they are what they are", () => {
  const weights = some([3, 3]);
  for (const gap of [0, 1e-9]) {
    const a = matrix([
      [1, 0, 0],
      [0, 1 + gap, 0],
      [0, 0, 4],
    ]);
    const bent = { derivativeEps: 1e-12 };
    const loss = (x: Tensor): Tensor => sum(real(mul(weights, eigOf(x, bent).v)));
    expect(numbersOf(grad(loss)(a) as Tensor).every(Number.isFinite)).toBe(true);
    expect(numbersOf(grad((x: Tensor) => sum(grad(loss)(x) as Tensor))(a) as Tensor).every(Number.isFinite)).toBe(true);
    const byTrace = numbersOf(grad((x: Tensor) => sum(real(eigvals(x, bent) as Tensor)))(a) as Tensor);
    byTrace.forEach((g, i) => expect(g).toBeCloseTo(i % 4 === 0 ? 1 : 0, 12));
  }
});

it("V W V^-1 is A again, and mistakes say what would fit", () => {
  const a = some([2, 4, 4]);
  const { w, v } = eigOf(a);
  expect(greatest(numbersOf(abs(sub(matmul(mul(v, expandDims(w, -2)), inv(v) as Tensor), a))))).toBeLessThan(1e-13);
  expect(() => eig(some([2, 3]))).toThrow(/eig: needs square matrices/);
  expect(() => eigvals(constant(1))).toThrow(/eigvals: needs a matrix/);
});
