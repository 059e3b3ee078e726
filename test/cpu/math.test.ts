/** The functions of the kernel language, slow paths included, have the interpreter's bits on floats of every exponent. */
import { test } from "vitest";
import * as e from "../../kernel/expr.ts";
import { body, loopKernel } from "../../kernel/kernel.ts";
import { erf } from "../../kernel/math/error.ts";
import { exp, exp2, expm1, sigmoid } from "../../kernel/math/exponential.ts";
import { cosh, sinh, tanh } from "../../kernel/math/hyperbolic.ts";
import { acos, asin, atan, atan2 } from "../../kernel/math/inverse.ts";
import { log, log10, log1p, log2, logaddexp, softplus } from "../../kernel/math/logarithm.ts";
import { hypot, pow, rsqrt } from "../../kernel/math/power.ts";
import { cos, sin, tan } from "../../kernel/math/trigonometric.ts";
import { expectAgreement } from "./cases.ts";

const unary = {
  exp,
  exp2,
  expm1,
  sigmoid,
  cosh,
  sinh,
  tanh,
  acos,
  asin,
  atan,
  log,
  log10,
  log1p,
  log2,
  softplus,
  rsqrt,
  cos,
  sin,
  tan,
  erf,
};
const binary = { atan2, logaddexp, hypot, pow };

const N = 4001;
/** Floats of all exponents, ordinary ones, and special ones. */
function floats(seed: number): Float32Array {
  const bits = Uint32Array.from({ length: N }, (_, i) => Math.imul(i + seed, 2654435761) ^ (Math.imul(i, 40503) << 16));
  const data = new Float32Array(bits.buffer);
  for (let i = 0; i < N; i += 2) data[i] = Math.sin(i * seed) * 2 ** ((i % 17) - 8);
  data.set([0, -0, 1, -1, NaN, Infinity, -Infinity, 1e-45, -1e-45, 1e-40, 3.4e38, 8000, -8001, 1e10, 88.8, -104]);
  return data;
}

/** The same of float64: half as many, of ordinary, small and large exponents. */
function doubles(seed: number): Float64Array {
  const words = Uint32Array.from({ length: N - 1 }, (_, i) => Math.imul(i + seed, 2654435761) ^ (Math.imul(i, 40503) << 16));
  const data = new Float64Array(words.buffer);
  for (let i = 0; i < data.length; i += 2) data[i] = Math.sin(i * seed) * 2 ** ((i % 23) - 8);
  data.set([0, -0, 1, -1, NaN, Infinity, -Infinity, 5e-324, -5e-324, 1e-310, 1.7e308, 131073, -131073, 1e10, 709.7, -745, 710.4, -1e22]);
  return data;
}

function check(value: (x: e.Expr, y: e.Expr) => e.Expr, reads: number): void {
  for (const storage of ["f32", "f64"] as const) {
    const data = [3, 7].slice(0, reads).map((seed) => (storage === "f32" ? floats(seed) : doubles(seed)));
    const vector = { storage, inner: 1 } as const;
    const accesses = data.map(() => vector);
    const types = data.map(() => storage);
    expectAgreement({
      kernel: loopKernel(1, accesses, [vector], body(types, [value(e.read(0, storage), e.read(1, storage))]), undefined),
      sizes: [data[0]!.length],
      reads: data.map((d) => ({ data: d, offset: 0, strides: [1] })),
      writes: [{ storage, length: data[0]!.length, offset: 0, strides: [1] }],
      uniforms: [],
    });
  }
}

test.each(Object.entries(unary))("%s", (_, f) => check(f, 1));
test.each(Object.entries(binary))("%s", (_, f) => check(f, 2));
test("functions that share a slow path", () => check((x) => e.add(e.mul(sin(x), cos(x)), tan(e.mul(x, x))), 1));
