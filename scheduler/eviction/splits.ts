/**
 * Where to put checkpoints on a chain of n states of which the first is there, with c places for states, that one included: Griewank, Achieving
 * logarithmic growth of temporal and spatial complexity in reverse automatic differentiation, 1992; Griewank and Walther, Revolve, 2000.
 */

/** Where the second checkpoint goes: so many states behind the first, which is `from`. At least 1, less than n. */
export type Split = (from: number, n: number, c: number) => number;

/** How many states c places reach when none is computed more than r times: the binomial coefficient of c + r over c. */
function reach(c: number, r: number): number {
  if (r < 0 || c < 0) return 0;
  let n = 1;
  for (let k = 1; k <= Math.min(c, r) && n < Number.MAX_SAFE_INTEGER; k++) n = (n * (c + r - k + 1)) / k;
  return Math.round(n);
}

/** The least r with which c places reach n states. */
function repetitions(n: number, c: number): number {
  let r = 0;
  while (reach(c, r) < n) r++;
  return r;
}

/** How many steps the optimum takes, of equal cost, each from one state to the next. */
export function fewestSteps(n: number, c: number): number {
  if (n <= 1) return 0;
  const r = repetitions(n, c);
  return r * n - reach(c + 1, r - 1);
}

/** For steps of equal cost. */
export const evenSplit: Split = (_, n, c) => {
  const r = repetitions(n, c);
  const least = Math.max(1, reach(c, r - 2), n - reach(c - 1, r));
  return Math.min(least, n - 1);
};

/** For steps of any cost: by dynamic programming, which takes n^3 c / 6 steps and n^2 c numbers. `costs[k]` is that of going from state k to k + 1. */
export function weighedSplit(costs: readonly number[], most: number): { readonly split: Split; readonly least: (c: number) => number } {
  const n = costs.length + 1;
  const sums = new Float64Array(n + 1);
  const sumsOfSums = new Float64Array(n + 2);
  for (let k = 0; k < n; k++) {
    sums[k + 1] = sums[k]! + (costs[k] ?? 0);
    sumsOfSums[k + 1] = sumsOfSums[k]! + sums[k]!;
  }
  /** With c places, for states i to j - 1, at i * (n + 1) + j: what it costs, and the second checkpoint. */
  const cost: Float64Array[] = [];
  const at: Int16Array[] = [];
  const width = n + 1;
  for (let c = 1; c <= most; c++) {
    const now = (cost[c] = new Float64Array(n * width));
    const where = (at[c] = new Int16Array(n * width));
    for (let length = 2; length <= n; length++)
      for (let i = 0; i + length <= n; i++) {
        const j = i + length;
        // With one place, every state is reached from the first.
        let [least, best] = [sumsOfSums[j]! - sumsOfSums[i]! - length * sums[i]!, 0];
        for (let m = 1; c > 1 && m < length; m++) {
          const x = sums[i + m]! - sums[i]! + cost[c - 1]![(i + m) * width + j]! + now[i * width + i + m]!;
          if (x < least) [least, best] = [x, m];
        }
        now[i * width + j] = least;
        where[i * width + j] = best;
      }
  }
  return {
    split: (from, length, c) => Math.max(1, at[Math.min(c, most)]![from * width + from + length]!),
    least: (c) => cost[Math.min(c, most)]![n]!,
  };
}
