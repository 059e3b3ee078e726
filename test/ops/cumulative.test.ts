/** Prefix products, extremes and sums of exponentials, against loops; their derivatives at zeros and ties, against closed forms. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jacfwd, jacrev } from "../../ad/jacobian.ts";
import { vjp } from "../../ad/vjp.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cummax, cummin, cumprod, diff, logcumsumexp } from "../../ops/cumulative.ts";
import { leafOf, numbersOf } from "./support.ts";

const f64 = (...v: number[]): Tensor => constant(Float64Array.from(v));
const running = (v: readonly number[], f: (a: number, b: number) => number): number[] =>
  v.reduce<number[]>((all, x) => [...all, all.length ? f(all.at(-1)!, x) : x], []);
const values = fc.array(fc.constantFrom(0, -0, 1, -1, 2, 0.5, -3, NaN, Infinity, -Infinity), { minLength: 1, maxLength: 20 });
const named = (f: (x: Tensor) => Tensor, v: readonly number[]): number[] => {
  const x = leafOf([dim("n")]);
  return numbersOf(f(x), { sizes: { n: v.length }, leaves: new Map([[x, v]]) });
};

it("values are those of a loop, NaN, zeros and infinities included", () =>
  fc.assert(
    fc.property(values, (v) => {
      const x = f64(...v);
      expect(numbersOf(cumprod(x))).toEqual(running(v, (a, b) => a * b));
      expect(numbersOf(cummax(x))).toEqual(running(v, Math.max));
      expect(numbersOf(cummin(x))).toEqual(running(v, Math.min));
    }),
  ));

it("works along any axis and on integers and bools", () => {
  const x = constant([1, 2, 3, 4, 5, 6], { dtype: "int32" }).reshape([2, 3]);
  expect(numbersOf(cumprod(x, 0))).toEqual([1, 2, 3, 4, 10, 18]);
  expect(numbersOf(cumprod(x, -1))).toEqual([1, 2, 6, 4, 20, 120]);
  expect(numbersOf(cumprod(x))).toEqual([1, 2, 6, 24, 120, 720]);
  expect(numbersOf(cummin(x.mul(-1), 1))).toEqual([-1, -2, -3, -4, -5, -6]);
  expect(numbersOf(cumprod(constant([true, false, true])))).toEqual([1, 0, 0]);
  expect(cummax(x).dtype).toBe("int32");
});

describe("derivatives", () => {
  /** d/dx_j of the product of x_0..x_i. */
  const jacobian = (v: readonly number[]): number[] =>
    v.flatMap((_, i) => v.map((__, j) => (j > i ? 0 : v.slice(0, i + 1).reduce((p, x, k) => (k === j ? p : p * x), 1))));
  it("of cumprod are exact at one zero and at two, forwards, backwards and over named sizes", () => {
    for (const v of [[2, 0, 3, 4], [2, 0, 3, 0, 5], [0, 0], [1, 2, 3, 4, 5, 6, 7], [7]]) {
      const x = f64(...v);
      expect(numbersOf(jacfwd((t: Tensor) => cumprod(t))(x) as Tensor)).toEqual(jacobian(v));
      expect(numbersOf(jacrev((t: Tensor) => cumprod(t))(x) as Tensor)).toEqual(jacobian(v));
      expect(named((t) => vjp((u: Tensor) => cumprod(u), [t])[1](t)[0]!, v)).toEqual(
        v.map((_, j) => v.reduce((s, ct, i) => s + ct * jacobian(v)[i * v.length + j]!, 0)),
      );
    }
  });
  it("of extremes are shared evenly by all elements that attain them so far", () => {
    const v = [1, 3, 2, 3, 3, 4, 4];
    const rows = v.map((_, i) => {
      const top = Math.max(...v.slice(0, i + 1));
      const attain = v.map((x, j) => (j <= i && x === top ? 1 : 0) as number);
      return attain.map((a) => a / attain.reduce((s, b) => s + b, 0));
    });
    const close = (got: number[], expected: readonly number[]): void =>
      got.forEach((g, i) => expect(Math.abs(g - expected[i]!), `${i}`).toBeLessThan(1e-15));
    close(numbersOf(jacrev((t: Tensor) => cummax(t))(f64(...v)) as Tensor), rows.flat());
    close(numbersOf(jacfwd((t: Tensor) => cummin(t))(f64(...v.map((x) => -x))) as Tensor), rows.flat());
    const ones = named((t) => vjp((u: Tensor) => cummax(u), [t])[1](t.mul(0).add(1))[0]!, v);
    close(
      ones,
      v.map((_, j) => rows.reduce((s, r) => s + r[j]!, 0)),
    );
  });
});

describe("logcumsumexp", () => {
  it("survives large and infinite elements, and keeps small beginnings", () => {
    const got = numbersOf(logcumsumexp(f64(-1000, -1000, 1000, -Infinity, 1000)));
    [-1000, -1000 + Math.LN2, 1000, 1000, 1000 + Math.LN2].forEach((e, i) => expect(Math.abs(got[i]! - e)).toBeLessThan(3e-13));
    expect(numbersOf(logcumsumexp(f64(-Infinity, -Infinity, 0, Infinity)))).toEqual([-Infinity, -Infinity, 0, Infinity]);
  });
  it("is the logarithm of the running sum", () => {
    const v = [0.3, -1, 2, 0.1, -0.7, 1.5];
    const expected = running(v.map(Math.exp), (a, b) => a + b).map(Math.log);
    numbersOf(logcumsumexp(f64(...v))).forEach((g, i) => expect(Math.abs(g - expected[i]!)).toBeLessThan(1e-15));
  });
});

it("diff gives differences of neighbours, n times over, as NumPy", () => {
  const x = constant([1, 4, 9, 16, 25]);
  expect(numbersOf(diff(x))).toEqual([3, 5, 7, 9]);
  expect(numbersOf(diff(x, 2))).toEqual([2, 2, 2]);
  expect(numbersOf(diff(x, 0))).toEqual([1, 4, 9, 16, 25]);
  expect(diff(x, 5).shape).toEqual([0]);
  expect(numbersOf(diff(x.reshape([1, 5]).add(constant([[0], [1]])), 1, 0))).toEqual([1, 1, 1, 1, 1]);
  expect(numbersOf(diff(constant([true, true, false])))).toEqual([0, 1]);
});

it.each([
  [() => cumprod(constant([1]), 1 as never), /cumprod: axis 1 is out of range/],
  [() => cummax(constant([[1]]), -3 as never), /cummax: axis -3 is out of range/],
  [() => cummin("x" as never), /cummin: the operand must be a tensor/],
  [() => diff(constant([1, 2]), 3), /diff: axis 0 of .* has too few elements for 3 differences/],
  [() => diff(constant([1, 2]), 0.5), /diff: how often must be a non-negative integer, got 0\.5/],
])("%s is refused", (f, message) => expect(f).toThrow(message));
