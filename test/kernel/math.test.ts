/** The float32 functions of kernel/math against float64 Math, and against the language they may use. */
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

interface Unary {
  readonly name: string;
  readonly f: (x: Expr) => Expr;
  /** In float64, to well below a float32 ulp. */
  readonly reference: (x: number) => number;
  readonly ulps: number;
  /** Where branches and reductions meet. */
  readonly critical: readonly number[];
  /** Operations on the path that is not rare, bitcasts not counted. */
  readonly operations: number;
}

const ln2 = Math.LN2;
/** erf by its Taylor series near 0, and by the continued fraction of erfc (Lentz, backwards, 60 levels) beyond 2. */
function erfReference(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a > 2) {
    let tail = a;
    for (let k = 60; k > 0; k--) tail = a + k / 2 / tail;
    return Math.sign(x) * (1 - Math.exp(-a * a) / tail / Math.sqrt(Math.PI));
  }
  // Kummer's form, whose terms are all positive: 2/sqrt(pi) e^(-x^2) sum of 2^k x^(2k+1) / (2k+1)!!
  let term = x;
  let sum = x;
  for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(sum); k++) sum += term *= (2 * x * x) / (2 * k + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const functions: readonly Unary[] = [
  { name: "exp", f: exp, reference: Math.exp, ulps: 2, critical: [ln2 / 2, -ln2 / 2, 87, -87, 88.722839, -103.9, -87.336], operations: 24 },
  {
    name: "expm1",
    f: expm1,
    reference: Math.expm1,
    ulps: 2,
    critical: [ln2 / 2, -ln2 / 2, 1.04, 87, 88.722839, -17.3, -87],
    operations: 28,
  },
  { name: "exp2", f: exp2, reference: (x) => 2 ** x, ulps: 2, critical: [0.5, -0.5, 1, 125, 128, -126, -149, -150], operations: 22 },
  {
    name: "sigmoid",
    f: sigmoid,
    reference: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
    ulps: 2,
    critical: [-1.1, 17, -17, 87, -87, -103.9],
    operations: 32,
  },
  { name: "log", f: log, reference: Math.log, ulps: 2, critical: [1, Math.SQRT1_2, Math.SQRT2, 2 ** -126], operations: 27 },
  { name: "log2", f: log2, reference: Math.log2, ulps: 2, critical: [1, Math.SQRT1_2, Math.SQRT2, 2 ** -126], operations: 27 },
  { name: "log10", f: log10, reference: Math.log10, ulps: 2, critical: [1, Math.SQRT1_2, Math.SQRT2, 2 ** -126, 1000], operations: 31 },
  {
    name: "log1p",
    f: log1p,
    reference: Math.log1p,
    ulps: 2,
    critical: [-1, Math.SQRT1_2 - 1, Math.SQRT2 - 1, 2 ** 24, 2 ** 127],
    operations: 35,
  },
  {
    name: "softplus",
    f: softplus,
    reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    ulps: 2,
    critical: [-0.88, -87, -103.9, 17],
    operations: 59,
  },
  {
    name: "sin",
    f: sin,
    reference: Math.sin,
    ulps: 4,
    critical: [Math.PI / 2, Math.PI, -100 * Math.PI, 8000, 2546 * Math.PI],
    operations: 29,
  },
  {
    name: "cos",
    f: cos,
    reference: Math.cos,
    ulps: 4,
    critical: [Math.PI / 2, Math.PI, -100.5 * Math.PI, 8000, 2545.5 * Math.PI],
    operations: 29,
  },
  {
    name: "tan",
    f: tan,
    reference: Math.tan,
    ulps: 4,
    critical: [Math.PI / 4, Math.PI / 2, Math.PI, 8000, 2545.5 * Math.PI],
    operations: 45,
  },
  { name: "tanh", f: tanh, reference: Math.tanh, ulps: 2, critical: [1e-8, 0.2599, 0.5493, 0.6065, 9.01, 10], operations: 35 },
  { name: "sinh", f: sinh, reference: Math.sinh, ulps: 2, critical: [1e-8, 1, 88.72, 89.415985], operations: 41 },
  { name: "cosh", f: cosh, reference: Math.cosh, ulps: 2, critical: [1e-8, ln2 / 2, 88.72, 89.415985], operations: 27 },
  { name: "asin", f: asin, reference: Math.asin, ulps: 2, critical: [0.5, 1], operations: 27 },
  { name: "acos", f: acos, reference: Math.acos, ulps: 2, critical: [0.5, -0.5, 1, -1], operations: 29 },
  { name: "atan", f: atan, reference: Math.atan, ulps: 2, critical: [1, 2 ** 24], operations: 29 },
  { name: "erf", f: erf, reference: erfReference, ulps: 2, critical: [1, 3.83, 4], operations: 57 },
  { name: "rsqrt", f: rsqrt, reference: (x) => 1 / Math.sqrt(x), ulps: 2, critical: [1, 2 ** -126], operations: 2 },
];

interface Binary {
  readonly name: string;
  readonly f: (x: Expr, y: Expr) => Expr;
  readonly reference: (x: number, y: number) => number;
  readonly ulps: number;
  readonly operations: number;
}
const logaddexpReference = (x: number, y: number): number => (x === y ? x + ln2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y))));
const binaries: readonly Binary[] = [
  { name: "pow", f: pow, reference: Math.pow, ulps: 4, operations: 84 },
  { name: "atan2", f: atan2, reference: Math.atan2, ulps: 2, operations: 38 },
  { name: "hypot", f: hypot, reference: Math.hypot, ulps: 2, operations: 9 },
  { name: "logaddexp", f: logaddexp, reference: logaddexpReference, ulps: 2, operations: 66 },
];

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);
const bitsOf = (x: number): number => ((float[0] = x), word[0]!);

/** The error in units in the last place of a float32 of this size; Infinity where NaN, the sign of 0 or an exact 0 is wrong. */
function ulpsOff(got: number, want: number, size = Math.abs(want)): number {
  const rounded = Math.fround(want);
  if (Object.is(got, rounded)) return 0;
  if (Number.isNaN(got) || Number.isNaN(want) || want === 0 || (got === 0 && rounded === 0)) return Infinity;
  const finite = (v: number): number => Math.sign(v) * Math.min(Math.abs(v), 2 ** 128);
  const exponent = Math.min(Math.max(Math.floor(Math.log2(size)), -126), 127);
  return Math.abs(finite(got) - finite(want)) / 2 ** (exponent - 23);
}

/** Throws for the worst sample beyond the bound. `size` gives what an ulp is measured by, where not by the result. */
function judge(
  name: string,
  root: Expr,
  inputs: readonly Float32Array[],
  reference: (...x: number[]) => number,
  ulps: number,
  size?: (want: number, ...x: number[]) => number,
): void {
  const out = new Float32Array(inputs[0]!.length);
  compile(root)(out, ...inputs);
  let worst = { ulps: 0, text: "" };
  for (let i = 0; i < out.length; i++) {
    const x = inputs.map((a) => a[i]!);
    const want = reference(...x);
    const off = ulpsOff(out[i]!, want, size?.(want, ...x));
    if (off > worst.ulps) worst = { ulps: off, text: `${name}(${x.join(", ")}): got ${out[i]}, expected ${want}, ${off} ulp` };
  }
  expect(worst.ulps, worst.text).toBeLessThanOrEqual(ulps);
}

/** Every stride-th of all 2^32 bit patterns: all exponents, subnormals and NaNs. */
function throughAllFloats(stride: number): Float32Array {
  const a = new Uint32Array(Math.floor(2 ** 32 / stride));
  for (let i = 0; i < a.length; i++) a[i] = i * stride;
  return new Float32Array(a.buffer);
}
/** The floats around x, one by one and then wider apart. */
function around(points: readonly number[]): Float32Array {
  const a = points.flatMap((x) => [1, 37, 4001].flatMap((step) => Array.from({ length: 1001 }, (_, i) => bitsOf(x) + (i - 500) * step)));
  return new Float32Array(Uint32Array.from(a).buffer);
}
const specials = [
  0,
  1,
  0.5,
  2,
  3,
  1.5,
  2.5,
  2 ** -149,
  2 ** -140,
  2 ** -126,
  1e-30,
  1e-8,
  0.1,
  10,
  100,
  126,
  128,
  149,
  1e5,
  2 ** 23 + 1,
  2 ** 24,
  1e30,
  3.4028234663852886e38,
  Infinity,
];
const allSpecials = Float32Array.from([...specials, ...specials.map((x) => -x), NaN]);

const everywhere = throughAllFloats(20_011);

test.each(functions)("float32 $name keeps within $ulps ulp of float64 for every kind of input", ({ name, f, reference, ulps }) => {
  judge(name, f(read(0, "f32")), [everywhere], reference, ulps);
});

test.each(functions)("float32 $name is right at special values and where its branches meet", ({ name, f, reference, ulps, critical }) => {
  judge(name, f(read(0, "f32")), [allSpecials], reference, ulps);
  judge(name, f(read(0, "f32")), [around(critical)], reference, ulps);
});

test("float32 tan keeps within 2 ulp up to 8000, where its range reduction is the fast one", () => {
  const x = Float32Array.from({ length: 400_000 }, (_, i) => (i % 2 === 0 ? 8000 : 20) * Math.sin(i));
  judge("tan", tan(read(0, "f32")), [x], Math.tan, 2);
});

test("float32 sine of the floats closest to multiples of pi/2 keeps its leading digits", () => {
  // Hard cases of Payne-Hanek reduction, from the continued fraction of pi: m * 2^e close to a multiple of pi/2.
  const hard: number[] = [];
  for (let e = -10; e < 104; e++) {
    let best = { distance: Infinity, x: 0 };
    for (let m = 2 ** 23 + 1; m < 2 ** 24; m += 4099) {
      const x = m * 2 ** e;
      const distance = Math.min(Math.abs(Math.sin(x)), Math.abs(Math.cos(x)));
      if (distance < best.distance) best = { distance, x };
    }
    hard.push(best.x);
  }
  const x = Float32Array.from([...hard, 16367173 * 2 ** 72, 13211510 * 2 ** -2, 367579.75]); // the second: Kahan's worst for float32
  for (const [name, f, reference] of [
    ["sin", sin, Math.sin],
    ["cos", cos, Math.cos],
    ["tan", tan, Math.tan],
  ] as const)
    judge(name, f(read(0, "f32")), [x], reference, 4);
});

/** Pairs: all special ones, random bits, and moderate values of both signs. */
function pairs(name: string): [Float32Array, Float32Array] {
  const n = 400_000;
  const random = new Uint32Array(2 * n);
  let state = 1;
  for (let i = 0; i < 2 * n; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    random[i] = state ^ (state >>> 15);
  }
  const x = new Float32Array(random.buffer, 0, n).slice();
  const y = new Float32Array(random.buffer, 4 * n, n).slice();
  const uniform = (i: number): number => random[i]! / 2 ** 32 - 0.5;
  for (let i = 0; i < n; i++) {
    if (i % 3 === 0) continue;
    x[i] = i % 3 === 1 ? 200 * uniform(i) : 1 + uniform(i);
    y[i] = 200 * uniform(n + i);
    // The largest and smallest powers, where an error in log2 x counts most, and integer powers of negative numbers.
    if (name === "pow" && i % 3 === 2) y[i] = ((126 + 25 * uniform(n + i)) * Math.sign(uniform(n + i))) / Math.log2(x[i]!);
    else if (name === "pow") y[i] = Math.round(y[i]! / 8);
  }
  const s = allSpecials.length;
  allSpecials.forEach((u, i) => allSpecials.forEach((v, j) => ((x[i * s + j] = u), (y[i * s + j] = v))));
  return [x, y];
}

test.each(binaries)("float32 $name keeps within $ulps ulp of float64, special values included", ({ name, f, reference, ulps }) => {
  const size =
    name === "logaddexp"
      ? (want: number, x: number, y: number) => Math.max(Math.abs(want), Math.min(Math.abs(x), 2 ** 127), Math.min(Math.abs(y), 2 ** 127))
      : undefined;
  judge(name, f(read(0, "f32"), read(1, "f32")), pairs(name), reference, ulps, size);
});

test("float32 functions that are odd are odd to the bit, -0 included", () => {
  const x = throughAllFloats(199_999).filter((v) => !Number.isNaN(v));
  const negated = x.map((v) => -v);
  for (const f of [sin, tan, tanh, sinh, asin, atan, erf]) {
    const [a, b] = [new Float32Array(x.length), new Float32Array(x.length)];
    const run = compile(f(read(0, "f32")));
    run(a, x);
    run(b, negated);
    expect(
      a.findIndex((v, i) => !Object.is(v, -b[i]!) && !Number.isNaN(v)),
      f.name,
    ).toBe(-1);
  }
});

test("float32 functions that rise never fall by more than an ulp from one float to the next where their branches meet", () => {
  for (const { name, f, critical } of functions.filter((g) =>
    ["exp", "expm1", "exp2", "sigmoid", "log", "log2", "log10", "log1p", "tanh", "sinh", "asin", "atan", "erf"].includes(g.name),
  )) {
    for (const point of critical) {
      const x = Float32Array.from(around([point]).subarray(0, 1001)).sort();
      const y = new Float32Array(x.length);
      compile(f(read(0, "f32")))(y, x);
      for (let i = 1; i < x.length; i++) {
        const fall = y[i - 1]! - y[i]!;
        if (fall > 0) expect(ulpsOff(y[i - 1]!, y[i]!), `${name} falls from ${y[i - 1]} to ${y[i]} at ${x[i]}`).toBeLessThanOrEqual(1);
      }
    }
  }
});

test("float32 functions use float32, 32-bit integers and comparisons only, and are short where inputs are common", () => {
  const parts = [
    ...functions.map((g) => ({ ...g, root: g.f(read(0, "f32")) })),
    ...binaries.map((g) => ({ ...g, root: g.f(read(0, "f32"), read(1, "f32")) })),
  ];
  for (const { name, root, operations } of parts) {
    const all = exprOrder([root]);
    expect(
      all.filter(
        (e) =>
          e.type === "f64" ||
          e.op === "call" ||
          (e.op === "const" && e.type === "f32" && Math.fround(e.value) !== e.value && !Number.isNaN(e.value)),
      ),
      name,
    ).toEqual([]);
    expect(commonOperations(root), name).toBeLessThanOrEqual(operations);
  }
});
