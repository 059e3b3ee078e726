/** Functions where care is needed: kinks, zeros and infinities, and derivatives there. Judges are closed forms and Math. */
import "../../ops/methods.ts";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { jvp } from "../../ad/jvp.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { where } from "../../ops/compare.ts";
import * as functions from "../../ops/functions.ts";
import { atan2, hypot } from "../../ops/polar.ts";
import { logaddexp, pow, xlogy } from "../../ops/power.ts";
import { sinc } from "../../ops/sinc.ts";
import { derivativesAt, expectNear, numbers, numbersOf } from "./support.ts";

type F = (x: Tensor) => Tensor;
const f64 = (v: number): Tensor => constant(v, { dtype: "float64" });
const close = (got: readonly number[], expected: readonly number[], tolerance = 1e-14): void => expectNear(got, expected, tolerance);

describe("derivatives near trouble", () => {
  it("tanh keeps its digits where it is nearly 1, and near 0", () => {
    // 1 - tanh(x)^2 = 4 e^(-2x) (1 + ...): 1 - y^2 would have four digits left here.
    close([derivativesAt((x) => functions.tanh(x), 15, 1)[1]! / (4 * Math.exp(-30))], [1], 1e-3);
    close(
      derivativesAt((x) => functions.tanh(x), 1e-8, 3),
      [1e-8, 1, -2e-8, -2],
      1e-15,
    );
  });
  it("sigmoid keeps its digits on both sides", () => {
    for (const x of [-40, 40]) close([derivativesAt((t) => functions.sigmoid(t), x, 1)[1]! / Math.exp(-40)], [1], 1e-12);
  });
  it("expm1 and log1p keep their digits near 0", () => {
    close(
      derivativesAt((x) => functions.expm1(x), 1e-12, 2),
      [Math.expm1(1e-12), Math.exp(1e-12), Math.exp(1e-12)],
    );
    close(
      derivativesAt((x) => functions.log1p(x), 1e-12, 2),
      [Math.log1p(1e-12), 1 - 1e-12, -1 + 2e-12],
    );
  });
  it("asin near 1", () => {
    const x = 1 - 2 ** -40;
    close([derivativesAt((t) => functions.asin(t), x, 1)[1]! / Math.sqrt(1 / (2 ** -40 * (1 + x)))], [1]);
  });
});

describe("pow", () => {
  it.each([
    [2, 0, [0, 0, 2, 0]],
    [3, 0, [0, 0, 0, 6]],
    [1, 0, [0, 1, 0, 0]],
    [0, 0, [1, 0, 0, 0]],
    [5, 0, [0, 0, 0, 0]],
    [2, -3, [9, -6, 2, 0]],
    [3, -2, [-8, 12, -12, 6]],
    [5, -2, [-32, 80, -160, 240]],
    [-1, -2, [-0.5, -0.25, -0.25, -0.375]],
    [-2, -2, [0.25, 0.25, 0.375, 0.75]],
    [0.5, 4, [2, 0.25, -1 / 32, 3 / 256]],
  ])("x^%d at %d, as a literal and as a tensor", (n, x, expected) => {
    close(
      derivativesAt((t) => pow(t, n), x, 3),
      expected,
    );
    close(
      derivativesAt((t) => pow(t, f64(n)), x, 3),
      expected,
    );
  });
  it("is differentiable by its exponent, 0^y included", () => {
    close(
      derivativesAt((y) => pow(0, y), 2, 2),
      [0, 0, 0],
    );
    close(
      derivativesAt((y) => pow(2, y), 3, 2),
      [8, 8 * Math.LN2, 8 * Math.LN2 ** 2],
    );
    // The mixed derivative of x^y at y = 0 is 1/x.
    const mixed = grad((y: Tensor) => grad((x: Tensor) => pow(x, y))(f64(4)) as Tensor)(f64(0)) as Tensor;
    close(numbersOf(mixed), [0.25]);
  });
  it("of a negative number is NaN unless the exponent is an integer", () => {
    expect(numbersOf(pow(constant([-8, -8, -8, 0, -0, 2]), constant([3, 0.5, 0, 0, -1, -1])))).toEqual([-512, NaN, 1, 1, -Infinity, 0.5]);
  });
});

describe("two operands", () => {
  it("hypot and its derivatives are 0 at the origin, and nothing overflows", () => {
    const f = (x: Tensor): Tensor => hypot(x, f64(0));
    expect(derivativesAt(f, 0, 2)).toEqual([0, 0, 0]);
    close(numbersOf(hypot(f64(3e200), f64(4e200))), [5e200]);
    close(numbersOf(jvp(((x: Tensor) => hypot(x, f64(4e200))) as F, [f64(3e200)], [f64(1)])[1]), [0.6]);
  });
  it("atan2 knows its quadrant", () => {
    const points = [-3, -0.5, 0, 0.5, 2].flatMap((y) => [-2, -0.1, 0.3, 4].map((x) => [y, x] as const));
    close(
      points.map(([y, x]) => numbersOf(atan2(f64(y), f64(x)))[0]!),
      points.map(([y, x]) => Math.atan2(y, x)),
    );
  });
  it("logaddexp takes infinities and shares derivatives where operands are equal", () => {
    const rows = [
      [1000, 1000],
      [-Infinity, -Infinity],
      [Infinity, Infinity],
      [-Infinity, 2],
      [Infinity, -Infinity],
    ] as const;
    const [a, b] = [0, 1].map((k) => constant(Float64Array.from(rows.map((r) => r[k]!))));
    close(numbersOf(logaddexp(a!, b!)), [1000 + Math.LN2, -Infinity, Infinity, 2, Infinity]);
    const [da, db] = grad(((x: Tensor, y: Tensor) => logaddexp(x, y).sum()) as never, { argnums: [0, 1] })(
      a! as never,
      b! as never,
    ) as unknown as Tensor[];
    close(numbersOf(da!), [0.5, 0.5, 0.5, 0, 1]);
    close(numbersOf(db!), [0.5, 0.5, 0.5, 1, 0]);
    close(
      derivativesAt((x) => logaddexp(x, f64(1)), 1, 2),
      [1 + Math.LN2, 0.5, 0.25],
    );
  });
  it("xlogy is 0 at x = 0, and its derivative by x is log y", () => {
    expect(numbersOf(xlogy(constant([0, 0, 0]), constant([0, Infinity, -1])))).toEqual([0, 0, 0]);
    expect(numbersOf(xlogy(f64(0), f64(NaN)))).toEqual([NaN]);
    close(
      derivativesAt((x) => xlogy(x, f64(3)), 0, 2),
      [0, Math.log(3), 0],
    );
    expect(derivativesAt((y) => xlogy(f64(0), y), 0, 2)).toEqual([0, 0, 0]);
  });
});

describe("sinc", () => {
  /** The k-th derivative of sinc at x from its integral: sinc(x) is the integral of cos(pi x s) over s from 0 to 1. */
  function exact(k: number, x: number): number {
    const n = 4000;
    const g = (s: number): number => (Math.PI * s) ** k * Math.cos(Math.PI * x * s + (k * Math.PI) / 2);
    let sum = g(0) + g(1);
    for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * g(i / n);
    return sum / (3 * n);
  }
  it.each([0, 1e-200, 1e-9, 1e-4, 0.01, 0.2, 0.3184, 0.4, 0.5, 0.6, 0.8, 1, 2.5, -0.7])("and three derivatives at %d", (x) => {
    const got = derivativesAt((t) => sinc(t), x, 3);
    got.forEach((g, k) => expect(Math.abs(g - exact(k, x))).toBeLessThan(1e-12));
    // Even derivatives are even and odd ones odd, to the bit.
    derivativesAt((t) => sinc(t), -x, 3).forEach((g, k) => expect(g === (k % 2 ? -got[k]! : got[k]!)).toBe(true));
  });
  it("at 0 is 1, 0, -pi^2/3, 0, pi^4/5", () => {
    close(
      derivativesAt((t) => sinc(t), 0, 4),
      [1, 0, -(Math.PI ** 2) / 3, 0, Math.PI ** 4 / 5],
    );
  });
});

describe("activations", () => {
  it("gelu is x times the normal distribution function, within 5e-4 also by tanh", () => {
    const x = [-3, -1, 0, 0.5, 2];
    // Abramowitz and Stegun 26.2: the distribution function at these points.
    const phi = [0.0013498980316301, 0.158655253931457, 0.5, 0.691462461274013, 0.977249868051821];
    close(
      numbersOf(functions.gelu(constant(Float64Array.from(x)))),
      x.map((v, i) => v * phi[i]!),
      1e-14,
    );
    close(
      numbersOf(functions.gelu(constant(Float64Array.from(x)), { approximate: "tanh" })),
      x.map((v, i) => v * phi[i]!),
      5e-4,
    );
  });
  it("softplus and silu do not overflow", () => {
    close(numbersOf(functions.softplus(constant(Float64Array.of(-1000, 0, 1000)))), [0, Math.LN2, 1000]);
    close(numbersOf(functions.silu(constant(Float64Array.of(-1000, 0, 1000)))), [-0, 0, 1000]);
  });
});

it("integers and bools become float32; float64 stays", () => {
  const types: readonly [DType, DType][] = [
    ["int32", "float32"],
    ["uint32", "float32"],
    ["bool", "float32"],
    ["float32", "float32"],
    ["float64", "float64"],
  ];
  for (const [from, to] of types) {
    const x = numbers([3], { low: 0, high: 2, dtype: from }).tensor;
    for (const y of [functions.exp(x), pow(x, 2), pow(x, x), sinc(x), functions.gelu(x)]) expect(y.dtype).toBe(to);
  }
  expect(functions.exp(1).dtype).toBe("float32");
});

it("bad operands and options are refused", () => {
  expect(() => functions.tanh([1, 2] as never)).toThrow(/tanh: the operand must be a tensor or a number, got an array; wrap it in tensor/);
  expect(() => pow(constant([1, 2]), constant([1, 2, 3]))).toThrow(/pow: shapes do not broadcast/);
  expect(() => functions.gelu(1, { approximate: "erf" as never })).toThrow(/gelu: approximate must be "none" or "tanh", got "erf"/);
});

it("where keeps a guarded branch out of the gradient", () => {
  const f = (x: Tensor): Tensor => where(x.gt(0), functions.sqrt(where(x.gt(0), x, 1)), 0);
  close(derivativesAt(f, 0, 1), [0, 0]);
});
