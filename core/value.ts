/** Value: the numbers of a tensor at one epoch, owned by the reader. */
import type { Complex, Nested } from "./data.ts";
import { type DType, isComplex, type TypedArray } from "./dtype.ts";
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

  /** The elements in row-major order (bool as 0 and 1, complex numbers as pairs, real part first), copied out of the engine on first access. */
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

  /** The only element: a number, or of a complex value `item<Complex>()`, { re, im }. Throws when there is not exactly one. */
  item<T extends number | Complex = number>(): T;
  item(): number | Complex {
    const count = this.data.length / (isComplex(this.dtype) ? 2 : 1);
    if (count !== 1) throw new Error(`item: a value of shape ${showShape(this.shape)} has ${count} elements; use data or toArray()`);
    return isComplex(this.dtype) ? (this.#element(0) as Complex) : this.data[0]!;
  }

  #element(i: number): number | boolean | Complex {
    const { data, dtype } = this;
    if (isComplex(dtype)) return { re: data[2 * i]!, im: data[2 * i + 1]! };
    return dtype === "bool" ? data[i] !== 0 : data[i]!;
  }

  /** Nested arrays of numbers (booleans for bool, { re, im } for complex dtypes), as deep as the shape. */
  toArray(): Nested {
    const { shape } = this;
    let at = 0;
    const build = (axis: number): Nested =>
      axis < shape.length ? Array.from({ length: shape[axis]! }, () => build(axis + 1)) : this.#element(at++);
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
    const round = (v: number): string => String(+v.toPrecision(6));
    const count = this.data.length / (isComplex(this.dtype) ? 2 : 1);
    const shown = Array.from({ length: Math.min(count, 8) }, (_, i) => {
      const v = this.#element(i);
      return typeof v === "object"
        ? `${round(v.re)}${v.im < 0 || Object.is(v.im, -0) ? "-" : "+"}${round(Math.abs(v.im))}i`
        : typeof v === "number"
          ? round(v)
          : String(v);
    });
    return `Value(${this.dtype}${showShape(this.shape)} [${shown.join(", ")}${count > 8 ? ", ..." : ""}] epoch ${this.epoch})`;
  }
}
