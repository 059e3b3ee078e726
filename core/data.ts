/** Numbers from outside: nested arrays, typed arrays and literals, checked and copied into row-major storage. */
import { type DimSizes, SymbolicDim } from "./dim.ts";
import { arrayOf, type DType, type DTypeInfo, dtypeInfo, dtypeNames, dtypeOfArray, isDType, type TypedArray } from "./dtype.ts";
import { type Shape, showShape } from "./shape.ts";
import { Value } from "./value.ts";

/** A complex number. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}
export type Nested = number | boolean | Complex | readonly Nested[];
export type Data = Nested | TypedArray | ArrayLike<number>;

/** Data whose dtype is settled; a nested array carries its shape, a flat typed array only its length. */
export interface RawData {
  readonly data: TypedArray;
  readonly dtype: DType;
  /** The number of elements: half that of the data for complex numbers. */
  readonly count: number;
  /** The shape that nesting gives; undefined for a typed array. */
  readonly nested: readonly number[] | undefined;
}

const scalarShape: readonly number[] = [];
const noSizes: DimSizes = new Map();
const SHORT = 64;

export const isComplexNumber = (x: unknown): x is Complex =>
  typeof x === "object" && x !== null && typeof (x as Complex).re === "number" && typeof (x as Complex).im === "number";

/**
 * Copies data into the storage of `dtype`, or of the dtype the data suggests: that of a typed array, bool for booleans, complex64 where
 * something is complex, else float32.
 */
export function rawData(op: string, source: Data, dtype?: DType): RawData {
  if (dtype !== undefined && !isDType(dtype)) throw new Error(`${op}: "${String(dtype)}" is not a dtype; use ${dtypeNames}`);
  if (ArrayBuffer.isView(source)) {
    const own = dtypeOfArray(source);
    const to = dtype ?? own;
    if (!to || source instanceof DataView)
      throw new Error(
        `${op}: cannot take a ${source.constructor.name}; use a Float32Array, Float64Array, Int32Array or Uint32Array, or give a dtype`,
      );
    return typed(op, source as unknown as ArrayLike<number>, to);
  }
  const nested = typeof source === "number" ? scalarShape : nestedShape(op, source as Nested);
  const flat: (number | boolean | Complex)[] = [];
  flatten(source as Nested, flat);
  const to = dtype ?? suggested(flat);
  const data = toStorage(op, dtypeInfo(to).kind === "complex" ? flat.flatMap(pairOf) : flat.map((v) => realOf(op, v, to)), to);
  return { data, dtype: to, count: flat.length, nested };
}

/** A typed array: one number an element, or two for complex numbers. */
function typed(op: string, source: ArrayLike<number>, dtype: DType): RawData {
  const { words } = dtypeInfo(dtype);
  if (source.length % words !== 0)
    throw new Error(
      `${op}: a typed array of ${dtype} has two numbers an element, real part first; got ${source.length}, which is odd. Use nested arrays for numbers without imaginary parts`,
    );
  return { data: toStorage(op, source, dtype), dtype, count: source.length / words, nested: undefined };
}

function suggested(flat: readonly (number | boolean | Complex)[]): DType {
  if (flat.some((v) => typeof v === "object")) return "complex64";
  return flat.length > 0 && flat.every((v) => typeof v === "boolean") ? "bool" : "float32";
}

const pairOf = (v: number | boolean | Complex): readonly [number, number] => (typeof v === "object" ? [v.re, v.im] : [+v, 0]);

function realOf(op: string, v: number | boolean | Complex, dtype: DType): number {
  if (typeof v !== "object") return v as number;
  throw new Error(`${op}: ${v.re} + ${v.im}i is complex, but the dtype is ${dtype}; use complex64 or complex128, or give its re alone`);
}

function toStorage(op: string, values: ArrayLike<number>, dtype: DType): TypedArray {
  const { storage, kind } = dtypeInfo(dtype);
  const Storage = arrayOf(storage);
  if (kind !== "bool" && values instanceof Storage) return values.slice();
  if (kind === "float" || kind === "complex") return new Storage(values);
  const out = new Storage(values.length);
  for (let i = 0; i < values.length; i++) {
    const v = +values[i]!;
    out[i] = kind === "bool" ? (v !== 0 ? 1 : 0) : v;
    if (kind === "int" && out[i] !== v)
      throw new Error(
        `${op}: ${v} at position ${i} is not ${Number.isInteger(v) ? `within the range of` : `an integer, but the dtype is`} ${dtype}`,
      );
  }
  return out;
}

/**
 * Writes data over numbers of the same shape, without allocating. False where the data are not plainly of that shape and dtype: then `rawData`
 * has to say what they are, and `into` holds nothing of use.
 */
export function refill(into: TypedArray, shape: Shape, sizes: DimSizes, dtype: DType, source: Data): boolean {
  const { kind } = dtypeInfo(dtype);
  if (typeof source === "number" || isComplexNumber(source)) return shape.length === 0 && put(into, 0, source, kind);
  // Of what is empty not even nesting tells all sizes.
  if (into.length === 0) return false;
  if (Array.isArray(source)) return fill(into, 0, shape, 0, sizes, kind, source as readonly Nested[]) === into.length;
  if (!ArrayBuffer.isView(source) || source.constructor !== into.constructor || kind === "bool") return false;
  if ((source as TypedArray).length !== into.length || openAxes(shape) > 1) return false;
  copy(source as TypedArray, into);
  return true;
}

/** How many axes have a name for a size. A flat array settles one of them. */
function openAxes(shape: Shape): number {
  let open = 0;
  for (const d of shape) if (d instanceof SymbolicDim) open++;
  return open;
}

/** Fills in from position `at` on what a nested array has along an axis and those after it. The position behind that; NaN where it does not fit. */
function fill(
  into: TypedArray,
  at: number,
  shape: Shape,
  axis: number,
  sizes: DimSizes,
  kind: DTypeInfo["kind"],
  list: readonly Nested[],
): number {
  const d = shape[axis];
  if (list.length !== (d instanceof SymbolicDim ? sizes.get(d.text) : d)) return NaN;
  const last = axis === shape.length - 1;
  for (let i = 0; i < list.length; i++) {
    const item = list[i]!;
    if (last) at = put(into, at, item, kind) ? at + (kind === "complex" ? 2 : 1) : NaN;
    else at = Array.isArray(item) ? fill(into, at, shape, axis + 1, sizes, kind, item as readonly Nested[]) : NaN;
  }
  return at;
}

/** Writes a number, among bools a boolean, among complex numbers both parts. Whether it was one, and is what was written. */
function put(into: TypedArray, at: number, value: Nested, kind: DTypeInfo["kind"]): boolean {
  if (kind === "complex") {
    if (typeof value !== "number" && !isComplexNumber(value)) return false;
    into[at] = typeof value === "number" ? value : value.re;
    into[at + 1] = typeof value === "number" ? 0 : value.im;
    return true;
  }
  if (typeof value !== (kind === "bool" ? "boolean" : "number")) return false;
  into[at] = value as number;
  return kind !== "int" || into[at] === value;
}

/** Copies elements to an array of the same length and type. Short arrays go one by one: `set` costs more than that. */
export function copy(from: TypedArray, to: TypedArray): void {
  if (from.length > SHORT) to.set(from);
  else for (let i = 0; i < from.length; i++) to[i] = from[i]!;
}

/** The shape of nested arrays. Throws on ragged ones and on anything that is not a number, complex or not, or boolean. */
function nestedShape(op: string, v: Nested, path = ""): number[] {
  if (typeof v === "number" || typeof v === "boolean" || isComplexNumber(v)) return [];
  if (!Array.isArray(v))
    throw new Error(
      `${op}: ${path ? `element ${path}` : "the data"} is ${kindOf(v)}; use numbers, complex numbers { re, im }, booleans, nested arrays of them, or a typed array`,
    );
  const list = v as readonly Nested[];
  if (list.length === 0) return [0];
  const first = nestedShape(op, list[0]!, `${path}[0]`);
  for (let i = 1; i < list.length; i++) {
    const other = nestedShape(op, list[i]!, `${path}[${i}]`);
    if (other.length !== first.length || other.some((d, k) => d !== first[k]))
      throw new Error(
        `${op}: the array is ragged: element ${path}[0] has shape ${showShape(first)}, element ${path}[${i}] has shape ${showShape(other)}`,
      );
  }
  return [list.length, ...first];
}

/** What something is that is no number. */
function kindOf(v: unknown): string {
  if (typeof v !== "object") return typeof v;
  if (v === null) return "null";
  if (v instanceof Value) return "a Value (use its data)";
  const name: string | undefined = v.constructor?.name;
  return name && name !== "Object" ? `a ${name}` : "object";
}

function flatten(v: Nested, into: (number | boolean | Complex)[]): void {
  if (Array.isArray(v)) for (const item of v as readonly Nested[]) flatten(item, into);
  else into.push(v as number | boolean | Complex);
}

/** Throws unless every entry is a size: a non-negative integer, or a named dimension. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape)) throw new Error(`${op}: the shape must be a list of sizes, got ${String(shape)}`);
  for (const d of shape)
    if (!(d instanceof SymbolicDim) && !(Number.isInteger(d) && d >= 0))
      throw new Error(
        `${op}: ${String(d)} is not a size in shape [${shape.map(String).join(", ")}]; use non-negative integers or dim("name")`,
      );
}

/**
 * The sizes that data gives to the names of a declared shape. Throws when it does not fit.
 * A flat array may leave one name open; nesting settles all of them.
 */
export function bindShape(op: string, declared: Shape, raw: RawData): DimSizes {
  const { nested } = raw;
  if (nested && nested.length === declared.length && nested.every((n, i) => n === declared[i])) return noSizes;
  const sizes = new Map<string, number>();
  const got = raw.nested ?? [raw.count];
  const misfit = (why: string): Error =>
    new Error(
      `${op}: expected shape ${showShape(declared)}, got ${raw.nested ? `shape ${showShape(got)}` : `${raw.count} elements`}${why}`,
    );
  const bind = (d: SymbolicDim, size: number): void => {
    if (sizes.has(d.text) && sizes.get(d.text) !== size)
      throw misfit(` (dimension "${d.text}" would be both ${sizes.get(d.text)} and ${size})`);
    sizes.set(d.text, size);
  };
  if (raw.nested && !(raw.nested.length === 1 && declared.length !== 1)) {
    if (got.length !== declared.length) throw misfit("");
    declared.forEach((d, i) => {
      if (d instanceof SymbolicDim) bind(d, got[i]!);
      else if (d !== got[i]) throw misfit("");
    });
    return sizes;
  }
  const open = declared.filter((d) => d instanceof SymbolicDim);
  const known = declared.reduce<number>((n, d) => (d instanceof SymbolicDim ? n : n * d), 1);
  const { count } = raw;
  if (open.length === 0) {
    if (known !== count) throw misfit("");
  } else if (open.length === 1) {
    if (known === 0 ? count !== 0 : count % known !== 0) throw misfit("");
    bind(open[0]!, known === 0 ? 0 : count / known);
  } else throw misfit("; with several named dimensions give nested arrays");
  return sizes;
}
