/** Rules for one example as rules for many: each is applied to an example, and what it gives is batched. */
import type { Dim } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import { batchAlong, reduceSum } from "../ops/broadcast.ts";
import type { Maybe, Rules } from "../ops/primitive.ts";
import { batchAll } from "./batch.ts";
import { placeholderLike } from "./trace.ts";

/** The derivative rules for `size` examples along axis 0 of those inputs that flags say, from rules for one. */
export function manyOf<P extends object>(rules: Rules<P>, flags: readonly boolean[], size: Dim): Rules<P> {
  const forward = (results: readonly Maybe[], images: readonly Maybe[]): Maybe[] =>
    results.map((t, i) => t && (images[i] ?? batchAlong(t, size)));
  // What is the same for all examples has the sum of their cotangents.
  const backward = (results: readonly Maybe[], images: readonly Maybe[]): Maybe[] =>
    forward(results, images).map((ct, i) => (ct && !flags[i] ? reduceSum([ct], { axes: [0] }) : ct));
  const { jvp, vjp, transpose, jet } = rules;
  return {
    ...(jvp && {
      jvp: (call) => {
        const one = new Examples();
        const [inputs, tangents, outputs] = [one.of(call.inputs, flags), one.of(call.tangents, flags), one.of(call.outputs)];
        return one.many(jvp({ ...call, inputs, tangents, outputs }), size, forward);
      },
    }),
    ...(vjp && {
      vjp: (call) => {
        const one = new Examples();
        const [inputs, outputs, cotangents] = [one.of(call.inputs, flags), one.of(call.outputs), one.of(call.cotangents)];
        return one.many(vjp({ ...call, inputs, outputs, cotangents }), size, backward);
      },
    }),
    ...(transpose && {
      transpose: (call) => {
        const one = new Examples();
        const [inputs, cotangents] = [one.of(call.inputs, flags), one.of(call.cotangents)];
        return one.many(transpose({ ...call, inputs, cotangents }), size, backward);
      },
    }),
    ...(jet && {
      jet: (call) => {
        const one = new Examples();
        const [inputs, outputs] = [one.of(call.inputs, flags), one.of(call.outputs)];
        const series = call.series.map((orders, i) =>
          one.of(
            orders,
            orders.map(() => flags[i]!),
          ),
        );
        return one.many(jet({ ...call, inputs, outputs, series, found: call.found.map((orders) => one.of(orders)) }), size, forward);
      },
    }),
  };
}

/** One example of each of many, and back. */
class Examples {
  readonly #leaves = new Map<Tensor, Tensor>();

  /** Tensors of one example in the places of those that hold all (all of them, where flags are left out). */
  of<T extends Maybe>(tensors: readonly T[], flags?: readonly boolean[]): T[] {
    return tensors.map((t, i) => {
      if (!t || flags?.[i] === false) return t;
      const example = placeholderLike(t, t.shape.slice(1));
      this.#leaves.set(example, t);
      return example as T;
    });
  }

  many(
    results: readonly Maybe[],
    size: Dim,
    spread: (results: readonly Maybe[], images: readonly Maybe[]) => readonly Maybe[],
  ): readonly Maybe[] {
    const present = results.filter((t) => t !== undefined);
    const images = batchAll(present, this.#leaves, size);
    return spread(
      results,
      results.map((t) => t && images[present.indexOf(t)]),
    );
  }
}
