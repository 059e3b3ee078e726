/**
 * A preview of what a control changes, while it is dragged: y + y' d, by the tangent y' at the value that the control had before. A frame costs one
 * small kernel for each tensor that is looked at, and none of what it is made of; its error is of the order of d^2. When the control rests, or after a
 * while in any case, the control takes the value, and what is shown is exact again.
 */
import { type DType, isFloat } from "../core/dtype.ts";
import { Variable } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import { jvp } from "../ad/jvp.ts";
import { add, mul, sub } from "../ops/arithmetic.ts";
import { where } from "../ops/compare.ts";
import { convert } from "../ops/convert.ts";
import { showArgument } from "../ops/describe.ts";

export interface PreviewOptions {
  /** Milliseconds without a drag after which the control takes its value (default 150), and those after which it does so in any case (1,000). */
  readonly idle?: number;
  readonly deadline?: number;
}

/** What a preview needs of its engine. */
interface Host {
  variable(value: number | boolean, options: { readonly dtype: DType; readonly label: string }): Variable;
  transaction(run: () => void): void;
  /** Whether nothing can be written any more. */
  ended(): boolean;
}

export class Preview {
  readonly source: Variable;
  readonly #host: Host;
  /** Whether the control is being dragged, and to where. */
  readonly #dragging: Variable;
  readonly #target: Variable;
  #value = NaN;
  readonly #idle: number;
  readonly #deadline: number;
  /** The ends of a drag: when it has lasted too long, and when it rests. */
  #due: ReturnType<typeof setTimeout> | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host, source: Variable, { idle = 150, deadline = 1000 }: PreviewOptions = {}) {
    if (!(source instanceof Variable) || source.rank !== 0 || !isFloat(source.dtype))
      throw new Error(
        `preview: a control is a variable of one float number, got ${source instanceof Variable ? source.describe() : showArgument(source)}`,
      );
    for (const [name, ms] of Object.entries({ idle, deadline }))
      if (typeof ms !== "number" || !(ms >= 0)) throw new Error(`preview: ${name} is a number of milliseconds, got ${showArgument(ms)}`);
    this.source = source;
    this.#host = host;
    this.#idle = idle;
    this.#deadline = deadline;
    const name = source.label ?? "a control";
    this.#dragging = host.variable(false, { dtype: "bool", label: `${name} is dragged` });
    this.#target = host.variable(0, { dtype: source.dtype, label: `where ${name} is dragged to` });
  }

  /** What to observe in the place of t: t, and during a drag what its tangent makes of it. */
  of(t: Tensor): Tensor {
    const step = convert(sub(this.#target, this.source), t.dtype);
    return where(this.#dragging, add(t, mul(jvp(t, this.source, 1), step)), t);
  }

  /** Shows what a value of the control would do. */
  drag(value: number): void {
    if (!Number.isFinite(value)) throw new Error(`preview: a control is dragged to a finite number, got ${showArgument(value)}`);
    this.#value = value;
    this.#host.transaction(() => {
      this.#target.set(value);
      this.#dragging.set(true);
    });
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.settle(), this.#idle);
    this.#due ??= setTimeout(() => this.settle(), this.#deadline);
  }

  /** The control takes the value that it was dragged to, now. */
  settle(): void {
    if (this.#due === undefined) return;
    clearTimeout(this.#rest);
    clearTimeout(this.#due);
    this.#due = this.#rest = undefined;
    if (this.#host.ended()) return;
    this.#host.transaction(() => {
      this.source.set(this.#value);
      this.#dragging.set(false);
    });
  }
}
