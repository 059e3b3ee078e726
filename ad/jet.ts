/** Taylor mode for users: `jet`, on nodes and on functions. */
import { substitute } from "../core/graph.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Flat, Tree } from "../core/tree.ts";
import { showArgument } from "../ops/describe.ts";
import { type Maybe, ownRules } from "../ops/primitive.ts";
import { checkPrimals, type TransformOptions, traceFloats } from "./jvp.ts";
import { pushSeries } from "./taylor.ts";
import { checkFloat, checkLeaves, type Fn, likes, orZeros, pairs, tensorsOf, type Tensors } from "./trace.ts";

/**
 * Derivatives along a curve. The curve goes through x: `series` lists its derivatives dx/ds, d2x/ds2, ... there, each like x (null
 * for zero), and the result lists dy/ds, d2y/ds2, ..., as many as the longest series has. Derivatives, not Taylor coefficients: to
 * have the latter divide the k-th by k! (as in jax.experimental.jet). With series [v, null, null] the results are the directional
 * derivatives D y [v], D2 y [v, v], D3 y [v, v, v].
 *
 * On nodes: `jet(y, x, series)` gives the derivatives of y; x is a source, placeholder or probe, or a tree of them.
 * On functions: `jet(f, x, series)` gives [f(x), derivatives], and `jet(f, [x, w], [xSeries, wSeries])` is for several arguments.
 */
export function jet<Y>(
  y: Y & (Y extends Fn ? never : Y),
  wrt: unknown,
  series: readonly unknown[],
  options?: TransformOptions,
): Tensors<Y>[];
export function jet<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  x: { [K in keyof A]: unknown } | (A extends readonly [infer X] ? X : never) | Tensor | number,
  series: readonly unknown[],
  options?: TransformOptions,
): [Tensors<R>, Tensors<R>[]];
export function jet(y: unknown, x: unknown, series: readonly unknown[], { rules = ownRules }: TransformOptions = {}): unknown {
  if (typeof y === "function") {
    const single = !Array.isArray(x);
    const primals = single ? [x] : x;
    checkPrimals("jet", primals);
    const given = single ? [series] : series;
    if (!Array.isArray(given) || given.length !== primals.length)
      throw new Error(`jet: needs a series for each of ${primals.length} arguments, got ${showArgument(series)}`);
    const { out, leaves, args } = traceFloats("jet", y as Fn, primals);
    const lists = given.map((list, i) => derivativesOf(list, tensorsOf("jet", primals[i], "the argument").leaves, `argument ${i}`));
    const order = Math.max(...lists.map((list) => list.length));
    const flat = lists.flatMap((list, i) => transposed(list, tensorsOf("jet", primals[i], "the argument").leaves.length));
    const found = pushSeries(out.leaves, new Map(leaves.map((t, i) => [t, flat[i]!])), checkOrder(order), rules);
    const all = found.flatMap((orders, i) => orders.map((d) => orZeros(d, out.leaves[i]!)));
    const placed = substitute([...out.leaves, ...all], pairs(leaves, args.leaves));
    return [out.rebuild(placed.slice(0, out.leaves.length)), byOrder(out, placed.slice(out.leaves.length), order)];
  }
  const outputs = tensorsOf("jet", y, "the output");
  const { leaves } = tensorsOf("jet", x, "what to differentiate by");
  checkLeaves("jet", leaves);
  checkFloat("jet", leaves, "the variable");
  const list = derivativesOf(series, leaves, "the variable");
  const flat = transposed(list, leaves.length);
  const found = pushSeries(outputs.leaves, new Map(leaves.map((t, i) => [t, flat[i]!])), checkOrder(list.length), rules);
  const all = found.flatMap((orders, i) => orders.map((d) => orZeros(d, outputs.leaves[i]!)));
  return byOrder(outputs, all, list.length);
}

function checkOrder(order: number): number {
  if (order === 0) throw new Error("jet: the series are empty; give at least the first derivative, as in jet(f, x, [dx])");
  return order;
}

/** For each order the derivatives of the leaves, as a user gives them. */
function derivativesOf(series: unknown, like: readonly Tensor[], what: string): Maybe[][] {
  if (!Array.isArray(series))
    throw new Error(`jet: the series of ${what} must be a list of derivatives, the first first, got ${showArgument(series)}`);
  return series.map((d: unknown, k) =>
    d === null || d === undefined ? like.map(() => undefined) : likes("jet", d, like, `derivative of order ${k + 1}`),
  );
}

/** [order][leaf] -> [leaf][order]. */
const transposed = (list: readonly (readonly Maybe[])[], leaves: number): Maybe[][] =>
  Array.from({ length: leaves }, (_, i) => list.map((orders) => orders[i]));

/** [output][order], flattened, as a tree for each order. */
const byOrder = (out: Flat<Tensor>, all: readonly Tensor[], order: number): Tree<Tensor>[] =>
  Array.from({ length: order }, (_, k) => out.rebuild(out.leaves.map((__, i) => all[i * order + k]!)));
