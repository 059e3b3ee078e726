/**
 * Sources: leaves whose value is set from outside (`Variable`) or advanced by a clock (`State`). They are Tensors, belong to
 * one engine, and only enqueue: the engine decides when a write takes effect.
 */
import { checkShape, type Data } from "./data.ts";
import { dimNames, SymbolicDim } from "./dim.ts";
import type { DType } from "./dtype.ts";
import type { Aval, Primitive } from "./primitive.ts";
import { sameShape, type Shape, showShape } from "./shape.ts";
import { type Owner, Tensor } from "./tensor.ts";

/** What a source asks of its engine. */
export interface SourceOwner extends Owner {
  /** Enqueues a write. Checks shape and dtype at once, and throws in the caller's frame. */
  write(source: Source, data: Data): void;
  /** Reports a problem that has no caller to throw to. */
  report(source: Source, error: unknown): void;
  release(source: Source): void;
}

const variablePrimitive: Primitive<Aval> = { name: "variable", type: (_, aval) => aval, unique: true };
const statePrimitive: Primitive<Aval> = { name: "state", type: (_, aval) => aval, unique: true, effects: ["state"] };

export abstract class Source<out S extends readonly unknown[] = any> extends Tensor<S> {
  declare readonly owner: SourceOwner;
  /** @internal What the owner has on record of it. */
  account: object | undefined;

  constructor(primitive: Primitive, owner: SourceOwner, shape: Shape, dtype: DType, label: string | undefined) {
    checkShape(primitive.name, shape);
    for (const d of shape)
      if (d instanceof SymbolicDim && dimNames(d)[0] !== d.text)
        throw new Error(
          `${primitive.name}: ${d} is an expression, in shape ${showShape(shape)}; a source has sizes and names, as dim("n")`,
        );
    const aval = { shape, dtype };
    super(primitive, aval, [], [aval], owner);
    this.label = label;
  }

  /** Writes a value of the declared shape: copied now, in effect from the next flush on. The same bits are no change. */
  set(data: Data): void {
    this.owner.write(this, data);
  }

  [Symbol.dispose](): void {
    this.owner.release(this);
  }
}

/** A leaf set from outside. It is also an RxJS observer of its values. */
export class Variable<out S extends readonly unknown[] = any> extends Source<S> {
  constructor(owner: SourceOwner, shape: Shape, dtype: DType, label?: string) {
    super(variablePrimitive, owner, shape, dtype, label);
  }

  /**
   * The next value of a stream: as `set`, but data that do not fit are reported to `engine.failures`, for a stream has no caller to throw
   * to. A property, so that it may be handed over unbound.
   */
  readonly next = (data: Data): void => {
    try {
      this.set(data);
    } catch (error) {
      this.owner.report(this, error);
    }
  };
  /** A stream that fails is reported to `engine.failures`; the variable keeps its value. */
  readonly error = (error: unknown): void => this.owner.report(this, error);
  /** A stream that ends leaves the last value in place. */
  readonly complete = (): void => {};
}

/** A register of a clock: at each tick it takes the value that its `next` had before the tick. */
export class State<out S extends readonly unknown[] = any> extends Source<S> {
  readonly clock: object;
  #next: Tensor | undefined;

  constructor(owner: SourceOwner, clock: object, shape: Shape, dtype: DType, label?: string) {
    super(statePrimitive, owner, shape, dtype, label);
    this.clock = clock;
  }

  get next(): Tensor | undefined {
    return this.#next;
  }

  set next(expression: Tensor | undefined) {
    const name = this.describe();
    if (!(expression instanceof Tensor)) throw new Error(`${name}: next must be a tensor, got ${String(expression)}`);
    if (this.#next)
      throw new Error(
        `${name}: next is already ${this.#next.describe()}; a state has one next. Choose between steps inside the expression, with where`,
      );
    if (!sameShape(expression.shape, this.shape) || expression.dtype !== this.dtype)
      throw new Error(
        `${name}: next is ${expression.dtype}${showShape(expression.shape)}; it must be ${this.dtype}${showShape(this.shape)}`,
      );
    if (expression.owner && expression.owner !== this.owner)
      throw new Error(`${name}: next ${expression.describe()} belongs to another engine`);
    this.#next = expression;
  }
}

export const isSource = (t: Tensor): t is Source => t instanceof Source;
