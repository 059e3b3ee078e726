/** Products of vectors and matrices beside matmul, chains of them, and powers: Vandermonde matrices and polynomials. */
import { type Dim, mulDims, sameDim, SymbolicDim } from "../core/dim.ts";
import { isComplex, isInexact, partDType } from "../core/dtype.ts";
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Broadcast, Broadcastable } from "../core/types/broadcast.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { broadcastLast, reduceSum } from "./broadcast.ts";
import { equal, where } from "./compare.ts";
import { conj } from "./complex.ts";
import { concatenate } from "./concatenate.ts";
import { convert } from "./convert.ts";
import { cumprod } from "./cumulative.ts";
import { showArgument } from "./describe.ts";
import { iotaOf } from "./iota.ts";
import { contract, factors, matmul } from "./matmul.ts";
import { broadcastAll, checkOperands, type Operand, toTensor } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import { pow } from "./power.ts";
import { expandDims, reshape } from "./reshape.ts";
import { flip } from "./transpose.ts";

/** The vector product of three-dimensional vectors, which lie along an axis (default: the last); other axes broadcast. */
export function cross<A extends Operand, B extends Operand>(a: A, b: Broadcastable<A, B>, axis?: number): Tensor<Broadcast<A, B>>;
export function cross(a: Operand, b: Operand, axis = -1): Tensor {
  const [x, y] = broadcastAll("cross", factors("cross", [a, b]), [a, b]) as [Tensor, Tensor];
  const at = normalizeAxis("cross", axis, x.rank);
  if (!sameDim(x.shape[at]!, 3))
    throw new Error(`cross: the vectors must have 3 components, along axis ${at} of ${x.describe()} they have ${x.shape[at]}`);
  const component = (t: Tensor, k: number): Tensor => sliceAxis(t, at, k % 3, (k % 3) + 1);
  return concatenate(
    [0, 1, 2].map((k) => sub(mul(component(x, k + 1), component(y, k + 2)), mul(component(x, k + 2), component(y, k + 1)))),
    at,
  );
}

/** The sum of products along an axis (default: the last) of a, conjugated where it is complex, and b; other axes broadcast. */
export function vecdot(a: Operand, b: Operand, axis = -1): Tensor {
  const [x, y] = broadcastAll("vecdot", factors("vecdot", [a, b]), [a, b]) as [Tensor, Tensor];
  return reduceSum([mul(conj(x), y)], { axes: [normalizeAxis("vecdot", axis, x.rank)] });
}

/** The sum of products of a, conjugated where it is complex, and b, each taken as one vector. */
export function vdot(a: Operand, b: Operand): Tensor<[]>;
export function vdot(a: Operand, b: Operand): Tensor {
  const [x, y] = factors("vdot", [a, b]).map((t) => reshape(t, [sizeOf(t.shape)])) as [Tensor, Tensor];
  if (!sameDim(x.shape[0]!, y.shape[0]!))
    throw new Error(`vdot: the operands must have as many elements, got ${x.describe()} and ${y.describe()}`);
  return reduceSum([mul(conj(x), y)], { axes: [0] });
}

/** The sum of products over the last axes of a and b, for all pairs of what is left; a product where one is a scalar. */
export function inner(a: Operand, b: Operand): Tensor {
  const [x, y] = factors("inner", [a, b]) as [Tensor, Tensor];
  if (x.rank === 0 || y.rank === 0) return mul(x, y);
  return contract("inner", [x, y], [[x.rank - 1], [y.rank - 1]]);
}

/** The Kronecker product: b times each element of a, block by block. Of several axes, missing ones are put in front with size 1. */
export function kron(a: Operand, b: Operand): Tensor {
  const [x, y] = factors("kron", [a, b]) as [Tensor, Tensor];
  const rank = Math.max(x.rank, y.rank);
  const full = (t: Tensor): Dim[] => [...new Array<Dim>(rank - t.rank).fill(1), ...t.shape];
  const [s, t] = [full(x), full(y)];
  const blocks = mul(
    reshape(
      x,
      s.flatMap((d) => [d, 1]),
    ),
    reshape(
      y,
      t.flatMap((d) => [1, d]),
    ),
  );
  return reshape(
    blocks,
    s.map((d, i) => mulDims(d, t[i]!)),
  );
}

/**
 * The product of a chain of matrices, in the order that takes the fewest multiplications (by dynamic programming: Cormen et al.,
 * Introduction to Algorithms, 15.2). The first and the last may be vectors. With named sizes, from left to right.
 */
export function multiDot(operands: readonly Operand[]): Tensor {
  if (!Array.isArray(operands) || operands.length === 0)
    throw new Error(`multiDot: needs a list of matrices, got ${Array.isArray(operands) ? "an empty one" : showArgument(operands)}`);
  checkOperands("multiDot", operands);
  const tensors = factors("multiDot", operands);
  const last = tensors.length - 1;
  tensors.forEach((t, i) => {
    if (t.rank !== 2 && !(t.rank === 1 && (i === 0 || i === last)))
      throw new Error(`multiDot: operand ${i + 1} must be a matrix${i === 0 || i === last ? " or a vector" : ""}, got ${t.describe()}`);
    const before = tensors[i - 1];
    if (before && !sameDim(before.shape.at(-1)!, t.shape[0]!))
      throw new Error(`multiDot: ${before.describe()} has ${before.shape.at(-1)} columns, but ${t.describe()} has ${t.shape[0]} rows`);
  });
  const first = tensors[0]!;
  const sizes = [first.rank === 1 ? 1 : first.shape[0]!, ...tensors.map((t, i) => (t.rank === 1 && i > 0 ? 1 : t.shape.at(-1)!))];
  if (!sizes.every((d) => typeof d === "number")) return tensors.reduce((a, b) => matmul(a, b));
  const split = cheapest(sizes);
  const product = (from: number, to: number): Tensor =>
    from === to ? tensors[from]! : matmul(product(from, split[from]![to]!), product(split[from]![to]! + 1, to));
  return product(0, last);
}

/** Where to part the product of matrices i to j, of sizes[i] rows and sizes[i + 1] columns each, for the fewest multiplications. */
function cheapest(sizes: readonly number[]): number[][] {
  const n = sizes.length - 1;
  const table = (): number[][] => Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const [cost, split] = [table(), table()];
  for (let length = 1; length < n; length++)
    for (let i = 0; i + length < n; i++) {
      const j = i + length;
      cost[i]![j] = Infinity;
      for (let k = i; k < j; k++) {
        const total = cost[i]![k]! + cost[k + 1]![j]! + sizes[i]! * sizes[k + 1]! * sizes[j + 1]!;
        if (total < cost[i]![j]!) [cost[i]![j], split[i]![j]] = [total, k];
      }
    }
  return split;
}

export interface VanderOptions {
  /** Whether powers ascend from left to right (default false). */
  readonly increasing?: boolean;
}

/** The powers 0 to n - 1 (default: as many as elements) of each element of x, along a new last axis, descending unless told otherwise. */
export function vander(x: Operand, n?: Dim, { increasing = false }: VanderOptions = {}): Tensor {
  const t = toTensor("vander", x);
  if (t.rank === 0) throw new Error(`vander: needs a vector, got ${t.describe()}`);
  const count = n ?? t.shape.at(-1)!;
  if (typeof count === "number" ? !(Number.isInteger(count) && count >= 0) : !(count instanceof SymbolicDim))
    throw new Error(
      `vander: the number of powers must be a non-negative integer, got ${showArgument(count)}${typeof count === "object" ? "; options come after it" : ""}`,
    );
  const dtype = isInexact(t.dtype) ? t.dtype : "float32";
  const ascending = iotaOf([count], 0, partDType(dtype));
  if (isComplex(dtype) && typeof count === "number") {
    // Products are more accurate than powers of complex numbers by their logarithms.
    const factors = where(equal(ascending, 0), 1, broadcastLast(expandDims(t, -1), [...t.shape, count]));
    const powers = cumprod(factors, -1 as never);
    return increasing ? powers : flip(powers, -1);
  }
  return pow(expandDims(convert(t, dtype), -1), increasing ? ascending : flip(ascending));
}

/** The value at x of the polynomial with the coefficients p along axis 0, highest power first (Horner's rule). */
export function polyval(p: Operand, x: Operand): Tensor {
  const [c, t] = factors("polyval", [p, x]) as [Tensor, Tensor];
  const n = c.rank === 1 ? c.shape[0]! : undefined;
  if (typeof n !== "number" || n === 0)
    throw new Error(`polyval: the coefficients must be a vector of a known size, at least 1, got ${c.describe()}`);
  const coefficient = (k: number): Tensor => reshape(sliceAxis(c, 0, k, k + 1), []);
  let value = broadcastLast(coefficient(0), t.shape);
  for (let k = 1; k < n; k++) value = add(mul(value, t), coefficient(k));
  return value;
}
