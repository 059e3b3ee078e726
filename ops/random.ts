/**
 * Random numbers as functions of a key: no hidden state, and the same key gives the same numbers on every backend. A key
 * is a uint32 tensor [2]; element i of a draw is a block cipher's image of i under the key (Threefry-2x32 with 20
 * rounds, Salmon et al. 2011), so that draws of any shape need no order. Keys made by `split` and `foldIn` lie in
 * counter ranges of their own. Use a key once.
 */
import { checkShape } from "../core/data.ts";
import type { Dim } from "../core/dim.ts";
import { type DType, dtypeInfo, isFloat } from "../core/dtype.ts";
import { constant, scalar } from "../core/leaves.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import type { DimsOf, ListOf } from "../core/types/shape.ts";
import * as e from "../kernel/expr.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { broadcastLast } from "./broadcast.ts";
import { less, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { showArgument } from "./describe.ts";
import { defineElementwise, noTangent } from "./elementwise.ts";
import { cos, log, sqrt } from "./functions.ts";
import { take } from "./indexing.ts";
import { iotaOf } from "./iota.ts";
import { broadcastTo, type Operand, toTensor } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import type { PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { argsort } from "./sort.ts";
import { stack } from "./concatenate.ts";

// ---- the generator
const u32 = (v: number): e.Expr => e.constant("u32", v);
const rotate = (x: e.Expr, k: number): e.Expr => e.or(e.shl(x, u32(k)), e.shr(x, u32(32 - k)));
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];

/** Threefry-2x32-20: two words of a key and two of a counter give two words. */
function threefry(k0: e.Expr, k1: e.Expr, c0: e.Expr, c1: e.Expr): readonly e.Expr[] {
  const schedule = [k0, k1, e.xor(e.xor(k0, k1), u32(0x1bd11bda))];
  let [x0, x1] = [e.add(c0, k0), e.add(c1, k1)];
  for (let round = 0; round < 20; round++) {
    x0 = e.add(x0, x1);
    x1 = e.xor(rotate(x1, ROTATIONS[round % 8]!), x0);
    const s = (round + 1) / 4;
    if (Number.isInteger(s)) {
      x0 = e.add(x0, schedule[s % 3]!);
      x1 = e.add(e.add(x1, schedule[(s + 1) % 3]!), u32(s));
    }
  }
  return [x0, x1];
}

const words = (dtypes: readonly DType[]): string | undefined => (dtypes.every((d) => d === "uint32") ? undefined : "uint32 operands");

export const threefry2x32: PrimitiveFunction<object> = defineElementwise({
  name: "threefry2x32",
  accepts: words,
  results: () => ["uint32", "uint32"],
  value: ([k0, k1, c0, c1]) => threefry(k0!, k1!, c0!, c1!),
  jvp: noTangent,
  effects: ["random"],
});

/** What counters are used for: their high word. */
const Use = { draw: 0, moreBits: 1, split: 2, fold: 3 } as const;

/** Two random words for each counter. */
function blocks(key: Tensor, use: number, counters: Tensor): Tensor[] {
  const word = (i: number): Tensor => broadcastLast(reshape(sliceAxis(key, 0, i, i + 1), []), counters.shape);
  return threefry2x32.many([word(0), word(1), broadcastLast(scalar(use, "uint32"), counters.shape), counters], {});
}

/** Two random words for each element of a shape. */
function wordsFor(key: Tensor, shape: Shape, use: number): Tensor[] {
  const counters = reshape(iotaOf([sizeOf(shape)], 0, "uint32"), shape);
  return blocks(key, use, counters);
}

// ---- keys
function checkKey(op: string, key: Tensor): Tensor {
  if (!(key instanceof Tensor) || key.dtype !== "uint32" || key.rank !== 1 || key.shape[0] !== 2) {
    const stacked = "; for a stack of keys use vmap";
    const listed = "; for a key an example take random.keys(key, n), a tensor, which vmap maps over";
    const hint = Array.isArray(key) ? listed : key instanceof Tensor && key.rank === 2 ? stacked : "";
    throw new Error(`random.${op}: needs a key, as random.key(seed) gives it, got ${showArgument(key)}${hint}`);
  }
  return key;
}

/** A key from a seed: an integer of up to 53 bits, or a scalar integer tensor. */
function key(seed: number | Tensor): Tensor {
  if (seed instanceof Tensor) {
    if (seed.rank !== 0 || dtypeInfo(seed.dtype).kind !== "int")
      throw new Error(`random.key: the seed must be an integer scalar, got ${seed.describe()}`);
    return stack([scalar(0, "uint32"), convert(seed, "uint32")]);
  }
  if (!Number.isSafeInteger(seed)) throw new Error(`random.key: the seed must be an integer, got ${showArgument(seed)}`);
  return constant(Uint32Array.of(Math.floor(seed / 2 ** 32), seed), { dtype: "uint32" });
}

/** n keys [n, 2] from one. */
function keys(parent: Tensor, n: Dim): Tensor {
  if (typeof n === "number" && !(Number.isInteger(n) && n >= 0))
    throw new Error(`random.keys: the number of keys must be a non-negative integer, got ${n}`);
  return stack(blocks(checkKey("keys", parent), Use.split, iotaOf([n], 0, "uint32")), 1);
}

/** n keys from one, as an array: const [k1, k2] = random.split(key). */
function split<const N extends number = 2>(parent: Tensor, n?: N): ListOf<Tensor<[2]>, N>;
function split(parent: Tensor, n = 2): Tensor[] {
  if (!Number.isInteger(n) || n < 0) throw new Error(`random.split: the number of keys must be a non-negative integer, got ${n}`);
  const all = keys(checkKey("split", parent), n);
  return Array.from({ length: n }, (_, i) => reshape(sliceAxis(all, 0, i, i + 1), [2]));
}

/** A key for a number, such as a step: different numbers give independent keys. */
function foldIn(parent: Tensor, data: number | Tensor): Tensor {
  const n = typeof data === "number" ? data : undefined;
  if (n !== undefined && !(Number.isInteger(n) && n >= -(2 ** 31) && n < 2 ** 32))
    throw new Error(`random.foldIn: needs an integer of 32 bits, got ${n}`);
  const t = data instanceof Tensor ? data : scalar(n! >>> 0, "uint32");
  if (t.rank !== 0 || dtypeInfo(t.dtype).kind !== "int") throw new Error(`random.foldIn: needs an integer scalar, got ${t.describe()}`);
  return stack(blocks(checkKey("foldIn", parent), Use.fold, bitsOf(t)));
}

/** An integer as a word: int32 by its bits. */
const reinterpret = defineElementwise<object>({
  name: "reinterpret as uint32",
  accepts: (dtypes) => (dtypes[0] === "int32" || dtypes[0] === "uint32" ? undefined : "an integer"),
  results: () => ["uint32"],
  value: ([x]) => [e.bitcast("u32", x!)],
  jvp: noTangent,
});
const bitsOf = (t: Tensor): Tensor => (t.dtype === "uint32" ? t : reinterpret([t], {}));

// ---- distributions
export interface FloatOptions {
  /** float32 (default) or float64. */
  readonly dtype?: DType;
}

function floatOf(op: string, dtype: DType): DType {
  if (!isFloat(dtype)) throw new Error(`random.${op}: the dtype must be float32 or float64, got ${showArgument(dtype)}`);
  return dtype;
}

/** Multiples of 2^-24 (float32) or 2^-53 (float64) in [0, 1), from two words. */
const unitPrimitive: PrimitiveFunction<{ readonly dtype: DType }> = defineElementwise<{ readonly dtype: DType }>({
  name: "unit interval",
  accepts: words,
  value: ([high, low], [dtype]) => {
    const { compute } = dtypeInfo(dtype!);
    const number = (x: e.Expr, drop: number): e.Expr => e.convert(compute, e.shr(x, u32(drop)));
    const scaled = (x: e.Expr, by: number): e.Expr => e.mul(x, e.constant(compute, by));
    return [
      compute === "f64" ? scaled(e.add(scaled(number(high!, 5), 2 ** 26), number(low!, 6)), 2 ** -53) : scaled(number(high!, 8), 2 ** -24),
    ];
  },
  jvp: noTangent,
});

const unit = (key: Tensor, shape: Shape, dtype: DType, use: number): Tensor => unitPrimitive(wordsFor(key, shape, use), { dtype });

export interface UniformOptions extends FloatOptions {
  /** The least value (default 0). */
  readonly min?: Operand;
  /** What values stay below (default 1). */
  readonly max?: Operand;
}

/** Uniform numbers in [min, max). The bounds broadcast, and derivatives flow to them. */
function uniform<const S extends Shape>(key: Tensor, shape: S, options?: UniformOptions): Tensor<DimsOf<S>>;
function uniform(key: Tensor, shape: Shape, options: UniformOptions = {}): Tensor {
  checkKey("uniform", key);
  checkShape("random.uniform", shape);
  const { dtype = "float32", min = 0, max = 1 } = options;
  const u = unit(key, shape, floatOf("uniform", dtype), Use.draw);
  if (typeof min === "number" && typeof max === "number") {
    if (!(min < max)) throw new Error(`random.uniform: min must be less than max, got ${min} and ${max}`);
    if (min === 0 && max === 1) return u;
  }
  const [low, high] = [min, max].map((bound) => broadcastTo(toTensor("random.uniform", bound, dtype), shape));
  const x = add(low!, mul(u, sub(high!, low!)));
  // Rounding may reach the upper bound.
  return where(less(x, high!), x, low!);
}

/**
 * Standard normal numbers, by the transform of Box and Muller (1958): the radius from a uniform number in (0, 1] that is
 * spaced finely near 0, so that tails reach 6.7 deviations in float32 and 9.4 in float64.
 */
function normal<const S extends Shape>(key: Tensor, shape: S, options?: FloatOptions): Tensor<DimsOf<S>>;
function normal(key: Tensor, shape: Shape, options: FloatOptions = {}): Tensor {
  checkKey("normal", key);
  checkShape("random.normal", shape);
  const dtype = floatOf("normal", options.dtype ?? "float32");
  const [first, second] = wordsFor(key, shape, Use.draw);
  const wide = dtype === "float64";
  const [third, fourth] = wide ? wordsFor(key, shape, Use.moreBits) : [second, second];
  const radius = sqrt(mul(-2, log(positiveUnit([first!, third!], { dtype }))));
  const angle = mul(unitPrimitive([second!, fourth!], { dtype }), 2 * Math.PI);
  return mul(radius, cos(angle));
}

/** (w + 1) / 2^32 in (0, 1] (float32), or (w + (v + 1) / 2^32) / 2^32 (float64), from two words w and v. */
const positiveUnit: PrimitiveFunction<{ readonly dtype: DType }> = defineElementwise<{ readonly dtype: DType }>({
  name: "positive unit interval",
  accepts: words,
  value: ([w, v], [dtype]) => {
    const { compute } = dtypeInfo(dtype!);
    const c = (x: number): e.Expr => e.constant(compute, x);
    const fraction = compute === "f64" ? e.mul(e.add(e.convert(compute, v!), c(1)), c(2 ** -32)) : c(1);
    return [e.mul(e.add(e.convert(compute, w!), fraction), c(2 ** -32))];
  },
  jvp: noTangent,
});

/** true with probability p (default 1/2), which broadcasts to the shape (default: that of p). */
function bernoulli(key: Tensor, p: Operand = 0.5, shape?: Shape): Tensor {
  checkKey("bernoulli", key);
  if (typeof p === "number" && !(p >= 0 && p <= 1)) throw new Error(`random.bernoulli: the probability must lie in [0, 1], got ${p}`);
  const chance = toTensor("random.bernoulli", p);
  if (!isFloat(chance.dtype)) throw new Error(`random.bernoulli: the probability must be a float, got ${chance.describe()}`);
  const size = shape ?? chance.shape;
  checkShape("random.bernoulli", size);
  return less(unit(key, size, chance.dtype, Use.draw), broadcastTo(chance, size));
}

/**
 * floor(w n / 2^64), where w is the 64-bit number of two words: each value below n equally likely to within n / 2^64.
 * 32-bit products are put together from products of 16-bit halves.
 */
const belowPrimitive = defineElementwise({
  name: "random below",
  accepts: words,
  value: ([high, low, n]) => {
    const half = (x: e.Expr): e.Expr => e.and(x, u32(0xffff));
    const upper = (x: e.Expr): e.Expr => e.shr(x, u32(16));
    const highProduct = (a: e.Expr, b: e.Expr): e.Expr => {
      const cross = e.add(e.mul(upper(a), half(b)), upper(e.mul(half(a), half(b))));
      const middle = e.add(e.mul(half(a), upper(b)), half(cross));
      return e.add(e.add(e.mul(upper(a), upper(b)), upper(cross)), upper(middle));
    };
    const below = highProduct(low!, n!);
    const sum = e.add(e.mul(high!, n!), below);
    return [e.add(highProduct(high!, n!), e.convert("u32", e.lt(sum, below)))];
  },
  jvp: noTangent,
});

/** Integers (int32) in [low, high), all equally likely. The bounds broadcast. */
function randint<const S extends Shape>(key: Tensor, shape: S, low: number | Tensor, high: number | Tensor): Tensor<DimsOf<S>>;
function randint(key: Tensor, shape: Shape, low: number | Tensor, high: number | Tensor): Tensor {
  checkKey("randint", key);
  checkShape("random.randint", shape);
  const [a, b] = [low, high].map((bound, i) => {
    if (typeof bound === "number") {
      if (!Number.isInteger(bound) || bound < -(2 ** 31) || bound > 2 ** 31 - 1 + i)
        throw new Error(`random.randint: bounds must be integers of 32 bits, got ${low} and ${high}`);
    } else if (!(bound instanceof Tensor) || dtypeInfo(bound.dtype).kind !== "int")
      throw new Error(`random.randint: bounds must be integers, got ${showArgument(bound)}`);
    // 2^31 is no int32, but its bits, taken modulo 2^32, give the right count.
    return broadcastTo(typeof bound === "number" ? scalar(bound | 0, "int32") : convert(bound, "int32"), shape);
  });
  if (typeof low === "number" && typeof high === "number" && !(low < high))
    throw new Error(`random.randint: low must be less than high, got ${low} and ${high}`);
  const count = bitsOf(sub(b!, a!));
  const offset = belowPrimitive([...wordsFor(key, shape, Use.draw), count], {});
  return asInt(add(bitsOf(a!), offset));
}

const asIntPrimitive = defineElementwise<object>({
  name: "reinterpret as int32",
  accepts: words,
  results: () => ["int32"],
  value: ([x]) => [e.bitcast("i32", x!)],
  jvp: noTangent,
});
const asInt = (t: Tensor): Tensor => asIntPrimitive([t], {});

/** The integers 0 to n-1 in random order, or a tensor with its entries along axis 0 in random order. */
function permutation(key: Tensor, x: Dim | Tensor): Tensor {
  checkKey("permutation", key);
  if (x instanceof Tensor) {
    if (x.rank === 0) throw new Error(`random.permutation: ${x.describe()} has no axis to permute`);
    return take(x, permutation(key, x.shape[0]!), 0);
  }
  if (typeof x === "number" && !(Number.isInteger(x) && x >= 0)) throw new Error(`random.permutation: needs a size or a tensor, got ${x}`);
  return argsort(wordsFor(key, [x], Use.draw)[0]!);
}

/** Counter-based random numbers; see the functions for what each takes. */
export const random = { key, keys, split, foldIn, uniform, normal, bernoulli, randint, permutation } as const;

/** What this file defines, for table.ts. */
export const primitives = [
  threefry2x32.primitive,
  reinterpret.primitive,
  unitPrimitive.primitive,
  positiveUnit.primitive,
  belowPrimitive.primitive,
  asIntPrimitive.primitive,
];
