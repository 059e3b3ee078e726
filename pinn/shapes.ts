/** The regions that others are made of: intervals, boxes, disks and balls, polygons. */
import { type BoundaryPoint, checkPoint, checkPositive, checkVariables, type Face, type Point, type Region, TOLERANCE } from "./region.ts";

const letters = ["x", "y", "z"] as const;

export interface ShapeOptions {
  /** The letters of its variables (default x, y, z). */
  readonly variables?: readonly string[];
}

/** low <= x <= high, with the faces "left" and "right". */
export const interval = (low: number, high: number, options: ShapeOptions = {}): Region => named("interval", box([low], [high], options));

/** All points between two corners in 1 to 3 dimensions; its faces are "left", "right", "bottom", "top", "back", "front". */
export function box(low: Point, high: Point, { variables = letters.slice(0, low.length) }: ShapeOptions = {}): Region {
  const n = low.length;
  if (!(n >= 1 && n <= 3)) throw new Error(`box: has 1 to 3 dimensions, got ${n}`);
  checkPoint("box", "low", low, n);
  checkPoint("box", "high", high, n);
  checkVariables("box", variables, n);
  low.forEach((a, i) => {
    if (!(a < high[i]!)) throw new Error(`box: low must be below high, got ${a} and ${high[i]} for ${variables[i]}`);
  });
  const size = high.map((b, i) => b - low[i]!);
  const volume = size.reduce((v, s) => v * s, 1);
  const faceNames = ["left", "right", "bottom", "top", "back", "front"];
  const faces = low.flatMap((_, axis) =>
    [-1, 1].map((side): Face => {
      const normal = low.map((_, i) => (i === axis ? side : 0));
      return {
        name: faceNames[2 * axis + (side + 1) / 2]!,
        measure: volume / size[axis]!,
        at: (s) => {
          let k = 0;
          const point = low.map((a, i) => (i === axis ? (side < 0 ? a : high[i]!) : a + size[i]! * s[k++]!));
          return { point, normal };
        },
      };
    }),
  );
  return {
    name: "box",
    variables,
    bounds: low.map((a, i) => [a, high[i]!]),
    contains: (p) => p.every((x, i) => x >= low[i]! - TOLERANCE && x <= high[i]! + TOLERANCE),
    faces,
  };
}

/** All points of a plane within a radius of a center, with the face "circle". */
export function disk(center: Point, radius: number, { variables = ["x", "y"] }: ShapeOptions = {}): Region {
  checkVariables("disk", variables, 2);
  const around = ([s]: readonly number[]): Point => [Math.cos(2 * Math.PI * s!), Math.sin(2 * Math.PI * s!)];
  return round("disk", center, radius, variables, { name: "circle", measure: 2 * Math.PI * radius, around });
}

/** All points of space within a radius of a center, with the face "sphere". */
export function sphere(center: Point, radius: number, { variables = letters }: ShapeOptions = {}): Region {
  checkVariables("sphere", variables, 3);
  // Heights are uniform on a sphere (Archimedes).
  const around = ([s, h]: readonly number[]): Point => {
    const z = 2 * h! - 1;
    const r = Math.sqrt(1 - z * z);
    return [r * Math.cos(2 * Math.PI * s!), r * Math.sin(2 * Math.PI * s!), z];
  };
  return round("sphere", center, radius, variables, { name: "sphere", measure: 4 * Math.PI * radius ** 2, around });
}

interface Roundness {
  readonly name: string;
  readonly measure: number;
  /** The unit vector that belongs to parameters. */
  readonly around: (s: readonly number[]) => Point;
}

function round(op: string, center: Point, radius: number, variables: readonly string[], { name, measure, around }: Roundness): Region {
  checkPoint(op, "the center", center, variables.length);
  checkPositive(op, "the radius", radius);
  const at = (s: readonly number[]): BoundaryPoint => {
    const normal = around(s);
    return { point: center.map((c, i) => c + radius * normal[i]!), normal };
  };
  return {
    name: op,
    variables,
    bounds: center.map((c) => [c - radius, c + radius]),
    contains: (p) => Math.hypot(...p.map((x, i) => x - center[i]!)) <= radius * (1 + TOLERANCE),
    faces: [{ name, measure, at }],
  };
}

/** The inside of a closed line through corners, in either sense; its faces are "edge 0", from the first corner to the second, "edge 1", ... */
export function polygon(corners: readonly Point[], { variables = ["x", "y"] }: ShapeOptions = {}): Region {
  checkVariables("polygon", variables, 2);
  if (corners.length < 3) throw new Error(`polygon: needs at least 3 corners, got ${corners.length}`);
  corners.forEach((c, i) => checkPoint("polygon", `corner ${i}`, c, 2));
  const edges = corners.map((a, i) => [a, corners[(i + 1) % corners.length]!] as const);
  const area = edges.reduce((sum, [a, b]) => sum + a[0]! * b[1]! - b[0]! * a[1]!, 0) / 2;
  if (Math.abs(area) < TOLERANCE) throw new Error("polygon: its corners lie on one line");
  const faces = edges.map(([a, b], i): Face => {
    const along = [b[0]! - a[0]!, b[1]! - a[1]!] as const;
    const length = Math.hypot(...along);
    if (length === 0) throw new Error(`polygon: corners ${i} and ${(i + 1) % corners.length} are the same point`);
    // Counterclockwise, what is outside lies to the right.
    const normal = [along[1], -along[0]].map((v) => (Math.sign(area) * v) / length);
    return { name: `edge ${i}`, measure: length, at: ([s]) => ({ point: [a[0]! + along[0] * s!, a[1]! + along[1] * s!], normal }) };
  });
  const range = (k: number): readonly [number, number] => [Math.min(...corners.map((c) => c[k]!)), Math.max(...corners.map((c) => c[k]!))];
  return {
    name: "polygon",
    variables,
    bounds: [range(0), range(1)],
    contains: (p) => edges.some((e) => isOn(p, e)) || crossings(p, edges) % 2 === 1,
    faces,
  };
}

type Edge = readonly [Point, Point];

/** How many edges a ray from a point to the right crosses. */
const crossings = ([x, y]: Point, edges: readonly Edge[]): number =>
  edges.filter(([[ax, ay], [bx, by]]) => ay! > y! !== by! > y! && x! < ax! + ((y! - ay!) * (bx! - ax!)) / (by! - ay!)).length;

function isOn([x, y]: Point, [[ax, ay], [bx, by]]: readonly [Point, Point]): boolean {
  const [dx, dy] = [bx! - ax!, by! - ay!];
  const s = Math.min(1, Math.max(0, ((x! - ax!) * dx + (y! - ay!) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(ax! + s * dx - x!, ay! + s * dy - y!) <= TOLERANCE;
}

const named = (name: string, region: Region): Region => ({ ...region, name });
