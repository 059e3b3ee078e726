/** Axes in another order, or walked backwards: views, at no cost. */
import type { Aval } from "../core/primitive.ts";
import { addDims, type Dim, mulDims } from "../core/dim.ts";
import { normalizeAxes, normalizeAxis } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Axes, InRange, Transposed } from "../core/types/axes.ts";
import type { Fit, Result, ShapeOf } from "../core/types/shape.ts";
import { transposeView, type View } from "../kernel/view.ts";
import { showArgument } from "./describe.ts";
import { type Operand, toTensor } from "./operand.ts";
import { definePrimitive, linearJvp, type PrimitiveFunction } from "./primitive.ts";

/** Axis i of the result is axis perm[i] of the operand. */
interface TransposeParams {
  readonly perm: readonly number[];
}

const transposePrimitive: PrimitiveFunction<TransposeParams> = definePrimitive<TransposeParams>({
  name: "transpose",
  complex: "parts",
  type: ([x], { perm }): Aval => ({ shape: perm.map((p) => x!.shape[p]!), dtype: x!.dtype }),
  jvp: linearJvp,
  transpose: ({ params: { perm }, cotangents }) => [
    permute(
      cotangents[0]!,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ],
  batch: ({ params: { perm }, inputs }) => [permute(inputs[0]!, [0, ...perm.map((p) => p + 1)])],
  lower: ({ params: { perm }, inputs }) => ({ steps: [], outputs: [transposeView(inputs[0]!, perm)] }),
});

/** The axes of x in another order; x itself where the order is its own. Neighbouring permutations merge. */
export function permute(x: Tensor, perm: readonly number[]): Tensor {
  if (perm.every((p, i) => p === i)) return x;
  if (x.primitive === transposePrimitive.primitive) {
    const before = (x.params as TransposeParams).perm;
    return permute(
      x.inputs[0]!,
      perm.map((p) => before[p]!),
    );
  }
  return transposePrimitive([x], { perm });
}

/** x with its axes in another order: axis i of the result is axis perm[i] of x. Without perm, back to front. */
export function transpose<A extends Operand, const P extends readonly number[] | undefined = undefined>(
  x: A,
  perm?: Fit<Transposed<ShapeOf<A>, P>, P>,
): Tensor<Result<Transposed<ShapeOf<A>, P>>>;
export function transpose(x: Operand, perm?: readonly number[]): Tensor {
  const t = toTensor("transpose", x);
  if (perm === undefined)
    return permute(
      t,
      t.shape.map((_, i) => t.rank - 1 - i),
    );
  const axes = Array.isArray(perm) ? perm : undefined;
  if (!axes || axes.length !== t.rank)
    throw new Error(`transpose: the order of axes for ${t.describe()} must list its ${t.rank} axes, got ${showArgument(perm)}`);
  normalizeAxes("transpose", axes, t.rank);
  return permute(
    t,
    axes.map((a: number) => normalizeAxis("transpose", a, t.rank)),
  );
}

/** x with two axes exchanged. */
export function swapaxes(x: Operand, axis1: number, axis2: number): Tensor {
  const t = toTensor("swapaxes", x);
  const [a, b] = [normalizeAxis("swapaxes", axis1, t.rank), normalizeAxis("swapaxes", axis2, t.rank)];
  return permute(
    t,
    t.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}

/** x with one axis (or several) moved to other places; the remaining axes keep their order. */
export function moveaxis(x: Operand, source: number | readonly number[], destination: number | readonly number[]): Tensor {
  const t = toTensor("moveaxis", x);
  const list = (axes: number | readonly number[]): number[] => {
    normalizeAxes("moveaxis", axes, t.rank);
    return (typeof axes === "number" ? [axes] : axes).map((a) => normalizeAxis("moveaxis", a, t.rank));
  };
  const [from, to] = [list(source), list(destination)];
  if (from.length !== to.length) throw new Error(`moveaxis: ${from.length} axes to move, ${to.length} places given`);
  const rest = t.shape.map((_, i) => i).filter((i) => !from.includes(i));
  const perm = t.shape.map((_, i) => (to.includes(i) ? from[to.indexOf(i)]! : rest.shift()!));
  return permute(t, perm);
}

// ---- backwards
interface AxesParams {
  readonly axes: readonly number[];
}

/** The same elements, walked backwards along some axes. */
function reverseView(v: View, axes: readonly number[]): View {
  const strides = v.strides.map((s, i) => (axes.includes(i) ? mulDims(-1, s) : s));
  const offset = axes.reduce<Dim>((sum, a) => addDims(sum, mulDims(addDims(v.shape[a]!, -1), v.strides[a]!)), v.offset);
  return { ...v, offset, strides };
}

const flipPrimitive: PrimitiveFunction<AxesParams> = definePrimitive<AxesParams>({
  name: "flip",
  complex: "parts",
  type: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  jvp: linearJvp,
  transpose: ({ params, cotangents }) => [flipPrimitive([cotangents[0]!], params)],
  batch: ({ params: { axes }, inputs }) => [flipPrimitive(inputs, { axes: axes.map((a) => a + 1) })],
  lower: ({ params: { axes }, inputs }) => ({ steps: [], outputs: [reverseView(inputs[0]!, axes)] }),
});

/** x backwards along the given axes (default: all). */
export function flip<A extends Operand>(x: A): Tensor<ShapeOf<A>>;
export function flip<A extends Operand, const Ax extends Axes | undefined>(x: A, axis: InRange<ShapeOf<A>, Ax, "flip">): Tensor<ShapeOf<A>>;
export function flip(x: Operand, axis?: number | readonly number[]): Tensor {
  const t = toTensor("flip", x);
  const axes = normalizeAxes("flip", axis, t.rank);
  return axes.length === 0 ? t : flipPrimitive([t], { axes });
}

/** What this file defines, for table.ts. */
export const primitives = [transposePrimitive.primitive, flipPrimitive.primitive];
