/**
 * Values with derivatives of their own, within ops: the value is computed by operations that the derivatives do not see, and the rule says
 * what the tangent is. (ad/composed.ts does this for rules of users, and more.)
 */
import { batchItems } from "./linalg.ts";
import { definePrimitive, type JvpCall, type Maybe, type PrimitiveFunction } from "./primitive.ts";

/**
 * A primitive of operands and, as the last input, the value. The rule gives the value's tangent. One item of each operand makes one of
 * the value: their first axes count items.
 */
export function attached<P extends object>(name: string, jvp: (call: JvpCall<P>) => Maybe): PrimitiveFunction<P> {
  const primitive: PrimitiveFunction<P> = definePrimitive<P>({
    name,
    type: (inputs) => inputs.at(-1)!.outputs[0]!,
    jvp: (call) => [jvp(call)],
    batch: batchItems(() => primitive),
    lower: ({ inputs }) => ({ steps: [], outputs: [inputs.at(-1)!] }),
  });
  return primitive;
}
