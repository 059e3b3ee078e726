/**
 * The discrete Fourier transform, of pairs of real and imaginary parts: the primitive for lengths of small prime factors, and any other length
 * by Bluestein's convolution with it. The functions that users call are in fourier.ts.
 */
import { type Dim, mulDims } from "../core/dim.ts";
import type { DType } from "../core/dtype.ts";
import { constant } from "../core/leaves.ts";
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { fft as routine, fftTable, radicesOf } from "../kernel/routines/fft.ts";
import { rootsOfUnity } from "../kernel/roots.ts";
import { add, mul, neg, sub } from "./arithmetic.ts";
import { batchAlong } from "./broadcast.ts";
import { convert } from "./convert.ts";
import { lowerRoutine } from "./linalg.ts";
import { pad, sliceAxis } from "./pad.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";

/** Real and imaginary parts; one of them may be zero all over. */
export interface Spectrum {
  readonly re: Tensor | undefined;
  readonly im: Tensor | undefined;
}

interface FFTParams {
  readonly n: number;
  /** Results are multiplied by this. */
  readonly scale: number;
}

/** So many columns are transformed side by side, where there are more. */
const WIDTH = 16;

/** Real parts [items, n, columns], imaginary parts alike unless they are zero, the table of factors -> real and imaginary parts. */
const fftPrimitive: PrimitiveFunction<FFTParams> = definePrimitive<FFTParams>({
  name: "fft",
  type: ([re]) => [re!.outputs[0]!, re!.outputs[0]!],
  jvp: ({ params, inputs, tangents }) => {
    const { re, im } = transformed({ re: tangents[0], im: inputs.length > 2 ? tangents[1] : undefined }, inputs.at(-1)!, params);
    return [re, im];
  },
  // The matrix is symmetric. What is transposed as a real map is its conjugate, which is the transform of exchanged parts.
  transpose: ({ params, inputs, cotangents }) => {
    const { re, im } = exchanged(transformed(exchanged({ re: cotangents[0], im: cotangents[1] }), inputs.at(-1)!, params));
    return inputs.length > 2 ? [re, im, undefined] : [re, undefined];
  },
  batch: ({ params, inputs, batched, size }) => {
    const parts = inputs.slice(0, -1).map((t, i) => (batched[i] ? t : batchAlong(t, size)));
    const [items, n, columns] = parts[0]!.shape.slice(1) as [Dim, Dim, Dim];
    const all = parts.map((t) => reshape(t, [mulDims(size, items), n, columns]));
    return fftPrimitive.many([...all, inputs.at(-1)!], params).map((t) => reshape(t, [size, items, n, columns]));
  },
  lower: ({ params: { n, scale }, inputs, inputTypes, outputTypes }) => {
    const [items, , columns] = inputTypes[0]!.shape as [Dim, Dim, Dim];
    const all = typeof columns === "number" && columns <= WIDTH;
    const width = all ? Math.max(columns, 1) : WIDTH;
    const kernel = routine({ n, scale, width, all, real: inputs.length === 2 });
    return lowerRoutine(kernel, [items, n, columns, inputTypes.at(-1)!.shape[0]!, width], inputs, outputTypes);
  },
});

const exchanged = ({ re, im }: Spectrum): Spectrum => ({ re: im, im: re });

function transformed({ re, im }: Spectrum, table: Tensor, params: FFTParams): Spectrum {
  const inputs = re && im ? [re, im] : [re ?? im];
  if (!inputs[0]) return { re, im };
  const [a, b] = fftPrimitive.many([...(inputs as Tensor[]), table], params) as [Tensor, Tensor];
  // Of i x where there are no real parts.
  return re ? { re: a, im: b } : { re: neg(b), im: a };
}

/** Tables that some graph holds, by their length and dtype: equal ones are one constant. */
const tables = new Map<string, WeakRef<Tensor>>();

function tableOf(name: string, dtype: DType, make: () => Float64Array): Tensor {
  const key = `${name} ${dtype}`;
  const known = tables.get(key)?.deref();
  if (known) return known;
  const made = constant(make(), { dtype });
  tables.set(key, new WeakRef(made));
  return made;
}

export interface Transformation {
  readonly axis: number;
  readonly inverse: boolean;
  readonly scale: number;
}

/** The transform along an axis, whose length is known and not 0. The inverse is that of exchanged parts. */
export function fourier(z: Spectrum, { axis, inverse, scale }: Transformation): Spectrum {
  const { shape } = (z.re ?? z.im)!;
  const n = shape[axis] as number;
  const stack = [sizeOf(shape.slice(0, axis)), n, sizeOf(shape.slice(axis + 1))];
  const x = each(inverse ? exchanged(z) : z, (t) => reshape(t, stack));
  const y = each(radicesOf(n) ? direct(x, n, scale) : bluestein(x, n, scale), (t) => reshape(t, shape));
  return inverse ? exchanged(y) : y;
}

const each = ({ re, im }: Spectrum, f: (t: Tensor) => Tensor): Spectrum => ({ re: re && f(re), im: im && f(im) });

const direct = (x: Spectrum, n: number, scale: number): Spectrum =>
  transformed(
    x,
    tableOf(`factors ${n}`, (x.re ?? x.im)!.dtype, () => fftTable(n)),
    { n, scale },
  );

/**
 * Any length, as a convolution (Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", 1970): with
 * c_j = exp(-i pi j^2 / n), the k-th result is c_k times the sum over j of x_j c_j / c_(k - j).
 */
function bluestein(x: Spectrum, n: number, scale: number): Spectrum {
  const { dtype } = (x.re ?? x.im)!;
  const size = smoothFrom(2 * n - 1);
  /** c_k, of k = 0, ..., n - 1; and 1 / c_k where k counts from the nearer end, with zeros between. */
  const chirp = (part: "re" | "im"): Float64Array => {
    const root = rootsOfUnity(2 * n)[part];
    return Float64Array.from({ length: n }, (_, k) => root[squareModulo(k, 2 * n)]!);
  };
  const mirrored = (c: Float64Array, sign: 1 | -1): Float64Array =>
    Float64Array.from({ length: size }, (_, j) => {
      const k = Math.min(j, size - j);
      return k < n ? sign * c[k]! : 0;
    });
  const column = (name: string, to: DType, make: () => Float64Array): Tensor => reshape(tableOf(`${name} ${n}`, to, make), [1, -1, 1]);
  const c = {
    re: column("cosines", dtype, () => chirp("re")),
    im: column("sines", dtype, () => chirp("im")),
  };
  // The transform of 1 / c, in float64 whatever the dtype, is of constants alone: it is computed once.
  const inverse = {
    re: column("mirrored cosines", "float64", () => mirrored(chirp("re"), 1)),
    im: column("mirrored sines", "float64", () => mirrored(chirp("im"), -1)),
  };
  const filter = each(direct(inverse, size, 1 / size), (t) => convert(t, dtype));
  const none = [0, 0] as const;
  const padded = each(times(x, c), (t) => pad(t, [none, [0, size - n], none]));
  const product = times(direct(padded, size, 1), filter);
  const convolved = each(exchanged(direct(exchanged(product), size, scale)), (t) => sliceAxis(t, 1, 0, n));
  return times(convolved, c);
}

function times(x: Spectrum, { re: c, im: s }: Spectrum): Spectrum {
  const { re, im } = x;
  if (!re) return { re: neg(mul(im!, s!)), im: mul(im!, c!) };
  if (!im) return { re: mul(re, c!), im: mul(re, s!) };
  return { re: sub(mul(re, c!), mul(im, s!)), im: add(mul(re, s!), mul(im, c!)) };
}

/** k^2 mod n, exact for k and n up to 2^32. */
const squareModulo = (k: number, n: number): number => (k < 2 ** 26 ? (k * k) % n : Number((BigInt(k) * BigInt(k)) % BigInt(n)));

/** The least number from n on whose prime factors are 2, 3 and 5. */
function smoothFrom(n: number): number {
  let best = Infinity;
  for (let fives = 1; fives < best; fives *= 5)
    for (let threes = fives; threes < best; threes *= 3) {
      let size = threes;
      while (size < n) size *= 2;
      best = Math.min(best, size);
    }
  return best;
}

/** What this file defines, for table.ts. */
export const primitives = [fftPrimitive.primitive];
