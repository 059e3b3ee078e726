/**
 * The file format of scripts/oracle.ts: reference cases, one JSON object a line, as Python writes them. NaN and infinities may be bare words or
 * text; complex numbers are pairs [real, imaginary], as elements of data and as arguments.
 */
import type { DType } from "../core/dtype.ts";
import { constant } from "../core/leaves.ts";
import type { Tensor } from "../core/tensor.ts";
import { evaluate, failed } from "../test/oracle/evaluate.ts";
import { type Options, Unsupported } from "./oracle-kinds.ts";

export interface Numbers {
  readonly data: readonly unknown[];
  readonly shape: readonly number[];
  readonly dtype: string;
}
export type Named = Readonly<Record<string, Numbers>>;
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}
export interface Case {
  readonly case_id: string;
  readonly op: string;
  /** What PyTorch does with the case: "success", or an error. */
  readonly expected_behavior?: string;
  readonly op_args?: readonly unknown[] | null;
  readonly op_kwargs?: Options | null;
  readonly inputs: Named;
  readonly observable: { readonly kind: string };
  readonly probes: readonly {
    readonly direction: Named;
    readonly cotangent: Named;
    readonly pytorch_ref: { readonly jvp: Named; readonly vjp: Named; readonly hvp?: Named | null };
  }[];
  readonly comparison: { readonly first_order: Tolerance; readonly second_order?: Tolerance | null };
}

export const caseOf = (line: string): Case =>
  JSON.parse(
    line.replaceAll(/(?<=[[:,\s])-?(?:Infinity|NaN)(?=[\],}\s])/g, (word) =>
      word === "NaN" ? '"NaN"' : word.replace("Infinity", "1e999"),
    ),
  ) as Case;

const words: Readonly<Record<string, number>> = { inf: Infinity, infinity: Infinity, "-inf": -Infinity, "-infinity": -Infinity };
/** A number, or text for one. */
export const numberOf = (v: unknown): number =>
  typeof v === "string" ? (words[v.toLowerCase()] ?? Number(v)) : v === null ? Number.NaN : Number(v);

const dtypes: Readonly<Record<string, DType>> = {
  float32: "float32",
  float64: "float64",
  int64: "int32",
  int32: "int32",
  uint8: "uint32",
  bool: "bool",
};

export function tensorOf({ data, shape, dtype }: Numbers): Tensor {
  const to = dtypes[dtype];
  if (!to) throw new Unsupported(`numbers of type ${dtype}`);
  return constant(to === "bool" ? Int32Array.from(data, Number) : Float64Array.from(data, numberOf), { shape, dtype: to });
}

export const valuesOf = (tensors: readonly Tensor[]): readonly (readonly number[])[] =>
  evaluate(tensors, () => undefined, new Map()).map((r) => {
    if (failed(r)) throw r.error;
    return Array.from(r.data);
  });
