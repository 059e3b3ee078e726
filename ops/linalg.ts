/**
 * What the operations on matrices share: operands as stacks of matrices [items, rows, columns], primitives that one routine of the kernel
 * language computes, and their batching, which makes examples further items.
 */
import { type Dim, mulDims, sameDim } from "../core/dim.ts";
import { dtypeInfo } from "../core/dtype.ts";
import type { Aval } from "../core/primitive.ts";
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { DimType, ShapeType, Unranked } from "../core/types/shape.ts";
import { type Kernel, routineKernel } from "../kernel/kernel.ts";
import { type Lowered, outputView, packed } from "../kernel/lowering.ts";
import type { Routine } from "../kernel/routine.ts";
import type { View } from "../kernel/view.ts";
import { neg } from "./arithmetic.ts";
import { batchAlong } from "./broadcast.ts";
import { concatenate } from "./concatenate.ts";
import { batchedMatmul } from "./matmul.ts";
import { conj } from "./complex.ts";
import { type Operand, toInexact } from "./operand.ts";
import type { BatchCall, PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { moveaxis, permute } from "./transpose.ts";

/** The shape of what has one matrix, vector or number for each matrix of S. */
export type Each<S extends ShapeType, Last extends ShapeType> =
  true extends Unranked<S> ? any : S extends readonly [...infer Leading extends ShapeType, unknown, unknown] ? [...Leading, ...Last] : any;

/** The shape of what has one vector for each square matrix of S. */
export type Vectors<S extends ShapeType> =
  true extends Unranked<S>
    ? any
    : S extends readonly [...infer Leading extends ShapeType, unknown, infer N extends DimType]
      ? [...Leading, N]
      : any;

/** An operand of matrices, in a float dtype or a complex one. */
export function matrices(op: string, x: Operand): Tensor {
  const t = toInexact(op, x);
  if (t.rank < 2) throw new Error(`${op}: needs a matrix, or a stack of them, got ${t.describe()}`);
  return t;
}

/** An operand of square matrices. */
export function squareMatrices(op: string, x: Operand): Tensor {
  const t = matrices(op, x);
  const [rows, columns] = t.shape.slice(-2) as [Dim, Dim];
  if (!sameDim(rows, columns))
    throw new Error(`${op}: needs square matrices, got ${t.describe()}, with ${rows} rows and ${columns} columns`);
  return t;
}

/** Which matrix of how many, as the subject of a diagnosis. */
export const ofItem = (item: number, items: number): string => (items > 1 ? `matrix ${item} of ${items}` : "the matrix");

/** The leading axes as one. */
export const stacked = (t: Tensor): Tensor => reshape(t, [sizeOf(t.shape.slice(0, -2)), ...t.shape.slice(-2)]);
/** The leading axes of `from` again, for what has one entry for each matrix of it. */
export const unstacked = (t: Tensor, from: Tensor): Tensor => reshape(t, [...from.shape.slice(0, -2), ...t.shape.slice(1)]);

/** Each matrix transposed. */
export const swapLast = (t: Tensor): Tensor => moveaxis(t, -1, -2);
/** Each matrix transposed and conjugate. */
export const adjointLast = (t: Tensor): Tensor => conj(swapLast(t));

// Of stacks [items, rows, columns].
export const product = (a: Tensor, b: Tensor): Tensor => batchedMatmul([a, b], {});
export const transposed = (a: Tensor): Tensor => permute(a, [0, 2, 1]);
export const adjoint = (a: Tensor): Tensor => conj(transposed(a));

/**
 * The tangent of [Q, P], unitary, of which that of Q is known: P moves only as far as it must to stay orthogonal to Q, dP = -Q dQ^H P.
 */
export const completed = (q: Tensor, p: Tensor, dq: Tensor): Tensor => concatenate([dq, neg(product(q, product(adjoint(dq), p)))], 2);

/** One routine over operands as they are, or as contiguous copies. Sizes as the routine wants them. */
export function lowerRoutine(routine: Routine, sizes: readonly Dim[], inputs: readonly View[], types: readonly Aval[]): Lowered {
  const reads = inputs.map(packed);
  const outputs = types.map(outputView);
  const float = types.find((t) => t.dtype !== "int32")!;
  const kernel: Kernel = routineKernel(routine, dtypeInfo(float.dtype).storage);
  const step = { kernel, sizes, reads: reads.map((r) => r.view), writes: outputs, uniforms: [] };
  return { steps: [...reads.flatMap((r) => r.steps), step], outputs };
}

/** The batching of a primitive that has one item in each operand for each in the outputs: examples are further items. */
export function batchItems<P extends object>(apply: () => PrimitiveFunction<P>): (call: BatchCall<P>) => Tensor[] {
  return ({ params, inputs, batched, size }) => {
    const all = inputs.map((t, i) => (batched[i] ? t : batchAlong(t, size)));
    const items = all[0]!.shape[1]!;
    const merged = all.map((t) => reshape(t, [mulDims(size, items), ...t.shape.slice(2)]));
    return apply()
      .many(merged, params)
      .map((t) => reshape(t, [size, items, ...t.shape.slice(1)]));
  };
}

/**
 * The batching of systems A X = B, where B is the last operand: where it alone has examples, they are further columns of it, so that what is
 * known of A serves all.
 */
export function batchSystems<P extends object>(apply: () => PrimitiveFunction<P>): (call: BatchCall<P>) => Tensor[] {
  const items = batchItems(apply);
  return (call) => {
    const { params, inputs, batched, size } = call;
    if (batched.slice(0, -1).includes(true)) return items(call);
    const b = inputs.at(-1)!;
    const [, count, n, columns] = b.shape as [Dim, Dim, Dim, Dim];
    const wide = reshape(permute(b, [1, 2, 0, 3]), [count, n, mulDims(size, columns)]);
    const x = apply()([...inputs.slice(0, -1), wide], params);
    return [permute(reshape(x, [count, n, size, columns]), [2, 0, 1, 3])];
  };
}
