/** Elements in other places: flattened, rolled around, turned by right angles, spread over grids. */
import { type Dim, subDims } from "../core/dim.ts";
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Flatten } from "../core/types/reshape.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import { broadcastInDim } from "./broadcast.ts";
import { concatenate } from "./concatenate.ts";
import { showArgument } from "./describe.ts";
import { checkOperands, type Operand, toTensor } from "./operand.ts";
import { sliceAxis } from "./pad.ts";
import { reshape } from "./reshape.ts";
import { flip, swapaxes } from "./transpose.ts";

/** x in one axis. */
export function ravel<A extends Operand>(x: A): Tensor<Flatten<ShapeOf<A>>>;
export function ravel(x: Operand): Tensor {
  const t = toTensor("ravel", x);
  return reshape(t, [sizeOf(t.shape)]);
}

/**
 * The elements moved by so many places along an axis, those at the end to the beginning. Several shifts go with several axes, one each;
 * without an axis, x is rolled as if flattened.
 */
export function roll<A extends Operand>(x: A, shift: number | readonly number[], axis?: number | readonly number[]): Tensor<ShapeOf<A>>;
export function roll(x: Operand, shift: number | readonly number[], axis?: number | readonly number[]): Tensor {
  const t = toTensor("roll", x);
  const shifts = typeof shift === "number" ? [shift] : shift;
  for (const s of shifts) if (!Number.isInteger(s)) throw new Error(`roll: shifts must be integers, got ${showArgument(s)}`);
  if (axis === undefined) {
    const flat = reshape(t, [sizeOf(t.shape)]);
    return reshape(
      shifts.reduce((r, s) => rolled(r, 0, s), flat),
      t.shape,
    );
  }
  const axes = typeof axis === "number" ? shifts.map(() => axis) : axis;
  const each = shifts.length === 1 ? axes.map(() => shifts[0]!) : shifts;
  if (each.length !== axes.length) throw new Error(`roll: ${shifts.length} shifts for ${axes.length} axes; give one each, or one for all`);
  return axes.reduce((r, a, i) => rolled(r, normalizeAxis("roll", a, t.rank), each[i]!), t);
}

function rolled(t: Tensor, axis: number, shift: number): Tensor {
  const n = t.shape[axis]!;
  if (n === 0) return t;
  const k = typeof n === "number" ? ((shift % n) + n) % n : shift;
  if (k === 0) return t;
  const cut = k > 0 ? subDims(n, k) : -k;
  return concatenate([sliceAxis(t, axis, cut, n), sliceAxis(t, axis, 0, cut)], axis);
}

/** x turned k times by a right angle in the plane of two axes (default the first two), from the first towards the second. */
export function rot90(x: Operand, k = 1, axes: readonly [number, number] = [0, 1]): Tensor {
  const t = toTensor("rot90", x);
  if (!Number.isInteger(k)) throw new Error(`rot90: the number of turns must be an integer, got ${showArgument(k)}`);
  if (!Array.isArray(axes) || axes.length !== 2) throw new Error(`rot90: needs two axes, got ${showArgument(axes)}`);
  const [a, b] = [normalizeAxis("rot90", axes[0], t.rank), normalizeAxis("rot90", axes[1], t.rank)];
  if (a === b) throw new Error(`rot90: the two axes must differ, got ${axes[0]} and ${axes[1]} for ${t.describe()}`);
  const turns = ((k % 4) + 4) % 4;
  if (turns === 2) return flip(t, [a, b] as never);
  if (turns === 1) return flip(swapaxes(t, a, b), a as never);
  return turns === 3 ? swapaxes(flip(t, a as never), a, b) : t;
}

export interface MeshgridOptions {
  /** "xy" (default, as NumPy): the first grid varies along axis 1 and the second along axis 0; "ij": each along its own axis. */
  readonly indexing?: "xy" | "ij";
}

/** Vectors of coordinates spread over the grid of all their combinations, one tensor for each; they are views. */
export function meshgrid(vectors: readonly Operand[], { indexing = "xy" }: MeshgridOptions = {}): Tensor[] {
  if (!Array.isArray(vectors)) throw new Error(`meshgrid: needs a list of vectors, got ${showArgument(vectors)}`);
  if (indexing !== "xy" && indexing !== "ij") throw new Error(`meshgrid: indexing must be "xy" or "ij", got ${showArgument(indexing)}`);
  checkOperands("meshgrid", vectors);
  const tensors = vectors.map((v) => {
    const t = toTensor("meshgrid", v);
    if (t.rank > 1) throw new Error(`meshgrid: needs vectors, got ${t.describe()}`);
    return reshape(t, [sizeOf(t.shape)]);
  });
  const axisOf = (i: number): number => (indexing === "xy" && tensors.length > 1 && i < 2 ? 1 - i : i);
  const shape: Dim[] = [];
  tensors.forEach((t, i) => (shape[axisOf(i)] = t.shape[0]!));
  return tensors.map((t, i) => broadcastInDim([t], { shape, axes: [axisOf(i)] }));
}
