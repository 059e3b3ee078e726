/** Identities with a meaning for derivatives: an end of their flow, and a place to differentiate by. */
import { type Operand, toTensor } from "./operand.ts";
import { definePrimitive, type RuledPrimitive } from "./primitive.ts";
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

/** What this file defines, for table.ts. */
export const primitives = [stopPrimitive.primitive, probePrimitive.primitive];
