/**
 * Random graphs over the operations: a graph is a list of small numbers (what fast-check shrinks), and building it over an
 * engine's sources gives the same expressions for every engine. Every choice that a number makes is taken among those that
 * fit, so any list of numbers is a graph.
 */
import fc from "fast-check";
import { cond, switchCase } from "../../ad/control/branches.ts";
import { fold, fori, scan, whileLoop } from "../../ad/control/loops.ts";
import { grad } from "../../ad/grad.ts";
import { jvp } from "../../ad/jvp.ts";
import { vmap } from "../../ad/vmap.ts";
import type { Data } from "../../core/data.ts";
import { type Dim, dim, type DimSizes, divideDims, evaluateDim } from "../../core/dim.ts";
import { arrayOf, type DType, dtypeInfo, isFloat } from "../../core/dtype.ts";
import { scalar } from "../../core/leaves.ts";
import { broadcastShapes, evaluateShape, isStatic, sameShape, type Shape, sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as e from "../../kernel/expr.ts";
import * as arithmetic from "../../ops/arithmetic.ts";
import * as compare from "../../ops/compare.ts";
import * as joining from "../../ops/concatenate.ts";
import { convert } from "../../ops/convert.ts";
import * as creation from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { diag } from "../../ops/diagonal.ts";
import { defineElementwise, floats } from "../../ops/elementwise.ts";
import * as functions from "../../ops/functions.ts";
import { probe, stopGradient } from "../../ops/identity.ts";
import { addN } from "../../ops/addN.ts";
import { broadcastTo } from "../../ops/operand.ts";
import * as indexing from "../../ops/indexing.ts";
import { matmul } from "../../ops/matmul.ts";
import { pad, sliceAxis } from "../../ops/pad.ts";
import * as piecewise from "../../ops/piecewise.ts";
import * as polar from "../../ops/polar.ts";
import * as power from "../../ops/power.ts";
import { random } from "../../ops/random.ts";
import * as reductions from "../../ops/reductions.ts";
import * as reshaping from "../../ops/reshape.ts";
import { sinc } from "../../ops/sinc.ts";
import { argsort, sort } from "../../ops/sort.ts";
import { logsumexp, softmax } from "../../ops/softmax.ts";
import * as axes from "../../ops/transpose.ts";

/** The operations check shapes in types; here they are chosen at run time. */
type Loose = (...args: any[]) => Tensor;
const loose = (f: unknown): Loose => f as Loose;

/** The sizes that the names may have. Graphs are kept small at the largest. */
export const sizesOf: Readonly<Record<string, readonly number[]>> = { n: [0, 1, 2, 3, 5], m: [1, 2, 4] };
const largest: DimSizes = new Map(Object.entries(sizesOf).map(([name, sizes]) => [name, Math.max(...sizes)]));
const LIMIT = 700;

const [n, m] = [dim("n"), dim("m")];
export const sourceShapes: readonly Shape[] = [[], [3], [n], [2, 3], [n, 2], [3, 2], [m, n], [260], [1, 3]];
export const dtypes: readonly DType[] = ["float32", "float32", "float32", "float64", "int32", "uint32", "bool"];

/** One node: which operation, on which of the tensors so far, and a number that settles the rest. */
export interface NodeSpec {
  readonly op: number;
  readonly args: readonly [number, number, number];
  readonly extra: number;
}

/** A node with two outputs: sum and difference. */
const butterfly = defineElementwise<object>({
  name: "butterfly",
  accepts: floats,
  results: ([d]) => [d!, d!],
  value: ([a, b]) => [e.add(a!, b!), e.sub(a!, b!)],
  jvp: ({ tangents: [a, b] }) => [addN([a, b]), a && b ? arithmetic.sub(a, b) : (a ?? arithmetic.neg(b!))],
});

/** What an operation may choose from. */
interface Choice {
  /** A tensor of the pool, among those that satisfy the condition. */
  operand(which: 1 | 2, fits: (t: Tensor) => boolean): Tensor | undefined;
  below(k: number): number;
}
type Build = (x: Tensor, choose: Choice) => Tensor | undefined;

const numeric = (t: Tensor): Tensor => (t.dtype === "bool" ? convert(t, "int32") : t);
const float = (t: Tensor): Tensor => (isFloat(t.dtype) ? t : convert(t, "float32"));
const unary =
  (f: unknown): Build =>
  (x) =>
    loose(f)(float(x));
const binary =
  (f: unknown, prepare: (t: Tensor) => Tensor = float): Build =>
  (x, choose) => {
    const y = choose.operand(1, (t) => broadcastShapes(x.shape, t.shape) !== undefined);
    return y && loose(f)(prepare(x), prepare(y));
  };
const broadcastsTo = (from: Shape, to: Shape): boolean => {
  const both = broadcastShapes(from, to);
  return both !== undefined && sameShape(both, to);
};
/** Over one axis, or all of them. */
const reduction =
  (f: unknown, prepare: (t: Tensor) => Tensor = float): Build =>
  (x, choose) => {
    const axis = choose.below(x.rank + 1);
    return loose(f)(prepare(x), axis === x.rank ? undefined : axis);
  };
const alongAxis =
  (f: (x: Tensor, axis: number, choose: Choice) => Tensor | undefined): Build =>
  (x, choose) =>
    x.rank === 0 ? undefined : f(x, choose.below(x.rank), choose);

const functionsOfOne: readonly unknown[] = [
  ...[functions.expm1, functions.exp2, functions.log1p, functions.log2, functions.log10, functions.rsqrt, functions.cos, functions.tan],
  ...[functions.asin, functions.acos, functions.atan, functions.sinh, functions.cosh, functions.erf, functions.softplus, functions.gelu],
  ...[piecewise.ceil, piecewise.trunc, piecewise.round, sinc, compare.isNaN, compare.logicalNot],
];
const functionsOfTwo: readonly unknown[] = [
  ...[polar.hypot, power.logaddexp, power.xlogy, compare.greater, compare.greaterEqual, compare.lessEqual, compare.notEqual],
];
const functionsOfBits: readonly unknown[] = [
  ...[compare.bitwiseAnd, compare.bitwiseOr, compare.bitwiseXor, compare.leftShift, compare.rightShift],
];
const operations: Readonly<Record<string, Build>> = {
  function: (x, choose) => unary(functionsOfOne[choose.below(functionsOfOne.length)])(x, choose),
  pair: (x, choose) => binary(functionsOfTwo[choose.below(functionsOfTwo.length)])(x, choose),
  bits: (x, choose) => binary(functionsOfBits[choose.below(functionsOfBits.length)], (t) => convert(t, "int32"))(x, choose),
  bitwiseNot: (x) => loose(compare.bitwiseNot)(isFloat(x.dtype) ? convert(x, "int32") : x),
  neg: unary(arithmetic.neg),
  square: unary(arithmetic.square),
  exp: unary(functions.exp),
  log: unary(functions.log),
  sqrt: unary(functions.sqrt),
  sin: unary(functions.sin),
  tanh: unary(functions.tanh),
  sigmoid: unary(functions.sigmoid),
  floor: unary(piecewise.floor),
  sign: unary(piecewise.sign),
  abs: (x) => loose(piecewise.abs)(numeric(x)),
  relu: unary(piecewise.relu),
  add: binary(arithmetic.add, numeric),
  sub: binary(arithmetic.sub, numeric),
  mul: binary(arithmetic.mul, numeric),
  div: binary(arithmetic.div),
  maximum: binary(piecewise.maximum, numeric),
  minimum: binary(piecewise.minimum, numeric),
  rem: binary(piecewise.rem, numeric),
  pow: binary(power.pow),
  atan2: binary(polar.atan2),
  less: binary(compare.less, numeric),
  equal: binary(compare.equal, (t) => t),
  logicalXor: binary(compare.logicalXor, (t) => convert(t, "bool")),
  where: (x, choose) => {
    const a = choose.operand(1, (t) => broadcastShapes(x.shape, t.shape) !== undefined);
    const b = a && choose.operand(2, (t) => broadcastShapes(x.shape, a.shape, t.shape) !== undefined);
    return b && loose(compare.where)(convert(x, "bool"), a, b);
  },
  convert: (x, choose) => convert(x, dtypes[choose.below(dtypes.length)]!),
  addN: (x, choose) => {
    const same = (t: Tensor): boolean => t.dtype === x.dtype && sameShape(t.shape, x.shape);
    return x.dtype === "bool" ? undefined : addN([x, choose.operand(1, same)!, choose.operand(2, same)!, x, x]);
  },
  sum: reduction(reductions.sum),
  mean: reduction(reductions.mean),
  prod: reduction(reductions.prod, numeric),
  max: reduction(reductions.max, numeric),
  min: reduction(reductions.min, numeric),
  argmax: alongAxis((x, axis) => reductions.argmax(numeric(x), axis)),
  any: reduction(reductions.any, (t) => convert(t, "bool")),
  cumsum: alongAxis((x, axis) => cumsum(numeric(x), axis)),
  logsumexp: reduction(logsumexp),
  softmax: alongAxis((x, axis) => loose(softmax)(float(x), axis)),
  transpose: (x) => loose(axes.transpose)(x),
  flip: alongAxis((x, axis) => axes.flip(x, axis)),
  flatten: (x) => loose(reshaping.reshape)(x, [sizeOf(x.shape)]),
  expandDims: (x, choose) => (x.rank > 2 ? undefined : loose(reshaping.expandDims)(x, choose.below(x.rank + 1))),
  broadcast: (x) => (x.rank > 2 ? undefined : loose(broadcastTo)(x, [2, ...x.shape])),
  concatenate: alongAxis((x, axis, choose) => {
    const y = choose.operand(1, (t) => t.rank === x.rank && t.shape.every((d, i) => i === axis || d === x.shape[i]));
    return y && loose(joining.concatenate)([x, y], axis);
  }),
  stack: (x, choose) => {
    const y = choose.operand(1, (t) => sameShape(t.shape, x.shape));
    return y && x.rank < 3 ? loose(joining.stack)([x, y], choose.below(x.rank + 1)) : undefined;
  },
  split: alongAxis((x, axis, choose) => {
    const sections = [2, 3].find((k) => divideDims(x.shape[axis]!, k) !== undefined);
    return sections ? joining.split(x, sections, axis)[choose.below(sections)] : undefined;
  }),
  // Of a named axis, a part that is there in some epochs and not in others.
  window: alongAxis((x, axis, choose) => {
    const start = choose.below(2);
    const size = x.shape[axis]!;
    return typeof size === "number" && size < start + 2 ? undefined : sliceAxis(x, axis, start, start + 2);
  }),
  pad: alongAxis((x, axis, choose) =>
    pad(
      x,
      x.shape.map((_, i) => (i === axis ? ([choose.below(3), 1] as const) : ([0, 0] as const))),
    ),
  ),
  oneHot: (x, choose) => (x.rank > 1 ? undefined : creation.oneHot(convert(x, "int32"), [3, m][choose.below(2)]!)),
  iota: (_, choose) => creation.iota([[n], [3, 2], [m, 2]][choose.below(3)] as Shape, 0, { dtype: "float32" }),
  butterfly: (x, choose) => {
    const y = choose.operand(1, (t) => sameShape(t.shape, x.shape))!;
    const dtype = x.dtype === "float64" || y.dtype === "float64" ? "float64" : "float32";
    return butterfly.many([convert(x, dtype), convert(y, dtype)], {})[choose.below(2)];
  },
  matmul: (x, choose) => {
    if (x.rank === 0) return undefined;
    const inner = (t: Tensor): Dim => t.shape[Math.max(0, t.rank - 2)]!;
    const fits = (t: Tensor): boolean =>
      t.rank > 0 &&
      inner(t) === x.shape.at(-1) &&
      (x.rank < 3 || t.rank < 3 || broadcastShapes(x.shape.slice(0, -2), t.shape.slice(0, -2)) !== undefined);
    const y = choose.operand(1, fits) ?? (x.rank > 1 ? axes.swapaxes(x, -1, -2) : x);
    return loose(matmul)(x, y);
  },
  take: alongAxis((x, axis, choose) => {
    const positions = choose.operand(1, (t) => t.rank < 2);
    return positions && indexing.take(x, convert(positions, "int32"), { axis });
  }),
  scatterAdd: alongAxis((x, axis, choose) => {
    const positions = choose.operand(1, (t) => t.rank === 1);
    if (!positions) return undefined;
    const shape = [...x.shape.slice(0, axis), positions.shape[0]!, ...x.shape.slice(axis + 1)];
    const updates = choose.operand(2, (t) => broadcastsTo(t.shape, shape));
    return updates && indexing.scatterAdd(numeric(x), convert(positions, "int32"), numeric(updates), { axis });
  }),
  dynamicSlice: alongAxis((x, axis, choose) => {
    const start = choose.operand(1, (t) => t.rank === 0);
    const size = x.shape[axis]!;
    if (!start || typeof size !== "number") return undefined;
    return indexing.dynamicSlice(
      x,
      x.shape.map((_, i) => (i === axis ? convert(start, "int32") : 0)),
      x.shape.map((d, i) => (i === axis ? 1 + choose.below(size) : d)),
    );
  }),
  argsort: alongAxis((x, axis) => argsort(x, axis)),
  sort: alongAxis((x, axis) => sort(x, axis)),
  dynamicUpdateSlice: alongAxis((x, axis, choose) => {
    const start = choose.operand(1, (t) => t.rank === 0);
    const update = choose.operand(2, (t) => t.rank === x.rank && t.shape.every((d, i) => d === x.shape[i]));
    return (
      start &&
      update &&
      indexing.dynamicUpdateSlice(
        x,
        update,
        x.shape.map((_, i) => (i === axis ? convert(start, "int32") : 0)),
      )
    );
  }),
  diag: (x) => (x.rank === 1 || (x.rank === 2 && isStatic(x.shape)) ? diag(x) : undefined),
  tril: (x) => (x.rank < 2 ? undefined : creation.tril(numeric(x))),
  random: (x, choose) => {
    const seed = choose.operand(1, (t) => t.rank === 0);
    const key = seed ? random.foldIn(random.key(3), convert(seed, "uint32")) : random.key(4);
    const draws: readonly (() => Tensor)[] = [
      () => random.uniform(key, x.shape),
      () => random.normal(key, x.shape),
      () => random.bernoulli(key, 0.3, x.shape),
      () => random.randint(key, x.shape, -3, 4),
    ];
    return draws[choose.below(draws.length)]!();
  },
  // Has no value where the axis is empty: a failure that comes and goes.
  shorten: alongAxis((x, axis) => (x.shape[axis] === 1 ? undefined : sliceAxis(x, axis, 1, x.shape[axis]!))),
  probe: (x) => probe(x),
  stopGradient: (x) => stopGradient(x),
  literal: (x, choose) => loose(arithmetic.mul)(numeric(x), scalar([2, -1, 0.5, 3][choose.below(4)]!, "float32")),
  jvp: (x, choose) => {
    const wrt = choose.operand(1, (t) => t.primitive.unique === true && isFloat(t.dtype));
    return wrt && loose(jvp)(float(x), wrt, loose(functions.cos)(wrt));
  },
  vmap: alongAxis((x, _, choose) => {
    const { cumsum, matmul, take, scatterAdd, where, sort, scan, fori, whileLoop, cond, switchCase } = operations;
    const inner = [cumsum, matmul, take, scatterAdd, where, sort, scan, fori, whileLoop, cond, switchCase];
    return loose(vmap((row: Tensor) => inner[choose.below(inner.length)]!(row, choose) ?? row))(x);
  }),
  grad: (x, choose) => {
    const wrt = choose.operand(1, (t) => t.primitive.unique === true && isFloat(t.dtype));
    return wrt && loose(grad)(loose(reductions.sum)(float(x)), wrt);
  },
  scan: alongAxis((x, _, choose) => {
    const start = choose.operand(1, (t) => broadcastsTo(t.shape, x.shape.slice(1)));
    if (!start) return undefined;
    const step = (carry: Tensor, row: Tensor): readonly [Tensor, Tensor] => [inside(carry, functions.tanh(float(row)), choose), carry];
    const first = loose(broadcastTo)(float(start), x.shape.slice(1));
    return scan(step, first, x, { reverse: choose.below(3) === 0 })[choose.below(2)];
  }),
  fori: (x, choose) => {
    const start = numeric(x);
    const closed = choose.operand(1, (t) => broadcastsTo(t.shape, x.shape)) ?? scalar(2, "float32");
    return fori(
      0,
      choose.below(4),
      (i, c: Tensor) => convert(arithmetic.add(loose(arithmetic.mul)(c, numeric(closed)), i), start.dtype),
      start,
    );
  },
  "a scan in a loop": (x, choose) => {
    if (x.rank === 0) return undefined;
    const closed = float(choose.operand(1, (t) => t.rank === 0) ?? scalar(0.5, "float32"));
    const inner = (c: Tensor, slice: Tensor): Tensor => convert(arithmetic.add(loose(arithmetic.mul)(c, closed), slice), slice.dtype);
    const outer = (_: Tensor, c: Tensor): Tensor =>
      arithmetic.add(c, loose(functions.tanh)(fold(inner, creation.zeros(c.shape.slice(1), { dtype: c.dtype }), c)));
    return fori(1, 1 + choose.below(3), outer, float(x));
  },
  // There is no reverse mode through it.
  whileLoop: (x, choose) => {
    const bound = choose.operand(1, (t) => t.rank === 0) ?? scalar(2, "int32");
    const limit = piecewise.minimum(convert(bound, "int32"), 3);
    const loop = ({ i, y }: { i: Tensor; y: Tensor }): { i: Tensor; y: Tensor } => ({
      i: arithmetic.add(i, 1),
      y: inside(y, functions.sin(y), choose),
    });
    return stopGradient(whileLoop(({ i }) => compare.less(i, limit), loop, { i: scalar(0, "int32"), y: float(x) }).y);
  },
  cond: (x, choose) => {
    const predicate = choose.operand(1, (t) => t.rank === 0) ?? reductions.any(convert(x, "bool"));
    const other = choose.operand(2, (t) => sameShape(t.shape, x.shape)) ?? x;
    return cond(
      predicate,
      (t: Tensor) => functions.tanh(t),
      () => convert(functions.cos(float(other)), float(x).dtype),
      float(x),
    );
  },
  switchCase: (x, choose) => {
    const index = choose.operand(2, (t) => t.rank === 0);
    if (!index) return undefined;
    const cases = [(y: Tensor) => y, (y: Tensor) => functions.exp(y), (y: Tensor) => inside(y, y, choose)];
    return switchCase(convert(index, "int32"), cases, float(x));
  },
};
/** What the body of a loop makes of a value and another: of the value's type, and made of what there is outside, too. */
function inside(value: Tensor, other: Tensor, choose: Choice): Tensor {
  const inner = [
    operations["cumsum"]!,
    operations["matmul"]!,
    operations["where"]!,
    operations["sort"]!,
    operations["shorten"]!,
    operations["add"]!,
  ];
  const made = inner[choose.below(inner.length)]!(value, choose);
  const fits = made && sameShape(made.shape, value.shape) ? convert(made, value.dtype) : value;
  return arithmetic.add(arithmetic.mul(fits, 0.5), convert(loose(broadcastTo)(other, value.shape), value.dtype));
}

export const operationNames: readonly string[] = Object.keys(operations);

export const nodeSpec: fc.Arbitrary<NodeSpec> = fc.record({
  op: fc.nat(operationNames.length - 1),
  args: fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30)),
  extra: fc.nat(59),
});

/** The tensor that a spec describes, over the pool so far. Where nothing fits, or it would be large, the operand itself. */
export function build(spec: NodeSpec, pool: readonly Tensor[]): Tensor {
  // Counted from the end, so that what was built last is used most.
  const nth = (list: readonly Tensor[], k: number): Tensor => list[list.length - 1 - (k % list.length)]!;
  const x = nth(pool, spec.args[0]);
  const choose: Choice = {
    operand: (which, fits) => {
      const list = pool.filter(fits);
      return list.length === 0 ? undefined : nth(list, spec.args[which]);
    },
    below: (k) => spec.extra % k,
  };
  const built = operations[operationNames[spec.op]!]!(x, choose) ?? x;
  return built.rank > 3 || evaluateDim(sizeOf(built.shape), largest) > LIMIT ? x : built;
}

/** One line for a failing program. */
export const showSpec = ({ op, args, extra }: NodeSpec): string => `${operationNames[op]}, operands ${args.join()}, ${extra}`;

/** Numbers for a source, from a seed: mostly small, some of them special. */
export function randomData(shape: Shape, dtype: DType, sizes: DimSizes, seed: number): Data {
  const known = evaluateShape(shape, sizes);
  const count = known.reduce((a, b) => a * b, 1);
  const data = new (arrayOf(dtypeInfo(dtype).storage))(count);
  let state = (seed * 2654435761) >>> 0;
  const random = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const special = [0, -0, 1, -1, NaN, Infinity, -Infinity, 1e-42, 3e38, 0.5];
  for (let i = 0; i < count; i++) {
    const r = random();
    if (dtype === "bool") data[i] = r < 0.5 ? 0 : 1;
    else if (!isFloat(dtype)) data[i] = r < 0.1 ? 2 ** 31 - 1 : Math.floor(r * 9) - (dtype === "int32" ? 4 : 0);
    else data[i] = seed % 4 === 0 && r < 0.2 ? special[Math.floor(r * 50)]! : (random() - 0.5) * 4;
  }
  if (shape.filter((d) => typeof d !== "number").length < 2) return data;
  // Several names are settled by nesting alone.
  const [rows, columns] = known as [number, number];
  return Array.from({ length: rows }, (_, r) => [...data.subarray(r * columns, (r + 1) * columns)]);
}
