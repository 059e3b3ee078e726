/** PyTorch's linear algebra in fluxion's words: the part of oracle-operations.ts that stands on factorizations. */
import * as fx from "../index.ts";
import { partDType } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import { numberOf, valuesOf } from "./oracle-cases.ts";
import { type Operation, type Options, Unsupported } from "./oracle-kinds.ts";

const transposed = (t: Tensor): Tensor => fx.swapaxes(t, -1, -2);
const adjoint = (t: Tensor): Tensor => fx.conj(transposed(t));
/** The references of cholesky are of A + A^H. */
const symmetric = (a: Tensor): Tensor => fx.add(a, adjoint(a) as never);

const cholesky: Operation = ([a], args, o) => {
  const lower = fx.cholesky(symmetric(a!));
  return (o.upper ?? args[0]) ? adjoint(lower) : lower;
};
/** A right side of one axis less than the matrices, and of their leading axes, is a stack of vectors. */
const solve: Operation = ([a, b], args, o) => {
  if ((o.left ?? args[0] ?? true) === false) return transposed(fx.solve(transposed(a!), transposed(b!)));
  const vectors = b!.rank === a!.rank - 1 && b!.shape.every((d, i) => d === a!.shape[i]);
  return vectors ? fx.squeeze(fx.solve(a!, fx.expandDims(b!, -1)), -1 as never) : fx.solve(a!, b!);
};
const solveTriangular: Operation = ([a, b], _, o) =>
  fx.triangularSolve(a!, b!, { lower: !o.upper, unitDiagonal: Boolean(o.unitriangular ?? false), right: o.left === false });
const lu: Operation = ([a]) => {
  const { p, l, u } = fx.lu(a!);
  return [p, l, u];
};

/** The order of a norm: text, or a number, which may come as text. */
export const orderOf = (given: unknown): fx.MatrixOrder =>
  given === "fro" || given === "nuc" ? given : (numberOf(given) as fx.MatrixOrder);
const matrixNorm: Operation = ([x], args, o) => {
  const axis = (o.dim ?? args[1] ?? [-2, -1]) as [number, number];
  return fx.matrixNorm(x!, { ord: orderOf(o.ord ?? args[0] ?? "fro"), axis, keepdims: Boolean(o.keepdim ?? args[2] ?? false) });
};
const tolerances = (o: Options): object => ({
  ...(o.rtol !== undefined && o.rtol !== null && { rtol: Number(o.rtol) }),
  ...(o.atol !== undefined && o.atol !== null && { atol: Number(o.atol) }),
});
const power: Operation = ([a], args, o) => fx.matrixPower(a!, Number(o.n ?? args[0]));
/** The pseudoinverse of A; the limit of singular values may be an input. */
const pinv =
  (matrixOf: (a: Tensor) => Tensor): Operation =>
  ([a, limit], _, o) => {
    const [t, rtol] = [matrixOf(a!), limit ?? o.rtol];
    if (!(rtol instanceof fx.Tensor)) return fx.pinv(t, tolerances(o));
    const [value] = valuesOf([rtol]);
    if (new Set(value).size > 1) throw new Unsupported("a tolerance for each matrix");
    return fx.pinv(t, tolerances({ ...o, rtol: value![0] }));
  };
/** A tensor as a matrix, whose rows are its first axes: `rows` of them. */
const tensorinv: Operation = ([a], args, o) => {
  const rows = Number(o.ind ?? args[0] ?? 2);
  const [left, right] = [a!.shape.slice(0, rows), a!.shape.slice(rows)] as [number[], number[]];
  const size = left.reduce((n, d) => n * d, 1);
  return fx.reshape(fx.inv(fx.reshape(a!, [size, size])), [...right, ...left]);
};
const tensorsolve: Operation = ([a, b], args, o) => {
  const moved = (o.dims ?? args[0]) as number[] | undefined | null;
  const t = moved
    ? fx.moveaxis(
        a!,
        moved,
        moved.map((_, i) => i - moved.length),
      )
    : a!;
  const size = b!.shape.reduce<number>((n, d) => n * (d as number), 1);
  const x = fx.solve(fx.reshape(t, [size, size]), fx.reshape(b!, [size]));
  return fx.reshape(x, t.shape.slice(b!.rank) as number[]);
};
/** U and V^T as far as both have columns. */
const svdOf = (a: Tensor, o: Options): fx.SVD => fx.svd(a, { fullMatrices: Boolean(o.full_matrices ?? true) });
/** Residuals are returned for tall matrices alone, and by drivers that do not find the rank. */
const lstsq: Operation = ([a, b], _, o) => {
  const { x, residuals } = fx.lstsq(a!, b!);
  const [m, n] = a!.shape.slice(-2) as [number, number];
  return [x, m > n && o.driver !== "gelsy" ? residuals : fx.zeros([0], { dtype: partDType(a!.dtype) })];
};
/** The order of rows after exchanges, which PyTorch counts from 1. */
function orderOfRows(pivots: Tensor, n: number): Tensor {
  const rows = fx.iota([n]);
  let order = fx.broadcastTo(rows, [...(pivots.shape.slice(0, -1) as number[]), n] as never) as Tensor;
  for (let i = 0; i < n; i++) {
    const j = fx.sub(
      fx.slice(pivots, [...pivots.shape.slice(0, -1).map(() => null), i], [...pivots.shape.slice(0, -1).map(() => null), i + 1]),
      1,
    );
    const [here, there] = [
      fx.takeAlongAxis(order, fx.broadcastTo(fx.tensor(i, { dtype: "int32" }), j.shape as never), -1),
      fx.takeAlongAxis(order, j, -1),
    ];
    order = fx.where(fx.equal(rows, i), there, fx.where(fx.equal(rows, j as never), here, order)) as Tensor;
  }
  return order;
}
const luSolve: Operation = ([packed, pivots, b], _, o) => {
  const n = packed!.shape.at(-1) as number;
  const order = orderOfRows(pivots!, n);
  const p = fx.oneHot(order, n, { dtype: partDType(packed!.dtype) });
  const [left, flip] = [o.left !== false, Boolean(o.adjoint ?? false)];
  // With the adjoint of A it is a system of A^T or of conj(A), and conjugates.
  const conjugate = (t: Tensor): Tensor => (flip ? fx.conj(t) : t);
  const y = conjugate(left ? b! : transposed(b!));
  // A = P^T L U, where P takes the rows into the order of the factors; X A = B is A^T X^T = B^T.
  const lower = { unitDiagonal: true };
  const x =
    flip === left
      ? fx.matmul(
          transposed(p),
          fx.triangularSolve(packed!, fx.triangularSolve(packed!, y, { lower: false, transposed: true }), {
            ...lower,
            transposed: true,
          }) as never,
        )
      : fx.triangularSolve(packed!, fx.triangularSolve(packed!, fx.matmul(p, y as never), lower), { lower: false });
  return left ? conjugate(x) : transposed(conjugate(x));
};
/** The first columns of the product of reflections 1 - t v v^H, with v below the diagonal of a. */
const householderProduct: Operation = ([a, tau]) => {
  const [m, n] = a!.shape.slice(-2) as [number, number];
  const all = a!.shape.slice(0, -2).map(() => null);
  let q = fx.broadcastTo(fx.eye(m, n, 0, { dtype: a!.dtype }), a!.shape as never) as Tensor;
  const vectors = fx.add(fx.tril(a!, -1), fx.eye(m, n, 0, { dtype: a!.dtype }) as never) as Tensor;
  for (let i = (tau!.shape.at(-1) as number) - 1; i >= 0; i--) {
    const v = fx.slice(vectors, [...all, 0, i], [...all, m, i + 1]);
    const t = fx.expandDims(fx.slice(tau!, [...all, i], [...all, i + 1]), -1);
    q = fx.sub(q, fx.mul(t, fx.matmul(v, fx.matmul(adjoint(v), q as never) as never) as never) as never) as Tensor;
  }
  return q;
};

/** What is compared of operations whose results are not unique. */
export const observables: Readonly<Record<string, Operation>> = {
  svd_s: ([a], _, o) => svdOf(a!, o).s,
  svd_u_abs: ([a], _, o) => fx.abs(svdOf(a!, o).u),
  svd_vh_abs: ([a], _, o) => fx.abs(svdOf(a!, o).vt),
  svd_uvh_product: ([a]) => {
    const { u, s, vt } = fx.svd(a!);
    return [s, fx.matmul(u, vt)];
  },
  eig_values_vectors_abs: ([a]) => {
    const { w, v } = fx.eig(a!) as { w: Tensor; v: Tensor };
    return [w, fx.abs(v)];
  },
  eigh_values_vectors_abs: ([a]) => {
    const { w, v } = fx.eigh(symmetric(a!)) as { w: Tensor; v: Tensor };
    return [w, fx.abs(v)];
  },
};

export const linearAlgebra: Readonly<Record<string, Operation>> = {
  cholesky,
  cholesky_ex: cholesky,
  det: ([a]) => fx.det(a!),
  inv: ([a]) => fx.inv(a!),
  inv_ex: ([a]) => fx.inv(a!),
  lu,
  slogdet: ([a]) => {
    const { sign, logabsdet } = fx.slogdet(a!) as unknown as { sign: Tensor; logabsdet: Tensor };
    return [sign, logabsdet];
  },
  solve,
  solve_ex: solve,
  solve_triangular: solveTriangular,
  cond: ([a], args, o) => fx.conditionNumber(a!, orderOf(o.p ?? args[0] ?? 2)),
  eigvals: ([a]) => fx.eigvals(a!) as Tensor,
  eigvalsh: ([a]) => fx.eigvalsh(symmetric(a!)) as Tensor,
  householder_product: householderProduct,
  lstsq_grad_oriented: lstsq,
  lu_factor: ([a]) => fx.lu(a!).packed,
  lu_factor_ex: ([a]) => fx.lu(a!).packed,
  lu_solve: luSolve,
  matrix_exp: ([a]) => fx.expm(a!),
  matrix_norm: matrixNorm,
  matrix_power: power,
  pinv: pinv((a) => a),
  pinv_hermitian: pinv(symmetric),
  pinv_singular: ([a, b], _, o) => fx.pinv(fx.matmul(a!, transposed(b!)), tolerances(o)),
  qr: ([a], args, o) => {
    const { q, r } = fx.qr(a!, { mode: (o.mode ?? args[0] ?? "reduced") as "reduced" });
    return [q, r];
  },
  svdvals: ([a]) => fx.svdvals(a!),
  tensorinv,
  tensorsolve,
};
