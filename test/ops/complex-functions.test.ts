/** Functions of complex numbers: against compositions of others, along the real axis, on both sides of their cuts, and where they overflow. */
import { describe, expect, it } from "vitest";
import type { Complex } from "../../core/data.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { div, mul, square, sub } from "../../ops/arithmetic.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { convert } from "../../ops/convert.ts";
import { acos, asin, atan, cos, cosh, exp, expm1, log, log1p, rsqrt, sigmoid, sin, sinh, sqrt, tan, tanh } from "../../ops/functions.ts";
import { abs } from "../../ops/piecewise.ts";
import { angle, polar } from "../../ops/polar.ts";
import { pow } from "../../ops/power.ts";
import { acosh, asinh, atanh } from "../../ops/special.ts";
import { createEngine } from "../../scheduler/engine.ts";
import {
  c,
  complexOf,
  conjugate,
  expectClose,
  expectSame,
  exponential,
  functions,
  length,
  logarithm,
  minus,
  over,
  plus,
  scale,
  some,
  tensorOf,
  times,
} from "./complex-numbers.ts";
import { numbersOf } from "./support.ts";

const names = Object.keys(functions);

// Textbook definitions by exp and log of pairs, which lose digits only near cancellations: the points keep away from those.
const i = c(0, 1);
const one = c(1, 0);
const half = (z: Complex): Complex => scale(z, 0.5);
const root = (z: Complex): Complex => exponential(half(logarithm(z)));
const turned = (z: Complex): Complex => times(i, z);
const back = (z: Complex): Complex => times(c(0, -1), z);
const negative = (z: Complex): Complex => scale(z, -1);
const sinhOf = (z: Complex): Complex => half(minus(exponential(z), exponential(negative(z))));
const coshOf = (z: Complex): Complex => half(plus(exponential(z), exponential(negative(z))));
const asinhOf = (z: Complex): Complex => logarithm(plus(z, root(plus(times(z, z), one))));
const atanhOf = (z: Complex): Complex => half(minus(logarithm(plus(one, z)), logarithm(minus(one, z))));
const acoshOf = (z: Complex): Complex => logarithm(plus(z, times(root(plus(z, one)), root(minus(z, one)))));
const textbook: Readonly<Record<string, (z: Complex) => Complex>> = {
  exp: exponential,
  exp2: (z) => exponential(scale(z, Math.LN2)),
  expm1: (z) => minus(exponential(z), one),
  log: logarithm,
  log2: (z) => scale(logarithm(z), Math.LOG2E),
  log10: (z) => scale(logarithm(z), Math.LOG10E),
  log1p: (z) => logarithm(plus(z, one)),
  sqrt: root,
  rsqrt: (z) => over(one, root(z)),
  sin: (z) => back(sinhOf(turned(z))),
  cos: (z) => coshOf(turned(z)),
  tan: (z) => back(over(sinhOf(turned(z)), coshOf(turned(z)))),
  asin: (z) => back(asinhOf(turned(z))),
  acos: (z) => minus(c(Math.PI / 2, 0), back(asinhOf(turned(z)))),
  atan: (z) => back(atanhOf(turned(z))),
  sinh: sinhOf,
  cosh: coshOf,
  tanh: (z) => over(sinhOf(z), coshOf(z)),
  asinh: asinhOf,
  acosh: acoshOf,
  atanh: atanhOf,
  sigmoid: (z) => over(one, plus(one, exponential(negative(z)))),
};

/** In all quadrants. */
const points = some([40], { seed: 17 }).filter((z) => length(z) > 0.3 && Math.abs(z.im) > 0.05 && Math.abs(z.re) > 0.05);

describe("agrees with its definition by exp and log", () => {
  it.each(names)("%s", (name) => {
    expectClose(complexOf(functions[name]!(tensorOf(points))), points.map(textbook[name]!), 300);
    const single = convert(tensorOf(points), "complex64");
    expectClose(complexOf(functions[name]!(single)), complexOf(single).map(textbook[name]!), 60, 2 ** -24);
  });

  it("pow, abs, angle and polar", () => {
    const others = some([points.length], { seed: 23 });
    const [z, w] = [tensorOf(points), tensorOf(others)];
    const power = (a: Complex, b: Complex): Complex => exponential(times(b, logarithm(a)));
    expectClose(
      complexOf(pow(z, w)),
      points.map((a, k) => power(a, others[k]!)),
      60,
    );
    expectClose(
      complexOf(pow(z, 2.5)),
      points.map((a) => power(a, c(2.5, 0))),
      60,
    );
    expectClose(
      complexOf(pow(2, w)),
      others.map((b) => power(c(2, 0), b)),
      60,
    );
    expectClose(
      complexOf(pow(z, real(w))),
      points.map((a, k) => power(a, c(others[k]!.re, 0))),
      60,
    );
    expect(numbersOf(angle(z))).toEqual(points.map((a) => expect.closeTo(Math.atan2(a.im, a.re), 14) as number));
    expectClose(complexOf(polar(abs(z), angle(z))), points, 8);
  });
});

describe("relations that hold everywhere", () => {
  const wide = [0.001, 1, 30].flatMap((size, k) => some([12], { seed: 31 + k, low: -size, high: size }));
  const z = tensorOf(wide);

  it("f(conj z) is conj f(z), to the bit, off the real axis", () => {
    for (const name of names) expectSame(complexOf(functions[name]!(conj(z))), complexOf(functions[name]!(z)).map(conjugate));
  });

  it.each<[string, (z: Tensor) => Tensor, (z: Tensor) => Tensor]>([
    ["exp(log z) = z", (t) => exp(log(t)), (t) => t],
    ["square(sqrt z) = z", (t) => square(sqrt(t)), (t) => t],
    ["sin(asin z) = z", (t) => sin(asin(t)), (t) => t],
    ["cos(acos z) = z", (t) => cos(acos(t)), (t) => t],
    ["sinh(asinh z) = z", (t) => sinh(asinh(t)), (t) => t],
    ["cosh(acosh z) = z", (t) => cosh(acosh(t)), (t) => t],
    ["tan z = sin z / cos z", (t) => mul(tan(t), cos(t)), (t) => sin(t)],
    ["tanh z = sinh z / cosh z", (t) => mul(tanh(t), cosh(t)), (t) => sinh(t)],
    ["expm1(log1p z) = z", (t) => expm1(log1p(t)), (t) => t],
    ["rsqrt z = 1 / sqrt z", (t) => rsqrt(t), (t) => div(1, sqrt(t))],
    ["sigmoid z + sigmoid(-z) = 1", (t) => sub(1, sigmoid(t)), (t) => sigmoid(mul(t, -1))],
    ["asin z + acos z = pi/2", (t) => sub(Math.PI / 2, asin(t)), (t) => acos(t)],
  ])("%s", (_, f, g) => {
    // Up to what an error in the argument of one becomes in the other: arguments of up to 50 lose as many units.
    const [a, b] = [complexOf(f(z)), complexOf(g(z))];
    a.forEach((x, k) => expect(length(minus(x, b[k]!))).toBeLessThan(1e-14 * (1 + length(wide[k]!)) * (1 + length(b[k]!))));
  });

  it("is accurate near 0, where definitions cancel", () => {
    const tiny = some([20], { seed: 77, low: -1e-9, high: 1e-9 });
    const t = tensorOf(tiny);
    for (const f of [expm1, log1p, sin, tan, asin, atan, sinh, tanh, asinh, atanh]) {
      const got = complexOf(f(t));
      // f(z) = z + O(z^2).
      got.forEach((g, k) => expect(length(minus(g, tiny[k]!))).toBeLessThan(2e-9 * length(tiny[k]!)));
    }
    const near = some([20], { seed: 78, low: -1e-9, high: 1e-9 }).map((d) => plus(one, d));
    complexOf(log(tensorOf(near))).forEach((g, k) => {
      const d = minus(near[k]!, one);
      expect(length(minus(g, d))).toBeLessThan(2e-9 * length(d));
    });
  });

  it("on the real axis it is the real function, with an imaginary part of 0", () => {
    const x = [-0.75, -0.5, 0.25, 0.5, 0.9];
    const real_ = constant(Float64Array.from(x));
    for (const name of names.filter((n) => n !== "acosh")) {
      const inside = name.startsWith("log") || name.endsWith("sqrt") ? abs(real_) : real_;
      const f = functions[name]!;
      const got = f(complex(inside));
      expect(Math.max(...numbersOf(imag(got)).map(Math.abs)), name).toBe(0);
      const wanted = numbersOf(f(inside));
      numbersOf(real(got)).forEach((v, k) => expect(Math.abs(v - wanted[k]!), name).toBeLessThanOrEqual(2e-15 * Math.abs(wanted[k]!)));
    }
  });
});

describe("cuts are continuous from the side that the sign of zero says", () => {
  const side = (re: number, im: 1 | -1): Complex => c(re, im === 1 ? 0 : -0);
  /** A point on a cut, and one beside it. */
  const near = (name: string, on: Complex, beside: Complex): void => {
    const f = functions[name]!;
    const [[a], [b]] = [complexOf(f(tensorOf([on]))), complexOf(f(tensorOf([beside])))];
    expect(length(minus(a!, b!)), `${name} of ${on.re} + ${on.im}i`).toBeLessThan(1e-6);
  };

  it.each(["log", "log2", "log10", "sqrt", "rsqrt", "acosh"])("%s, on the negative axis", (name) => {
    for (const s of [1, -1] as const) for (const x of [-0.5, -2, -30]) near(name, side(x, s), c(x, s * 1e-12));
  });
  it("log1p, left of -1", () => {
    for (const s of [1, -1] as const) near("log1p", side(-3, s), c(-3, s * 1e-12));
  });
  it.each(["asin", "acos", "atanh"])("%s, outside of [-1, 1]", (name) => {
    for (const s of [1, -1] as const) for (const x of [-2, 2, 7]) near(name, side(x, s), c(x, s * 1e-12));
  });
  it.each(["asinh", "atan"])("%s, outside of [-i, i]", (name) => {
    for (const s of [1, -1] as const) for (const y of [-2, 2, 7]) near(name, c(s === 1 ? 0 : -0, y), c(s * 1e-12, y));
  });

  it("has the values of C99 there", () => {
    const at = (f: (z: Tensor) => Tensor, z: Complex): Complex => complexOf(f(tensorOf([z])))[0]!;
    expect(at(log, c(-1, 0))).toEqual(c(0, Math.PI));
    expect(at(log, c(-1, -0))).toEqual(c(0, -Math.PI));
    expect(at(sqrt, c(-4, 0))).toEqual(c(0, 2));
    expect(at(sqrt, c(-4, -0))).toEqual(c(0, -2));
    expect(at(sqrt, c(0, 0))).toEqual(c(0, 0));
    expect(at(log, c(0, 0))).toEqual(c(-Infinity, 0));
    expect(at(sqrt, c(-Infinity, 1))).toEqual(c(0, Infinity));
    expect(at(sqrt, c(1, Infinity))).toEqual(c(Infinity, Infinity));
    expect(at(exp, c(-Infinity, 2)).re + 0).toBe(0);
    expect(at(exp, c(Infinity, 0))).toEqual(c(Infinity, 0));
    expect(at(tanh, c(Infinity, 1)).re).toBe(1);
    expect(at(atanh, c(1, 0)).re).toBe(Infinity);
    expect(at((z) => pow(z, 0), c(0, 0))).toEqual(c(1, 0));
    expect(at((z) => pow(z, c(1.5, 1)), c(0, 0))).toEqual(c(0, 0));
  });
});

describe("large and small numbers", () => {
  it("neither overflow nor underflow on the way", () => {
    const at = (f: (z: Tensor) => Tensor, z: Complex): Complex => complexOf(f(tensorOf([z])))[0]!;
    const lengths = numbersOf(abs(tensorOf([c(3e200, 4e200), c(3e-200, 4e-200)])));
    expect(lengths.map((x, k) => x / [5e200, 5e-200][k]!)).toEqual([1, 1].map((x) => expect.closeTo(x, 14) as number));
    expectClose([at(sqrt, c(3e300, 4e300))], [scale(c(2, 1), 1e150)], 4);
    expectClose([at(sqrt, c(3e-300, 4e-300))], [scale(c(2, 1), 1e-150)], 4);
    expectClose([at(log, c(1.5e308, 1.5e308))], [c(Math.log(1.5e308) + Math.LN2 / 2, Math.PI / 4)], 4);
    expectClose([at(exp, c(709.9, 0.8))], [times(exponential(c(700, 0)), exponential(c(9.9, 0.8)))], 300);
    expectClose([at(tanh, c(400, 1))], [c(1, 0)], 4);
    expectClose([at(atanh, c(1e200, 1e200))], [c(5e-201, Math.PI / 2)], 4);
    expectClose([at(sigmoid, c(-800, 1))], [c(0, 0)], 0);
    expectClose([at(asinh, c(1e200, 1e200))], [c(Math.log(2 * Math.SQRT2 * 1e200), Math.PI / 4)], 4);
  });
});

it("compiled code has the bits of the interpreter", async () => {
  const list = [...points.slice(0, 13), c(0, 0), c(-0, 0), c(1, 0), c(-2, -0), c(1e200, -1e-200), c(Infinity, 1), c(NaN, 0)];
  const engine = await createEngine({ backend: cpu({ threads: 1 }) });
  for (const dtype of ["complex64", "complex128"] as const) {
    const z = convert(tensorOf(list), dtype);
    const results = [
      ...names.map((name) => functions[name]!(z)),
      mul(z, conj(z)),
      div(z, mul(z, c(1, 1))),
      pow(z, c(0.5, 1)),
      complex(abs(z), angle(z)),
    ];
    const compiled = await engine.read(results);
    results.forEach((t, k) =>
      expect([...((compiled as { data: ArrayLike<number> }[])[k]!.data as Float64Array)], `${names[k]} ${dtype}`).toEqual(
        complexOf(t).flatMap(({ re, im }) => [re, im]),
      ),
    );
  }
  await engine.dispose();
});
