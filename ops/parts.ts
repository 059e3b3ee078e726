/** The rules of `complex`, `real` and `imag`, which core/complex.ts defines. Those for batches stand in broadcast.ts. */
import { complexOf, type ComplexParams, partsOf } from "../core/complex.ts";
import { addDims } from "../core/dim.ts";
import * as e from "../kernel/expr.ts";
import { body } from "../kernel/kernel.ts";
import { copyStep, loop, outputView } from "../kernel/lowering.ts";
import type { View } from "../kernel/view.ts";
import type { Rules } from "./primitive.ts";

/** The words of one part of complex numbers. */
function partView(v: View, part: 0 | 1): View {
  const strides = v.strides.slice(0, -1);
  return { ...v, shape: v.shape.slice(0, -1), strides, offset: part === 0 ? v.offset : addDims(v.offset, v.strides.at(-1)!) };
}

export const complexRules: Rules<ComplexParams> = {
  jvp: ({ params: { of }, tangents }) => {
    const re = of === "im" ? undefined : tangents[0];
    const im = of === "re" ? undefined : tangents.at(-1);
    return [complexOf({ re, im })];
  },
  transpose: ({ params: { of }, cotangents: [ct] }) => {
    const { re, im } = partsOf(ct!);
    return of === "both" ? [re, im] : [of === "re" ? re : im];
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
  lower: ({ inputs: [z] }) => ({ steps: [], outputs: [partView(z!, part === "re" ? 0 : 1)] }),
});
export const realRules = rulesOfPart("re");
export const imagRules = rulesOfPart("im");
