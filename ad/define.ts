/** Primitives of a user's own: what they compute, by other operations or by a kernel, and the rules that transforms take. */
import type { Aval, Primitive } from "../core/primitive.ts";
import { sameShape, type Shape, showShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { showArgument } from "../ops/describe.ts";
import { definePrimitive as defineOwn, type PrimitiveFunction, type RuledPrimitive, type Rules } from "../ops/primitive.ts";
import { applyComposed, composedPrimitive } from "./composed.ts";

export interface PrimitiveDefinition<P extends object = object> extends Rules<P> {
  /** What messages and rule sets call it. */
  readonly name: string;
  /** The shape of the result (its dtype is that of the first input), or its type, or for several outputs a list of types. */
  readonly shape?: (inputs: readonly Tensor[], params: P) => Shape | Aval | readonly Aval[];
  /** The same, as types only. */
  readonly type?: Primitive<P>["type"];
  /** What a kernel's value depends on beyond its inputs: "random" where they are a key that it draws from. See `effectsOf`. */
  readonly effects?: Primitive<P>["effects"];
  /** What it computes, in other operations. What has no rule (jvp, transpose, vjp, batch, jet) is derived from this. Instead of `lower`. */
  readonly eval?: (inputs: readonly Tensor[], params: P) => Tensor | readonly Tensor[];
}

/**
 * A primitive, as a function of inputs and parameters. It needs `eval`, a composition of operations, or `shape` and `lower`, a
 * kernel. With `eval` all rules are optional, each overrides one transform, and what is evaluated fuses with its surroundings. With
 * `lower` a transform without a rule is an error. A primitive with a `transpose` and no `jvp` counts as linear.
 */
export function definePrimitive<P extends object = object>(definition: PrimitiveDefinition<P>): PrimitiveFunction<P> {
  const { name, shape, eval: compose, effects, ...rules } = definition;
  if (typeof name !== "string" || name === "") throw new Error(`definePrimitive: needs a name, got ${showArgument(name)}`);
  const type = definition.type ?? (shape && ((inputs: readonly Tensor[], params: P) => typesOf(name, shape(inputs, params), inputs)));
  if (!compose) {
    if (!type) throw new Error(`definePrimitive: ${name} needs shape, the shape of its result, or eval, a composition of operations`);
    return defineOwn<P>({ ...rules, name, type, ...(effects && { effects }) });
  }
  if (effects) throw new Error(`definePrimitive: ${name} has the effects of the operations in eval; effects are for kernels`);
  if (rules.lower) throw new Error(`definePrimitive: ${name} has both eval and lower; give one of them`);
  const primitive = composedPrimitive<P>(name, rules);
  const many = (inputs: readonly Tensor[], params: P): Tensor[] => {
    if (!Array.isArray(inputs))
      throw new Error(`${name}: its inputs must be a list of tensors, as in ${name}([x]), got ${showArgument(inputs)}`);
    return applyComposed(primitive, inputs, (operands) => {
      const result = compose(operands, params);
      const values = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
      if (type) checkTypes(name, values, [type(operands, params)].flat() as readonly Aval[]);
      return { values, own: params };
    });
  };
  return Object.assign((inputs: readonly Tensor[], params: P = {} as P) => many(inputs, params)[0]!, {
    many,
    primitive: primitive as unknown as RuledPrimitive<P>,
  });
}

function typesOf(name: string, given: Shape | Aval | readonly Aval[], inputs: readonly Tensor[]): Aval | readonly Aval[] {
  const list = [given].flat() as readonly unknown[];
  const isType = (x: unknown): boolean => typeof x === "object" && x !== null && "dtype" in x;
  if (list.length > 0 && list.every(isType)) return given as Aval | readonly Aval[];
  if (!inputs[0]) throw new Error(`${name}: shape must give a dtype too where there are no inputs: { shape, dtype }`);
  return { shape: given as Shape, dtype: inputs[0].dtype };
}

function checkTypes(name: string, values: readonly Tensor[], types: readonly Aval[]): void {
  const show = (list: readonly Aval[]): string => list.map((t) => `${t.dtype}${showShape(t.shape)}`).join(", ");
  if (values.length !== types.length || values.some((t, i) => !sameShape(t.shape, types[i]!.shape) || t.dtype !== types[i]!.dtype))
    throw new Error(`${name}: eval gave ${show(values)}, but shape says ${show(types)}`);
}
