/** Loops for users: `scan`, `fold`, `fori` and `whileLoop`, over trees of tensors. */
import { type Dim, sameDim, subDims, SymbolicDim } from "../../core/dim.ts";
import { dtypeInfo } from "../../core/dtype.ts";
import { Tensor } from "../../core/tensor.ts";
import { add } from "../../ops/arithmetic.ts";
import { less } from "../../ops/compare.ts";
import { convert } from "../../ops/convert.ts";
import { showArgument } from "../../ops/describe.ts";
import { dimSize, iotaOf } from "../../ops/iota.ts";
import { type Operand, toTensor } from "../../ops/operand.ts";
import { type Fn, type Reshaped, type Tensors } from "../trace.ts";
import { scanOf } from "./scan.ts";
import { switchOf } from "./switch.ts";
import { carry, joined, type Leaves, leavesOf, partsIn, recordedOf, standFor } from "./trees.ts";
import { whileOf } from "./while.ts";

/** What a step may give for a carry: the same structure, numbers where there are scalars. */
export type Like<T> = 0 extends 1 & T
  ? any
  : T extends Tensor | number | boolean
    ? Operand
    : T extends object
      ? { readonly [K in keyof T]: Like<T[K]> }
      : T;

/** What a step gives for a carry: the last part, which nothing fits, has lists taken for tuples. */
export type Next<C> = Like<C> | readonly [never];

/** Trees of one slice of each tensor, or of all of them, where the shape is not known. */
export type Slices<T> = 0 extends 1 & T ? any : T extends null | undefined ? null : Reshaped<T>;

export interface ScanOptions {
  /** How many steps; needed where there are no xs. */
  readonly length?: Dim;
  /** Go from the last slice to the first. ys lie where their xs do. */
  readonly reverse?: boolean;
}

function checkFunction(op: string, f: unknown): asserts f is Fn {
  if (typeof f !== "function") throw new Error(`${op}: needs a function, got ${showArgument(f)}`);
}

const isDim = (d: unknown): d is Dim => d instanceof SymbolicDim || (Number.isInteger(d) && (d as number) >= 0);

/**
 * A loop of known length (as jax.lax.scan): `f(carry, x)` gives [next carry, y], for one slice x of xs along axis 0 after another.
 * The result is [final carry, ys], the ys stacked along a new axis 0. Carry, xs and ys are trees of tensors; the carry
 * keeps structure, shapes and dtypes, xs may be null (then give `length`), and so may y.
 *
 * f is traced once, whatever the length, which may be a named dimension. What it closes over is differentiated through, too. Reverse mode keeps the
 * carry of every step and computes the rest of the step again.
 */
export function scan<const C, const X, Y>(
  f: (carry: Tensors<C>, x: Slices<X>) => readonly [carry: Next<C>, y: Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): [carry: Tensors<C>, ys: Slices<Tensors<Y>>] {
  return run("scan", f, init, xs, options);
}

function run<C, X, Y>(
  op: string,
  f: (carry: Tensors<C>, x: Slices<X>) => readonly [carry: Next<C>, y: Y],
  init: C,
  xs: X,
  { length: given, reverse = false }: ScanOptions,
): [carry: Tensors<C>, ys: Slices<Tensors<Y>>] {
  checkFunction(op, f);
  const all = leavesOf(op, xs, "xs");
  const length = lengthOf(op, all, given);
  const slices = all.leaves.map((t) => standFor(t as Tensor, (t as Tensor).shape.slice(1)));
  const x = all.rebuild(slices) as Slices<X>;
  const traced = carry(op, init, (c) => {
    const pair: unknown = f(c as Tensors<C>, x);
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new Error(`${op}: the step must give [carry, y], got ${showArgument(pair)}; y may be null`);
    return { next: pair[0] as unknown, rest: leavesOf(op, pair[1], "y") };
  });
  const { stands, inits, nexts, rest } = traced;
  const each = rest.leaves.map((y) => toTensor(op, y));
  const stacks = partsIn(all.leaves as readonly Tensor[]);
  const { finals, ys } = scanOf({
    consts: new Map(),
    carries: stands.map((stand, i) => ({ stand, init: inits[i]!, next: nexts[i]! })),
    xs: partsIn(slices).map((stand, i) => [stand, stacks[i]!] as const),
    ys: partsIn(each),
    length,
    reverse,
  });
  return [traced.rebuild(finals) as Tensors<C>, rest.rebuild(joined(ys, each)) as Slices<Tensors<Y>>];
}

function lengthOf(op: string, { leaves, paths }: Leaves, given: Dim | undefined): Dim {
  if (given !== undefined && !isDim(given))
    throw new Error(`${op}: the length must be a non-negative integer or a named dimension, got ${showArgument(given)}`);
  let length = given;
  let from = "the length given";
  leaves.forEach((t, i) => {
    const name = `xs${paths[i] ? ` at ${paths[i]}` : ""}`;
    if (!(t instanceof Tensor) || t.rank === 0) throw new Error(`${op}: ${name} has no axis to go along, got ${showArgument(t)}`);
    const here = t.shape[0]!;
    if (length !== undefined && !sameDim(length, here))
      throw new Error(`${op}: ${from} is ${length}, but ${name}, ${t.describe()}, has ${here} slices`);
    length = here;
    from = `the number of slices of ${name}`;
  });
  if (length === undefined) throw new Error(`${op}: there are no xs, so that the length must be given: ${op}(f, init, null, { length })`);
  return length;
}

/** As `scan`, without ys: `f(carry, x)` gives the next carry, and the result is the last. */
export function fold<const C, const X>(
  f: (carry: Tensors<C>, x: Slices<X>) => Next<C>,
  init: C,
  xs: X,
  options: ScanOptions = {},
): Tensors<C> {
  return foldOf("fold", f, init, xs, options);
}

function foldOf<C, X>(op: string, f: (carry: Tensors<C>, x: Slices<X>) => Next<C>, init: C, xs: X, options: ScanOptions): Tensors<C> {
  checkFunction(op, f);
  return run(op, (c: Tensors<C>, x: Slices<X>) => [f(c, x) as Like<C>, null] as const, init, xs, options)[0];
}

/**
 * Counts from `lower` to `upper`, exclusive: `f(i, carry)` gives the next carry, i an int32 scalar; the result is the last. Bounds that are
 * sizes (numbers or named dimensions) make a scan, which every transform goes through; where one is a tensor, it is a loop of unknown length
 * (see whileLoop), which has no reverse mode.
 */
export function fori<const C>(
  lower: Dim | Tensor,
  upper: Dim | Tensor,
  f: (i: Tensor<[]>, carry: Tensors<C>) => Next<C>,
  init: C,
): Tensors<C> {
  checkFunction("fori", f);
  for (const bound of [lower, upper])
    if (
      bound instanceof Tensor
        ? bound.rank !== 0 || dtypeInfo(bound.dtype).kind !== "int"
        : !(Number.isInteger(bound) || bound instanceof SymbolicDim)
    )
      throw new Error(`fori: bounds must be integers, named dimensions or integer scalars, got ${showArgument(bound)}`);
  if (lower instanceof Tensor || upper instanceof Tensor) {
    const [from, to] = [lower, upper].map((bound) => (bound instanceof Tensor ? convert(bound, "int32") : dimSize(bound)));
    return whileLoop(
      ([i]: [Tensor, Tensors<C>]) => less(i, to!),
      ([i, c]: [Tensor, Tensors<C>]) => [add(i, 1), f(i as Tensor<[]>, c)] as never,
      [from!, init] as never,
    )[1] as Tensors<C>;
  }
  const difference = subDims(upper, lower);
  const length = typeof difference === "number" ? Math.max(0, difference) : difference;
  const positions = iotaOf([length], 0, "int32");
  const counts = lower === 0 ? positions : add(positions, dimSize(lower));
  return foldOf("fori", (c: Tensors<C>, i: Tensor) => f(i as Tensor<[]>, c), init, counts, {});
}

export interface WhileOptions {
  /** End after so many steps in any case. The loop is then a scan of as many, of which only those needed compute, and reverse mode goes through. */
  readonly maxSteps?: Dim;
}

/**
 * Applies `f` to a carry as long as `goesOn(carry)`, a bool scalar, holds; the result is the last carry. The carry keeps structure, shapes and dtypes.
 * Derivatives go forward only (jvp, jacfwd, jet); for reverse mode give `maxSteps`, or use fori with static bounds.
 */
export function whileLoop<const C>(
  goesOn: (carry: Tensors<C>) => Operand,
  f: (carry: Tensors<C>) => Next<C>,
  init: C,
  { maxSteps }: WhileOptions = {},
): Tensors<C> {
  checkFunction("whileLoop", goesOn);
  checkFunction("whileLoop", f);
  const test = (c: unknown): Tensor => {
    const given: unknown = goesOn(c as Tensors<C>);
    if (given === true && maxSteps === undefined)
      throw new Error("whileLoop: the condition is true whatever the carry is, so that the loop never ends");
    const t = given instanceof Tensor || typeof given === "boolean" ? toTensor("whileLoop", given) : undefined;
    if (t?.dtype !== "bool" || t.rank !== 0)
      throw new Error(`whileLoop: the condition must give a bool scalar, got ${showArgument(given)}; compare, or take any or all of it`);
    return t;
  };
  if (maxSteps !== undefined && !isDim(maxSteps))
    throw new Error(`whileLoop: maxSteps must be a non-negative integer or a named dimension, got ${showArgument(maxSteps)}`);
  const traced = carry("whileLoop", init, (c) => {
    const { result, applied } = recordedOf(c, () => f(c as Tensors<C>));
    return { next: result, rest: applied };
  });
  const { stands, inits, nexts, rest: applied } = traced;
  const again = test(traced.rebuild(stands));
  const carries = stands.map((stand, i) => ({ stand, init: inits[i]!, next: nexts[i]! }));
  if (maxSteps === undefined) return traced.rebuild(whileOf({ consts: new Map(), carries, test: again })) as Tensors<C>;
  const chosen = switchOf(convert(again, "int32"), new Map(), [stands, nexts], (t) => applied.has(t));
  const { finals } = scanOf({
    consts: new Map(),
    carries: carries.map((c, i) => ({ ...c, next: chosen[i]! })),
    xs: [],
    ys: [],
    length: maxSteps,
    reverse: false,
  });
  return traced.rebuild(finals) as Tensors<C>;
}
