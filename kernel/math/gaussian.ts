/**
 * The normal distribution and what belongs to it: erfc and its scaled form, the distribution function and its logarithm, and the inverses
 * of erf and of the distribution function. Tails keep their relative accuracy. Coefficients: fits of this project at Chebyshev nodes.
 */
import { type Expr, abs, add, div, gt, lt, mul, neg, select, sqrt, sub } from "../expr.ts";
import { split } from "./double-float.ts";
import { erf } from "./error.ts";
import { exp } from "./exponential.ts";
import { log, log1p } from "./logarithm.ts";
import { type ByFloat, atMost, forType, like, polynomial, seriesOf, withSign } from "./scalar.ts";

/**
 * (1 + 2t)^(n + 1) c_n(t) in (t - 3.75) / (t + 3.75) for t >= 0, where c_n = e^(t^2) i^n erfc t are the scaled repeated integrals of
 * erfc, c_0 being e^(t^2) erfc t (the variable: M. M. Shepherd and J. G. Laframboise, Math. Comp. 36, 1981).
 */
const scaledSeries: readonly ByFloat<readonly number[]>[] = [
  {
    f32: [
      1.2375126, -0.14024065, 0.003585438, 0.08227843, -0.10880456, 0.09229069, -0.058688253, 0.02840943, -0.009764691, 0.0016757343,
      0.00032538848, -0.00022405206, 2.363482e-5,
    ].map(Math.fround),
    f64: [
      1.2375126308378275, -0.14024059858554697, 0.003585415485463775, 0.08227673849014516, -0.10880393014171785, 0.09230432116037876,
      -0.058693398590212366, 0.028362277418940665, -0.009746579552504244, 0.0017556258530017257, 0.0002937136342850081,
      -0.0002901540809795271, 5.1649211390702855e-5, 2.2384240314224437e-5, -1.1444412439171722e-5, -9.735619015182663e-7,
      1.752057970166318e-6, -5.721597255990987e-8, -2.591069687796658e-7, 2.3261913276696566e-8, 3.8965452548985966e-8,
      -3.743568033634583e-9, -5.28428697963142e-9, 3.110310719839165e-10, 4.434959070009628e-10,
    ],
  },
  {
    f32: [
      1.3169823, -0.16300286, -0.19609986, 0.3649187, -0.32140172, 0.16478628, -0.01816046, -0.053495597, 0.056941867, -0.031815156,
      0.009326157, 0.0005186068, -0.0013957536, 0.00018480362, 9.183686e-5,
    ].map(Math.fround),
    f64: [
      1.3169823033696375, -0.16300281594714583, -0.1960998552054066, 0.36491703562819305, -0.32140184280064255, 0.164804611561035,
      -0.018159122054733575, -0.05358460601246105, 0.05693561870330985, -0.03159014287690633, 0.009340898926822994, 0.0002058311905036943,
      -0.0014136736110046486, 0.00042055156931648314, 0.00010155598335541413, -8.823531363907177e-5, -2.6787913496191213e-7,
      1.460398253064279e-5, -1.5789524440287745e-6, -2.3813860034779997e-6, 4.0273282782797486e-7, 3.902663700108119e-7,
      -7.29608509917948e-8, -5.55887921227546e-8, 9.81166589247059e-9, 4.70087713051236e-9, -7.417677953666921e-10,
    ],
  },
  {
    f32: [
      1.3631665, -0.06274642, -0.56774324, 0.7171793, -0.40338573, -0.027938956, 0.25938615, -0.23124689, 0.08662148, 0.021659458,
      -0.04679478, 0.025446758, -0.0033655846, -0.0033607706, 0.0014814087, 0.00019709158, -0.00017653483,
    ].map(Math.fround),
    f64: [
      1.3631664345546621, -0.06274641906055814, -0.5677432596385985, 0.717179260672169, -0.40338612743645724, -0.027938274184168357,
      0.25939169363236575, -0.2312516832536683, 0.08658615981459371, 0.021678297239703093, -0.04667411533713384, 0.025401876215574385,
      -0.0036031070204862177, -0.0032933500980207547, 0.001755985151553181, 0.0001327669414869051, -0.00035786767702937483,
      3.833867153723868e-5, 6.347226056288617e-5, -1.3919510442736132e-5, -1.1565891877307258e-5, 3.212569166091685e-6,
      2.2540606453404365e-6, -6.010770995607808e-7, -4.353807666794953e-7, 8.510734677074565e-8, 6.845108248604379e-8,
      -6.6852693645140905e-9, -5.995360032012818e-9,
    ],
  },
];

/** c_n(t) for t >= 0 and n <= 2, or NaN. */
function fitted(n: number, t: Expr): Expr {
  const one = like(t, 1);
  const u = sub(one, div(like(t, 7.5), add(t, like(t, 3.75))));
  const below = add(one, add(t, t));
  let value = seriesOf(u, scaledSeries[n]!);
  for (let k = 0; k <= n; k++) value = div(value, below);
  return value;
}
/** e^(t^2) erfc t for t >= 0, or NaN. */
const scaledTail = (t: Expr): Expr => fitted(0, t);

/** Where e^(-t^2) is 0 and e^(t^2) infinite. */
const vanishes: ByFloat<number> = { f32: 11, f64: 28 };

/** e^(sign t^2 scale), scale a power of two: what t^2 loses in rounding is brought back, as it grows with t. */
function expOfSquare(t: Expr, sign: 1 | -1, scale = 1): Expr {
  const a = atMost(abs(t), forType(t, vanishes) / Math.sqrt(scale));
  const { high, low } = split(a);
  const square = mul(a, a);
  const lost = add(sub(mul(high, high), square), mul(low, add(high, a)));
  const factor = like(t, sign * scale);
  const power = exp(mul(square, factor));
  const all = add(power, mul(power, mul(lost, factor)));
  return sign > 0 ? select(lt(power, like(t, Infinity)), all, power) : all;
}

/** 1 - erf x, relatively accurate where it is small. */
export function erfc(x: Expr): Expr {
  const tail = mul(scaledTail(x), expOfSquare(x, -1));
  return select(lt(x, like(x, 0.5)), sub(like(x, 1), erf(x)), tail);
}

/** Where the asymptotic series of c_n is as good as exact, for small n. */
const FAR = 12;

/** c_n(t) for t > FAR: 2 / sqrt(pi) (2t)^-(n+1) times the sum of (-1)^k (n + 2k)! / (n! k!) (2t)^-2k (Abramowitz and Stegun 7.2.14). */
function asymptotic(n: number, t: Expr): Expr {
  const r = div(like(t, 0.5), t);
  const coefficients = [2 / Math.sqrt(Math.PI)];
  for (let k = 1; k <= 12; k++) coefficients.push((-coefficients[k - 1]! * (n + 2 * k) * (n + 2 * k - 1)) / k);
  let value = polynomial(mul(r, r), coefficients);
  for (let k = 0; k <= n; k++) value = mul(value, r);
  return value;
}

/**
 * The n-th derivative of e^(x^2) erfc x, which is (-2)^n n! c_n(x): no derivative is a difference of large numbers. Negative x, and
 * orders above 2 up to FAR, go by 2n c_n = c_(n-2) - 2x c_(n-1), which for x > 0 loses x^2 at most.
 */
export function erfcxDerivative(n: number, x: Expr): Expr {
  const a = abs(x);
  const negative = lt(x, like(x, 0));
  const values = [like(x, 2 / Math.sqrt(Math.PI))]; // c_(-1)
  for (let k = 0; k <= n; k++) {
    const left =
      k === 0
        ? sub(mul(expOfSquare(x, 1), like(x, 2)), fitted(0, a))
        : mul(sub(values[k - 1]!, mul(add(x, x), values[k]!)), like(x, 1 / (2 * k)));
    values.push(k > 2 ? select(gt(x, like(x, FAR)), asymptotic(k, a), left) : select(negative, left, fitted(k, a)));
  }
  let factor = 1;
  for (let k = 1; k <= n; k++) factor *= -2 * k;
  return factor === 1 ? values[n + 1]! : mul(values[n + 1]!, like(x, factor));
}

/** The probability that a normal variable is below x: erfc(-x / sqrt 2) / 2. x^2 / 2 is taken of x itself. */
export function ndtr(x: Expr): Expr {
  const t = mul(abs(x), like(x, Math.SQRT1_2));
  const half = like(x, 0.5);
  const centre = add(half, mul(half, erf(mul(x, like(x, Math.SQRT1_2)))));
  const tail = mul(mul(half, scaledTail(t)), expOfSquare(x, -1, 0.5));
  return select(lt(abs(x), like(x, 0.7)), centre, select(lt(x, like(x, 0)), tail, sub(like(x, 1), tail)));
}

/** log of ndtr, also where that underflows. */
export function logNdtr(x: Expr): Expr {
  const t = mul(abs(x), like(x, Math.SQRT1_2));
  const half = like(x, 0.5);
  const tail = mul(half, scaledTail(t));
  const left = sub(log(tail), mul(mul(x, x), half));
  const right = log1p(neg(ndtr(neg(x))));
  return select(lt(x, like(x, -1)), left, right);
}

/** erfinv(x) / x in w / 2.5 - 1, with w = -log(1 - x^2) in [0, 5]. */
const centralInverse: ByFloat<readonly number[]> = {
  f32: [
    1.5014094, 0.6166007, -0.026108706, -0.01957385, 0.008529273, -0.00048558787, -0.0008456995, 0.0002857247, 3.560786e-5, -3.4072593e-5,
  ].map(Math.fround),
  f64: [
    1.501409351110792, 0.6166006918604174, -0.026108235777393043, -0.019573561059545413, 0.008525400950756228, -0.0004878983983671671,
    -0.0008341356408355454, 0.0002921906855461145, 2.0472395037709897e-5, -4.143207367616244e-5, 8.652828062762427e-6,
    2.8516600541914403e-6, -1.854178890278775e-6, 1.3581916367059452e-7, 2.0011441190417487e-7, -7.0879482945351e-8, -7.397210188617435e-9,
    1.1025378653681546e-8, -1.475285708560293e-9, -9.693630567115212e-10, 2.3084829707344974e-10, 3.7410654711236935e-11,
  ],
};

interface Tail {
  /** The middle and the half length of the interval of 1 / s. */
  readonly middle: number;
  readonly half: number;
  readonly series: ByFloat<readonly number[]>;
}
/** erfinv(x) / s in 1 / s, with s = sqrt(w) from sqrt 5 to 6.1: to the last x below 1. */
const nearTail: Tail = {
  middle: 0.305574010864733068,
  half: 0.14163958463522487128,
  series: {
    f32: [
      0.9492662, -0.026163373, 0.003157054, 0.0010641811, -0.00032182087, -1.8042325e-5, -1.7826726e-5, 1.3947378e-5, 3.0731671e-6,
      -1.676739e-6,
    ].map(Math.fround),
    f64: [
      0.9492661849439133, -0.026163375029149217, 0.0031568535660293274, 0.0010642674179986988, -0.0003201469358517617,
      -1.8779725389674696e-5, -2.296186145212421e-5, 1.632784704269273e-5, 1.0192394130275317e-5, -5.370237586770717e-6,
      -4.65584079856085e-6, 3.1634485599231238e-6, 1.3386377631309708e-6, -1.795233635821368e-6, 6.16965851172042e-8, 7.644318771043197e-7,
      -4.0760747140933457e-7, -1.2991740124087953e-7, 2.910409944812668e-7, -1.0230619871792401e-7, -1.144892173790212e-7,
      1.015460113303957e-7, 2.3876623018038217e-8, -4.478266407416684e-8, -1.200559386662068e-9, 1.0793690033057818e-8,
      -3.107938868989897e-10, -1.1526053606527673e-9,
    ],
  },
};
/** The same with s up to 27.5, which the least probabilities have. */
const farTail: Tail = {
  middle: 0.10014903129657228018,
  half: 0.063785394932935916542,
  series: {
    f32: [0.9890357, -0.010791947, -0.0014202358, 0.0004247118, -6.950306e-5, 1.619731e-5, -5.1410916e-6, 3.151584e-6, -1.3208859e-6].map(
      Math.fround,
    ),
    f64: [
      0.9890357062317838, -0.010791926198172696, -0.001420245381838032, 0.00042444166881859134, -6.93781086422191e-5, 1.7126445774195994e-5,
      -5.5696469727655625e-6, 2.0375287506415613e-6, -8.105811534058143e-7, 3.439257771304887e-7, -1.5327256450302272e-7,
      7.123283233853531e-8, -3.4042003449176284e-8, 1.584590255699521e-8, -7.8715290252864e-9, 5.807161503445919e-9, -3.095449045727489e-9,
      -1.0150926155115279e-9, 6.340441385000188e-10, 2.2485877082205636e-9, -1.2807802463267623e-9, -9.258786762205123e-10,
      5.335764341787454e-10, 2.9472499031679626e-10, -1.683121054896611e-10,
    ],
  },
};

const tailOf = (s: Expr, { middle, half, series }: Tail): Expr =>
  mul(s, seriesOf(sub(div(like(s, 1 / half), s), like(s, middle / half)), series));
const centreOf = (x: Expr, w: Expr): Expr => mul(x, seriesOf(sub(mul(w, like(x, 0.4)), like(x, 1)), centralInverse));

/** y with erf y = x: infinite at 1 and -1, NaN beyond. */
export function erfinv(x: Expr): Expr {
  const one = like(x, 1);
  const w = neg(log(mul(sub(one, x), add(one, x))));
  const isCentral = lt(w, like(x, 5));
  const tail = select(lt(w, like(x, Infinity)), tailOf(sqrt(w), nearTail), w);
  return select(isCentral, centreOf(x, w), withSign(tail, x));
}

/** y with ndtr y = p: -Infinity at 0, Infinity at 1, NaN outside. */
export function ndtri(p: Expr): Expr {
  const k = (v: number): Expr => like(p, v);
  const x = sub(p, k(0.5));
  const w = neg(add(log(mul(p, sub(k(1), p))), k(2 * Math.LN2)));
  const s = sqrt(w);
  const tail = select(lt(s, k(6.1)), tailOf(s, nearTail), select(lt(s, k(Infinity)), tailOf(s, farTail), s));
  const y = select(lt(w, k(5)), centreOf(add(x, x), w), withSign(tail, x));
  return mul(y, k(Math.SQRT2));
}
