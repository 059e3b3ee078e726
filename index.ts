/** fluxion: what a user imports. */
import "./ops/methods.ts";
import { type CheckGradsOptions, checkGradsWith } from "./ad/check.ts";
import * as expr from "./kernel/expr.ts";
import { body } from "./kernel/kernel.ts";
import { loop, outputView } from "./kernel/lowering.ts";
import { type Setting, verifyDeterminismWith } from "./scheduler/determinism.ts";
import { createEngine as makeEngine, type Engine } from "./scheduler/engine.ts";
import { checkOptions, type EngineOptions as Options } from "./scheduler/options.ts";
import type { BaseEngine } from "./scheduler/base.ts";
import { compose, dropFirst, dtr, frontier, keepAll, lru, msps, nextUse, revolve, saveOnly } from "./scheduler/eviction/policies.ts";
import { reader } from "./scheduler/read.ts";
import type { RemoteEngine, RemoteEngineOptions as RemoteOptions } from "./worker/remote.ts";

// ---- tensors
export { type Dim, dim } from "./core/dim.ts";
export type { DType, TypedArray } from "./core/dtype.ts";
export { effectsOf } from "./core/effects.ts";
export type { Effect } from "./core/primitive.ts";
export type { Complex, Data, Nested } from "./core/data.ts";
export { constant as tensor, type TensorOptions } from "./core/leaves.ts";
export { type Shape } from "./core/shape.ts";
export { keepSites } from "./core/site.ts";
export { type State, type Variable } from "./core/source.ts";
export { Tensor } from "./core/tensor.ts";
export { Value } from "./core/value.ts";

// ---- operations
export {
  celu,
  elu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  logSigmoid,
  mish,
  prelu,
  relu6,
  selu,
  softshrink,
  softsign,
  tanhshrink,
  threshold,
} from "./ops/activations.ts";
export { complex, conj, imag, real } from "./ops/complex.ts";
export { convert as astype } from "./ops/convert.ts";
export { add, div, mul, neg, reciprocal, square, sub } from "./ops/arithmetic.ts";
export {
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  equal,
  greater,
  greaterEqual,
  isNaN,
  leftShift,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
  rightShift,
  where,
} from "./ops/compare.ts";
export { concatenate, split, stack } from "./ops/concatenate.ts";
export {
  arange,
  type DTypeOption,
  eye,
  full,
  fullLike,
  iota,
  linspace,
  type LinspaceOptions,
  oneHot,
  type OneHotOptions,
  ones,
  onesLike,
  tril,
  triu,
  zeros,
  zerosLike,
} from "./ops/creation.ts";
export { conv, type ConvOptions, convTranspose, type ConvTransposeOptions } from "./ops/conv.ts";
export { type PaddingOption } from "./ops/padding.ts";
export { avgPool, type AvgPoolOptions, maxPool, type PoolOptions } from "./ops/pool.ts";
export { slidingWindows, type WindowOptions } from "./ops/windows.ts";
export { cummax, cummin, cumprod, diff, logcumsumexp } from "./ops/cumulative.ts";
export { cumsum } from "./ops/cumsum.ts";
export { diag, diagonal, type DiagonalOptions, trace } from "./ops/diagonal.ts";
export { einsum } from "./ops/einsum.ts";
export { copysign, fmax, fmin, frac, isFinite, isInf, ldexp, nanmean, nansum, nanToNum, type NanToNumOptions } from "./ops/floating.ts";
export {
  acos,
  asin,
  atan,
  cos,
  cosh,
  deg2rad,
  erf,
  exp,
  exp2,
  expm1,
  gelu,
  type GeluOptions,
  log,
  log10,
  log1p,
  log2,
  rad2deg,
  rsqrt,
  sigmoid,
  sigmoid as expit,
  silu,
  silu as swish,
  sin,
  sinh,
  softplus,
  type SoftplusOptions,
  sqrt,
  tan,
  tanh,
} from "./ops/functions.ts";
export { probe, separable, stopGradient } from "./ops/identity.ts";
export {
  fft,
  fft2,
  fftfreq,
  fftn,
  type FFTNOptions,
  type FFTNorm,
  type FFTOptions,
  fftshift,
  ifft,
  ifft2,
  ifftn,
  ifftshift,
  irfft,
  irfft2,
  irfftn,
  rfft,
  rfft2,
  rfftfreq,
  rfftn,
} from "./ops/fourier.ts";
export {
  dynamicSlice,
  dynamicUpdateSlice,
  gather,
  type IndexOptions,
  type Indices,
  scatterAdd,
  take,
  takeAlongAxis,
  type TakeOptions,
} from "./ops/indexing.ts";
export { attention, type AttentionOptions, dropout, layerNorm, type NormalizationOptions, rmsNorm } from "./ops/layers.ts";
export { binaryCrossEntropy, crossEntropy, type CrossEntropyOptions, type LossOptions } from "./ops/losses.ts";
export { dot, matmul, outer, tensordot } from "./ops/matmul.ts";
export { broadcastTo, type Operand } from "./ops/operand.ts";
export { pad, type PadOptions, type PadWidth, slice } from "./ops/pad.ts";
export { abs, ceil, clip, floor, maximum, minimum, relu, rem, round, sign, trunc } from "./ops/piecewise.ts";
export { angle, atan2, hypot, polar } from "./ops/polar.ts";
export { logaddexp, pow, xlogy } from "./ops/power.ts";
export { type FloatOptions, random, type UniformOptions } from "./ops/random.ts";
export { all, any, argmax, type ArgOptions, max, mean, min, prod, type ReduceOptions, sum } from "./ops/reductions.ts";
export { norm, type NormOptions, std, variance, variance as var, type VarianceOptions } from "./ops/norm.ts";
export { meshgrid, type MeshgridOptions, ravel, roll, rot90 } from "./ops/rearrange.ts";
export { repeat, tile } from "./ops/repeat.ts";
export { expandDims, reshape, squeeze } from "./ops/reshape.ts";
export { sinc } from "./ops/sinc.ts";
export { logsumexp, logSoftmax, softmax } from "./ops/softmax.ts";
export { cross, inner, kron, multiDot, polyval, vander, type VanderOptions, vdot, vecdot } from "./ops/products.ts";
export { type Fractions, median, percentile, quantile, type QuantileOptions } from "./ops/quantile.ts";
export { cholesky, choleskyPivot } from "./ops/cholesky.ts";
export { type DegenerateOptions } from "./ops/degenerate.ts";
export { eig, type Eig, eigvals } from "./ops/eig.ts";
export { eigh, type Eigh, eigvalsh } from "./ops/eigh.ts";
export { lu, type LU } from "./ops/lu.ts";
export { expm, type ExpmOptions, matrixPower } from "./ops/matrix-functions.ts";
export { conditionNumber, matrixNorm, type MatrixNormOptions, type MatrixOrder } from "./ops/matrix-norm.ts";
export { type LeastSquares, lstsq, matrixRank, pinv, type RankOptions } from "./ops/pseudoinverse.ts";
export { qr, type QR, type QROptions } from "./ops/qr.ts";
export { svd, type SVD, type SVDOptions, svdvals } from "./ops/svd.ts";
export { det, type SignAndLog, slogdet } from "./ops/determinant.ts";
export { inv, solve } from "./ops/solve.ts";
export { triangularSolve, type TriangularOptions } from "./ops/triangular.ts";
export { searchsorted, type SearchOptions } from "./ops/searchsorted.ts";
export { argsort, sort, type SortOptions, topK, type TopK, type TopKOptions } from "./ops/sort.ts";
export {
  acosh,
  asinh,
  atanh,
  digamma,
  entr,
  erfc,
  erfcx,
  erfinv,
  i0,
  i0e,
  i1,
  i1e,
  lgamma,
  logit,
  logNdtr,
  mvlgamma,
  ndtr,
  ndtri,
  polygamma,
  xlog1py,
} from "./ops/special.ts";
export { flip, moveaxis, swapaxes, transpose } from "./ops/transpose.ts";

// ---- new primitives and rules
export { customJvp, type CustomOptions, customVjp, straightThrough } from "./ad/custom.ts";
export { definePrimitive, type PrimitiveDefinition } from "./ad/define.ts";
export { type PrimitiveFunction, type Rules, RuleSet } from "./ops/primitive.ts";
/** What `lower` rules are written in: scalar expressions, bodies of them, loops over index spaces, and fresh outputs. */
export const kernel = { ...expr, body, loop, outputView } as const;

// ---- derivatives
export { type CheckGradsOptions } from "./ad/check.ts";
export { checkpoint } from "./ad/checkpoint.ts";
export { derivatives, type DerivativesOf, type DerivativesOptions, type Orders } from "./ad/derivatives.ts";
export { grad, type GradOptions, valueAndGrad } from "./ad/grad.ts";
export { hessian, hvp, jacfwd, type JacobianOptions, jacrev } from "./ad/jacobian.ts";
export { jet } from "./ad/jet.ts";
export { jvp, linearize, type TransformOptions } from "./ad/jvp.ts";
export { laplacian, type LaplacianOptions } from "./ad/laplacian.ts";
export { vjp } from "./ad/vjp.ts";
export { type AxisTree, vmap, type VmapOptions } from "./ad/vmap.ts";

// ---- loops and branches
export { associativeScan, type AssociativeScanOptions } from "./ad/control/associative.ts";
export { cond, switchCase } from "./ad/control/branches.ts";
export { fold, fori, scan, type ScanOptions, whileLoop, type WhileOptions } from "./ad/control/loops.ts";

// ---- solutions of equations
export { argmin, type Argmin } from "./ad/implicit/argmin.ts";
export { lsmr, type LsmrOptions } from "./ad/implicit/lsmr.ts";
export { type EquationOptions, fixedPoint, type FixedPointOptions, root } from "./ad/implicit/root.ts";
export { type LinearOptions } from "./ad/implicit/settings.ts";
export { type Solve, solvesIn } from "./ad/implicit/solves.ts";
export { bicgstab, cg, gmres, type IterativeOptions, linearSolve, type Solution } from "./ad/implicit/systems.ts";

// ---- engines
export { type BaseEngine } from "./scheduler/base.ts";
export { type Clock } from "./scheduler/clock.ts";
export { Engine } from "./scheduler/engine.ts";
export { type AdjointWeighted, type Cutoff, type Tolerance } from "./scheduler/cutoff.ts";
export { type Cache, type MemoryReport } from "./scheduler/eviction/cache.ts";
export type { CacheContext, CacheEntry, CachePolicy } from "./scheduler/eviction/policy.ts";
export type { CacheOptions, Work } from "./scheduler/eviction/settings.ts";
export type { Schedule, Tape, TapeOp, TapeValue } from "./scheduler/eviction/tape.ts";
export { type Explanation } from "./scheduler/explain.ts";
export type { Emission, EngineFailure, SourceOptions, StateOptions, ValuesOf } from "./scheduler/options.ts";
export { type Parameters, type ParameterTree } from "./scheduler/parameters.ts";
export { type Preview, type PreviewOptions } from "./scheduler/preview.ts";
export { type EngineStats } from "./scheduler/stats.ts";
export { type RemoteEngine } from "./worker/remote.ts";

/** Which values go first where memory is short: for `createEngine({ cache: { policy: policies.revolve() } })`. */
export const policies = { keepAll, lru, dtr, msps, nextUse, revolve, saveOnly, dropFirst, frontier, compose } as const;

/** As scheduler's, with a backend when none is handed in. */
export interface EngineOptions extends Partial<Options> {
  readonly worker?: false;
}

/** Of an engine in a worker, which makes its CPU backend there. */
export interface RemoteEngineOptions extends RemoteOptions {
  readonly worker: true;
}

/**
 * An engine: sources, observers and reads over one backend. The default backend is the CPU, loaded when it is asked for. With `worker: true`
 * everything but building graphs happens in a worker, so that a long step holds nothing up here; then there is no `readSync`.
 */
export function createEngine(options: RemoteEngineOptions): Promise<RemoteEngine>;
export function createEngine(options?: EngineOptions): Promise<Engine>;
export function createEngine(options: Omit<RemoteEngineOptions, "worker"> & { readonly worker: boolean }): Promise<BaseEngine>;
export async function createEngine(options: Partial<Options> & { readonly worker?: boolean } = {}): Promise<BaseEngine> {
  const { threads, worker = false } = checkOptions(options);
  if (worker) return remoteEngine(options);
  if (options.backend && threads !== undefined)
    throw new Error("createEngine: threads is of the default backend; give it to yours, as in backend: cpu({ threads })");
  return makeEngine({ ...options, backend: options.backend ?? (await import("./cpu/backend.ts")).cpu({ threads }) });
}

async function remoteEngine({ worker: _, backend, ...options }: Partial<Options> & { readonly worker?: unknown }): Promise<RemoteEngine> {
  if (backend) throw new Error("createEngine: an engine in a worker makes its own backend there; leave backend out, or worker");
  return (await import("./worker/remote.ts")).connect(options);
}

/** The value of a tensor, or of a tree of them, from the engine of its sources, or from one that all expressions of constants share. */
export const read = reader(() => createEngine({ label: "the shared engine" }));

/**
 * Compares the derivatives of f at args with finite differences in float64, to the order and in the modes wanted. Rejects with the
 * worst entry: output, element, what the rules give and what the differences give.
 */
export const checkGrads = (f: (...args: any[]) => unknown, args: readonly unknown[], options?: CheckGradsOptions): Promise<void> =>
  checkGradsWith(read, f, args, options);

/**
 * Runs f on arguments (arrays, numbers or Values) under every setting that must not change a bit: compiled and interpreted, fused and not, with a
 * cache and without, on one thread and on several (where threads can share memory), from scratch and after changes of each argument. How many
 * values were compared, and the settings; rejects with the first difference.
 */
export const verifyDeterminism = (
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
): Promise<{ readonly values: number; readonly settings: readonly string[] }> => {
  const interpreted = async (): Promise<Engine> => makeEngine({ backend: (await import("./kernel/interpreter.ts")).interpreter() });
  /** Whatever can be cut at all is, and the parts are for the other threads. */
  const shared = (threads: number) => async (): Promise<Engine | undefined> => {
    const backend = await (await import("./cpu/backend.ts")).cpuOnWorkers(threads);
    return backend && makeEngine({ backend });
  };
  const settings: readonly Setting[] = [
    { name: "fused, one thread", make: () => createEngine({ threads: 1 }) },
    { name: "unfused, one thread", make: () => createEngine({ threads: 1, fusion: false }) },
    { name: "fused, one thread, no cache", make: () => createEngine({ threads: 1, cache: { budgetBytes: 0 } }) },
    { name: "interpreted", make: interpreted },
    ...[2, 3].map((threads) => ({ name: `fused, ${threads} threads`, make: shared(threads) })),
  ];
  return verifyDeterminismWith(settings, f, args);
};
