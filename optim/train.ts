/**
 * Training as a graph: parameters and what the optimizer remembers are states of a clock, a step is a tick. Nothing comes back to JavaScript
 * between two steps; whatever the loss is built on (coefficients, points, weights, rates) may change at any time, and the next tick takes it.
 */
import { arrayOf, dtypeInfo, type DType } from "../core/dtype.ts";
import { isStatic, showShape, sizeOf } from "../core/shape.ts";
import type { State } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import { flatten, type Tree } from "../core/tree.ts";
import { valueAndGrad } from "../ad/grad.ts";
import { add } from "../ops/arithmetic.ts";
import type { BaseEngine } from "../scheduler/base.ts";
import type { Clock } from "../scheduler/clock.ts";
import type { Optimizer, Register } from "./optimizer.ts";
import { initialTree, type Parameters, type ParameterStates } from "./parameters.ts";

export interface TrainOptions {
  /** The clock that steps (default: one of its own). */
  readonly clock?: Clock;
  /** Of parameters that are given as plain numbers (default float32). */
  readonly dtype?: DType;
}

export interface Training<P> {
  /** The parameters, as states of the clock. */
  readonly params: P;
  /** The loss at the parameters of now. */
  readonly loss: Tensor<[]>;
  readonly gradients: P;
  /** How many steps were made: int32. */
  readonly count: State<[]>;
  readonly clock: Clock;
  /** Everything that advances: parameters, count, what the optimizer remembers. */
  readonly states: readonly State[];
}

/**
 * States for the parameters of a loss, which an optimizer moves downhill whenever the clock ticks. `loss` is a function of the tree of parameters,
 * and may close over anything else.
 */
export function train<const T>(
  engine: BaseEngine,
  loss: (params: Parameters<T>) => Tensor,
  initial: T,
  optimizer: Optimizer,
  options?: TrainOptions,
): Training<ParameterStates<T>>;
export function train(
  engine: BaseEngine,
  loss: (params: any) => Tensor,
  initial: unknown,
  optimizer: Optimizer,
  { clock = engine.clock(), dtype = "float32" }: TrainOptions = {},
): Training<any> {
  const tree = initialTree("train", initial, dtype);
  const states = tree.leaves.map((leaf) => engine.state(leaf.data, { clock, dtype: leaf.dtype, shape: leaf.shape, label: leaf.path }));
  const params = tree.rebuild(states);
  const [value, gradients] = valueAndGrad(loss)(params) as [Tensor, unknown];
  const downhill = flatten(gradients as Tree<Tensor>).leaves;
  const count = engine.state(0, { clock, dtype: "int32", label: "steps" });
  const registers = optimizer.registers(states).map((r) => registerState(engine, clock, r));
  const result = optimizer.update({ updates: downhill, params: states, registers, count });
  states.forEach((p, i) => (p.next = add(p, result.updates[i]!)));
  registers.forEach((r, i) => (r.next = result.registers[i]!));
  count.next = add(count, 1);
  return { params, loss: value, gradients, count, clock, states: [...states, count, ...registers] };
}

function registerState(engine: BaseEngine, clock: Clock, { name, shape, dtype, initial }: Register): State {
  if (!isStatic(shape)) throw new Error(`train: ${name} has shape ${showShape(shape)}; parameters need known sizes`);
  const data = new (arrayOf(dtypeInfo(dtype).storage))(sizeOf(shape) as number).fill(initial);
  return engine.state(data, { clock, shape, dtype, label: name });
}
