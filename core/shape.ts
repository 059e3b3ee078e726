/** Shapes: lists of dimensions, and the questions that every primitive asks of them. */
import { type Dim, type DimSizes, evaluateDim, mulDims, sameDim } from "./dim.ts";

export type Shape = readonly Dim[];

export const showShape = (s: Shape): string => `[${s.join(", ")}]`;
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => sameDim(d, b[i]!));
export const sizeOf = (s: Shape): Dim => s.reduce<Dim>(mulDims, 1);
export const isStatic = (s: Shape): s is readonly number[] => s.every((d) => typeof d === "number");

/** The sizes of a shape at one epoch. Throws when a name is unknown or a size comes out negative. */
export function evaluateShape(s: Shape, sizes: DimSizes): number[] {
  return s.map((d) => {
    const n = evaluateDim(d, sizes);
    if (n < 0) throw new Error(`dimension ${d} of shape ${showShape(s)} is negative (${n})`);
    return n;
  });
}

/** Row-major strides in elements. */
export function stridesOf(s: Shape): Dim[] {
  const strides = new Array<Dim>(s.length);
  let step: Dim = 1;
  for (let i = s.length - 1; i >= 0; i--) {
    strides[i] = step;
    step = mulDims(step, s[i]!);
  }
  return strides;
}

/** NumPy broadcasting of several shapes, or undefined when they do not fit. */
export function broadcastShapes(...shapes: readonly Shape[]): Dim[] | undefined {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out: Dim[] = new Array(rank).fill(1);
  for (const s of shapes)
    for (let i = 0; i < s.length; i++) {
      const at = rank - s.length + i;
      const d = s[i]!;
      if (sameDim(d, 1)) continue;
      if (sameDim(out[at]!, 1)) out[at] = d;
      else if (!sameDim(out[at]!, d)) return undefined;
    }
  return out;
}

/** The axis counted from the front. Throws, naming the operation, when it is out of range or not an integer. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new Error(
      `${op}: axis ${axis} is out of range for a tensor of rank ${rank}${rank === 0 ? " (a scalar has no axes)" : ` (use ${-rank} to ${rank - 1})`}`,
    );
  return axis < 0 ? axis + rank : axis;
}

/** Several axes, counted from the front and sorted. `undefined` means all of them. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  if (typeof axes !== "number" && !Array.isArray(axes)) throw new Error(`${op}: expected an axis or a list of axes, got ${typeof axes}`);
  const list = (typeof axes === "number" ? [axes] : (axes as readonly number[]))
    .map((a) => normalizeAxis(op, a, rank))
    .sort((a, b) => a - b);
  for (let i = 1; i < list.length; i++) if (list[i] === list[i - 1]) throw new Error(`${op}: axis ${list[i]} is given twice`);
  return list;
}
