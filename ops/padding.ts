/** The options that convolution and pooling have in common: numbers for each axis of space, and what lies around it. */
import type { Dim } from "../core/dim.ts";
import type { Shape } from "../core/shape.ts";
import { showArgument } from "./describe.ts";
import { reachOf } from "./windows.ts";

export type PaddingOption = "valid" | "same" | number | readonly (number | readonly [number, number])[];

/** One integer for each axis. */
export function perAxis(op: string, name: string, given: number | readonly number[], rank: number, least = 1): number[] {
  const list = typeof given === "number" ? new Array<number>(rank).fill(given) : given;
  if (!Array.isArray(list) || list.length !== rank || list.some((n) => !Number.isInteger(n) || n < least))
    throw new Error(
      `${op}: ${name} must be ${least > 0 ? "a positive" : "a non-negative"} integer, or ${rank} of them, got ${showArgument(given)}`,
    );
  return [...(list as number[])];
}

/** How many elements lie before and behind each axis of space. */
export function paddingOf(
  op: string,
  given: PaddingOption,
  space: Shape,
  window: Shape,
  strides: readonly number[],
  dilation: readonly number[],
): (readonly [Dim, Dim])[] {
  const fail = (what: string): never => {
    throw new Error(`${op}: ${what}`);
  };
  if (given === "valid") return space.map(() => [0, 0]);
  if (given === "same")
    return space.map((n, i) => {
      const reach = reachOf(window[i]!, dilation[i]!);
      const stride = strides[i]!;
      if (typeof reach !== "number" || (typeof n !== "number" && stride !== 1))
        return fail(`padding "same" needs windows of known sizes, and known sizes of space where the stride is not 1`);
      const total = typeof n === "number" ? Math.max(0, (Math.ceil(n / stride) - 1) * stride + reach - n) : reach - 1;
      return [Math.floor(total / 2), total - Math.floor(total / 2)];
    });
  const list = typeof given === "number" ? space.map(() => given) : given;
  if (!Array.isArray(list) || list.length !== space.length)
    return fail(
      `padding must be "valid", "same", a number, or [before, after] for each of ${space.length} axes, got ${showArgument(given)}`,
    );
  return list.map((entry: number | readonly [number, number]) => {
    const both = typeof entry === "number" ? ([entry, entry] as const) : entry;
    if (!Array.isArray(both) || both.length !== 2 || both.some((n) => !Number.isInteger(n) || n < 0))
      return fail(`padding must be non-negative integers, got ${showArgument(entry)}`);
    return [both[0] as number, both[1] as number] as const;
  });
}
