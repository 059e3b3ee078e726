/** More operations to test the rules of, by families. See cases.ts. */
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cumprod, cummax, cummin, diff, logcumsumexp } from "../../ops/cumulative.ts";
import * as floating from "../../ops/floating.ts";
import { deg2rad, rad2deg, sin } from "../../ops/functions.ts";
import { median, percentile, quantile } from "../../ops/quantile.ts";
import { sort, topK } from "../../ops/sort.ts";
import * as special from "../../ops/special.ts";
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

const specialFunctions: readonly Case[] = [
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

export const familyCases: readonly Case[] = [...sorting, ...cumulative, ...specialFunctions];
