/** Pseudoinverses, powers, exponentials and norms of matrices against their definitions. */
import { expect, it } from "vitest";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul, sub } from "../../ops/arithmetic.ts";
import { eye } from "../../ops/creation.ts";
import { expm, matrixPower } from "../../ops/matrix-functions.ts";
import { conditionNumber, matrixNorm } from "../../ops/matrix-norm.ts";
import { matmul } from "../../ops/matmul.ts";
import { lstsq, matrixRank, pinv } from "../../ops/pseudoinverse.ts";
import { swapaxes } from "../../ops/transpose.ts";
import { Random } from "../ad/cases.ts";
import { numbersOf } from "./support.ts";

const random = new Random(5);
const some = (...shape: number[]): Tensor =>
  constant(
    random.numbers(
      shape.reduce((a, b) => a * b, 1),
      -1,
      1,
    ),
    { shape },
  );
const matrix = (rows: number[][], dtype: "float64" | "float32" = "float64"): Tensor =>
  constant(rows.flat(), { shape: [rows.length, rows[0]!.length], dtype });
const t = (a: Tensor): Tensor => swapaxes(a, -1, -2);
const expectClose = (got: Tensor, wanted: Tensor | readonly number[], digits = 12): void => {
  const values = Array.isArray(wanted) ? (wanted as number[]) : numbersOf(wanted as Tensor);
  const found = numbersOf(got);
  expect(found.length).toBe(values.length);
  found.forEach((v, i) => expect(v).toBeCloseTo(values[i]!, digits));
};

it("pinv has the four properties of Penrose, whatever the rank", () => {
  for (const a of [some(5, 3), some(2, 3, 5), some(4, 4), matmul(some(6, 2), some(2, 4)), mul(some(3, 2), 0)]) {
    const p = pinv(a);
    expect(p.shape).toEqual([...a.shape.slice(0, -2), a.shape.at(-1), a.shape.at(-2)]);
    const [ap, pa] = [matmul(a, p), matmul(p, a)];
    expectClose(matmul(ap, a), a);
    expectClose(matmul(pa, p), p, 10);
    expectClose(ap, t(ap));
    expectClose(pa, t(pa));
  }
});

it("lstsq: the residual is orthogonal to the columns, the solution is the shortest; rank and residuals", () => {
  const [a, b] = [matmul(some(6, 2), some(2, 4)), some(6, 3)];
  const { x, residuals, rank, s } = lstsq(a, b);
  const r = sub(matmul(a, x), b);
  expectClose(matmul(t(a), r), new Array<number>(12).fill(0));
  expectClose(matmul(matmul(pinv(a), a), x), x);
  expectClose(
    residuals,
    Array.from({ length: 3 }, (_, k) => numbersOf(r).reduce((sum, v, i) => (i % 3 === k ? sum + v * v : sum), 0)),
  );
  expect(numbersOf(rank)).toEqual([2]);
  expect(s.shape).toEqual([4]);
  expect(lstsq(some(4, 2), some(4)).x.shape).toEqual([2]);
});

it("matrixRank counts what is above the tolerance", () => {
  const a = matrix([
    [1, 0, 0],
    [0, 1e-5, 0],
    [0, 0, 1e-20],
  ]);
  expect(numbersOf(matrixRank(a))).toEqual([2]);
  expect(numbersOf(matrixRank(a, { rtol: 1e-3 }))).toEqual([1]);
  expect(numbersOf(matrixRank(a, { rtol: 0, atol: 1e-22 }))).toEqual([3]);
  expect(numbersOf(matrixRank(some(2, 0, 3)))).toEqual([0, 0]);
});

it("matrixPower multiplies so often", () => {
  const a = some(2, 3, 3);
  let power: Tensor = eye(3, 3, 0, { dtype: "float64" });
  for (let n = 0; n < 8; n++) {
    if (n > 0) expectClose(matrixPower(a, n), power);
    expectClose(
      matmul(matrixPower(a, -n), matrixPower(a, n)),
      [0, 1].flatMap(() => numbersOf(eye(3))),
      6,
    );
    power = matmul(a, power);
  }
});

it("expm of rotations, nilpotent and large matrices, in closed form", () => {
  for (const [angle, digits] of [
    [0, 15],
    [0.3, 14],
    [3, 13],
    [100, 11],
    [3000, 9],
  ] as const) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    expectClose(
      expm(
        matrix([
          [0, -angle],
          [angle, 0],
        ]),
      ),
      [c, -s, s, c],
      digits,
    );
  }
  expectClose(
    expm(
      matrix([
        [0, 1, 2],
        [0, 0, 3],
        [0, 0, 0],
      ]),
    ),
    [1, 1, 3.5, 0, 1, 3, 0, 0, 1],
    14,
  );
  expectClose(
    expm(
      matrix([
        [-30, 0],
        [0, 2],
      ]),
    ),
    [Math.exp(-30), 0, 0, Math.exp(2)],
    12,
  );
  // Each matrix of a stack is scaled by itself.
  const a = constant([1e-3, 0, 0, 0, 40, 0, 0, -40], { shape: [2, 2, 2], dtype: "float64" });
  const [small, , , one, large] = numbersOf(expm(a));
  expect(small).toBeCloseTo(Math.exp(1e-3), 15);
  expect(one).toBe(1);
  expect(large! / Math.exp(40)).toBeCloseTo(1, 12);
  expect(numbersOf(expm(mul(eye(2, 2, 0, { dtype: "float64" }), 100), { maxSquarings: 3 })).every(Number.isNaN)).toBe(true);
  expectClose(
    expm(
      matrix(
        [
          [0, -3],
          [3, 0],
        ],
        "float32",
      ),
    ),
    [Math.cos(3), -Math.sin(3), Math.sin(3), Math.cos(3)],
    5,
  );
});

it("norms and condition numbers of a matrix whose singular values are known", () => {
  // A rotation times diag(3, 4).
  const [c, s] = [0.6, 0.8];
  const a = matrix([
    [3 * c, -4 * s],
    [3 * s, 4 * c],
  ]);
  const norms = [
    ["fro", 5],
    ["nuc", 7],
    [2, 4],
    [-2, 3],
    [1, 5.6],
    [-1, 4.2],
    [Infinity, 5],
    [-Infinity, 4.8],
  ] as const;
  for (const [ord, value] of norms) expectClose(matrixNorm(a, { ord }), [value]);
  expectClose(conditionNumber(a), [4 / 3]);
  expectClose(conditionNumber(a, "fro"), [25 / 12]);
  const stack = some(3, 2, 4);
  expect(matrixNorm(stack, { ord: "nuc", axis: [0, 1] }).shape).toEqual([4]);
  expect(matrixNorm(stack, { axis: [0, 2], keepdims: true }).shape).toEqual([1, 2, 1]);
});

it("expm of matrices without elements", () => {
  expect(expm(constant([], { dtype: "float64", shape: [0, 0] })).shape).toEqual([0, 0]);
});

it("mistakes say what would fit", () => {
  expect(() => matrixPower(some(2, 2), 0.5)).toThrow(/matrixPower: the exponent must be an integer, got 0.5/);
  expect(() => expm(some(2, 3))).toThrow(/expm: needs square matrices/);
  expect(() => matrixNorm(some(2, 2), { ord: 3 as never })).toThrow(
    /matrixNorm: ord must be "fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity, got 3/,
  );
  expect(() => pinv(some(2, 2), { rtol: -1 })).toThrow(/pinv: rtol must be a number that is not negative, got -1/);
  expect(() => lstsq(some(3, 2), some(2))).toThrow(/lstsq: .* has 3 rows, which the right-hand side .* has not/);
});
