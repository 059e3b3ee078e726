/** The shape that elementwise functions of two float operands share: integers and bools become float32, terms of the tangent are added. */
import type { Tensor } from "../core/tensor.ts";
import type * as e from "../kernel/expr.ts";
import { addN } from "./addN.ts";
import { defineElementwise, floats } from "./elementwise.ts";
import { commonInexact, type Operand, unify } from "./operand.ts";
import type { Maybe, RuledPrimitive } from "./primitive.ts";
import type { Binary } from "./signatures.ts";

/** What is defined through this file, for table.ts. */
export const primitives: RuledPrimitive[] = [];

interface BinaryCall {
  readonly dx: Maybe;
  readonly dy: Maybe;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly z: Tensor;
}

/** A function z of x and y. `push` gives the terms of z's tangent, each linear in dx or dy. */
export function define(name: string, value: (x: e.Expr, y: e.Expr) => e.Expr, push: (call: BinaryCall) => readonly Maybe[]): Binary {
  const apply = defineElementwise({
    name,
    accepts: floats,
    value: ([x, y]) => [value(x!, y!)],
    jvp: ({ inputs: [x, y], tangents: [dx, dy], outputs: [z] }) => [addN(push({ dx, dy, x: x!, y: y!, z: z! }))],
  });
  primitives.push(apply.primitive);
  return (a: Operand, b: Operand) => apply(unify(name, [a, b], commonInexact(name, [a, b])), {});
}
