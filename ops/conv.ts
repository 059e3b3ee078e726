/**
 * Convolution in one to three dimensions (cross-correlation, as the field has it). One primitive does it all: a valid convolution with
 * strides and dilation, over an axis of groups. Padding and gaps between elements are pads of their own, and each transpose is a
 * convolution again, so that every order of derivative is one.
 *
 *   x [g, n, c, ...space], w [g, o, c, ...window] -> [g, n, o, ...out]
 *   out[p] = sum over c and t of x[c, p stride + t dilation] w[c, t]
 *
 * It is the product of w, as a matrix, with the windows of x, as another: read where they lie when views can express that, else copied
 * together first. Few terms are written out instead. All three sum over (c, t) in row-major order by the fixed tree.
 */
import { addDims, type Dim, mulDims, sameDim, subDims } from "../core/dim.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { body, matmulKernel, type Step } from "../kernel/kernel.ts";
import { type LowerCall, type Lowered, loop, outputView, packed } from "../kernel/lowering.ts";
import { contiguous, reshapeView, transposeView, type View } from "../kernel/view.ts";
import { addN, sumByTree } from "./addN.ts";
import { bilinear } from "./arithmetic.ts";
import { factors } from "./matmul.ts";
import type { Operand } from "./operand.ts";
import { type PaddingOption, paddingOf, perAxis } from "./padding.ts";
import { padPrimitive, sliceOf } from "./pad.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { flip, permute } from "./transpose.ts";
import { reachOf, windowCount, windowView } from "./windows.ts";

interface ConvParams {
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
}

/** Products of so few terms are elementwise loops. */
const UNROLLED = 9;

export const convPrimitive: PrimitiveFunction<ConvParams> = definePrimitive<ConvParams>({
  name: "conv",
  complex: ({ params, inputs: [x, w] }) => [bilinear((a, b) => convPrimitive([a, b], params), x!, w!)],
  type: ([x, w], { strides, dilation }) => {
    if (x!.dtype !== w!.dtype || x!.dtype === "bool")
      throw new Error(`conv: needs operands of one numeric dtype, got ${x!.describe()} and ${w!.describe()}`);
    const out = strides.map((s, i) => windowCount(x!.shape[i + 3]!, w!.shape[i + 3]!, s, dilation[i]!)!);
    return { shape: [x!.shape[0]!, x!.shape[1]!, w!.shape[1]!, ...out], dtype: x!.dtype };
  },
  jvp: ({ params, inputs: [x, w], tangents: [dx, dw] }) => [
    addN([dx && convPrimitive([dx, w!], params), dw && convPrimitive([x!, dw], params)]),
  ],
  transpose: ({ params, inputs: [x, w], linear, cotangents: [ct] }) => {
    if (linear[0] && linear[1]) throw new Error("conv: a product of two tangents is not linear");
    return linear[0]
      ? [backToInput(ct!, w!, x!.shape.slice(3), params), undefined]
      : [undefined, backToWindow(ct!, x!, w!.shape.slice(3), params)];
  },
  batch: ({ params, inputs: [x, w], batched, size }) => {
    const merge = (t: Tensor, at: number): Tensor => {
      const front = permute(t, [...range(1, at + 1), 0, ...range(at + 1, t.rank)]);
      return reshape(front, [...front.shape.slice(0, at), mulDims(size, front.shape[at + 1]!), ...front.shape.slice(at + 2)]);
    };
    const split = (t: Tensor, at: number, inner: Dim): Tensor => {
      const wide = reshape(t, [...t.shape.slice(0, at), size, inner, ...t.shape.slice(at + 1)]);
      return permute(wide, [at, ...range(0, at), ...range(at + 1, wide.rank)]);
    };
    // Examples with windows of their own are groups; else they are more examples, or more outputs.
    if (batched[0] && batched[1]) return [split(convPrimitive([merge(x!, 0), merge(w!, 0)], params), 0, x!.shape[1]!)];
    if (batched[0]) return [split(convPrimitive([merge(x!, 1), w!], params), 1, x!.shape[2]!)];
    return [split(convPrimitive([x!, merge(w!, 1)], params), 2, w!.shape[2]!)];
  },
  lower: (call) => {
    const terms = sizeOf(call.inputs[1]!.shape.slice(2));
    return typeof terms === "number" && terms <= UNROLLED ? lowerUnrolled(call) : lowerProduct(call);
  },
});

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
const spatial = (rank: number): number[] => range(3, rank);

/** The cotangent of x: that of the output, spread apart by the strides, convolved with the window backwards. */
function backToInput(ct: Tensor, w: Tensor, space: Shape, { strides, dilation }: ConvParams): Tensor {
  const around = dilation.map((d, i) => addDims(reachOf(w.shape[i + 3]!, d), -1));
  const behind = space.map((n, i) => subDims(n, addDims(mulDims(addDims(ct.shape[i + 3]!, -1), strides[i]!), addDims(around[i]!, 1))));
  const spread = padded(
    ct,
    around,
    around.map((a, i) => addDims(a, behind[i]!)),
    strides.map((s) => s - 1),
  );
  const backwards = flip(permute(w, [0, 2, 1, ...spatial(w.rank)]), spatial(w.rank) as never);
  return convPrimitive([spread, backwards], { strides: strides.map(() => 1), dilation });
}

/** The cotangent of w: x convolved with the cotangent of the output, strides and dilation exchanged, examples and channels too. */
function backToWindow(ct: Tensor, x: Tensor, window: Shape, { strides, dilation }: ConvParams): Tensor {
  const used = window.map((k, i) => addDims(reachOf(k, dilation[i]!), mulDims(addDims(ct.shape[i + 3]!, -1), strides[i]!)));
  const part = sliceOf(x, [0, 0, 0, ...used.map(() => 0)], [...x.shape.slice(0, 3), ...used]);
  const swap = (t: Tensor): Tensor => permute(t, [0, 2, 1, ...spatial(t.rank)]);
  return swap(convPrimitive([swap(part), swap(ct)], { strides: dilation, dilation: strides }));
}

/** Zeros around the spatial axes and between their elements. */
function padded(x: Tensor, low: readonly Dim[], high: readonly Dim[], interior: readonly number[]): Tensor {
  if ([...low, ...high, ...interior].every((d) => d === 0)) return x;
  const still = x.shape.slice(0, -low.length).map(() => 0);
  return padPrimitive([x], { low: [...still, ...low], high: [...still, ...high], interior: [...still, ...interior], value: 0 });
}

// ---- lowering
/** x through its windows: [g, n, c, ...out, ...window]. */
const windowsOf = (x: View, window: Shape, out: Shape, { strides, dilation }: ConvParams): View =>
  window.reduce<View>((v, size, i) => windowView(v, out[i]!, { axis: i + 3, size, stride: strides[i]!, dilation: dilation[i]! }), x);

function lowerProduct({ params, inputs: [x, w], outputTypes: [type] }: LowerCall<ConvParams>): Lowered {
  const [g, n, o, ...out] = type!.shape as [Dim, Dim, Dim, ...Dim[]];
  const d = out.length;
  const window = w!.shape.slice(3);
  // [g, c, ...window, n, ...out], of which the middle and the end become one axis each.
  const windows = transposeView(windowsOf(x!, window, out, params), [0, 2, ...range(3 + d, 3 + 2 * d), 1, ...range(3, 3 + d)]);
  const terms = sizeOf(w!.shape.slice(2));
  const places = mulDims(n, sizeOf(out));
  const left = asMatrices(w!, [g, o, terms]);
  const right = asMatrices(windows, [g, terms, places]);
  const { storage } = dtypeInfo(type!.dtype);
  const product = contiguous(storage, [g, o, n, ...out]);
  const step: Step = {
    kernel: matmulKernel(storage),
    sizes: [g, o, places, terms],
    reads: [left.view, right.view],
    writes: [reshapeView(product, [g, o, places])!],
    uniforms: [],
  };
  return { steps: [...left.steps, ...right.steps, step], outputs: [transposeView(product, [0, 2, 1, ...range(3, 3 + d)])] };
}

/** A view under a shape with fewer axes, or a copy where strides cannot express it. */
function asMatrices(v: View, shape: Shape): { view: View; steps: Step[] } {
  const direct = reshapeView(v, shape);
  if (direct) return { view: direct, steps: [] };
  const { view, steps } = packed(v);
  return { view: reshapeView(view, shape)!, steps };
}

/** The sum of a few products at each point. */
function lowerUnrolled({ params: { strides, dilation }, inputs: [x, w], outputTypes: [type] }: LowerCall<ConvParams>): Lowered {
  const output = outputView(type!);
  const { shape } = output;
  const { storage } = output.slot;
  const window = w!.shape.slice(2) as readonly number[];
  const space = shape.slice(3);
  const reads: View[] = [];
  const at = (v: View, steps: readonly number[], strideOf: readonly Dim[]): e.Expr => {
    // Steps along the channels and the spatial axes.
    const offset = steps.reduce<Dim>((sum, s, i) => addDims(sum, mulDims(s, v.strides[i + 2]!)), v.offset);
    return e.read(reads.push({ ...v, shape, offset, strides: strideOf }) - 1, storage);
  };
  const products: e.Expr[] = [];
  for (const position of positionsOf(window)) {
    const [channel, ...t] = position as [number, ...number[]];
    const element = at(
      x!,
      [channel, ...t.map((k, i) => k * dilation[i]!)],
      [x!.strides[0]!, x!.strides[1]!, 0, ...space.map((_, i) => mulDims(x!.strides[i + 3]!, strides[i]!))],
    );
    products.push(e.mul(at(w!, position, [w!.strides[0]!, 0, w!.strides[1]!, ...space.map(() => 0)]), element));
  }
  const inner = body(
    reads.map(() => storage),
    [products.length > 0 ? sumByTree(products) : e.constant(storage, 0)],
  );
  return { steps: [loop({ shape, body: inner, reads, writes: [output] })], outputs: [output] };
}

/** Every position of a shape, in row-major order. */
const positionsOf = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>((all, n) => all.flatMap((p) => range(0, n).map((i) => [...p, i])), [[]]);

// ---- functions
export interface ConvOptions {
  /** From each window to the next, one number for all axes or one each (default 1). */
  readonly strides?: number | readonly number[];
  /** Zeros around x: "valid" (none, the default), "same" (out = ceil(n / stride)), a number, or [before, after] for each axis. */
  readonly padding?: PaddingOption;
  /** From each element of a window to the next (default 1). */
  readonly dilation?: number | readonly number[];
  /** Into how many groups channels and outputs are divided, each seeing its own (default 1). */
  readonly groups?: number;
}

interface Operands {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly rank: number;
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** What both functions check alike. */
function prepare(op: string, a: Operand, b: Operand, options: ConvOptions): Operands {
  const [x, w] = factors(op, [a, b]) as [Tensor, Tensor];
  const rank = x.rank - 2;
  if (rank < 1 || rank > 3 || w.rank !== x.rank)
    throw new Error(
      `${op}: x must be [examples, channels, ...space] and the windows [outputs, channels, ...window], with 1 to 3 axes of space, got ${x.describe()} and ${w.describe()}`,
    );
  const { groups = 1 } = options;
  if (!Number.isInteger(groups) || groups < 1) throw new Error(`${op}: groups must be a positive integer, got ${String(groups)}`);
  return {
    x,
    w,
    rank,
    groups,
    strides: perAxis(op, "strides", options.strides ?? 1, rank),
    dilation: perAxis(op, "dilation", options.dilation ?? 1, rank),
  };
}

/** An axis cut into groups, which come first. */
function grouped(op: string, t: Tensor, axis: number, groups: number): Tensor {
  const n = t.shape[axis]!;
  const part = typeof n === "number" ? n / groups : groups === 1 ? n : NaN;
  if (typeof part === "number" && !Number.isInteger(part))
    throw new Error(`${op}: axis ${axis} of ${t.describe()}, of size ${n}, does not divide into ${groups} groups`);
  const wide = reshape(t, [...t.shape.slice(0, axis), groups, part, ...t.shape.slice(axis + 1)]);
  return permute(wide, [axis, ...range(0, axis), ...range(axis + 1, wide.rank)]);
}

/** [g, n, o, ...] -> [n, g o, ...]. */
function ungrouped(t: Tensor): Tensor {
  const [g, n, o, ...rest] = t.shape as [Dim, Dim, Dim, ...Dim[]];
  return reshape(permute(t, [1, 0, ...range(2, t.rank)]), [n, mulDims(g, o), ...rest]);
}

/**
 * x [examples, channels, ...space] convolved with windows [outputs, channels / groups, ...window], not mirrored:
 * [examples, outputs, ...out], in 1, 2 or 3 dimensions of space.
 */
export function conv(x: Operand, windows: Operand, options: ConvOptions = {}): Tensor {
  const op = "conv";
  const { x: t, w, strides, dilation, groups } = prepare(op, x, windows, options);
  const each = grouped(op, t, 1, groups);
  if (!sameDim(each.shape[2]!, w.shape[1]!))
    throw new Error(
      `${op}: ${t.describe()} has ${t.shape[1]} channels, in ${groups} group${groups > 1 ? "s" : ""}, but ${w.describe()} expects ${w.shape[1]} in each`,
    );
  const around = paddingOf(op, options.padding ?? "valid", t.shape.slice(2), w.shape.slice(2), strides, dilation);
  const wide = padded(
    each,
    around.map(([low]) => low),
    around.map(([, high]) => high),
    strides.map(() => 0),
  );
  strides.forEach((s, i) => {
    const count = windowCount(wide.shape[i + 3]!, w.shape[i + 2]!, s, dilation[i]!);
    if (count === undefined)
      throw new Error(`${op}: how many windows fit in axis ${i + 2} of ${t.describe()} is not known; stride ${s} must divide`);
    if (typeof count === "number" && count < 1)
      throw new Error(
        `${op}: windows ${w.describe()} do not fit in axis ${i + 2} of ${t.describe()}, which has ${wide.shape[i + 3]} elements with padding`,
      );
  });
  return ungrouped(convPrimitive([wide, grouped(op, w, 0, groups)], { strides, dilation }));
}

export interface ConvTransposeOptions extends ConvOptions {
  /** How many zeros the convolution that this undoes had around its input: a number, or [before, after] for each axis (default 0). */
  readonly padding?: Exclude<PaddingOption, "same">;
  /** How many more elements the result has at the end of each axis (default 0), where several sizes have the same convolution. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * The transpose of `conv` by its first argument, also called a deconvolution: x [examples, channels, ...space] and windows
 * [channels, outputs / groups, ...window] give [examples, outputs, ...out], out = (n - 1) stride + reach of the window - padding +
 * outputPadding.
 */
export function convTranspose(x: Operand, windows: Operand, options: ConvTransposeOptions = {}): Tensor {
  const op = "convTranspose";
  const { x: t, w, rank, strides, dilation, groups } = prepare(op, x, windows, options);
  if (!sameDim(t.shape[1]!, w.shape[0]!))
    throw new Error(`${op}: ${t.describe()} has ${t.shape[1]} channels, but ${w.describe()} is for ${w.shape[0]}`);
  if ((options.padding as unknown) === "same") throw new Error(`${op}: padding must be given in numbers; "same" does not say how many`);
  const space = t.shape.slice(2);
  const around = paddingOf(op, options.padding ?? 0, space, w.shape.slice(2), strides, dilation);
  const more = perAxis(op, "outputPadding", options.outputPadding ?? 0, rank, 0);
  const whole = space.map((n, i) =>
    addDims(addDims(mulDims(addDims(n, -1), strides[i]!), reachOf(w.shape[i + 2]!, dilation[i]!)), more[i]!),
  );
  const y = ungrouped(backToInput(grouped(op, t, 1, groups), grouped(op, w, 0, groups), whole, { strides, dilation }));
  const sizes = whole.map((n, i) => subDims(n, addDims(around[i]![0], around[i]![1])));
  if (sizes.some((n) => typeof n === "number" && n < 1))
    throw new Error(`${op}: the padding leaves nothing of ${t.describe()}: sizes ${sizes.join(", ")}`);
  return sliceOf(y, [0, 0, ...around.map(([low]) => low)], [...y.shape.slice(0, 2), ...sizes]);
}

/** What this file defines, for table.ts. */
export const primitives = [convPrimitive.primitive];
