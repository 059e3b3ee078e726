/** Reverse mode: `vjp`, on nodes and on functions. Everything reverse is `pullLinear`: push tangents, transpose. */
import { substitute } from "../core/graph.ts";
import type { Tensor } from "../core/tensor.ts";
import { type Maybe, ownRules, type RuleSet } from "../ops/primitive.ts";
import { type TransformOptions, traceFloats } from "./jvp.ts";
import { pullBack } from "./pullback.ts";
import { pushForward } from "./pushforward.ts";
import { checkFloat, checkLeaves, type Fn, likes, orZeros, pairs, placeholderLike, tensorsOf, type Tensors } from "./trace.ts";

/** The cotangents of leaves, given those of outputs: the transpose of the tangent graph by its tangent leaves. */
export function pullLinear(outputs: readonly Tensor[], cotangents: readonly Tensor[], leaves: readonly Tensor[], rules: RuleSet): Maybe[] {
  const directions = leaves.map((t) => placeholderLike(t));
  return pullBack(pushForward(outputs, pairs(leaves, directions), rules, "reverse"), cotangents, directions, rules);
}

/**
 * The vector-Jacobian product.
 * On nodes: `vjp(y, wrt, cotangent)` gives the cotangent of wrt, in its structure.
 * On functions: `const [y, pullback] = vjp(f, primals)`; `pullback(cotangent)` gives an array with one cotangent an argument.
 */
export function vjp<W>(
  y: Tensor | readonly unknown[] | { readonly [key: string]: unknown },
  wrt: W,
  cotangent: unknown,
  options?: TransformOptions,
): Tensors<W>;
export function vjp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: { [K in keyof A]: unknown },
  options?: TransformOptions,
): [Tensors<R>, (cotangent: unknown) => { -readonly [K in keyof A]: Tensors<A[K]> }];
export function vjp(y: unknown, wrt: unknown, third?: unknown, options?: TransformOptions): unknown {
  if (typeof y === "function") {
    const { rules = ownRules } = (third as TransformOptions | undefined) ?? {};
    const { out, leaves, args } = traceFloats("vjp", y as Fn, wrt);
    const seeds = out.leaves.map((t) => placeholderLike(t));
    const pulled = pullLinear(out.leaves, seeds, leaves, rules).map((ct, i) => orZeros(ct, leaves[i]!));
    const placed = substitute([...out.leaves, ...pulled], pairs(leaves, args.leaves));
    const linear = placed.slice(out.leaves.length);
    const pullback = (cotangent: unknown): unknown =>
      args.rebuild(substitute(linear, pairs(seeds, likes("vjp", cotangent, out.leaves, "cotangent"))));
    return [out.rebuild(placed.slice(0, out.leaves.length)), pullback];
  }
  const { rules = ownRules } = options ?? {};
  const outputs = tensorsOf("vjp", y, "the output").leaves;
  const leaves = tensorsOf("vjp", wrt, "what to differentiate by");
  checkLeaves("vjp", leaves.leaves);
  checkFloat("vjp", leaves.leaves, "the variable");
  const seeds = likes("vjp", third, outputs, "cotangent");
  return leaves.rebuild(pullLinear(outputs, seeds, leaves.leaves, rules).map((ct, i) => orZeros(ct, leaves.leaves[i]!)));
}
