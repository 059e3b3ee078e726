/**
 * Shapes as types: what every rule beside this file is made of. A dimension is a size (2), a name ("n"), or unknown
 * (any: a size of type `number` would not fit where 2 is asked for, and what is not known must not be an error).
 * A rule gives the shape of a result, or a sentence; the sentence becomes the type of the parameter that does not fit.
 *
 * Unknowns stand right of `extends` throughout: on the left, `any` would take both branches.
 */
import type { Complex } from "../data.ts";
import type { SymbolicDim } from "../dim.ts";
import type { shapeOf, Tensor } from "../tensor.ts";

export type DimType = number | string;
export type ShapeType = readonly DimType[];

/** The shape of a tensor, or of each of a union of tensors; numbers and booleans are scalars. */
export type ShapeOf<T> = T extends Tensor ? T[typeof shapeOf] : [];

/** The parameter type T, unless R, what the arguments would give, is a sentence. Must stay non-distributive. */
export type Fit<R, T> = 0 extends 1 & R ? T : [R] extends [string] ? NoInfer<R> : T;

/** The shape of a result. After a mistake any, so that each is reported once. */
export type Result<R> = R extends readonly unknown[] ? R : any;

/** Whether the number of axes is not known: true of any and of arrays. */
export type Unranked<S extends ShapeType> = number extends S["length"] ? true : false;

/** Pair<A, B> extends Pair<B, A> when A and B are the same. Unlike a tuple, an object type settles it for type parameters too. */
export interface Pair<out A, out B> {
  first: A;
  second: B;
}

/** What two dimensions that must be equal have in common; never, if they are known to differ. */
export type SameDim<P, Q> =
  Pair<P, Q> extends Pair<Q, P> ? P & Q : number extends P ? Q : number extends Q ? P : [P] extends [Q] ? P : [Q] extends [P] ? Q : never;

/** False if two shapes are known to differ. */
export type Agree<A extends ShapeType, B extends ShapeType> = true extends Unranked<A> | Unranked<B>
  ? true
  : A["length"] extends B["length"]
    ? [A, B] extends [readonly [infer P, ...infer RestA extends ShapeType], readonly [infer Q, ...infer RestB extends ShapeType]]
      ? [SameDim<P, Q>] extends [never]
        ? false
        : Agree<RestA, RestB>
      : true
    : false;

/** A list of N things, where N is known and not above 64. */
export type ListOf<T, N extends number, L extends T[] = []> = number extends N
  ? T[]
  : L["length"] extends N
    ? L
    : L["length"] extends 64
      ? T[]
      : ListOf<T, N, [...L, T]>;

/** A list of dimensions, as a shape: [SymbolicDim<"n">, 2] is ["n", 2]. */
export type DimsOf<L extends readonly unknown[]> = number extends L["length"] ? any : { -readonly [I in keyof L]: DimOf<L[I]> };
type DimOf<D> = number extends D ? any : D extends SymbolicDim<infer N> ? (string extends N ? any : N) : D;

/** The shape of nested arrays, by their first elements, up to 8 deep; ragged ones are left to run time. */
export type NestedShape<T, Depth extends 0[] = []> = 0 extends 1 & T
  ? any
  : [T] extends [number | boolean | Complex]
    ? []
    : [T] extends [readonly []]
      ? [0]
      : [T] extends [readonly unknown[]]
        ? Depth["length"] extends 8
          ? any
          : Prepend<number extends T["length"] ? any : T["length"], NestedShape<T[0], [...Depth, 0]>>
        : [T] extends [ArrayLike<number>]
          ? [any]
          : any;

/** The shape of data given with a shape S, or if that is undefined, without. */
export type DataShape<T, S> = [S] extends [undefined] ? NestedShape<T> : [S] extends [readonly unknown[]] ? DimsOf<S> : any;

type Prepend<D, S> = 0 extends 1 & S ? any : S extends readonly unknown[] ? [D, ...S] : never;
