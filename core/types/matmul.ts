/**
 * Matrix products in types: [..., m, k] times [..., k, n], where leading axes broadcast; a vector is a row on the left
 * and a column on the right, and its axis goes.
 */
import type { BroadcastShapes } from "./broadcast.ts";
import type { DimType, Pair, SameDim, ShapeType, Unranked } from "./shape.ts";
import type { Show, ShowDim } from "./show.ts";

/** The shape of a product, or a sentence. */
export type Matmul<A extends ShapeType, B extends ShapeType> = true extends Unranked<A> | Unranked<B>
  ? any
  : A extends readonly [...infer BatchA extends ShapeType, infer M extends DimType, infer K]
    ? B extends readonly [...infer BatchB extends ShapeType, infer L, infer N extends DimType]
      ? Inner<A, B, K, L, BatchA extends readonly [] ? BatchB : BroadcastShapes<BatchA, BatchB>, [M, N]>
      : B extends readonly [infer L]
        ? Inner<A, B, K, L, BatchA, [M]>
        : RightIsScalar
    : A extends readonly [infer K]
      ? B extends readonly [...infer BatchB extends ShapeType, infer L, infer N extends DimType]
        ? Inner<A, B, K, L, BatchB, [N]>
        : B extends readonly [infer L]
          ? Inner<A, B, K, L, [], []>
          : RightIsScalar
      : "matmul: the left operand is a scalar; use mul";

type RightIsScalar = "matmul: the right operand is a scalar; use mul";

/** The result, if the inner dimensions K and L fit. */
type Inner<A, B, K, L, Batch, Outer extends ShapeType> =
  Pair<K, L> extends Pair<L, K>
    ? Batched<Batch, Outer>
    : [SameDim<K, L>] extends [never]
      ? `matmul: inner dimensions ${ShowDim<K>} and ${ShowDim<L>} differ (${Show<A>} times ${Show<B>})`
      : Batched<Batch, Outer>;

type Batched<Batch, Outer extends ShapeType> = Batch extends readonly unknown[] ? [...Batch, ...Outer] : `matmul: batch ${Batch & string}`;
