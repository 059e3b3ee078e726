/**
 * Regions of space: where a differential equation holds. A region says which points are inside, where its boundary is and what is outward there; regions are
 * put together by union, intersection and difference, and become space-time with `over`.
 */

export type Point = readonly number[];

/** A point of a boundary, with the unit vector that points outward. */
export interface BoundaryPoint {
  readonly point: Point;
  readonly normal: Point;
}

/** A smooth part of a boundary, as the image of the unit cube of one dimension less. */
export interface Face {
  readonly name: string;
  /** Length or area: how many of the points it gets. In one dimension, where faces are points, 1. */
  readonly measure: number;
  /** The point that belongs to these numbers in [0, 1). Equal parts of the cube belong to equal parts of the face. */
  at(parameters: readonly number[]): BoundaryPoint;
  /** Whether a point of it belongs to the boundary; else it lies within another part of the region, or outside of it. */
  keeps?(point: Point): boolean;
}

export interface Region {
  /** What messages call it. */
  readonly name: string;
  /** The names of its variables, such as ["x", "y"]. */
  readonly variables: readonly string[];
  /** A box around it: [low, high] for each variable. */
  readonly bounds: readonly (readonly [low: number, high: number])[];
  /** Whether a point is inside, or on the boundary. */
  contains(point: Point): boolean;
  readonly faces: readonly Face[];
}

/** Of what is on the boundary, rounding says that it is inside or outside: both may be. */
export const TOLERANCE = 1e-12;

export function checkPoint(op: string, name: string, point: Point, dimension: number): void {
  if (!Array.isArray(point) || point.length !== dimension || !point.every(Number.isFinite))
    throw new Error(`${op}: ${name} must be ${dimension} finite numbers, got ${JSON.stringify(point)}`);
}

export function checkPositive(op: string, name: string, x: number): void {
  if (!(typeof x === "number" && x > 0 && Number.isFinite(x)))
    throw new Error(`${op}: ${name} must be a positive number, got ${String(x)}`);
}

/** Throws unless there is a name for each variable, each once. "t" is time's, which `over` adds. */
export function checkVariables(op: string, variables: readonly string[], dimension: number): void {
  const names = new Set(variables);
  if (variables.length !== dimension || names.size !== dimension || variables.some((v) => !/^[a-z]$/.test(v)))
    throw new Error(`${op}: needs ${dimension} different letters as variables, got ${JSON.stringify(variables)}`);
}
