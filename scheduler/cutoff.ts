/**
 * Cutoffs: where changes end. A node with one is compared, when it has been computed, with the value that it propagated last; what is above it is
 * computed again only when the difference counts. Where it does not, and is not nothing, the node takes its old value back, so that all who read it, now
 * and later, see the one value that the next difference is measured from.
 */
import type { TypedArray } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import { Value } from "../core/value.ts";
import { showShape } from "../core/shape.ts";
import { showArgument } from "../ops/describe.ts";

export interface Tolerance {
  /** A change of no element by more than absolute + relative |element| ends. Each is 0 when left out. */
  readonly absolute?: number;
  readonly relative?: number;
}

export interface AdjointWeighted {
  /** The adjoint of the node: the derivative of what matters by it, read from the engine. It counts until the cutoff is set again. */
  readonly adjoint: Value;
  /** What ends: a change with |adjoint x change| in sum below this, together with all that cutoffs of this kind hold back at the time. */
  readonly below: number;
}

export type Cutoff = "exact" | Tolerance | AdjointWeighted;

/** The same, checked, and as it travels to another thread. */
export type Rule = { readonly absolute: number; readonly relative: number } | { readonly adjoint: TypedArray; readonly below: number };

/** What a cutoff on t comes to. Throws when it cannot be one. */
export function ruleOf(t: Tensor, cutoff: Cutoff): Rule {
  if (cutoff === "exact") return { absolute: 0, relative: 0 };
  if (typeof cutoff !== "object" || cutoff === null)
    throw new Error(
      `cutoff: ${showArgument(cutoff)} is not a cutoff; use "exact", { absolute, relative } or { adjoint, below } with a value that was read`,
    );
  const keys = Object.keys(cutoff);
  const unknown = keys.find((k) => !["absolute", "relative", "adjoint", "below"].includes(k));
  const weighted = "adjoint" in cutoff;
  if (unknown !== undefined || keys.length === 0 || (weighted && keys.length > 2) || (!weighted && keys.includes("below")))
    throw new Error(`cutoff: takes { absolute, relative } or { adjoint, below }, got { ${keys.join(", ")} }`);
  const size = (name: "absolute" | "relative" | "below", v: unknown): number => {
    if (typeof v !== "number" || !(v >= 0)) throw new Error(`cutoff: ${name} is a number that is not negative, got ${showArgument(v)}`);
    return v;
  };
  if (!weighted) return { absolute: size("absolute", cutoff.absolute ?? 0), relative: size("relative", cutoff.relative ?? 0) };
  const { adjoint, below } = cutoff;
  if (!(adjoint instanceof Value))
    throw new Error(`cutoff: adjoint is a value, as from await engine.read(grad(loss, ...)), got ${showArgument(adjoint)}`);
  const fits = adjoint.shape.length === t.rank && adjoint.shape.every((d, i) => typeof t.shape[i] !== "number" || t.shape[i] === d);
  if (!fits) throw new Error(`cutoff: an adjoint of shape ${showShape(adjoint.shape)} does not fit ${t.describe()}; shapes must be equal`);
  return { adjoint: adjoint.data, below: size("below", below) };
}

/** Whether no element differs by more than a tolerance. What is no number differs. */
export function isWithin(now: TypedArray, old: TypedArray, absolute: number, relative: number): boolean {
  for (let i = 0; i < now.length; i++) {
    const o = old[i]!;
    if (!(Math.abs(now[i]! - o) <= absolute + relative * Math.abs(o))) return false;
  }
  return true;
}

/** |adjoint x change| in sum; NaN where sizes differ. */
export function weigh(now: TypedArray, old: TypedArray, adjoint: TypedArray): number {
  if (adjoint.length !== now.length) return NaN;
  let sum = 0;
  for (let i = 0; i < now.length; i++) sum += Math.abs(adjoint[i]! * (now[i]! - old[i]!));
  return sum;
}
