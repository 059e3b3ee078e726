/** Matrix products. The kernel reads any strides, so that transposes, here and in derivatives, cost nothing. */
import { addDims, type Dim, mulDims, sameDim } from "../core/dim.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { broadcastShapes, normalizeAxes, normalizeAxis, type Shape, sizeOf } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import type { Matmul } from "../core/types/matmul.ts";
import type { Flatten } from "../core/types/reshape.ts";
import type { Fit, Result, ShapeOf } from "../core/types/shape.ts";
import * as e from "../kernel/expr.ts";
import { body, matmulKernel, type Step } from "../kernel/kernel.ts";
import { loop, outputView } from "../kernel/lowering.ts";
import { PARTIALS } from "../kernel/tree.ts";
import type { View } from "../kernel/view.ts";
import { addN, sumByTree } from "./addN.ts";
import { bilinear, leibniz, mul } from "./arithmetic.ts";
import { broadcastLast } from "./broadcast.ts";
import { convert } from "./convert.ts";
import { checkOperand, commonDType, type Operand, toTensor } from "./operand.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { permute } from "./transpose.ts";

/** [b, m, k] x [b, k, n] -> [b, m, n]. */
export const batchedMatmul: PrimitiveFunction<object> = definePrimitive<object>({
  name: "matmul",
  complex: ({ inputs: [x, y] }) => [bilinear((a, b) => batchedMatmul([a, b], {}), x!, y!)],
  type: ([x, y]) => {
    if (x!.dtype !== y!.dtype || x!.dtype === "bool")
      throw new Error(`matmul: needs operands of one numeric dtype, got ${x!.describe()} and ${y!.describe()}`);
    return { shape: [x!.shape[0]!, x!.shape[1]!, y!.shape[2]!], dtype: x!.dtype };
  },
  jvp: ({ inputs: [x, y], tangents: [dx, dy] }) => [addN([dx && batchedMatmul([dx, y!], {}), dy && batchedMatmul([x!, dy], {})])],
  transpose: ({ inputs: [x, y], linear, cotangents: [ct] }) => {
    if (linear[0] && linear[1]) throw new Error("matmul: a product of two tangents is not linear");
    return linear[0] ? [batchedMatmul([ct!, transposed(y!)], {}), undefined] : [undefined, batchedMatmul([transposed(x!), ct!], {})];
  },
  jet: ({ series: [x, y], order }) => [leibniz((a, b) => batchedMatmul([a, b], {}), x!, y!, order)],
  batch: ({ inputs: [x, y], batched, size }) => {
    const [b, m] = x!.shape.slice(-3) as [Dim, Dim, Dim];
    const n = y!.shape[y!.rank - 1]!;
    const k = x!.shape[x!.rank - 1]!;
    if (batched[0] && batched[1]) {
      const merge = (t: Tensor): Tensor => reshape(t, [mulDims(size, b), ...t.shape.slice(2)]);
      return [reshape(batchedMatmul([merge(x!), merge(y!)], {}), [size, b, m, n])];
    }
    // One side is the same for all examples: they are more rows, or more columns, of one product.
    if (batched[0]) {
      const rows = reshape(permute(x!, [1, 0, 2, 3]), [b, mulDims(size, m), k]);
      return [permute(reshape(batchedMatmul([rows, y!], {}), [b, size, m, n]), [1, 0, 2, 3])];
    }
    const columns = reshape(permute(y!, [1, 2, 0, 3]), [b, k, mulDims(size, n)]);
    return [permute(reshape(batchedMatmul([x!, columns], {}), [b, m, size, n]), [2, 0, 1, 3])];
  },
  lower: ({ inputs: [x, y], outputTypes: [type] }) => {
    const [b, m, n] = type!.shape as [Dim, Dim, Dim];
    const output = outputView(type!);
    const k = x!.shape[2]!;
    if (typeof k === "number" && k >= 1 && k <= UNROLLED) return { steps: [shortProduct(x!, y!, k, output)], outputs: [output] };
    const kernel = matmulKernel(dtypeInfo(type!.dtype).storage);
    return { steps: [{ kernel, sizes: [b, m, n, k], reads: [x!, y!], writes: [output], uniforms: [] }], outputs: [output] };
  },
});

/** Products with so few terms are elementwise loops, which fuse with what is around them. */
const UNROLLED = PARTIALS;

/** The sum of k products at each point, by the fixed tree: with at most four, each is a partial sum of its own. */
function shortProduct(x: View, y: View, k: number, output: View): Step {
  const shape = output.shape;
  const { storage } = output.slot;
  const along = (v: View, axis: number, strides: readonly Dim[], i: number): View => ({
    ...v,
    shape,
    strides,
    offset: addDims(v.offset, mulDims(i, v.strides[axis]!)),
  });
  const terms = Array.from({ length: k }, (_, i) => i);
  const reads = terms.flatMap((i) => [
    along(x, 2, [x.strides[0]!, x.strides[1]!, 0], i),
    along(y, 1, [y.strides[0]!, 0, y.strides[2]!], i),
  ]);
  const value = sumByTree(terms.map((i) => e.mul(e.read(2 * i, storage), e.read(2 * i + 1, storage))));
  const inner = body(
    reads.map(() => storage),
    [value],
  );
  return loop({ shape, body: inner, reads, writes: [output] });
}

const transposed = (t: Tensor): Tensor => permute(t, [0, 2, 1]);

/** Operands in one numeric dtype; bools count as integers. */
export function factors(op: string, operands: readonly Operand[]): Tensor[] {
  operands.forEach((x, i) => checkOperand(op, x, `operand ${i + 1}`));
  const common = commonDType(op, operands);
  const dtype = common === "bool" ? "int32" : common;
  return operands.map((x) => convert(toTensor(op, x, x instanceof Tensor ? undefined : dtype), dtype));
}

/**
 * The matrix product over the last two axes, as NumPy: leading axes broadcast, a vector on the left is a row, on the
 * right a column, and the axis that this adds is taken off again.
 */
export function matmul<A extends Operand, B extends Operand>(
  a: A,
  b: Fit<Matmul<ShapeOf<A>, ShapeOf<B>>, B>,
): Tensor<Result<Matmul<ShapeOf<A>, ShapeOf<B>>>>;
export function matmul(a: Operand, b: Operand): Tensor {
  const [x, y] = factors("matmul", [a, b]) as [Tensor, Tensor];
  if (x.rank === 0 || y.rank === 0)
    throw new Error(`matmul: needs vectors or matrices, got ${x.describe()} and ${y.describe()}; for scalars use mul`);
  const left = x.rank === 1 ? reshape(x, [1, ...x.shape]) : x;
  const right = y.rank === 1 ? reshape(y, [...y.shape, 1]) : y;
  const [m, k] = left.shape.slice(-2) as [Dim, Dim];
  const [k2, n] = right.shape.slice(-2) as [Dim, Dim];
  if (!sameDim(k, k2)) throw new Error(`matmul: ${x.describe()} has ${k} columns, but ${y.describe()} has ${k2} rows`);
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  if (!batch) throw new Error(`matmul: the leading axes of ${x.describe()} and ${y.describe()} do not broadcast`);
  const shape = [...batch, ...(x.rank === 1 ? [] : [m]), ...(y.rank === 1 ? [] : [n])];
  return reshape(product(left, right, batch, [m, k, n]), shape);
}

function product(left: Tensor, right: Tensor, batch: Shape, [m, k, n]: readonly [Dim, Dim, Dim]): Tensor {
  // A single matrix on the right takes all of the left's batches as its rows.
  if (right.rank === 2) return batchedMatmul([reshape(left, [1, mulDims(sizeOf(batch), m), k]), reshape(right, [1, k, n])], {});
  const b = sizeOf(batch);
  const flat = (t: Tensor, rows: Dim, columns: Dim): Tensor => reshape(broadcastLast(t, [...batch, rows, columns]), [b, rows, columns]);
  return batchedMatmul([flat(left, m, k), flat(right, k, n)], {});
}

/** The sum of products over axes: the last `axes` of a with the first of b, or those listed, a's first, then b's. */
export function tensordot(a: Operand, b: Operand, axes: number | readonly [readonly number[], readonly number[]] = 2): Tensor {
  return contract("tensordot", factors("tensordot", [a, b]) as [Tensor, Tensor], axes);
}

export function contract(
  op: string,
  [x, y]: readonly [Tensor, Tensor],
  axes: number | readonly [readonly number[], readonly number[]],
): Tensor {
  const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  if (typeof axes === "number" && !(Number.isInteger(axes) && axes >= 0 && axes <= Math.min(x.rank, y.rank)))
    throw new Error(`${op}: cannot sum over ${axes} axes of ${x.describe()} and ${y.describe()}`);
  const [ax, ay] = typeof axes === "number" ? [count(axes).map((i) => x.rank - axes + i), count(axes)] : axes;
  const [sx, sy] = [normalized(op, ax, x), normalized(op, ay, y)];
  if (sx.length !== sy.length || sx.some((i, k) => !sameDim(x.shape[i]!, y.shape[sy[k]!]!)))
    throw new Error(`${op}: axes [${sx.join(", ")}] of ${x.describe()} and [${sy.join(", ")}] of ${y.describe()} differ in size`);
  const [kx, ky] = [count(x.rank).filter((i) => !sx.includes(i)), count(y.rank).filter((i) => !sy.includes(i))];
  const [m, n] = [kx.map((i) => x.shape[i]!), ky.map((i) => y.shape[i]!)];
  const k = sizeOf(sx.map((i) => x.shape[i]!));
  const left = reshape(permute(x, [...kx, ...sx]), [1, sizeOf(m), k]);
  const right = reshape(permute(y, [...sy, ...ky]), [1, k, sizeOf(n)]);
  return reshape(batchedMatmul([left, right], {}), [...m, ...n]);
}

/** Axes counted from the front, in the order given. */
function normalized(op: string, axes: readonly number[], t: Tensor): number[] {
  normalizeAxes(op, axes, t.rank);
  return axes.map((a) => normalizeAxis(op, a, t.rank));
}

/** NumPy's dot: the last axis of a with the last but one of b (its only one, if b is a vector); a product where one is a scalar. */
export function dot(a: Operand, b: Operand): Tensor {
  const [x, y] = factors("dot", [a, b]) as [Tensor, Tensor];
  if (x.rank === 0 || y.rank === 0) return mul(x, y);
  return contract("dot", [x, y], [[x.rank - 1], [Math.max(0, y.rank - 2)]]);
}

/** The products of all pairs, one of a and one of b, each taken as a vector. */
export function outer<A extends Operand, B extends Operand>(a: A, b: B): Tensor<[...Flatten<ShapeOf<A>>, ...Flatten<ShapeOf<B>>]>;
export function outer(a: Operand, b: Operand): Tensor {
  const [x, y] = factors("outer", [a, b]) as [Tensor, Tensor];
  return mul(reshape(x, [sizeOf(x.shape), 1]), reshape(y, [1, sizeOf(y.shape)]));
}

/** What this file defines, for table.ts. */
export const primitives = [batchedMatmul.primitive];
