/** More operations to test the rules of, by families. See cases.ts. */
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as activations from "../../ops/activations.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cumprod, cummax, cummin, diff, logcumsumexp } from "../../ops/cumulative.ts";
import { conv, convTranspose } from "../../ops/conv.ts";
import { diagonal, trace } from "../../ops/diagonal.ts";
import * as floating from "../../ops/floating.ts";
import { deg2rad, rad2deg, sin, softplus } from "../../ops/functions.ts";
import { attention, dropout, layerNorm, rmsNorm } from "../../ops/layers.ts";
import { binaryCrossEntropy, crossEntropy } from "../../ops/losses.ts";
import { avgPool, maxPool } from "../../ops/pool.ts";
import * as products from "../../ops/products.ts";
import { random } from "../../ops/random.ts";
import { meshgrid, roll, rot90 } from "../../ops/rearrange.ts";
import { median, percentile, quantile } from "../../ops/quantile.ts";
import { sort, topK } from "../../ops/sort.ts";
import * as special from "../../ops/special.ts";
import { slidingWindows } from "../../ops/windows.ts";
import type { Case } from "./cases.ts";

const holes = constant(Float64Array.of(1, 0, 1, 1, 0, 1));
const spaced = constant(Float64Array.of(9, 0, 4, 6, 2, 12));

const sorting: readonly Case[] = [
  { name: "sort descending", f: (x) => mul(sin(x), sort(x, 1, { descending: true })), shapes: [[2, 5]], distinct: true },
  { name: "topK", f: (x) => mul(topK(x, 2, { axis: 0 }).values, 3), shapes: [[5, 2]], distinct: true, named: false },
  { name: "topK of the least", f: (x) => topK(sin(x), 3, { largest: false }).values, shapes: [[2, 6]], distinct: true, named: false },
  { name: "median", f: (x) => median(sin(x), 1), shapes: [[3, 4]], distinct: true },
  { name: "quantiles", f: (x) => quantile(sin(x), [0, 0.3, 1], { axis: [0, 2], keepdims: true }), shapes: [[3, 2, 2]], distinct: true },
  { name: "percentile", f: (x) => percentile(sin(x), 62.5), shapes: [[7]], distinct: true },
  { name: "quantile by its fraction", f: (q, x) => quantile(add(x, spaced), q), shapes: [[2], [6]], domain: [0.23, 0.37], named: false },
  {
    name: "quantile at the midpoint",
    f: (x) => quantile(sin(x), constant([0.2, 0.9]), { axis: 0, method: "midpoint" }),
    shapes: [[4, 2]],
    distinct: true,
  },
];

const cumulative: readonly Case[] = [
  { name: "cumprod", f: (x) => cumprod(x, 1), shapes: [[2, 5]], named: "rounded" },
  { name: "cumprod with zeros", f: (x) => cumprod(mul(x, holes), -1), shapes: [[2, 6]], named: false },
  { name: "cumprod of all", f: (x) => cumprod(sin(x)), shapes: [[2, 3]], named: "rounded" },
  { name: "cummax", f: (x) => mul(cummax(x, 0), x), shapes: [[6, 2]], distinct: true, named: "rounded" },
  { name: "cummin", f: (x) => sin(cummin(x, -1)), shapes: [[2, 5]], distinct: true, named: "rounded" },
  { name: "logcumsumexp", f: (x) => logcumsumexp(x, 1), shapes: [[2, 5]], named: "rounded" },
  { name: "diff", f: (x) => diff(sin(x), 2, 0), shapes: [[5, 2]] },
];

/** Functions of one operand, with their domains. */
const ofOne = (functions: Readonly<Record<string, readonly [(x: Tensor) => Tensor, number, number]>>): Case[] =>
  Object.entries(functions).map(([name, [f, low, high]]) => ({ name, f, shapes: [[2, 3]], domain: [low, high] }));

export const specialFunctions: readonly Case[] = [
  ...ofOne({
    asinh: [special.asinh, -3, 3],
    acosh: [special.acosh, 1.3, 4],
    atanh: [special.atanh, -0.8, 0.8],
    logit: [special.logit, 0.1, 0.9],
    lgamma: [special.lgamma, 0.3, 9],
    "lgamma of negatives": [special.lgamma, -1.8, -1.2],
    digamma: [special.digamma, 0.4, 9],
    "digamma of negatives": [special.digamma, -1.7, -1.3],
    "polygamma 1": [(x) => special.polygamma(1, x), 0.5, 9],
    "polygamma 4 of negatives": [(x) => special.polygamma(4, x), -1.7, -1.3],
    mvlgamma: [(x) => special.mvlgamma(x, 3), 1.4, 5],
    erfc: [special.erfc, -3, 3],
    erfcx: [special.erfcx, -1.5, 3],
    erfinv: [special.erfinv, -0.8, 0.8],
    ndtr: [special.ndtr, -3, 3],
    logNdtr: [special.logNdtr, -5, 3],
    ndtri: [special.ndtri, 0.1, 0.9],
    i0: [special.i0, -3, 3],
    i1: [special.i1, -3, 3],
    i0e: [special.i0e, 0.1, 10],
    i1e: [special.i1e, -10, -0.1],
    entr: [special.entr, 0.2, 3],
    fmax: [(x) => floating.fmax(x, mul(sin(x), 0.5)), 0.3, 2],
    fmin: [(x) => floating.fmin(mul(x, x), sin(x)), 1.2, 2],
    copysign: [(x) => mul(floating.copysign(x, -2), x), 0.2, 2],
    frac: [(x) => mul(floating.frac(x), x), 1.1, 1.9],
    ldexp: [(x) => floating.ldexp(mul(x, x), 3), -2, 2],
    nanToNum: [(x) => floating.nanToNum(mul(x, x)), -2, 2],
    "nansum and nanmean": [(x) => mul(floating.nansum(mul(x, x)), floating.nanmean(x, { axis: 0 })), -2, 2],
    "degrees and radians": [(x) => mul(deg2rad(x), rad2deg(x)), -2, 2],
  }),
  { name: "xlog1py", f: (x, y) => special.xlog1py(x, y), shapes: [[2, 3], [3]], domain: [-0.7, 2] },
];

const structure: readonly Case[] = [
  { name: "diagonal", f: (x) => diagonal(sin(x), { offset: 1, axis1: 2, axis2: 0 }), shapes: [[3, 2, 3]] },
  { name: "trace", f: (x) => trace(mul(x, sin(x)), { offset: -1 }), shapes: [[4, 3, 2]], named: false },
  { name: "cross", f: (x, y) => products.cross(x, y), shapes: [[2, 3], [3]], named: false },
  {
    name: "vecdot",
    f: (x, y) => products.vecdot(x, y, 0),
    shapes: [
      [3, 2],
      [3, 1],
    ],
  },
  {
    name: "inner",
    f: (x, y) => products.inner(x, y),
    shapes: [
      [2, 3],
      [4, 3],
    ],
  },
  { name: "kron", f: (x, y) => products.kron(x, y), shapes: [[2, 3], [2]] },
  { name: "multiDot", f: (x, y, z, v) => products.multiDot([x, y, z, v]), shapes: [[2, 3], [3, 4], [4, 2], [2]], named: false },
  { name: "vander", f: (x) => products.vander(x, 4), shapes: [[2, 3]] },
  { name: "polyval", f: (p, x) => products.polyval(p, x), shapes: [[4], [3]], named: false },
  { name: "roll", f: (x) => mul(roll(x, [1, -2], [0, 1]), x), shapes: [[3, 4]], named: false },
  { name: "roll of all", f: (x) => mul(roll(x, 2), x), shapes: [[2, 3]], named: false },
  { name: "rot90", f: (x) => mul(rot90(x), sin(rot90(x, 3, [1, 0]))), shapes: [[3, 3]] },
  {
    name: "meshgrid",
    f: (x, y) => {
      const [a, b] = meshgrid([x, y]);
      return mul(sin(a!), mul(b!, b!));
    },
    shapes: [[3], [2]],
  },
];

const labels = constant([2, 0], { dtype: "int32" });
const networks: readonly Case[] = [
  ...ofOne({
    elu: [activations.elu, -2, -0.1],
    "elu above 0": [(x) => activations.elu(mul(x, x), 2), 0.1, 2],
    celu: [(x) => activations.celu(x, 0.7), -2, -0.1],
    selu: [activations.selu, -2, -0.1],
    mish: [activations.mish, -4, 4],
    logSigmoid: [activations.logSigmoid, -4, 4],
    softsign: [activations.softsign, 0.1, 2],
    tanhshrink: [activations.tanhshrink, -2, 2],
    leakyRelu: [(x) => mul(activations.leakyRelu(x), x), -2, -0.1],
    hardtanh: [(x) => mul(activations.hardtanh(x), x), -0.9, 0.9],
    hardswish: [activations.hardswish, -2.9, 2.9],
    hardshrink: [(x) => mul(activations.hardshrink(x), x), 0.6, 2],
    softshrink: [(x) => mul(activations.softshrink(x), x), -2, -0.6],
    "softplus with beta": [(x) => softplus(x, { beta: 2.5 }), -2, 2],
  }),
  { name: "prelu", f: (x, a) => activations.prelu(x, a), shapes: [[2, 3], [3]], domain: [-2, -0.1] },
  { name: "glu", f: (x) => activations.glu(x, 0), shapes: [[4, 2]], named: false },
  { name: "crossEntropy of labels", f: (x) => crossEntropy(x, labels, { labelSmoothing: 0.1 }), shapes: [[2, 4]], named: false },
  {
    name: "crossEntropy of probabilities",
    f: (x, p) => crossEntropy(x, p, { axis: 0, reduction: "none" }),
    shapes: [
      [3, 2],
      [3, 2],
    ],
  },
  { name: "binaryCrossEntropy", f: (x, t) => binaryCrossEntropy(x, t, { reduction: "sum" }), shapes: [[2, 3], [3]] },
  { name: "layerNorm", f: (x, a, b) => layerNorm(x, { scale: a, bias: b }), shapes: [[2, 4], [4], [4]] },
  { name: "rmsNorm", f: (x, a) => rmsNorm(x, { axis: [0, 1], scale: a }), shapes: [[2, 3], [3]] },
  { name: "dropout", f: (x) => mul(dropout(random.key(4), x, 0.3), x), shapes: [[3, 4]], named: false },
  {
    name: "attention",
    f: (q, k, v) => attention(q, k, v),
    shapes: [
      [2, 3, 2],
      [2, 4, 2],
      [4, 3],
    ],
    named: "rounded",
  },
  {
    name: "causal attention",
    f: (q, k, v) => attention(q, k, v, { causal: true }),
    shapes: [
      [3, 2],
      [3, 2],
      [3, 2],
    ],
    named: "rounded",
  },
  {
    name: "attention with a mask",
    f: (q, k, v) =>
      attention(q, k, v, {
        mask: constant([
          [true, false, true],
          [false, false, false],
        ]),
        scale: 0.5,
      }),
    shapes: [
      [2, 2],
      [3, 2],
      [3, 1],
    ],
    named: false,
  },
];

const same = { padding: "same" } as const;
const convolutions: readonly Case[] = [
  {
    name: "conv of few terms",
    f: (x, w) => conv(x, w),
    shapes: [
      [2, 1, 6],
      [2, 1, 3],
    ],
  },
  {
    name: "conv in 1-D",
    f: (x, w) => conv(x, w, { padding: [[2, 1]], strides: 2, dilation: 2 }),
    shapes: [
      [2, 4, 8],
      [3, 4, 3],
    ],
    named: false,
  },
  {
    name: "conv in 2-D",
    f: (x, w) => conv(x, w, same),
    shapes: [
      [1, 2, 4, 3],
      [2, 2, 3, 2],
    ],
    named: false,
  },
  {
    name: "conv in groups",
    f: (x, w) => conv(x, w, { groups: 2, strides: [2, 1] }),
    shapes: [
      [2, 4, 5, 4],
      [4, 2, 2, 3],
    ],
    named: false,
  },
  {
    name: "conv of each channel",
    f: (x, w) => conv(x, w, { groups: 3, padding: 1 }),
    shapes: [
      [2, 3, 4, 4],
      [6, 1, 3, 3],
    ],
    named: false,
  },
  {
    name: "conv in 3-D",
    f: (x, w) => conv(x, w),
    shapes: [
      [1, 2, 3, 3, 3],
      [2, 2, 2, 2, 2],
    ],
  },
  {
    name: "convTranspose",
    f: (x, w) => convTranspose(x, w, { strides: 2, padding: 1, outputPadding: 1 }),
    shapes: [
      [2, 3, 4],
      [3, 2, 3],
    ],
    named: false,
  },
  {
    name: "convTranspose in groups",
    f: (x, w) => convTranspose(x, w, { groups: 2, dilation: 2 }),
    shapes: [
      [1, 4, 3, 2],
      [4, 1, 2, 2],
    ],
    named: false,
  },
  { name: "slidingWindows", f: (x) => mul(sin(slidingWindows(x, 3, { axis: 0, dilation: 2 })), 2), shapes: [[7, 2]] },
  { name: "slidingWindows that skip", f: (x) => sin(slidingWindows(x, 2, { stride: 3 })), shapes: [[2, 9]], named: false },
  { name: "maxPool", f: (x) => sin(maxPool(x, [2, 3], { strides: [2, 1] })), shapes: [[1, 2, 4, 5]], distinct: true, named: false },
  { name: "maxPool with padding", f: (x) => sin(maxPool(x, 3, { padding: 1, strides: 1 })), shapes: [[2, 1, 5]], distinct: true },
  {
    name: "avgPool",
    f: (x) => avgPool(mul(x, x), 2, { strides: 1, padding: "same", countPadding: false }),
    shapes: [[1, 2, 3, 4]],
    named: "rounded",
  },
];

export const arrayFamilies: readonly Case[] = [...sorting, ...cumulative, ...structure];
export const networkFamilies: readonly Case[] = [...networks, ...convolutions];
export const familyCases: readonly Case[] = [...specialFunctions, ...arrayFamilies, ...networkFamilies];
