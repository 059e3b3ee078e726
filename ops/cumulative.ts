/**
 * What accumulates along an axis beside sums: products, extremes, sums of exponentials; and differences, which undo sums.
 *
 * The tangents of products and extremes are themselves prefixes of an associative operation, taken in log2(n) rounds: after the
 * round of distance d each place knows of the 2d elements that end there (W. D. Hillis and G. L. Steele, "Data parallel
 * algorithms", CACM 29, 1986). Nothing is divided, and nothing cancels, so they are exact at zeros and ties, at every order. Along
 * an axis of a named size, whose rounds cannot be counted, every pair of elements is looked at instead.
 */
import { addDims, type Dim } from "../core/dim.ts";
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { InRange } from "../core/types/axes.ts";
import type { ShapeOf } from "../core/types/shape.ts";
import type { Scan } from "../kernel/kernel.ts";
import { addN } from "./addN.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { broadcastInDim, reduceSum } from "./broadcast.ts";
import { equal, lessEqual, logicalAnd, logicalOr, logicalXor, notEqual, where } from "./compare.ts";
import { convert } from "./convert.ts";
import { lowerScan } from "./fold.ts";
import { iotaOf } from "./iota.ts";
import { type Operand, toFloat, toTensor } from "./operand.ts";
import { pad, sliceAxis } from "./pad.ts";
import { logaddexp } from "./power.ts";
import { type ComplexRule, definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import type { Accumulator } from "./signatures.ts";
import { logsumexp } from "./softmax.ts";
import { moveaxis } from "./transpose.ts";

interface AxisParams {
  readonly axis: number;
}

type Tangent = (x: Tensor, dx: Tensor, y: Tensor, axis: number) => Tensor;

function defineScan(
  name: Exclude<Scan, "cumsum">,
  tangent: { readonly known: Tangent; readonly named: Tangent },
  complex?: ComplexRule<AxisParams>,
): PrimitiveFunction<AxisParams> {
  const apply: PrimitiveFunction<AxisParams> = definePrimitive<AxisParams>({
    name,
    type: ([x]) => {
      if (x!.dtype === "bool") throw new Error(`${name}: needs numbers, got ${x!.describe()}`);
      return { shape: x!.shape, dtype: x!.dtype };
    },
    jvp: ({ params: { axis }, inputs: [x], tangents: [dx], outputs: [y] }) => [
      tangent[typeof x!.shape[axis] === "number" ? "known" : "named"](x!, dx!, y!, axis),
    ],
    ...(complex && { complex }),
    batch: ({ params: { axis }, inputs }) => [apply(inputs, { axis: axis + 1 })],
    lower: (call) => lowerScan(name, call.params.axis, call),
  });
  return apply;
}

// ---- rounds
/** x moved by so many places towards the end of an axis, with `value` in front. */
function later(x: Tensor, axis: number, distance: number, value: number): Tensor {
  const kept = sliceAxis(x, axis, 0, addDims(x.shape[axis]!, -distance));
  return pad(
    kept,
    x.shape.map((_, i): [number, number] => (i === axis ? [distance, 0] : [0, 0])),
    { value },
  );
}

/** The inclusive prefixes of several tensors by an associative operation on them, with its identities. */
function prefixes(
  elements: readonly Tensor[],
  identities: readonly number[],
  axis: number,
  combine: (before: readonly Tensor[], after: readonly Tensor[]) => readonly Tensor[],
): readonly Tensor[] {
  const n = elements[0]!.shape[axis] as number;
  let state = elements;
  for (let distance = 1; distance < n; distance *= 2)
    state = combine(
      state.map((t, k) => later(t, axis, distance, identities[k]!)),
      state,
    );
  return state;
}

/** f of x [..., 1, n] with its last axis for elements, [..., n, 1] for places, and whether an element is not behind a place: [..., n]. */
function byPairs(
  x: Tensor,
  axis: number,
  f: (elements: (t: Tensor) => Tensor, places: (t: Tensor) => Tensor, before: Tensor) => Tensor,
): Tensor {
  const n = x.shape[axis]!;
  const shape = [...x.shape.filter((_, i) => i !== axis), n, n];
  const spread = (skipped: number) => (t: Tensor) =>
    broadcastInDim([moveaxis(t, axis, -1)], { shape, axes: shape.map((_, i) => i).filter((i) => i !== skipped) });
  const positions = (at: number): Tensor => iotaOf(shape, at, "int32");
  const [places, elements] = [shape.length - 2, shape.length - 1];
  return moveaxis(f(spread(places), spread(elements), lessEqual(positions(elements), positions(places))), -1, axis);
}

const sumLast = (t: Tensor): Tensor => reduceSum([t], { axes: [t.rank - 1] });

// ---- products
const productsOfComplex: ComplexRule<AxisParams> = ({ params: { axis }, inputs: [z] }) => {
  if (typeof z!.shape[axis] !== "number")
    throw new Error(`cumprod: of complex numbers the size of the axis must be known, got ${z!.describe()} along axis ${axis}`);
  return prefixes([z!], [1], axis, ([a], [b]) => [mul(a!, b!)]);
};
const productPrimitive: PrimitiveFunction<AxisParams> = defineScan(
  "cumprod",
  {
    known: (x, dx, _, axis) => prefixes([x, dx], [1, 0], axis, ([a, da], [b, db]) => [mul(a!, b!), addN([mul(a!, db!), mul(da!, b!)])])[1]!,
    // The tangent at a place is the sum over the elements before it, of their tangent times the product of all others.
    named: (x, dx, _, axis) =>
      byPairs(x, axis, (elements, _places, before) => {
        const last = before.rank - 1;
        const shape = before.shape;
        const itself = equal(iotaOf(shape, last - 1, "int32"), iotaOf(shape, last, "int32"));
        const others = productPrimitive([where(itself, 1, elements(x))], { axis: last });
        const swapped = moveaxis(others, -1, -2);
        return sumLast(where(before, mul(swapped, elements(dx)), 0));
      }),
  },
  productsOfComplex,
);

// ---- extremes
/** The elements that attain the extreme so far share its tangent evenly. */
const extremeTangent = {
  known: (x: Tensor, dx: Tensor, y: Tensor, axis: number): Tensor => {
    const attains = convert(equal(x, y), x.dtype);
    // NaN begins anew everywhere. The first element has nothing before it that could count.
    const begins = notEqual(y, later(y, axis, 1, 0));
    const [, total, count] = prefixes([begins, mul(dx, attains), attains], [0, 0, 0], axis, ([s, t, c], [begin, u, d]) => [
      logicalOr(s!, begin!),
      where(begin!, u!, add(t!, u!)),
      where(begin!, d!, add(c!, d!)),
    ]);
    return div(total!, count!);
  },
  named: (x: Tensor, dx: Tensor, y: Tensor, axis: number): Tensor =>
    byPairs(x, axis, (elements, places, before) => {
      const attains = convert(logicalAnd(before, equal(elements(x), places(y))), x.dtype);
      return div(sumLast(mul(attains, elements(dx))), sumLast(attains));
    }),
};
const maxPrimitive = defineScan("cummax", extremeTangent);
const minPrimitive = defineScan("cummin", extremeTangent);

/** What this file defines, for table.ts. */
export const primitives = [productPrimitive, maxPrimitive, minPrimitive].map((p) => p.primitive);

// ---- functions
/** Along an axis, or of x flattened. */
const accumulator = <Op extends string>(op: Op, f: (t: Tensor, axis: number) => Tensor, prepare = toTensor): Accumulator<Op> =>
  ((x: Operand, axis?: number): Tensor => {
    const t = prepare(op, x);
    return axis === undefined ? f(reshape(t, [sizeOf(t.shape)]), 0) : f(t, normalizeAxis(op, axis, t.rank));
  }) as Accumulator<Op>;
const asNumber = (op: string, x: Operand): Tensor => {
  const t = toTensor(op, x);
  return t.dtype === "bool" ? convert(t, "int32") : t;
};

/** The products of the elements up to and with each one, along an axis (default: of x flattened). Derivatives are exact at zeros. */
export const cumprod = accumulator("cumprod", (t, axis) => productPrimitive([t], { axis }), asNumber);
/** The greatest element so far along an axis (default: of x flattened); NaN from the first on. Those that tie share the derivative. */
export const cummax = accumulator("cummax", (t, axis) => maxPrimitive([t], { axis }), asNumber);
/** The least element so far along an axis (default: of x flattened); NaN from the first on. Those that tie share the derivative. */
export const cummin = accumulator("cummin", (t, axis) => minPrimitive([t], { axis }), asNumber);

/** log(cumsum(exp(x))) along an axis (default: of x flattened), without overflow, and each place as accurate as its own sum. */
export const logcumsumexp = accumulator(
  "logcumsumexp",
  (t, axis) =>
    typeof t.shape[axis] === "number"
      ? prefixes([t], [-Infinity], axis, ([a], [b]) => [logaddexp(a!, b!)])[0]!
      : byPairs(t, axis, (elements, _, before) => logsumexp(where(before, elements(t), -Infinity), -1 as never)),
  toFloat,
);

/** The differences of neighbours along an axis (default: the last), n times over; of bools, whether they differ. */
export function diff<A extends Operand, const Ax extends number = -1>(x: A, n?: number, axis?: InRange<ShapeOf<A>, Ax, "diff">): Tensor;
export function diff(x: Operand, n = 1, axis = -1): Tensor {
  const t = toTensor("diff", x);
  const at = normalizeAxis("diff", axis, t.rank);
  if (!Number.isInteger(n) || n < 0) throw new Error(`diff: how often must be a non-negative integer, got ${n}`);
  const size: Dim = t.shape[at]!;
  if (typeof size === "number" && n > size)
    throw new Error(`diff: axis ${at} of ${t.describe()} has too few elements for ${n} differences`);
  let out = t;
  for (let k = 0; k < n; k++) {
    const m = out.shape[at]!;
    const [above, below] = [sliceAxis(out, at, 1, m), sliceAxis(out, at, 0, addDims(m, -1))];
    out = t.dtype === "bool" ? logicalXor(above, below) : sub(above, below);
  }
  return out;
}
