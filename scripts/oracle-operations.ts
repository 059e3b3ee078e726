/**
 * PyTorch's operations in fluxion's words, for scripts/oracle.ts: by OpInfo name, functions of the inputs, the positional and the named
 * arguments of a case. Where PyTorch has an operation that fluxion composes, the composition stands here.
 */
import * as fx from "../index.ts";
import { isComplex } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import { dtypeOf } from "./oracle-cases.ts";
import { type Operation, type Options, Unsupported } from "./oracle-kinds.ts";
import { linearAlgebra, orderOf } from "./oracle-linear-algebra.ts";

type Unary = (x: Tensor) => Tensor;
type Binary = (x: fx.Operand, y: fx.Operand) => Tensor;
type Reduce = (x: Tensor, options: object) => Tensor;

/** Results of which the shapes are not known to types. */
const loose = fx as unknown as Readonly<Record<string, (...args: unknown[]) => Tensor>>;

// ---- arguments
/** PyTorch's dim: absent, null and [] all mean every axis; a scalar has the axes 0 and -1. */
const axesOf = (dim: unknown, x: Tensor): object =>
  dim === undefined || dim === null || (Array.isArray(dim) && dim.length === 0) || x.rank === 0 ? {} : { axis: dim as number };
const kept = (keepdim: unknown, x: Tensor): object => ({ keepdims: Boolean(keepdim ?? false) && x.rank > 0 });
const reduced = (f: Reduce, x: Tensor, dim: unknown, keepdim: unknown, more: object = {}): Tensor =>
  f(x, { ...axesOf(dim, x), ...kept(keepdim, x), ...more });
const number = (v: unknown, otherwise: number): number => (v === undefined || v === null ? otherwise : Number(v));

// ---- kinds of operations
const unary =
  (f: Unary): Operation =>
  ([x]) =>
    f(x!);
/** The second operand is an input, or a number among the arguments. */
const second = ([, y]: readonly Tensor[], args: readonly unknown[], o: Options): fx.Operand =>
  y ?? ((args[0] ?? o.other ?? o.exponent ?? o.value ?? o.max ?? o.min) as fx.Operand);
const binary =
  (f: Binary): Operation =>
  (inputs, args, o) => {
    const y = second(inputs, args, o);
    return f(inputs[0]!, o.alpha === undefined ? y : fx.mul(y, o.alpha as number));
  };
const flipped =
  (f: Binary): Operation =>
  (inputs, args, o) => {
    const x = inputs[0]!;
    return f(second(inputs, args, o), o.alpha === undefined ? x : fx.mul(x, o.alpha as number));
  };
const reduction =
  (f: Reduce): Operation =>
  ([x], args, o) =>
    reduced(f, typeof o.dtype === "string" ? fx.astype(x!, dtypeOf(o.dtype)) : x!, o.dim ?? args[0], o.keepdim ?? args[1]);
const spread =
  (f: Reduce): Operation =>
  ([x], args, o) => {
    const unbiased = o.unbiased ?? (typeof args[0] === "boolean" ? args[0] : true);
    const correction = "correction" in o ? number(o.correction, 1) : unbiased ? 1 : 0;
    return reduced(f, x!, o.dim ?? (typeof args[0] === "boolean" ? undefined : args[0]), o.keepdim, { correction });
  };
const withNumber =
  (f: (x: Tensor, parameter: number) => Tensor, name: string, otherwise: number): Operation =>
  ([x], args, o) =>
    f(x!, number(o[name] ?? args[0], otherwise));
/** The name of an operation has an order or a size, which its cases may have another of. */
const withInteger = (f: (n: number, x: Tensor) => Tensor, name: string, otherwise: number): Operation =>
  withNumber((x, n) => f(n, x), name, otherwise);
const wide = (x: fx.Operand): fx.Operand => (x instanceof fx.Tensor ? fx.astype(x, isComplex(x.dtype) ? "complex128" : "float64") : x);
/** Nothing flows through. */
const constant =
  (f: Unary): Operation =>
  ([x]) =>
    fx.stopGradient(f(x!));
const order = (n: number): Operation => withInteger(fx.polygamma, "n", n);
const normOf = (x: Tensor, ord: number | "fro", dim: unknown, keepdim: unknown): Tensor =>
  reduced((t, options) => loose.norm!(t, { ...options, ord }), x, dim, keepdim);
const vectorNorm: Operation = ([x], args, o) =>
  normOf(x!, orderOf(o.ord ?? o.p ?? args[0] ?? 2) as number, o.dim ?? args[1], o.keepdim ?? args[2]);
/** With an order, two axes are a matrix; without one, all are a vector. */
const norm: Operation = ([x], args, o) => {
  const [ord, dim, keepdim] = [o.ord ?? args[0] ?? undefined, o.dim ?? args[1] ?? undefined, o.keepdim ?? args[2] ?? false];
  const ofMatrices = Array.isArray(dim) ? dim.length === 2 : dim === undefined && x!.rank === 2;
  if (ord === undefined || !ofMatrices) return normOf(x!, ord === undefined ? 2 : (orderOf(ord) as number), dim, keepdim);
  return fx.matrixNorm(x!, { ord: orderOf(ord), axis: (dim ?? [-2, -1]) as [number, number], keepdims: Boolean(keepdim) });
};
const frexp: Operation = ([x]) => {
  const size = fx.stopGradient(fx.abs(x!));
  const exponent = fx.add(fx.floor(fx.log2(fx.where(fx.equal(size, 0), 1, size))), 1);
  return fx.where(fx.equal(x!, 0), x!, fx.div(x!, fx.exp2(exponent)));
};
const prelu: Operation = ([x, slope]) => {
  // Slopes belong to axis 1, the channels; one alone is for all.
  const shape = x!.rank < 2 || slope!.rank === 0 ? [] : x!.shape.map((_, i) => (i === 1 ? slope!.shape[0]! : 1));
  return loose.prelu!(x, fx.reshape(slope!, shape as never));
};
const cross: Operation = ([a, b], args, o) => {
  const given = (o.dim ?? args[0]) as number | undefined | null;
  const shape = loose.add!(a, b).shape;
  return fx.cross(a!, b! as never, given ?? (shape.at(-1) === 3 ? -1 : shape.indexOf(3)));
};
const softplus: Operation = ([x], args, o) => {
  const [beta, threshold] = [number(o.beta ?? args[0], 1), number(o.threshold ?? args[1], 20)];
  return fx.where(fx.greater(fx.mul(x!, beta), threshold), x!, fx.softplus(x!, { beta }));
};

/** Some operations are PyTorch's of complex numbers too. */
const forComplex =
  (f: Unary, g: Unary): Unary =>
  (x) =>
    isComplex(x.dtype) ? g(x) : f(x);
const ofComplex =
  (f: Binary, g: Binary): Operation =>
  (inputs, args, o) =>
    binary(inputs.some((t) => isComplex(t.dtype)) ? g : f)(inputs, args, o);
/** z / |z|, and 0 at 0. */
function direction(z: Tensor): Tensor {
  const size = fx.abs(z);
  const zero = fx.equal(size, 0);
  return fx.where(zero, 0, fx.div(z, fx.where(zero, 1, size) as never)) as Tensor;
}
const one = (...names: readonly string[]): Record<string, Operation> => Object.fromEntries(names.map((n) => [n, unary(loose[n] as Unary)]));
const renamed = (names: Readonly<Record<string, Unary>>): Record<string, Operation> =>
  Object.fromEntries(Object.entries(names).map(([name, f]) => [name, unary(f)]));

export const operations: Readonly<Record<string, Operation>> = {
  ...linearAlgebra,
  ...one(
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
  ),
  ...one("expm1", "frac", "i0", "lgamma", "log", "log10", "log1p", "log2", "neg", "rad2deg", "reciprocal", "rsqrt", "sigmoid", "sin"),
  ...one("sinh", "sqrt", "square", "tan", "tanh"),
  ...renamed({
    angle: fx.angle,
    conj: fx.conj,
    conj_physical: fx.conj,
    positive: (x) => x,
    real: fx.real,
    imag: fx.imag,
    double: (x) => fx.astype(fx.real(x), "float64"),
    cdouble: (x) => fx.astype(x, "complex128"),
    special_entr: fx.entr,
    special_erfcx: fx.erfcx,
    special_i0e: fx.i0e,
    special_i1: fx.i1,
    special_i1e: fx.i1e,
    special_log_ndtr: fx.logNdtr,
    special_ndtr: fx.ndtr,
    special_ndtri: fx.ndtri,
    nn_functional_hardsigmoid: fx.hardsigmoid,
    nn_functional_logsigmoid: fx.logSigmoid,
    nn_functional_mish: fx.mish,
    nn_functional_relu: fx.relu,
    nn_functional_relu6: fx.relu6,
    nn_functional_selu: fx.selu,
    nn_functional_silu: fx.silu,
    nn_functional_softsign: forComplex(fx.softsign, (z) => fx.div(z, fx.add(1, fx.abs(z)) as never)),
    nn_functional_tanhshrink: forComplex(fx.tanhshrink, (z) => fx.sub(z, fx.tanh(z))),
    sgn: forComplex((x) => fx.stopGradient(fx.sign(x)), direction),
    sinc: forComplex(fx.sinc, (z) => fx.div(fx.sin(fx.mul(z, Math.PI)), fx.mul(z, Math.PI) as never)),
  }),
  ceil: constant(fx.ceil),
  floor: constant(fx.floor),
  round: constant(fx.round),
  round_decimals_0: constant(fx.round),
  round_decimals_3: constant((x) => fx.div(fx.round(fx.mul(x, 1000)), 1000)),
  round_decimals_neg_3: constant((x) => fx.mul(fx.round(fx.div(x, 1000)), 1000)),
  complex: ([re, im]) => fx.complex(re!, im! as never),
  polar: ([r, angle]) => fx.polar(r!, angle! as never),
  sign: constant(fx.sign),
  trunc: constant(fx.trunc),

  __radd__: binary(fx.add as Binary),
  __rdiv__: flipped(fx.div as Binary),
  // The sign of Python's remainder is the divisor's.
  __rmod__: flipped((a, b) => fx.sub(a, fx.mul(fx.floor(fx.div(a, b as never)), b as never) as never)),
  __rmul__: binary(fx.mul as Binary),
  __rpow__: flipped(fx.pow),
  __rsub__: flipped(fx.sub as Binary),
  add: binary(fx.add as Binary),
  atan2: binary(fx.atan2 as Binary),
  clamp_max: binary(fx.minimum as Binary),
  clamp_min: binary(fx.maximum as Binary),
  copysign: binary(fx.copysign as Binary),
  div_no_rounding_mode: binary(fx.div as Binary),
  float_power: binary((x, y) => fx.pow(wide(x), wide(y))),
  fmax: binary(fx.fmax as Binary),
  fmin: binary(fx.fmin as Binary),
  hypot: binary(fx.hypot as Binary),
  ldexp: ofComplex(fx.ldexp as Binary, (x, n) => fx.mul(x, fx.exp2(n) as never)),
  logaddexp: ofComplex(fx.logaddexp as Binary, (x, y) => {
    const greatest = fx.stopGradient(fx.maximum(fx.real(x), fx.real(y) as never));
    const power = (t: fx.Operand): Tensor => fx.exp(fx.sub(t, greatest as never));
    return fx.add(greatest, fx.log(fx.add(power(x), power(y) as never)) as never);
  }),
  max_binary: binary(fx.maximum as Binary),
  maximum: binary(fx.maximum as Binary),
  min_binary: binary(fx.minimum as Binary),
  minimum: binary(fx.minimum as Binary),
  mul: binary(fx.mul as Binary),
  pow: binary(fx.pow),
  rsub: flipped(fx.sub as Binary),
  special_xlog1py: binary(fx.xlog1py as Binary),
  sub: binary(fx.sub as Binary),
  true_divide: binary(fx.div as Binary),
  xlogy: binary(fx.xlogy as Binary),

  amax: reduction(loose.max!),
  amin: reduction(loose.min!),
  mean: reduction(loose.mean!),
  nanmean: reduction(loose.nanmean!),
  nansum: reduction(loose.nansum!),
  prod: reduction(loose.prod!),
  sum: reduction(loose.sum!),
  std: spread(loose.std!),
  std_unbiased: spread(loose.std!),
  var: spread(loose.var!),
  var_unbiased: spread(loose.var!),
  norm,
  vector_norm: vectorNorm,

  cross,
  diagonal: ([x], args, o) =>
    fx.diagonal(x!, {
      offset: number(o.offset ?? args[0], 0),
      axis1: number(o.dim1 ?? args[1], x!.rank > 2 ? -2 : 0),
      axis2: number(o.dim2 ?? args[2], x!.rank > 2 ? -1 : 1),
    }),
  fill: (inputs, args, o) => {
    const [x, value] = [inputs[0]!, second(inputs, args, o)];
    return fx.broadcastTo(value instanceof fx.Tensor ? value : fx.tensor(Number(value), { dtype: x.dtype }), x.shape as never);
  },
  frexp,
  logit: ([x], args, o) => {
    const eps = (o.eps ?? args[0]) as number | undefined | null;
    return fx.logit(eps === undefined || eps === null ? x! : fx.clip(x!, eps, 1 - eps));
  },
  multi_dot: (inputs) => fx.multiDot(inputs),
  nan_to_num: ([x], args, o) => {
    const [nan, posinf, neginf] = [o.nan ?? args[0], o.posinf ?? args[1], o.neginf ?? args[2]].map((v) => v ?? undefined) as (
      | number
      | undefined
    )[];
    return fx.nanToNum(x!, {
      ...(nan !== undefined && { nan }),
      ...(posinf !== undefined && { posinf }),
      ...(neginf !== undefined && { neginf }),
    });
  },
  vander: ([x], args, o) =>
    fx.vander(x!.rank === 0 ? fx.reshape(x!, [1]) : x!, ((o.N ?? args[0]) as number | undefined) ?? undefined, { increasing: true }),
  vecdot: ([a, b], args, o) => fx.vecdot(a!, b!, number(o.dim ?? args[0], -1)),

  ...Object.fromEntries([0, 1, 2, 3, 4].map((n) => [`polygamma_polygamma_n_${n}`, order(n)])),
  special_polygamma_special_polygamma_n_0: order(0),
  ...Object.fromEntries([1, 3, 5].map((p) => [`mvlgamma_mvlgamma_p_${p}`, withNumber(fx.mvlgamma, "p", p)])),

  nn_functional_celu: withNumber(fx.celu, "alpha", 1),
  nn_functional_elu: withNumber(fx.elu, "alpha", 1),
  // A negative lambda leaves everything as it is.
  nn_functional_hardshrink: withNumber((x, lambda) => (lambda < 0 ? x : fx.hardshrink(x, lambda)), "lambd", 0.5),
  nn_functional_hardtanh: ([x], args, o) => fx.hardtanh(x!, number(o.min_val ?? args[0], -1), number(o.max_val ?? args[1], 1)),
  nn_functional_prelu: prelu,
  nn_functional_rrelu: ([x], args, o) => {
    if (o.training ?? args[2]) throw new Unsupported("PyTorch's random numbers");
    return fx.leakyRelu(x!, (number(o.lower ?? args[0], 1 / 8) + number(o.upper ?? args[1], 1 / 3)) / 2);
  },
  nn_functional_softplus: softplus,
  nn_functional_softshrink: withNumber(fx.softshrink, "lambd", 0.5),
  nn_functional_threshold: ([x], args, o) => fx.threshold(x!, number(o.threshold ?? args[0], 0), number(o.value ?? args[1], 0)),
};
