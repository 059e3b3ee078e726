/**
 * n-ary addition: where adjoints meet. Terms are summed by the fixed tree over their positions (kernel/tree.ts). Few of them are one node; of many,
 * each branch of the tree is a node of its own, so that a change of one term computes no more than the way up from it:
 *
 *     t0 + t4 + t8 + t12  ->  + t16 + t20 + t24 + t28  ->  ...    "add in turn": one of the four partial sums of a block
 *                                                      \
 *                                     (p0 + p1) + (p2 + p3)       "add": a block, and above blocks their pairs
 */
import { complexOf, partsOf } from "../core/complex.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { sameShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { body } from "../kernel/kernel.ts";
import { loop, outputView } from "../kernel/lowering.ts";
import { BLOCK, PARTIALS } from "../kernel/tree.ts";
import { batchAlong } from "./broadcast.ts";
import { definePrimitive, type Maybe, type PrimitiveFunction } from "./primitive.ts";

/** Up to this many terms are added in one node. */
const DIRECT = 16;
/** So many terms of a partial sum are one node. */
const IN_TURN = 4;

/** A primitive that adds its operands in an order. */
const adding = (
  name: string,
  inOrder: (terms: readonly e.Expr[]) => e.Expr,
  again: (terms: readonly Maybe[]) => Maybe,
): PrimitiveFunction<object> =>
  definePrimitive<object>({
    name,
    type: (inputs) => {
      const first = inputs[0]!;
      if (first.dtype === "bool") throw new Error(`add: needs operands of one numeric dtype, got ${first.describe()}`);
      for (const t of inputs)
        if (!sameShape(t.shape, first.shape) || t.dtype !== first.dtype)
          throw new Error(`add: needs operands of one type, got ${first.describe()} and ${t.describe()}`);
      return { shape: first.shape, dtype: first.dtype };
    },
    complex: ({ inputs }) => {
      const parts = inputs.map(partsOf);
      return [complexOf({ re: again(parts.map((p) => p.re))!, im: again(parts.map((p) => p.im))! })];
    },
    jvp: ({ tangents }) => [again(tangents)],
    transpose: ({ cotangents, linear }) => linear.map((l) => (l ? cotangents[0] : undefined)),
    batch: ({ inputs, batched, size }) => [again(inputs.map((t, i) => (batched[i] ? t : batchAlong(t, size))))!],
    lower: ({ inputs, outputTypes: [type] }) => {
      const output = outputView(type!);
      const { storage } = dtypeInfo(type!.dtype);
      const storages = inputs.map(() => storage);
      const value = inOrder(storages.map((s, i) => e.read(i, s)));
      return { steps: [loop({ shape: type!.shape, body: body(storages, [value]), reads: inputs, writes: [output] })], outputs: [output] };
    },
  });

const addPrimitive: PrimitiveFunction<object> = adding(
  "add",
  (terms) => sumByTree(terms),
  (terms) => addN(terms),
);
const inTurnPrimitive: PrimitiveFunction<object> = adding(
  "add in turn",
  (terms) => terms.reduce((a, b) => e.add(a, b)),
  (terms) => inTurn(terms.filter((t) => t !== undefined)),
);

/** Whether a node adds up what may change one by one: where one of its terms has changed alone, others will. */
export const addsMany = ({ primitive, inputs }: Tensor): boolean =>
  primitive === inTurnPrimitive.primitive ||
  (primitive === addPrimitive.primitive && (inputs.length > PARTIALS || inputs.some((x) => x.primitive === inTurnPrimitive.primitive)));

const inTurn = (terms: readonly Tensor[]): Maybe => (terms.length <= 1 ? terms[0] : inTurnPrimitive(terms, {}));

/** The fixed tree over fewer values than a block; an absent partial sum adds nothing. */
export function sumByTree(terms: readonly e.Expr[]): e.Expr {
  const partial: e.Expr[] = [];
  terms.forEach((x, i) => {
    const p = i % PARTIALS;
    partial[p] = partial[p] ? e.add(partial[p]!, x) : x;
  });
  const [p0, p1, p2, p3] = partial;
  const low = p1 ? e.add(p0!, p1) : p0!;
  return p2 ? e.add(low, p3 ? e.add(p2, p3) : p2) : low;
}

/** The sum of those terms that are there, by the fixed tree over their positions. None at all is a structural zero. */
export function addN(terms: readonly Tensor[]): Tensor;
export function addN(terms: readonly Maybe[]): Maybe;
export function addN(terms: readonly Maybe[]): Maybe {
  const present = terms.filter((t) => t !== undefined);
  if (present.length <= 1) return present[0];
  if (present.length <= DIRECT) return addPrimitive(present, {});
  let level: Tensor[] = [];
  for (let start = 0; start < present.length; start += BLOCK) level.push(sumOfBlock(present.slice(start, start + BLOCK)));
  while (level.length > 1) {
    const above: Tensor[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(i + 1 < level.length ? addPrimitive(level.slice(i, i + 2), {}) : level[i]!);
    level = above;
  }
  return level[0];
}

/** The terms of a block: its partial sums, each in so many nodes as it takes, added up. */
function sumOfBlock(terms: readonly Tensor[]): Tensor {
  if (terms.length <= DIRECT) return addN(terms);
  const partials = Array.from({ length: PARTIALS }, (_, p) => {
    const own = terms.filter((_, i) => i % PARTIALS === p);
    let partial = inTurn(own.slice(0, IN_TURN))!;
    for (let i = IN_TURN; i < own.length; i += IN_TURN) partial = inTurn([partial, ...own.slice(i, i + IN_TURN)])!;
    return partial;
  });
  return addPrimitive(partials, {});
}

/** What this file defines, for table.ts. */
export const primitives = [addPrimitive.primitive, inTurnPrimitive.primitive];
