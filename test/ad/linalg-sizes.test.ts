/** Derivatives of linear algebra at sizes up to 64, computed by the CPU backend, against finite differences. */
import { it } from "vitest";
import {
  add,
  checkGrads,
  cholesky,
  det,
  diag,
  div,
  eigh,
  expm,
  eye,
  inv,
  lu,
  matmul,
  mul,
  pinv,
  qr,
  slogdet,
  solve,
  svd,
  swapaxes,
  type Tensor,
} from "fluxion";
import { Random } from "./cases.ts";

const sizes = [1, 2, 9, 33, 64];
const noise = (n: number): Tensor => div(new Random(n).tensor([n, n], -1, 1), Math.sqrt(n));
const ones = (n: number): Tensor => eye(n, n, 0, { dtype: "float64" });
const definite = (a: Tensor): Tensor => add(matmul(a, swapaxes(a, -1, -2)), ones(a.shape[0] as number));

const functions: Readonly<Record<string, (a: Tensor) => Tensor>> = {
  cholesky: (a) => cholesky(definite(a)),
  lu: (a) => lu(add(a, mul(ones(a.shape[0] as number), 4))).packed,
  solve: (a) => solve(definite(a), a),
  inv: (a) => inv(definite(a)),
  slogdet: (a) => slogdet(definite(a)).logabsdet,
  det: (a) => det(mul(definite(a), 0.7)),
  qr: (a) => {
    const { q, r } = qr(add(a, mul(ones(a.shape[0] as number), 4)));
    return matmul(r, q);
  },
  pinv: (a) => pinv(definite(a)),
  expm: (a) => expm(a, { maxSquarings: 3 }),
};

it.each(Object.entries(functions))("%s", async (_, f) => {
  for (const n of sizes) await checkGrads(f, [noise(n)], { order: n < 10 ? 2 : 1 });
});

it("eigenvalues and singular values whose vectors turn: functions of the matrix, whatever the basis", async () => {
  for (const n of sizes) {
    const apart = diag(new Random(n + 1).distinct([n], 1));
    /** 1 / (1 + x^2) of a symmetric matrix. */
    const bell = (a: Tensor): Tensor => {
      const { w, v } = eigh(add(a, apart)) as { w: Tensor; v: Tensor };
      return matmul(mul(v, div(1, add(mul(w, w), 1))), swapaxes(v, 0, 1));
    };
    const polar = (a: Tensor): Tensor => {
      const { u, vt } = svd(add(a, apart));
      return matmul(u, vt);
    };
    await checkGrads(bell, [noise(n)], { order: 1 });
    await checkGrads(polar, [noise(n)], { order: 1 });
  }
});
