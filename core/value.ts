/** Value: the numbers of a tensor at one epoch, owned by the reader. */
import type { Nested } from "./data.ts";
import type { DType, TypedArray } from "./dtype.ts";
import { showShape } from "./shape.ts";

export class Value {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The flush that produced these numbers. */
  readonly epoch: number;
  #data: TypedArray | undefined;
  #fetch: (() => TypedArray) | undefined;

  constructor(shape: readonly number[], dtype: DType, epoch: number, data: TypedArray | (() => TypedArray)) {
    this.shape = shape;
    this.dtype = dtype;
    this.epoch = epoch;
    if (typeof data === "function") this.#fetch = data;
    else this.#data = data;
  }

  /** The elements in row-major order (bool as 0 and 1), copied out of the engine on first access. */
  get data(): TypedArray {
    if (!this.#data) {
      this.#data = this.#fetch!();
      this.#fetch = undefined;
    }
    return this.#data;
  }

  /** @internal Shows other numbers of the same shape: what is lent is one object for all epochs. */
  show(epoch: number, data: TypedArray): void {
    (this as { epoch: number }).epoch = epoch;
    this.#data = data;
  }

  /** The only element. Throws when there is not exactly one. */
  item(): number {
    if (this.data.length !== 1)
      throw new Error(`item: a value of shape ${showShape(this.shape)} has ${this.data.length} elements; use data or toArray()`);
    return this.data[0]!;
  }

  /** Nested arrays of numbers (booleans for bool), as deep as the shape. */
  toArray(): Nested {
    const { data, shape, dtype } = this;
    let at = 0;
    const build = (axis: number): Nested => {
      if (axis < shape.length) return Array.from({ length: shape[axis]! }, () => build(axis + 1));
      const v = data[at++]!;
      return dtype === "bool" ? v !== 0 : v;
    };
    return build(0);
  }

  /** What JSON shows: the flat numbers beside their type. NaN and infinities become null there. */
  toJSON(): object {
    const { shape, dtype, epoch, data } = this;
    return { shape, dtype, epoch, data: [...data] };
  }

  toString(): string {
    return this.#text();
  }

  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.#text();
    throw new TypeError(`a Value is not a number: use item() for the number of a scalar, data or toArray() for all, got ${this.#text()}`);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.#text();
  }

  #text(): string {
    const shown = Array.from(this.data.subarray(0, 8), (v) => (this.dtype === "bool" ? String(v !== 0) : String(+v.toPrecision(6))));
    return `Value(${this.dtype}${showShape(this.shape)} [${shown.join(", ")}${this.data.length > 8 ? ", ..." : ""}] epoch ${this.epoch})`;
  }
}
