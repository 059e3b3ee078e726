/** Trees of tensors as vectors, and back: solvers know vectors alone. */
import { addDims, type Dim } from "../../core/dim.ts";
import { isFloat } from "../../core/dtype.ts";
import { placeholder } from "../../core/leaves.ts";
import { sameShape, sizeOf } from "../../core/shape.ts";
import { Tensor } from "../../core/tensor.ts";
import { concatenate } from "../../ops/concatenate.ts";
import { toTensor } from "../../ops/operand.ts";
import { sliceAxis } from "../../ops/pad.ts";
import { reshape } from "../../ops/reshape.ts";
import { inOrderOf, leavesOf, literalIn } from "../control/trees.ts";

/** The vector space of the trees of one structure. */
export interface Space {
  /** A tensor [n] of the type of its vectors. */
  readonly like: Tensor;
  /** The vector of a tree. Throws, naming `what`, on another structure or other types; numbers take the dtype that is there. */
  vector(tree: unknown, what: string): Tensor;
  tree(vector: Tensor): unknown;
}

/** The space that a tree lies in. Throws unless it holds float tensors of one dtype. */
export function spaceOf(op: string, tree: unknown, what: string): Space {
  const like = leavesOf(op, tree, what);
  const types = like.leaves.map((x) => toTensor(op, x));
  const [first] = types;
  if (!first) throw new Error(`${op}: ${what} holds no tensor`);
  for (const t of types) {
    if (!isFloat(t.dtype)) throw new Error(`${op}: ${what} must be float32 or float64, got ${t.describe()}`);
    if (t.dtype !== first.dtype)
      throw new Error(`${op}: ${what} must be of one dtype, got ${first.describe()} and ${t.describe()}; convert with astype`);
  }
  const { dtype } = first;
  const sizes = types.map((t) => sizeOf(t.shape));
  const ends = sizes.reduce<Dim[]>((all, n) => [...all, addDims(all.at(-1)!, n)], [0]);
  return {
    like: placeholder([ends.at(-1)!], dtype),
    vector: (given, name) => {
      const leaves = inOrderOf(op, leavesOf(op, given, name), like, `${name} is of another structure than ${what}`, [what, name]);
      const flat = leaves.map((x, i) => {
        const type = types[i]!;
        const t = x instanceof Tensor ? x : literalIn(op, x, dtype);
        if (!t || !sameShape(t.shape, type.shape) || t.dtype !== dtype)
          throw new Error(
            `${op}: ${name} has ${t?.describe() ?? String(x)} where ${what} has ${type.describe()}; shape and dtype must be equal`,
          );
        return reshape(t, [sizes[i]!]);
      });
      return flat.length === 1 ? flat[0]! : concatenate(flat);
    },
    tree: (vector) =>
      like.rebuild(types.map((t, i) => reshape(types.length === 1 ? vector : sliceAxis(vector, 0, ends[i]!, ends[i + 1]!), t.shape))),
  };
}
