/** Points of a region and of its boundary, by a sequence. What the sequence puts outside is left out, and it goes on until there are enough. */
import type { Face, Point, Region } from "./region.ts";
import { type Sequence, sequence, type SequenceName } from "./sequences.ts";

export interface SampleOptions {
  /** Default "sobol". */
  readonly sequence?: SequenceName;
  readonly seed?: number;
}

export interface BoundarySampleOptions extends SampleOptions {
  /** Only faces of these names, or only points for which this is true. */
  readonly on?: string | readonly string[] | ((point: Point) => boolean);
}

/** Points one after the other, [count, variables] row by row. */
export interface Points {
  readonly count: number;
  readonly data: Float64Array;
}

export interface BoundaryPoints extends Points {
  /** The outward unit vectors, as the points. */
  readonly normals: Float64Array;
}

/** A region of which less than this part of its box is inside counts as empty. */
const LEAST_SHARE = 1e-4;

const checkCount = (op: string, count: number): void => {
  if (!Number.isInteger(count) || count < 1) throw new Error(`${op}: needs a positive whole number of points, got ${String(count)}`);
};

/** So many points inside. */
export function sampleInside(region: Region, count: number, options: SampleOptions = {}): Points {
  checkCount("sampleInside", count);
  const { bounds, variables } = region;
  const next = sequence(options.sequence ?? "sobol", options.seed);
  const rows = accept(count, region.name, next, variables.length, (s) => {
    const p = s.map((u, i) => bounds[i]![0] + u * (bounds[i]![1] - bounds[i]![0]));
    return region.contains(p) ? p : undefined;
  });
  return { count, data: Float64Array.from(rows.flat()) };
}

/** So many points of the boundary, faces by their measure. */
export function sampleBoundary(region: Region, count: number, options: BoundarySampleOptions = {}): BoundaryPoints {
  checkCount("sampleBoundary", count);
  const { on } = options;
  const names = typeof on === "string" ? [on] : typeof on === "object" ? on : undefined;
  for (const name of names ?? [])
    if (!region.faces.some((f) => f.name === name))
      throw new Error(`sampleBoundary: ${region.name} has no face "${name}"; its faces are ${region.faces.map((f) => f.name).join(", ")}`);
  const faces = names ? region.faces.filter((f) => names.includes(f.name)) : region.faces;
  const wanted = typeof on === "function" ? on : () => true;
  const next = sequence(options.sequence ?? "sobol", options.seed);
  // The first number says which face, the rest where on it.
  const pick = faceByMeasure(faces);
  const found = accept(count, `the boundary of ${region.name}`, next, region.variables.length, ([which, ...s]) => {
    const face = pick(which!);
    const at = face.at(s);
    return (face.keeps?.(at.point) ?? true) && wanted(at.point) ? at : undefined;
  });
  return {
    count,
    data: Float64Array.from(found.flatMap((b) => [...b.point])),
    normals: Float64Array.from(found.flatMap((b) => [...b.normal])),
  };
}

function faceByMeasure(faces: readonly Face[]): (u: number) => Face {
  const total = faces.reduce((sum, f) => sum + f.measure, 0);
  return (u) => {
    let left = u * total;
    for (const face of faces) if ((left -= face.measure) < 0) return face;
    return faces.at(-1)!;
  };
}

/** So many results, of as many points of a sequence as that takes. */
function accept<T>(count: number, name: string, next: Sequence, dimension: number, take: (s: readonly number[]) => T | undefined): T[] {
  const found: T[] = [];
  for (let tried = 0; found.length < count; ) {
    const batch = Math.max(64, count - found.length);
    const points = next(batch, dimension);
    for (let i = 0; i < batch && found.length < count; i++) {
      const result = take([...points.subarray(i * dimension, (i + 1) * dimension)]);
      if (result !== undefined) found.push(result);
    }
    tried += batch;
    if (tried > 1e5 && found.length < tried * LEAST_SHARE)
      throw new Error(`sample: ${name} is empty, or nearly so: ${tried} points were tried, ${found.length} are in it`);
  }
  return found;
}
