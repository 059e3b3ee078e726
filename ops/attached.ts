/**
 * Values with derivatives of their own, within ops: the value is computed by operations that the derivatives do not see, and the rule says
 * what the tangent is. (ad/composed.ts does this for rules of users, and more.)
 */
import { defineOverFields, type FieldFunction } from "./fields.ts";
import { batchItems } from "./linalg.ts";
import type { JvpCall, Maybe } from "./primitive.ts";

/**
 * A primitive of operands and, as the last input, the value. The rule gives the value's tangent. One item of each operand makes one of
 * the value: their first axes count items.
 */
export function attached<P extends object>(name: string, jvp: (call: JvpCall<P>) => Maybe): FieldFunction<P> {
  const primitive: FieldFunction<P> = defineOverFields<P>({
    name,
    type: (inputs) => [inputs.at(-1)!],
    jvp: (call) => [jvp(call)],
    batch: batchItems(() => primitive),
    lower: ({ inputs }, field) => ({ steps: [], outputs: inputs.slice(field === "real" ? -1 : -2) }),
  });
  return primitive;
}
