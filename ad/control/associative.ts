/** Running combinations in logarithmic depth, for operations that may be bracketed in any way. */
import { sameShape } from "../../core/shape.ts";
import { normalizeAxis } from "../../core/shape.ts";
import { Tensor } from "../../core/tensor.ts";
import { concatenate, stack } from "../../ops/concatenate.ts";
import { showArgument } from "../../ops/describe.ts";
import { slice } from "../../ops/pad.ts";
import { reshape } from "../../ops/reshape.ts";
import { flip } from "../../ops/transpose.ts";
import type { Fn, Tensors } from "../trace.ts";
import { inOrderOf, leavesOf } from "./trees.ts";

export interface AssociativeScanOptions {
  /** The axis to go along (default 0). */
  readonly axis?: number;
  /** From the last to the first: entry i combines those from i on. */
  readonly reverse?: boolean;
}

/**
 * All running combinations of the entries of xs along an axis (as jax.lax.associative_scan): with an associative f, entry i of the result
 * is x_0 f x_1 f ... f x_i. `f(a, b)` gets many entries at once, a tree like xs with fewer entries along the axis, and combines them pair by pair, as elementwise
 * operations and products of stacks of matrices do. About 2 n combinations in 2 log2(n) applications of f, an ordinary graph that every transform goes through; the
 * length must be known. How pairs are bracketed depends on the length alone (Blelloch 1990).
 */
export function associativeScan<const X>(
  f: (a: Tensors<X>, b: Tensors<X>) => unknown,
  xs: X,
  { axis = 0, reverse = false }: AssociativeScanOptions = {},
): Tensors<X> {
  if (typeof f !== "function") throw new Error(`associativeScan: needs a function, got ${showArgument(f)}`);
  const all = leavesOf("associativeScan", xs, "xs");
  let length: number | undefined;
  const axes = all.leaves.map((x, i) => {
    if (!(x instanceof Tensor))
      throw new Error(`associativeScan: xs${all.paths[i] ? ` at ${all.paths[i]}` : ""} has no axis to go along, got ${showArgument(x)}`);
    const at = normalizeAxis("associativeScan", axis, x.rank);
    const size = x.shape[at]!;
    if (typeof size !== "number") throw new Error(`associativeScan: needs a known length, got ${size} of ${x.describe()}; use scan`);
    if (length !== undefined && size !== length)
      throw new Error(`associativeScan: ${x.describe()} has ${size} entries, others have ${length}`);
    length = size;
    return at;
  });
  /** Entries start, start + step, ... below stop of each leaf. */
  const part = (leaves: readonly Tensor[], start: number, stop: number, step = 1): Tensor[] =>
    leaves.map((t, i) =>
      slice(
        t,
        t.shape.map((_, k) => (k === axes[i] ? start : null)),
        t.shape.map((_, k) => (k === axes[i] ? stop : null)),
        t.shape.map((_, k) => (k === axes[i] ? step : null)),
      ),
    );
  const combine = (a: readonly Tensor[], b: readonly Tensor[]): Tensor[] => {
    const given = leavesOf("associativeScan", (f as Fn)(all.rebuild(a), all.rebuild(b)), "what f gives");
    const list = inOrderOf("associativeScan", given, all, "f gives another structure than it takes", ["takes", "gives"]);
    return list.map((t, i) => {
      if (!(t instanceof Tensor) || !sameShape(t.shape, a[i]!.shape) || t.dtype !== a[i]!.dtype)
        throw new Error(`associativeScan: f gives ${showArgument(t)} for ${a[i]!.describe()}; shape and dtype must stay the same`);
      return t;
    });
  };
  const running = (leaves: readonly Tensor[], n: number): readonly Tensor[] => {
    if (n < 2) return leaves;
    const half = Math.floor(n / 2);
    const odd = running(combine(part(leaves, 0, 2 * half - 1, 2), part(leaves, 1, 2 * half, 2)), half);
    const rest = n > 2 ? combine(part(odd, 0, Math.ceil(n / 2) - 1), part(leaves, 2, n, 2)) : [];
    const even = n > 2 ? part(leaves, 0, 1).map((t, i) => concatenate([t, rest[i]!] as never, axes[i]!) as Tensor) : part(leaves, 0, 1);
    const paired = part(even, 0, half).map((t, i) => {
      const both: Tensor = stack([t, odd[i]!] as never, axes[i]! + 1);
      return reshape(
        both,
        t.shape.map((d, k) => (k === axes[i] ? 2 * half : d)),
      ) as Tensor;
    });
    return n === 2 * half ? paired : part(even, half, half + 1).map((t, i) => concatenate([paired[i]!, t] as never, axes[i]!) as Tensor);
  };
  const turned = (leaves: readonly Tensor[]): Tensor[] => leaves.map((t, i) => (reverse ? flip(t, axes[i]!) : t));
  return all.rebuild(turned(running(turned(all.leaves as Tensor[]), length ?? 0))) as Tensors<X>;
}
