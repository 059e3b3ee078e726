/**
 * Roots of unity to the last digit, by arithmetic alone: tables of them are the same on every machine, which Math.sin does not promise. Sums and
 * products are carried in pairs of numbers (Dekker, "A floating-point technique for extending the available precision", 1971).
 */

/** A number as the sum of two, the second below the last digit of the first. */
type Pair = readonly [high: number, low: number];

function sum([a, b]: Pair, [c, d]: Pair): Pair {
  const s = a + c;
  const back = s - a;
  const low = a - (s - back) + (c - back) + (b + d);
  const high = s + low;
  return [high, low - (high - s)];
}

/** The upper and the lower half of the digits. */
function halves(x: number): Pair {
  const c = 134217729 * x;
  const high = c - (c - x);
  return [high, x - high];
}

function product([a, b]: Pair, [c, d]: Pair): Pair {
  const p = a * c;
  const [ah, al] = halves(a);
  const [ch, cl] = halves(c);
  const low = ah * ch - p + ah * cl + al * ch + al * cl + (a * d + b * c);
  const high = p + low;
  return [high, low - (high - p)];
}

function quotient(a: number, b: number): Pair {
  const q = a / b;
  const [high, low] = product([q, 0], [b, 0]);
  return [q, (a - high - low) / b];
}

const QUARTER_PI: Pair = [0.7853981633974483, 3.061616997868383e-17];
/** 1 / k!, from k = 0 on: what is left out is below 1e-22 at pi / 4. */
const TERMS: readonly Pair[] = Array.from({ length: 22 }, (_, k) => {
  let factorial = 1;
  for (let i = 2; i <= k; i++) factorial *= i;
  return quotient(1, factorial);
});

/** The cosine and the sine of pi / 4 times k / n, 0 <= k <= n, by their Taylor series. */
function cosineAndSine(k: number, n: number): readonly [number, number] {
  const x = product(QUARTER_PI, quotient(k, n));
  const square = product(x, x);
  const minus: Pair = [-square[0], -square[1]];
  let [even, odd] = [TERMS[20]!, TERMS[21]!];
  for (let i = 18; i >= 0; i -= 2) {
    even = sum(TERMS[i]!, product(minus, even));
    odd = sum(TERMS[i + 1]!, product(minus, odd));
  }
  return [even[0], product(x, odd)[0]];
}

export interface Roots {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** exp(-2 pi i k / n) for k = 0, ..., n - 1, each part rounded once (but for what lies within 1e-22 of a tie). */
export function rootsOfUnity(n: number): Roots {
  const [re, im] = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k <= n / 2; k++) {
    // Of the angle 2 pi k / n an eighth of the circle counts: the others mirror it.
    const octant = Math.floor((8 * k) / n);
    const rest = 8 * k - octant * n;
    const [c, s] = cosineAndSine(octant % 2 === 0 ? rest : n - rest, n);
    const [cosine, sine] = octant === 0 ? [c, s] : octant === 1 ? [s, c] : octant === 2 ? [-s, c] : [-c, s];
    re[k] = cosine;
    im[k] = 0 - sine;
    if (k > 0) {
      re[n - k] = cosine;
      im[n - k] = sine;
    }
  }
  return { re, im };
}
