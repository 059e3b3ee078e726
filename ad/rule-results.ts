/**
 * What rules give, checked where a transform takes it: a result of another type would be broadcast into a wrong derivative without a word.
 */
import type { Dim } from "../core/dim.ts";
import type { Aval } from "../core/primitive.ts";
import { sameShape, showShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Maybe } from "../ops/primitive.ts";

const isOf = (t: Tensor, type: Aval): boolean => sameShape(t.shape, type.shape) && t.dtype === type.dtype;
const show = (list: readonly Aval[]): string => list.map(({ shape, dtype }) => `${dtype}${showShape(shape)}`).join(", ");

/** Throws unless there is a tangent (or of `jet` a coefficient), or undefined, of the type of each output; a list may end early. */
export function checkTangents(t: Tensor, kind: "jvp" | "jet", given: readonly Maybe[]): void {
  const what = kind === "jvp" ? "tangent" : "coefficient";
  const { name } = t.primitive;
  if (given.length > t.outputs.length)
    throw new Error(
      `${name}: its ${kind} rule gave ${given.length} ${what}s for ${t.outputs.length} outputs; give one for each, undefined for zero`,
    );
  given.forEach((d, i) => {
    const y = t.outputs[i]!;
    if (d && !isOf(d, y))
      throw new Error(
        `${name}: its ${kind} rule gave the ${what} ${d.describe()} for output ${i}, ${show([y])}; shape and dtype must be equal`,
      );
  });
}

/** Throws unless there is a cotangent, or undefined, of its type for each input. */
export function checkCotangents(name: string, kind: "vjp" | "transpose", given: readonly Maybe[], inputs: readonly Tensor[]): void {
  if (given.length !== inputs.length)
    throw new Error(
      `${name}: its ${kind} rule gave ${given.length} cotangents for ${inputs.length} inputs; give one for each, undefined for zero`,
    );
  given.forEach((ct, i) => {
    const x = inputs[i]!;
    if (ct && !isOf(ct, x))
      throw new Error(
        `${name}: its ${kind} rule gave the cotangent ${ct.describe()} for input ${i}, ${x.describe()}; shape and dtype must be equal`,
      );
  });
}

/** Throws unless a rule gave the outputs of all examples. */
export function checkImages(t: Tensor, made: readonly Tensor[], size: Dim): void {
  const wanted = t.outputs.map(({ shape, dtype }) => ({ shape: [size, ...shape], dtype }));
  if (made.length === wanted.length && made.every((y, i) => isOf(y, wanted[i]!))) return;
  throw new Error(
    `${t.primitive.name}: its batch rule gave ${show(made)}; for ${size} examples, along axis 0, it must give ${show(wanted)}`,
  );
}
