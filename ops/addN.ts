/** n-ary addition: where adjoints meet. One node however many terms, summed by the fixed tree over their positions. */
import { complexOf, partsOf } from "../core/complex.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { sameShape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { body } from "../kernel/kernel.ts";
import { copyStep, loop, outputView } from "../kernel/lowering.ts";
import { PARTIALS } from "../kernel/tree.ts";
import { contiguous, sliceView } from "../kernel/view.ts";
import { batchAlong } from "./broadcast.ts";
import { definePrimitive, type Maybe, type PrimitiveFunction } from "./primitive.ts";

/** Up to this many operands are added in one kernel; more are gathered in memory and folded, by the same tree. */
const DIRECT = 16;

const addNPrimitive: PrimitiveFunction<object> = definePrimitive<object>({
  name: "add",
  complex: ({ inputs }) => {
    const parts = inputs.map(partsOf);
    return [complexOf({ re: addN(parts.map((p) => p.re)), im: addN(parts.map((p) => p.im)) })];
  },
  type: (inputs) => {
    const first = inputs[0]!;
    if (first.dtype === "bool") throw new Error(`add: needs operands of one numeric dtype, got ${first.describe()}`);
    for (const t of inputs)
      if (!sameShape(t.shape, first.shape) || t.dtype !== first.dtype)
        throw new Error(`add: needs operands of one type, got ${first.describe()} and ${t.describe()}`);
    return { shape: first.shape, dtype: first.dtype };
  },
  jvp: ({ tangents }) => [addN(tangents)],
  transpose: ({ cotangents, linear }) => linear.map((l) => (l ? cotangents[0] : undefined)),
  batch: ({ inputs, batched, size }) => [addN(inputs.map((t, i) => (batched[i] ? t : batchAlong(t, size))))],
  lower: ({ inputs, outputTypes: [type] }) => {
    const output = outputView(type!);
    const { storage } = dtypeInfo(type!.dtype);
    if (inputs.length <= DIRECT) {
      const values = [sumByTree(inputs.map((_, i) => e.read(i, storage)))];
      return {
        steps: [
          loop({
            shape: type!.shape,
            body: body(
              inputs.map(() => storage),
              values,
            ),
            reads: inputs,
            writes: [output],
          }),
        ],
        outputs: [output],
      };
    }
    const stacked = contiguous(storage, [...type!.shape, inputs.length]);
    const ones = stacked.shape.map(() => 1);
    const copies = inputs.map((x, i) => {
      const place = sliceView(stacked, [...type!.shape.map(() => 0), i], [...type!.shape, 1], ones);
      return copyStep(x, { ...place, shape: type!.shape, strides: place.strides.slice(0, -1) });
    });
    const sum = loop({
      shape: stacked.shape,
      body: body([storage], [e.read(0, storage)]),
      reads: [stacked],
      writes: [output],
      fold: "sum",
    });
    return { steps: [...copies, sum], outputs: [output] };
  },
});

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
  return present.length <= 1 ? present[0] : addNPrimitive(present, {});
}

/** What this file defines, for table.ts. */
export const primitives = [addNPrimitive.primitive];
