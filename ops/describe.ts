/** What messages say of arguments that may be anything. */
import { Tensor } from "../core/tensor.ts";

/** An argument in a few words. Tensors refuse to become text, and objects have none worth reading. */
export function showArgument(x: unknown): string {
  if (x instanceof Tensor) return x.describe();
  if (Array.isArray(x)) return `[${x.map(showArgument).join(", ")}]`;
  if (typeof x === "object" && x !== null)
    return x.constructor === Object ? `{ ${Object.keys(x).join(", ")} }` : String(x.constructor?.name ?? "an object");
  return typeof x === "string" ? `"${x}"` : String(x);
}

/** Throws unless x is a tensor. */
export function checkTensor(op: string, x: unknown): asserts x is Tensor {
  if (!(x instanceof Tensor))
    throw new Error(
      `${op}: the operand must be a tensor, got ${showArgument(x)}${Array.isArray(x) || typeof x === "number" ? "; wrap it in tensor(...)" : ""}`,
    );
}
