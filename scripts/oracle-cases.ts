/**
 * The file format of scripts/oracle.ts: reference cases, one JSON object a line, as Python writes them. NaN and infinities may be bare words or
 * text; complex numbers are pairs [real, imaginary], as elements of data and as arguments.
 */
import type { Complex } from "../core/data.ts";
import { type DType, isComplex } from "../core/dtype.ts";
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

/** A complex number as an object of its parts, or as Python shows it: "(1-2j)". */
export function complexNumberOf(v: unknown): Complex | undefined {
  if (typeof v === "string") {
    const [, re = "0", im] = /^\(?(?:([-+]?[\d.]+(?:e[-+]?\d+)?)(?=[-+]))?([-+]?[\d.]+(?:e[-+]?\d+)?)j\)?$/i.exec(v) ?? [];
    return im === undefined ? undefined : { re: Number(re), im: Number(im) };
  }
  if (typeof v !== "object" || v === null || Array.isArray(v)) return undefined;
  const { re, real = re, im, imag = im } = v as Record<string, unknown>;
  return real === undefined || imag === undefined ? undefined : { re: numberOf(real), im: numberOf(imag) };
}

const dtypes: Readonly<Record<string, DType>> = {
  float32: "float32",
  float64: "float64",
  complex64: "complex64",
  complex128: "complex128",
  int64: "int32",
  int32: "int32",
  uint8: "uint32",
  bool: "bool",
};

export function dtypeOf(name: string): DType {
  const dtype = dtypes[name.replace("torch.", "")];
  if (!dtype) throw new Unsupported(`numbers of type ${name}`);
  return dtype;
}

/** The numbers of an array, those of a complex one as real and imaginary parts in turn. */
export function wordsOf({ data, dtype }: Numbers): number[] {
  if (!isComplex(dtypeOf(dtype))) return Array.from(data, dtype === "bool" ? Number : numberOf);
  return data.flatMap((v) => {
    if (Array.isArray(v)) return v.map(numberOf);
    const z = complexNumberOf(v);
    return z ? [z.re, z.im] : numberOf(v);
  });
}

export function tensorOf(numbers: Numbers): Tensor {
  const [dtype, words] = [dtypeOf(numbers.dtype), wordsOf(numbers)];
  return constant(dtype === "bool" ? Int32Array.from(words) : Float64Array.from(words), { shape: numbers.shape, dtype });
}

export const valuesOf = (tensors: readonly Tensor[]): readonly (readonly number[])[] =>
  evaluate(tensors, () => undefined, new Map()).map((r) => {
    if (failed(r)) throw r.error;
    return Array.from(r.data);
  });
