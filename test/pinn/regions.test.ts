/** Regions by areas and lengths in closed form, by normals that lead outside, and by which points their boundaries keep. */
import { describe, expect, it } from "vitest";
import { difference, intersection, over, union } from "../../pinn/combine.ts";
import type { Region } from "../../pinn/region.ts";
import { sampleBoundary, sampleInside } from "../../pinn/sample.ts";
import { box, disk, interval, polygon, sphere } from "../../pinn/shapes.ts";

const lens = intersection(disk([0, 0], 1), disk([1, 0], 1));
const plate = difference(box([-2, -1], [2, 1]), disk([0, 0], 0.5));
const star = polygon([
  [0, 0],
  [2, 0],
  [2, 2],
  [1, 0.5],
  [0, 2],
]);

/** The measure of a region, or of its boundary, by how many points of its box or faces it keeps. */
function shareInside(region: Region): number {
  const n = 40_000;
  const all: Region = { ...region, contains: () => true };
  const { data } = sampleInside(all, n);
  const d = region.variables.length;
  let inside = 0;
  for (let i = 0; i < n; i++) if (region.contains([...data.subarray(i * d, (i + 1) * d)])) inside++;
  return (inside / n) * region.bounds.reduce((v, [low, high]) => v * (high - low), 1);
}

describe("areas and volumes", () => {
  const cases: readonly [string, Region, number][] = [
    ["a disk", disk([1, 2], 1.5), Math.PI * 2.25],
    ["a ball", sphere([0, 0, 1], 2), (4 / 3) * Math.PI * 8],
    ["a star-shaped polygon", star, 2.5],
    ["a plate with a hole", plate, 8 - Math.PI / 4],
    ["a lens", lens, (2 * Math.PI) / 3 - Math.sqrt(3) / 2],
    ["two disks together", union(disk([0, 0], 1), disk([1, 0], 1)), (4 * Math.PI) / 3 + Math.sqrt(3) / 2],
    ["a lens through time", over(lens, 0, 3), 3 * ((2 * Math.PI) / 3 - Math.sqrt(3) / 2)],
  ];
  it.each(cases)("%s", (_, region, expected) => expect(Math.abs(shareInside(region) / expected - 1)).toBeLessThan(5e-3));
});

describe("points", () => {
  const regions = [
    interval(-1, 1),
    box([0, 0, 0], [1, 2, 3]),
    disk([0, 1], 2),
    sphere([1, 1, 1], 0.5),
    star,
    plate,
    lens,
    over(plate, 0, 1),
    over(interval(-1, 1), 0, 1),
  ];
  it.each(regions.map((r) => [r.name, r] as const))(
    "%s: inside are inside; those of the boundary lie between inside and outside, along the normal",
    (_, region) => {
      const d = region.variables.length;
      const rows = (data: Float64Array): number[][] =>
        Array.from({ length: data.length / d }, (_, i) => [...data.subarray(i * d, (i + 1) * d)]);
      expect(rows(sampleInside(region, 200).data).every((p) => region.contains(p))).toBe(true);
      const boundary = sampleBoundary(region, 200);
      const normals = rows(boundary.normals);
      expect(normals.every((n) => Math.abs(Math.hypot(...n) - 1) < 1e-12)).toBe(true);
      rows(boundary.data).forEach((p, i) => {
        const moved = (by: number): number[] => p.map((v, k) => v + by * normals[i]![k]!);
        expect(region.contains(moved(1e-6))).toBe(false);
        expect(region.contains(moved(-1e-6))).toBe(true);
      });
    },
  );

  it("of a boundary are spread by length", () => {
    const { data } = sampleBoundary(plate, 20_000);
    let circle = 0;
    for (let i = 0; i < data.length; i += 2) if (Math.hypot(data[i]!, data[i + 1]!) < 0.6) circle++;
    expect(circle / 20_000).toBeCloseTo(Math.PI / (12 + Math.PI), 2);
  });

  it("are those of the faces that were asked for", () => {
    const left = sampleBoundary(over(interval(-1, 1), 0, 1), 50, { on: "left" });
    for (let i = 0; i < 100; i += 2) expect(left.data[i]).toBe(-1);
    const top = sampleBoundary(disk([0, 0], 1), 50, { on: ([, y]) => y! > 0.5 });
    for (let i = 1; i < 100; i += 2) expect(top.data[i]).toBeGreaterThan(0.5);
  });
});

describe("mistakes", () => {
  it("are named", () => {
    expect(() => box([0, 1], [1, 1])).toThrow("low must be below high, got 1 and 1 for y");
    expect(() => disk([0, 0], -1)).toThrow("the radius must be a positive number, got -1");
    expect(() =>
      polygon([
        [0, 0],
        [1, 1],
      ]),
    ).toThrow("at least 3 corners, got 2");
    expect(() =>
      polygon([
        [0, 0],
        [1, 1],
        [2, 2],
      ]),
    ).toThrow("lie on one line");
    expect(() => union(disk([0, 0], 1), interval(0, 1))).toThrow("disk has the variables x, y, interval has x");
    expect(() => intersection(disk([0, 0], 1), disk([5, 0], 1))).toThrow("do not overlap");
    expect(() => over(interval(0, 1), 1, 1)).toThrow("to a later one");
    expect(() => sampleBoundary(disk([0, 0], 1), 5, { on: "left" })).toThrow('disk has no face "left"; its faces are circle');
    expect(() => sampleInside(difference(disk([0, 0], 1), disk([0, 0], 2)), 5)).toThrow("is empty");
    expect(() => sampleInside(disk([0, 0], 1), 0)).toThrow("positive whole number");
  });
});
