/**
 * Arithmetic on a float beside its rounding error (T. J. Dekker, "A floating-point technique for extending the
 * available precision", Numer. Math. 18, 1971). Executors must not reassociate: every operation here is meant as written.
 */
import { type Expr, add, and, fromWords, highWord, sub } from "../expr.ts";
import { bitsOf, floatOf, i32, u32 } from "./scalar.ts";

/** The upper 12 bits of a float32's significand, or 21 of a float64's, and the rest: products of two such parts are exact. */
export function split(x: Expr): { high: Expr; low: Expr } {
  const high = x.type === "f64" ? fromWords(highWord(x), u32(0)) : floatOf(and(bitsOf(x), i32(0xfffff000)));
  return { high, low: sub(x, high) };
}

/** a + b as a rounded sum and its error, exactly, for |a| >= |b| or a = 0. */
export function fastTwoSum(a: Expr, b: Expr): { sum: Expr; error: Expr } {
  const sum = add(a, b);
  return { sum, error: sub(b, sub(sum, a)) };
}
