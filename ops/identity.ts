/** Identities with a meaning for derivatives: an end of their flow, and a place to differentiate by. */
import { isFloat } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import { type Operand, toTensor } from "./operand.ts";
import { definePrimitive, type PrimitiveFunction, type RuledPrimitive } from "./primitive.ts";
import type { Unary } from "./signatures.ts";

const identity = {
  type: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  lower: ({ inputs }) => ({ steps: [], outputs: [inputs[0]!] }),
} satisfies Partial<RuledPrimitive<object>>;

const stopPrimitive = definePrimitive<object>({
  ...identity,
  name: "stopGradient",
  complex: "parts",
  jvp: () => [undefined],
  batch: ({ inputs }) => [stopGradient(inputs[0]!)],
});

/** x, as a constant for derivatives: nothing flows through. */
export const stopGradient: Unary = (x: Operand) => stopPrimitive([toTensor("stopGradient", x)], {});

const probePrimitive = definePrimitive<object>({
  ...identity,
  name: "probe",
  complex: "whole",
  unique: true,
  jvp: ({ tangents }) => [tangents[0]],
  transpose: ({ cotangents }) => [cotangents[0]],
  batch: ({ inputs }) => [inputs[0]!],
});

/**
 * x as a node of its own, never merged with an equal one: an intermediate to differentiate by. `grad(loss, p)` is the
 * gradient by this use of x; what is built on x itself does not count.
 */
export const probe: Unary = (x: Operand) => probePrimitive([toTensor("probe", x)], {});

/** What `separable` puts around a term: reverse mode treats it by name (ad/pullback.ts). Elsewhere it is the identity. */
export const separablePrimitive: PrimitiveFunction<object> = definePrimitive<object>({
  ...identity,
  name: "separable",
  jvp: ({ tangents }) => [separablePrimitive([tangents[0]!], {})],
  transpose: ({ cotangents }) => [cotangents[0]],
  // Each example has a seed of its own: there is no one number to scale by at the end.
  batch: ({ inputs }) => [inputs[0]!],
});

/**
 * A term of a loss, one float number, whose gradient reverse mode builds with a seed of 1 and scales at the end, by what the term counts in the
 * loss. When a weight or an outer function changes, or another term under it, then nothing of this term's adjoint pass does.
 *
 *     loss = sqrt(sum(stack(tiles.map((tile) => separable(tile)))))   // one tile changes: only its own adjoints are computed again
 *
 * Terms that count alike share one adjoint pass; each other one costs a pass of its own, so that all parameters that terms share are reached as
 * often. The seed is 1 however small or large the loss makes it: gradients of the bare term must fit its dtype. Under vmap the seed comes
 * first, as without it.
 */
export function separable(term: Operand): Tensor<[]> {
  const t = toTensor("separable", term);
  if (t.rank !== 0 || !isFloat(t.dtype))
    throw new Error(`separable: a term is one float number, got ${t.describe()}. Reduce it with sum or mean, and mark the result`);
  return separablePrimitive([t], {}) as Tensor<[]>;
}

/** What this file defines, for table.ts. */
export const primitives = [stopPrimitive.primitive, probePrimitive.primitive, separablePrimitive.primitive];
