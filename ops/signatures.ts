/** The types of whole families of functions, in one place: shapes in types are given here once for all of them. */
import type { Tensor } from "../core/tensor.ts";
import type { InRange, Reduced, Reducing } from "../core/types/axes.ts";
import type { Broadcast, Broadcastable } from "../core/types/broadcast.ts";
import type { Cumulative } from "../core/types/reshape.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import type { Operand } from "./operand.ts";

/** An elementwise function of one operand. */
export interface Unary {
  <A extends Operand>(x: A): Tensor<ShapeOf<A>>;
}

/** An elementwise function of two operands, broadcast by NumPy's rules. */
export interface Binary {
  <A extends Operand, B extends Operand>(a: A, b: Broadcastable<A, B>): Tensor<Broadcast<A, B>>;
}

/** An elementwise function of three operands, broadcast by NumPy's rules. */
export interface Ternary {
  <A extends Operand, B extends Operand, C extends Operand>(
    a: A,
    b: Broadcastable<A, B>,
    c: Broadcastable<Tensor<Broadcast<A, B>>, C>,
  ): Tensor<Broadcast<Tensor<Broadcast<A, B>>, C>>;
}

/** A function that reduces all axes, or those given as its argument or in it. Op names it in messages. */
export interface Reducer<Op extends string, Argument> {
  <A extends Operand>(x: A): Tensor<[]>;
  <A extends Operand, const G extends Argument | undefined>(x: A, argument: Reducing<ShapeOf<A>, G, Op>): Tensor<Reduced<ShapeOf<A>, G>>;
}

/** A function that accumulates along an axis, or along x flattened. Op names it in messages. */
export interface Accumulator<Op extends string> {
  <A extends Operand, const Ax extends number | undefined = undefined>(
    x: A,
    axis?: InRange<ShapeOf<A>, Ax, Op>,
  ): Tensor<Cumulative<ShapeOf<A>, Ax>>;
}
