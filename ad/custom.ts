/**
 * Functions with derivatives of one's own: `customJvp`, `customVjp`, `straightThrough`. The value is what the function computes, node by
 * node; only derivatives take the rule. Rules are functions of tensors, so that derivatives of any order, vmap and jet follow from them.
 */
import { sameShape } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import { type Flat, flatten, type Tree } from "../core/tree.ts";
import { zerosLike } from "../ops/creation.ts";
import { showArgument } from "../ops/describe.ts";
import { toTensor } from "../ops/operand.ts";
import type { Maybe, Rules } from "../ops/primitive.ts";
import { applyComposed, composedPrimitive } from "./composed.ts";
import { jvp } from "./jvp.ts";
import { type Fn, tensorsOf } from "./trace.ts";

/** How arguments and results are put together. */
interface Structure {
  readonly args: Flat<Tensor>;
  readonly out: Flat<Tensor>;
}
interface Own {
  readonly structure: Structure;
}

export interface CustomOptions {
  /** What messages and `RuleSet`s call the function (default: its own name). */
  readonly name?: string;
}

function custom<F extends Fn>(op: string, f: F, rules: (name: string) => Rules<Own>, options: CustomOptions): F {
  if (typeof f !== "function") throw new Error(`${op}: needs a function, got ${showArgument(f)}`);
  const name = options.name ?? (f.name || op);
  const primitive = composedPrimitive<Own>(name, rules(name));
  // Structures that are equal are one object, and so applications that are equal are one node.
  const structures = new Map<string, Structure>();
  const wrapped = (...args: unknown[]): unknown => {
    const flat = tensorsOf(name, args, "an argument");
    let structure: Structure | undefined;
    const outputs = applyComposed(primitive, flat.leaves, (leaves) => {
      const out = tensorsOf(name, f(...(flat.rebuild(leaves) as unknown[])), "the function's result");
      const key = `${flat.paths.join()}>${out.paths.join()}`;
      structure = structures.get(key);
      if (!structure) structures.set(key, (structure = { args: flat, out }));
      return { values: out.leaves, own: { structure } };
    });
    return structure!.out.rebuild(outputs);
  };
  return wrapped as F;
}

/**
 * What a rule gave, leaf by leaf: for each of `types`, which stand at the places of `like`, a tensor of that type, or undefined for
 * zero, which the rule writes as null, there or for a whole subtree.
 */
function leavesOf(name: string, what: string, given: unknown, like: Flat<Tensor>, types: readonly Tensor[]): Maybe[] {
  const flat = flatten(given as Tree<unknown>);
  const at = new Map(flat.paths.map((path, i) => [path, flat.leaves[i]]));
  const used = new Set<string>();
  const found = like.paths.map((path, i) => {
    const covers = flat.paths.find(
      (p) => p === path || (at.get(p) === null && path.startsWith(p) && /^[.[]|^$/.test(path.slice(p.length))),
    );
    const leaf = covers === undefined ? undefined : at.get(covers);
    if (leaf === undefined)
      throw new Error(`${name}: its rule gave no ${what} for ${path || "the result"}, ${types[i]!.describe()}; give null for zero`);
    used.add(covers!);
    if (leaf === null) return undefined;
    const t = typeof leaf === "number" ? toTensor(name, leaf, types[i]!.dtype) : leaf;
    if (!(t instanceof Tensor))
      throw new Error(`${name}: its rule must give a tensor as ${what} for ${path || "the result"}, got ${showArgument(t)}`);
    if (!sameShape(t.shape, types[i]!.shape) || t.dtype !== types[i]!.dtype)
      throw new Error(`${name}: its rule gave the ${what} ${t.describe()} for ${types[i]!.describe()}; shape and dtype must be equal`);
    return t;
  });
  const extra = flat.paths.find((path) => !used.has(path));
  if (extra !== undefined) throw new Error(`${name}: its rule gave a ${what} at ${extra || "the top"}, to which nothing belongs`);
  return found;
}

/** Throws unless what a rule gave as the function's result, to which its residuals belong, has the structure and types of that. */
function checkResult(name: string, given: unknown, like: Flat<Tensor>, types: readonly Tensor[]): void {
  const flat = flatten(given as Tree<unknown>);
  const fits = (t: unknown, type: Tensor): boolean =>
    typeof t === "number" ? type.rank === 0 : t instanceof Tensor && sameShape(t.shape, type.shape) && t.dtype === type.dtype;
  if (flat.paths.join() !== like.paths.join())
    throw new Error(
      `${name}: forward gives a result with tensors at [${flat.paths.join()}], where the function has them at [${like.paths.join()}]`,
    );
  const i = flat.leaves.findIndex((t, k) => !fits(t, types[k]!));
  if (i >= 0)
    throw new Error(
      `${name}: forward gives the result ${showArgument(flat.leaves[i])}, where the function gives ${types[i]!.describe()}; shape and dtype must be equal`,
    );
}

/** Tensors for a user's rule: zeros where there is a structural zero. */
const filled = (tensors: readonly Maybe[], like: readonly Tensor[]): Tensor[] => tensors.map((t, i) => t ?? zerosLike(like[i]!));

/**
 * f with a derivative of one's own: `rule(args, tangents, result)` gives the tangent of f's result, linear in the tangents. Arguments and
 * tangents come as arrays, results in their own structure. Serves every transform: reverse mode transposes the rule, jet
 * differentiates it along the curve.
 *
 * Tensors that f closes over count as constants; where a derivative flows through one, that is an error.
 */
export function customJvp<A extends readonly any[], R>(
  f: (...args: A) => R,
  rule: (args: A, tangents: A, result: R) => unknown,
  options: CustomOptions = {},
): (...args: A) => R {
  return custom(
    "customJvp",
    f,
    (name) => ({
      jvp: ({ params: { structure }, inputs, tangents, outputs }) => {
        const { args, out } = structure;
        const given = rule(
          args.rebuild(inputs) as unknown as A,
          args.rebuild(filled(tangents, inputs)) as unknown as A,
          out.rebuild(outputs) as R,
        );
        return leavesOf(name, "tangent", given, out, outputs);
      },
    }),
    options,
  );
}

/**
 * f with a reverse rule of one's own. `forward(...args)` gives [result, residuals]; `backward(residuals, cotangent)` gives an array with the
 * cotangent of each argument (null for zero). The residuals are any tree of tensors; the value stays that of f. Where backward is linear in
 * the cotangent, forward mode takes its transpose; where it is not (clipped gradients), forward mode is an error.
 */
export function customVjp<A extends readonly any[], R, S>(
  f: (...args: A) => R,
  forward: (...args: A) => readonly [R, S],
  backward: (residuals: S, cotangent: R) => readonly unknown[],
  options: CustomOptions = {},
): (...args: A) => R {
  return custom(
    "customVjp",
    f,
    (name) => ({
      vjp: ({ params: { structure }, inputs, outputs, cotangents }) => {
        const { args, out } = structure;
        const pair: unknown = forward(...(args.rebuild(inputs) as unknown as A));
        if (!Array.isArray(pair) || pair.length !== 2)
          throw new Error(`${name}: forward must return [result, residuals], got ${showArgument(pair)}`);
        checkResult(name, pair[0], out, outputs);
        const given = backward(pair[1] as S, out.rebuild(filled(cotangents, outputs)) as R);
        return leavesOf(name, "cotangent", given, args, inputs);
      },
    }),
    options,
  );
}

/**
 * The value of f with the derivative of `surrogate` (default: of the identity, so that rounding, thresholds and samples let gradients
 * pass as if they were not there: Bengio, Leonard and Courville 2013).
 */
export function straightThrough<A extends readonly any[], R>(
  f: (...args: A) => R,
  surrogate: (...args: A) => R = ((x: unknown) => x) as unknown as (...args: A) => R,
  options: CustomOptions = {},
): (...args: A) => R {
  return customJvp(f, (args, tangents) => jvp(surrogate, args, tangents)[1], { name: options.name ?? (f.name || "straightThrough") });
}
