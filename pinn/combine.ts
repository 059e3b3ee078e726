/** Regions out of regions: union, intersection, difference (constructive solid geometry), and time. */
import type { BoundaryPoint, Face, Point, Region } from "./region.ts";

function checkTogether(op: string, a: Region, b: Region): void {
  if (a.variables.join() !== b.variables.join())
    throw new Error(
      `${op}: ${a.name} has the variables ${a.variables.join(", ")}, ${b.name} has ${b.variables.join(", ")}; they must be the same`,
    );
}

/** Faces of a region whose points count only where `keeps` says so too. */
const cut = (faces: readonly Face[], owner: string, keeps: (p: Point) => boolean, flip = false): Face[] =>
  faces.map((f) => ({
    name: `${f.name} of ${owner}`,
    measure: f.measure,
    at: flip ? (s) => turned(f.at(s)) : (s) => f.at(s),
    keeps: (p) => (f.keeps?.(p) ?? true) && keeps(p),
  }));

const turned = ({ point, normal }: BoundaryPoint): BoundaryPoint => ({ point, normal: normal.map((v) => -v) });

/** What is in one or the other. */
export function union(a: Region, b: Region): Region {
  checkTogether("union", a, b);
  return {
    name: `${a.name} and ${b.name}`,
    variables: a.variables,
    bounds: a.bounds.map(([low, high], i) => [Math.min(low, b.bounds[i]![0]), Math.max(high, b.bounds[i]![1])]),
    contains: (p) => a.contains(p) || b.contains(p),
    faces: [...cut(a.faces, a.name, (p) => !b.contains(p)), ...cut(b.faces, b.name, (p) => !a.contains(p))],
  };
}

/** What is in both. */
export function intersection(a: Region, b: Region): Region {
  checkTogether("intersection", a, b);
  const bounds = a.bounds.map(([low, high], i): [number, number] => [Math.max(low, b.bounds[i]![0]), Math.min(high, b.bounds[i]![1])]);
  if (bounds.some(([low, high]) => !(low < high))) throw new Error(`intersection: ${a.name} and ${b.name} do not overlap`);
  return {
    name: `${a.name} within ${b.name}`,
    variables: a.variables,
    bounds,
    contains: (p) => a.contains(p) && b.contains(p),
    faces: [...cut(a.faces, a.name, (p) => b.contains(p)), ...cut(b.faces, b.name, (p) => a.contains(p))],
  };
}

/** What is in the first and not in the second. */
export function difference(a: Region, b: Region): Region {
  checkTogether("difference", a, b);
  return {
    name: `${a.name} without ${b.name}`,
    variables: a.variables,
    bounds: a.bounds,
    contains: (p) => a.contains(p) && !b.contains(p),
    faces: [...cut(a.faces, a.name, (p) => !b.contains(p)), ...cut(b.faces, b.name, (p) => a.contains(p), true)],
  };
}

/**
 * A region through the time from `start` to `end`: its variables are the region's and "t". Its faces are those of the region at all times; what
 * holds at the start is an initial condition.
 */
export function over(region: Region, start: number, end: number): Region {
  if (!(Number.isFinite(start) && Number.isFinite(end) && start < end))
    throw new Error(`over: time must go from a number to a later one, got ${start} and ${end}`);
  if (region.variables.includes("t")) throw new Error(`over: ${region.name} has a variable t already`);
  return {
    name: `${region.name} from t = ${start} to ${end}`,
    variables: [...region.variables, "t"],
    bounds: [...region.bounds, [start, end]],
    contains: (p) => p.at(-1)! >= start && p.at(-1)! <= end && region.contains(p.slice(0, -1)),
    faces: region.faces.map((f) => ({
      name: f.name,
      measure: f.measure * (end - start),
      at: (s) => {
        const { point, normal } = f.at(s.slice(0, -1));
        return { point: [...point, start + (end - start) * s.at(-1)!], normal: [...normal, 0] };
      },
      ...(f.keeps && { keeps: (p: Point) => f.keeps!(p.slice(0, -1)) }),
    })),
  };
}
