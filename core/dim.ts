/**
 * Dimensions: a size known now, or a polynomial in named sizes that are known when a value is computed.
 *
 * `dim("n")` names a size. Sums, products, integer multiples and exact quotients of dimensions are dimensions;
 * nothing more, because these are what shapes of broadcasts, reshapes, slices and concatenations need. Symbolic
 * dimensions are interned, so that equality is identity.
 */

/** A size, or an expression over named sizes. */
export type Dim = number | SymbolicDim;

/** The sizes of the named dimensions at one epoch. */
export type DimSizes = ReadonlyMap<string, number>;

/** A polynomial with integer coefficients: monomial ("" for the constant, else sorted names joined by "*") to coefficient. */
export class SymbolicDim<N extends string = string> {
  /** Carries the name into shape types (`Tensor<["n", 2]>`); never present at run time. */
  declare readonly dimName: N;
  readonly text: string;
  readonly terms: ReadonlyMap<string, number>;

  constructor(text: string, terms: ReadonlyMap<string, number>) {
    this.text = text;
    this.terms = terms;
  }

  toString(): string {
    return this.text;
  }
}

const interned = new Map<string, SymbolicDim>();

/** Largest monomial first, so that equal polynomials print, and therefore intern, alike. */
function fromTerms(terms: Map<string, number>): Dim {
  const kept = [...terms].filter(([, c]) => c !== 0).sort(([a], [b]) => (a === b ? 0 : a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
  if (kept.length === 0) return 0;
  if (kept.length === 1 && kept[0]![0] === "") return kept[0]![1];
  const text = kept
    .map(([m, c], i) => {
      const body = m === "" ? `${Math.abs(c)}` : Math.abs(c) === 1 ? m : `${Math.abs(c)}*${m}`;
      return i === 0 ? (c < 0 ? `-${body}` : body) : c < 0 ? `-${body}` : `+${body}`;
    })
    .join("");
  let found = interned.get(text);
  if (!found) interned.set(text, (found = new SymbolicDim(text, new Map(kept))));
  return found;
}

const termsOf = (d: Dim): ReadonlyMap<string, number> => (typeof d === "number" ? new Map([["", d]]) : d.terms);

/** A named dimension. One name has one size in any computation, whatever tensors carry it. */
export function dim<const N extends string>(name: N): SymbolicDim<N> {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`dim: "${name}" is not a name; use letters, digits and _`);
  return fromTerms(new Map([[name, 1]])) as SymbolicDim<N>;
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const terms = new Map(termsOf(a));
  for (const [m, c] of termsOf(b)) terms.set(m, (terms.get(m) ?? 0) + c);
  return fromTerms(terms);
}

export function mulDims(a: Dim, b: Dim): Dim {
  // + 0: a size of -0 would print, and so intern, apart from 0.
  if (typeof a === "number" && typeof b === "number") return a * b + 0;
  if (a === 1) return b;
  if (b === 1) return a;
  const terms = new Map<string, number>();
  for (const [ma, ca] of termsOf(a))
    for (const [mb, cb] of termsOf(b)) {
      const m = [...(ma ? ma.split("*") : []), ...(mb ? mb.split("*") : [])].sort().join("*");
      terms.set(m, (terms.get(m) ?? 0) + ca * cb);
    }
  return fromTerms(terms);
}

export const subDims = (a: Dim, b: Dim): Dim => addDims(a, mulDims(-1, b));

/** a / b where the quotient is a dimension and exact: b a number or a single monomial. Otherwise undefined. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return 1;
  if (typeof a === "number" && typeof b === "number") return b !== 0 && a % b === 0 ? a / b : undefined;
  const divisor = [...termsOf(b)];
  if (divisor.length !== 1) return undefined;
  const [mb, cb] = divisor[0]!;
  const terms = new Map<string, number>();
  for (const [ma, ca] of termsOf(a)) {
    if (cb === 0 || ca % cb !== 0) return undefined;
    const names = ma ? ma.split("*") : [];
    for (const name of mb ? mb.split("*") : []) {
      const at = names.indexOf(name);
      if (at < 0) return undefined;
      names.splice(at, 1);
    }
    terms.set(names.join("*"), ca / cb);
  }
  return fromTerms(terms);
}

/** Two dimensions are the same when they are the same for every size of their names. */
export const sameDim = (a: Dim, b: Dim): boolean => a === b;

/** The size of d, given the sizes of the names. Throws when a name has no size. */
export function evaluateDim(d: Dim, sizes: DimSizes): number {
  if (typeof d === "number") return d;
  let total = 0;
  for (const [m, c] of d.terms) {
    let product = c;
    if (m !== "")
      for (const name of m.split("*")) {
        const size = sizes.get(name);
        if (size === undefined) throw new Error(`the size of dimension "${name}" is not known: no source of this engine carries it`);
        product *= size;
      }
    total += product;
  }
  return total;
}

/** The names that d is made of. */
export function dimNames(d: Dim): string[] {
  return typeof d === "number" ? [] : [...new Set([...d.terms.keys()].flatMap((m) => (m ? m.split("*") : [])))];
}
