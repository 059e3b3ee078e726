/**
 * Complex numbers of their parts, and the parts of complex numbers. What other operations are of complex numbers stands beside their own rules:
 * see `ComplexRule`.
 *
 * Derivatives are those of the parts: a tangent dz has the parts dx and dy, and cotangents pair with tangents as
 * Re(conj(ct) dz) = Re ct dx + Im ct dy. So a real loss has the gradient dL/dx + i dL/dy, as in PyTorch: the direction of steepest ascent.
 */
import { addDims } from "../core/dim.ts";
import {
  complexOf,
  complexPrimitive,
  type ComplexParams,
  imagPrimitive,
  isComplexTensor,
  partsOf,
  realPrimitive,
} from "../core/complex.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Broadcast, Broadcastable } from "../core/types/broadcast.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import * as e from "../kernel/expr.ts";
import { body } from "../kernel/kernel.ts";
import { copyStep, loop, outputView } from "../kernel/lowering.ts";
import type { View } from "../kernel/view.ts";
import { neg } from "./arithmetic.ts";
import { batchAlong, zeroPart } from "./broadcast.ts";
import { commonFloat, type Operand, toInexact, unify } from "./operand.ts";
import type { Rules } from "./primitive.ts";
import type { Unary } from "./signatures.ts";

/** The words of one part of complex numbers. */
function partView(v: View, part: 0 | 1): View {
  const strides = v.strides.slice(0, -1);
  return { ...v, shape: v.shape.slice(0, -1), strides, offset: part === 0 ? v.offset : addDims(v.offset, v.strides.at(-1)!) };
}

const complexRules: Rules<ComplexParams> = {
  jvp: ({ params: { of }, tangents }) => {
    const re = of === "im" ? undefined : tangents[0];
    const im = of === "re" ? undefined : tangents.at(-1);
    return [complexOf({ re, im })];
  },
  transpose: ({ params: { of }, cotangents: [ct] }) => {
    const { re, im } = partsOf(ct!);
    return of === "both" ? [re, im] : [of === "re" ? re : im];
  },
  batch: ({ params: { of }, inputs, batched, size }) => {
    const full = inputs.map((t, i) => (batched[i] ? t : batchAlong(t, size)));
    return [complexOf({ re: of === "im" ? undefined : full[0], im: of === "re" ? undefined : full.at(-1) })];
  },
  lower: ({ params: { of }, inputs, outputTypes: [type] }) => {
    const output = outputView(type!);
    const steps = ([0, 1] as const).map((part) => {
      const to = partView(output, part);
      const given = of === "both" ? inputs[part] : (of === "re") === (part === 0) ? inputs[0] : undefined;
      if (given) return copyStep(given, to);
      return loop({ shape: to.shape, body: body([], [e.constant(to.slot.storage, 0)]), reads: [], writes: [to] });
    });
    return { steps, outputs: [output] };
  },
};

const rulesOfPart = (part: "re" | "im"): Rules<object> => ({
  jvp: ({ tangents: [dz] }) => [partsOf(dz!)[part]],
  transpose: ({ cotangents: [ct] }) => [complexOf({ re: undefined, im: undefined, [part]: ct })],
  batch: ({ inputs }) => [part === "re" ? real(inputs[0]!) : imag(inputs[0]!)],
  lower: ({ inputs: [z] }) => ({ steps: [], outputs: [partView(z!, part === "re" ? 0 : 1)] }),
});

// The primitives are core's, because whatever is applied to a complex tensor asks for its parts; their rules need other primitives.
Object.assign(complexPrimitive, complexRules);
Object.assign(realPrimitive, rulesOfPart("re"));
Object.assign(imagPrimitive, rulesOfPart("im"));

/**
 * The complex numbers re + i im: complex64 of float32 parts, complex128 where one is float64. Integers and bools become float32. `complex(x)` of
 * numbers without imaginary part.
 */
export function complex<A extends Operand>(re: A): Tensor<ShapeOf<A>>;
export function complex<A extends Operand, B extends Operand>(re: A, im: Broadcastable<A, B>): Tensor<Broadcast<A, B>>;
export function complex(re: Operand, im?: Operand): Tensor {
  const given = im === undefined ? [re] : [re, im];
  const parts = unify("complex", given, commonFloat("complex", given));
  return complexOf({ re: parts[0], im: parts[1] });
}

/** The real part; a real tensor as it is. */
export const real: Unary = (z) => {
  const t = toInexact("real", z);
  return partsOf(t).re ?? zeroPart(t);
};
/** The imaginary part; zeros for a real tensor. */
export const imag: Unary = (z) => {
  const t = toInexact("imag", z);
  return partsOf(t).im ?? zeroPart(t);
};
/** The conjugate, re - i im; a real tensor as it is. */
export const conj: Unary = (z) => {
  const t = toInexact("conj", z);
  if (!isComplexTensor(t)) return t;
  const { re, im } = partsOf(t);
  return complexOf({ re, im: im && neg(im) });
};

/** What this file has rules for, for table.ts. */
export const primitives = [complexPrimitive, realPrimitive, imagPrimitive];
