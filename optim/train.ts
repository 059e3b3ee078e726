/**
 * Training as a graph: parameters and what the optimizer remembers are states of a clock, a step is a tick. Nothing comes back to JavaScript
 * between two steps; whatever the loss is built on (coefficients, points, weights, rates) may change at any time, and the next tick takes it.
 */
import { arrayOf, dtypeInfo, type DType } from "../core/dtype.ts";
import type { Data } from "../core/data.ts";
import { isStatic, showShape, sizeOf } from "../core/shape.ts";
import type { State } from "../core/source.ts";
import { Tensor } from "../core/tensor.ts";
import { flatten, type MapTree, type Tree } from "../core/tree.ts";
import { valueAndGrad } from "../ad/grad.ts";
import { add } from "../ops/arithmetic.ts";
import { showArgument } from "../ops/describe.ts";
import type { BaseEngine } from "../scheduler/base.ts";
import type { Clock } from "../scheduler/clock.ts";
import type { Optimizer, Register } from "./optimizer.ts";

/** Where training starts: numbers in nested arrays or typed arrays (one dimension), or with their shape. */
export type Initial = Data | { readonly data: Data; readonly shape: readonly number[] };

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

const isInitial = (x: unknown): boolean =>
  typeof x === "number" || ArrayBuffer.isView(x) || isNested(x) || (typeof x === "object" && x !== null && "data" in x && "shape" in x);
/** Arrays of numbers, however deep, are one parameter. */
const isNested = (x: unknown): boolean => Array.isArray(x) && x.length > 0 && x.every((item) => typeof item === "number" || isNested(item));

export type Parameters<T> = MapTree<T, Initial, State>;

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
): Training<Parameters<T>>;
export function train(
  engine: BaseEngine,
  loss: (params: any) => Tensor,
  initial: unknown,
  optimizer: Optimizer,
  { clock = engine.clock(), dtype = "float32" }: TrainOptions = {},
): Training<any> {
  const flat = flatten(initial as Tree<unknown>, isInitial);
  if (flat.leaves.length === 0) throw new Error("train: there are no parameters");
  const states = flat.leaves.map((x, i) => parameterState(engine, clock, x, flat.paths[i]!, dtype));
  const params = flat.rebuild(states);
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

function parameterState(engine: BaseEngine, clock: Clock, x: unknown, path: string, dtype: DType): State {
  const label = path || "parameter";
  if (x instanceof Tensor) throw new Error(`train: the parameter ${label} is ${x.describe()}; give its numbers, for it becomes a state`);
  if (!isInitial(x)) throw new Error(`train: the parameter ${label} must be numbers, got ${showArgument(x)}`);
  const { data, shape } =
    x !== null && typeof x === "object" && "data" in x
      ? (x as { data: Data; shape: readonly number[] })
      : { data: x as Data, shape: undefined };
  const own = data instanceof Float64Array ? "float64" : data instanceof Float32Array ? "float32" : dtype;
  return engine.state(data, { clock, dtype: own, label, ...(shape && { shape }) });
}

function registerState(engine: BaseEngine, clock: Clock, { name, shape, dtype, initial }: Register): State {
  if (!isStatic(shape)) throw new Error(`train: ${name} has shape ${showShape(shape)}; parameters need known sizes`);
  const data = new (arrayOf(dtypeInfo(dtype).storage))(sizeOf(shape) as number).fill(initial);
  return engine.state(data, { clock, shape, dtype, label: name });
}
