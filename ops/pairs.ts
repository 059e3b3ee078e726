/**
 * Functions of complex numbers that are one kernel: elementwise primitives of parts, with two outputs. Their derivatives are written as those of
 * complex numbers, and are mostly the very formulas of the real functions.
 */
import { complexOf, isComplexTensor, partsOf } from "../core/complex.ts";
import type { DType } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Expr } from "../kernel/expr.ts";
import type { Pair } from "../kernel/math/complex.ts";
import { zeroPart } from "./broadcast.ts";
import { defineElementwise, floats } from "./elementwise.ts";
import type { Maybe, PrimitiveFunction, TransposeCall } from "./primitive.ts";

export interface PairDefinition {
  readonly name: string;
  /** The dtypes of the operands: complex ones ("z") come as two parts, real ones ("x") as one. */
  readonly operands: string;
  /** The parts of the result, from those of the operands, one after the other. */
  readonly value: (parts: readonly Expr[]) => Pair;
  /** The tangent of the result w, from the tangents of the operands. At least one is there. */
  readonly push: (tangents: readonly Maybe[], operands: readonly Tensor[], w: Tensor) => Tensor;
  /** Where it is linear in the first operand: the cotangent of that. */
  readonly transpose?: (ct: Tensor, operands: readonly Tensor[]) => Tensor;
}

/** A function of tensors of one shape, which are complex or real as `operands` says. The result is complex. */
export interface PairFunction {
  (...operands: readonly Tensor[]): Tensor;
  readonly primitive: PrimitiveFunction<object>["primitive"];
}

/** Both parts of a complex number, and the one of a real one. */
export function definePair({ name, operands, value, push, transpose }: PairDefinition): PairFunction {
  const kinds = [...operands];
  /** Parts one after the other, as operands. */
  const joined = <T extends Maybe>(parts: readonly T[]): T[] => {
    let at = 0;
    return kinds.map((kind) => {
      const [re, im] = kind === "z" ? [parts[at++], parts[at++]] : [parts[at++], undefined];
      return (kind === "z" && (re ?? im) ? complexOf({ re, im }) : re) as T;
    });
  };
  const primitive: PrimitiveFunction<object> = defineElementwise({
    name,
    accepts: floats,
    results: ([d]): readonly DType[] => [d!, d!],
    value: (parts) => {
      const { re, im } = value(parts);
      return [re, im];
    },
    jvp: ({ inputs, tangents, outputs: [re, im] }) => {
      const dw = partsOf(push(joined(tangents), joined(inputs), complexOf({ re, im })));
      return [dw.re, dw.im];
    },
    ...(transpose && {
      transpose: ({ inputs, linear, cotangents: [re, im] }: TransposeCall<object>) => {
        if (linear.slice(2).some((l) => l)) throw new Error(`${name}: is linear in its first operand only`);
        const parts = partsOf(transpose(complexOf({ re, im }), joined(inputs)));
        return inputs.map((_, i) => (linear[i] ? [parts.re, parts.im][i] : undefined));
      },
    }),
  });
  const apply = (...given: readonly Tensor[]): Tensor => {
    const parts = given.flatMap((t, i) => {
      const { re = zeroPart(t), im = zeroPart(t) } = partsOf(t);
      return kinds[i] === "z" || isComplexTensor(t) ? [re, im] : [re];
    });
    const [re, im] = primitive.many(parts, {});
    return complexOf({ re, im });
  };
  return Object.assign(apply, { primitive: primitive.primitive });
}
