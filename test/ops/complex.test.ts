/** Complex tensors: what goes in and comes out, dtypes, field operations and rearrangements against arithmetic on pairs, and errors. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Complex } from "../../core/data.ts";
import type { DType } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { Value } from "../../core/value.ts";
import { add, div, mul, neg, reciprocal, square, sub } from "../../ops/arithmetic.ts";
import { equal, greater, isNaN, logicalNot, notEqual, where } from "../../ops/compare.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { concatenate, stack } from "../../ops/concatenate.ts";
import { conv } from "../../ops/conv.ts";
import { convert } from "../../ops/convert.ts";
import { eye, full, iota, ones, tril, triu, zeros } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { cumprod } from "../../ops/cumulative.ts";
import { diag, diagonal, trace } from "../../ops/diagonal.ts";
import { einsum } from "../../ops/einsum.ts";
import { isFinite } from "../../ops/floating.ts";
import { erf } from "../../ops/functions.ts";
import { scatterAdd, take } from "../../ops/indexing.ts";
import { dot, matmul, outer } from "../../ops/matmul.ts";
import { norm, std, variance } from "../../ops/norm.ts";
import { broadcastTo } from "../../ops/operand.ts";
import { pad, slice } from "../../ops/pad.ts";
import { abs, maximum, sign } from "../../ops/piecewise.ts";
import { pow } from "../../ops/power.ts";
import { cross, inner, kron, multiDot, vander, vdot, vecdot } from "../../ops/products.ts";
import { roll } from "../../ops/rearrange.ts";
import { all, any, max, mean, prod, sum } from "../../ops/reductions.ts";
import { repeat, tile } from "../../ops/repeat.ts";
import { reshape } from "../../ops/reshape.ts";
import { sort } from "../../ops/sort.ts";
import { flip, transpose } from "../../ops/transpose.ts";
import {
  c,
  complexOf,
  conjugate,
  expectClose,
  expectSame,
  length,
  minus,
  over,
  plus,
  scale,
  some,
  tensorOf,
  times,
} from "./complex-numbers.ts";
import { at, numbersOf, positions, valueOf } from "./support.ts";

describe("numbers in and out", () => {
  it("takes { re, im }, alone, nested, and among real numbers", () => {
    expect(constant(c(1, -2)).dtype).toBe("complex64");
    expectSame(complexOf(constant(c(1, -2))), [c(1, -2)]);
    const t = constant(
      [
        [c(1, 2), 3],
        [0, c(0, -1)],
      ],
      { dtype: "complex128" },
    );
    expect([t.dtype, t.shape]).toEqual(["complex128", [2, 2]]);
    expectSame(complexOf(t), [c(1, 2), c(3, 0), c(0, 0), c(0, -1)]);
    expect(constant([1, 2], { dtype: "complex64" }).dtype).toBe("complex64");
  });

  it("takes pairs in a typed array, and gives them back", () => {
    const t = constant(new Float64Array([1, 2, 3, 4, 5, 6, 7, 8]), { dtype: "complex128", shape: [2, 2] });
    expectSame(complexOf(t), [c(1, 2), c(3, 4), c(5, 6), c(7, 8)]);
    const v = new Value([2, 2], "complex128", 0, valueOf(t).data);
    expect(v.toArray()).toEqual([
      [c(1, 2), c(3, 4)],
      [c(5, 6), c(7, 8)],
    ]);
    expect(constant(v.data, { dtype: v.dtype }).shape).toEqual([4]);
    expect(String(new Value([2], "complex64", 3, new Float32Array([1, -2, -0.5, -0])))).toBe("Value(complex64[2] [1-2i, -0.5-0i] epoch 3)");
  });

  it("a Value of one element gives it as { re, im }", () => {
    expect(new Value([], "complex64", 0, new Float32Array([1, 2])).item<Complex>()).toEqual(c(1, 2));
    expect(() => new Value([2], "complex64", 0, new Float32Array(4)).item()).toThrow(/has 2 elements/);
  });

  it("equal scalars are one node, whose parts are scalars", () => {
    expect(constant(c(1, 2))).toBe(constant(c(1, 2)));
    expect(real(constant(c(1, 2)))).toBe(constant(1));
    expect(imag(constant(c(1, 2)))).toBe(constant(2));
  });

  it("refuses what does not fit", () => {
    expect(() => constant(new Float32Array(3), { dtype: "complex64" })).toThrow(/two numbers an element.*got 3, which is odd/);
    expect(() => constant([c(1, 2)], { dtype: "float32" })).toThrow(/1 \+ 2i is complex, but the dtype is float32; use complex64/);
    expect(() => constant([{ re: 1 } as never])).toThrow(/complex numbers \{ re, im \}/);
    expect(() => full([2], c(1, 2), { dtype: "float32" })).toThrow(/does not fit into float32/);
  });
});

describe("dtypes", () => {
  const z = tensorOf([c(1, 2)], [1], "complex64");
  it("a complex literal is weak: it makes the dtype complex, not wider", () => {
    expect(mul(constant([1], { dtype: "float32" }), c(0, 1)).dtype).toBe("complex64");
    expect(mul(constant([1], { dtype: "float64" }), c(0, 1)).dtype).toBe("complex128");
    expectSame(complexOf(mul(constant([1], { dtype: "float64" }), c(0.1, 0.2))), [c(0.1, 0.2)]);
    expect(mul(z, 0.5).dtype).toBe("complex64");
    expect(add(z, constant([1], { dtype: "float64" })).dtype).toBe("complex128");
  });

  it("real numbers convert, complex ones do not convert back", () => {
    const x = convert(constant([1, 2]), "complex128");
    expectSame(complexOf(x), [c(1, 0), c(2, 0)]);
    expect(real(x).dtype).toBe("float64");
    expect(() => convert(z, "float32")).toThrow(/without loss; use real\(z\), imag\(z\), abs\(z\)/);
    expect(() => convert(z, "bool")).toThrow(/notEqual\(z, 0\)/);
  });

  it("creation takes complex dtypes", () => {
    for (const t of [zeros([2], { dtype: "complex64" }), ones([2], { dtype: "complex64" }), eye(1, 2, 0, { dtype: "complex64" })])
      expect(t.dtype).toBe("complex64");
    expectSame(complexOf(full([2], c(1, 2))), [c(1, 2), c(1, 2)]);
    expectSame(complexOf(iota([3], 0, { dtype: "complex128" })), [c(0, 0), c(1, 0), c(2, 0)]);
  });

  it("parts of complex numbers, of real ones, and of both", () => {
    const [x, y] = [constant([1, 2]), constant([3, 4])];
    expect(real(complex(x, y))).toBe(x);
    expect(imag(complex(x, y))).toBe(y);
    expect(complex(real(z), imag(z))).toBe(z);
    expect(real(x)).toBe(x);
    expect(conj(x)).toBe(x);
    expect(numbersOf(imag(x))).toEqual([0, 0]);
    expectSame(complexOf(complex(constant([1, 2]), 3)), [c(1, 3), c(2, 3)]);
    expectSame(complexOf(complex(2)), [c(2, 0)]);
    expect(() => complex(z, x)).toThrow(/complex: is not defined for complex numbers/);
  });
});

describe.each(["complex64", "complex128"] as const)("field laws in %s", (dtype) => {
  const eps = dtype === "complex64" ? 2 ** -24 : 2 ** -53;
  const part = fc.double({ min: -10, max: 10, noNaN: true }).map((x) => (dtype === "complex64" ? Math.fround(x) : x));
  const number = fc.record({ re: part, im: part }).filter((z) => length(z) > 1e-3);
  const of = (...zs: Complex[]): Tensor[] => zs.map((z) => constant(z, { dtype }));

  it("operations are those of pairs", () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = of(a, b) as [Tensor, Tensor];
        const size = (t: Tensor, w: Complex, bound: number): void => {
          const [g] = complexOf(t);
          expect(length(minus(g!, w))).toBeLessThanOrEqual(bound * eps);
        };
        size(add(x, y), plus(a, b), length(a) + length(b));
        size(sub(x, y), minus(a, b), length(a) + length(b));
        size(mul(x, y), times(a, b), 4 * length(a) * length(b));
        size(div(x, y), over(a, b), (8 * length(a)) / length(b));
        size(reciprocal(y), over(c(1, 0), b), 8 / length(b));
        size(square(x), times(a, a), 4 * length(a) ** 2);
        expectSame(complexOf(neg(x)), [c(-a.re, -a.im)]);
        expectSame(complexOf(conj(x)), [conjugate(a)]);
        expect(Math.abs(valueOf(abs(x)).data[0]! - length(a))).toBeLessThanOrEqual(4 * eps * length(a));
        size(sign(x), scale(a, 1 / length(a)), 4);
      }),
      { numRuns: 100 },
    );
  });

  it("products are commutative, and exactly so; conjugation goes through them", () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = of(a, b) as [Tensor, Tensor];
        expectSame(complexOf(mul(x, y)), complexOf(mul(y, x)));
        // But for the sign of a zero that is a difference.
        const unsigned = (t: Tensor): Complex[] => complexOf(t).map(({ re, im }) => c(re + 0, im + 0));
        expectSame(unsigned(conj(mul(x, y))), unsigned(mul(conj(x), conj(y))));
        expect(valueOf(imag(mul(x, conj(x)))).data[0]! + 0).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe("what has no imaginary part", () => {
  it("multiplies and divides part by part, so that infinities make no NaN", () => {
    const z = tensorOf([c(Infinity, 1)]);
    expectSame(complexOf(mul(z, 2)), [c(Infinity, 2)]);
    expectSame(complexOf(div(z, 2)), [c(Infinity, 0.5)]);
    expectSame(complexOf(mul(z, constant([2], { dtype: "float64" }))), [c(Infinity, 2)]);
  });

  it("a quotient neither overflows nor underflows on the way", () => {
    const cases = [
      [c(1e300, 1e300), c(1e300, 1e300), c(1, 0)],
      [c(1e-300, 1e-300), c(1e-300, -1e-300), c(0, 1)],
      [c(1, 0), c(1e200, 1e-200), c(1e-200, -0)],
      [c(4, 2), c(0, 2), c(1, -2)],
    ] as const;
    const got = complexOf(div(tensorOf(cases.map(([a]) => a)), tensorOf(cases.map(([, b]) => b))));
    expect(got.map(({ re, im }) => [re + 0, im + 0])).toEqual(cases.map(([, , { re, im }]) => [re + 0, im + 0]));
    expect(complexOf(div(tensorOf([c(1, -2)]), 0))).toEqual([c(Infinity, -Infinity)]);
  });
});

// ---- rearrangement: whatever moves elements moves both parts
describe("rearrangements move whole numbers", () => {
  const data = some([2, 3]);
  const z = tensorOf(data, [2, 3]);
  const index = constant(
    [0, 1, 2, 3, 4, 5].map((i) => i),
    { shape: [2, 3], dtype: "float64" },
  );
  const moves: Record<string, (t: Tensor) => Tensor> = {
    reshape: (t) => reshape(t, [3, 2]),
    transpose: (t) => transpose(t),
    flip: (t) => flip(t, 1),
    slice: (t) => slice(t, [0, 1], [2, 3]),
    strided: (t) => slice(t, [0, 0], [2, 3], [1, 2]),
    take: (t) => take(t, [2, 0, 2], 1),
    concatenate: (t) => concatenate([t, flip(t, 0)], 1),
    stack: (t) => stack([t, t], 1),
    broadcastTo: (t) => broadcastTo(t, [2, 2, 3]),
    roll: (t) => roll(t, 1, 0),
    repeat: (t) => repeat(t, 2, 0),
    tile: (t) => tile(t, [1, 2]),
    diagonal: (t) => diagonal(t),
  };
  it.each(Object.keys(moves))("%s", (name) => {
    const move = moves[name]!;
    const from = numbersOf(move(index));
    expectSame(
      complexOf(move(z)),
      from.map((i) => data[i]!),
    );
  });

  it("pad, where, tril, triu and diag put zeros, or real numbers, beside them", () => {
    expectSame(complexOf(pad(tensorOf([c(1, 2)]), 1, { value: 3 })), [c(3, 0), c(1, 2), c(3, 0)]);
    expectSame(complexOf(where(constant([true, false]), tensorOf([c(1, 2), c(3, 4)]), 5)), [c(1, 2), c(5, 0)]);
    const square_ = tensorOf(some([2, 2]), [2, 2]);
    const [p, q, r, s] = complexOf(square_) as [Complex, Complex, Complex, Complex];
    expectSame(complexOf(tril(square_)), [p, c(0, 0), r, s]);
    expectSame(complexOf(triu(square_)), [p, q, c(0, 0), s]);
    expectSame(complexOf(diag(tensorOf([p, q]))), [p, c(0, 0), c(0, 0), q]);
    expectSame(complexOf(concatenate([tensorOf([p]), constant([2])])), [p, c(2, 0)]);
  });

  it("scatterAdd adds them up", () => {
    const got = complexOf(scatterAdd(zeros([2], { dtype: "complex128" }), [1, 1, 0], tensorOf([c(1, 2), c(3, 4), c(5, 6)])));
    expectSame(got, [c(5, 6), c(4, 6)]);
  });
});

// ---- sums and products
describe("sums and products", () => {
  const data = some([3, 4], { seed: 3 });
  const z = tensorOf(data, [3, 4]);
  const row = (i: number): Complex[] => data.slice(4 * i, 4 * i + 4);
  const total = (list: readonly Complex[]): Complex => list.reduce(plus);
  const product = (list: readonly Complex[]): Complex => list.reduce(times);
  const rows = [0, 1, 2].map(row);

  it("sum, mean and their axes", () => {
    expectClose(complexOf(sum(z)), [total(data)], 16);
    expectClose(complexOf(sum(z, 1)), rows.map(total), 16);
    expectClose(
      complexOf(mean(z, 1)),
      rows.map((r) => scale(total(r), 1 / 4)),
      16,
    );
  });

  it("prod, cumprod and cumsum", () => {
    expectClose(complexOf(prod(z)), [product(data)], 64);
    expectClose(complexOf(prod(z, 1)), rows.map(product), 16);
    expectClose(complexOf(prod(zeros([0], { dtype: "complex128" }))), [c(1, 0)], 0);
    const prefixes = (f: (list: readonly Complex[]) => Complex): Complex[] => rows.flatMap((r) => r.map((_, i) => f(r.slice(0, i + 1))));
    expectClose(complexOf(cumprod(z, 1)), prefixes(product), 16);
    expectClose(complexOf(cumsum(z, 1)), prefixes(total), 64);
  });

  it("var, std and norm are real, and of moduli", () => {
    const centre = scale(total(data), 1 / 12);
    const spread = data.reduce((s, x) => s + length(minus(x, centre)) ** 2, 0);
    const near = (t: Tensor, v: number): void => {
      expect(t.dtype).toBe("float64");
      expect(Math.abs(valueOf(t).data[0]! - v)).toBeLessThan(1e-14 * v);
    };
    near(variance(z), spread / 12);
    near(std(z, { correction: 1 }), Math.sqrt(spread / 11));
    near(norm(z), Math.sqrt(data.reduce((s, x) => s + length(x) ** 2, 0)));
    near(
      norm(z, { ord: 1 }),
      data.reduce((s, x) => s + length(x), 0),
    );
    near(norm(z, { ord: 3 }), data.reduce((s, x) => s + length(x) ** 3, 0) ** (1 / 3));
    near(norm(z, { ord: Infinity }), Math.max(...data.map(length)));
  });
});

describe("products of vectors and matrices", () => {
  const [a, b] = [some([2, 3], { seed: 5 }), some([3, 4], { seed: 6 })];
  const [x, y] = [tensorOf(a, [2, 3]), tensorOf(b, [3, 4])];
  const entry = (i: number, j: number): Complex => [0, 1, 2].map((k) => times(a[3 * i + k]!, b[4 * k + j]!)).reduce(plus);
  const expected = positions([2, 4]).map(([i, j]) => entry(i!, j!));
  const u = some([3], { seed: 8 });
  const v = some([3], { seed: 9 });
  const [p, q] = [tensorOf(u), tensorOf(v)];

  it("matmul, einsum and multiDot", () => {
    expectClose(complexOf(matmul(x, y)), expected, 64);
    expectClose(complexOf(einsum("ij,jk->ik", x, y)), expected, 64);
    expectClose(complexOf(multiDot([x, y, eye(4)])), expected, 64);
    const real_ = constant(
      Float64Array.from(b, (z) => z.re),
      { shape: [3, 4] },
    );
    const withReal = positions([2, 4]).map(([i, j]) => [0, 1, 2].map((k) => scale(a[3 * i! + k]!, b[4 * k + j!]!.re)).reduce(plus));
    expectClose(complexOf(matmul(x, real_)), withReal, 64);
  });

  it("dot, inner and outer do not conjugate; vdot and vecdot conjugate their first operand", () => {
    const plain = u.map((z, i) => times(z, v[i]!)).reduce(plus);
    const hermitian = u.map((z, i) => times(conjugate(z), v[i]!)).reduce(plus);
    for (const f of [dot, inner]) expectClose(complexOf(f(p, q)), [plain], 32);
    for (const f of [vdot, vecdot]) expectClose(complexOf(f(p, q)), [hermitian], 32);
    expect(valueOf(imag(vdot(p, p))).data[0]! + 0).toBe(0);
    expectClose(
      complexOf(outer(p, q)),
      u.flatMap((s) => v.map((t) => times(s, t))),
      4,
    );
    expect(() => vdot(p, y)).toThrow(/as many elements/);
  });

  it("kron, cross, vander, trace and conv", () => {
    expectClose(
      complexOf(kron(p, q)),
      u.flatMap((s) => v.map((t) => times(s, t))),
      4,
    );
    const crossed = [0, 1, 2].map((k) => {
      const [i, j] = [(k + 1) % 3, (k + 2) % 3];
      return minus(times(u[i]!, v[j]!), times(u[j]!, v[i]!));
    });
    expectClose(complexOf(cross(p, q)), crossed, 64);
    const powers = u.flatMap((z) => [times(z, z), z, c(1, 0)]);
    expectClose(complexOf(vander(p)), powers, 4);
    const nine = some([3, 3], { seed: 4 });
    expectClose(complexOf(trace(tensorOf(nine, [3, 3]))), [[0, 4, 8].map((i) => nine[i]!).reduce(plus)], 16);
    const signal = some([5], { seed: 12 });
    const got = complexOf(conv(tensorOf(signal, [1, 1, 5]), tensorOf(u, [1, 1, 3])));
    expectClose(
      got,
      [0, 1, 2].map((i) => [0, 1, 2].map((k) => times(signal[i + k]!, u[k]!)).reduce(plus)),
      64,
    );
  });

  it("integer powers are products", () => {
    for (const n of [-3, -1, 0, 1, 2, 5, 8]) {
      const of = (z: Complex): Complex => {
        const w = Array.from({ length: Math.abs(n) }, () => z).reduce(times, c(1, 0));
        return n < 0 ? over(c(1, 0), w) : w;
      };
      expectClose(complexOf(pow(p, n)), u.map(of), 32);
    }
  });
});

describe("comparisons", () => {
  const z = tensorOf([c(1, 2), c(1, NaN), c(0, 0), c(0, 1)]);
  it("are for equality of both parts", () => {
    expect(numbersOf(equal(z, z))).toEqual([1, 0, 1, 1]);
    expect(numbersOf(notEqual(z, c(1, 2)))).toEqual([0, 1, 1, 1]);
    expect(numbersOf(equal(z, 0))).toEqual([0, 0, 1, 0]);
    expect(numbersOf(isNaN(z))).toEqual([0, 1, 0, 0]);
    expect(numbersOf(isFinite(z))).toEqual([1, 0, 1, 1]);
    expect(numbersOf(logicalNot(z))).toEqual([0, 0, 1, 0]);
    expect([numbersOf(any(z)), numbersOf(all(z))]).toEqual([[1], [0]]);
  });

  it.each([
    ["greater", () => greater(z, 1)],
    ["maximum", () => maximum(z, 1)],
    ["max", () => max(z)],
    ["sort", () => sort(z)],
    ["erf", () => erf(z)],
  ])("%s has no meaning, and says so", (_, f) => {
    expect(f).toThrow(/not defined for complex numbers.*real\(z\), imag\(z\) or abs\(z\)/);
  });
});

it("a node is made where its operation was written", () => {
  expect(mul(tensorOf([c(1, 2)]), c(3, 4)).createdAt()).toContain("complex.test.ts");
});

it("is laid out as pairs, real part first, whatever view it comes from", () => {
  const t = transpose(tensorOf(some([2, 3]), [2, 3]));
  const data = valueOf(t).data;
  const source = some([2, 3]);
  positions([3, 2]).forEach(([i, j], k) =>
    expect(data[2 * k]).toBe(
      at(
        source.map((z) => z.re),
        [2, 3],
        [j!, i!],
      ),
    ),
  );
  const kinds: DType[] = ["complex64", "complex128"];
  expect(kinds.map((dtype) => valueOf(zeros([2], { dtype })).data.constructor)).toEqual([Float32Array, Float64Array]);
});
