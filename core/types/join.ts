/** Stacking and concatenation in types. Of a list whose length is not known, the size of the joined axis is not known. */
import type { Sum } from "./arithmetic.ts";
import type { At, Insert, Splice } from "./axes.ts";
import type { Agree, ShapeOf, ShapeType } from "./shape.ts";
import type { Show } from "./show.ts";

/** The shape of equal shapes stacked along a new axis Ax of the result, or a sentence. */
export type Stack<L extends readonly unknown[], Ax> = L extends readonly [infer First, ...infer Rest]
  ? Alike<ShapeOf<First>, Rest> extends string
    ? Alike<ShapeOf<First>, Rest>
    : Insert<ShapeOf<First>, Ax, L["length"]>
  : L extends readonly []
    ? "stack: needs at least one tensor"
    : Insert<ShapeOf<L[number]>, Ax, any>;

type Alike<S extends ShapeType, L> = L extends readonly [infer First, ...infer Rest]
  ? Agree<S, ShapeOf<First>> extends true
    ? Alike<S, Rest>
    : `stack: shapes ${Show<S>} and ${Show<ShapeOf<First>>} differ`
  : true;

/** The shape of tensors joined along their axis Ax, or a sentence: their other dimensions must be equal. */
export type Concatenate<L extends readonly unknown[], Ax> = L extends readonly [infer First, ...infer Rest]
  ? Join<ShapeOf<First>, Rest, Ax>
  : L extends readonly []
    ? "concatenate: needs at least one tensor"
    : Splice<ShapeOf<L[number]>, Ax, [any]>;

type Join<S extends ShapeType, L, Ax> = L extends readonly [infer First, ...infer Rest]
  ? number extends Ax | S["length"] | ShapeOf<First>["length"]
    ? any
    : Agree<Splice<S, Ax, [1]>, Splice<ShapeOf<First>, Ax, [1]>> extends true
      ? Join<Splice<S, Ax, [Sum<At<S, Ax>, At<ShapeOf<First>, Ax>>]>, Rest, Ax>
      : `concatenate: shapes ${Show<S>} and ${Show<ShapeOf<First>>} differ beside axis ${Ax & number}`
  : S;
