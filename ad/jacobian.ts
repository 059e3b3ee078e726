/** Jacobians and Hessians: the pushforward or the pullback, batched over a basis. One graph, no loop. */
import { substitute } from "../core/graph.ts";
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { eye, zeros } from "../ops/creation.ts";
import { ownRules, type RuleSet } from "../ops/primitive.ts";
import { reshape } from "../ops/reshape.ts";
import { moveaxis } from "../ops/transpose.ts";
import { batchAll } from "./batch.ts";
import { grad, type GradOptions } from "./grad.ts";
import { checkPrimals, jvp, type TransformOptions } from "./jvp.ts";
import { pushForward } from "./pushforward.ts";
import { checkFloat, type Fn, pairs, placeholderLike, type Tensors, trace } from "./trace.ts";
import { pullLinear } from "./vjp.ts";

/** The unit tangents of x, one a row: [size, ...shape]. */
const basis = (x: Tensor): Tensor => reshape(eye(sizeOf(x.shape), sizeOf(x.shape), 0, { dtype: x.dtype }), [sizeOf(x.shape), ...x.shape]);

type Block = (outputs: readonly Tensor[], leaf: Tensor, rules: RuleSet) => Tensor[];

/** d output / d leaf as [...output, ...leaf], one column a unit tangent of the leaf. */
const forwardBlocks: Block = (outputs, leaf, rules) => {
  const direction = placeholderLike(leaf);
  const tangents = pushForward(outputs, new Map([[leaf, direction]]), rules);
  const size = sizeOf(leaf.shape);
  const columns = batchAll(
    tangents.filter((t) => t !== undefined),
    new Map([[direction, basis(leaf)]]),
    size,
    rules,
  );
  let next = 0;
  return outputs.map((y, i) => {
    const shape = [...y.shape, ...leaf.shape];
    const column = tangents[i] && columns[next++];
    return column ? reshape(moveaxis(column, 0, y.rank), shape) : zeros(shape, { dtype: y.dtype });
  });
};

/** The same, one row a unit cotangent of the output. */
const reverseBlocks: Block = (outputs, leaf, rules) =>
  outputs.map((y) => {
    const seed = placeholderLike(y);
    const [ct] = pullLinear([y], [seed], [leaf], rules);
    const shape = [...y.shape, ...leaf.shape];
    const [rows] = ct ? batchAll([ct], new Map([[seed, basis(y)]]), sizeOf(y.shape), rules) : [];
    return rows ? reshape(rows, shape) : zeros(shape, { dtype: y.dtype });
  });

function jacobian(op: string, f: Fn, { argnums = 0, rules = ownRules }: GradOptions, blocks: Block): Fn {
  const numbers = typeof argnums === "number" ? [argnums] : argnums;
  return (...args: unknown[]) => {
    const { out, leaves, args: given } = trace(op, f, args, numbers);
    checkFloat(op, given.leaves, "the argument");
    checkFloat(op, out.leaves, "the output");
    const byLeaf = leaves.map((leaf) => blocks(out.leaves, leaf, rules));
    const placed = substitute(byLeaf.flat(), pairs(leaves, given.leaves));
    const count = out.leaves.length;
    const byOutput = out.leaves.map((_, o) => {
      const perArgument = given.rebuild(leaves.map((_, l) => placed[l * count + o]!)) as unknown[];
      return typeof argnums === "number" ? perArgument[0] : perArgument;
    });
    return out.rebuild(byOutput);
  };
}

/** What a Jacobian is: one tensor for one output and one argument; else trees, outputs outside and arguments inside. */
export type JacobianOf<R, O> = R extends Tensor ? (O extends { argnums: readonly number[] } ? Tensor[] : Tensor) : any;

/** The Jacobian of f by forward mode (for few inputs): [...output shape, ...input shape]. */
export const jacfwd = <A extends readonly any[], R, const O extends GradOptions = object>(
  f: (...args: A) => R,
  options: O = {} as O,
): ((...args: A) => JacobianOf<R, O>) => jacobian("jacfwd", f as unknown as Fn, options, forwardBlocks);
/** The Jacobian of f by reverse mode (for few outputs): [...output shape, ...input shape]. */
export const jacrev = <A extends readonly any[], R, const O extends GradOptions = object>(
  f: (...args: A) => R,
  options: O = {} as O,
): ((...args: A) => JacobianOf<R, O>) => jacobian("jacrev", f as unknown as Fn, options, reverseBlocks);
/** The Hessian of a scalar function, forward over reverse: [...shape, ...shape]. */
export const hessian = <A extends readonly any[], R, const O extends GradOptions = object>(
  f: (...args: A) => R,
  options: O = {} as O,
): ((...args: A) => JacobianOf<R, O>) => jacfwd(jacrev(f, options), options);

/** The Hessian-vector product of a scalar function, forward over reverse: the derivative of its gradient along vectors. */
export function hvp<A extends readonly any[], R>(
  f: (...args: A) => R,
  primals: { [K in keyof A]: unknown },
  vectors: readonly unknown[],
  options: TransformOptions = {},
): { -readonly [K in keyof A]: Tensors<A[K]> } {
  checkPrimals("hvp", primals);
  const argnums = primals.map((_, i) => i);
  const gradient = grad(f as unknown as Fn, { ...options, argnums });
  return jvp(gradient as Fn, primals as readonly unknown[] as unknown[], vectors, options)[1] as {
    -readonly [K in keyof A]: Tensors<A[K]>;
  };
}
