/**
 * The shape that all elementwise primitives share: operands and result of one shape, one scalar expression a point.
 * A definition gives the expression and the derivative; typing, batching and lowering follow from being elementwise.
 */
import { type DType, dtypeInfo } from "../core/dtype.ts";
import type { Effect } from "../core/primitive.ts";
import { sameShape, showShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { type Body, body } from "../kernel/kernel.ts";
import { loop, outputView } from "../kernel/lowering.ts";
import { batchAlong } from "./broadcast.ts";
import { type ComplexRule, definePrimitive, type Maybe, type PrimitiveFunction, type Rules, type RuledPrimitive } from "./primitive.ts";

export interface Elementwise {
  readonly name: string;
  /** The dtypes of the operands that fit, or a sentence that says what would. */
  readonly accepts: (dtypes: readonly DType[]) => string | undefined;
  /** The dtype of each output (one, as the first operand's, when left out). */
  readonly results?: (dtypes: readonly DType[]) => readonly DType[];
  /** The values at a point, given the operands there and the dtypes wanted. */
  readonly value: (args: readonly e.Expr[], results: readonly DType[]) => readonly e.Expr[];
  readonly jvp?: Rules["jvp"];
  readonly transpose?: Rules["transpose"];
  readonly jet?: Rules["jet"];
  readonly effects?: readonly Effect[];
  readonly complex?: ComplexRule;
}

export const floats = (dtypes: readonly DType[]): string | undefined =>
  dtypes.every((d) => dtypeInfo(d).kind === "float" && d === dtypes[0]) ? undefined : "operands of one float dtype";
export const numbers = (dtypes: readonly DType[]): string | undefined =>
  dtypes.every((d) => d !== "bool" && d === dtypes[0]) ? undefined : "operands of one numeric dtype";
export const anySame = (dtypes: readonly DType[]): string | undefined =>
  dtypes.every((d) => d === dtypes[0]) ? undefined : "operands of one dtype";
export const bits = (dtypes: readonly DType[]): string | undefined =>
  dtypes.every((d) => dtypeInfo(d).kind !== "float" && d === dtypes[0]) ? undefined : "operands of one integer dtype, or bool";
export const integers = (dtypes: readonly DType[]): string | undefined =>
  dtypes.every((d) => dtypeInfo(d).kind === "int" && d === dtypes[0]) ? undefined : "operands of one integer dtype";

/** The element of a read as the lane type of its dtype: bools are stored as words. */
function readAs(slot: number, dtype: DType): e.Expr {
  return dtype === "bool" ? e.ne(e.read(slot, "u32"), e.constant("u32", 0)) : e.read(slot, dtypeInfo(dtype).compute);
}

export function defineElementwise<P extends object = object>(def: Elementwise): PrimitiveFunction<P> {
  const results = def.results ?? ((dtypes: readonly DType[]) => [dtypes[0]!]);
  const bodies = new Map<string, Body>();
  const bodyFor = (dtypes: readonly DType[], outputs: readonly DType[]): Body => {
    const key = `${dtypes.join()}>${outputs.join()}`;
    let found = bodies.get(key);
    if (!found) {
      const values = def.value(
        dtypes.map((d, i) => readAs(i, d)),
        outputs,
      );
      bodies.set(
        key,
        (found = body(
          dtypes.map((d) => dtypeInfo(d).storage),
          values,
        )),
      );
    }
    return found;
  };
  const primitive: RuledPrimitive<P> = {
    name: def.name,
    type: (inputs, params) => {
      const dtypes = inputs.map((t) => t.dtype);
      const wanted = def.accepts(dtypes);
      if (wanted) throw new Error(`${def.name}: needs ${wanted}, got ${inputs.map((t) => t.describe()).join(" and ")}`);
      const first = inputs[0]!;
      for (const t of inputs)
        if (!sameShape(t.shape, first.shape))
          throw new Error(
            `${def.name}: shapes ${showShape(first.shape)} and ${showShape(t.shape)} differ (${first.describe()}, ${t.describe()})`,
          );
      const own = "dtype" in params ? [params.dtype as DType] : results(dtypes);
      return own.map((dtype) => ({ shape: first.shape, dtype }));
    },
    batch: ({ params, inputs, batched, size }) => {
      const full = inputs.map((t, i) => (batched[i] ? t : batchAlong(t, size)));
      return results(inputs.map((t) => t.dtype)).length > 1 ? apply.many(full, params) : [apply(full, params)];
    },
    lower: ({ inputs, inputTypes, outputTypes }) => {
      const outputs = outputTypes.map(outputView);
      const b = bodyFor(
        inputTypes.map((t) => t.dtype),
        outputTypes.map((t) => t.dtype),
      );
      return { steps: [loop({ shape: outputTypes[0]!.shape, body: b, reads: inputs, writes: outputs })], outputs };
    },
    ...(def.jvp && { jvp: def.jvp }),
    ...(def.transpose && { transpose: def.transpose }),
    ...(def.jet && { jet: def.jet }),
    ...(def.effects && { effects: def.effects }),
    ...(def.complex && { complex: def.complex }),
  };
  const apply = definePrimitive<P>(primitive);
  return apply;
}

/** A jvp rule from partial derivatives: the sum of tangent times partial, over the operands that have a tangent. */
export const partials =
  (
    multiply: (tangent: Tensor, partial: Tensor) => Tensor,
    sum: (terms: readonly Tensor[]) => Tensor,
    ...rules: readonly ((inputs: readonly Tensor[], output: Tensor) => Tensor)[]
  ): Rules["jvp"] =>
  ({ inputs, tangents, outputs }) => {
    const terms: Tensor[] = [];
    tangents.forEach((t, i) => t && terms.push(multiply(t, rules[i]!(inputs, outputs[0]!))));
    return [sum(terms)];
  };

/** Piecewise constant functions: the derivative is structurally zero. */
export const noTangent: NonNullable<Rules["jvp"]> = ({ outputs }): readonly Maybe[] => outputs.map(() => undefined);
