/** Dimensions are polynomials: their arithmetic agrees with evaluation at every size, and equal ones are one object. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDims, type Dim, dim, dimNames, divideDims, evaluateDim, mulDims, sameDim, subDims } from "../../core/dim.ts";

const names = ["n", "m", "batch"] as const;
const sizesOf = (values: readonly number[]): Map<string, number> => new Map(names.map((name, i) => [name, values[i]!]));
const sizes = fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)).map(sizesOf);

/** An expression with the function it stands for. */
interface Term {
  readonly d: Dim;
  at(s: ReadonlyMap<string, number>): number;
}
const { term } = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 3, depthIdentifier: "term" },
    fc.integer({ min: -4, max: 4 }).map((n): Term => ({ d: n, at: () => n })),
    fc.constantFrom(...names).map((name): Term => ({ d: dim(name), at: (s) => s.get(name)! })),
    fc.tuple(tie("term"), tie("term")).map(([a, b]): Term => ({ d: addDims(a.d, b.d), at: (s) => a.at(s) + b.at(s) })),
    fc.tuple(tie("term"), tie("term")).map(([a, b]): Term => ({ d: subDims(a.d, b.d), at: (s) => a.at(s) - b.at(s) })),
    fc.tuple(tie("term"), tie("term")).map(([a, b]): Term => ({ d: mulDims(a.d, b.d), at: (s) => a.at(s) * b.at(s) })),
  ),
}));

/** Sizes so far apart that two small polynomials that agree there are equal: base 10^4 digits, as integers would be. */
const separating = sizesOf([1e4 + 7, 1e8 + 11, 1e12 + 3]);
const exactly = (t: Dim): bigint => {
  if (typeof t === "number") return BigInt(t);
  let total = 0n;
  for (const [m, c] of t.terms) total += BigInt(c) * (m ? m.split("*") : []).reduce((p, name) => p * BigInt(separating.get(name)!), 1n);
  return total;
};

describe("dimensions", () => {
  it("evaluate as the expressions they were built from", () => {
    fc.assert(
      fc.property(term, sizes, ({ d, at }, s) => {
        expect(evaluateDim(d, s) + 0).toBe(at(s) + 0);
      }),
    );
  });

  it("are the same object exactly when they are the same polynomial", () => {
    const [n, m] = [dim("n"), dim("m")];
    expect(mulDims(addDims(n, m), subDims(n, m))).toBe(subDims(mulDims(n, n), mulDims(m, m)));
    expect(subDims(addDims(n, 3), n)).toBe(3);
    expect(sameDim(dim("n"), n)).toBe(true);
    fc.assert(
      fc.property(term, term, (a, b) => {
        expect(sameDim(a.d, b.d)).toBe(exactly(a.d) === exactly(b.d));
        expect(addDims(a.d, b.d)).toBe(addDims(b.d, a.d));
        expect(mulDims(a.d, b.d)).toBe(mulDims(b.d, a.d));
        expect(subDims(addDims(a.d, b.d), b.d)).toBe(a.d);
      }),
    );
  });

  it("divide exactly or not at all", () => {
    const monomial = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.subarray([...names]))
      .map(([c, parts]) => parts.reduce<Dim>((p, name) => mulDims(p, dim(name)), c));
    fc.assert(
      fc.property(term, monomial, ({ d }, m) => {
        const product = mulDims(d, m);
        if (product !== 0) expect(divideDims(product, m)).toBe(d);
        const quotient = divideDims(d, m);
        if (quotient !== undefined) expect(mulDims(quotient, m)).toBe(d);
      }),
    );
    expect(divideDims(7, 2)).toBeUndefined();
    expect(divideDims(addDims(mulDims(2, dim("n")), 1), 2)).toBeUndefined();
    expect(divideDims(addDims(dim("n"), 1), addDims(dim("n"), 1))).toBe(1);
  });

  it("print as sums of monomials, know their names, and miss sizes by name", () => {
    const [n, m] = [dim("n"), dim("m")];
    const d = addDims(subDims(mulDims(2, mulDims(n, m)), n), 3);
    expect(String(d)).toBe("2*m*n-n+3");
    expect(dimNames(d).sort()).toEqual(["m", "n"]);
    expect(() => evaluateDim(d, new Map([["n", 2]]))).toThrow(/"m"/);
    expect(() => dim("2n")).toThrow(/2n/);
  });
});
