/**
 * Exact range reduction of huge float32 arguments: M. Payne and R. Hanek, "Radian reduction for trigonometric functions",
 * SIGNUM Newsletter 18 (1983), in 32-bit integer arithmetic. Of the product a * 2/pi only the bits from weight 2 down to
 * 2^-62 are formed: higher ones are whole turns, lower ones do not reach a float32 (no float32 comes closer than 2^-30
 * to a multiple of pi/2).
 */
import { type Expr, add, and, bitcast, convert, eq, lt, mul, or, select, shl, shr, sub, xor } from "../expr.ts";
import { bitsOf, f32, floatOf, i32, u32 } from "./scalar.ts";

// The binary expansion of 2/pi after 32 zero bits.
const twoOverPi = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab];
const windows = 5; // of four consecutive words

/** The upper 32 bits of the product of m < 2^24 and b, from 16-bit halves. */
function mulHigh(m: Expr, b: Expr): Expr {
  const halves = (v: Expr): [Expr, Expr] => [and(v, u32(0xffff)), shr(v, u32(16))];
  const [ml, mh] = halves(m);
  const [bl, bh] = halves(b);
  const middle = add(mul(ml, bh), shr(mul(ml, bl), u32(16)));
  const [middleLow, middleHigh] = halves(middle);
  return add(add(mul(mh, bh), middleHigh), shr(add(mul(mh, bl), middleLow), u32(16)));
}

/**
 * For finite a >= 2^12: the integer n (i32, modulo 4 or less) and r in [-period/2, period/2] with
 * a + shift * period = n * period + r, modulo two periods at least. The period is pi for periodBits = 1, pi/2 for 2.
 * NaN for infinite and NaN a.
 */
export function reduceHuge(a: Expr, periodBits: 1 | 2, shift: 0 | 0.5): { n: Expr; r: Expr } {
  const bits = bitcast("u32", a);
  const m = or(and(bits, u32(0x7fffff)), u32(0x800000));
  // a = m * 2^(E - 150); the bit of 2/pi that gets weight 2 in the product with m is bit E - 120 of the list above.
  const position = sub(shr(bits, u32(23)), u32(120));
  const word = shr(position, u32(5));
  const words = [0, 1, 2, 3].map((k) => {
    let w = u32(twoOverPi[windows - 1 + k]!);
    for (let j = windows - 2; j >= 0; j--) w = select(eq(word, u32(j)), u32(twoOverPi[j + k]!), w);
    return w;
  });
  const count = and(position, u32(31));
  const aligned = [0, 1, 2].map((k) => or(shl(words[k]!, count), shr(shr(words[k + 1]!, u32(1)), xor(count, u32(31)))));
  const [w0, w1, w2] = aligned as [Expr, Expr, Expr];

  const lowOfMiddle = mul(m, w1);
  const low = add(lowOfMiddle, mulHigh(m, w2));
  const carry = convert("u32", lt(low, lowOfMiddle));
  const product = add(add(mul(m, w0), mulHigh(m, w1)), carry); // two integer bits, in units of pi/2
  const high = shift === 0 ? product : add(product, u32(0x40000000));

  // The fraction of a period, as a signed 64-bit number: its complement where negative, and the sign apart.
  const shiftBits = u32(periodBits);
  const fractionHigh = bitcast("i32", or(shl(high, shiftBits), shr(low, u32(32 - periodBits))));
  const negative = shr(fractionHigh, i32(31));
  const upper = convert("f32", xor(fractionHigh, negative));
  const lower = convert("f32", bitcast("i32", shr(xor(shl(low, shiftBits), bitcast("u32", negative)), u32(1))));
  const period = (Math.PI * 2) / 2 ** periodBits;
  const magnitude = mul(add(upper, mul(lower, f32(2 ** -31))), f32(period * 2 ** -32));
  const r = floatOf(xor(bitsOf(magnitude), and(negative, i32(0x80000000))));
  const n = bitcast("i32", shr(add(high, u32(2 ** (31 - periodBits))), u32(32 - periodBits)));
  return { n, r: select(lt(a, f32(Infinity)), r, f32(NaN)) };
}
