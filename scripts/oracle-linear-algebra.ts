/** PyTorch's linear algebra in fluxion's words: the part of oracle-operations.ts that stands on factorizations. */
import * as fx from "../index.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Operation } from "./oracle-kinds.ts";

const adjoint = (t: Tensor): Tensor => fx.swapaxes(t, -1, -2);
/** The references of cholesky are of A + A^T. */
const symmetric = (a: Tensor): Tensor => fx.add(a, adjoint(a) as never);

const cholesky: Operation = ([a], args, o) => {
  const lower = fx.cholesky(symmetric(a!));
  return (o.upper ?? args[0]) ? adjoint(lower) : lower;
};
/** A right side of one axis less than the matrices, and of their leading axes, is a stack of vectors. */
const solve: Operation = ([a, b], args, o) => {
  if ((o.left ?? args[0] ?? true) === false) return adjoint(fx.solve(adjoint(a!), adjoint(b!)));
  const vectors = b!.rank === a!.rank - 1 && b!.shape.every((d, i) => d === a!.shape[i]);
  return vectors ? fx.squeeze(fx.solve(a!, fx.expandDims(b!, -1)), -1 as never) : fx.solve(a!, b!);
};
const solveTriangular: Operation = ([a, b], _, o) =>
  fx.triangularSolve(a!, b!, { lower: !o.upper, unitDiagonal: Boolean(o.unitriangular ?? false), right: o.left === false });
const lu: Operation = ([a]) => {
  const { l, u } = fx.lu(a!);
  return [l, u];
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
};
