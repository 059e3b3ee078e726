/**
 * Primitives over the real and the complex numbers, with rules written once: rules see numbers, and adjoints where a map is transposed. To the graph
 * such a primitive is two, both of real tensors: over the complex numbers the real and the imaginary parts of each operand and output follow each other.
 */
import { complexOf, isComplexTensor, partsOf } from "../core/complex.ts";
import { complexDType, isComplex, isFloat, partDType } from "../core/dtype.ts";
import type { Aval } from "../core/primitive.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Routines } from "../kernel/field.ts";
import type { LowerCall, Lowered } from "../kernel/lowering.ts";
import { batchAlong } from "./broadcast.ts";
import { imag, real } from "./complex.ts";
import {
  type BatchCall,
  definePrimitive,
  type Diagnosis,
  type JvpCall,
  type Maybe,
  type PrimitiveFunction,
  type RuledPrimitive,
  type TransposeCall,
} from "./primitive.ts";

/** Over which numbers. */
export type FieldName = keyof Routines;

export interface FieldRules<P extends object> {
  readonly name: string;
  readonly type: (inputs: readonly Aval[], params: P) => readonly Aval[];
  readonly jvp: (call: JvpCall<P>) => readonly Maybe[];
  readonly transpose?: (call: TransposeCall<P>) => readonly Maybe[];
  readonly batch: (call: BatchCall<P>) => readonly Tensor[];
  /** By outputs as parts. */
  readonly diagnosis?: (field: FieldName) => Diagnosis<P>;
  /** Of parts. `types` are those of the numbers. */
  readonly lower: (
    call: LowerCall<P>,
    field: FieldName,
    types: { readonly inputs: readonly Aval[]; readonly outputs: readonly Aval[] },
  ) => Lowered;
}

export interface FieldFunction<P extends object> extends PrimitiveFunction<P> {
  /** For table.ts. */
  readonly primitives: readonly RuledPrimitive[];
}

/** For each number the places of its parts, or of itself. */
type Places = readonly (readonly number[])[];
function placesOf(pairs: readonly boolean[]): Places {
  let next = 0;
  return pairs.map((pair) => (pair ? [next++, next++] : [next++]));
}
/** Of operands as the graph has them: positions, in int32, have no parts. */
function operandsOf(inputs: readonly Aval[], field: FieldName): Places {
  const pairs: boolean[] = [];
  for (let i = 0; i < inputs.length; i++) {
    const pair = field === "complex" && isFloat(inputs[i]!.dtype);
    pairs.push(pair);
    if (pair) i++;
  }
  return placesOf(pairs);
}
const outputsOf = (types: readonly Aval[]): Places => placesOf(types.map((t) => isComplex(t.dtype)));

const numbers = (places: Places, all: readonly Maybe[]): Maybe[] =>
  places.map(([first, second]) => {
    const [re, im] = [all[first!], second === undefined ? undefined : all[second]];
    return second === undefined || (!re && !im) ? re : complexOf({ re, im });
  });
const parts = (places: Places, all: readonly Maybe[]): Maybe[] =>
  places.flatMap((place, i) => {
    const t = all[i];
    if (place.length === 1) return [t];
    const { re, im } = t ? partsOf(t) : { re: t, im: t };
    return [re, im];
  });
const bothParts = (t: Tensor): Tensor[] => [real(t), imag(t)];

const typesOf = (places: Places, inputs: readonly Aval[]): Aval[] =>
  places.map(([first, second]) => {
    const { shape, dtype } = inputs[first!]!;
    return { shape, dtype: second === undefined ? dtype : complexDType(dtype) };
  });

function variant<P extends object>(rules: FieldRules<P>, field: FieldName): PrimitiveFunction<P> {
  const { name, type, jvp, transpose, batch, lower, diagnosis } = rules;
  /** How the graph's operands and outputs make numbers. */
  const meaning = (
    inputs: readonly Aval[],
    params: P,
  ): { operands: Places; outputs: Places; inputTypes: Aval[]; outputTypes: readonly Aval[] } => {
    const operands = operandsOf(inputs, field);
    const inputTypes = typesOf(operands, inputs);
    const outputTypes = type(inputTypes, params);
    return { operands, outputs: outputsOf(outputTypes), inputTypes, outputTypes };
  };
  return definePrimitive<P>({
    name: field === "complex" ? `complex ${name}` : name,
    type: (inputs, params) => {
      floatsAlike(name, inputs);
      return meaning(inputs, params).outputTypes.flatMap(({ shape, dtype }) => {
        const part = { shape, dtype: partDType(dtype) };
        return isComplex(dtype) ? [part, part] : [part];
      });
    },
    jvp: (call) => {
      const { operands, outputs } = meaning(call.inputs, call.params);
      const tangents = jvp({
        ...call,
        inputs: numbers(operands, call.inputs) as Tensor[],
        tangents: numbers(operands, call.tangents),
        outputs: numbers(outputs, call.outputs) as Tensor[],
      });
      return parts(outputs, tangents);
    },
    ...(transpose && {
      transpose: (call: TransposeCall<P>) => {
        const { operands, outputs } = meaning(call.inputs, call.params);
        const cotangents = transpose({
          ...call,
          inputs: numbers(operands, call.inputs) as Tensor[],
          linear: operands.map((place) => place.some((i) => call.linear[i])),
          cotangents: numbers(outputs, call.cotangents),
        });
        return parts(operands, cotangents);
      },
    }),
    batch: (call) => {
      const { params, inputs, batched, size } = call;
      const { operands } = meaning(
        inputs.map((t, i) => ({ shape: batched[i] ? t.shape.slice(1) : t.shape, dtype: t.dtype })),
        params,
      );
      const either = operands.map((place) => place.some((i) => batched[i]));
      const all = [...inputs];
      operands.forEach((place, k) => place.forEach((i) => either[k] && !batched[i] && (all[i] = batchAlong(all[i]!, size))));
      const results = batch({ ...call, inputs: numbers(operands, all) as Tensor[], batched: either });
      return results.flatMap((t) => (isComplexTensor(t) ? bothParts(t) : [t]));
    },
    ...(diagnosis && { diagnosis: diagnosis(field) }),
    lower: (call) => {
      const { inputTypes, outputTypes } = meaning(call.inputTypes, call.params);
      return lower(call, field, { inputs: inputTypes, outputs: outputTypes });
    },
  });
}

/** Declares a primitive over both fields, and gives the function that applies it: over the complex numbers where an operand is complex. */
export function defineOverFields<P extends object>(rules: FieldRules<P>): FieldFunction<P> {
  const fields = { real: variant(rules, "real"), complex: variant(rules, "complex") };
  const many = (inputs: readonly Tensor[], params: P): Tensor[] => {
    const complex = inputs.some(isComplexTensor);
    const given = complex ? inputs.flatMap((t) => (t.dtype === "int32" ? [t] : bothParts(t))) : inputs;
    const types = rules.type(
      inputs.map(({ shape, dtype }) => ({ shape, dtype: complex && dtype !== "int32" ? complexDType(dtype) : dtype })),
      params,
    );
    return numbers(outputsOf(types), fields[complex ? "complex" : "real"].many(given, params)) as Tensor[];
  };
  return Object.assign((inputs: readonly Tensor[], params: P) => many(inputs, params)[0]!, {
    many,
    primitive: fields.real.primitive,
    primitives: [fields.real.primitive, fields.complex.primitive],
  });
}

/** Throws unless the operands have one float dtype; positions, in int32, aside. */
export function floatsAlike(op: string, inputs: readonly Tensor[]): void {
  const floats = inputs.filter((t) => t.dtype !== "int32");
  const dtype = floats[0]!.dtype;
  if (!isFloat(dtype) || floats.some((t) => t.dtype !== dtype))
    throw new Error(`${op}: needs operands of one float dtype, got ${floats.map((t) => t.describe()).join(" and ")}`);
}
