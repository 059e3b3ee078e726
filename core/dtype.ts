/**
 * Element types. A dtype is a triple of storage, compute and accumulate types, even while all three are equal,
 * so that narrow storage (float16) can be added without touching any rule.
 */

/** What a kernel's lanes hold: the types that WebAssembly SIMD and WGSL both have, and float64 on the CPU. */
export type Lane = "f32" | "f64" | "i32" | "u32" | "bool";
/** What memory holds. A bool is stored as a 32-bit word, 0 or 1: WGSL has nothing narrower. */
export type Storage = "f32" | "f64" | "i32" | "u32";

export type DType = "float32" | "float64" | "int32" | "uint32" | "bool";
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array;

export interface DTypeInfo {
  readonly kind: "float" | "int" | "bool";
  readonly storage: Storage;
  readonly compute: Lane;
  readonly accumulate: Lane;
  readonly bytes: 4 | 8;
}

const same = (kind: DTypeInfo["kind"], lane: Lane, storage: Storage, bytes: 4 | 8): DTypeInfo => ({
  kind,
  storage,
  compute: lane,
  accumulate: lane,
  bytes,
});

const table: Record<DType, DTypeInfo> = {
  float32: same("float", "f32", "f32", 4),
  float64: same("float", "f64", "f64", 8),
  int32: same("int", "i32", "i32", 4),
  uint32: same("int", "u32", "u32", 4),
  bool: same("bool", "bool", "u32", 4),
};

export const dtypeInfo = (d: DType): DTypeInfo => table[d];
export const isDType = (d: unknown): d is DType => typeof d === "string" && Object.hasOwn(table, d);
export const isFloat = (d: DType): boolean => table[d].kind === "float";

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

const rank: Record<DType, number> = { bool: 0, uint32: 1, int32: 2, float32: 3, float64: 4 };

/**
 * The dtype of an operation over operands of these dtypes: bool < uint32 < int32 < float32 < float64.
 * As NumPy, except where NumPy would reach for int64 or float64 to hold every integer: there the narrower type
 * stays (uint32 with int32 is int32, int32 with float32 is float32), as in JAX.
 */
export const promote = (a: DType, b: DType): DType => (rank[a] >= rank[b] ? a : b);

/** The dtype that a JavaScript literal takes beside a tensor of dtype d: weak, it never widens a float or an int of its own kind. */
export function promoteLiteral(literal: number | boolean, d: DType): DType {
  if (typeof literal === "boolean") return d;
  if (isFloat(d)) return d;
  if (!Number.isInteger(literal)) return "float32";
  return d === "bool" ? "int32" : d;
}
