/**
 * How a step is cut into parts that may run at the same time, each with bits that do not depend on the cut: an index space at fixed places
 * along its axes; a sum, where it has too few results for that, into whole subtrees of kernel/tree.ts, which one more step joins.
 */
import type { Storage } from "../core/dtype.ts";
import type { BoundOperand, BoundStep } from "../kernel/backend.ts";
import * as e from "../kernel/expr.ts";
import { indexedReads, type LoopKernel, type RoutineKernel } from "../kernel/kernel.ts";
import { type Extent, extentOf } from "../kernel/routine.ts";
import { movedBy, partOf } from "../kernel/part.ts";
import { resultOf, rowsOf } from "../kernel/rows.ts";
import { BLOCK } from "../kernel/tree.ts";
import { nanoseconds } from "./cost.ts";
import { type Combine, PartialResults, type Results } from "./joins.ts";
import { productsOf } from "./product.ts";

/** A step, or a part of one: of a loop that knows positions, with the first one along each axis. */
export interface Part extends BoundStep {
  readonly origin?: readonly number[];
}

/** A step as parts, and what joins them. */
export interface Spread {
  readonly parts: readonly Part[];
  readonly joins: readonly BoundStep[];
}

export interface Spreading {
  /** How many parts are wanted for so many nanoseconds of work. */
  parts(nanoseconds: number): number;
  /** Memory for partial results, that lives as long as the plan. */
  stage(bytes: number): number;
}

/** Elements of a cache line: what is next to each other is not cut finer, so that no two threads write the same line. */
const GRAIN = 16;
/** Rows and columns of a product come in tiles, and packing costs more the fewer there are. */
const PRODUCT_GRAIN = 8;
const LEAST_SIDE = 64;
/** What one step can join. */
const MOST_JOINED = 64;

/** `count` positions of an axis, from `start` on. */
const slice = (step: Part, axis: number, start: number, count: number): Part => ({
  ...partOf(step, axis, start, count),
  origin: step.sizes.map((_, i) => (step.origin?.[i] ?? 0) + (i === axis ? start : 0)),
});

/** Slices of `chunk` positions. */
function slices(step: BoundStep, axis: number, chunk: number): Part[] {
  const size = step.sizes[axis]!;
  const out: Part[] = [];
  for (let start = 0; start < size; start += chunk) out.push(slice(step, axis, start, Math.min(chunk, size - start)));
  return out;
}

/** The step in parts, or undefined where that is not worth it, or not possible. */
export function spreadStep(step: BoundStep, { parts, stage }: Spreading): Spread | undefined {
  const wanted = parts(nanoseconds(step));
  if (wanted < 2 || step.sizes.includes(0)) return undefined;
  switch (step.kernel.kind) {
    case "loop":
      return spreadLoop(step, step.kernel, wanted, stage);
    case "matmul":
      return spreadProducts(step, step.kernel.storage, wanted, stage);
    case "rows":
      return spreadRows(step, wanted, stage);
    case "routine":
      return several(items(step, step.kernel, Math.ceil(step.sizes[0]! / wanted)));
    case "scatterAdd":
    case "argsort":
      return undefined;
  }
}

/** So many items of a routine each. */
function items(step: BoundStep, { routine }: RoutineKernel, chunk: number): BoundStep[] {
  const parts: BoundStep[] = [];
  for (let start = 0; start < step.sizes[0]!; start += chunk) {
    const from = (o: BoundOperand, extent: Extent): BoundOperand => movedBy(o, start * extentOf(extent, step.sizes));
    parts.push({
      ...step,
      sizes: [Math.min(chunk, step.sizes[0]! - start), ...step.sizes.slice(1)],
      reads: step.reads.map((o, i) => (routine.reads[i]!.shared ? o : from(o, routine.reads[i]!.extent))),
      writes: step.writes.map((o, i) => from(o, routine.writes[i]!.extent)),
    });
  }
  return parts;
}

const several = (parts: readonly BoundStep[], joins: readonly BoundStep[] = []): Spread | undefined =>
  parts.length < 2 ? undefined : { parts, joins };

function spreadLoop(step: BoundStep, kernel: LoopKernel, wanted: number, stage: Spreading["stage"]): Spread | undefined {
  const { rank, fold } = kernel;
  const computed = indexedReads(kernel.body);
  /** Elements that are found by computed positions must not move. */
  const divisible = (i: number): boolean => step.reads.every((r, slot) => !computed.has(slot) || r.strides[i] === 0);

  let [best, bestUnits, bestGrain] = [-1, 1, 1];
  for (let i = 0; i < (fold === undefined ? rank : rank - 1) && bestUnits < wanted; i++) {
    const inner = i === rank - 1 || (fold !== undefined && i === rank - 2);
    const grain = inner ? GRAIN : 1;
    const units = Math.ceil(step.sizes[i]! / grain);
    if (units > bestUnits && divisible(i)) [best, bestUnits, bestGrain] = [i, units, grain];
  }
  const chunks = chunksOf(step.sizes[rank - 1]!, wanted);
  if (fold === "sum" || fold === "prod" || fold === "max" || fold === "min") {
    const value = kernel.body.values[0]!;
    if (bestUnits < wanted && chunks.count > bestUnits && divisible(rank - 1) && value.type !== "bool") {
      const combine = fold === "sum" ? e.add : fold === "prod" ? e.mul : e[fold];
      const inner = rank === 1 ? 1 : kernel.writes[0]!.inner;
      const results = { sizes: step.sizes.slice(0, -1), storage: kernel.writes[0]!.storage, inner, stage };
      return joined(slices(step, rank - 1, chunks.positions), results, combine);
    }
  }
  if (best < 0) return undefined;
  return several(slices(step, best, Math.ceil(bestUnits / wanted) * bestGrain));
}

/** Whole subtrees of an axis of n positions, about as many as wanted, and at most what can be joined. */
function chunksOf(n: number, wanted: number): { readonly positions: number; readonly count: number } {
  const blocks = Math.ceil(n / BLOCK);
  let chunk = 2 ** Math.floor(Math.log2(Math.max(1, blocks / wanted)));
  while (blocks > chunk * MOST_JOINED) chunk *= 2;
  return { positions: chunk * BLOCK, count: Math.ceil(blocks / chunk) };
}

/** The axes of a product's sizes. */
const Axis = { batch: 0, m: 1, n: 2, k: 3 } as const;

/** Whether B is the transpose of A. */
function ownTranspose({ sizes, reads: [a, b] }: BoundStep): boolean {
  const [x, y, z] = a!.strides;
  const mirrored = b!.strides[0] === x && b!.strides[1] === z && b!.strides[2] === y;
  return sizes[1] === sizes[2] && a!.buffer === b!.buffer && a!.offset === b!.offset && mirrored;
}

function spreadProducts(step: BoundStep, storage: Storage, wanted: number, stage: Spreading["stage"]): Spread | undefined {
  const [b, m, n, k] = step.sizes as [number, number, number, number];
  const products = step.writes.length;
  if (b * products >= wanted) {
    const chunk = Math.ceil(b / Math.ceil(wanted / products));
    return several(productsOf(step).flatMap((p) => slices(p, Axis.batch, chunk)));
  }
  // Halves of the longer side, again and again: packed operands serve as much as they can.
  const grain = (size: number): number => Math.ceil(size / PRODUCT_GRAIN) * PRODUCT_GRAIN;
  let [rows, columns] = [grain(m), grain(n)];
  const count = (): number => b * products * Math.ceil(m / rows) * Math.ceil(n / columns);
  while (count() < wanted && Math.max(rows, columns) >= 2 * LEAST_SIDE)
    if (rows >= columns) rows = grain(rows / 2);
    else columns = grain(columns / 2);
  const chunks = chunksOf(k, Math.ceil(wanted / products));
  const parted = chunks.count * products;
  // Half of a product with its own transpose is saved, but not of pieces of it.
  if (ownTranspose(step) ? parted > 1 : count() < wanted && parted > count()) {
    const spreads = productsOf(step).map((p) => {
      const inner = p.writes[0]!.strides[2] === 1 ? (1 as const) : ("strided" as const);
      return joined(slices(p, Axis.k, chunks.positions), { sizes: [b, m, n], storage, inner, stage }, e.add);
    });
    return { parts: spreads.flatMap((s) => s.parts), joins: spreads.flatMap((s) => s.joins) };
  }
  const alongRows = productsOf(step).flatMap((p) => slices(p, Axis.m, rows));
  return several(alongRows.flatMap((p) => slices(p, Axis.n, columns)));
}

/** Tiles in a row for each part: with whole subtrees of the sums over rows, which are joined afterwards. */
function spreadRows({ rows, ...step }: BoundStep, wanted: number, stage: Spreading["stage"]): Spread | undefined {
  const [count] = step.sizes as [number];
  const { positions } = chunksOf(count, wanted);
  const starts = Array.from({ length: Math.ceil(count / positions) }, (_, p) => p * positions);
  const partial = new Map<BoundOperand, PartialResults>();
  for (const { step: inner, reduces } of rows!.stages) {
    if (!reduces) continue;
    const { kernel } = inner;
    const { storage, sizes } = resultOf(inner);
    const along = kernel.kind === "loop" && kernel.rank > 1 ? kernel.writes[0]!.inner : 1;
    for (const write of inner.writes) partial.set(write, new PartialResults({ count: starts.length, sizes, storage, inner: along, stage }));
  }
  const parts = starts.map((start, p) => {
    const length = Math.min(positions, count - start);
    const stages = rows!.stages.map((s) => {
      const part = rowsOf(s, start, length);
      return { ...s, step: s.reduces ? { ...part, writes: s.step.writes.map((w) => partial.get(w)!.at(p)) } : part };
    });
    return { ...step, sizes: [length], rows: { ...rows!, stages } };
  });
  return several(
    parts,
    [...partial].map(([write, sums]) => sums.join(write, e.add)),
  );
}

/** Parts that leave their results, of the given sizes, side by side; and the step that joins them. */
function joined(parts: readonly BoundStep[], results: Omit<Results, "count">, combine: Combine): Spread {
  const partial = new PartialResults({ ...results, count: parts.length });
  return {
    parts: parts.map((part, p) => ({ ...part, writes: [partial.at(p)] })),
    joins: [partial.join(parts[0]!.writes[0]!, combine)],
  };
}
