/** Reshaping in types: the number of elements stays, where it is known. */
import type { Product } from "./arithmetic.ts";
import type { DimType, Pair, ShapeType, Unranked } from "./shape.ts";
import type { Show } from "./show.ts";

/** S in one axis. */
export type Flatten<S extends ShapeType> = true extends Unranked<S> ? [any] : S extends readonly [infer D] ? [D] : [Product<S>];

/** S, or without an axis, S in one axis: what accumulates along an axis, or along all elements. */
export type Cumulative<S extends ShapeType, Ax> = [Ax] extends [undefined] ? Flatten<S> : undefined extends Ax ? any : S;

/**
 * S with the new shape T, where one entry may be -1, or a sentence. Equal dimensions at both ends cancel; what is left is
 * multiplied out.
 */
export type Reshape<S extends ShapeType, T extends ShapeType> =
  true extends Unranked<T>
    ? any
    : true extends Unranked<S> | HasUnknown<S> | HasUnknown<T>
      ? Fill<T, any>
      : Cancel<S, T> extends [infer A extends ShapeType, infer B extends ShapeType]
        ? WithoutOnes<B> extends readonly [-1]
          ? Fill<T, Product<A>>
          : -1 extends B[number]
            ? Fill<T, any>
            : Counted<S, T, Product<A>, Product<B>>
        : any;

type WithoutOnes<S extends ShapeType> = S extends readonly [infer First extends DimType, ...infer Rest extends ShapeType]
  ? [...([First] extends [1] ? [] : [First]), ...WithoutOnes<Rest>]
  : [];

/** True if a dimension is any: it might equal every other, so that nothing may be cancelled. */
type HasUnknown<S extends ShapeType> = number extends S[number] ? true : false;

/** What is left of two shapes without their equal leading dimensions, then without their equal last ones. */
type Cancel<S extends ShapeType, T extends ShapeType> = S extends readonly [infer A, ...infer RestS extends ShapeType]
  ? T extends readonly [infer B, ...infer RestT extends ShapeType]
    ? Pair<A, B> extends Pair<B, A>
      ? Cancel<RestS, RestT>
      : CancelLast<S, T>
    : [S, T]
  : [S, T];
type CancelLast<S extends ShapeType, T extends ShapeType> = S extends readonly [...infer RestS extends ShapeType, infer A]
  ? T extends readonly [...infer RestT extends ShapeType, infer B]
    ? Pair<A, B> extends Pair<B, A>
      ? CancelLast<RestS, RestT>
      : [S, T]
    : [S, T]
  : [S, T];

type Counted<S, T extends ShapeType, P, Q> = number extends P | Q
  ? Fill<T, any>
  : Pair<P, Q> extends Pair<Q, P>
    ? Fill<T, any>
    : `reshape: ${Show<S>} has ${P & DimType} elements, ${Show<T>} has ${Q & DimType}`;

/** T with D for -1. */
type Fill<T extends ShapeType, D> = { -readonly [I in keyof T]: T[I] extends -1 ? D : T[I] };
