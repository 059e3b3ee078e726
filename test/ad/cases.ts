/**
 * Every differentiable operation with arguments that it is checked at: functions of float64 tensors, drawn from a seed. The
 * domains keep away from kinks and poles; what happens exactly there is held by tests of their own.
 */
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as arithmetic from "../../ops/arithmetic.ts";
import { where } from "../../ops/compare.ts";
import * as functions from "../../ops/functions.ts";
import * as piecewise from "../../ops/piecewise.ts";
import * as polar from "../../ops/polar.ts";
import * as power from "../../ops/power.ts";
import { sinc } from "../../ops/sinc.ts";

/** Uniform numbers from a seed. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }
  pick<T>(from: readonly T[]): T {
    return from[this.integer(0, from.length - 1)]!;
  }
  shape(minRank = 0, maxRank = 3, maxSize = 4): number[] {
    return Array.from({ length: this.integer(minRank, maxRank) }, () => this.integer(1, maxSize));
  }
  /** A shape that broadcasts with `shape`: some axes 1, some leading ones missing. */
  broadcastable(shape: readonly number[]): number[] {
    return shape.map((d) => (this.next() < 0.3 ? 1 : d)).slice(this.next() < 0.3 ? this.integer(0, shape.length) : 0);
  }
  numbers(count: number, low: number, high: number): Float64Array {
    return Float64Array.from({ length: count }, () => low + (high - low) * this.next());
  }
  tensor(shape: readonly number[], low = -2, high = 2): Tensor {
    return constant(
      this.numbers(
        shape.reduce((n, d) => n * d, 1),
        low,
        high,
      ),
      { shape },
    );
  }
  /** Numbers that are well apart from each other: nothing ties, no order changes under a small step. */
  distinct(shape: readonly number[], gap = 0.05): Tensor {
    const count = shape.reduce((n, d) => n * d, 1);
    const values = Float64Array.from({ length: count }, (_, i) => (i - count / 2 + 0.3) * gap);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [values[i], values[j]] = [values[j]!, values[i]!];
    }
    return constant(values, { shape });
  }
}

export interface Case {
  readonly name: string;
  /** The function, and the arguments it is checked at. */
  readonly draw: (random: Random) => { readonly f: (...args: Tensor[]) => Tensor; readonly args: readonly Tensor[] };
}

type UnaryFunction = (x: Tensor) => Tensor;
type BinaryFunction = (x: Tensor, y: Tensor) => Tensor;

const unary = (name: string, f: UnaryFunction, low = -2, high = 2): Case => ({
  name,
  draw: (r) => ({ f, args: [r.tensor(r.shape(), low, high)] }),
});
const binary = (name: string, f: BinaryFunction, a: readonly [number, number] = [-2, 2], b = a): Case => ({
  name,
  draw: (r) => {
    const shape = r.shape();
    return { f, args: [r.tensor(r.broadcastable(shape), ...a), r.tensor(r.broadcastable(shape), ...b)] };
  },
});
/** Two operands, broadcast, whose elements keep their order. */
const ordered = (name: string, f: BinaryFunction): Case => ({
  name,
  draw: (r) => {
    const shape = r.shape();
    const sign = r.pick([1, -1]);
    return {
      f: (x, d) => f(x, arithmetic.add(x, arithmetic.mul(d, sign))),
      args: [r.tensor(r.broadcastable(shape)), r.tensor(r.broadcastable(shape), 0.3, 1.5)],
    };
  },
});

const { abs, clip, maximum, minimum, relu, rem } = piecewise;
const f = functions;

export const elementwiseCases: readonly Case[] = [
  binary("add", arithmetic.add),
  binary("sub", arithmetic.sub),
  binary("mul", arithmetic.mul),
  binary("div", arithmetic.div, [-2, 2], [0.5, 2]),
  unary("neg", arithmetic.neg),
  unary("square", arithmetic.square),
  unary("reciprocal", arithmetic.reciprocal, 0.5, 2),
  unary("abs of positives", abs, 0.1, 2),
  unary("abs of negatives", abs, -2, -0.1),
  unary("relu above 0", relu, 0.1, 2),
  unary("relu below 0", relu, -2, -0.1),
  unary("clip inside and outside", (x) => arithmetic.add(clip(x, 0.5, 3), arithmetic.add(clip(x, 2.5, 3), clip(x, -3, 0))), 0.6, 2.4),
  ordered("maximum", maximum),
  ordered("minimum", minimum),
  binary("rem", rem, [5.1, 5.9], [0.8, 0.84]),
  {
    name: "where",
    draw: (r) => ({
      f: (x, y, z) => where(constant([true, false, true]), arithmetic.mul(x, y), z),
      args: [r.tensor([3]), r.tensor([2, 1]), r.tensor([])],
    }),
  },
  unary("exp", f.exp),
  unary("exp2", f.exp2),
  unary("expm1", f.expm1),
  unary("log", f.log, 0.2, 3),
  unary("log1p", f.log1p, -0.7, 3),
  unary("log2", f.log2, 0.2, 3),
  unary("log10", f.log10, 0.2, 3),
  unary("sqrt", f.sqrt, 0.2, 3),
  unary("rsqrt", f.rsqrt, 0.2, 3),
  unary("sin", f.sin),
  unary("cos", f.cos),
  unary("tan", f.tan, -1.2, 1.2),
  unary("asin", f.asin, -0.8, 0.8),
  unary("acos", f.acos, -0.8, 0.8),
  unary("atan", f.atan),
  unary("sinh", f.sinh),
  unary("cosh", f.cosh),
  unary("tanh", f.tanh),
  unary("erf", f.erf),
  unary("sigmoid", f.sigmoid, -6, 6),
  unary("softplus", f.softplus, -6, 6),
  unary("silu", f.silu, -6, 6),
  unary("gelu", f.gelu, -4, 4),
  unary("gelu by tanh", (x) => f.gelu(x, { approximate: "tanh" }), -4, 4),
  unary("sinc", sinc, -3, 3),
  unary("sinc near 0", sinc, -0.01, 0.01),
  binary("pow of positives", power.pow, [0.3, 2], [-2, 2]),
  unary("pow by an integer, of negatives", (x) => power.pow(x, 3), -2, -0.3),
  unary("pow by 2, around 0", (x) => power.pow(x, 2), -0.01, 0.01),
  binary("atan2", polar.atan2, [0.3, 2], [-2, 2]),
  binary("hypot", polar.hypot, [0.3, 2], [-2, 2]),
  binary("logaddexp", power.logaddexp, [-3, 3]),
  binary("xlogy", power.xlogy, [-2, 2], [0.3, 3]),
];
