/** Equality as the engine means it: the same bits, with all NaNs equal, and -0 apart from 0. */
import type { DimSizes } from "../core/dim.ts";
import type { TypedArray } from "../core/dtype.ts";

/** Arrays longer than this are compared word by word first: that loop is the same for all types, and fast. */
const SHORT = 64;

export function sameBits(a: TypedArray, b: TypedArray): boolean {
  if (a.length !== b.length) return false;
  const start = a.length > SHORT ? Math.floor(firstOtherWord(a, b) / (a.BYTES_PER_ELEMENT / 4)) : 0;
  for (let i = start; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x === y ? x === 0 && 1 / x !== 1 / y : x === x || y === y) return false;
  }
  return true;
}

function firstOtherWord(a: TypedArray, b: TypedArray): number {
  const x = new Uint32Array(a.buffer, a.byteOffset, a.byteLength / 4);
  const y = new Uint32Array(b.buffer, b.byteOffset, b.byteLength / 4);
  let i = 0;
  while (i < x.length && x[i] === y[i]) i++;
  return i;
}

export function sameSizes(a: DimSizes, b: DimSizes): boolean {
  if (a.size !== b.size) return false;
  if (a === b || a.size === 0) return true;
  for (const [name, size] of a) if (b.get(name) !== size) return false;
  return true;
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((n, i) => n === b[i]);
