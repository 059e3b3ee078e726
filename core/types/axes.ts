/** Axes in types: reductions, transposition, and axes put in or taken out. Axes may count from the end; above rank 5 they are checked at run time. */
import type { Agree, DimType, Fit, Result, ShapeType, Unranked } from "./shape.ts";
import type { Show } from "./show.ts";

type AxesByRank = [
  never,
  0 | -1,
  0 | 1 | -1 | -2,
  0 | 1 | 2 | -1 | -2 | -3,
  0 | 1 | 2 | 3 | -1 | -2 | -3 | -4,
  0 | 1 | 2 | 3 | 4 | -1 | -2 | -3 | -4 | -5,
];

/** The axes of a shape: of [2, 3] they are 0, 1, -1 and -2. */
export type AxisOf<S extends ShapeType> =
  true extends Unranked<S> ? number : S["length"] extends keyof AxesByRank ? AxesByRank[S["length"]] : number;

/** One axis, or several. */
export type Axes = number | readonly number[];
type Each<Ax> = Ax extends readonly number[] ? Ax[number] : Ax;

/** The type of an axis argument: Ax, or a sentence. A number that is no literal is left to run time. */
export type InRange<S extends ShapeType, Ax, Op extends string> =
  number extends Each<Ax>
    ? Ax
    : [Each<Ax>] extends [AxisOf<S> | undefined]
      ? Ax
      : `${Op}: axis ${Exclude<Each<Ax>, AxisOf<S>> & number} is out of range for shape ${Show<S>}`;

/** S with each dimension that Ax names replaced by Put: [] drops it, [1] keeps its axis. */
export type Splice<S extends ShapeType, Ax, Put extends ShapeType> =
  true extends Unranked<S> ? any : number extends Each<Ax> ? any : SpliceAt<S, `${Each<Ax> & number}`, Put>;

/** Goes through S with its index, as text, for Ax is text too: I counts from the front, the rest of S from the end. */
type SpliceAt<S extends ShapeType, Ax extends string, Put extends ShapeType, I extends 0[] = []> = S extends readonly [
  infer First extends DimType,
  ...infer Rest extends ShapeType,
]
  ? [...([Extract<Ax, `${I["length"]}` | `-${S["length"]}`>] extends [never] ? [First] : Put), ...SpliceAt<Rest, Ax, Put, [...I, 0]>]
  : [];

/** The shape of a reduction over Ax, or over all axes if it is undefined; kept axes have size 1. */
export type Reduce<S extends ShapeType, Ax, Keep> = boolean extends Keep
  ? any
  : number extends Each<Ax>
    ? any
    : [Ax] extends [undefined]
      ? Keep extends true
        ? Ones<S>
        : []
      : undefined extends Ax
        ? any
        : Splice<S, Ax, Keep extends true ? [1] : []>;

type Ones<S extends ShapeType> = true extends Unranked<S> ? any : { -readonly [I in keyof S]: 1 };

/** The axes in the argument of a reduction: it is them, or an object that has them. Optional members are not known. */
export type AxisIn<G> = [G] extends [Axes | undefined] ? G : [Extract<G, Axes>] extends [never] ? Member<G, "axis", undefined> : number;

/** Whether that argument keeps the axes. */
type KeepIn<G> = [G] extends [Axes | undefined] ? false : [Extract<G, Axes>] extends [never] ? Kept<Member<G, "keepdims", false>> : boolean;
type Kept<K> = [K] extends [true] ? true : [K] extends [false | undefined] ? false : boolean;

type Member<G, K extends string, Default> = K extends keyof G ? G[K] : Default;

/** The type of a reduction's argument G over axes of S: G, or a sentence. */
export type Reducing<S extends ShapeType, G, Op extends string> = Fit<InRange<S, AxisIn<G>, Op>, G>;

/** The shape of the result; any after a mistake. */
export type Reduced<S extends ShapeType, G> = [InRange<S, AxisIn<G>, "">] extends [string] ? any : Result<Reduce<S, AxisIn<G>, KeepIn<G>>>;

/** S with a new axis of size D, which is axis Ax of the result; several at once are left to run time. */
export type Insert<S extends ShapeType, Ax, D extends DimType> =
  true extends Unranked<S>
    ? any
    : number extends Each<Ax>
      ? any
      : [Ax] extends [AxisOf<[...S, D]>]
        ? InsertAt<S, `${Ax & number}`, D>
        : any;

type InsertAt<S extends ShapeType, Ax extends string, D extends DimType, I extends 0[] = []> = Ax extends
  | `${I["length"]}`
  | `-${[...S, D]["length"]}`
  ? [D, ...S]
  : S extends readonly [infer First extends DimType, ...infer Rest extends ShapeType]
    ? [First, ...InsertAt<Rest, Ax, D, [...I, 0]>]
    : any;

/** The type of the argument that says where a new axis of S goes: Ax, or a sentence. */
export type InRangeOfNew<S extends ShapeType, Ax, Op extends string> =
  true extends Unranked<S>
    ? Ax
    : number extends Each<Ax>
      ? Ax
      : [Each<Ax>] extends [AxisOf<[...S, 1]>]
        ? Ax
        : Ax extends readonly number[]
          ? Ax
          : `${Op}: axis ${Ax & number} is out of range for shape ${Show<S>} with one axis more`;

/** The transpose of S without further words: its axes back to front. */
export type Reverse<S extends ShapeType> =
  true extends Unranked<S>
    ? any
    : S extends readonly [infer First extends DimType, ...infer Rest extends ShapeType]
      ? [...Reverse<Rest>, First]
      : [];

/** The transpose of S, where axis i of the result is axis P[i] of S, or a sentence. Axes given twice are left to run time. */
export type Permute<S extends ShapeType, P extends readonly number[]> = number extends S["length"] | P["length"] | P[number]
  ? any
  : P["length"] extends S["length"]
    ? [P[number]] extends [AxisOf<S>]
      ? { -readonly [I in keyof P]: At<S, P[I]> }
      : `transpose: axis ${Exclude<P[number], AxisOf<S>>} is out of range for shape ${Show<S>}`
    : `transpose: ${P["length"]} axes given for shape ${Show<S>}`;

/** As Permute, and without an order, Reverse. */
export type Transposed<S extends ShapeType, P> = [P] extends [undefined]
  ? Reverse<S>
  : [P] extends [readonly number[]]
    ? Permute<S, P>
    : any;

/** The dimension of S at an axis. */
export type At<S extends ShapeType, Ax> = `${Ax & number}` extends `-${infer K extends number}` ? FromEnd<S, K> : S[Ax & number];
type FromEnd<S extends ShapeType, K extends number, I extends 0[] = [0]> = S extends readonly [...infer Rest extends ShapeType, infer Last]
  ? I["length"] extends K
    ? Last
    : FromEnd<Rest, K, [...I, 0]>
  : never;

/** S without its axes of size 1, where they are known, or without those in Ax, which must have size 1. */
export type Squeeze<S extends ShapeType, Ax> =
  number extends Each<Ax> ? any : [Ax] extends [undefined] ? SqueezeAll<S> : undefined extends Ax ? any : SqueezeAt<S, Ax>;

/** A size that is not known may be 1, and then its axis goes: the rank is not known either. */
type SqueezeAll<S extends ShapeType, Done extends ShapeType = []> =
  true extends Unranked<S>
    ? any
    : S extends readonly [infer First extends DimType, ...infer Rest extends ShapeType]
      ? number extends First
        ? any
        : SqueezeAll<Rest, First extends 1 ? Done : [...Done, First]>
      : Done;

type SqueezeAt<S extends ShapeType, Ax> =
  true extends Unranked<S>
    ? any
    : number extends Each<Ax>
      ? any
      : Agree<Splice<S, Ax, [1]>, S> extends true
        ? Splice<S, Ax, []>
        : `squeeze: ${Ax extends readonly number[] ? `axes ${Show<Ax>}` : `axis ${Ax & number}`} of shape ${Show<S>} must have size 1`;
