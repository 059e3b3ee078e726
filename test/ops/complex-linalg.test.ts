/** Factorizations, systems and functions of complex matrices: what they are made of gives the matrix back, at sizes from 1 to 64. */
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, neg, sub } from "../../ops/arithmetic.ts";
import { cholesky, choleskyPivot } from "../../ops/cholesky.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { eye } from "../../ops/creation.ts";
import { det, slogdet } from "../../ops/determinant.ts";
import { eigh } from "../../ops/eigh.ts";
import { exp } from "../../ops/functions.ts";
import { lu } from "../../ops/lu.ts";
import { matmul } from "../../ops/matmul.ts";
import { expm, matrixPower } from "../../ops/matrix-functions.ts";
import { lstsq, matrixRank, pinv } from "../../ops/pseudoinverse.ts";
import { qr } from "../../ops/qr.ts";
import { abs } from "../../ops/piecewise.ts";
import { max, sum } from "../../ops/reductions.ts";
import { expandDims } from "../../ops/reshape.ts";
import { inv, solve } from "../../ops/solve.ts";
import { svd } from "../../ops/svd.ts";
import { swapaxes } from "../../ops/transpose.ts";
import { triangularSolve } from "../../ops/triangular.ts";
import { cpu } from "../../cpu/backend.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { numbers, numbersOf, valuesOf } from "./support.ts";

const some = (shape: readonly number[], dtype: DType = "float64", seed = 1): Tensor =>
  complex(numbers(shape, { seed, dtype, low: -1, high: 1 }).tensor, numbers(shape, { seed: seed + 7, dtype, low: -1, high: 1 }).tensor);
const partsOf = (...all: readonly Tensor[]): number[][] => {
  const values = valuesOf(all.flatMap((z) => [real(z), imag(z)]));
  return all.map((_, i) => [...values[2 * i]!.data, ...values[2 * i + 1]!.data]);
};
const t = (a: Tensor): Tensor => swapaxes(a, -1, -2);
const h = (a: Tensor): Tensor => conj(t(a));
const product = (...factors: readonly Tensor[]): Tensor => factors.reduce((a, b) => matmul(a, b));
const identity = (q: Tensor): readonly [Tensor, Tensor] => {
  const n = q.shape.at(-1)!;
  const one = eye(n, n, 0, { dtype: q.dtype === "complex64" ? "float32" : "float64" });
  return [product(h(q), q), add(mul(product(h(q), q), 0), one)];
};
const scaled = (s: Tensor, a: Tensor): Tensor => mul(expandDims(s, -1), a);

/** Each pair agrees within so many rounding errors of the greatest element. */
function expectClose(pairs: readonly (readonly [Tensor, Tensor])[], ulps: number): void {
  const all = partsOf(...pairs.flat());
  pairs.forEach(([a], i) => {
    const [got, wanted] = [all[2 * i]!, all[2 * i + 1]!];
    const eps = a.dtype === "complex64" || a.dtype === "float32" ? 2 ** -24 : 2 ** -53;
    const size = Math.max(1, ...wanted.map(Math.abs));
    expect(got.length).toBe(wanted.length);
    got.forEach((v, k) => {
      if (!(Math.abs(v - wanted[k]!) <= ulps * eps * size))
        throw new Error(`pair ${i}, ${a.describe()}, element ${k}: ${v}, expected ${wanted[k]}`);
    });
  });
}

const squares = [
  [1, 1],
  [2, 2],
  [3, 3],
  [2, 2, 4, 4],
  [9, 9],
  [0, 0],
  [2, 0, 3, 3],
] as const;
const shapes = [
  [1, 1],
  [4, 2],
  [2, 5],
  [3, 4, 4],
  [2, 6, 3],
  [7, 9],
  [3, 0],
] as const;

describe.each(["float32", "float64"] as const)("of %s parts", (dtype) => {
  it("cholesky: L L^H is A, the diagonal is real; pivots that fail are named", () => {
    for (const shape of squares) {
      const a = some(shape, dtype);
      const n = shape.at(-1)!;
      const m = add(product(a, h(a)), eye(n, n, 0, { dtype }));
      const l = cholesky(m);
      expectClose([[product(l, h(l)), m]], 40);
      const last = imag(sum(mul(l, eye(n, n, 0, { dtype })), -1));
      expect(numbersOf(last).every((x) => x === 0)).toBe(true);
    }
    const bad = complex(constant([1, 0, 0, -1], { shape: [2, 2], dtype }), constant([0, 1, -1, 0], { shape: [2, 2], dtype }));
    expect(numbersOf(choleskyPivot(bad))).toEqual([2]);
    expect(partsOf(cholesky(bad))[0]!.every(Number.isNaN)).toBe(true);
  });

  it("lu: P L U is A; solve, inv and triangularSolve undo their matrix", () => {
    for (const shape of shapes) {
      const a = some(shape, dtype);
      const { p, l, u } = lu(a);
      expectClose([[product(p, l, u), a]], 40);
    }
    for (const shape of squares) {
      const n = shape.at(-1)!;
      const a = add(some(shape, dtype), mul(eye(n, n, 0, { dtype }), 4));
      const b = some([...shape.slice(0, -1), 3], dtype, 5);
      const x = solve(a, b);
      expectClose(
        [
          [product(a, x), b],
          [product(inv(a), a), add(mul(a, 0), eye(n, n, 0, { dtype }))],
        ],
        100,
      );
      for (const lower of [true, false])
        for (const transposed of [true, false]) {
          const y = triangularSolve(a, b, { lower, transposed });
          const mask = numbersOf(eye(n, n)).map((_, i) => (lower ? +(i % n <= Math.floor(i / n)) : +(i % n >= Math.floor(i / n))));
          const part = mul(a, constant(mask, { shape: [n, n], dtype }));
          expectClose([[product(transposed ? t(part) : part, y), b]], 100);
          const z = triangularSolve(a, t(b), { lower, transposed, right: true });
          expectClose([[product(z, transposed ? t(part) : part), t(b)]], 100);
        }
    }
  });

  it("qr: Q R is A, Q has orthonormal columns, R is upper triangular with a real diagonal", () => {
    for (const shape of shapes)
      for (const mode of ["reduced", "complete"] as const) {
        const a = some(shape, dtype);
        const { q, r } = qr(a, { mode });
        expectClose([[product(q, r), a], identity(q)], 100);
        const columns = r.shape.at(-1) as number;
        const rows = r.shape.at(-2) as number;
        const [re, im] = [numbersOf(real(r)), numbersOf(imag(r))];
        re.forEach((v, i) => {
          const [row, column] = [Math.floor(i / columns) % rows, i % columns];
          if (row > column) expect([v, im[i]]).toEqual([0, 0]);
          if (row === column) expect(im[i]).toBe(0);
        });
      }
  });

  it("svd: U S V^H is A, vectors are orthonormal, values descend", () => {
    for (const shape of shapes) {
      const a = some(shape, dtype);
      const { u, s, vt } = svd(a);
      expect(s.dtype).toBe(dtype);
      expectClose([[product(u, scaled(s, vt)), a], identity(u), identity(h(vt))], 100);
      const full = svd(a, { fullMatrices: true });
      expectClose([identity(full.u), identity(h(full.vt))], 100);
      const values = numbersOf(s);
      const k = s.shape.at(-1) as number;
      values.forEach((v, i) => i % k > 0 && expect(v).toBeLessThanOrEqual(values[i - 1]!));
    }
  });

  it("eigh: V W V^H is A, vectors are orthonormal, the decisive component is real and positive", () => {
    for (const shape of squares) {
      const b = some(shape, dtype);
      const a = add(b, h(b));
      const { w, v } = eigh(a) as { w: Tensor; v: Tensor };
      expect(w.dtype).toBe(dtype);
      expectClose([[product(v, scaled(w, h(v))), a], identity(v)], 200);
      if (shape.length > 2) continue;
      const n = shape[0];
      const [re, im] = [numbersOf(real(v)), numbersOf(imag(v))];
      for (let c = 0; c < n; c++) {
        const sizes = Array.from({ length: n }, (_, r) => Math.hypot(re[r * n + c]!, im[r * n + c]!));
        const first = sizes.findIndex((x) => x > 0.3 * Math.max(...sizes));
        expect(re[first * n + c]).toBeCloseTo(sizes[first]!, 5);
        expect(im[first * n + c]).toBeCloseTo(0, 5);
      }
    }
  });
});

it("at 64 rows all of them hold, compiled", async () => {
  const engine = await createEngine({ backend: cpu() });
  const a = some([64, 64]);
  const b = add(a, h(a));
  const { q, r } = qr(a);
  const { w, v } = eigh(b) as { w: Tensor; v: Tensor };
  const { u, s, vt } = svd(a);
  const one = complex(eye(64, 64, 0, { dtype: "float64" }));
  const l = cholesky(add(product(a, h(a)), one));
  const gaps = [
    sub(product(a, inv(a)), one),
    sub(product(q, r), a),
    sub(product(v, scaled(w, h(v))), b),
    sub(product(u, scaled(s, vt)), a),
    sub(product(l, h(l)), add(product(a, h(a)), one)),
  ].map((gap) => max(abs(gap)));
  for (const gap of await engine.read(gaps)) expect(gap.item()).toBeLessThan(1e-12);
  await engine.dispose();
});

it("determinants: of products, of triangles, of what is singular; the logarithm is theirs", () => {
  const [a, b] = [some([3, 4, 4]), some([3, 4, 4], "float64", 3)];
  expectClose(
    [
      [det(product(a, b)), mul(det(a), det(b))],
      [det(h(a)), conj(det(a))],
    ],
    200,
  );
  const { sign, logabsdet } = slogdet(a) as unknown as { sign: Tensor; logabsdet: Tensor };
  expectClose([[mul(sign, exp(logabsdet)), det(a)]], 100);
  const singular = product(some([3, 1]), some([1, 3], "float64", 4));
  expect(Math.hypot(...partsOf(det(mul(singular, 0)))[0]!)).toBe(0);
  expect(numbersOf(slogdet(mul(singular, 0)).logabsdet as Tensor)).toEqual([-Infinity]);
});

it("pinv: Moore and Penrose's four conditions; lstsq leaves what is at right angles to the columns", () => {
  for (const shape of [
    [4, 2],
    [2, 5],
    [2, 3, 3],
  ]) {
    const a = some(shape);
    const p = pinv(a);
    const [ap, pa] = [product(a, p), product(p, a)];
    expectClose(
      [
        [product(ap, a), a],
        [product(pa, p), p],
        [h(ap), ap],
        [h(pa), pa],
      ],
      500,
    );
  }
  const [a, b] = [some([6, 3]), some([6, 2], "float64", 9)];
  const { x, residuals, rank } = lstsq(a, b);
  const rest = sub(product(a, x), b);
  expectClose([[product(h(a), rest), mul(product(h(a), rest), 0)]], 100);
  expectClose([[residuals, real(sum(mul(rest, conj(rest)), 0))]], 100);
  expect(numbersOf(rank)).toEqual([3]);
  expect(numbersOf(matrixRank(product(some([5, 2]), some([2, 4]))))).toEqual([2]);
});

it("matrixPower and expm: exp(A) exp(-A) is 1, exp of i H is unitary, det exp(A) is exp tr A", () => {
  const a = some([2, 3, 3]);
  expectClose(
    [
      [matrixPower(a, 3), product(a, a, a)],
      [product(matrixPower(a, -2), a, a), add(mul(a, 0), eye(3, 3, 0, { dtype: "float64" }))],
    ],
    2000,
  );
  expectClose([[product(expm(a), expm(neg(a))), add(mul(a, 0), eye(3, 3, 0, { dtype: "float64" }))]], 500);
  const u = expm(mul(add(a, h(a)), { re: 0, im: 1 }));
  expectClose([identity(u)], 200);
});

it("real matrices as complex ones give the same", () => {
  const a = numbers([4, 4]).tensor;
  const z = complex(a);
  expectClose(
    [
      [inv(z), complex(inv(a))],
      [det(z), complex(det(a))],
      [expm(z), complex(expm(a))],
      [svd(z).s, svd(a).s],
    ],
    200,
  );
  expectClose([[qr(z).r, complex(qr(a).r)]], 100);
});

it("equal and nearly equal eigenvalues and singular values: derivatives of vectors are finite with derivativeEps", () => {
  const weights = some([3, 3]);
  for (const gap of [0, 1e-9]) {
    const re = constant([1, 0, 0, 0, 1 + gap, 0, 0, 0, 4], { shape: [3, 3], dtype: "float64" });
    const bent = { derivativeEps: 1e-12 };
    const loss = (f: (z: Tensor) => Tensor) => (im: Tensor) => sum(real(mul(weights, f(complex(re, im)))));
    for (const f of [(z: Tensor) => eigh(z, bent).v as Tensor, (z: Tensor) => svd(z, bent).u]) {
      expect(numbersOf(grad(loss(f))(mul(re, 0)) as Tensor).every(Number.isFinite)).toBe(true);
      expect(numbersOf(grad((x: Tensor) => sum(grad(loss(f))(x) as Tensor))(mul(re, 0)) as Tensor).every(Number.isFinite)).toBe(true);
    }
  }
});
