/** The shapes that the compiler finds. Every line fails to compile when its shape is another. */
import { expectTypeOf } from "vitest";
import { associativeScan } from "../../ad/control/associative.ts";
import { cond, switchCase } from "../../ad/control/branches.ts";
import { fold, fori, scan, whileLoop } from "../../ad/control/loops.ts";
import type { Data } from "../../core/data.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, neg, square } from "../../ops/arithmetic.ts";
import { cholesky } from "../../ops/cholesky.ts";
import { less, where } from "../../ops/compare.ts";
import { concatenate, stack } from "../../ops/concatenate.ts";
import { eye, linspace, ones, zeros, zerosLike } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { eigh, eigvalsh } from "../../ops/eigh.ts";
import { exp, tanh } from "../../ops/functions.ts";
import { expm } from "../../ops/matrix-functions.ts";
import { matmul, outer } from "../../ops/matmul.ts";
import { broadcastTo, type Operand } from "../../ops/operand.ts";
import { maximum } from "../../ops/piecewise.ts";
import { norm, std } from "../../ops/norm.ts";
import { argmax, max, mean, type ReduceArgument, sum } from "../../ops/reductions.ts";
import { expandDims, reshape, squeeze } from "../../ops/reshape.ts";
import { softmax } from "../../ops/softmax.ts";
import { elu, hardtanh } from "../../ops/activations.ts";
import { cumprod, logcumsumexp } from "../../ops/cumulative.ts";
import { fmax, nanToNum, nansum } from "../../ops/floating.ts";
import { softplus } from "../../ops/functions.ts";
import { layerNorm } from "../../ops/layers.ts";
import { cross } from "../../ops/products.ts";
import { median } from "../../ops/quantile.ts";
import { ravel, roll } from "../../ops/rearrange.ts";
import { matrixRank } from "../../ops/pseudoinverse.ts";
import { det, slogdet } from "../../ops/determinant.ts";
import { inv, solve } from "../../ops/solve.ts";
import { sort, topK } from "../../ops/sort.ts";
import { lgamma, polygamma } from "../../ops/special.ts";
import { flip, transpose } from "../../ops/transpose.ts";

declare const scalar: Tensor<[]>;
declare const row: Tensor<[3]>;
declare const matrix: Tensor<[2, 3]>;
declare const batch: Tensor<["n", 2]>;
declare const thin: Tensor<[1, 3, 1]>;
declare const anything: Tensor;
declare const rows: Tensor<[any, 3]>;
declare const some: number;
declare const operand: Operand;

// Literals
expectTypeOf(constant(1)).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(constant([true, false, true])).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(constant({ re: 1, im: 2 })).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(
  constant([
    { re: 1, im: 2 },
    { re: 3, im: 4 },
  ]),
).toEqualTypeOf<Tensor<[2]>>();
expectTypeOf(mul(constant([1, 2, 3]), { re: 0, im: 1 })).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(
  constant([
    [1, 2],
    [3, 4],
  ]),
).toEqualTypeOf<Tensor<[2, 2]>>();
expectTypeOf(constant([])).toEqualTypeOf<Tensor<[0]>>();
expectTypeOf(constant([1, 2].map((x) => [x, x]))).toEqualTypeOf<Tensor<[any, any]>>();
expectTypeOf(constant(new Float32Array(6))).toEqualTypeOf<Tensor<[any]>>();
expectTypeOf(constant(new Float32Array(6), { shape: [2, 3] })).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(constant({} as Data)).toEqualTypeOf<Tensor>();
expectTypeOf(zeros([dim("n"), 3])).toEqualTypeOf<Tensor<["n", 3]>>();
expectTypeOf(ones([some, 3])).toEqualTypeOf<Tensor<[any, 3]>>();
expectTypeOf(zeros(anything.shape)).toEqualTypeOf<Tensor>();
expectTypeOf(zerosLike(batch)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(eye(3)).toEqualTypeOf<Tensor<[3, 3]>>();
expectTypeOf(eye(3, dim("m"))).toEqualTypeOf<Tensor<[3, "m"]>>();
expectTypeOf(linspace(0, 1, 5)).toEqualTypeOf<Tensor<[5]>>();

// Elementwise
expectTypeOf(add(matrix, row)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(add(row, matrix)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(mul(matrix, 2)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(mul(2, 3)).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(mul(true, batch)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(maximum(thin, zeros([2, 1, 4]))).toEqualTypeOf<Tensor<[2, 3, 4]>>();
expectTypeOf(add(zeros([dim("n"), 1]), zeros([dim("m")]))).toEqualTypeOf<Tensor<["n", "m"]>>();
expectTypeOf(less(matrix, scalar)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(where(matrix, 0, row)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(where(less(row, 0), matrix, 1)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(tanh(neg(square(exp(batch))))).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(exp(1)).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(mul(matrix as typeof matrix | number, 2)).toEqualTypeOf<Tensor<[2, 3] | []>>();

// Reductions
expectTypeOf(sum(matrix)).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(sum(matrix, 0)).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(sum(matrix, [0, -1])).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(mean(batch, -1)).toEqualTypeOf<Tensor<["n"]>>();
expectTypeOf(max(batch, { axis: 1, keepdims: true })).toEqualTypeOf<Tensor<["n", 1]>>();
expectTypeOf(max(batch, { keepdims: true })).toEqualTypeOf<Tensor<[1, 1]>>();
expectTypeOf(argmax(batch, 0)).toEqualTypeOf<Tensor<[2]>>();
expectTypeOf(std(matrix, { correction: 1, axis: 1 })).toEqualTypeOf<Tensor<[2]>>();
expectTypeOf(norm(matrix, { ord: 1 })).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(softmax(batch)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(cumsum(matrix)).toEqualTypeOf<Tensor<[6]>>();
expectTypeOf(cumsum(matrix, 1)).toEqualTypeOf<Tensor<[2, 3]>>();

// Products
expectTypeOf(matmul(batch, matrix)).toEqualTypeOf<Tensor<["n", 3]>>();
expectTypeOf(matmul(matrix, row)).toEqualTypeOf<Tensor<[2]>>();
expectTypeOf(matmul(row, row)).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(matmul(zeros([5, 1, 4, 2]), zeros([7, 2, 3]))).toEqualTypeOf<Tensor<[5, 7, 4, 3]>>();
expectTypeOf(outer(matrix, row)).toEqualTypeOf<Tensor<[6, 3]>>();

// Shapes
expectTypeOf(reshape(matrix, [3, 2])).toEqualTypeOf<Tensor<[3, 2]>>();
expectTypeOf(reshape(matrix, [-1])).toEqualTypeOf<Tensor<[6]>>();
expectTypeOf(reshape(batch, [-1, 1, 2])).toEqualTypeOf<Tensor<["n", 1, 2]>>();
expectTypeOf(reshape(zeros([1024, 768, 3]), [-1, 3])).toEqualTypeOf<Tensor<[786432, 3]>>();
expectTypeOf(transpose(thin)).toEqualTypeOf<Tensor<[1, 3, 1]>>();
expectTypeOf(transpose(batch)).toEqualTypeOf<Tensor<[2, "n"]>>();
expectTypeOf(transpose(zeros([1, 2, 3]), [2, 0, -2])).toEqualTypeOf<Tensor<[3, 1, 2]>>();
expectTypeOf(flip(batch, 0)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(expandDims(batch, 1)).toEqualTypeOf<Tensor<["n", 1, 2]>>();
expectTypeOf(expandDims(batch, -1)).toEqualTypeOf<Tensor<["n", 2, 1]>>();
expectTypeOf(squeeze(thin)).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(squeeze(thin, 0)).toEqualTypeOf<Tensor<[3, 1]>>();
expectTypeOf(broadcastTo(row, [dim("n"), 3])).toEqualTypeOf<Tensor<["n", 3]>>();
expectTypeOf(stack([row, row])).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(stack([row, row], -1)).toEqualTypeOf<Tensor<[3, 2]>>();
expectTypeOf(stack([1, 2].map((x) => mul(row, x)))).toEqualTypeOf<Tensor<[any, 3]>>();
expectTypeOf(concatenate([matrix, matrix], 1)).toEqualTypeOf<Tensor<[2, 6]>>();
expectTypeOf(concatenate([matrix, zeros([some, 3])])).toEqualTypeOf<Tensor<[any, 3]>>();

// What is not known is not an error, and stays unknown only where it matters.
expectTypeOf(add(anything, matrix)).toEqualTypeOf<Tensor>();
expectTypeOf(add(rows, matrix)).toEqualTypeOf<Tensor<[any, 3]>>();
expectTypeOf(add(operand, operand)).toEqualTypeOf<Tensor>();
expectTypeOf(matmul(anything, matrix)).toEqualTypeOf<Tensor>();
expectTypeOf(matmul(rows, zeros([some, 4]))).toEqualTypeOf<Tensor<[any, 4]>>();
expectTypeOf(sum(anything, 7)).toEqualTypeOf<Tensor>();
expectTypeOf(sum(matrix, some)).toEqualTypeOf<Tensor>();
expectTypeOf(sum(matrix, {} as ReduceArgument | undefined)).toEqualTypeOf<Tensor>();
expectTypeOf(max(matrix, {} as ReduceArgument)).toEqualTypeOf<Tensor>();
expectTypeOf(softmax(matrix, {} as number | readonly number[])).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(squeeze(matrix, {} as number | readonly number[])).toEqualTypeOf<Tensor>();
expectTypeOf(sum(matrix, {} as ReduceArgument)).toEqualTypeOf<Tensor>();
expectTypeOf(sum(matrix, {} as { axis?: number; keepdims?: boolean })).toEqualTypeOf<Tensor>();
expectTypeOf(reshape(anything, [2, -1])).toEqualTypeOf<Tensor<[2, any]>>();
expectTypeOf(reshape(rows, [4, 6])).toEqualTypeOf<Tensor<[4, 6]>>();
expectTypeOf(transpose(anything, [1, 0])).toEqualTypeOf<Tensor>();
expectTypeOf(squeeze(rows)).toEqualTypeOf<Tensor>();

// Tensors are covariant, unknown sizes fit, and a name does not stand for a number.
const wider: Tensor = matrix;
const known: Tensor<[2, 3]> = wider;
const partly: Tensor<[any, 3]> = matrix;
const settled: Tensor<[2, 3]> = rows;
// @ts-expect-error: a size that is known to differ
const wrong: Tensor<[4, 3]> = matrix;
// @ts-expect-error: a name has one size, which need not be 2
const named: Tensor<["n", 3]> = matrix;
void [known, partly, settled, wrong, named];

// In generic code, a type parameter fits itself, a number and a vector along it.
export function residual<N extends string>(x: Tensor<[N, 3]>): Tensor<[N, 3]> {
  return add(mul(x, x), mul(2, x));
}
export function shift<N extends string, M extends string>(x: Tensor<[N, M]>, by: Tensor<[M]>): Tensor<[N, M]> {
  return add(x, by);
}
export function twice<S extends readonly unknown[]>(x: Tensor<S>): Tensor<S> {
  return add(x, x);
}
expectTypeOf(twice(residual(zeros([dim("n"), 3])))).toEqualTypeOf<Tensor<["n", 3]>>();

// Families
expectTypeOf(topK(matrix, 2).values).toEqualTypeOf<Tensor<[2, 2]>>();
expectTypeOf(topK(matrix, 1, { axis: 0 }).indices).toEqualTypeOf<Tensor<[1, 3]>>();
expectTypeOf(sort(matrix, 0, { descending: true })).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(median(matrix, 1)).toEqualTypeOf<Tensor<[2]>>();
expectTypeOf(cumprod(matrix, 1)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(logcumsumexp(matrix)).toEqualTypeOf<Tensor<[6]>>();
expectTypeOf(lgamma(polygamma(2, batch))).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(fmax(matrix, row)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(nanToNum(matrix)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(nansum(matrix, 0)).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(elu(softplus(matrix, { beta: 2 }), 0.5)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(hardtanh(batch)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(layerNorm(matrix, { scale: row })).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(cross(matrix, row)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(roll(batch, 1, 0)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(ravel(matrix)).toEqualTypeOf<Tensor<[6]>>();

// Linear algebra: what there is for each matrix of a stack.
declare const squares: Tensor<["n", 3, 3]>;
expectTypeOf(cholesky(squares)).toEqualTypeOf<Tensor<["n", 3, 3]>>();
expectTypeOf(inv(anything)).toEqualTypeOf<Tensor>();
expectTypeOf(det(squares)).toEqualTypeOf<Tensor<["n"]>>();
expectTypeOf(slogdet(zeros([4, 4])).logabsdet).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(solve(squares, zeros([3, 2]))).toEqualTypeOf<Tensor<["n", 3, 2]>>();
expectTypeOf(solve(zeros([3, 3]), zeros([3]))).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(eigh(squares).w).toEqualTypeOf<Tensor<["n", 3]>>();
expectTypeOf(eigh(squares).v).toEqualTypeOf<Tensor<["n", 3, 3]>>();
expectTypeOf(eigvalsh(anything)).toEqualTypeOf<Tensor>();
expectTypeOf(matrixRank(squares)).toEqualTypeOf<Tensor<["n"]>>();
expectTypeOf(expm(squares)).toEqualTypeOf<Tensor<["n", 3, 3]>>();

// Loops and branches
expectTypeOf(fold((c, x) => add(c, sum(x)), scalar, matrix)).toEqualTypeOf<Tensor<[]>>();
const [carry, ys] = scan((c, x) => [{ u: add(c.u, x), i: add(c.i, 1) }, [x, sum(c.u)]], { u: row, i: 0 }, matrix);
expectTypeOf(carry).toEqualTypeOf<{ u: Tensor<[3]>; i: Tensor<[]> }>();
expectTypeOf(ys).toEqualTypeOf<Tensor[]>();
expectTypeOf(scan(([a, b], x) => [[add(a, 1), add(b, x)], x], [scalar, row], matrix)[0]).toEqualTypeOf<[Tensor<[]>, Tensor<[3]>]>();
expectTypeOf(fori(0, 3, (i, c) => mul(c, i), row)).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(
  whileLoop(
    ([a]) => less(a, 1),
    ([a, b]) => [add(a, 1), mul(b, a)],
    [scalar, row],
  ),
).toEqualTypeOf<[Tensor<[]>, Tensor<[3]>]>();
expectTypeOf(
  cond(
    true,
    (x) => mul(x, 2),
    (x) => x,
    row,
  ),
).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(switchCase(1, [() => ({ a: row }), () => ({ a: row })])).toEqualTypeOf<{ a: Tensor<[3]> }>();
expectTypeOf(associativeScan(([a, b], [c, d]) => [mul(a, c), mul(b, d)], [row, row])).toEqualTypeOf<[Tensor<[3]>, Tensor<[3]>]>();
// @ts-expect-error a carry keeps its structure
fold((c) => ({ u: c.u }), { u: row, v: row }, matrix);
const other = (): Tensor<[]> => scalar;
// @ts-expect-error the cases give different shapes
cond(true, (): Tensor<[3]> => row, other);
