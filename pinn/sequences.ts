/**
 * Points in the unit cube [0, 1)^d: random ones, and sequences that fill it more evenly than chance does. All are functions of a seed, so that a run can be
 * repeated, and give the same numbers on every machine.
 */

/** `count` points of `dimension` numbers, one after the other. */
export type Sequence = (count: number, dimension: number) => Float64Array;

/** Names of the sequences that there are. */
export type SequenceName = "uniform" | "latinHypercube" | "halton" | "sobol";

/** Random numbers in [0, 1) from a seed: xoshiro128** (Blackman and Vigna, 2018), two words of it for 53 bits. */
export function randomNumbers(seed: number): () => number {
  // The state is spread from the seed by SplitMix32's finalizer, so that near seeds are far apart.
  let z = seed | 0;
  const spread = (): number => {
    z = (z + 0x9e3779b9) | 0;
    let x = z;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return x ^ (x >>> 16);
  };
  let [a, b, c, d] = [spread(), spread(), spread(), spread() | 1];
  const word = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  return () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
}

const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** Independent points. */
export function uniform(seed: number): Sequence {
  const next = randomNumbers(seed);
  return (count, dimension) => Float64Array.from({ length: count * dimension }, next);
}

/** Each of `count` equal slices of each axis has one point (McKay, Beckman and Conover 1979). */
export function latinHypercube(seed: number): Sequence {
  const next = randomNumbers(seed);
  return (count, dimension) => {
    const points = new Float64Array(count * dimension);
    for (let axis = 0; axis < dimension; axis++) {
      const slices = Uint32Array.from({ length: count }, (_, i) => i);
      for (let i = count - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1));
        [slices[i], slices[j]] = [slices[j]!, slices[i]!];
      }
      for (let i = 0; i < count; i++) points[i * dimension + axis] = (slices[i]! + next()) / count;
    }
    return points;
  };
}

const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29];

/** Halton's sequence (1960), shifted by the seed modulo 1 (Cranley and Patterson 1976). Further calls go on where the last one ended. */
export function halton(seed: number): Sequence {
  let done = 0;
  return (count, dimension) => {
    checkDimension("halton", dimension, primes.length);
    const shift = shiftOf(seed, dimension);
    const points = new Float64Array(count * dimension);
    for (let i = 0; i < count; i++)
      for (let axis = 0; axis < dimension; axis++)
        points[i * dimension + axis] = wrap(radicalInverse(done + i + 1, primes[axis]!) + shift[axis]!);
    done += count;
    return points;
  };
}

/** The digits of n in a base, mirrored at the point. */
function radicalInverse(n: number, base: number): number {
  let [value, scale] = [0, 1 / base];
  for (; n > 0; n = Math.floor(n / base), scale /= base) value += (n % base) * scale;
  return value;
}

/**
 * Primitive polynomials and first direction numbers of Sobol's sequence for the axes after the first, as Joe and Kuo chose them (new-joe-kuo-6, 2008):
 * degree, coefficients, numbers.
 */
const directions: readonly (readonly [degree: number, coefficients: number, first: readonly number[]])[] = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
  [5, 2, [1, 1, 5, 5, 17]],
  [5, 4, [1, 1, 5, 5, 5]],
  [5, 7, [1, 1, 7, 11, 19]],
];
const BITS = 32;

/** The direction numbers of an axis, as fractions of 2^32. */
function directionNumbers(axis: number): Uint32Array {
  const v = new Uint32Array(BITS);
  if (axis === 0) {
    for (let k = 0; k < BITS; k++) v[k] = 2 ** (31 - k);
    return v;
  }
  const [degree, coefficients, first] = directions[axis - 1]!;
  for (let k = 0; k < BITS; k++) {
    if (k < degree) {
      v[k] = first[k]! * 2 ** (31 - k);
      continue;
    }
    let x = v[k - degree]! ^ (v[k - degree]! >>> degree);
    for (let j = 1; j < degree; j++) if ((coefficients >>> (degree - 1 - j)) & 1) x ^= v[k - j]!;
    v[k] = x;
  }
  return v;
}

/** Sobol's sequence (1967) in Gray code order (Antonov and Saleev 1979), shifted by the seed modulo 1. Further calls go on where the last one ended. */
export function sobol(seed: number): Sequence {
  let done = 0;
  return (count, dimension) => {
    checkDimension("sobol", dimension, directions.length + 1);
    const shift = shiftOf(seed, dimension);
    const points = new Float64Array(count * dimension);
    for (let axis = 0; axis < dimension; axis++) {
      const v = directionNumbers(axis);
      let x = 0;
      const gray = done ^ (done >>> 1);
      for (let k = 0; k < BITS; k++) if ((gray >>> k) & 1) x ^= v[k]!;
      for (let i = 0; i < count; i++) {
        points[i * dimension + axis] = wrap((x >>> 0) / 2 ** 32 + shift[axis]!);
        // The bit in which the Gray codes of this number and the next differ.
        x ^= v[31 - Math.clz32(~(done + i) & (done + i + 1))]!;
      }
    }
    done += count;
    return points;
  };
}

/** Where a sequence of a seed begins on each axis; seed 0 is the sequence itself. */
function shiftOf(seed: number, dimension: number): readonly number[] {
  const next = randomNumbers(seed);
  return Array.from({ length: dimension }, () => (seed === 0 ? 0 : next()));
}

const wrap = (x: number): number => (x >= 1 ? x - 1 : x);

function checkDimension(name: string, dimension: number, most: number): void {
  if (dimension > most)
    throw new Error(`${name}: has points of up to ${most} dimensions, got ${dimension}; use "uniform" or "latinHypercube"`);
}

const sequences: Readonly<Record<SequenceName, (seed: number) => Sequence>> = { uniform, latinHypercube, halton, sobol };

/** A sequence by its name. */
export function sequence(name: SequenceName, seed = 0): Sequence {
  const make = sequences[name];
  if (!make) throw new Error(`sample: there is no sequence "${String(name)}"; there are ${Object.keys(sequences).join(", ")}`);
  return make(seed);
}
