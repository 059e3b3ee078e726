/**
 * sinc and all its derivatives as one family: with s(t) = sin(t)/t, the k-th derivative of sinc(x) = s(pi x) is
 * pi^k s_k(pi x). Near 0, where quotients cancel, each s_k is summed from its own Taylor series; elsewhere the recurrence
 * t s_k = sin_k(t) - k s_(k-1), from differentiating t s = sin t, is accurate.
 */
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { like, polynomial } from "../kernel/math/scalar.ts";
import { cos, sin } from "../kernel/math/trigonometric.ts";
import { mul } from "./arithmetic.ts";
import { defineElementwise, floats } from "./elementwise.ts";
import { toFloat } from "./operand.ts";
import type { PrimitiveFunction, RuledPrimitive } from "./primitive.ts";
import type { Unary } from "./signatures.ts";

/** Where series and recurrence meet: the series cancels by at most exp(t) here, the recurrence by k!/t^k. */
const meeting = (k: number): number => 1 + k / 2;

/** s_k(t) = sum over even n >= k of (-1)^(n/2) t^(n-k) / ((n-k)! (n+1)), as a polynomial in t^2, times t for odd k. */
function series(t: e.Expr, k: number): e.Expr {
  const first = k + (k % 2);
  const coefficients: number[] = [];
  let factorial = 1; // (n - k)!
  for (let n = first; coefficients.length === 0 || meeting(k) ** (n - k) / factorial > 1e-19; n += 2) {
    coefficients.push(((n / 2) % 2 ? -1 : 1) / (factorial * (n + 1)));
    factorial *= (n - k + 1) * (n - k + 2);
  }
  const even = polynomial(e.mul(t, t), coefficients);
  return k % 2 ? e.mul(even, t) : even;
}

function recurrence(t: e.Expr, k: number): e.Expr {
  const sines = [sin(t), cos(t), e.neg(sin(t)), e.neg(cos(t))];
  const numerator = k === 0 ? sines[0]! : e.sub(sines[k % 4]!, e.mul(like(t, k), recurrence(t, k - 1)));
  return e.div(numerator, t);
}

const derivatives: PrimitiveFunction<object>[] = [];

/** The k-th derivative of sinc, as a primitive of its own. */
function sincDerivative(k: number): PrimitiveFunction<object> {
  return (derivatives[k] ??= defineElementwise({
    name: k === 0 ? "sinc" : `sinc derivative ${k}`,
    accepts: floats,
    value: ([x]) => {
      const t = e.mul(x!, like(x!, Math.PI));
      const near = e.lt(e.abs(t), like(t, meeting(k)));
      return [e.mul(e.select(near, series(t, k), recurrence(t, k)), like(t, Math.PI ** k))];
    },
    jvp: ({ inputs, tangents }) => [mul(tangents[0]!, sincDerivative(k + 1)(inputs, {}))],
  }));
}

/** sin(pi x) / (pi x), and 1 at 0; derivatives of all orders are accurate there too. */
export const sinc: Unary = (x: Parameters<Unary>[0]): Tensor => sincDerivative(0)([toFloat("sinc", x)], {});

/** The primitive of a name, for table.ts: there is one for each order of derivative. */
export function primitiveNamed(name: string): RuledPrimitive | undefined {
  const order = name === "sinc" ? "0" : /^sinc derivative (\d+)$/.exec(name)?.[1];
  return order === undefined ? undefined : sincDerivative(Number(order)).primitive;
}
