/**
 * The error function: an odd polynomial for |x| < 1, and 1 - erfc |x| beyond, where erfc is small enough to forgive its
 * own rounding. Coefficients: minimax fits of this project, weighted by what erf needs.
 */
import { type Expr, abs, add, div, ge, mul, neg, select, sub } from "../expr.ts";
import { expNormal } from "./exponential.ts";
import { atMost, like, polynomial, withSign } from "./scalar.ts";

/** erf(x)/x - 1 in z = x^2, for |x| <= 1. */
const nearZero = {
  f32: [0.128379166, -0.37612626, 0.112835787, -0.0268533472, 0.0051871622, -0.00079978531, 7.80690316e-5],
  f64: [
    0.1283791670955126, -0.3761263890318375, 0.11283791670954858, -0.02686617064507296, 0.00522397762478137, -0.0008548326978765149,
    0.00012055331037551108, -1.4925593518728226e-5, 1.6460972954153765e-6, -1.635002619207727e-7, 1.4657883530919653e-8,
    -1.136567067182716e-9, 5.945255584223488e-11,
  ],
};

/** -log erfc t for t in [1, 4]. */
const minusLogErfc = [0.000341499515, 1.12708926, 0.638144732, 0.103106849, -0.0218381248, 0.00294768135, -0.000186382866];

/** e^(t^2) erfc t in u = 1 / (1 + t/2), for t in [1, 6]. */
const scaledErfc = [
  1.9688319445138316e-7, 0.28208734354614273, 0.28222544467936, 0.2454238436901873, 0.18675087615373737, 0.027507624016208904,
  0.22254248453494496, -0.7529092690462663, 1.5728460607260377, -2.8653415602292456, 3.7361627499025016, -3.2313714711558013,
  1.8080017669752062, -0.6190810152186452, 0.11200006600405876, -0.006844499273471966,
];

export function erf(x: Expr): Expr {
  const single = x.type === "f32";
  const a = abs(x);
  const near = add(a, mul(a, polynomial(mul(x, x), nearZero[single ? "f32" : "f64"])));
  const t = atMost(a, single ? 4 : 6); // where erf is 1
  const one = like(x, 1);
  const erfc = single
    ? expNormal(neg(polynomial(t, minusLogErfc)))
    : mul(expNormal(neg(mul(t, t))), polynomial(div(one, add(one, mul(t, like(x, 0.5)))), scaledErfc));
  return withSign(select(ge(a, one), sub(one, erfc), near), x);
}
