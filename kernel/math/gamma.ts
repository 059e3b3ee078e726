/**
 * lgamma, digamma and polygamma. Near 2 both have polynomials that carry their roots as factors; from 8 on they are asymptotic
 * series in 1/x^2 (Abramowitz and Stegun 6.1.41, 6.3.18, 6.4.11), between they recur to [2, 3), and negative arguments are
 * reflected. Coefficients: fits of this project at Chebyshev nodes.
 */
import { type Expr, abs, add, and, ceil, div, eq, floor, ge, gt, lt, mul, nearest, neg, or, rare, select, sub } from "../expr.ts";
import { log } from "./logarithm.ts";
import { type ByFloat, forType, like, polynomial, seriesOf } from "./scalar.ts";
import { sin, tan } from "./trigonometric.ts";

/** From where on the asymptotic series hold. */
const FAR = 8;

/** lgamma(2 + t) / (t (1 + t)) for |t| <= 1. */
const lgammaNear: ByFloat<readonly number[]> = {
  f32: [
    0.42278433, -0.10031728, 0.03296499, -0.012384944, 0.004998996, -0.0021022423, 0.0009125945, -0.00042515414, 0.00019173969,
    -5.2839736e-5, 2.3881606e-5, -3.8580474e-5, 1.8091514e-5,
  ].map(Math.fround),
  f64: [
    0.42278433509846713, -0.10031730167435392, 0.03296500062115691, -0.012384192193371805, 0.004998641164627129, -0.0021081308339216706,
    0.0009153769240386907, -0.0004057073983775151, 0.0001825526153982638, -8.309511477709561e-5, 3.816907658276081e-5,
    -1.7661767658452517e-5, 8.221234475942905e-6, -3.846858091533014e-6, 1.8113906873056685e-6, -8.54560908975883e-7, 3.958940459367468e-7,
    -1.878442644643758e-7, 1.042041826608264e-7, -4.9827532071170234e-8, 5.910565853507869e-9, -2.7296358592514825e-9,
    1.6194359237484174e-8, -7.842557720538356e-9, -4.312495770350818e-9, 2.0986002157033107e-9, 1.5746606982777302e-9,
    -7.639292345836201e-10,
  ],
};
/** x (lgamma x - (x - 1/2) log x + x - log(2 pi)/2) in 1/x^2. */
const lgammaFar: ByFloat<readonly number[]> = {
  f32: [0.083333336, -0.002777777, 0.0007934093, -0.000570147].map(Math.fround),
  f64: [
    0.08333333333333333, -0.002777777777773988, 0.0007936507897524059, -0.0005952365845057049, 0.0008414700852503147, -0.001890382993887715,
    0.005065905360156132,
  ],
};
/** digamma(2 + t) / (2 + t - root) for |t| <= 1. */
const digammaNear: ByFloat<readonly number[]> = {
  f32: [
    0.7853075, -0.26073897, 0.10899993, -0.04955003, 0.023446808, -0.01134909, 0.0055575822, -0.00269029, 0.0013335049, -0.0007899766,
    0.0003937546, -3.0243948e-5, 1.500264e-5, -0.00011828127, 5.9118407e-5,
  ].map(Math.fround),
  f64: [
    0.7853075386041053, -0.2607389546830014, 0.10899991701762626, -0.04955103291767291, 0.023447309597724546, -0.011338432553333682,
    0.005552254171350814, -0.0027395728831692795, 0.0013581421903714414, -0.000675313369799565, 0.00033643237613001386,
    -0.00016781518722379935, 8.377966540530644e-5, -4.184622931937881e-5, 2.0891708911121205e-5, -1.044106631983514e-5, 5.26871942897218e-6,
    -2.6338311326151924e-6, 1.2119815782595426e-6, -6.059322795045256e-7, 4.6173797029851077e-7, -2.3086248081342955e-7,
    -5.6422994902202784e-8, 2.821220170829738e-8, 1.1540536834062045e-7, -5.77025926771739e-8, -3.5705337308985145e-8,
    1.7852672191376552e-8, 1.0201545142033868e-8, -5.100770214989469e-9,
  ],
};
/** The root of digamma beyond 1, in two parts. */
const digammaRoot: ByFloat<{ high: number; low: number }> = {
  f32: { high: 1.4616321325302124, low: 1.2438149938918909e-8 },
  f64: { high: 1.4616321449683622, low: 9.549995429965697e-17 },
};
/** x^2 (log x - 1/(2x) - digamma x) in 1/x^2. */
const digammaFar: ByFloat<readonly number[]> = {
  f32: [0.083333336, -0.008333326, 0.00396611, -0.003943137].map(Math.fround),
  f64: [
    0.08333333333333333, -0.008333333333331664, 0.003968253965999701, -0.004166665501516725, 0.007575459920369176, -0.02105106090804774,
    0.08002337465397756, -0.299425370626735,
  ],
};

interface Reduced {
  /** x - shift in [2, 3) for x in [3, 8), else x. */
  readonly below: Expr;
  readonly shift: Expr;
  /** The argument of the polynomials: x - 2 after the shift, and for x < 1 of x + 1. */
  readonly t: Expr;
  readonly isSmall: Expr;
  readonly isFar: Expr;
}

/** How an argument a > -2^-10 reaches the polynomials. Every difference here is exact. */
function reduce(a: Expr): Reduced {
  const k = (v: number): Expr => like(a, v);
  const isSmall = lt(a, k(1));
  const isFar = ge(a, k(FAR));
  const shift = select(lt(a, k(3)), k(0), sub(floor(a), k(2)));
  const below = sub(a, shift);
  return { below, shift, t: sub(below, select(isSmall, k(1), k(2))), isSmall, isFar };
}

/** The factors a - 1, a - 2, ... down to `below`, combined from 1 on; `skipped` stands for those that are not needed. */
function factors(a: Expr, shift: Expr, skipped: number, combine: (sum: Expr, factor: Expr, needed: Expr) => Expr): Expr {
  let all = like(a, skipped);
  for (let k = 1; k <= FAR - 3; k++) all = combine(all, sub(a, like(a, k)), ge(shift, like(a, k)));
  return all;
}

/** lgamma a for a > 0, and log |a| in its place up to the first terms for a > -2^-10. */
function lgammaOfPositive(a: Expr): Expr {
  const k = (v: number): Expr => like(a, v);
  const { shift, t, isSmall, isFar } = reduce(a);
  const product = factors(a, shift, 1, (p, f, needed) => select(needed, mul(p, f), p));
  const l = log(select(or(isSmall, isFar), abs(a), product));
  const polynomialPart = mul(mul(t, add(t, k(1))), seriesOf(t, lgammaNear));
  const near = select(isSmall, sub(polynomialPart, l), add(polynomialPart, l));
  const r = div(k(1), a);
  const tail = add(mul(r, polynomial(mul(r, r), forType(a, lgammaFar))), k(Math.log(2 * Math.PI) / 2 - 0.5));
  const far = add(mul(sub(a, k(0.5)), sub(l, k(1))), tail);
  return select(isFar, far, near);
}

/** x to the nearest integer, taken away: exact. */
const fraction = (x: Expr): Expr => sub(x, nearest(x));
const isReflected = (x: Expr): Expr => lt(x, like(x, -(2 ** -10)));

/** log |gamma x|: infinite at 0 and at negative integers. */
export function lgamma(x: Expr): Expr {
  const reflected = isReflected(x);
  const positive = lgammaOfPositive(select(reflected, neg(x), x));
  const turn = mul(x, sin(mul(fraction(x), like(x, Math.PI))));
  const byReflection = sub(sub(like(x, Math.log(Math.PI)), log(abs(turn))), positive);
  return rare(reflected, select(eq(x, like(x, -Infinity)), like(x, Infinity), byReflection), positive);
}

function digammaOfPositive(a: Expr): Expr {
  const k = (v: number): Expr => like(a, v);
  const { shift, t, isSmall, isFar } = reduce(a);
  const root = forType(a, digammaRoot);
  const fromRoot = sub(add(t, k(2 - root.high)), k(root.low));
  const near = mul(fromRoot, seriesOf(t, digammaNear));
  const recurred = factors(a, shift, 0, (s, f, needed) => select(needed, add(s, div(k(1), f)), s));
  const r = div(k(1), a);
  const z = mul(r, r);
  const far = sub(log(a), add(mul(r, k(0.5)), mul(z, polynomial(z, forType(a, digammaFar)))));
  return select(isFar, far, add(near, select(isSmall, neg(r), recurred)));
}

/** The derivative of lgamma: NaN at negative integers, -Infinity at 0 and Infinity at -0. */
export function digamma(x: Expr): Expr {
  const negative = lt(x, like(x, 0));
  const positive = digammaOfPositive(select(negative, sub(like(x, 1), x), x));
  const r = fraction(x);
  const cotangent = div(like(x, Math.PI), tan(mul(r, like(x, Math.PI))));
  return rare(negative, select(eq(r, like(x, 0)), like(x, NaN), sub(positive, cotangent)), positive);
}

/** The Bernoulli numbers B_2, B_4, ... */
const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330, 854513 / 138];
/** How many terms of the asymptotic series are taken, and how small the next must be. */
const terms: ByFloat<{ count: number; error: number }> = { f32: { count: 4, error: 2 ** -26 }, f64: { count: 10, error: 2 ** -55 } };

/** B_2k (2k + n - 1)! / ((2k)! (n - 1)!): the k-th term of (-1)^(n+1) x^n / (n - 1)! polygamma(n, x) in 1/x^2k. */
function asymptoticTerm(n: number, k: number): number {
  let binomial = 1;
  for (let j = 1; j <= n - 1; j++) binomial *= (2 * k + j) / j;
  return bernoulli[k - 1]! * binomial;
}

const power = (x: Expr, n: number): Expr => {
  const half = n > 1 ? power(x, Math.floor(n / 2)) : x;
  return n === 1 ? x : n % 2 ? mul(mul(half, half), x) : mul(half, half);
};
const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

/** |polygamma(n, x)| for x > 0 and n >= 1: all terms are positive. */
function polygammaOfPositive(n: number, x: Expr): Expr {
  const { count, error } = forType(x, terms);
  const k = (v: number): Expr => like(x, v);
  const far = Math.ceil((Math.abs(asymptoticTerm(n, count + 1)) / error) ** (1 / (2 * count + 2)));
  const steps = ceil(sub(k(far), x));
  const y = select(gt(steps, k(0)), add(x, steps), x);
  const r = div(k(1), y);
  const series = polynomial(mul(r, r), [1, ...Array.from({ length: count }, (_, i) => asymptoticTerm(n, i + 1))]);
  let sum = mul(div(k(factorial(n - 1)), power(y, n)), add(series, mul(r, k(n / 2))));
  for (let j = far - 1; j >= 0; j--) {
    const term = div(k(factorial(n)), power(add(x, k(j)), n + 1));
    sum = select(gt(steps, k(j)), add(sum, term), sum);
  }
  return sum;
}

/** Coefficients of the n-th derivative of cot(x) as a polynomial in cot(x): cot' = -(1 + cot^2). */
function cotangentDerivative(n: number): number[] {
  let p = [0, 1];
  for (let k = 0; k < n; k++) {
    const slope = p.slice(1).map((c, i) => c * (i + 1));
    p = Array.from({ length: slope.length + 2 }, (_, i) => -(slope[i] ?? 0) - (slope[i - 2] ?? 0));
  }
  return p;
}

/** The n-th derivative of digamma, n >= 0. At 0 and negative integers it is Infinity for odd n; for even n NaN, and -Infinity at 0. */
export function polygamma(n: number, x: Expr): Expr {
  if (n === 0) return digamma(x);
  const odd = n % 2 === 1;
  const negative = lt(x, like(x, 0));
  const magnitude = polygammaOfPositive(n, select(negative, sub(like(x, 1), x), x));
  const r = fraction(x);
  const cotangent = div(like(x, 1), tan(mul(r, like(x, Math.PI))));
  // psi_n(x) = (-1)^n psi_n(1 - x) - pi^(n+1) cot^(n)(pi x), and psi_n(1 - x) = (-1)^(n+1) |psi_n(1 - x)|.
  const turned = polynomial(
    cotangent,
    cotangentDerivative(n).map((c) => -c * Math.PI ** (n + 1)),
  );
  const atPole = select(and(eq(r, like(x, 0)), eq(x, x)), like(x, odd ? Infinity : NaN), sub(turned, magnitude));
  return rare(negative, atPole, odd ? magnitude : neg(magnitude));
}
