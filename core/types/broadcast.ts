/** Broadcasting in types, by NumPy's rule: axes are matched from the last one; two sizes fit if they are equal or one is 1. */
import type { Complex } from "../data.ts";
import type { DimType, Fit, Pair, Result, SameDim, ShapeOf, ShapeType, Unranked } from "./shape.ts";
import type { Show, ShowDim } from "./show.ts";

type Scalar = number | boolean | Complex;

/**
 * The shape of an elementwise result of two operands. Literals, then equal shapes, are settled first: it is cheap, and
 * a type parameter passes through. Equal means written alike, for any equals nothing else there: [any] and [2] do not.
 */
export type Broadcast<A, B> = B extends Scalar
  ? ShapeOf<A>
  : A extends Scalar
    ? ShapeOf<B>
    : (<T>() => T extends ShapeOf<A> ? 1 : 2) extends <T>() => T extends ShapeOf<B> ? 1 : 2
      ? ShapeOf<A> & ShapeOf<B>
      : Result<BroadcastShapes<ShapeOf<A>, ShapeOf<B>>>;

/** The type of the second operand: B, or a sentence. The same tests, with answers that a type parameter does not defer. */
export type Broadcastable<A, B> = B extends Scalar
  ? B
  : A extends Scalar
    ? B
    : Pair<ShapeOf<A>, ShapeOf<B>> extends Pair<ShapeOf<B>, ShapeOf<A>>
      ? B
      : Fit<BroadcastShapes<ShapeOf<A>, ShapeOf<B>>, B>;

/** The common shape of two, or a sentence. */
export type BroadcastShapes<A extends ShapeType, B extends ShapeType> = true extends Unranked<A> | Unranked<B>
  ? any
  : Zip<A, B, [], [A, B]>;

/**
 * Takes the last dimensions off A and B, and puts what they have in common before Done. The first test on each pair also
 * settles a type parameter against itself.
 */
type Zip<A extends ShapeType, B extends ShapeType, Done extends ShapeType, Whole extends [ShapeType, ShapeType]> = A extends readonly [
  ...infer RestA extends ShapeType,
  infer P extends DimType,
]
  ? B extends readonly [...infer RestB extends ShapeType, infer Q extends DimType]
    ? Pair<P, Q> extends Pair<Q, P>
      ? Zip<RestA, RestB, [P & Q, ...Done], Whole>
      : [P] extends [1]
        ? Zip<RestA, RestB, [Q, ...Done], Whole>
        : [Q] extends [1]
          ? Zip<RestA, RestB, [P, ...Done], Whole>
          : [SameDim<P, Q>] extends [never]
            ? `shapes ${Show<Whole[0]>} and ${Show<Whole[1]>} do not broadcast: ${ShowDim<P>} and ${ShowDim<Q>} differ`
            : Zip<RestA, RestB, [SameDim<P, Q>, ...Done], Whole>
    : [...A, ...Done]
  : [...B, ...Done];

/** The shape S stretched to the shape T, which it may not change, or a sentence. */
export type Stretch<S extends ShapeType, T extends ShapeType> = true extends Unranked<S> | Unranked<T>
  ? T
  : BroadcastShapes<S, T> extends infer R
    ? R extends readonly unknown[]
      ? R["length"] extends T["length"]
        ? [R] extends [T]
          ? T
          : `broadcastTo: shape ${Show<S>} does not broadcast to ${Show<T>}`
        : `broadcastTo: shape ${Show<S>} has more axes than ${Show<T>}`
      : `broadcastTo: shape ${Show<S>} does not broadcast to ${Show<T>}`
    : never;
