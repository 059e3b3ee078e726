/**
 * The modified Bessel functions I_n of integer order. Up to 8 their power series, all of whose terms have one sign, shortened to
 * polynomials for n = 0 and 1; beyond, e^-x sqrt(x) I_n in 16/x - 1 for n = 0 and 1, and from these the recurrence in n, which loses little there.
 * Coefficients: fits of this project at Chebyshev nodes.
 */
import { type Expr, abs, div, eq, lt, mul, neg, select, sqrt, sub } from "../expr.ts";
import { exp } from "./exponential.ts";
import { type ByFloat, forType, like, polynomial, seriesOf, withSign } from "./scalar.ts";

const FAR = 8;

/** n! I_n(x) / (x/2)^n in z = x^2 / 4, z <= 16. */
const near: readonly ByFloat<readonly number[]>[] = [
  {
    f32: [
      1, 0.9999999, 0.25000036, 0.027777424, 0.0017362867, 6.939371e-5, 1.938116e-6, 3.8325073e-8, 6.90991e-10, 4.237871e-12, 1.5536414e-13,
    ].map(Math.fround),
    f64: [
      1.0, 1.0000000000000009, 0.2499999999999948, 0.027777777777788643, 0.0017361111110991466, 6.944444445240514e-5, 1.9290123422052142e-6,
      3.9367599937651325e-8, 6.151185080653331e-10, 7.594093461237802e-12, 7.5936581264081e-14, 6.279425816382418e-16,
      4.338239454264185e-18, 2.6638168379729013e-20, 1.0805568728893e-22, 9.604864662681523e-25,
    ],
  },
  {
    f32: [
      1, 0.5, 0.083333366, 0.006944416, 0.0003472362, 1.1570028e-5, 2.7629997e-7, 4.8376103e-9, 7.442421e-11, 4.8961475e-13, 1.3335585e-14,
    ].map(Math.fround),
    f64: [
      1.0, 0.5000000000000001, 0.08333333333333304, 0.0069444444444450686, 0.00034722222222153507, 1.157407407453132e-5,
      2.7557319204030443e-7, 4.920949921538654e-9, 6.834651294492253e-11, 7.594078567160322e-13, 6.90345927367201e-15,
      5.231992159979275e-17, 3.3410044697092935e-19, 1.891028804078631e-21, 7.413211040554544e-24, 5.833651333188183e-26,
    ],
  },
];
/** e^-x sqrt(x) I_n(x) in 16/x - 1. */
const far: readonly ByFloat<readonly number[]>[] = [
  {
    f32: [0.4021765, 0.0033605557, 0.00013621684, 1.1111525e-5, 1.4767921e-6, 3.6317104e-7, 1.08298984e-7].map(Math.fround),
    f64: [
      0.4021765094450081, 0.0033605519836678913, 0.00013621607438951463, 1.114303378845176e-5, 1.4838476780922646e-6, 2.9735992084667734e-7,
      8.872014585661555e-8, 3.932512321137824e-8, 2.156780676115673e-8, 7.559364098665437e-9, -6.856484545962442e-9, -1.3427511481900905e-8,
      -5.0175940345046716e-9, 7.600254486433509e-9, 6.522264862032271e-9, -3.5862834111582305e-9, -4.5305710768621196e-9,
      1.6084886155781772e-9, 2.163681278413876e-9, -6.327909921997027e-10, -6.494591114401118e-10, 1.7698085539456536e-10,
      9.114760157514253e-11, -2.4421972688131832e-11,
    ],
  },
  {
    f32: [0.38939846, -0.009749581, -0.00021923667, -1.5003323e-5, -1.8267145e-6, -4.2155543e-7, -1.2212499e-7].map(Math.fround),
    f64: [
      0.38939845902587233, -0.009749577193235765, -0.00021923576383137776, -1.5038547198221758e-5, -1.8349102493990178e-6,
      -3.4838563464253135e-7, -1.0001075046243961e-7, -4.3128498031006734e-8, -2.3394122958362557e-8, -8.432168972932417e-9,
      6.84757829926934e-9, 1.4051746928735543e-8, 5.5720183980930355e-9, -7.687251308765992e-9, -6.9444186339873875e-9,
      3.501765193290176e-9, 4.763780078020254e-9, -1.5218214060680734e-9, -2.2624401109204446e-9, 5.870664618471487e-10,
      6.7727478454462e-10, -1.6283264322621244e-10, -9.491890392992048e-11, 2.2421768596847442e-11,
    ],
  },
];

/** n! z^k / (k! (n + k)!) for k = 0, 1, ... as long as they count at z = 16. */
function seriesOfOrder(n: number): number[] {
  const coefficients = [1];
  for (let k = 1; coefficients.at(-1)! * 16 ** (k - 1) > 1e-18; k++) coefficients.push(coefficients.at(-1)! / (k * (n + k)));
  return coefficients;
}

/** I_n(a) for 0 <= a <= 8. */
function nearValue(n: number, a: Expr): Expr {
  const half = mul(a, like(a, 0.5));
  const z = mul(half, half);
  let value = n < 2 ? polynomial(z, forType(a, near[n]!)) : polynomial(z, seriesOfOrder(n));
  for (let k = 1; k <= n; k++) value = mul(value, k === 1 ? half : mul(half, like(a, 1 / k)));
  return value;
}

/** e^-a sqrt(a) I_n(a) for a >= 8. */
function farValue(n: number, a: Expr): Expr {
  const t = sub(div(like(a, 2 * FAR), a), like(a, 1));
  let [below, value] = [seriesOf(t, far[0]!), seriesOf(t, far[1]!)];
  if (n === 0) return below;
  for (let k = 1; k < n; k++) [below, value] = [value, sub(below, mul(div(like(a, 2 * k), a), value))];
  return value;
}

/** I_n(x), or scaled e^-|x| I_n(x), n >= 0. */
export function besseli(n: number, x: Expr, scaled: boolean): Expr {
  const a = abs(x);
  const root = sqrt(a);
  const tail = farValue(n, a);
  const direct = nearValue(n, a);
  const isNear = lt(a, like(x, FAR));
  let value: Expr;
  if (scaled) {
    // NaN and Infinity: 1 / sqrt gives what is right.
    value = select(isNear, mul(direct, exp(neg(a))), div(tail, root));
  } else {
    // In two halves, because e^a overflows before I_n does.
    const half = exp(mul(a, like(x, 0.5)));
    const large = select(eq(a, like(x, Infinity)), a, mul(mul(div(tail, root), half), half));
    value = select(isNear, direct, large);
  }
  return n % 2 === 1 ? withSign(value, x) : value;
}
