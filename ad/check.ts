/**
 * Gradient checking: derivatives against finite differences in float64, recursively to the order wanted. Forward mode is
 * compared along a random direction, reverse mode by the identity <ct, J v> = <J^T ct, v>; Taylor series and batches on request.
 */
import { complexOf } from "../core/complex.ts";
import { isComplex, isInexact } from "../core/dtype.ts";
import { constant } from "../core/leaves.ts";
import { isStatic } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import { flatten, type Tree } from "../core/tree.ts";
import type { Value } from "../core/value.ts";
import { imag, real } from "../ops/complex.ts";
import { convert } from "../ops/convert.ts";
import { stack } from "../ops/concatenate.ts";
import { showArgument } from "../ops/describe.ts";
import { jet } from "./jet.ts";
import { jvp, type TransformOptions } from "./jvp.ts";
import { type Fn, tensorsOf } from "./trace.ts";
import { vjp } from "./vjp.ts";
import { vmap } from "./vmap.ts";

export type CheckMode = "fwd" | "rev" | "jet" | "vmap";
const known: readonly CheckMode[] = ["fwd", "rev", "jet", "vmap"];

export interface CheckGradsOptions extends TransformOptions {
  /** 1 checks first derivatives, 2 those of the derivatives, and so on (default 2). */
  readonly order?: number;
  /** Forward and reverse mode when left out; "jet" compares Taylor series along the direction, "vmap" a batch with its examples. */
  readonly modes?: readonly CheckMode[];
  /** Relative and absolute tolerance (default 1e-6 of the size, and 1e-7). */
  readonly rtol?: number;
  readonly atol?: number;
  /** The step of the finite differences, relative to a unit direction (default 1e-4). */
  readonly step?: number;
  /** Seeds the random directions (default 0). */
  readonly seed?: number;
}

/** Computes the values of closed expressions. */
export type Evaluate = (tensors: readonly Tensor[]) => Promise<readonly Value[]>;

/** A function of float64 arrays: f with everything that cannot be differentiated held fixed. */
type Point = readonly Float64Array[];

/** The core of `checkGrads`; `evaluate` is where an engine comes in. */
export async function checkGradsWith(evaluate: Evaluate, f: Fn, args: readonly unknown[], options: CheckGradsOptions = {}): Promise<void> {
  const { order = 2, modes = ["fwd", "rev"], rtol = 1e-6, atol = 1e-7, step = 1e-4, seed = 0 } = options;
  if (!Number.isInteger(order) || order < 1) throw new Error(`checkGrads: order must be a positive integer, got ${String(order)}`);
  if (modes.length === 0 || modes.some((m) => !known.includes(m)))
    throw new Error(`checkGrads: modes must be some of "fwd", "rev", "jet" and "vmap", got ${showArgument(modes)}`);
  if (!Array.isArray(args)) throw new Error("checkGrads: the arguments are an array of f's arguments, as in checkGrads(f, [x])");
  const random = generator(seed);
  const flat = flatten(args as unknown as Tree<unknown>);
  // Complex arguments and results count as two: derivatives are those of the parts.
  const parts = flat.leaves.map((x): readonly Tensor[] => {
    if (typeof x === "number") return [constant(x, { dtype: "float64" })];
    return x instanceof Tensor && isInexact(x.dtype) ? partsIn64(x) : [];
  });
  const values = await evaluate(parts.flat());
  if (values.length === 0) throw new Error("checkGrads: none of the arguments is a float or complex tensor, or a number");
  const shapes = values.map((v) => v.shape);
  const rebuild = (leaves: readonly Tensor[]): unknown[] => {
    let at = 0;
    const whole = flat.leaves.map((x, i) => {
      const [re, im] = parts[i]!.map(() => leaves[at++]!);
      return im ? complexOf({ re, im }) : (re ?? x);
    });
    return flat.rebuild(whole) as unknown[];
  };
  const g: Fn = (...leaves: Tensor[]) =>
    tensorsOf("checkGrads", f(...rebuild(leaves)), "the function's result").leaves.flatMap((t) => (isInexact(t.dtype) ? partsIn64(t) : []));

  const check = async (h: Fn, at: Point, atShapes: readonly (readonly number[])[], depth: number, name: string): Promise<void> => {
    const tensors = at.map((data, i) => constant(data, { shape: atShapes[i]! }));
    const outputs = h(...tensors) as Tensor[];
    for (const t of outputs)
      if (!isStatic(t.shape)) throw new Error(`checkGrads: the result ${t.describe()} has a named dimension; check at a fixed size`);
    const direction = at.map((data) => Float64Array.from(data, () => random()));
    const place = (scale: number): Tensor[] =>
      at.map((data, i) =>
        constant(
          data.map((x, k) => x + scale * step * direction[i]![k]!),
          { shape: atShapes[i]! },
        ),
      );
    const moved = (scale: number): Tensor[] => h(...place(scale)) as Tensor[];
    const tangents = direction.map((data, i) => constant(data, { shape: atShapes[i]! }));
    const cotangents = outputs.map((t) =>
      Float64Array.from({ length: (t.shape as readonly number[]).reduce((n, d) => n * d, 1) }, () => random()),
    );
    const cts = cotangents.map((data, i) => constant(data, { shape: outputs[i]!.shape as readonly number[] }));
    const pushed = jvp(h, tensors, tangents, options)[1] as unknown as Tensor[];
    const pulled = modes.includes("rev") ? (vjp(h, tensors, options)[1](cts) as unknown as Tensor[]) : [];
    const all = await evaluate([...moved(1), ...moved(-1), ...moved(2), ...moved(-2), ...pushed, ...pulled]);
    const n = outputs.length;
    const numeric = differences(all.slice(0, 4 * n), n, step);
    const tangent = all.slice(4 * n, 5 * n);
    if (modes.includes("fwd"))
      compare(
        `${name}jvp`,
        numeric,
        tangent.map((v) => v.data),
        rtol,
        atol,
      );
    if (modes.includes("rev")) {
      const expected = dot(cotangents, numeric);
      const size = dot(
        cotangents.map((c) => c.map(Math.abs)),
        numeric.map((c) => c.map(Math.abs)),
      );
      const got = dot(
        all.slice(5 * n).map((v) => v.data as Float64Array),
        direction,
      );
      if (!(Math.abs(got - expected) <= atol + rtol * Math.max(size, Math.abs(got))))
        throw new Error(`checkGrads: ${name}vjp is off: <J^T ct, v> is ${got}, <ct, J v> by finite differences is ${expected}`);
    }
    if (name === "" && modes.includes("jet")) {
      // The k-th derivatives along the line, as differences of the one below.
      const series = (scale: number): Tensor[][] =>
        jet(
          h,
          place(scale),
          tangents.map((d) => [d, ...new Array<null>(order - 1).fill(null)]),
          options,
        )[1] as unknown as Tensor[][];
      const here = series(0);
      let below = numeric;
      for (let k = 0; k < order; k++) {
        if (k > 0) below = differences(await evaluate([1, -1, 2, -2].flatMap((scale) => series(scale)[k - 1]!)), n, step);
        const found = await evaluate(here[k]!);
        compare(
          `jet of order ${k + 1}`,
          below,
          found.map((v) => v.data),
          rtol,
          atol,
        );
      }
    }
    if (name === "" && modes.includes("vmap")) {
      const examples = [place(0), place(1), place(-2)];
      const together = vmap(h, options)(...tensors.map((_, i) => stack(examples.map((xs) => xs[i]!)))) as Tensor[];
      const [batch, alone] = [await evaluate(together), await evaluate(examples.flatMap((xs) => h(...xs) as Tensor[]))];
      compare(
        "vmap",
        outputs.map((_, o) => Float64Array.from(examples.flatMap((__, k) => [...alone[k * n + o]!.data]))),
        batch.map((v) => v.data),
        rtol,
        atol,
        "one by one",
      );
    }
    if (depth > 1) {
      const widen: Fn = (...xs: Tensor[]) => jvp(h, xs, tangents, options)[1];
      if (modes.includes("fwd")) await check(widen, at, atShapes, depth - 1, `${name}jvp of `);
      if (modes.includes("rev")) await check((...xs: Tensor[]) => vjp(h, xs, options)[1](cts), at, atShapes, depth - 1, `${name}vjp of `);
    }
  };
  await check(
    g,
    values.map((v) => Float64Array.from(v.data)),
    shapes,
    order,
    "",
  );
}

const partsIn64 = (t: Tensor): readonly Tensor[] => (isComplex(t.dtype) ? [real(t), imag(t)] : [t]).map((part) => convert(part, "float64"));

/** Derivatives from n values each at +1, -1, +2 and -2 steps, by Richardson's combination of two central differences: of fourth order in the step. */
function differences(values: readonly Value[], n: number, step: number): Float64Array[] {
  const [p1, m1, p2, m2] = [0, 1, 2, 3].map((k) => values.slice(k * n, k * n + n)) as [Value[], Value[], Value[], Value[]];
  return p1.map((v, i) =>
    Float64Array.from(v.data, (x, k) => (8 * (x - m1[i]!.data[k]!) - (p2[i]!.data[k]! - m2[i]!.data[k]!)) / (12 * step)),
  );
}

function compare(
  what: string,
  expected: readonly Float64Array[],
  got: readonly ArrayLike<number>[],
  rtol: number,
  atol: number,
  by = "by finite differences",
): void {
  let worst = { excess: 0, text: "" };
  expected.forEach((e, o) => {
    const size = e.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    e.forEach((x, k) => {
      const difference = Math.abs(x - got[o]![k]!);
      const excess =
        Number.isNaN(difference) && !(Number.isNaN(x) && Number.isNaN(got[o]![k]!))
          ? Number.POSITIVE_INFINITY
          : difference / (atol + rtol * size);
      if (excess > worst.excess) worst = { excess, text: `output ${o}, element ${k}: ${got[o]![k]} by the rule, ${x} ${by}` };
    });
  });
  if (worst.excess > 1)
    throw new Error(`checkGrads: ${what} is off by ${worst.excess.toPrecision(3)} times the tolerance at ${worst.text}`);
}

const dot = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number =>
  a.reduce((sum, x, i) => sum + Array.from(x, (v, k) => v * b[i]![k]!).reduce((s, v) => s + v, 0), 0);

/** Uniform numbers in [-1, 1): mulberry32, enough for directions. */
function generator(seed: number): () => number {
  let a = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1;
  };
}
