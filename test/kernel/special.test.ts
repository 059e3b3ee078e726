/** Special functions in float32 and float64 against values of twice the precision, and where they are infinite, zero or undefined. */
import { describe, expect, it } from "vitest";
import { type Expr, exprOrder, read } from "../../kernel/expr.ts";
import { besseli } from "../../kernel/math/bessel.ts";
import { digamma, lgamma, polygamma } from "../../kernel/math/gamma.ts";
import { erfc, erfcxDerivative, erfinv, logNdtr, ndtr, ndtri } from "../../kernel/math/gaussian.ts";
import { acosh, asinh, atanh, logit } from "../../kernel/math/inverse-hyperbolic.ts";
import { compile } from "./evaluate.ts";
import { values } from "./special-values.ts";

interface Special {
  readonly f: (x: Expr) => Expr;
  /** The greatest error allowed, in ulp of float32 and of float64: as measured at several hundred points each, rounded up. */
  readonly ulps: readonly [number, number];
  /** Exact values where there is something to get wrong. */
  readonly at: readonly (readonly [number, number])[];
}
const { PI } = Math;
const functions: Readonly<Record<string, Special>> = {
  lgamma: {
    f: lgamma,
    ulps: [2, 3],
    at: [
      [1, 0],
      [2, 0],
      [0, Infinity],
      [-0, Infinity],
      [-1, Infinity],
      [-7, Infinity],
      [Infinity, Infinity],
      [-Infinity, Infinity],
      [NaN, NaN],
    ],
  },
  digamma: {
    f: digamma,
    ulps: [3, 4],
    at: [
      [0, -Infinity],
      [-0, Infinity],
      [-1, NaN],
      [-5, NaN],
      [Infinity, Infinity],
      [-Infinity, NaN],
      [NaN, NaN],
    ],
  },
  polygamma1: {
    f: (x) => polygamma(1, x),
    ulps: [3, 3],
    at: [
      [0, Infinity],
      [-3, Infinity],
      [Infinity, 0],
      [NaN, NaN],
    ],
  },
  polygamma2: {
    f: (x) => polygamma(2, x),
    ulps: [3, 3],
    at: [
      [0, -Infinity],
      [-3, NaN],
      [Infinity, -0],
      [NaN, NaN],
    ],
  },
  polygamma3: {
    f: (x) => polygamma(3, x),
    ulps: [3, 3],
    at: [
      [0, Infinity],
      [-3, Infinity],
      [Infinity, 0],
      [NaN, NaN],
    ],
  },
  erfc: {
    f: erfc,
    ulps: [4, 5],
    at: [
      [0, 1],
      [Infinity, 0],
      [40, 0],
      [-Infinity, 2],
      [-40, 2],
      [NaN, NaN],
    ],
  },
  erfcx: {
    f: (x) => erfcxDerivative(0, x),
    ulps: [5, 5],
    at: [
      [Infinity, 0],
      [-Infinity, Infinity],
      [-40, Infinity],
      [NaN, NaN],
    ],
  },
  erfcxDerivative1: {
    f: (x) => erfcxDerivative(1, x),
    ulps: [6, 6],
    at: [
      [Infinity, -0],
      [-40, -Infinity],
      [NaN, NaN],
    ],
  },
  erfcxDerivative2: {
    f: (x) => erfcxDerivative(2, x),
    ulps: [8, 11],
    at: [
      [Infinity, 0],
      [-40, Infinity],
      [NaN, NaN],
    ],
  },
  ndtr: {
    f: ndtr,
    ulps: [4, 4],
    at: [
      [0, 0.5],
      [Infinity, 1],
      [60, 1],
      [-Infinity, 0],
      [-60, 0],
      [NaN, NaN],
    ],
  },
  logNdtr: {
    f: logNdtr,
    ulps: [4, 5],
    at: [
      [Infinity, -0],
      [-Infinity, -Infinity],
      [NaN, NaN],
    ],
  },
  erfinv: {
    f: erfinv,
    ulps: [3, 4],
    at: [
      [0, 0],
      [-0, -0],
      [1, Infinity],
      [-1, -Infinity],
      [1.5, NaN],
      [-2, NaN],
      [NaN, NaN],
    ],
  },
  ndtri: {
    f: ndtri,
    ulps: [3, 5],
    at: [
      [0.5, 0],
      [0, -Infinity],
      [1, Infinity],
      [-0.5, NaN],
      [1.5, NaN],
      [NaN, NaN],
    ],
  },
  i0: {
    f: (x) => besseli(0, x, false),
    ulps: [4, 5],
    at: [
      [0, 1],
      [Infinity, Infinity],
      [-Infinity, Infinity],
      [NaN, NaN],
    ],
  },
  i1: {
    f: (x) => besseli(1, x, false),
    ulps: [3, 5],
    at: [
      [0, 0],
      [-0, -0],
      [Infinity, Infinity],
      [-Infinity, -Infinity],
      [NaN, NaN],
    ],
  },
  i0e: {
    f: (x) => besseli(0, x, true),
    ulps: [4, 4],
    at: [
      [0, 1],
      [Infinity, 0],
      [-Infinity, 0],
      [NaN, NaN],
    ],
  },
  i1e: {
    f: (x) => besseli(1, x, true),
    ulps: [3, 4],
    at: [
      [0, 0],
      [-0, -0],
      [Infinity, 0],
      [-Infinity, -0],
      [NaN, NaN],
    ],
  },
  bessel2: {
    f: (x) => besseli(2, x, false),
    ulps: [4, 4],
    at: [
      [0, 0],
      [Infinity, Infinity],
    ],
  },
  bessel3: {
    f: (x) => besseli(3, x, false),
    ulps: [4, 5],
    at: [
      [0, 0],
      [-Infinity, -Infinity],
    ],
  },
  asinh: {
    f: asinh,
    ulps: [2, 2],
    at: [
      [0, 0],
      [-0, -0],
      [Infinity, Infinity],
      [-Infinity, -Infinity],
      [NaN, NaN],
    ],
  },
  acosh: {
    f: acosh,
    ulps: [2, 2],
    at: [
      [1, 0],
      [0.5, NaN],
      [-2, NaN],
      [Infinity, Infinity],
      [NaN, NaN],
    ],
  },
  atanh: {
    f: atanh,
    ulps: [2, 2],
    at: [
      [0, 0],
      [-0, -0],
      [1, Infinity],
      [-1, -Infinity],
      [1.5, NaN],
      [-Infinity, NaN],
      [NaN, NaN],
    ],
  },
  logit: {
    f: logit,
    ulps: [3, 3],
    at: [
      [0.5, 0],
      [0, -Infinity],
      [1, Infinity],
      [-1, NaN],
      [2, NaN],
      [NaN, NaN],
    ],
  },
};
const lanes = ["f32", "f64"] as const;
const array = { f32: Float32Array, f64: Float64Array };
const run = (f: (x: Expr) => Expr, type: "f32" | "f64", x: readonly number[]): number[] => {
  const out = new array[type](x.length);
  compile(f(read(0, type)))(out, array[type].from(x));
  return [...out];
};

describe.each(Object.entries(functions))("%s", (name, { f, ulps, at }) => {
  it.each(lanes)("%s is within its bound of the true value", (type) => {
    const points = values[name]!.filter(([, y]) => type === "f64" || (Math.abs(y) < 3.4e38 && Math.abs(y) > 2e-38));
    const got = run(
      f,
      type,
      points.map(([x]) => x),
    );
    const [fraction, least] = type === "f32" ? [23, -126] : [52, -1022];
    points.forEach(([x, y, rest], i) => {
      const ulp = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(y))), least) - fraction);
      const off = Math.abs(got[i]! - y - rest) / ulp;
      expect(off, `${name}(${x}) is ${got[i]}, not ${y}`).toBeLessThanOrEqual(ulps[lanes.indexOf(type)]!);
    });
    expect(points.length).toBeGreaterThan(9);
  });
  it.each(lanes)("%s is right where it is special", (type) => {
    expect(
      run(
        f,
        type,
        at.map(([x]) => x),
      ),
    ).toEqual(at.map(([, y]) => y));
  });
});

it("negative arguments follow the reflection formulas", () => {
  const x = [-0.3, -1.7, -2.5, -4.25, -0.001, -1e-8, -15.9];
  const [l, d, t] = [lgamma, digamma, (e: Expr) => polygamma(1, e)].map((f) => run(f, "f64", x));
  const mirrored = x.map((v) => 1 - v);
  const [lm, dm, tm] = [lgamma, digamma, (e: Expr) => polygamma(1, e)].map((f) => run(f, "f64", mirrored));
  x.forEach((v, i) => {
    const close = (a: number, b: number): void => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-13 * (1 + Math.abs(b)));
    close(l![i]!, Math.log(PI / Math.abs(Math.sin(PI * v))) - lm![i]!);
    close(d![i]!, dm![i]! - PI / Math.tan(PI * v));
    close(t![i]!, (PI / Math.sin(PI * v)) ** 2 - tm![i]!);
  });
});

it("float32 functions use float32, 32-bit integers and comparisons only", () => {
  for (const [name, { f }] of Object.entries(functions))
    expect(
      exprOrder([f(read(0, "f32"))]).filter((e) => e.type === "f64" || e.op === "call"),
      name,
    ).toEqual([]);
});
