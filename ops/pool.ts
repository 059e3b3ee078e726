/** Pooling: the greatest or the mean of windows over the axes of space, which are views. */
import { dtypeInfo } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import type { Tensor } from "../core/tensor.ts";
import { div } from "./arithmetic.ts";
import { broadcastLast, reduceSum } from "./broadcast.ts";
import { convert } from "./convert.ts";
import { type Operand, toFloat, toTensor } from "./operand.ts";
import { padPrimitive } from "./pad.ts";
import { type PaddingOption, paddingOf, perAxis } from "./padding.ts";
import { max } from "./reductions.ts";
import { windowsAlong } from "./windows.ts";

export interface PoolOptions {
  /** From each window to the next (default: the size of the window, so that none overlap). */
  readonly strides?: number | readonly number[];
  /** What lies around x, never the greatest: "valid" (nothing, the default), "same", a number, or [before, after] for each axis. */
  readonly padding?: PaddingOption;
  /** From each element of a window to the next (default 1). */
  readonly dilation?: number | readonly number[];
}

/** x with `filling` around it, through windows over all axes behind the first two: [n, c, ...out, ...window]. */
function windowsOver(
  op: string,
  t: Tensor,
  size: number | readonly number[],
  options: PoolOptions,
  filling: number,
): { windows: Tensor; sizes: number[] } {
  const rank = t.rank - 2;
  if (rank < 1) throw new Error(`${op}: x must be [examples, channels, ...space], got ${t.describe()}`);
  const sizes = perAxis(op, "the size of a window", size, rank);
  const strides = perAxis(op, "strides", options.strides ?? sizes, rank);
  const dilation = perAxis(op, "dilation", options.dilation ?? 1, rank);
  const around = paddingOf(op, options.padding ?? "valid", t.shape.slice(2), sizes, strides, dilation);
  const wide = around.every(([a, b]) => a === 0 && b === 0)
    ? t
    : padPrimitive([t], {
        low: [0, 0, ...around.map(([low]) => low)],
        high: [0, 0, ...around.map(([, high]) => high)],
        interior: t.shape.map(() => 0),
        value: filling,
      });
  const windows = sizes.reduce(
    (v, n, i) => windowsAlong(op, v, { axis: i + 2, size: n, stride: strides[i]!, dilation: dilation[i]! }),
    wide,
  );
  return { windows, sizes };
}

/**
 * The greatest element of each window over the axes of space of x [examples, channels, ...space]; NaN where there is one. Elements that tie
 * share the derivative evenly.
 */
export function maxPool(x: Operand, size: number | readonly number[], options: PoolOptions = {}): Tensor {
  const t = toTensor("maxPool", x);
  const lowest = { f32: -Infinity, f64: -Infinity, i32: -(2 ** 31), u32: 0 }[dtypeInfo(t.dtype).storage];
  const { windows, sizes } = windowsOver("maxPool", t, size, options, lowest);
  return max(windows, sizes.map((_, i) => t.rank + i) as never);
}

export interface AvgPoolOptions extends PoolOptions {
  /** Whether zeros around x count in the mean (default true). */
  readonly countPadding?: boolean;
}

/** The mean of each window over the axes of space of x [examples, channels, ...space]. */
export function avgPool(x: Operand, size: number | readonly number[], options: AvgPoolOptions = {}): Tensor {
  const t = toFloat("avgPool", x);
  const total = (of: Tensor): { sum: Tensor; count: number } => {
    const { windows, sizes } = windowsOver("avgPool", of, size, options, 0);
    // One axis after the other: each is a sum over a view.
    const sum = sizes.reduce((s) => reduceSum([s], { axes: [s.rank - 1] }), windows);
    return { sum, count: sizes.reduce((a, b) => a * b, 1) };
  };
  const { sum, count } = total(t);
  if (options.countPadding ?? true) return div(sum, count);
  const ones = total(broadcastLast(convert(scalar(1, "float32"), t.dtype), t.shape));
  return div(sum, ones.sum);
}
