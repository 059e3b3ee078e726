/**
 * What a primitive is to the graph: a name and a typing rule. Its derivative, batching and lowering rules belong
 * to `ops` (see ops/primitive.ts), which knows the kernel language; the graph itself runs nothing.
 */
import type { DType } from "./dtype.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** The type of one output: shape and dtype. */
export interface Aval {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What the value of a node depends on beyond constants and variables: numbers drawn from a key, registers that a clock advances. */
export type Effect = "random" | "state";

export interface Primitive<P extends object = any> {
  readonly name: string;
  /** The types of the outputs. Throws, in the caller's frame, when the operands do not fit. */
  readonly type: (inputs: readonly Tensor[], params: P) => Aval | readonly Aval[];
  /** A tensor that the node would only repeat, if there is one: `real(complex(a, b))` is a. Asked whenever the primitive is applied. */
  readonly simplify?: (inputs: readonly Tensor[], params: P) => Tensor | undefined;
  /** Nodes with identity (sources, probes, placeholders): equal ones are never merged. */
  readonly unique?: boolean;
  /** None when left out. Transforms keep them: derivatives draw nothing anew, and read the states of their own epoch. */
  readonly effects?: readonly Effect[];
}
