/**
 * Bodies of loops and branches: closed graphs, parameters and what is computed from them. They live in the parameters of the node that
 * runs them, apart from all other nodes. What a function closes over becomes an operand of that node; parameters are bound variables,
 * equal for equal types and places, so that bodies that differ in names only are one body. A transform of a body works on an instance of it,
 * with stand-ins for the parameters, and closes the result again.
 */
import { constantPrimitive, isLeaf } from "../../core/leaves.ts";
import { dependents, substitute, topological } from "../../core/graph.ts";
import type { Primitive } from "../../core/primitive.ts";
import { type Shape, sameShape } from "../../core/shape.ts";
import { withSite } from "../../core/site.ts";
import { apply, type Tensor } from "../../core/tensor.ts";
import { broadcastInDim } from "../../ops/broadcast.ts";
import type { Maybe } from "../../ops/primitive.ts";
import { pairs, placeholderLike } from "../trace.ts";

interface BoundParams {
  readonly index: number;
  readonly shape: Shape;
  readonly dtype: Tensor["dtype"];
}

/** The parameter of a body at one place: a leaf, and the same node in every body that has one of its type there. */
export const boundPrimitive: Primitive<BoundParams> = { name: "parameter", type: (_, { shape, dtype }) => ({ shape, dtype }) };

/** A body that is closed over its parameters. */
export interface Body {
  readonly parameters: readonly Tensor[];
  readonly results: readonly Tensor[];
}

/** A body in the making, over stand-ins, with what it turned out to close over. */
export interface Closed extends Body {
  /** In the order of a walk from the results: the first parameters, as nodes outside of the body. */
  readonly closures: readonly Tensor[];
}

/** Literals, ranges and sizes, spread out or not, are written out in a body. */
const isWritten = (t: Tensor): boolean => {
  let at = t;
  while (at.primitive === broadcastInDim.primitive) at = at.inputs[0]!;
  if (at.inputs.length > 0 || isLeaf(at) || at.primitive === boundPrimitive) return false;
  return at.primitive !== constantPrimitive || typeof (at.params as { value: unknown }).value === "number";
};

/**
 * Closes results over stand-ins, which become the last parameters. Inside is what `isInside` says, or else what depends on a stand-in:
 * what does not is computed once, before the body.
 */
export function close(results: readonly Tensor[], stands: readonly Tensor[], isInside?: (t: Tensor) => boolean): Closed {
  let inside: Tensor[];
  if (isInside) inside = topological(results, (t) => t.inputs.length > 0 && isInside(t));
  else {
    const own = new Set(stands);
    inside = [...dependents(results, stands)].filter((t) => !own.has(t));
  }
  const known = new Set([...inside, ...stands]);
  const closures = new Set([...results, ...inside.flatMap((t) => t.inputs)].filter((t) => !known.has(t) && !isWritten(t)));
  const from = [...closures, ...stands];
  const parameters = from.map(({ shape, dtype }, index) => apply(boundPrimitive, { index, shape, dtype }, []));
  const image = pairs(from, parameters);
  const imageOf = (t: Tensor): Tensor => image.get(t) ?? t;
  for (const t of inside)
    image.set(
      t,
      withSite(t.site, () => apply(t.primitive, t.params, t.inputs.map(imageOf))),
    );
  return { parameters, results: results.map(imageOf), closures: [...closures] };
}

/** The results of a body for given arguments. */
export const instantiate = ({ parameters, results }: Body, args: readonly Tensor[]): Tensor[] =>
  substitute(results, pairs(parameters, args));

/** Fresh stand-ins for the parameters of a body. */
export const standsFor = (parameters: readonly Tensor[]): Tensor[] => parameters.map((t) => placeholderLike(t));

/** Throws unless operands have the types of the parameters that they are for. */
export function checkOperandTypes(op: string, operands: readonly Tensor[], parameters: readonly Tensor[]): void {
  operands.forEach((t, i) => {
    const p = parameters[i]!;
    if (!sameShape(t.shape, p.shape) || t.dtype !== p.dtype)
      throw new Error(`${op}: operand ${i}, ${t.describe()}, does not fit the body's ${p.describe()}`);
  });
}

/** The least set of indices that contains `first` and, with some, all that `step` adds to it. */
export function closure(first: Iterable<number>, step: (members: ReadonlySet<number>) => Iterable<number>): Set<number> {
  const members = new Set(first);
  for (let size = -1; size !== members.size; ) {
    size = members.size;
    for (const i of step(members)) members.add(i);
  }
  return members;
}

/** The positions of what is there. */
export const present = (list: readonly Maybe[]): number[] => list.flatMap((t, i) => (t ? [i] : []));
