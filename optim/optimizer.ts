/**
 * What an optimizer is: a rule that turns gradients into updates, as a graph. It keeps what it remembers in registers, which are handed in and
 * out, so that rules compose (`chain`), and run wherever nodes run: in the states of an engine (train.ts), inside a scan, under vmap.
 */
import { type DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";

/** Something that an optimizer remembers from step to step: its type, and the number that it holds everywhere before the first one. */
export interface Register {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly initial: number;
}

export interface OptimizerCall {
  /** What is to be turned into updates, one for each parameter: gradients, or what the rule before has made of them. */
  readonly updates: readonly Tensor[];
  readonly params: readonly Tensor[];
  /** One for each of the optimizer's `registers(params)`. */
  readonly registers: readonly Tensor[];
  /** How many steps were made before this one: a scalar, int32. */
  readonly count: Tensor;
}

export interface OptimizerResult {
  /** What is to be added to the parameters; of their shapes and dtypes. */
  readonly updates: readonly Tensor[];
  readonly registers: readonly Tensor[];
}

export interface Optimizer {
  readonly name: string;
  registers(params: readonly Tensor[]): readonly Register[];
  update(call: OptimizerCall): OptimizerResult;
}

/** One rule after the other: each turns what the one before has left. */
export function chain(...parts: readonly Optimizer[]): Optimizer {
  if (parts.length === 0) throw new Error("chain: needs at least one optimizer");
  return {
    name: parts.map((p) => p.name).join(" > "),
    registers: (params) => parts.flatMap((p) => p.registers(params)),
    update: ({ updates, params, registers, count }) => {
      let at = 0;
      const kept: Tensor[] = [];
      for (const part of parts) {
        const own = registers.slice(at, (at += part.registers(params).length));
        const result = part.update({ updates, params, registers: own, count });
        updates = result.updates;
        kept.push(...result.registers);
      }
      return { updates, registers: kept };
    },
  };
}

/** A rule that remembers nothing. */
export const stateless = (name: string, update: (call: OptimizerCall) => readonly Tensor[]): Optimizer => ({
  name,
  registers: () => [],
  update: (call) => ({ updates: update(call), registers: [] }),
});

/** Registers like the parameters: one each, under one name. */
export const likeParams = (name: string, params: readonly Tensor[], initial = 0): Register[] =>
  params.map((p, i) => ({ name: `${name} of ${p.label ?? `parameter ${i}`}`, shape: p.shape, dtype: p.dtype, initial }));
