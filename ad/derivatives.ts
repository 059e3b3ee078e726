/**
 * Partial derivatives by name: u, u_t, u_x, u_xx of a field in one pass. Each variable is a curve of its own through the same values,
 * so that what they share is computed once; mixed derivatives come from curves between the axes (polarization).
 */
import { substitute } from "../core/graph.ts";
import { Tensor } from "../core/tensor.ts";
import { addN } from "../ops/addN.ts";
import { mul } from "../ops/arithmetic.ts";
import { fullLike } from "../ops/creation.ts";
import { showArgument } from "../ops/describe.ts";
import { type Maybe, ownRules, type RuleSet } from "../ops/primitive.ts";
import type { TransformOptions } from "./jvp.ts";
import { pushSeries } from "./taylor.ts";
import { checkFloat, type Fn, orZeros, pairs, trace } from "./trace.ts";

/** What is wanted: for a variable all derivatives by it up to an order; for several in a row ("xy", "xxt") that mixed one. */
export type Orders = { readonly [variable: string]: number | true };

export interface DerivativesOptions extends TransformOptions {
  /** What the field is called, when the function returns a tensor (default "u"). With several fields the function returns an object. */
  readonly name?: string;
}

type Repeats<V extends string, N extends number, P extends string = "", C extends unknown[] = []> = C["length"] extends N | 9
  ? never
  : `${P}${V}` | Repeats<V, N, `${P}${V}`, [...C, unknown]>;
type Suffixes<O extends Orders> = {
  [K in keyof O & string]: O[K] extends true ? K : O[K] extends number ? Repeats<K, O[K]> : never;
}[keyof O & string];
type Fields<R, N extends string> = 0 extends 1 & R ? string : R extends Tensor ? N : keyof R & string;
/** The fields, and their derivatives as field_variables: u, u_t, u_x, u_xx. */
export type DerivativesOf<R, O extends Orders, N extends string> = {
  readonly [K in Fields<R, N> | `${Fields<R, N>}_${Suffixes<O>}`]: Tensor;
};

/**
 * The partial derivatives of fields by named variables, together with the fields:
 *
 *     const { u, u_t, u_x, u_xx } = derivatives(({ t, x }) => network(t, x), { t: 1, x: 2 })({ t, x });
 *
 * f takes one object with the variables (whatever else is in it is handed through), or as many tensors as `orders` has variables, in
 * that order, and returns one field, or an object of them. Variables are tensors of points: f must treat the points one by one,
 * as a network does with rows, and the derivatives are those at each point. Orders say how far to go by each variable, 0 for not at all;
 * `{ x: 2, y: 2, xy: true }` asks for a mixed one, which is a combination of derivatives along directions
 * between the axes and costs the cancellation of those: a few ulp for second derivatives.
 */
export function derivatives<R, const O extends Orders, N extends string = "u">(
  f: (...args: any[]) => R,
  orders: O,
  options: DerivativesOptions & { readonly name?: N } = {},
): (...args: any[]) => DerivativesOf<R, O, N> {
  const { name = "u", rules = ownRules } = options;
  const entries = Object.entries(orders);
  const variables = entries.flatMap(([key, order]) => (order === true ? [] : [key]));
  for (const [key, order] of entries)
    if (order !== true && !(Number.isInteger(order) && order >= 0))
      throw new Error(
        `derivatives: the order by ${key} must be a non-negative integer, or true for a mixed derivative, got ${showArgument(order)}`,
      );
  const mixed = entries.flatMap(([key, order]) => (order === true ? [{ key, powers: powersOf(key, variables) }] : []));
  return (...args: unknown[]) => {
    const named = args.length === 1 && !(args[0] instanceof Tensor) && typeof args[0] === "object" && args[0] !== null;
    const given = named ? (args[0] as Record<string, unknown>) : undefined;
    const points = variables.map((v, i) => (given ? given[v] : args[i]));
    points.forEach((x, i) => {
      if (!(x instanceof Tensor))
        throw new Error(
          `derivatives: the variable ${variables[i]} must be a tensor of points, got ${x === undefined ? "nothing" : showArgument(x)}`,
        );
    });
    const call: Fn = (...xs: Tensor[]) =>
      given ? f({ ...given, ...Object.fromEntries(variables.map((v, i) => [v, xs[i]])) }) : f(...xs, ...args.slice(variables.length));
    const { out, leaves, args: arguments_ } = trace("derivatives", call, points);
    checkFloat("derivatives", leaves, "the variable");
    checkFloat("derivatives", out.leaves, "the field");
    const fields = fieldNames(out.paths, name);
    const along = directional(out.leaves, leaves, rules);
    const found: Record<string, Tensor> = {};
    const keep = (suffix: string, of: readonly Maybe[]): void =>
      of.forEach((d, i) => (found[`${fields[i]!}_${suffix}`] = orZeros(d, out.leaves[i]!)));
    fields.forEach((field, i) => (found[field] = out.leaves[i]!));
    variables.forEach((v, i) => {
      const highest = orders[v] as number;
      const unit = variables.map((_, j) => (i === j ? 1 : 0));
      for (let k = 1; k <= highest; k++) keep(v.repeat(k), along(unit, k, highest));
    });
    for (const { key, powers } of mixed) keep(key, polarized(powers, along));
    const keys = Object.keys(found);
    const placed = substitute(Object.values(found), pairs(leaves, arguments_.leaves));
    return Object.fromEntries(keys.map((key, i) => [key, placed[i]!])) as unknown as DerivativesOf<R, O, N>;
  };
}

/** Names for what f returned: that of the one field, or the keys of several. */
function fieldNames(paths: readonly string[], name: string): readonly string[] {
  if (paths.length === 1 && paths[0] === "") return [name];
  if (paths.some((path) => !/^[^.[\]]+$/.test(path)))
    throw new Error(
      `derivatives: the function must return a tensor or an object of tensors, got fields at ${paths.map((p) => p || "the top").join(", ")}`,
    );
  return paths;
}

/** How often each variable occurs in a name like "xxy". Throws unless the name is made of variables, in one way only. */
function powersOf(key: string, variables: readonly string[]): readonly number[] {
  const readings = (rest: string): number[][] =>
    rest === ""
      ? [variables.map(() => 0)]
      : variables.flatMap((v, i) =>
          v !== "" && rest.startsWith(v) ? readings(rest.slice(v.length)).map((p) => p.map((n, j) => (i === j ? n + 1 : n))) : [],
        );
  const [powers, ...others] = readings(key);
  if (!powers || others.some((p) => p.some((n, i) => n !== powers[i])))
    throw new Error(
      `derivatives: ${key} is ${powers ? "read in more than one way as" : "not"} a row of the variables ${variables.join(", ")}; list each with its order, 0 for none of its own`,
    );
  return powers;
}

type Along = (direction: readonly number[], order: number, upTo?: number) => readonly Maybe[];

/** The derivatives of outputs along directions of the variables, each direction pushed through once. */
function directional(outputs: readonly Tensor[], leaves: readonly Tensor[], rules: RuleSet): Along {
  const done = new Map<string, readonly (readonly Maybe[])[]>();
  return (direction, order, upTo = order) => {
    const key = direction.join();
    let found = done.get(key);
    if (!found || found[0]!.length < order) {
      const seeds = leaves.flatMap((x, i) =>
        direction[i] === 0 ? [] : [[x, [fullLike(x, direction[i]!), ...new Array<undefined>(upTo - 1).fill(undefined)]] as const],
      );
      done.set(key, (found = pushSeries(outputs, new Map<Tensor, readonly Maybe[]>(seeds), upTo, rules)));
    }
    return found.map((orders) => orders[order - 1]);
  };
}

/**
 * A mixed derivative from those along directions: with m_i derivatives by variable i and d in all,
 * 1/d! times the sum over j with 0 <= j_i <= m_i of (-1)^(d - |j|) prod C(m_i, j_i) D^d[sum j_i e_i] (Griewank, Utke and Walther 2000).
 */
function polarized(powers: readonly number[], along: Along): readonly Maybe[] {
  const d = powers.reduce((a, b) => a + b, 0);
  const weights = new Map<string, { readonly direction: readonly number[]; weight: number }>();
  const visit = (i: number, j: readonly number[], weight: number): void => {
    if (i < powers.length) {
      for (let k = 0, c = 1; k <= powers[i]!; c = (c * (powers[i]! - k)) / (k + 1), k++) visit(i + 1, [...j, k], weight * c);
      return;
    }
    const size = j.reduce((a, b) => a + b, 0);
    if (size === 0) return;
    // D^d along a multiple of a direction is a multiple of that along it.
    const g = j.reduce(divisor, 0);
    const direction = j.map((n) => n / g);
    const entry = weights.get(direction.join()) ?? { direction, weight: 0 };
    entry.weight += ((d - size) % 2 ? -weight : weight) * g ** d;
    weights.set(direction.join(), entry);
  };
  visit(0, [], 1);
  const total = Array.from({ length: d }, (_, k) => k + 1).reduce((a, b) => a * b, 1);
  const terms = [...weights.values()].map(({ direction, weight }) => along(direction, d).map((y) => y && mul(y, weight / total)));
  return terms[0]!.map((_, i) => addN(terms.map((of) => of[i])));
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
