/** Equality as the engine means it: the same bits, with all NaNs equal, and -0 apart from 0. */
import type { DimSizes } from "../core/dim.ts";
import type { TypedArray } from "../core/dtype.ts";

export function sameBits(a: TypedArray, b: TypedArray): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x === y ? x === 0 && 1 / x !== 1 / y : x === x || y === y) return false;
  }
  return true;
}

export function sameSizes(a: DimSizes, b: DimSizes): boolean {
  if (a.size !== b.size) return false;
  for (const [name, size] of a) if (b.get(name) !== size) return false;
  return true;
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((n, i) => n === b[i]);
