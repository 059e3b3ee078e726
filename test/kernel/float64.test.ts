/** The float64 functions of kernel/math against slow exact arithmetic, and at special values against Math. */
import { expect, test } from "vitest";
import { type Expr, exprOrder, read } from "../../kernel/expr.ts";
import { erf } from "../../kernel/math/error.ts";
import { exp, exp2, expm1, sigmoid } from "../../kernel/math/exponential.ts";
import { cosh, sinh, tanh } from "../../kernel/math/hyperbolic.ts";
import { acos, asin, atan, atan2 } from "../../kernel/math/inverse.ts";
import { log, log10, log1p, log2, logaddexp, softplus } from "../../kernel/math/logarithm.ts";
import { hypot, pow, rsqrt } from "../../kernel/math/power.ts";
import { cos, sin, tan } from "../../kernel/math/trigonometric.ts";
import { commonOperations, compile } from "./evaluate.ts";
import * as exact from "./fixed-point.ts";

const { divide, fixed, multiply, unit } = exact;

/** value * 2^exponent */
interface Exact {
  readonly value: bigint;
  readonly exponent: number;
}
type Reference = (x: number, y: number) => Exact;
const plain =
  (f: (x: bigint, y: bigint) => bigint): Reference =>
  (x, y) => ({ value: f(fixed(x), fixed(y)), exponent: 0 });
const expOf = (x: bigint): Exact => {
  const { n, r } = exact.modLn2(x);
  return { value: exact.exp(r), exponent: Number(n) };
};
/** f(e^x) where both are scaled by the same power of two: f gets e^x and 1. */
const ofExp =
  (f: (power: bigint, one: bigint) => bigint): Reference =>
  (x) => {
    const { value, exponent } = expOf(fixed(x));
    return exponent > 0
      ? { value: f(value, unit >> BigInt(exponent)), exponent }
      : { value: f(value >> BigInt(-exponent), unit), exponent: 0 };
  };
const half = (x: bigint): bigint => x / 2n;
const softplusOf = (x: bigint): bigint => (x > 0n ? x : 0n) + exact.log(unit + exact.exp(x > 0n ? -x : x));
const squareRoot = (x: bigint): bigint => exact.sqrt(x);
const arcsine = (x: bigint): bigint =>
  x === unit || x === -unit ? (exact.pi / 2n) * (x / unit) : exact.atan(divide(x, squareRoot(unit - multiply(x, x))));
const logTo =
  (base: bigint): Reference =>
  (x) => ({ value: divide(exact.logOf(x), base), exponent: 0 });

type Sample = (u: number) => number;
const between =
  (low: number, high: number): Sample =>
  (u) =>
    low + (high - low) * u;
/** Magnitudes evenly through exponents, of both signs or positive. */
const sizes =
  (low: number, high: number, sign: 1 | -1 = -1): Sample =>
  (u) =>
    (u < 0.5 ? sign : 1) * 2 ** (low + (high - low) * ((u * 2) % 1));
const { LN2, PI, SQRT1_2, SQRT2 } = Math;
const rootOfThree = Math.sqrt(3);

interface Case {
  readonly f: (x: Expr, y: Expr) => Expr;
  readonly reference: Reference;
  readonly samples: readonly (readonly [Sample, Sample?])[];
  /** Where branches and reductions meet. */
  readonly critical: readonly number[];
  /** Operations on the path that is not rare, bitcasts not counted. */
  readonly operations: number;
}
const turns = [PI / 4, PI / 2, PI, 355, 103993, 1000.5 * PI, 52174, 41720.5 * PI, 131071.5];
const cases: readonly Case[] = [
  {
    f: exp,
    reference: (x) => expOf(fixed(x)),
    samples: [[between(-1, 1)], [between(-708, 709.7)], [sizes(-60, 3)]],
    critical: [LN2 / 2, -LN2 / 2, 708, -708, 709.3],
    operations: 42,
  },
  {
    f: exp2,
    reference: (x) => ({ ...expOf(multiply(fixed(x - Math.round(x)), exact.ln2)), exponent: Math.round(x) }),
    samples: [[between(-1, 1)], [between(-1021, 1023.9)], [sizes(-60, 3)]],
    critical: [0.5, -0.5, 1021, 1023.5],
    operations: 39,
  },
  {
    f: expm1,
    reference: ofExp((power, one) => power - one),
    samples: [[between(-1.5, 1.5)], [between(-40, 709.7)], [sizes(-60, 3)]],
    critical: [LN2 / 2, -LN2 / 2, 1.04, -1.04, 36.7, 37.4, -37.4, 708, 709.3],
    operations: 52,
  },
  {
    f: sigmoid,
    reference: (x) => {
      const { value, exponent } = expOf(fixed(x));
      return { value: divide(value, unit + exact.exp(fixed(x))), exponent };
    },
    samples: [[between(-5, 5)], [between(-100, 40)], [sizes(-60, 3)]],
    critical: [-1.1, 0.4, 37],
    operations: 50,
  },
  {
    f: softplus,
    reference: plain(softplusOf),
    samples: [[between(-5, 5)], [between(-100, 40)], [sizes(-60, 3)]],
    critical: [-0.88, 0.88, -37, 37],
    operations: 89,
  },
  {
    f: log,
    reference: (x) => ({ value: exact.logOf(x), exponent: 0 }),
    samples: [[between(0.5, 2)], [sizes(-1074, 1023, 1)]],
    critical: [1, SQRT1_2, SQRT2, 2 ** -1022],
    operations: 39,
  },
  {
    f: log2,
    reference: logTo(exact.ln2),
    samples: [[between(0.5, 2)], [sizes(-1074, 1023, 1)]],
    critical: [1, SQRT1_2, SQRT2, 2 ** -1022],
    operations: 39,
  },
  {
    f: log10,
    reference: logTo(exact.logOf(10)),
    samples: [[between(0.5, 2)], [sizes(-1074, 1023, 1)]],
    critical: [1, SQRT1_2, SQRT2, 1000],
    operations: 43,
  },
  {
    f: log1p,
    reference: (x) => ({
      value: x < 0.5 ? exact.log(unit + fixed(x)) : exact.logOf(x) + exact.log(unit + exact.reciprocal(fixed(x))),
      exponent: 0,
    }),
    samples: [[between(-0.9999, 2)], [sizes(-60, -0.1)], [sizes(-1, 300, 1)]],
    critical: [SQRT1_2 - 1, SQRT2 - 1, -0.99, 2 ** 53],
    operations: 51,
  },
  {
    f: sin,
    reference: plain((x) => exact.sin(x)),
    samples: [[between(-4, 4)], [between(-131072, 131072)], [sizes(-60, 30)]],
    critical: turns,
    operations: 64,
  },
  {
    f: cos,
    reference: plain((x) => exact.sin(x, 1n)),
    samples: [[between(-4, 4)], [between(-131072, 131072)], [sizes(-60, 30)]],
    critical: turns,
    operations: 63,
  },
  {
    f: tan,
    reference: plain((x) => divide(exact.sin(x), exact.sin(x, 1n))),
    samples: [[between(-4, 4)], [between(-131072, 131072)], [sizes(-60, 30)]],
    critical: turns,
    operations: 67,
  },
  {
    f: tanh,
    reference: (x) => ({
      ...ofExp((power, one) => divide(multiply(power, power) - multiply(one, one), multiply(power, power) + multiply(one, one)))(x, 0),
      exponent: 0,
    }),
    samples: [[between(-1, 1)], [between(0.25, 0.7)], [between(-20, 20)], [sizes(-60, 3)]],
    critical: [0.2599, 0.5493061443340549, 0.6065, 19.06],
    operations: 51,
  },
  {
    f: sinh,
    reference: ofExp((power, one) => half(power - divide(multiply(one, one), power))),
    samples: [[between(-1.5, 1.5)], [between(0, 710.4)], [sizes(-60, 3)]],
    critical: [1, -1, 710.1],
    operations: 71,
  },
  {
    f: cosh,
    reference: ofExp((power, one) => half(power + divide(multiply(one, one), power))),
    samples: [[between(-1.5, 1.5)], [between(0, 710.4)], [sizes(-60, 3)]],
    critical: [LN2 / 2, 710.1],
    operations: 45,
  },
  { f: asin, reference: plain(arcsine), samples: [[between(-1, 1)], [sizes(-60, -1)]], critical: [0.5, -0.5, 0.999], operations: 50 },
  {
    f: acos,
    reference: plain((x) => exact.pi / 2n - arcsine(x)),
    samples: [[between(-1, 1)], [sizes(-60, -1)]],
    critical: [0.5, -0.5, 0.999, -0.999],
    operations: 52,
  },
  { f: atan, reference: plain(exact.atan), samples: [[between(-1.2, 1.2)], [sizes(-60, 60)]], critical: [1, -1], operations: 63 },
  {
    f: atan2,
    reference: plain((y, x) => exact.atan(divide(y, x)) + (x > 0n ? 0n : y < 0n ? -exact.pi : exact.pi)),
    samples: [
      [between(-2, 2), between(-2, 2)],
      [sizes(-30, 30), sizes(-30, 30)],
    ],
    critical: [],
    operations: 73,
  },
  {
    f: erf,
    reference: plain(exact.erf),
    samples: [[between(-6, 6)], [between(0.8, 1.3)], [sizes(-60, 1)]],
    critical: [1, -1, 5.9],
    operations: 113,
  },
  { f: rsqrt, reference: plain((x) => exact.reciprocal(exact.sqrt(x))), samples: [[between(0.1, 10)]], critical: [1], operations: 2 },
  {
    f: pow,
    reference: (x, y) => expOf(multiply(fixed(y), exact.logOf(x))),
    samples: [
      [between(0, 4), between(-30, 30)],
      [sizes(-330, 330, 1), between(-3, 3)],
      [between(0.9, 1.1), between(-5000, 5000)],
      [between(0.999, 1.001), between(-500_000, 500_000)],
    ],
    critical: [rootOfThree / 2, Math.sqrt(1.5), rootOfThree],
    operations: 132,
  },
  {
    f: hypot,
    reference: plain((x, y) => exact.sqrt(multiply(x, x) + multiply(y, y))),
    samples: [[between(-100, 100), between(-100, 100)]],
    critical: [],
    operations: 9,
  },
  {
    f: logaddexp,
    reference: plain((x, y) => (x > y ? x : y) + softplusOf(x > y ? y - x : x - y)),
    samples: [
      [between(-20, 20), between(-20, 20)],
      [between(-1, 1), between(-1, 1)],
    ],
    critical: [],
    operations: 96,
  },
];

const run = (root: Expr, ...inputs: readonly Float64Array[]): Float64Array => {
  const out = new Float64Array(inputs[0]!.length);
  compile(root)(out, ...inputs);
  return out;
};
const fraction = (i: number, step: number): number => (i * step) % 1;
const perRange = 2000;

/** Doubles close to x, at distances of all sizes. */
const around = (x: number): number[] =>
  Array.from({ length: 250 }, (_, i) => x * (1 + (fraction(i, SQRT2) - 0.5) * 2 ** (-11 - fraction(i, LN2) * 41)));

test.each(cases.map((c) => ({ ...c, name: c.f.name })))(
  "float64 $name keeps within 2 ulp of exact arithmetic",
  ({ name, f, reference, samples, critical }) => {
    const points = samples.flatMap(([x, y]) =>
      Array.from(
        { length: perRange },
        (_, i) => [x(fraction(i + 1, 0.6180339887498949)), y?.(fraction(i + 1, 0.41421356237309515)) ?? 0] as const,
      ),
    );
    for (const x of critical)
      points.push(...around(x).map((v, i) => [v, name === "pow" ? 700 * (fraction(i, 0.6180339887498949) - 0.5) : 0] as const));
    const [x, y] = [0, 1].map((k) => Float64Array.from(points, (p) => p[k]!)) as [Float64Array, Float64Array];
    let worst = { off: 0, text: "" };
    run(f(read(0, "f64"), read(1, "f64")), x, y).forEach((got, i) => {
      const [u, v] = [x[i]!, y[i]!];
      const { value, exponent } = reference(u, v);
      const size =
        name === "logaddexp" ? [value, fixed(u), fixed(v)].map((b) => (b < 0n ? -b : b)).reduce((a, b) => (a > b ? a : b)) : value;
      const near = Math.trunc(exponent / 2);
      const off = exact.doubleUlps(got * 2 ** -near * 2 ** (near - exponent), value, size);
      if (off > worst.off) worst = { off, text: `${name}(${u}, ${v}): got ${got}, ${off} ulp off` };
    });
    expect(worst.off, worst.text).toBeLessThanOrEqual(2);
  },
);

/** Magnitudes where functions saturate, overflow or underflow, or have limits; integers and halves. */
const magnitudes = [
  0,
  5e-324,
  1e-310,
  2 ** -1022,
  1e-300,
  1e-17,
  1e-8,
  0.1,
  0.5,
  0.7,
  1,
  1.5,
  2,
  2.5,
  3,
  6,
  10,
  20,
  30,
  100,
  700,
  708.5,
  709.5,
  710.2,
  711,
  744.5,
  745.1,
  746,
  1022.5,
  1023.9,
  1024,
  1073.5,
  1074.5,
  1e5,
  131071,
  131073,
  2 ** 52 + 1,
  2 ** 53,
  1e22,
  1e150,
  1e200,
  1e300,
  Number.MAX_VALUE,
  Infinity,
];
const specials = Float64Array.from([...magnitudes, ...magnitudes.map((x) => -x), NaN]);
const pairs = [...specials].flatMap((x) => [...specials].map((y) => [x, y] as const));

/** Equal where zero, infinite or NaN; elsewhere within 4 ulp: 2 of each side, Math being no better than that. */
function likeMath(got: number, want: number): boolean {
  if (!Number.isFinite(want) || want === 0 || !Number.isFinite(got)) return Object.is(got, want);
  return Math.abs(got - want) <= 4 * Math.max(2 ** (Math.floor(Math.log2(Math.abs(want))) - 52), 5e-324);
}

const byMath: Record<string, (x: number, y: number) => number> = {
  exp2: (x) => 2 ** x,
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  rsqrt: (x) => 1 / Math.sqrt(x),
  logaddexp: (x, y) => (x === y ? x + LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))),
};

test("float64 functions have Math's values where they are zero, infinite, NaN or subnormal, and Math's limits", () => {
  for (const { f } of cases.filter((c) => c.f !== erf)) {
    const math = byMath[f.name] ?? (Math as unknown as Record<string, (x: number, y: number) => number>)[f.name]!;
    const points = f.length === 1 ? [...specials].map((x) => [x, 0] as const) : pairs;
    const [x, y] = [0, 1].map((k) => Float64Array.from(points, (p) => p[k]!)) as [Float64Array, Float64Array];
    run(f(read(0, "f64"), read(1, "f64")), x, y).forEach((got, i) => {
      const want = math(x[i]!, y[i]!);
      expect(likeMath(got, want), `${f.name}(${x[i]}, ${y[i]}): got ${got}, expected ${want}`).toBe(true);
    });
  }
  expect([...run(erf(read(0, "f64")), Float64Array.of(-Infinity, -0, 0, Infinity, NaN))]).toEqual([-1, -0, 0, 1, NaN]);
  expect([...run(erf(read(0, "f64")), Float64Array.of(5e-324, -1e-310, 6, 30, -1e300))]).toEqual([5e-324, -1.1283791670955e-310, 1, 1, -1]);
});

test("float64 powers, roots of unity and logarithms that are exact are exact", () => {
  const unary = (f: (x: Expr) => Expr, x: number[]): number[] => [...run(f(read(0, "f64")), Float64Array.from(x))];
  expect(unary(cos, [0, PI, 2 * PI])).toEqual([1, -1, 1]);
  expect(unary(sin, [0, PI / 2])).toEqual([0, 1]);
  const exponents = Array.from({ length: 2046 }, (_, i) => i - 1022);
  expect(unary(exp2, exponents)).toEqual(exponents.map((n) => 2 ** n));
  expect(
    unary(
      log2,
      exponents.map((n) => 2 ** n),
    ),
  ).toEqual(exponents);
  const integers = Array.from({ length: 40 }, (_, i) => Array.from({ length: 8 }, (_, n) => [i - 20, n] as const)).flat();
  const powers = run(
    pow(read(0, "f64"), read(1, "f64")),
    Float64Array.from(integers, (p) => p[0]),
    Float64Array.from(integers, (p) => p[1]),
  );
  expect([...powers]).toEqual(integers.map(([x, n]) => x ** n));
});

test("float64 functions that are odd are odd to the bit, -0 included", () => {
  const x = Float64Array.from([...magnitudes, ...Array.from({ length: 4000 }, (_, i) => 2 ** (-40 + 60 * fraction(i, LN2)))]);
  for (const f of [sin, tan, tanh, sinh, asin, atan, erf]) {
    const y = run(f(read(0, "f64")), x);
    const negated = run(
      f(read(0, "f64")),
      x.map((v) => -v),
    );
    expect(
      y.findIndex((v, i) => !Object.is(v, -negated[i]!) && !Number.isNaN(v)),
      f.name,
    ).toBe(-1);
  }
});

test("float64 functions are short where inputs are common, and call Math only for the sines and tangents of huge numbers", () => {
  for (const { f, operations } of cases) {
    const root = f(read(0, "f64"), read(1, "f64"));
    expect(commonOperations(root), f.name).toBeLessThanOrEqual(operations);
    const calls = (roots: readonly Expr[]): number => exprOrder(roots).filter((e) => e.op === "call").length;
    const isTurn = [sin, cos, tan].includes(f as typeof sin);
    expect(calls([root]), f.name).toBe(isTurn ? 1 : 0);
    if (isTurn) expect([root.op, calls([root.args[0]!, root.args[2]!])], f.name).toEqual(["rare", 0]);
  }
});
