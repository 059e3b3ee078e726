/**
 * Slow, independent arithmetic for judging: real numbers as BigInts with 320 bits behind the point, and a few functions by
 * their plain power series.
 */
const bits = 320n;
export const unit = 1n << bits;

/** Towards zero, so that series end. */
export const multiply = (a: bigint, b: bigint): bigint => (a < 0n === b < 0n ? (a * b) >> bits : -((-a * b) >> bits));
export const divide = (a: bigint, b: bigint): bigint => (a << bits) / b;

/** A double, exactly (for exponents that leave its last bit above 2^-320). */
export function fixed(x: number): bigint {
  if (!Number.isFinite(x)) throw new Error(`${x} has no fixed point`);
  let scale = bits;
  while (!Number.isInteger(x)) {
    x *= 2;
    scale--;
  }
  return BigInt(x) << scale;
}

/** |got - want| in units in the last place that a double of the size of `want` has. */
export function doubleUlps(got: number, want: bigint, size = want): number {
  const magnitude = size < 0n ? -size : size;
  const exponent = Math.max(magnitude.toString(2).length - 1 - Number(bits), -1022);
  const error = fixed(got) - want;
  return Number(error < 0n ? -error : error) / 2 ** (exponent - 52 + Number(bits));
}

/** e^x, by halving x until the series is short. */
export function exp(x: bigint): bigint {
  const halvings = 40n;
  const r = x >> halvings;
  let sum = unit;
  let term = unit;
  for (let k = 1n; term !== 0n; k++) sum += term = multiply(term, r) / k;
  for (let k = 0n; k < halvings; k++) sum = multiply(sum, sum);
  return sum;
}

/** log x for x in (0, 3): 2 artanh((x - 1) / (x + 1)). */
export function log(x: bigint): bigint {
  const s = divide(x - unit, x + unit);
  const square = multiply(s, s);
  let sum = 0n;
  for (let power = s, k = 1n; power !== 0n; power = multiply(power, square), k += 2n) sum += power / k;
  return 2n * sum;
}

const nearest = (a: bigint, b: bigint): bigint => (2n * a + b) / (2n * b) - (2n * a + b < 0n ? 1n : 0n);

export const ln2 = log(2n * unit);
/** x = n ln 2 + r with |r| <= ln(2)/2. */
export function modLn2(x: bigint): { n: bigint; r: bigint } {
  const n = nearest(x, ln2);
  return { n, r: x - n * ln2 };
}

/** log x of any positive double. */
export function logOf(x: number): bigint {
  let e = 0;
  for (; x >= 1.5; x /= 2) e++;
  for (; x < 0.75; x *= 2) e--;
  return BigInt(e) * ln2 + log(fixed(x));
}

export function sqrt(x: bigint): bigint {
  const n = x << bits;
  let root = 1n << BigInt(n.toString(16).length * 2 + 1);
  for (let next = (root + n / root) >> 1n; next < root; next = (root + n / root) >> 1n) root = next;
  return root;
}

export const reciprocal = (x: bigint): bigint => divide(unit, x);

/** pi by Machin's formula. */
export const pi = ((): bigint => {
  const arctanOfInverse = (n: bigint): bigint => {
    let sum = 0n;
    for (let power = unit / n, k = 1n; power !== 0n; power /= -n * n, k += 2n) sum += power / k;
    return sum;
  };
  return 16n * arctanOfInverse(5n) - 4n * arctanOfInverse(239n);
})();

/** x (1 - x^2 / (m (m+1)) (1 - x^2 / ...)), the series of the sine and the cosine from a first term. */
function alternating(term: bigint, x: bigint, m: bigint): bigint {
  const square = multiply(x, x);
  let sum = 0n;
  for (; term !== 0n; m += 2n) {
    sum += term;
    term = -multiply(term, square) / (m * (m + 1n));
  }
  return sum;
}
/** sin(x + quarters pi/2) */
export function sin(x: bigint, quarters = 0n): bigint {
  const half = pi / 2n;
  const n = nearest(x, half);
  const r = x - n * half;
  const turn = (((n + quarters) % 4n) + 4n) % 4n;
  const value = turn % 2n === 0n ? alternating(r, r, 2n) : alternating(unit, r, 1n);
  return turn < 2n ? value : -value;
}

/** atan x, by halving the angle until the series is short. */
export function atan(x: bigint): bigint {
  const halvings = 4n;
  for (let k = 0n; k < halvings; k++) x = divide(x, unit + sqrt(unit + multiply(x, x)));
  const square = multiply(x, x);
  let sum = 0n;
  for (let power = x, k = 1n; power !== 0n; power = -multiply(power, square), k += 2n) sum += power / k;
  return sum << halvings;
}

/** erf x = 2/sqrt(pi) sum of (-1)^k x^(2k+1) / (k! (2k+1)). */
export function erf(x: bigint): bigint {
  const square = multiply(x, x);
  let sum = 0n;
  for (let term = x, k = 0n; term !== 0n; k++, term = -multiply(term, square) / k) sum += term / (2n * k + 1n);
  return divide(2n * sum, sqrt(pi));
}
