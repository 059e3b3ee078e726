/** Jacobians and Hessians: the pushforward or the pullback, batched over a basis. One graph, no loop. */
import { complexOf, isComplexTensor } from "../core/complex.ts";
import { complexDType, type DType } from "../core/dtype.ts";
import { substitute } from "../core/graph.ts";
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { mul } from "../ops/arithmetic.ts";
import { conj } from "../ops/complex.ts";
import { eye, zeros } from "../ops/creation.ts";
import { type Maybe, ownRules, type RuleSet } from "../ops/primitive.ts";
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

const blockDType = (y: Tensor, leaf: Tensor): DType => (isComplexTensor(leaf) ? complexDType(y.dtype) : y.dtype);

/**
 * d output / d leaf as [...output, ...leaf], one column a unit tangent of the leaf. By a complex leaf, a real output moves along both parts:
 * the column is its gradient. A complex one is analytic there, and moves along the imaginary unit as i times what it does along 1.
 */
const forwardBlocks: Block = (outputs, leaf, rules) => {
  const direction = placeholderLike(leaf);
  const tangents = pushForward(outputs, new Map([[leaf, direction]]), rules);
  const columnsAlong = (vectors: Tensor): readonly Maybe[] => {
    const present = tangents.filter((t) => t !== undefined);
    const columns = batchAll(present, new Map([[direction, vectors]]), sizeOf(leaf.shape), rules);
    return tangents.map((t) => t && columns[present.indexOf(t)]);
  };
  const units = basis(leaf);
  const columns = columnsAlong(units);
  const turned = outputs.some((y) => isComplexTensor(leaf) && !isComplexTensor(y)) ? columnsAlong(mul(units, { re: 0, im: 1 })) : [];
  return outputs.map((y, i) => {
    const shape = [...y.shape, ...leaf.shape];
    const block = (column: Tensor): Tensor => reshape(moveaxis(column, 0, y.rank), shape);
    const [column, across] = [columns[i], isComplexTensor(y) ? undefined : turned[i]];
    if (across) return complexOf({ re: column && block(column), im: block(across) });
    return column ? block(column) : zeros(shape, { dtype: blockDType(y, leaf) });
  });
};

/**
 * The same, one row a unit cotangent of the output. A complex output of a real leaf has rows for both parts; of a complex one, where it is
 * analytic, those for 1 are the conjugate.
 */
const reverseBlocks: Block = (outputs, leaf, rules) =>
  outputs.map((y) => {
    const seed = placeholderLike(y);
    const [ct] = pullLinear([y], [seed], [leaf], rules);
    const shape = [...y.shape, ...leaf.shape];
    if (!ct) return zeros(shape, { dtype: blockDType(y, leaf) });
    const rowsOf = (vectors: Tensor): Tensor => reshape(batchAll([ct], new Map([[seed, vectors]]), sizeOf(y.shape), rules)[0]!, shape);
    const units = basis(y);
    const rows = rowsOf(units);
    if (!isComplexTensor(y)) return rows;
    return isComplexTensor(leaf) ? conj(rows) : complexOf({ re: rows, im: rowsOf(mul(units, { re: 0, im: 1 })) });
  });

export interface JacobianOptions extends GradOptions {
  /**
   * That f is analytic where it gives complex numbers for complex ones: then the Jacobian is that of complex derivatives, df/dz. Without, such a
   * function is refused, for its derivative takes four real numbers.
   */
  readonly holomorphic?: boolean;
}

function jacobian(op: string, f: Fn, { argnums = 0, holomorphic = false, rules = ownRules }: JacobianOptions, blocks: Block): Fn {
  const numbers = typeof argnums === "number" ? [argnums] : argnums;
  return (...args: unknown[]) => {
    const { out, leaves, args: given } = trace(op, f, args, numbers);
    checkFloat(op, given.leaves, "the argument");
    checkFloat(op, out.leaves, "the output");
    const [z, w] = [given.leaves.find(isComplexTensor), out.leaves.find(isComplexTensor)];
    if (z && w && !holomorphic)
      throw new Error(
        `${op}: the output ${w.describe()} and the argument ${z.describe()} are both complex. Where f is analytic, say { holomorphic: true }; else differentiate real(...) and imag(...) of it, or by the parts x and y of complex(x, y)`,
      );
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

/**
 * The Jacobian of f by forward mode (for few inputs): [...output shape, ...input shape]. Of a real output by complex inputs, it is the gradient
 * dL/dx + i dL/dy of each element; of a complex output by real inputs, its derivative.
 */
export const jacfwd = <A extends readonly any[], R, const O extends JacobianOptions = object>(
  f: (...args: A) => R,
  options: O = {} as O,
): ((...args: A) => JacobianOf<R, O>) => jacobian("jacfwd", f as unknown as Fn, options, forwardBlocks);
/** The Jacobian of f by reverse mode (for few outputs): [...output shape, ...input shape]. */
export const jacrev = <A extends readonly any[], R, const O extends JacobianOptions = object>(
  f: (...args: A) => R,
  options: O = {} as O,
): ((...args: A) => JacobianOf<R, O>) => jacobian("jacrev", f as unknown as Fn, options, reverseBlocks);
/** The Hessian of a scalar function of real arguments, forward over reverse: [...shape, ...shape]. */
export const hessian = <A extends readonly any[], R, const O extends GradOptions = object>(
  f: (...args: A) => R,
  options: O = {} as O,
): ((...args: A) => JacobianOf<R, O>) => {
  const gradient = jacobian("hessian", f as unknown as Fn, options, reverseBlocks);
  return jacobian("hessian", gradient, options, forwardBlocks);
};

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
