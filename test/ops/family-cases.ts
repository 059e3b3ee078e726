/** More operations to test the rules of, by families. See cases.ts. */
import { constant } from "../../core/leaves.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cumprod, cummax, cummin, diff, logcumsumexp } from "../../ops/cumulative.ts";
import { sin } from "../../ops/functions.ts";
import { median, percentile, quantile } from "../../ops/quantile.ts";
import { sort, topK } from "../../ops/sort.ts";
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

export const familyCases: readonly Case[] = [...sorting, ...cumulative];
