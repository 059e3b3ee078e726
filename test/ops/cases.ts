/** Operations as functions of float64 tensors, with shapes and a domain to test their rules on. */
import type { Tensor } from "../../core/tensor.ts";
import { add } from "../../ops/arithmetic.ts";
import { concatenate, split, stack } from "../../ops/concatenate.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { linspace, tril, triu } from "../../ops/creation.ts";
import * as functions from "../../ops/functions.ts";
import { diag } from "../../ops/diagonal.ts";
import { einsum } from "../../ops/einsum.ts";
import { dynamicSlice, dynamicUpdateSlice, gather, scatterAdd, take, takeAlongAxis } from "../../ops/indexing.ts";
import { random } from "../../ops/random.ts";
import { repeat, tile } from "../../ops/repeat.ts";
import { sort } from "../../ops/sort.ts";
import { convert } from "../../ops/convert.ts";
import { constant } from "../../core/leaves.ts";
import { dot, matmul, outer, tensordot } from "../../ops/matmul.ts";
import { pad, slice } from "../../ops/pad.ts";
import * as polar from "../../ops/polar.ts";
import * as power from "../../ops/power.ts";
import * as norms from "../../ops/norm.ts";
import * as reductions from "../../ops/reductions.ts";
import { expandDims, reshape, squeeze } from "../../ops/reshape.ts";
import { sinc } from "../../ops/sinc.ts";
import { logsumexp, logSoftmax, softmax } from "../../ops/softmax.ts";
import { flip, moveaxis, swapaxes, transpose } from "../../ops/transpose.ts";

export interface Case {
  readonly name: string;
  readonly f: (...x: Tensor[]) => Tensor;
  readonly shapes: readonly (readonly number[])[];
  readonly domain?: readonly [number, number];
  /** Whether derivatives exist only where numbers differ: they are checked at numbers well apart. */
  readonly distinct?: true;
  /** False where the operation needs sizes that are known; "rounded" where it computes otherwise when they are not. */
  readonly named?: boolean | "rounded";
}

/** Integers that are not known when the expression is built. */
const computed = (values: readonly number[]): Tensor => convert(constant(Float64Array.from(values)), "int32");

const elementwise: Case[] = Object.entries({
  exp: [-2, 2],
  expm1: [-2, 2],
  exp2: [-2, 2],
  log: [0.3, 3],
  log1p: [-0.6, 2],
  log2: [0.3, 3],
  log10: [0.3, 3],
  sqrt: [0.3, 3],
  rsqrt: [0.3, 3],
  sin: [-4, 4],
  cos: [-4, 4],
  tan: [-1.2, 1.2],
  asin: [-0.8, 0.8],
  acos: [-0.8, 0.8],
  atan: [-3, 3],
  sinh: [-2, 2],
  cosh: [-2, 2],
  tanh: [-2, 2],
  erf: [-2, 2],
  sigmoid: [-4, 4],
  softplus: [-4, 4],
  silu: [-4, 4],
  gelu: [-3, 3],
} as const).map(([name, domain]) => ({ name, f: (x) => (functions[name as "exp"] as (t: Tensor) => Tensor)(x), shapes: [[2, 3]], domain }));

export const cases: readonly Case[] = [
  ...elementwise,
  { name: "gelu by tanh", f: (x) => functions.gelu(x, { approximate: "tanh" }), shapes: [[5]] },
  { name: "sinc", f: (x) => sinc(x), shapes: [[24]], domain: [-3, 3] },
  { name: "sinc near 0", f: (x) => sinc(x), shapes: [[8]], domain: [-0.2, 0.2] },
  { name: "pow", f: (x, y) => power.pow(x, y), shapes: [[2, 3], [3]], domain: [0.3, 3] },
  ...[-2, -1, 0, 1, 2, 3, 4, 5].map(
    (n): Case => ({ name: `pow by ${n}`, f: (x) => power.pow(x, n), shapes: [[6]], domain: n < 0 ? [-2.2, -0.4] : [-2.2, 2] }),
  ),
  { name: "pow of 2.5", f: (y) => power.pow(2.5, y), shapes: [[4]] },
  { name: "hypot", f: (x, y) => polar.hypot(x, y), shapes: [[2, 3], [3]] },
  { name: "atan2", f: (y, x) => polar.atan2(y, x), shapes: [[2, 3], [3]], domain: [-3, -0.3] },
  { name: "logaddexp", f: (x, y) => power.logaddexp(x, y), shapes: [[2, 3], [3]] },
  { name: "xlogy", f: (x, y) => power.xlogy(x, y), shapes: [[2, 3], [3]], domain: [0.3, 3] },
  { name: "transpose", f: (x) => transpose(x, [2, 0, 1]), shapes: [[2, 3, 4]] },
  { name: "swapaxes and moveaxis", f: (x) => moveaxis(swapaxes(x, 0, -1), 0, 1), shapes: [[2, 3, 4]] },
  { name: "flip", f: (x) => flip(x, [0, -1]), shapes: [[2, 3, 4]] },
  { name: "slice", f: (x) => slice(x, [1, -4], [null, 5], [2, 1]), shapes: [[5, 6]], named: false },
  { name: "slice backwards", f: (x) => slice(x, [-1, null], [0, null], [-2, -1]), shapes: [[6, 3]], named: false },
  {
    name: "pad",
    f: (x) =>
      pad(
        x,
        [
          [1, 2],
          [0, 1],
        ],
        { value: 3 },
      ),
    shapes: [[2, 3]],
  },
  {
    name: "pad between",
    f: (x) =>
      pad(
        x,
        [
          [1, 0, 2],
          [0, 1, 1],
        ],
        { value: -1 },
      ),
    shapes: [[2, 3]],
  },
  { name: "sum of a pad between", f: (x) => reductions.sum(pad(x, [[1, 0, 2]])), shapes: [[3]] },
  { name: "pads between, added", f: (x) => add(pad(x, [[1, 0, 1]]), pad(x, [[0, 1, 1]])), shapes: [[3]] },
  {
    name: "concatenate",
    f: (x, y) => concatenate([x, y, x], 1),
    shapes: [
      [2, 3],
      [2, 1],
    ],
  },
  {
    name: "stack",
    f: (x, y) => stack([x, y], -1),
    shapes: [
      [2, 3],
      [2, 3],
    ],
  },
  {
    name: "split",
    f: (x) => {
      const [a, b, c] = split(x, [1, 3], 1);
      return concatenate([c!, a!, b!], -1);
    },
    shapes: [[2, 6]],
  },
  { name: "expandDims and squeeze", f: (x) => squeeze(expandDims(x, [0, 2]), 0), shapes: [[2, 3]] },
  { name: "reshape of a transpose", f: (x) => reshape(transpose(x), [2, -1]), shapes: [[4, 3]], named: false },
  { name: "tril", f: (x) => tril(x, 1), shapes: [[2, 3, 4]] },
  { name: "triu", f: (x) => triu(x, -1), shapes: [[4, 3]] },
  { name: "linspace", f: (a, b) => linspace(a, b, 5, { dtype: "float64" }), shapes: [[], []] },
  { name: "sum", f: (x) => reductions.sum(x, [0, 2]), shapes: [[2, 3, 4]] },
  { name: "mean", f: (x) => reductions.mean(x, { axis: 1, keepdims: true }), shapes: [[2, 3, 4]] },
  { name: "prod", f: (x) => reductions.prod(x, [1, 2]), shapes: [[2, 3, 3]], named: "rounded" },
  { name: "prod of all", f: (x) => reductions.prod(x), shapes: [[7]], named: "rounded" },
  { name: "max", f: (x) => reductions.max(x, 1), shapes: [[3, 4]] },
  { name: "min", f: (x) => reductions.min(x), shapes: [[3, 4]] },
  { name: "var", f: (x) => norms.variance(x, { axis: 0, correction: 1 }), shapes: [[4, 3]] },
  { name: "std", f: (x) => norms.std(x, 0), shapes: [[4, 3]] },
  { name: "norm", f: (x) => norms.norm(x, { axis: -1 }), shapes: [[2, 4]] },
  { name: "norm 1", f: (x) => norms.norm(x, { ord: 1 }), shapes: [[2, 4]] },
  { name: "norm Infinity", f: (x) => norms.norm(x, { ord: Infinity, axis: 0 }), shapes: [[2, 4]] },
  { name: "norm 3.5", f: (x) => norms.norm(x, { ord: 3.5, axis: 1 }), shapes: [[2, 4]] },
  { name: "norm -2", f: (x) => norms.norm(x, { ord: -2, axis: 1 }), shapes: [[2, 4]] },
  { name: "cumsum", f: (x) => cumsum(x, 1), shapes: [[2, 5, 2]] },
  { name: "cumsum of all", f: (x) => cumsum(x), shapes: [[2, 3]] },
  { name: "logsumexp", f: (x) => logsumexp(x, 1), shapes: [[3, 4]] },
  { name: "softmax", f: (x) => softmax(x), shapes: [[3, 4]] },
  { name: "logSoftmax", f: (x) => logSoftmax(x, 0), shapes: [[3, 4]] },
  {
    name: "matmul",
    f: (x, y) => matmul(x, y),
    shapes: [
      [2, 3],
      [3, 4],
    ],
  },
  {
    name: "matmul in batches",
    f: (x, y) => matmul(x, y),
    shapes: [
      [2, 1, 2, 3],
      [4, 3, 2],
    ],
  },
  { name: "matmul by a vector", f: (x, y) => matmul(x, y), shapes: [[2, 2, 3], [3]] },
  { name: "dot of vectors", f: (x, y) => dot(x, y), shapes: [[5], [5]] },
  {
    name: "dot",
    f: (x, y) => dot(x, y),
    shapes: [
      [2, 3],
      [2, 3, 2],
    ],
  },
  {
    name: "tensordot",
    f: (x, y) =>
      tensordot(x, y, [
        [0, 2],
        [1, 0],
      ]),
    shapes: [
      [2, 3, 4],
      [4, 2, 3],
    ],
  },
  { name: "outer", f: (x, y) => outer(x, y), shapes: [[3], [2]] },
  {
    name: "take",
    f: (x) =>
      take(
        x,
        [
          [0, 2],
          [-1, 0],
        ],
        1,
      ),
    shapes: [[2, 3, 2]],
  },
  { name: "take of all, at computed indices", f: (x) => take(x, computed([3, 4, 5, 6, 7])), shapes: [[2, 3]] },
  { name: "take with fill", f: (x) => take(x, computed([-9, -1, 2, 4]), { axis: 0, mode: "fill", fillValue: 7 }), shapes: [[4, 2]] },
  {
    name: "takeAlongAxis",
    f: (x) =>
      takeAlongAxis(
        x,
        [
          [2, 0],
          [1, -1],
        ],
        1,
      ),
    shapes: [[2, 3]],
    named: false,
  },
  { name: "sort", f: (x) => sort(x, 0), shapes: [[5, 2]] },
  {
    name: "gather",
    f: (x) =>
      gather(x, [
        [0, 1],
        [1, 2],
        [0, 1],
      ]),
    shapes: [[2, 3, 2]],
  },
  {
    name: "gather at computed points",
    f: (x) => gather(x, reshape(computed([0, 1, 5, 2, -1, 1]), [3, 2]), { mode: "fill", fillValue: 2 }),
    shapes: [[2, 3]],
  },
  {
    name: "scatterAdd",
    f: (x, u) => scatterAdd(x, computed([-1, 1, 1, 3]), u, { axis: 1 }),
    shapes: [
      [2, 3, 2],
      [2, 4, 2],
    ],
    named: false,
  },
  { name: "dynamicSlice", f: (x) => dynamicSlice(x, [1, reshape(computed([5]), [])], [2, 3]), shapes: [[3, 5]] },
  {
    name: "dynamicUpdateSlice",
    f: (x, u) => dynamicUpdateSlice(x, u, [1, reshape(computed([-2]), [])]),
    shapes: [
      [3, 5],
      [2, 2],
    ],
  },
  { name: "diag of a vector", f: (x) => diag(x, 1), shapes: [[3]] },
  { name: "diag of a matrix", f: (x) => diag(x, -1), shapes: [[4, 3]], named: false },
  { name: "tile and repeat", f: (x) => repeat(tile(x, [2, 1, 3]), 2, 1), shapes: [[2, 2]] },
  {
    name: "einsum bij,bjk->bik",
    f: (x, y) => einsum("bij,bjk->bik", x, y),
    shapes: [
      [2, 3, 4],
      [2, 4, 2],
    ],
  },
  {
    name: "einsum of three",
    f: (x, y, z) => einsum("ij,jk,kl->li", x, y, z),
    shapes: [
      [2, 3],
      [3, 2],
      [2, 4],
    ],
  },
  { name: "einsum trace", f: (x) => einsum("bii->b", x), shapes: [[2, 3, 3]] },
  { name: "einsum with ellipsis", f: (x, y) => einsum("...ij,j->...i", x, y), shapes: [[2, 2, 3], [3]] },
  {
    name: "uniform between bounds",
    f: (a, b) => random.uniform(random.key(3), [4], { min: a, max: b, dtype: "float64" }),
    shapes: [[], [4]],
    named: false,
  },
];
