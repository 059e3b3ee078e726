/**
 * What each operation of the expression language means for one lane, in plain JavaScript. The interpreter computes with
 * these functions, and may be slow; the compiled backends are held to them bit by bit.
 *
 * Lanes are JavaScript numbers: f32 values are always rounded, i32 and u32 values always in range, bools 0 or 1.
 */
import type { Lane } from "../core/dtype.ts";
import type { ExprOp } from "./expr.ts";

export type Unary = (a: number) => number;
export type Binary = (a: number, b: number) => number;

const { fround, imul } = Math;

/** Brings an exact (or double-rounded, which is innocuous for + - * / sqrt) result into a lane type; integers wrap. */
const wrap: Record<Lane, Unary> = {
  f32: fround,
  f64: (a) => a,
  i32: (a) => a | 0,
  u32: (a) => a >>> 0,
  bool: (a) => a,
};

const isFloat = (t: Lane): boolean => t === "f32" || t === "f64";
const isInteger = (t: Lane): boolean => t === "i32" || t === "u32";

/** Adding and subtracting 2^52 leaves a double no room for a fraction: the hardware rounds half to even. */
const SHIFT = 2 ** 52;
function nearest(a: number): number {
  const size = Math.abs(a);
  if (!(size < SHIFT)) return a;
  const rounded = size + SHIFT - SHIFT;
  return a < 0 || Object.is(a, -0) ? -rounded : rounded;
}

const rem: Binary = (a, b) => a % b;
const integerRem: Binary = (a, b) => (b === 0 ? a : a % b);

/** The function of a binary operation on a type. Throws where the language has none. */
export function binaryFunction(op: ExprOp, type: Lane): Binary {
  const fit = wrap[type];
  const numeric = isFloat(type) || isInteger(type);
  if (numeric)
    switch (op) {
      case "add":
        return (a, b) => fit(a + b);
      case "sub":
        return (a, b) => fit(a - b);
      case "mul":
        return isFloat(type) ? (a, b) => fit(a * b) : (a, b) => fit(imul(a, b));
      case "min":
        return Math.min;
      case "max":
        return Math.max;
      case "rem": {
        const f = isFloat(type) ? rem : integerRem;
        return (a, b) => fit(f(a, b));
      }
    }
  if (op === "div" && isFloat(type)) return (a, b) => fit(a / b);
  if (!isFloat(type))
    switch (op) {
      case "and":
        return (a, b) => fit(a & b);
      case "or":
        return (a, b) => fit(a | b);
      case "xor":
        return (a, b) => fit(a ^ b);
    }
  // JavaScript takes shift counts modulo 32.
  if (isInteger(type) && op === "shl") return (a, b) => fit(a << b);
  if (type === "i32" && op === "shr") return (a, b) => a >> b;
  if (type === "u32" && op === "shr") return (a, b) => a >>> b;
  throw new Error(`kernel: ${op} is not defined on ${type}`);
}

/** The comparison of two lanes: 1 or 0. */
export function compareFunction(op: ExprOp): Binary {
  switch (op) {
    case "eq":
      return (a, b) => +(a === b);
    case "ne":
      return (a, b) => +(a !== b);
    case "lt":
      return (a, b) => +(a < b);
    case "le":
      return (a, b) => +(a <= b);
    case "gt":
      return (a, b) => +(a > b);
    case "ge":
      return (a, b) => +(a >= b);
  }
  throw new Error(`kernel: ${op} is not a comparison`);
}

/** The function of a unary operation on a type. Throws where the language has none. */
export function unaryFunction(op: ExprOp, type: Lane): Unary {
  const fit = wrap[type];
  if (isFloat(type))
    switch (op) {
      case "neg":
        return (a) => -a;
      case "abs":
        return Math.abs;
      case "sqrt":
        return (a) => fit(Math.sqrt(a));
      case "floor":
        return Math.floor;
      case "ceil":
        return Math.ceil;
      case "trunc":
        return Math.trunc;
      case "nearest":
        return nearest;
    }
  if (isInteger(type)) {
    if (op === "neg") return (a) => fit(-a);
    if (op === "abs") return (a) => fit(Math.abs(a));
    if (op === "not") return (a) => fit(~a);
  }
  if (type === "bool" && op === "not") return (a) => 1 - a;
  throw new Error(`kernel: ${op} is not defined on ${type}`);
}

/** NaN gives 0; adding 0 takes the sign from a zero. */
const saturate =
  (low: number, high: number): Unary =>
  (a) =>
    Number.isNaN(a) ? 0 : Math.trunc(Math.min(Math.max(a, low), high)) + 0;
const toI32 = saturate(-(2 ** 31), 2 ** 31 - 1);
const toU32 = saturate(0, 2 ** 32 - 1);

/** The conversion between two lane types. */
export function convertFunction(from: Lane, to: Lane): Unary {
  if (to === "bool") return (a) => +(a !== 0);
  if (isFloat(from) && to === "i32") return toI32;
  if (isFloat(from) && to === "u32") return toU32;
  return wrap[to];
}

const word = new DataView(new ArrayBuffer(4));
const put: Partial<Record<Lane, (a: number) => void>> = {
  f32: (a) => word.setFloat32(0, a),
  i32: (a) => word.setInt32(0, a),
  u32: (a) => word.setUint32(0, a),
};
const get: Partial<Record<Lane, () => number>> = {
  f32: () => word.getFloat32(0),
  i32: () => word.getInt32(0),
  u32: () => word.getUint32(0),
};

/** The reinterpretation of 32 bits as another type. */
export function bitcastFunction(from: Lane, to: Lane): Unary {
  const write = put[from];
  const read = get[to];
  if (!write || !read) throw new Error(`kernel: bitcast of ${from} to ${to}`);
  return (a) => (write(a), read());
}

const double = new DataView(new ArrayBuffer(8));
/** The two halves of a float64, as unsigned integers, and the float64 made of two halves. */
export const highWord: Unary = (a) => (double.setFloat64(0, a), double.getUint32(0));
export const lowWord: Unary = (a) => (double.setFloat64(0, a), double.getUint32(4));
export const fromWords: Binary = (high, low) => (double.setUint32(0, high), double.setUint32(4, low), double.getFloat64(0));
