/**
 * Reductions and prefix sums over a row of values, in the one order that tree.ts fixes. These are the definitions that
 * the compiled backends are compared with, so they follow the text of tree.ts step by step.
 */
import type { Storage } from "../core/dtype.ts";
import { type Fold, isScan, scans } from "./kernel.ts";
import { type Binary, binaryFunction } from "./scalar.ts";
import { BLOCK, PARTIALS } from "./tree.ts";

type Reduction = "sum" | "prod" | "max" | "min";

interface Monoid {
  readonly combine: Binary;
  /** Where partial results start. */
  readonly identity: number;
  /** The fold of no values at all. */
  readonly empty: number;
}

const lowest: Record<Storage, number> = { f32: -Infinity, f64: -Infinity, i32: -(2 ** 31), u32: 0 };
const highest: Record<Storage, number> = { f32: Infinity, f64: Infinity, i32: 2 ** 31 - 1, u32: 2 ** 32 - 1 };

function monoid(fold: Reduction, storage: Storage): Monoid {
  switch (fold) {
    case "sum":
      return { combine: binaryFunction("add", storage), identity: storage === "f32" || storage === "f64" ? -0 : 0, empty: 0 };
    case "prod":
      return { combine: binaryFunction("mul", storage), identity: 1, empty: 1 };
    case "max":
      return { combine: Math.max, identity: lowest[storage], empty: lowest[storage] };
    case "min":
      return { combine: Math.min, identity: highest[storage], empty: highest[storage] };
  }
}

/** The fold of the first `n` values by the fixed tree. */
function treeFold(values: ArrayLike<number>, n: number, { combine, identity, empty }: Monoid): number {
  if (n === 0) return empty;
  let level: number[] = [];
  for (let start = 0; start < n; start += BLOCK) {
    const p = new Array<number>(PARTIALS).fill(identity);
    for (let k = start; k < Math.min(start + BLOCK, n); k++) p[k % PARTIALS] = combine(p[k % PARTIALS]!, values[k]!);
    level.push(combine(combine(p[0]!, p[1]!), combine(p[2]!, p[3]!)));
  }
  while (level.length > 1) {
    const above: number[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(i + 1 < level.length ? combine(level[i]!, level[i + 1]!) : level[i]!);
    level = above;
  }
  return level[0]!;
}

/** Inclusive prefixes (sums, say) of the first `n` values by the fixed blocked scan. */
function scan(values: ArrayLike<number>, n: number, combine: Binary, identity: number): number[] {
  const local: number[] = [];
  const totals: number[] = [];
  for (let start = 0; start < n; start += BLOCK) {
    let running = identity;
    for (let k = start; k < Math.min(start + BLOCK, n); k++) local.push((running = combine(running, values[k]!)));
    totals.push(running);
  }
  if (totals.length <= 1) return local;
  const offsets = scan(totals, totals.length, combine, identity);
  return local.map((v, k) => (k < BLOCK ? v : combine(offsets[Math.floor(k / BLOCK) - 1]!, v)));
}

/** The position of the first extreme; NaN is more extreme than any number, zeros of either sign are equal. 0 for no values. */
function argExtreme(values: ArrayLike<number>, n: number, better: (a: number, b: number) => boolean): number {
  let best = 0;
  for (let k = 0; k < n; k++) {
    if (Number.isNaN(values[k]!)) return k;
    if (better(values[k]!, values[best]!)) best = k;
  }
  return best;
}

/** The function that folds a row of values (its first n) of a storage type: one result, or n for a scan. */
export function foldFunction(fold: Fold, storage: Storage): (values: ArrayLike<number>, n: number) => readonly number[] {
  if (fold === "argmax") return (values, n) => [argExtreme(values, n, (a, b) => a > b)];
  if (fold === "argmin") return (values, n) => [argExtreme(values, n, (a, b) => a < b)];
  if (isScan(fold)) {
    const { combine, identity } = monoid(scans[fold], storage);
    return (values, n) => scan(values, n, combine, identity);
  }
  const m = monoid(fold, storage);
  return (values, n) => [treeFold(values, n, m)];
}

/** The sum of values by the fixed tree, every addition rounded (or wrapped) to the storage type. */
export const treeSum = (values: ArrayLike<number>, storage: Storage): number => treeFold(values, values.length, monoid("sum", storage));
