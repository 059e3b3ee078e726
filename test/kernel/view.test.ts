/** Views against index arithmetic: whatever is done to a view, the elements it reaches are those of the list it stands for. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDims, type Dim, dim, evaluateDim, mulDims } from "../../core/dim.ts";
import { evaluateShape, type Shape, sizeOf } from "../../core/shape.ts";
import { broadcastView, contiguous, isContiguous, mergeAxes, reshapeView, sliceView, transposeView, type View } from "../../kernel/view.ts";

const n = dim("n");
const m = dim("m");
type Sizes = ReadonlyMap<string, number>;
/** Every property is checked at several sizes of the names, 0 and 1 among them. */
const points: readonly Sizes[] = [
  [3, 2],
  [1, 1],
  [4, 3],
  [0, 2],
].map(
  ([a, b]) =>
    new Map([
      ["n", a!],
      ["m", b!],
    ]),
);

const positions = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>((list, size) => list.flatMap((p) => Array.from({ length: size }, (_, i) => [...p, i])), [[]]);
const reach = (p: readonly number[], strides: readonly number[], offset = 0): number =>
  p.reduce((sum, i, axis) => sum + i * strides[axis]!, offset);

/** The elements a view reaches, in row-major order. */
function elements(v: View, s: Sizes): number[] {
  const strides = v.strides.map((d) => evaluateDim(d, s));
  return positions(evaluateShape(v.shape, s)).map((p) => reach(p, strides, evaluateDim(v.offset, s)));
}

/** The flat row-major number of a position. */
const flat = (p: readonly number[], shape: readonly number[]): number => p.reduce((at, i, axis) => at * shape[axis]! + i, 0);

const size: fc.Arbitrary<Dim> = fc.constantFrom<Dim[]>(1, 2, 3, n, m, addDims(n, 1), mulDims(2, n));
const shape = fc.array(size, { maxLength: 4 });

/** One random rearrangement: the new view, and how its positions map to positions of the old. */
type Move = (v: View, choice: fc.GeneratorValue) => { view: View; source: (p: readonly number[], s: Sizes) => number[] };
const pick = (g: fc.GeneratorValue, max: number): number => g(fc.nat, max);
const transpose: Move = (v, g) => {
  const perm = v.shape
    .map((_, i) => [g(fc.nat, 1000), i] as const)
    .sort(([a], [b]) => a - b)
    .map(([, i]) => i);
  return { view: transposeView(v, perm), source: (p) => v.shape.map((_, axis) => p[perm.indexOf(axis)]!) };
};
const flip: Move = (v, g) => {
  const back = v.shape.map(() => pick(g, 1) === 1);
  const start = v.shape.map((d, i): Dim => (back[i] ? addDims(d, -1) : 0));
  return {
    view: sliceView(
      v,
      start,
      v.shape,
      back.map((b) => (b ? -1 : 1)),
    ),
    source: (p, s) => p.map((i, axis) => (back[axis] ? evaluateDim(v.shape[axis]!, s) - 1 - i : i)),
  };
};
/** Slices static axes only: a symbolic one may be too short. */
const slice: Move = (v, g) => {
  const cuts = v.shape.map((d) => {
    if (typeof d !== "number") return { start: 0, size: d, step: 1 };
    const step = 1 + pick(g, 1);
    const start = pick(g, d - 1);
    return { start, size: 1 + Math.floor((d - 1 - start) / step), step };
  });
  const step = cuts.map((c) => c.step);
  return {
    view: sliceView(
      v,
      cuts.map((c) => c.start),
      cuts.map((c) => c.size),
      step,
    ),
    source: (p) => p.map((i, axis) => cuts[axis]!.start + i * step[axis]!),
  };
};
/** New axes anywhere, and axes of size 1 stretched. */
const broadcast: Move = (v, g) => {
  const grown: Dim[] = [];
  const axes: number[] = [];
  for (const d of v.shape) {
    if (grown.length < 4 && pick(g, 3) === 0) grown.push(g(() => size));
    axes.push(grown.length);
    grown.push(d === 1 && pick(g, 1) === 1 ? g(() => size) : d);
  }
  return {
    view: broadcastView(v, grown, axes),
    source: (p, s) => axes.map((axis, i) => (evaluateDim(v.shape[i]!, s) === 1 ? 0 : p[axis]!)),
  };
};
const moves = [transpose, flip, slice, broadcast];

/** A view after some moves, and the elements that index arithmetic says it reaches. */
const rearranged = fc.tuple(shape, fc.array(fc.constantFrom(...moves), { maxLength: 4 }), fc.gen()).map(([start, list, g]) => {
  let view = contiguous("f32", start);
  let expected = (p: readonly number[], s: Sizes): number => flat(p, evaluateShape(start, s));
  for (const move of list) {
    const { view: next, source } = move(view, g);
    const before = expected;
    expected = (p, s) => before(source(p, s), s);
    view = next;
  }
  return { view, expected: (s: Sizes) => positions(evaluateShape(view.shape, s)).map((p) => expected(p, s)) };
});

/** A shape of the same size: neighbours merged, static sizes split, ones put in. */
function regrouped(from: Shape, g: fc.GeneratorValue): Dim[] {
  const out: Dim[] = [];
  for (const d of from) {
    const choice = pick(g, 4);
    if (choice === 0 && out.length > 0) out.push(mulDims(out.pop()!, d));
    else if (choice === 1 && typeof d === "number" && d % 2 === 0 && d > 0) out.push(2, d / 2);
    else if (choice === 2) out.push(1, d);
    else out.push(d);
  }
  return out;
}

/** Whether some strides and offset reach these elements: whether they are affine in the position. */
function affine(list: readonly number[], sizes: readonly number[]): boolean {
  const at = (p: readonly number[]): number => list[flat(p, sizes)]!;
  const zero = sizes.map(() => 0);
  const strides = sizes.map((d, axis) => (d > 1 ? at(zero.map((_, i) => +(i === axis))) - at(zero) : 0));
  return positions(sizes).every((p) => at(p) === reach(p, strides, at(zero)));
}

describe("views", () => {
  it("transposed, sliced, flipped and broadcast, in any order, reach the elements that index arithmetic gives", () => {
    fc.assert(
      fc.property(rearranged, ({ view, expected }) => {
        for (const s of points) expect(elements(view, s)).toEqual(expected(s));
      }),
      { numRuns: 400 },
    );
  });

  it("reshaped keep their elements in order", () => {
    let done = 0;
    fc.assert(
      fc.property(rearranged, fc.gen(), ({ view }, g) => {
        const to = regrouped(view.shape, g);
        const reshaped = reshapeView(view, to);
        if (!reshaped) return;
        done++;
        expect(reshaped.shape).toEqual(to);
        for (const s of points) expect(elements(reshaped, s)).toEqual(elements(view, s));
      }),
      { numRuns: 600 },
    );
    expect(done).toBeGreaterThan(100);
  });

  it("with known sizes are reshaped without a copy whenever strides can express it", () => {
    fc.assert(
      fc.property(rearranged, fc.gen(), ({ view }, g) => {
        const s = points[0]!;
        const known: View = {
          ...view,
          shape: evaluateShape(view.shape, s),
          strides: view.strides.map((d) => evaluateDim(d, s)),
          offset: evaluateDim(view.offset, s),
        };
        const to = regrouped(known.shape, g) as number[];
        expect(reshapeView(known, to) !== undefined).toBe(affine(elements(known, s), to));
      }),
      { numRuns: 600 },
    );
  });

  it("are contiguous only when they reach their elements one after the other", () => {
    fc.assert(
      fc.property(rearranged, ({ view }) => {
        if (!isContiguous(view)) return;
        for (const s of points) {
          const list = elements(view, s);
          expect(list).toEqual(list.map((_, i) => list[0]! + i));
        }
      }),
      { numRuns: 400 },
    );
    expect(isContiguous(contiguous("f32", [n, 2, m]))).toBe(true);
  });
});

describe("mergeAxes", () => {
  it("visits the same elements of every operand in the same order, and keeps the last axes", () => {
    fc.assert(
      fc.property(shape, fc.nat(1), fc.gen(), (common, keep, g) => {
        // Operands of one index space: each a broadcast, transposed or flipped view over it.
        const operands = [0, 1, 2].map(() => {
          const stretched = common.map((d) => (pick(g, 3) === 0 ? (1 as Dim) : d));
          const base = broadcastView(
            contiguous("f32", stretched),
            common,
            common.map((_, i) => i),
          );
          return pick(g, 2) === 0 ? flip(base, g).view : base;
        });
        const kept = Math.min(keep, common.length);
        const merged = mergeAxes(
          common,
          operands.map((o) => o.strides),
          kept,
        );
        expect(merged.shape.length).toBeLessThanOrEqual(common.length);
        if (kept > 0) expect(merged.shape.slice(-kept)).toEqual(common.slice(-kept));
        for (const s of points) {
          const before = positions(evaluateShape(common, s));
          const after = positions(evaluateShape(merged.shape, s));
          expect(after.length).toBe(before.length);
          operands.forEach((o, k) => {
            const strides = o.strides.map((d) => evaluateDim(d, s));
            const mergedStrides = merged.strides[k]!.map((d) => evaluateDim(d, s));
            expect(after.map((p) => reach(p, mergedStrides))).toEqual(before.map((p) => reach(p, strides)));
          });
        }
      }),
      { numRuns: 300 },
    );
  });

  it("makes one long axis of contiguous operands", () => {
    const a = contiguous("f32", [n, 2, m]);
    expect(mergeAxes(a.shape, [a.strides, a.strides])).toEqual({ shape: [sizeOf(a.shape)], strides: [[1], [1]] });
    expect(mergeAxes(a.shape, [a.strides], 1).shape).toEqual([mulDims(2, n), m]);
  });
});
