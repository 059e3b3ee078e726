/** Shapes: broadcasting against the rule as NumPy states it, strides against index arithmetic, axes counted from either end. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dim, mulDims } from "../../core/dim.ts";
import {
  broadcastShapes,
  evaluateShape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  type Shape,
  showShape,
  sizeOf,
  stridesOf,
} from "../../core/shape.ts";

const size = fc.constantFrom(0, 1, 2, 3, dim("n"));
const shape = fc.array(size, { maxLength: 4 });

/** NumPy: pad with ones in front, then each axis has one size besides 1, or fails. */
function numpy(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const padded = shapes.map((s) => [...new Array(rank - s.length).fill(1), ...s]);
  const out = [];
  for (let axis = 0; axis < rank; axis++) {
    const others = new Set(padded.map((s) => s[axis]).filter((d) => d !== 1));
    if (others.size > 1) return undefined;
    out.push([...others][0] ?? 1);
  }
  return out;
}

describe("shapes", () => {
  it("broadcast as in NumPy, named dimensions by name", () => {
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 3 }), (shapes) => {
        expect(broadcastShapes(...shapes)).toEqual(numpy(shapes));
      }),
      { numRuns: 500 },
    );
  });

  it("have row-major strides", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }), fc.nat(), (s, seed) => {
        const total = sizeOf(s) as number;
        let rest = seed % total;
        const flat = rest;
        const position = s.map((_, i) => {
          const below = sizeOf(s.slice(i + 1)) as number;
          const p = Math.floor(rest / below);
          rest %= below;
          return p;
        });
        expect(stridesOf(s).reduce<number>((sum, stride, i) => sum + (stride as number) * position[i]!, 0)).toBe(flat);
      }),
    );
    const n = dim("n");
    expect(stridesOf([2, n, 3])).toEqual([mulDims(3, n), 3, 1]);
  });

  it("evaluate at sizes, and refuse a negative one", () => {
    const n = dim("n");
    expect(evaluateShape([n, mulDims(n, 2)], new Map([["n", 3]]))).toEqual([3, 6]);
    expect(() => evaluateShape([mulDims(n, -1)], new Map([["n", 3]]))).toThrow(/negative/);
    expect(showShape([n, 2])).toBe("[n, 2]");
    expect(sameShape([n, 2], [dim("n"), 2])).toBe(true);
    expect(sameShape([n, 2], [n])).toBe(false);
  });

  it("count axes from either end and name the operation when there is none", () => {
    fc.assert(
      fc.property(fc.integer({ min: -6, max: 6 }), fc.integer({ min: 0, max: 4 }), (axis, rank) => {
        if (axis >= -rank && axis < rank) expect(normalizeAxis("sum", axis, rank)).toBe((axis + rank) % rank);
        else expect(() => normalizeAxis("sum", axis, rank)).toThrow(/^sum: axis/);
      }),
    );
    expect(() => normalizeAxis("sum", 0.5, 3)).toThrow(/0.5/);
    expect(normalizeAxes("sum", undefined, 3)).toEqual([0, 1, 2]);
    expect(normalizeAxes("sum", [-1, 0], 3)).toEqual([0, 2]);
    expect(() => normalizeAxes("sum", [1, -2], 3)).toThrow(/axis 1 is given twice/);
  });
});
