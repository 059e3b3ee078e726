/** Products and sums over named axes, against loops over every position. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vmap } from "../../ad/vmap.ts";
import { dim } from "../../core/dim.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as e from "../../ops/einsum.ts";
import * as m from "../../ops/matmul.ts";
import { transpose } from "../../ops/transpose.ts";
import { at, leafOf, numbers, numbersOf, positions, valueOf } from "./support.ts";

// What is tested here comes from generated shapes and strings, of which types know nothing.
const { matmul, dot, tensordot, outer } = m as unknown as Record<
  string,
  (a: Tensor | number, b: Tensor | number, axes?: unknown) => Tensor
>;
const einsum = e.einsum as (s: string, ...x: (Tensor | number)[]) => Tensor;

const size = fc.integer({ min: 1, max: 4 });
const expectNear = (got: readonly number[], expected: readonly number[]): void => {
  expect(got.length).toBe(expected.length);
  got.forEach((g, i) => expect(Math.abs(g - expected[i]!)).toBeLessThan(1e-12));
};
/** The element of a tensor whose axes broadcast to the last ones of a position. */
const broadcastAt = (x: { data: number[]; shape: readonly number[] }, p: readonly number[]): number =>
  at(
    x.data,
    x.shape,
    x.shape.map((d, i) => (d === 1 ? 0 : p[p.length - x.shape.length + i]!)),
  );

describe("matmul", () => {
  it("multiplies matrices, broadcasts what stands before them, and takes vectors as rows and columns", () => {
    const batch = fc.array(size, { maxLength: 2 });
    fc.assert(
      fc.property(batch, fc.nat(15), fc.nat(15), size, size, size, fc.nat(2), (lead, maskA, maskB, rows, inner, columns, vectors) => {
        const some = (mask: number): number[] => lead.map((d, i) => ((mask >> i) & 1 ? 1 : d)).slice((mask >> 2) % (lead.length + 1));
        const a = numbers(vectors === 1 ? [inner] : [...some(maskA), rows, inner]);
        const b = numbers(vectors === 2 ? [inner] : [...some(maskB), inner, columns], { seed: 2 });
        const left = vectors === 1 ? { data: a.data, shape: [1, inner] } : a;
        const right = vectors === 2 ? { data: b.data, shape: [inner, 1] } : b;
        const [la, lb] = [left.shape.slice(0, -2), right.shape.slice(0, -2)];
        const rank = Math.max(la.length, lb.length);
        const outerShape = Array.from({ length: rank }, (_, i) => Math.max(la[la.length - rank + i] ?? 1, lb[lb.length - rank + i] ?? 1));
        const [p, q] = [left.shape.at(-2)!, right.shape.at(-1)!];
        const expected = positions([...outerShape, p, q]).map((pos) => {
          const [lead2, i, j] = [pos.slice(0, -2), pos.at(-2)!, pos.at(-1)!];
          let s = 0;
          for (let k = 0; k < inner; k++)
            s += broadcastAt({ ...left, shape: left.shape }, [...lead2, i, k]) * broadcastAt(right, [...lead2, k, j]);
          return s;
        });
        const y = matmul!(a.tensor, b.tensor);
        expect(y.shape).toEqual([...outerShape, ...(vectors === 1 ? [] : [p]), ...(vectors === 2 ? [] : [q])]);
        expectNear(numbersOf(y), expected);
      }),
    );
  });
  it("reads transposes where they lie, and counts bools", () => {
    const [a, b] = [numbers([3, 2]), numbers([4, 3], { seed: 2 })];
    const expected = positions([2, 4]).map(([i, j]) =>
      [0, 1, 2].reduce((s, k) => s + at(a.data, [3, 2], [k, i!]) * at(b.data, [4, 3], [j!, k]), 0),
    );
    expectNear(numbersOf(matmul!(transpose(a.tensor), transpose(b.tensor))), expected);
    const bools = matmul!(
      constant([
        [true, true],
        [false, true],
      ]),
      constant([true, true]),
    );
    expect([bools.dtype, ...numbersOf(bools)]).toEqual(["int32", 2, 1]);
    expect(numbersOf(matmul!(constant([[2 ** 30, 3]], { dtype: "int32" }), constant([4, 5], { dtype: "int32" })))).toEqual([15]);
  });
  it("is batched to the same bits as a loop", () => {
    const [a, b] = [numbers([5, 3, 4]).tensor, numbers([5, 4, 2], { seed: 2 }).tensor];
    const rows = (x: Tensor): Tensor[] => [0, 1, 2, 3, 4].map((i) => x.take(i, 0));
    expect(numbersOf(vmap((x: Tensor) => matmul!(x, b.take(0, 0)))(a))).toEqual(
      rows(a).flatMap((x) => numbersOf(matmul!(x, b.take(0, 0)))),
    );
    expect(numbersOf(vmap((y: Tensor) => matmul!(a.take(0, 0), y))(b))).toEqual(
      rows(b).flatMap((y) => numbersOf(matmul!(a.take(0, 0), y))),
    );
  });
});

describe("dot, tensordot, outer", () => {
  it("dot is NumPy's", () => {
    const [a, b] = [numbers([2, 3]), numbers([4, 3, 2], { seed: 2 })];
    const expected = positions([2, 4, 2]).map(([i, k, l]) =>
      [0, 1, 2].reduce((s, j) => s + at(a.data, a.shape, [i!, j]) * at(b.data, b.shape, [k!, j, l!]), 0),
    );
    expect(dot!(a.tensor, b.tensor).shape).toEqual([2, 4, 2]);
    expectNear(numbersOf(dot!(a.tensor, b.tensor)), expected);
    expect(numbersOf(dot!(constant([1, 2]), constant([3, 4])))).toEqual([11]);
    expect(numbersOf(dot!(2, constant([3, 4])))).toEqual([6, 8]);
  });
  it("tensordot and outer are einsums", () => {
    const [a, b] = [numbers([2, 3, 4]).tensor, numbers([4, 2, 5], { seed: 2 }).tensor];
    expectNear(
      numbersOf(
        tensordot!(a, b, [
          [2, 0],
          [0, 1],
        ]),
      ),
      numbersOf(einsum("ijk,kil->jl", a, b)),
    );
    expectNear(numbersOf(tensordot!(a, b, 1)), numbersOf(einsum("ijk,klm->ijlm", a, b)));
    expectNear(numbersOf(tensordot!(a, b, 0)), numbersOf(outer!(a, b)));
  });
});

/** einsum by its definition: the sum over all values of all names. */
function reference(subscripts: string, operands: { data: number[]; shape: readonly number[] }[]): number[] {
  const [left, right] = subscripts.split("->") as [string, string];
  const parts = left.split(",");
  const sizes = new Map<string, number>();
  parts.forEach((part, k) => [...part].forEach((name, i) => sizes.set(name, operands[k]!.shape[i]!)));
  const summed = [...sizes.keys()].filter((name) => !right.includes(name));
  return positions([...right].map((name) => sizes.get(name)!)).map((outerPosition) => {
    let total = 0;
    for (const inner of positions(summed.map((name) => sizes.get(name)!))) {
      const value = (name: string): number => (right.includes(name) ? outerPosition[right.indexOf(name)]! : inner[summed.indexOf(name)]!);
      total += parts.reduce((product, part, k) => product * at(operands[k]!.data, operands[k]!.shape, [...part].map(value)), 1);
    }
    return total;
  });
}

describe("einsum", () => {
  it("is the sum over all names of the products, for any subscripts", () => {
    const names = "abcde";
    const part = fc.array(fc.constantFrom(...names), { maxLength: 3 }).map((list) => list.join(""));
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 3 }),
        fc.tuple(...[...names].map(() => fc.integer({ min: 1, max: 3 }))),
        fc.nat(31),
        fc.nat(100),
        (parts, sizes, mask, order) => {
          const used = [...names].filter((n) => parts.some((p) => p.includes(n)));
          const output = used.filter((n) => (mask >> names.indexOf(n)) & 1);
          if (order % 2) output.reverse();
          const operands = parts.map((p, k) =>
            numbers(
              [...p].map((n) => sizes[names.indexOf(n)]!),
              { seed: k + 1 },
            ),
          );
          const subscripts = `${parts.join()}->${output.join("")}`;
          const y = einsum(subscripts, ...operands.map((o) => o.tensor));
          expect(y.shape).toEqual(output.map((n) => sizes[names.indexOf(n)]!));
          expectNear(numbersOf(y), reference(subscripts, operands));
        },
      ),
      { numRuns: 200 },
    );
  });
  it("without an arrow keeps the names that occur once, in alphabetical order", () => {
    const [a, b] = [numbers([2, 3]), numbers([3, 4], { seed: 2 })];
    expect(einsum("ji,ic", a.tensor, b.tensor).shape).toEqual([4, 2]);
    expectNear(numbersOf(einsum("ji,ic", a.tensor, b.tensor)), reference("ji,ic->cj", [a, b]));
    expectNear(numbersOf(einsum("ba", a.tensor)), reference("ba->ab", [a]));
    const square = numbers([3, 3]);
    expectNear(numbersOf(einsum("ii", square.tensor)), [square.data[0]! + square.data[4]! + square.data[8]!]);
  });
  it("broadcasts the axes of an ellipsis from the right", () => {
    const [a, b] = [numbers([4, 1, 2, 3]), numbers([5, 3, 2], { seed: 2 })];
    const y = einsum("...ij,...ji->...i", a.tensor, b.tensor);
    expect(y.shape).toEqual([4, 5, 2]);
    expectNear(
      numbersOf(y),
      positions([4, 5, 2]).map(([p, q, i]) =>
        [0, 1, 2].reduce((s, j) => s + at(a.data, a.shape, [p!, 0, i!, j]) * at(b.data, b.shape, [q!, j, i!]), 0),
      ),
    );
    expect(einsum("i...->...i", numbers([2, 3, 4]).tensor).shape).toEqual([3, 4, 2]);
    expect(einsum("...,...", numbers([2, 1]).tensor, numbers([3]).tensor).shape).toEqual([2, 3]);
    expect(einsum("...ii->...i", numbers([2, 3, 3]).tensor).shape).toEqual([2, 3]);
  });
});

it("named dimensions multiply like their sizes", () => {
  const n = dim("n");
  const [x, w] = [leafOf([n, 2]), numbers([2, 3], { seed: 2 })];
  const bindings = { sizes: { n: 4 }, leaves: new Map([[x, numbers([4, 2]).data]]) };
  const y = numbers([4, 2]).tensor;
  const both: [(t: Tensor) => Tensor, unknown[]][] = [
    [(t) => matmul!(t, w.tensor), ["n", 3]],
    [(t) => matmul!(transpose(t), t), [2, 2]],
    [(t) => einsum("ni,ij->jn", t, w.tensor), [3, "n"]],
    [(t) => einsum("ni,mi->nm", t, t), ["n", "n"]],
    [(t) => vmap((row: Tensor) => matmul!(row, w.tensor))(t), ["n", 3]],
    [(t) => outer!(t, w.tensor), ["2*n", 6]],
  ];
  for (const [f, shape] of both) {
    expect(f(x).shape.map(String)).toEqual(shape.map(String));
    expect([...valueOf(f(x), bindings).data]).toEqual(numbersOf(f(y)));
  }
});

describe("bad input", () => {
  const [a, b] = [numbers([2, 3]).tensor.named("a"), numbers([2, 3]).tensor.named("b")];
  it.each([
    [() => matmul!(a, b), /matmul: .*"a".* has 3 columns, but .* has 2 rows/],
    [() => matmul!(a, 2), /matmul: needs vectors or matrices/],
    [() => matmul!(numbers([2, 2, 3]).tensor, numbers([3, 3, 1]).tensor), /matmul: the leading axes of .* do not broadcast/],
    [() => dot!(a, b), /dot: axes \[1\] of .*"a".* and \[0\] of .* differ in size/],
    [() => tensordot!(a, b, 3), /tensordot: cannot sum over 3 axes/],
    [() => tensordot!(a, b, [[0], [2]]), /tensordot: axis 2/],
    [() => einsum("ij,jk", a, b), /einsum "ij,jk": "j" has size 3, but size 2 in .*"a"|einsum "ij,jk": "j" has size 3, but size 2/],
    [() => einsum("ij,jk", a), /einsum "ij,jk": 2 subscripts for 1 operands/],
    [() => einsum("ijk->i", a), /einsum "ijk->i": "ijk" names 3 axes of/],
    [() => einsum("i1->i", a), /"1" is not the name of an axis/],
    [() => einsum("ij->ii", a), /the result names "i" twice/],
    [() => einsum("ij->k", a), /the result's "k" is in none of the operands/],
    [() => einsum("ij->i->j", a), /"->" may occur once/],
    [() => einsum("...ij...->ij", a), /use letters, and "\.\.\." at most once/],
    [() => einsum("...j->j", a), /the result lacks the "\.\.\." of the operands/],
    [() => einsum("...ijk->i", a), /names 3 axes/],
    [() => einsum("ij"), /needs at least one operand/],
    [() => einsum(a as never, a), /the first argument is the subscripts/],
  ])("%s", (f, message) => {
    expect(f).toThrow(message);
  });
});
