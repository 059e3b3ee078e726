/**
 * Element types. A dtype is a triple of storage, compute and accumulate types, even while all three are equal,
 * so that narrow storage (float16) can be added without touching any rule.
 */

/** What a kernel's lanes hold: the types that WebAssembly SIMD and WGSL both have, and float64 on the CPU. */
export type Lane = "f32" | "f64" | "i32" | "u32" | "bool";
/** What memory holds. A bool is stored as a 32-bit word, 0 or 1: WGSL has nothing narrower. */
export type Storage = "f32" | "f64" | "i32" | "u32";

export type DType = "float32" | "float64" | "complex64" | "complex128" | "int32" | "uint32" | "bool";
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array;

export interface DTypeInfo {
  readonly kind: "float" | "complex" | "int" | "bool";
  readonly storage: Storage;
  readonly compute: Lane;
  readonly accumulate: Lane;
  /** The bytes of a word of storage. */
  readonly bytes: 4 | 8;
  /** Words of storage an element: two for a complex number, its real part and then its imaginary part. */
  readonly words: 1 | 2;
}

const same = (kind: DTypeInfo["kind"], lane: Lane, storage: Storage, bytes: 4 | 8, words: 1 | 2 = 1): DTypeInfo => ({
  kind,
  storage,
  compute: lane,
  accumulate: lane,
  bytes,
  words,
});

const table: Record<DType, DTypeInfo> = {
  float32: same("float", "f32", "f32", 4),
  float64: same("float", "f64", "f64", 8),
  complex64: same("complex", "f32", "f32", 4, 2),
  complex128: same("complex", "f64", "f64", 8, 2),
  int32: same("int", "i32", "i32", 4),
  uint32: same("int", "u32", "u32", 4),
  bool: same("bool", "bool", "u32", 4),
};

export const dtypeInfo = (d: DType): DTypeInfo => table[d];
export const isDType = (d: unknown): d is DType => typeof d === "string" && Object.hasOwn(table, d);
export const isFloat = (d: DType): boolean => table[d].kind === "float";
export const isComplex = (d: DType): boolean => table[d].kind === "complex";
/** Whether a dtype has derivatives: the floats and the complex numbers made of them. */
export const isInexact = (d: DType): boolean => isFloat(d) || isComplex(d);
/** What messages list. */
export const dtypeNames = "float32, float64, complex64, complex128, int32, uint32 or bool";

/** The dtype of the parts of a complex dtype. */
export const partDType = (d: DType): DType => (d === "complex64" ? "float32" : d === "complex128" ? "float64" : d);
/** The complex dtype that holds a dtype: complex128 for float64, complex64 for what is narrower. */
export const complexDType = (d: DType): DType => (isComplex(d) ? d : d === "float64" ? "complex128" : "complex64");

const arrays = { f32: Float32Array, f64: Float64Array, i32: Int32Array, u32: Uint32Array } as const;
/** The typed array class that holds a storage type. */
export const arrayOf = (s: Storage): (typeof arrays)[Storage] => arrays[s];
export const storageBytes = (s: Storage): 4 | 8 => (s === "f64" ? 8 : 4);

/** The dtype that a typed array carries by itself, if any (number lists carry none). */
export function dtypeOfArray(a: ArrayBufferView): DType | undefined {
  if (a instanceof Float32Array) return "float32";
  if (a instanceof Float64Array) return "float64";
  if (a instanceof Int32Array) return "int32";
  if (a instanceof Uint32Array) return "uint32";
  return undefined;
}

const rank: Record<DType, number> = { bool: 0, uint32: 1, int32: 2, float32: 3, float64: 4, complex64: 5, complex128: 6 };

/**
 * The dtype of an operation over operands of these dtypes: bool < uint32 < int32 < float32 < float64, and complex64 with any of
 * them but float64, complex128 with that. As NumPy, except where NumPy would reach for int64 or float64 to hold every integer: there the
 * narrower type stays (uint32 with int32 is int32, int32 with float32 is float32), as in JAX.
 */
export function promote(a: DType, b: DType): DType {
  const wider = rank[a] >= rank[b] ? a : b;
  return wider === "complex64" && (a === "float64" || b === "float64") ? "complex128" : wider;
}

/** The dtype that a JavaScript literal takes beside a tensor of dtype d: weak, it never widens a float or an int of its own kind. */
export function promoteLiteral(literal: number | boolean | object, d: DType): DType {
  if (typeof literal === "boolean") return d;
  if (typeof literal === "object") return complexDType(d);
  if (isInexact(d)) return d;
  if (!Number.isInteger(literal)) return "float32";
  return d === "bool" ? "int32" : d;
}
