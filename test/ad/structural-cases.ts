/** Reductions, rearrangements, indexing and products, with arguments they are checked at. See cases.ts. */
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul, square } from "../../ops/arithmetic.ts";
import { addN } from "../../ops/addN.ts";
import { concatenate, split, stack } from "../../ops/concatenate.ts";
import { tril, triu } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { convert } from "../../ops/convert.ts";
import { sin } from "../../ops/functions.ts";
import { probe } from "../../ops/identity.ts";
import { broadcastTo } from "../../ops/operand.ts";
import { pad, slice } from "../../ops/pad.ts";
import { norm, std, variance } from "../../ops/norm.ts";
import { max, mean, min, prod, sum } from "../../ops/reductions.ts";
import { expandDims, reshape, squeeze } from "../../ops/reshape.ts";
import { logsumexp, logSoftmax, softmax } from "../../ops/softmax.ts";
import { flip, moveaxis, swapaxes, transpose } from "../../ops/transpose.ts";
import type { Case, Random } from "./cases.ts";

/** Some axes of a shape, each with even odds, at least one. */
function someAxes(r: Random, rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i).filter(() => r.next() < 0.5);
  return axes.length > 0 ? axes : [r.integer(0, rank - 1)];
}

type Reduce = (x: Tensor, options: { axis: number[]; keepdims: boolean }) => Tensor;
const reduction = (name: string, f: Reduce, numbers: (r: Random, shape: number[]) => Tensor = (r, shape) => r.tensor(shape)): Case => ({
  name,
  draw: (r) => {
    const shape = r.shape(1);
    const options = { axis: someAxes(r, shape.length), keepdims: r.next() < 0.5 };
    return { f: (x) => f(x, options), args: [numbers(r, shape)] };
  },
});
const apart = (r: Random, shape: number[]): Tensor => r.distinct(shape);

const alongAxis = (name: string, f: (x: Tensor, axis: number) => Tensor): Case => ({
  name,
  draw: (r) => {
    const shape = r.shape(1);
    const axis = r.integer(-shape.length, shape.length - 1);
    return { f: (x) => f(x, axis), args: [r.tensor(shape)] };
  },
});

const one = (name: string, draw: (r: Random, shape: number[]) => (x: Tensor) => Tensor, minRank = 0): Case => ({
  name,
  draw: (r) => {
    const shape = r.shape(minRank);
    return { f: draw(r, shape), args: [r.tensor(shape)] };
  },
});

/** Squares first, so that the second derivative is not structurally zero. */
const bent =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor =>
    f(mul(x, sin(x)));

function permutation(r: Random, n: number): number[] {
  const p = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = r.integer(0, i);
    [p[i], p[j]] = [p[j]!, p[i]!];
  }
  return p;
}

const rearrangements: readonly Case[] = [
  one("broadcastTo", (r, shape) => {
    const target = [...r.shape(0, 2), ...shape];
    return bent((x) => broadcastTo(x, target));
  }),
  one("reshape", (r, shape) => {
    const p = shape.reduce((n, d) => n * d, 1);
    const target = r.pick([[p], [1, p], [p, 1], [-1]]);
    return bent((x) => reshape(x, target));
  }),
  one("reshape of a transpose", () => bent((x) => reshape(transpose(x), [-1]))),
  one("transpose", (r, shape) => {
    const perm = permutation(r, shape.length);
    return bent((x) => transpose(x, perm));
  }),
  one("swapaxes and moveaxis", () => bent((x) => moveaxis(swapaxes(x, 0, -1), 0, 1)), 2),
  one("expandDims and squeeze", (r, shape) => {
    const axis = r.integer(0, shape.length);
    return bent((x) => squeeze(expandDims(expandDims(x, axis), 0), 0));
  }),
  one(
    "flip",
    (r, shape) => {
      const axes = someAxes(r, shape.length);
      return bent((x) => flip(x, axes));
    },
    1,
  ),
  one(
    "slice",
    (r, shape) => {
      const start = shape.map((d) => r.integer(0, d - 1));
      const stop = shape.map((d, i) => r.integer(start[i]! + 1, d));
      const step = shape.map(() => r.integer(1, 2));
      return bent((x) => slice(x, start, stop, step));
    },
    1,
  ),
  one("slice backwards", () => bent((x) => slice(x, [null], [null], [-1])), 1),
  one(
    "pad",
    (r, shape) => {
      const widths = shape.map(() => [r.integer(0, 2), r.integer(0, 2)] as const);
      return bent((x) => pad(x, widths, { value: 1.5 }));
    },
    1,
  ),
  one(
    "pad with gaps",
    (r, shape) => {
      const widths = shape.map(() => [r.integer(0, 2), r.integer(0, 2), r.integer(0, 2)] as const);
      return bent((x) => pad(x, widths));
    },
    1,
  ),
  {
    name: "concatenate",
    draw: (r) => {
      const shape = r.shape(1);
      const axis = r.integer(0, shape.length - 1);
      const part = (): Tensor => r.tensor(shape.map((d, i) => (i === axis ? r.integer(1, 3) : d)));
      return { f: (x, y, z) => concatenate([square(x), sin(y), x, z], axis), args: [part(), part(), part()] };
    },
  },
  {
    name: "stack",
    draw: (r) => {
      const shape = r.shape();
      const axis = r.integer(0, shape.length);
      return { f: (x, y) => stack([square(x), y, sin(y)], axis), args: [r.tensor(shape), r.tensor(shape)] };
    },
  },
  { name: "split", draw: (r) => ({ f: (x) => split(sin(x), 3, 1).reduce((a, b) => mul(a, b)), args: [r.tensor([2, 6])] }) },
  {
    name: "tril and triu",
    draw: (r) => ({ f: bent((x) => mul(tril(x), triu(x, -1))), args: [r.tensor([r.integer(1, 3), r.integer(1, 4), r.integer(1, 4)])] }),
  },
  one("probe", () => (x) => square(probe(sin(x)))),
  one(
    "convert to float32 and back",
    () => (x) => mul(square(x), convert(convert(constant(2, { dtype: "float64" }), "float32"), "float64")),
  ),
  {
    name: "addN of many",
    draw: (r) => {
      const shape = r.shape(0, 2);
      const count = r.pick([3, 5, 16, 17, 40]);
      return {
        f: (x, y) => addN(Array.from({ length: count }, (_, i) => (i % 3 === 0 ? square(x) : i % 3 === 1 ? mul(x, y) : sin(y)))),
        args: [r.tensor(shape), r.tensor(shape)],
      };
    },
  },
];

export const structuralCases: readonly Case[] = [
  reduction("sum", (x, o) => sum(mul(x, sin(x)), o)),
  reduction("mean", (x, o) => mean(mul(x, sin(x)), o)),
  reduction("prod", prod),
  reduction("prod with a zero", prod, (r, shape) =>
    mul(
      r.tensor(shape),
      constant(
        Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => (i % 3 === 1 ? 0 : 1)),
        { shape },
      ),
    ),
  ),
  reduction("max", (x, o) => square(max(x, o)), apart),
  reduction("min", (x, o) => square(min(x, o)), apart),
  reduction("variance", (x, o) => variance(x, o)),
  reduction(
    "std",
    (x, o) => std(x, { ...o, axis: [0, 1] }),
    (r) => r.distinct([3, 2, 2], 0.3),
  ),
  reduction(
    "norm",
    (x, o) => norm(x, o),
    (r, shape) => r.tensor(shape, 0.3, 2),
  ),
  reduction(
    "norm of order 1",
    (x, o) => norm(square(x), { ...o, ord: 1 }),
    (r, shape) => r.tensor(shape, 0.3, 2),
  ),
  reduction(
    "norm of infinite order",
    (x, o) => norm(square(x), { ...o, ord: Number.POSITIVE_INFINITY }),
    (r, shape) =>
      r.distinct(
        shape.map(() => 2),
        0.2,
      ),
  ),
  reduction("logsumexp", (x, o) => logsumexp(x, o)),
  alongAxis("softmax", (x, axis) => softmax(x, axis)),
  alongAxis("logSoftmax", (x, axis) => logSoftmax(x, axis)),
  alongAxis("cumsum", (x, axis) => cumsum(mul(x, sin(x)), axis)),
  ...rearrangements,
];
