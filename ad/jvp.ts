/** Forward mode: `jvp` and `linearize`, on nodes and on functions. */
import { substitute } from "../core/graph.ts";
import { ownRules, type RuleSet } from "../ops/primitive.ts";
import { pushForward } from "./pushforward.ts";
import { checkFloat, checkLeaves, type Fn, likes, orZeros, pairs, placeholderLike, tensorsOf, type Tensors, trace } from "./trace.ts";

export interface TransformOptions {
  /** Rules that come before the primitives' own. */
  readonly rules?: RuleSet;
}

/**
 * The Jacobian-vector product: how y changes when wrt moves along a tangent of the same structure.
 * On nodes: `jvp(y, wrt, tangent)` gives the tangent of y. On functions: `jvp(f, primals, tangents)` gives [f(...primals), tangent].
 */
export function jvp<Y>(y: Y & (Y extends Fn ? never : Y), wrt: unknown, tangent: unknown, options?: TransformOptions): Tensors<Y>;
export function jvp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: { [K in keyof A]: unknown },
  tangents: readonly unknown[],
  options?: TransformOptions,
): [Tensors<R>, Tensors<R>];
export function jvp(y: unknown, wrt: unknown, tangent: unknown, { rules = ownRules }: TransformOptions = {}): unknown {
  if (typeof y === "function") {
    const { out, leaves, args } = traceFloats("jvp", y as Fn, wrt);
    const tangents = pushForward(out.leaves, pairs(leaves, likes("jvp", tangent, args.leaves, "tangent")), rules).map((d, i) =>
      orZeros(d, out.leaves[i]!),
    );
    const results = substitute([...out.leaves, ...tangents], pairs(leaves, args.leaves));
    return [out.rebuild(results.slice(0, out.leaves.length)), out.rebuild(results.slice(out.leaves.length))];
  }
  const outputs = tensorsOf("jvp", y, "the output");
  const leaves = tensorsOf("jvp", wrt, "what to differentiate by").leaves;
  checkLeaves("jvp", leaves);
  checkFloat("jvp", leaves, "the variable");
  const seeds = pairs(leaves, likes("jvp", tangent, leaves, "tangent"));
  return outputs.rebuild(pushForward(outputs.leaves, seeds, rules).map((d, i) => orZeros(d, outputs.leaves[i]!)));
}

/**
 * f at a point, and its linear approximation there: `const [y, push] = linearize(f, primals)`; `push(tangents)` is the
 * Jacobian-vector product, and shares all of f's own computation between calls.
 */
export function linearize<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: { [K in keyof A]: unknown },
  { rules = ownRules }: TransformOptions = {},
): [Tensors<R>, (tangents: readonly unknown[]) => Tensors<R>] {
  const { out, leaves, args } = traceFloats("linearize", f, primals);
  const directions = leaves.map((t) => placeholderLike(t));
  const tangents = pushForward(out.leaves, pairs(leaves, directions), rules).map((d, i) => orZeros(d, out.leaves[i]!));
  const placed = substitute([...out.leaves, ...tangents], pairs(leaves, args.leaves));
  const linear = placed.slice(out.leaves.length);
  const push = (given: readonly unknown[]): Tensors<R> =>
    out.rebuild(substitute(linear, pairs(directions, likes("linearize", given, args.leaves, "tangent")))) as Tensors<R>;
  return [out.rebuild(placed.slice(0, out.leaves.length)) as Tensors<R>, push];
}

export function checkPrimals(op: string, primals: unknown): asserts primals is readonly unknown[] {
  if (!Array.isArray(primals)) throw new Error(`${op}: the primals are an array of f's arguments, as in ${op}(f, [x], ...)`);
}

/** Traces f by arguments that all must be float. */
export function traceFloats(op: string, f: Fn, primals: unknown): ReturnType<typeof trace> {
  checkPrimals(op, primals);
  const traced = trace(op, f, primals);
  checkFloat(op, traced.args.leaves, "the argument");
  return traced;
}
