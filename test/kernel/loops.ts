/** Loops and branches as primitives of the tests: what their rules lower to, without derivatives or structure. */
import type { Dim } from "../../core/dim.ts";
import type { Aval } from "../../core/primitive.ts";
import type { Tensor } from "../../core/tensor.ts";
import { placeholderLike } from "../../ad/trace.ts";
import { lowerScan, lowerSwitch, lowerWhile, type Graph, type ScanGraph, type WhileGraph } from "../../ops/bodies.ts";
import { definePrimitive } from "../../ops/primitive.ts";
import { placeholder } from "../../core/leaves.ts";

const typeOf = (t: Tensor): Aval => ({ shape: t.shape, dtype: t.dtype });

const scanPrimitive = definePrimitive<ScanGraph>({
  name: "testScan",
  type: (inputs, { results, consts, carries, length }) => {
    const stacked = (t: Tensor): Aval => ({ shape: [length, ...t.shape], dtype: t.dtype });
    const first = inputs.slice(consts, consts + carries);
    return [...first.map(typeOf), ...results.slice(carries).map(stacked), ...first.map(stacked)];
  },
  lower: ({ params, inputs }) => lowerScan(params, inputs),
});

export interface ScanParts {
  readonly consts: readonly Tensor[];
  readonly carries: readonly Tensor[];
  readonly xs: readonly Tensor[];
  readonly length: Dim;
  readonly reverse?: boolean;
}

/** `f` gives new carries, and values. All it uses are its arguments. [last carries, values, histories of the carries]. */
export function scan(
  { consts, carries, xs, length, reverse = false }: ScanParts,
  f: (consts: readonly Tensor[], carries: readonly Tensor[], xs: readonly Tensor[]) => readonly [readonly Tensor[], readonly Tensor[]],
): { readonly carries: readonly Tensor[]; readonly values: readonly Tensor[]; readonly history: readonly Tensor[] } {
  const inside = [
    consts.map((t) => placeholderLike(t)),
    carries.map((t) => placeholderLike(t)),
    xs.map((t) => placeholder(t.shape.slice(1), t.dtype)),
  ] as const;
  const [news, values] = f(...inside);
  const out = scanPrimitive.many([...consts, ...carries, ...xs], {
    parameters: inside.flat(),
    results: [...news, ...values],
    consts: consts.length,
    carries: carries.length,
    length,
    reverse,
  });
  const n = carries.length;
  return { carries: out.slice(0, n), values: out.slice(n, n + values.length), history: out.slice(n + values.length) };
}

const whilePrimitive = definePrimitive<WhileGraph>({
  name: "testWhile",
  type: (inputs, { conditionConsts, bodyConsts }) => inputs.slice(conditionConsts + bodyConsts).map(typeOf),
  lower: ({ params, inputs }) => lowerWhile(params, inputs),
});

export function whileLoop(
  consts: readonly Tensor[],
  carries: readonly Tensor[],
  condition: (consts: readonly Tensor[], carries: readonly Tensor[]) => Tensor,
  f: (consts: readonly Tensor[], carries: readonly Tensor[]) => readonly Tensor[],
): readonly Tensor[] {
  const graph = (g: (consts: readonly Tensor[], carries: readonly Tensor[]) => readonly Tensor[]): Graph => {
    const [c, k] = [consts.map((t) => placeholderLike(t)), carries.map((t) => placeholderLike(t))];
    return { parameters: [...c, ...k], results: g(c, k) };
  };
  return whilePrimitive.many([...consts, ...consts, ...carries], {
    condition: graph((c, k) => [condition(c, k)]),
    body: graph(f),
    conditionConsts: consts.length,
    bodyConsts: consts.length,
  });
}

const switchPrimitive = definePrimitive<{ readonly cases: readonly Graph[] }>({
  name: "testSwitch",
  type: (_, { cases }) => cases[0]!.results.map(typeOf),
  lower: ({ params: { cases }, inputs }) => lowerSwitch(cases, inputs),
});

export const choose = (
  index: Tensor,
  operands: readonly Tensor[],
  cases: readonly ((operands: readonly Tensor[]) => readonly Tensor[])[],
): readonly Tensor[] =>
  switchPrimitive.many([index, ...operands], {
    cases: cases.map((f) => {
      const parameters = operands.map((t) => placeholderLike(t));
      return { parameters, results: f(parameters) };
    }),
  });
