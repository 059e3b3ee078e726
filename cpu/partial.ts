/** One partial result of the tree of kernel/tree.ts, in a vector whose lanes are summed apart, and how it takes in elements. */
import type { Kind } from "./tree.ts";
import type { Lanes, Vectors } from "./vectors.ts";

export type Combination = "add" | "mul" | "max" | "min";

/**
 * The instructions of WebAssembly that get NaN and the sign of zero right in maxima and minima are many of the machine's, one waiting for the
 * other. pmax and pmin are one each, but forget NaNs, and of two zeros keep the first. So float extremes are taken with these, and NaNs are
 * remembered, and signs: where the maximum is zero nothing is greater, so that it is -0 if all signs are set; a minimum is -0 if any is.
 */
export class Partial {
  /** The result, once it is settled. */
  readonly lanes: Lanes;
  readonly #vectors: Vectors;
  readonly #op: Combination;
  readonly #kind: Kind;
  readonly #neglected: { readonly shape: "f32x4" | "f64x2"; readonly signs: Lanes; readonly nans: Lanes } | undefined;

  constructor(vectors: Vectors, op: Combination, kind: Kind) {
    this.#vectors = vectors;
    this.#op = op;
    this.#kind = kind;
    this.lanes = vectors.allocate(kind);
    if ((op === "max" || op === "min") && (kind === "f32" || kind === "f64"))
      this.#neglected = { shape: kind === "f32" ? "f32x4" : "f64x2", signs: vectors.allocate(kind), nans: vectors.allocate(kind) };
  }

  /** How many locals its state takes. */
  get locals(): number {
    return this.lanes.length * (this.#neglected ? 3 : 1);
  }

  begin(identity: Lanes): void {
    this.#vectors.move(this.lanes, identity);
    if (!this.#neglected) return;
    this.#vectors.move(this.#neglected.signs, identity);
    this.#vectors.fill("i32", this.#neglected.nans, 0);
  }

  add(value: Lanes): void {
    if (!this.#neglected) return this.#vectors.combine(this.#op, this.#kind, this.lanes, this.lanes, value);
    const { op, get, set } = this.#vectors.f;
    const { shape, signs, nans } = this.#neglected;
    const max = this.#op === "max";
    value.forEach((v, h) => {
      const [p, sign, nan] = [this.lanes[h]!, signs[h]!, nans[h]!];
      set(p, op(`${shape}.${max ? "pmax" : "pmin"}`, get(p), get(v)));
      set(sign, op(max ? "v128.and" : "v128.or", get(sign), get(v)));
      set(nan, op("v128.or", get(nan), op(`${shape}.ne`, get(v), get(v))));
    });
  }

  /** After the last element. */
  settle(): void {
    if (!this.#neglected) return;
    const { op, get, set, constant } = this.#vectors.f;
    const { shape, signs, nans } = this.#neglected;
    const kind = this.#kind as "f32" | "f64";
    this.lanes.forEach((p, h) => {
      const signedZero = op("v128.and", get(signs[h]!), constant(kind, -0));
      const extreme = op("v128.bitselect", signedZero, get(p), op(`${shape}.eq`, get(p), constant(kind, 0)));
      set(p, op("v128.or", extreme, get(nans[h]!)));
    });
  }
}
