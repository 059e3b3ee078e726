/** What tests of implicit differentiation share: matrices of known kinds, and the pairing that a derivative and its transpose agree on. */
import { expect } from "vitest";
import { jvp } from "../../ad/jvp.ts";
import { vjp } from "../../ad/vjp.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { eye } from "../../ops/creation.ts";
import { matmul } from "../../ops/matmul.ts";
import { sum } from "../../ops/reductions.ts";
import { transpose } from "../../ops/transpose.ts";
import { numbers } from "../ops/support.ts";
import { valuesOf } from "./values.ts";

export const random = (shape: number[], seed: number): Tensor => numbers(shape, { seed, low: -1, high: 1 }).tensor;
export const identity = (n: number): Tensor => eye(n, n, 0, { dtype: "float64" });

/** Far enough from singular for every solver. */
export const general = (n: number, seed: number): Tensor => add(random([n, n], seed), mul(n / 2, identity(n)));
export const definite = (n: number, seed: number): Tensor => {
  const a = random([n, n], seed);
  return add(matmul(a, transpose(a)), identity(n));
};

/** <ct, J v> = <J^T ct, v>. */
export function expectAdjoint(f: (x: Tensor) => Tensor, x: Tensor): void {
  const y = f(x);
  const [v, ct] = [random(x.shape as number[], 21), random(y.shape as number[], 22)];
  const [left, right] = valuesOf(sum(mul(ct, jvp(f, [x], [v])[1])), sum(mul(vjp(f, [x])[1](ct)[0], v))).flat() as [number, number];
  expect(Math.abs(left - right)).toBeLessThan(1e-11 * Math.max(1, Math.abs(left)));
}
