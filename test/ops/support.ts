/** What the tests of operations share: values of expressions, and arrays written as functions of their positions. */
import { expect } from "vitest";
import { grad } from "../../ad/grad.ts";
import { type DimSizes } from "../../core/dim.ts";
import { arrayOf, type DType, dtypeInfo, type TypedArray } from "../../core/dtype.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Shape } from "../../core/shape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { evaluate, failed, type Numbers } from "../oracle/evaluate.ts";

/** Numbers given to placeholders, and sizes to the names of dimensions. */
export interface Bindings {
  readonly leaves?: ReadonlyMap<Tensor, ArrayLike<number>>;
  readonly sizes?: Readonly<Record<string, number>>;
}

export function valuesOf(roots: readonly Tensor[], { leaves, sizes = {} }: Bindings = {}): Numbers[] {
  const leaf = (t: Tensor): TypedArray | undefined => {
    const given = leaves?.get(t);
    return given && arrayOf(dtypeInfo(t.dtype).storage).from(given as ArrayLike<number>);
  };
  return evaluate(roots, leaf, new Map(Object.entries(sizes)) as DimSizes).map((r, i) => {
    if (failed(r)) throw new Error(`${roots[i]!.describe()} failed at ${r.tensor.describe()}`, { cause: r.error });
    return r;
  });
}

export const valueOf = (t: Tensor, bindings?: Bindings): Numbers => valuesOf([t], bindings)[0]!;
/** The elements as plain numbers. */
export const numbersOf = (t: Tensor, bindings?: Bindings): number[] => [...valueOf(t, bindings).data];

export const countOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Every position of a shape, in row-major order. */
export function positions(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>((all, n) => all.flatMap((p) => Array.from({ length: n }, (_, i) => [...p, i])), [[]]);
}

/** A constant of random-looking numbers in [low, high), the same for the same seed. */
export function numbers(
  shape: readonly number[],
  { seed = 1, low = -2, high = 2, dtype = "float64" as DType } = {},
): { data: number[]; shape: readonly number[]; tensor: Tensor } {
  let state = seed * 2654435761 + 12345;
  const data = Array.from({ length: countOf(shape) }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const u = ((Math.imul(state ^ (state >>> 13), 0x297a2d39) >>> 0) ^ (state >>> 16)) / 2 ** 32;
    const v = low + Math.abs(u) * (high - low);
    return dtypeInfo(dtype).kind === "float" ? v : Math.floor(v);
  });
  const stored = arrayOf(dtypeInfo(dtype).storage).from(data);
  return { data: [...stored], shape, tensor: constant(stored, { shape: [...shape], dtype }) };
}

/** The element at a position of row-major data. */
export const at = (data: ArrayLike<number>, shape: readonly number[], position: readonly number[]): number =>
  data[position.reduce((sum, p, i) => sum * shape[i]! + p, 0)]!;

export const leafOf = (shape: Shape, dtype: DType = "float64"): Tensor => placeholder(shape, dtype);

/** f and its first derivatives at a point, in float64. */
export function derivativesAt(f: (x: Tensor) => Tensor, x: number, order: number): number[] {
  const out: number[] = [];
  let g = f;
  for (let k = 0; k <= order; k++) {
    out.push(valueOf(g(constant(x, { dtype: "float64" }))).data[0]!);
    const h = g;
    g = (t) => grad(h)(t);
  }
  return out;
}

/** Numbers within a tolerance, relative where they are large; what is not finite is the same. */
export function expectNear(got: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(got.length).toBe(expected.length);
  got.forEach((g, i) =>
    Number.isFinite(expected[i]!)
      ? expect(Math.abs(g - expected[i]!), `${i}: ${g}, expected ${expected[i]}`).toBeLessThanOrEqual(
          tolerance * Math.max(1, Math.abs(expected[i]!)),
        )
      : expect(g).toBe(expected[i]),
  );
}
