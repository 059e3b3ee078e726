/** Linear algebra, with arguments it is checked at: matrices made well conditioned inside the function. See cases.ts. */
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cholesky } from "../../ops/cholesky.ts";
import { eye } from "../../ops/creation.ts";
import { eigh } from "../../ops/eigh.ts";
import { lu } from "../../ops/lu.ts";
import { matmul } from "../../ops/matmul.ts";
import { expm, matrixPower } from "../../ops/matrix-functions.ts";
import { conditionNumber, matrixNorm } from "../../ops/matrix-norm.ts";
import { lstsq, pinv } from "../../ops/pseudoinverse.ts";
import { slice } from "../../ops/pad.ts";
import { qr } from "../../ops/qr.ts";
import { det, slogdet } from "../../ops/determinant.ts";
import { inv, solve } from "../../ops/solve.ts";
import { svd } from "../../ops/svd.ts";
import { swapaxes } from "../../ops/transpose.ts";
import { triangularSolve } from "../../ops/triangular.ts";
import type { Case } from "../ops/cases.ts";

/** A A^T + 2. */
export const definite = (a: Tensor): Tensor => {
  const n = a.shape.at(-1)!;
  return add(matmul(a, swapaxes(a, -1, -2)), mul(eye(n, n, 0, { dtype: "float64" }), 2));
};
/** Far from singular, and with pivots that do not change under a small step. */
export const dominant = (a: Tensor): Tensor => {
  const [m, n] = a.shape.slice(-2) as [number, number];
  const ones = (k: number): Tensor => eye(m, n, k, { dtype: "float64" });
  return add(a, add(mul(ones(0), 6), mul(ones(-1), 9)));
};

const systems = [
  [[3, 3], [3]],
  [
    [3, 3],
    [3, 2],
  ],
  [
    [2, 2, 2],
    [2, 2, 3],
  ],
  [
    [2, 2],
    [2, 2, 1],
  ],
  [
    [2, 1, 2, 2],
    [3, 2, 1],
  ],
] as const;

export const linalgCases: readonly Case[] = [
  ...[
    [1, 1],
    [3, 3],
    [2, 2, 2],
    [4, 4],
  ].map(
    (shape): Case => ({
      name: `cholesky of [${shape.join()}]`,
      f: (a) => cholesky(definite(a!)),
      shapes: [shape],
      domain: [-1, 1],
    }),
  ),
  {
    name: "cholesky of what is not symmetric",
    f: (a) => cholesky(add(a!, mul(eye(3, 3, 0, { dtype: "float64" }), 4))),
    shapes: [[3, 3]],
    domain: [-1, 1],
  },
  ...systems.map(
    ([a, b]): Case => ({
      name: `solve [${a.join()}] [${b.join()}]`,
      f: (x, y) => solve(dominant(x!), y!),
      shapes: [[...a], [...b]],
      domain: [-1, 1],
    }),
  ),
  ...[{}, { lower: false }, { transposed: true }, { lower: false, transposed: true, unitDiagonal: true }, { unitDiagonal: true }].flatMap(
    (options) => [
      ...systems.slice(0, 2).map(
        ([a, b]): Case => ({
          name: `triangularSolve [${a.join()}] [${b.join()}] ${JSON.stringify(options)}`,
          f: (x, y) => triangularSolve(x!, y!, options),
          shapes: [[...a], [...b]],
          domain: [0.5, 2],
        }),
      ),
    ],
  ),
  {
    name: "triangularSolve from the right",
    f: (x, y) => triangularSolve(x!, y!, { right: true }),
    shapes: [
      [3, 3],
      [2, 3],
    ],
    domain: [0.5, 2],
  },
  ...[
    [3, 3],
    [4, 2],
    [2, 4],
    [2, 3, 3],
  ].map(
    (shape): Case => ({
      name: `lu of [${shape.join()}]`,
      f: (a) => {
        const { l, u } = lu(dominant(a!));
        return shape.length === 3 ? matmul(u, l) : add(matmul(swapaxes(l, -1, -2), l), matmul(u, swapaxes(u, -1, -2)));
      },
      shapes: [shape],
      domain: [-1, 1],
    }),
  ),
  { name: "lu, packed", f: (a) => lu(dominant(a!)).packed, shapes: [[3, 3]], domain: [-1, 1] },
  { name: "inv", f: (a) => inv(dominant(a!)), shapes: [[2, 3, 3]], domain: [-1, 1] },
  { name: "inv of a number", f: (a) => inv(a!), shapes: [[1, 1]], domain: [0.5, 2] },
  { name: "det", f: (a) => det(dominant(a!)), shapes: [[2, 3, 3]], domain: [-1, 1] },
  { name: "logabsdet", f: (a) => slogdet(dominant(a!)).logabsdet, shapes: [[2, 3, 3]], domain: [-1, 1] },
];

/** With singular values, or eigenvalues, that are well apart. */
export const spread = (a: Tensor): Tensor => {
  const [m, n] = a.shape.slice(-2) as [number, number];
  const steps = constant(
    Float64Array.from({ length: m * n }, (_, i) => (i % n === Math.floor(i / n) ? 3 + 4 * (i % n) : 0)),
    { shape: [m, n] },
  );
  return add(a, steps);
};

type Pick = (a: Tensor) => Tensor;
const spectral = (name: string, shapes: readonly (readonly number[])[], pick: Pick): Case[] =>
  shapes.map((shape) => ({ name: `${name} of [${shape.join()}]`, f: (a) => pick(spread(a!)), shapes: [shape], domain: [-1, 1] }));

/** The projection on what the first two columns leave. */
const complement = (q: Tensor): Tensor => {
  const rest = slice(q, [null, 2]);
  return matmul(rest, swapaxes(rest, 0, 1));
};

export const spectralCases: readonly Case[] = [
  ...spectral(
    "qr, Q",
    [
      [3, 3],
      [4, 2],
      [2, 3],
    ],
    (a) => qr(a).q,
  ),
  ...spectral(
    "qr, R",
    [
      [4, 2],
      [2, 2, 3],
    ],
    (a) => qr(a).r,
  ),
  ...spectral("complete qr, Q", [[3, 2]], (a) => qr(a, { mode: "complete" }).q),
  ...spectral("complete qr, complement", [[4, 2]], (a) => complement(qr(a, { mode: "complete" }).q)),
  ...spectral("complete qr, R", [[3, 2]], (a) => qr(a, { mode: "complete" }).r),
  ...spectral("eigh, values", [[2, 2, 2]], (a) => eigh(a).w),
  ...spectral(
    "eigh, vectors",
    [
      [1, 1],
      [3, 3],
    ],
    (a) => eigh(a).v,
  ),
];

export const svdCases: readonly Case[] = [
  ...spectral("svd, values", [[2, 2, 3]], (a) => svd(a).s),
  ...spectral(
    "svd, U",
    [
      [3, 3],
      [4, 2],
    ],
    (a) => svd(a).u,
  ),
  ...spectral("svd, V", [[2, 3]], (a) => svd(a).vt),
  ...spectral("full svd, U", [[3, 2]], (a) => svd(a, { fullMatrices: true }).u),
  ...spectral("full svd, complement", [[4, 2]], (a) => complement(svd(a, { fullMatrices: true }).u)),
];

const orders = ["fro", "nuc", 1, -1, 2, -2, Infinity, -Infinity] as const;
export const matrixFunctionCases: readonly Case[] = [
  ...[
    [4, 2],
    [2, 3],
    [2, 2, 2],
  ].map((shape): Case => ({ name: `pinv of [${shape.join()}]`, f: (a) => pinv(spread(a!)), shapes: [shape], domain: [-1, 1] })),
  {
    name: "pinv of matrices of rank 2",
    f: (a, b) => pinv(matmul(a!, b!), { rtol: 1e-8 }),
    shapes: [
      [4, 2],
      [2, 3],
    ],
    domain: [0.5, 2],
    distinct: true,
  },
  { name: "lstsq", f: (a, b) => lstsq(spread(a!), b!).x, shapes: [[4, 2], [4]], domain: [-1, 1] },
  {
    name: "lstsq, residuals",
    f: (a, b) => lstsq(spread(a!), b!).residuals,
    shapes: [
      [2, 4, 2],
      [2, 4, 2],
    ],
    domain: [-1, 1],
  },
  ...[-3, -1, 0, 1, 2, 5].map(
    (n): Case => ({
      name: `matrixPower ${n}`,
      f: (a) => mul(matrixPower(dominant(a!), n), n > 0 ? 9 ** -n : 1),
      shapes: [[2, 2]],
      domain: [-1, 1],
    }),
  ),
  { name: "expm", f: (a) => expm(a!, { maxSquarings: 4 }), shapes: [[2, 2, 2]], domain: [-2, 2] },
  { name: "expm, squared", f: (a) => expm(mul(a!, 6), { maxSquarings: 4 }), shapes: [[3, 3]], domain: [-0.5, 0.5] },
  ...orders.map(
    (ord): Case => ({
      name: `matrixNorm ${ord}`,
      f: (a) => matrixNorm(spread(a!), { ord, axis: [0, 2] }),
      shapes: [[3, 1, 2]],
      domain: [-1, 1],
    }),
  ),
  { name: "conditionNumber", f: (a) => conditionNumber(spread(a!)), shapes: [[3, 3]], domain: [-1, 1] },
];
