/** Constants that some simplification knows become part of the expressions. (Others stay arguments, so that kernels serve them all.) */
import * as e from "../expr.ts";
import { body, type Loop, type Slot } from "../kernel.ts";
import { rewrite } from "./rewrite.ts";

/** The number that a slot holds for ever, where it holds one. */
export type Literal = (slot: Slot) => number | undefined;

const known = [1, -1, 0, -0];

/** An elementwise loop with the constants among its reads written out. Reads of them may remain, unused. */
export function withLiterals(source: Loop, literal: Literal): Loop {
  const values = source.reads.map(({ slot }) => literal(slot));
  if (!values.some((v) => known.some((k) => Object.is(k, v)))) return source;
  const replaced = rewrite(source.body.values, (x, [mask]) => {
    const value = x.op === "read" ? values[x.value] : undefined;
    if (!known.some((k) => Object.is(k, value))) return undefined;
    const constant = e.constant(x.type, value!);
    return mask ? e.select(mask, constant, e.constant(x.type, 0)) : constant;
  });
  return { ...source, body: body(source.body.reads, replaced) };
}
