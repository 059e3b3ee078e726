/** Fourier transforms as NumPy has them: of one axis or several, real or complex, with their shifts and frequencies. */
import { complexOf, partsOf } from "../core/complex.ts";
import { type Dim, sameDim } from "../core/dim.ts";
import { isComplex, isFloat } from "../core/dtype.ts";
import { constant } from "../core/leaves.ts";
import { normalizeAxes, normalizeAxis } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { neg } from "./arithmetic.ts";
import { concatenate } from "./concatenate.ts";
import { type DTypeOption } from "./creation.ts";
import { showArgument } from "./describe.ts";
import { fourier, type Spectrum } from "./fft.ts";
import { type Operand, toInexact, toTensor } from "./operand.ts";
import { pad, sliceAxis } from "./pad.ts";
import { roll } from "./rearrange.ts";
import { flip } from "./transpose.ts";

/** Where the factor 1 / n stands: on the inverse ("backward", default), on the transform ("forward"), or its root on both ("ortho"). */
export type FFTNorm = "backward" | "ortho" | "forward";

export interface FFTOptions {
  /** The length along the axis: x is cut, or zeros are added at its end (default: as it is). */
  readonly n?: number;
  /** Default the last. */
  readonly axis?: number;
  readonly norm?: FFTNorm;
}

export interface FFTNOptions {
  /** The lengths along the axes (default: as they are). */
  readonly s?: readonly number[];
  /** Default all, or as many as s has of the last ones; of fft2 the last two. */
  readonly axes?: readonly number[];
  readonly norm?: FFTNorm;
}

const each = ({ re, im }: Spectrum, f: (t: Tensor) => Tensor): Spectrum => ({ re: re && f(re), im: im && f(im) });
const some = ({ re, im }: Spectrum): Tensor => (re ?? im)!;

function operandOf(op: string, x: Operand, real: boolean): Spectrum {
  const t = toInexact(op, x);
  if (real && isComplex(t.dtype)) throw new Error(`${op}: needs real numbers, got ${t.describe()}; use ${op.slice(1)}`);
  if (t.rank === 0) throw new Error(`${op}: needs an axis to transform, got ${t.describe()}`);
  return partsOf(t);
}

/** What results are multiplied by. */
function scaleOf(op: string, n: number, inverse: boolean, norm: FFTNorm): number {
  if (norm !== "backward" && norm !== "ortho" && norm !== "forward")
    throw new Error(`${op}: norm must be "backward", "ortho" or "forward", got ${showArgument(norm)}`);
  if (norm === "ortho") return 1 / Math.sqrt(n);
  return (norm === "backward") === inverse ? 1 / n : 1;
}

/** A known length of at least 1: the one given, or that of the axis. */
function lengthOf(op: string, z: Spectrum, axis: number, given: number | undefined): number {
  const t = some(z);
  const n = given ?? t.shape[axis]!;
  if (typeof n !== "number")
    throw new Error(
      `${op}: axis ${axis} of ${t.describe()} has the named size ${n}; a transform needs a known length: give n, or name the other axes`,
    );
  if (!Number.isInteger(n) || n < 1)
    throw new Error(`${op}: the length must be a positive integer, got ${showArgument(n)} for axis ${axis} of ${t.describe()}`);
  return n;
}

/** Cut, or with zeros at the end, so that the axis has the length n. */
function fitted(z: Spectrum, axis: number, n: number): Spectrum {
  return each(z, (t) => {
    const size = t.shape[axis]!;
    if (sameDim(size, n)) return t;
    if (typeof size !== "number" || size > n) return sliceAxis(t, axis, 0, n);
    return pad(
      t,
      t.shape.map((_, i) => [0, i === axis ? n - size : 0] as const),
    );
  });
}

type Along = (op: string, z: Spectrum, axis: number, n: number | undefined, norm: FFTNorm) => Spectrum;

const complexAlong =
  (inverse: boolean): Along =>
  (op, z, axis, given, norm) => {
    const n = lengthOf(op, z, axis, given);
    return fourier(fitted(z, axis, n), { axis, inverse, scale: scaleOf(op, n, inverse, norm) });
  };
const [forward, backward] = [complexAlong(false), complexAlong(true)];

/** Frequencies 0, ..., n / 2 of real numbers: the others are their conjugates. */
const half: Along = (op, z, axis, given, norm) => {
  const n = lengthOf(op, z, axis, given);
  return each(forward(op, z, axis, n, norm), (t) => sliceAxis(t, axis, 0, Math.floor(n / 2) + 1));
};

/** Real numbers from their frequencies 0, ..., n / 2. Of the first, and of the last for even n, the real part counts. */
const whole: Along = (op, z, axis, given, norm) => {
  const n = lengthOf(op, z, axis, given ?? doubled(some(z).shape[axis]!));
  const kept = Math.floor(n / 2) + 1;
  const frequencies = fitted(z, axis, kept);
  const mirrored = (t: Tensor): Tensor => flip(sliceAxis(t, axis, 1, n - kept + 1), axis);
  const both = (t: Tensor | undefined, sign: 1 | -1): Tensor | undefined => {
    if (!t || n === 1 || n === 2) return t;
    return concatenate([t, sign === 1 ? mirrored(t) : neg(mirrored(t))], axis);
  };
  const all = { re: both(frequencies.re, 1), im: both(frequencies.im, -1) };
  return { re: backward(op, all, axis, n, norm).re, im: undefined };
};
const doubled = (d: Dim): number => (typeof d === "number" ? 2 * (d - 1) : (d as never));

/** One axis after the other: the last first, or last. */
function alongAll(op: string, x: Operand, { s, axes, norm = "backward" }: FFTNOptions, all: Along, last: Along, count?: number): Tensor {
  const z = operandOf(op, x, last === half);
  const { rank } = some(z);
  const chosen = axes ?? Array.from({ length: s?.length ?? count ?? rank }, (_, i) => i - (s?.length ?? count ?? rank));
  if (s && s.length !== chosen.length) throw new Error(`${op}: s has ${s.length} lengths for ${chosen.length} axes; it needs one for each`);
  normalizeAxes(op, chosen, rank);
  const steps = chosen.map((axis, i) => ({ axis: normalizeAxis(op, axis, rank), n: s?.[i] }));
  if (steps.length === 0) throw new Error(`${op}: needs at least one axis`);
  const final = steps.pop()!;
  const others = (y: Spectrum): Spectrum => steps.reduceRight((t, { axis, n }) => all(op, t, axis, n, norm), y);
  if (last === whole) return last(op, others(z), final.axis, final.n, norm).re!;
  return complexOf(others(last(op, z, final.axis, final.n, norm)));
}

function alongOne(op: string, x: Operand, { n, axis = -1, norm = "backward" }: FFTOptions, along: Along): Spectrum {
  const z = operandOf(op, x, along === half);
  return along(op, z, normalizeAxis(op, axis, some(z).rank), n, norm);
}

/** The discrete Fourier transform along an axis: for each k the sum of x_j exp(-2 pi i j k / n). Complex; any length takes O(n log n). */
export const fft = (x: Operand, options: FFTOptions = {}): Tensor => complexOf(alongOne("fft", x, options, forward));
/** The inverse of fft: the sums of x_j exp(2 pi i j k / n), divided by n. */
export const ifft = (x: Operand, options: FFTOptions = {}): Tensor => complexOf(alongOne("ifft", x, options, backward));
/** The frequencies 0, ..., n / 2 (rounded down) of real numbers; the others are their conjugates. */
export const rfft = (x: Operand, options: FFTOptions = {}): Tensor => complexOf(alongOne("rfft", x, options, half));
/**
 * The inverse of rfft: real, of length n (default 2 (m - 1) for m frequencies). The imaginary part of the first frequency, and for even n of the
 * last one, does not count.
 */
export const irfft = (x: Operand, options: FFTOptions = {}): Tensor => alongOne("irfft", x, options, whole).re!;

/** fft along several axes (default all). */
export const fftn = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("fftn", x, options, forward, forward);
/** ifft along several axes (default all). */
export const ifftn = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("ifftn", x, options, backward, backward);
/** rfft along the last of the axes (default all), then fft along the others. */
export const rfftn = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("rfftn", x, options, forward, half);
/** The inverse of rfftn, real; the length of the last axis is 2 (m - 1) unless s says otherwise. */
export const irfftn = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("irfftn", x, options, backward, whole);
/** fft along two axes (default the last two). */
export const fft2 = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("fft2", x, options, forward, forward, 2);
/** ifft along two axes (default the last two). */
export const ifft2 = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("ifft2", x, options, backward, backward, 2);
/** rfft along the second of two axes (default the last two), then fft along the first. */
export const rfft2 = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("rfft2", x, options, forward, half, 2);
/** The inverse of rfft2, real. */
export const irfft2 = (x: Operand, options: FFTNOptions = {}): Tensor => alongAll("irfft2", x, options, backward, whole, 2);

function shifted(op: string, x: Operand, axes: number | readonly number[] | undefined, by: (n: number) => number): Tensor {
  const t = toTensor(op, x);
  const list = axes === undefined ? t.shape.map((_, i) => i) : normalizeAxes(op, axes, t.rank);
  return list.reduce((y, axis) => {
    const n = y.shape[axis]!;
    if (typeof n !== "number")
      throw new Error(`${op}: axis ${axis} of ${t.describe()} has the named size ${n}; a shift needs a known length`);
    return roll(y, by(n), axis);
  }, t);
}

/** Frequency 0 moved to the middle of the axes (default all). */
export const fftshift = (x: Operand, axes?: number | readonly number[]): Tensor => shifted("fftshift", x, axes, (n) => Math.floor(n / 2));
/** The inverse of fftshift. */
export const ifftshift = (x: Operand, axes?: number | readonly number[]): Tensor =>
  shifted("ifftshift", x, axes, (n) => -Math.floor(n / 2));

/** Multiples of 1 / (n d), as `multiple` says. */
function frequencies(
  op: string,
  n: number,
  d: number,
  { dtype = "float32" }: DTypeOption,
  count: number,
  multiple: (k: number) => number,
): Tensor {
  if (!Number.isInteger(n) || n < 1) throw new Error(`${op}: n must be a positive integer, got ${showArgument(n)}`);
  if (typeof d !== "number" || !(Math.abs(d) > 0))
    throw new Error(`${op}: the spacing must be a number other than 0, got ${showArgument(d)}`);
  if (!isFloat(dtype)) throw new Error(`${op}: the dtype must be float32 or float64, got ${dtype}`);
  return constant(
    Float64Array.from({ length: count }, (_, k) => multiple(k) / (n * d)),
    { dtype },
  );
}

/** The frequencies that fft of n samples, d apart, tells, in cycles per unit of d: 0, 1, ..., then the negative ones up to -1, over n d. float32 by default. */
export const fftfreq = (n: number, d = 1, options: DTypeOption = {}): Tensor =>
  frequencies("fftfreq", n, d, options, n, (k) => (2 * k < n ? k : k - n));
/** The frequencies that rfft of n samples tells: 0, 1, ..., n / 2 over n d. */
export const rfftfreq = (n: number, d = 1, options: DTypeOption = {}): Tensor =>
  frequencies("rfftfreq", n, d, options, Math.floor(n / 2) + 1, (k) => k);
