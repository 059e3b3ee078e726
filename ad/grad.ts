/** Gradients of scalars: `grad` and `valueAndGrad`, on nodes and on functions. */
import { substitute } from "../core/graph.ts";
import { isComplex } from "../core/dtype.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { type Flat, type Tree } from "../core/tree.ts";
import { onesLike } from "../ops/creation.ts";
import { ownRules, type RuleSet } from "../ops/primitive.ts";
import type { TransformOptions } from "./jvp.ts";
import { checkFloat, checkLeaves, type Fn, orZeros, pairs, tensorsOf, type Tensors, trace } from "./trace.ts";
import { pullLinear } from "./vjp.ts";

export interface GradOptions extends TransformOptions {
  /** The argument, or arguments, to differentiate by (default 0). */
  readonly argnums?: number | readonly number[];
  /** The function returns [loss, aux]; aux is handed through. */
  readonly hasAux?: boolean;
}

/** Throws unless y is one real float number. */
function checkScalar(op: string, y: Tensor): void {
  if (y.rank !== 0)
    throw new Error(
      `${op}: a gradient is of a scalar, got ${y.describe()}. Reduce it with sum or mean, or use vjp or jacrev for shape ${showShape(y.shape)}`,
    );
  checkFloat(op, [y], "the output");
  if (isComplex(y.dtype))
    throw new Error(
      `${op}: a gradient is of a real number, got ${y.describe()}. Take real(y), imag(y) or abs(y); or use vjp with a complex cotangent, or jacfwd for the derivative of an analytic function`,
    );
}

const gradients = (y: Tensor, leaves: readonly Tensor[], rules: RuleSet): Tensor[] =>
  pullLinear([y], [onesLike(y)], leaves, rules).map((ct, i) => orZeros(ct, leaves[i]!));

/** What grad by `argnums` gives for arguments A: one structure for a number, a list of them for a list. */
export type GradOf<A extends readonly unknown[], O> = O extends { argnums: infer N }
  ? N extends number
    ? Tensors<A[N]>
    : N extends readonly number[]
      ? { -readonly [K in keyof N]: Tensors<A[N[K] & number]> }
      : never
  : Tensors<A[0]>;

/**
 * The gradient of a scalar.
 * On nodes: `grad(loss, wrt)`, where wrt is a source, placeholder or probe, or an array or object of them; the result has its structure.
 * On functions: `grad(f, { argnums })` is the function that gives the gradient at its arguments.
 */
export function grad<A extends readonly any[], const O extends GradOptions = object>(
  f: (...args: A) => any,
  options?: O,
): (...args: { [K in keyof A]: A[K] | number }) => GradOf<A, O>;
export function grad<W>(loss: Tensor, wrt: W, options?: TransformOptions): Tensors<W>;
export function grad(y: Tensor | Fn, second?: unknown, options: TransformOptions = {}): unknown {
  if (typeof y === "function") {
    const both = valueAndGrad(y, second as GradOptions | undefined);
    const { hasAux } = (second ?? {}) as GradOptions;
    return (...args: unknown[]) => {
      const [value, gradient] = both(...args) as unknown as [unknown, unknown];
      return hasAux ? [gradient, (value as unknown[])[1]] : gradient;
    };
  }
  const wrt = gradLeaves("grad", y, second);
  return wrt.rebuild(gradients(y, wrt.leaves, options.rules ?? ownRules));
}

function gradLeaves(op: string, y: Tensor, wrt: unknown): Flat<Tensor> {
  const outputs = tensorsOf(op, y as Tree<unknown>, "the output").leaves;
  if (outputs.length !== 1) throw new Error(`${op}: a gradient is of one scalar, got ${outputs.length} tensors`);
  checkScalar(op, outputs[0]!);
  if (wrt === undefined) throw new Error(`${op}: what to differentiate ${y.describe()} by is missing: ${op}(loss, wrt)`);
  const leaves = tensorsOf(op, wrt, "what to differentiate by");
  checkLeaves(op, leaves.leaves);
  checkFloat(op, leaves.leaves, "the variable");
  return leaves;
}

/** As `grad`, with the value: [value, gradient], computed together. */
export function valueAndGrad<A extends readonly any[], R, const O extends GradOptions = object>(
  f: (...args: A) => R,
  options?: O,
): (...args: { [K in keyof A]: A[K] | number }) => [R, GradOf<A, O>];
export function valueAndGrad<W>(loss: Tensor, wrt: W, options?: TransformOptions): [Tensor<[]>, Tensors<W>];
export function valueAndGrad(y: Tensor | Fn, second?: unknown, options: TransformOptions = {}): unknown {
  if (typeof y !== "function") return [y, grad(y, second, options)];
  const { argnums = 0, hasAux = false, rules = ownRules } = (second ?? {}) as GradOptions;
  const numbers = typeof argnums === "number" ? [argnums] : argnums;
  return (...args: unknown[]) => {
    const { out, leaves, args: given } = trace("grad", y, args, numbers);
    checkFloat("grad", given.leaves, "the argument");
    if (out.leaves.length === 0 || (!hasAux && out.leaves.length !== 1))
      throw new Error(
        `grad: the function returned ${out.leaves.length} tensors; it must return one scalar, or [loss, aux] with { hasAux: true }`,
      );
    checkScalar("grad", out.leaves[0]!);
    const placed = substitute([...out.leaves, ...gradients(out.leaves[0]!, leaves, rules)], pairs(leaves, given.leaves));
    const byArgument = given.rebuild(placed.slice(out.leaves.length)) as unknown[];
    return [out.rebuild(placed.slice(0, out.leaves.length)), typeof argnums === "number" ? byArgument[0] : byArgument];
  };
}
