/** More operations to test the rules of, by families. See cases.ts. */
import { constant } from "../../core/leaves.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { sin } from "../../ops/functions.ts";
import { median, percentile, quantile } from "../../ops/quantile.ts";
import { sort, topK } from "../../ops/sort.ts";
import type { Case } from "./cases.ts";

const spaced = constant(Float64Array.of(9, 0, 4, 6, 2, 12));

const sorting: readonly Case[] = [
  { name: "sort descending", f: (x) => mul(sin(x), sort(x, 1, { descending: true })), shapes: [[2, 5]], distinct: true },
  { name: "topK", f: (x) => mul(topK(x, 2, { axis: 0 }).values, 3), shapes: [[5, 2]], distinct: true, named: false },
  { name: "topK of the least", f: (x) => topK(sin(x), 3, { largest: false }).values, shapes: [[2, 6]], distinct: true, named: false },
  { name: "median", f: (x) => median(sin(x), 1), shapes: [[3, 4]], distinct: true },
  { name: "quantiles", f: (x) => quantile(sin(x), [0, 0.3, 1], { axis: [0, 2], keepdims: true }), shapes: [[3, 2, 2]], distinct: true },
  { name: "percentile", f: (x) => percentile(sin(x), 62.5), shapes: [[7]], distinct: true },
  { name: "quantile by its fraction", f: (q, x) => quantile(add(x, spaced), q), shapes: [[2], [6]], domain: [0.23, 0.37] },
  {
    name: "quantile at the midpoint",
    f: (x) => quantile(sin(x), constant([0.2, 0.9]), { axis: 0, method: "midpoint" }),
    shapes: [[4, 2]],
    distinct: true,
  },
];

export const familyCases: readonly Case[] = [...sorting];
