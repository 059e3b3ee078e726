/**
 * Residuals of least squares, and their Jacobian by the parameters. A term is a function of the parameters, or one of the parameters and a single
 * point: then the Jacobian's rows are gradients at single points, which is far less work than differentiating all residuals by everything.
 */
import { sizeOf } from "../core/shape.ts";
import { type Tensor } from "../core/tensor.ts";
import { type Tree } from "../core/tree.ts";
import { jacfwd, jacrev } from "../ad/jacobian.ts";
import { tensorsOf } from "../ad/trace.ts";
import { vmap } from "../ad/vmap.ts";
import { mul } from "../ops/arithmetic.ts";
import { concatenate } from "../ops/concatenate.ts";
import { reshape } from "../ops/reshape.ts";

/** Residuals at many points: `of(params, point)` for each point along axis 0 of `at` (a tensor, or a tree of tensors). */
export interface PointResidual<P> {
  readonly of: (params: P, point: any) => Tensor;
  readonly at: Tree<Tensor>;
  /** A factor of all of these residuals (default 1); a scalar tensor may change while it runs. */
  readonly weight?: number | Tensor;
}

/** What is to be made small: tensors of any shapes. */
export type Residual<P> = ((params: P) => Tensor) | PointResidual<P>;

/** The parameters, and how a function of their tree is a function of the list. */
export interface ParameterList {
  readonly leaves: readonly Tensor[];
  readonly treeOf: (leaves: readonly Tensor[]) => unknown;
}

const isAtPoints = (term: Residual<any>): term is PointResidual<any> => typeof term !== "function";

/** One tensor, as a list of numbers. */
function flat(op: string, result: unknown): Tensor {
  const { leaves } = tensorsOf(op, result, "a residual");
  const parts = leaves.map((t) => reshape(t, [sizeOf(t.shape)]));
  return parts.length === 1 ? parts[0]! : concatenate(parts);
}

const weighted = (t: Tensor, weight: number | Tensor | undefined): Tensor => (weight === undefined ? t : mul(t, weight));

/** All residuals at some parameters: [m]. */
export function residualsAt(op: string, terms: readonly Residual<any>[], { leaves, treeOf }: ParameterList): Tensor {
  const params = treeOf(leaves);
  return concatenate(
    terms.map((term) => {
      if (!isAtPoints(term)) return flat(op, term(params));
      const all = vmap((point: unknown) => flat(op, term.of(params, point)))(term.at) as Tensor;
      return weighted(reshape(all, [sizeOf(all.shape)]), term.weight);
    }),
  );
}

/** Their Jacobian by all parameters, one row a residual: [m, n]. */
export function jacobianAt(op: string, terms: readonly Residual<any>[], list: ParameterList): Tensor {
  const { leaves, treeOf } = list;
  const n = leaves.reduce((sum, t) => sum + (sizeOf(t.shape) as number), 0);
  return concatenate(
    terms.map((term) => {
      if (isAtPoints(term)) {
        const rows = (point: unknown): Tensor[] =>
          jacrev((...p: Tensor[]) => flat(op, term.of(treeOf(p), point)), all(leaves))(...leaves) as Tensor[];
        const blocks = vmap(rows)(term.at) as unknown as Tensor[];
        return weighted(sideBySide(blocks, 2), term.weight);
      }
      const f = (...p: Tensor[]): Tensor => flat(op, term(treeOf(p)));
      const m = f(...leaves).shape[0]!;
      const jacobian = typeof m === "number" && m < n ? jacrev : jacfwd;
      return sideBySide(jacobian(f, all(leaves))(...leaves) as Tensor[], 1);
    }),
  );
}

const all = (leaves: readonly Tensor[]): { argnums: number[] } => ({ argnums: leaves.map((_, i) => i) });

/** Blocks [...rows, ...parameter] as one matrix [rows, n]; so many axes are rows. */
function sideBySide(blocks: readonly Tensor[], axes: number): Tensor {
  const parts = blocks.map((b) => reshape(b, [sizeOf(b.shape.slice(0, axes)), sizeOf(b.shape.slice(axes))]));
  return parts.length === 1 ? parts[0]! : concatenate(parts, 1);
}
