/**
 * A reduction computes what it reads, where it alone reads it and the group's own reads can be walked in the reduction's space.
 */
import { type Dim, mulDims, sameDim } from "../../core/dim.ts";
import { type Shape, stridesOf } from "../../core/shape.ts";
import * as e from "../expr.ts";
import { body, type Slot, type Step } from "../kernel.ts";
import { loop } from "../lowering.ts";
import type { View } from "../view.ts";
import { Group, type Item, MOST_READS, readersOf, writtenOnce } from "./items.ts";
import { rewrite, stored, unstored } from "./rewrite.ts";

/** How much of a group's work a reduction may do over, rather than have it stored and read back. */
const MOST_REPEATED = 16;

/** The items with reductions that compute more; a group that nobody reads any more is left for `emit` to drop. */
export function prologue(items: readonly Item[], keep: (slot: Slot) => boolean): Item[] {
  const readers = readersOf(items);
  const producers = new Map<Slot, Group>();
  const final = writtenOnce(items);
  for (const item of items) if (item instanceof Group) for (const slot of item.values.keys()) if (final(slot)) producers.set(slot, item);
  return items.map((item) => {
    if (item instanceof Group) return item;
    const source = item.step.loop;
    if (!source?.fold || source.reads.length !== 1 || source.body.values.some((v) => v.op !== "read")) return item;
    const { slot } = source.reads[0]!;
    const producer = producers.get(slot);
    if (!producer || keep(slot) || readers.get(slot)!.size !== 1) return item;
    const step = withPrologue(item.step, producer, (s) => final(s) && (keep(s) || readers.has(s)));
    return step ? { ...item, step } : item;
  });
}

function withPrologue(step: Step, producer: Group, inMemory: (slot: Slot) => boolean): Step | undefined {
  const source = step.loop!;
  const from = source.reads[0]!;
  const runs = axisRuns(from, producer.shape);
  if (!runs) return undefined;
  const reads: View[] = [];
  /** Values that are in memory anyway are read, not computed again. */
  const resident = new Map<e.Expr, View>();
  for (const [slot, { expr, write }] of producer.values) if (slot !== from.slot && inMemory(slot)) resident.set(expr, write);
  const target = producer.values.get(from.slot)!;
  let fits = true;
  const slots = new Map<View, number>();
  /** The read of a view in the reduction's space. */
  const place = (view: View): number => {
    let slot = slots.get(view);
    if (slot === undefined) {
      const strides = stridesAlong(view, runs, producer.shape);
      slot = strides ? reads.push({ ...view, shape: source.shape, strides }) - 1 : -1;
      slots.set(view, slot);
    }
    fits &&= slot >= 0;
    return slot;
  };
  const [value] = rewrite(
    [target.expr],
    (x, args) => {
      if (x.op === "index" || x.op === "at" || x.op === "uniform") fits = false;
      return x.op === "read" ? { ...x, value: place(producer.reads[x.value]!), args } : undefined;
    },
    (x) => {
      const view = resident.get(x);
      return view && unstored(e.read(place(view), view.slot.storage), x.type);
    },
  );
  // Where nothing else of the producer is wanted, nothing is done twice.
  const repeatsTooMuch = resident.size > 0 && e.exprOrder([value!]).length > MOST_REPEATED + reads.length;
  if (!fits || reads.length > MOST_READS || repeatsTooMuch) return undefined;
  const inner = body(
    reads.map((r) => r.slot.storage),
    [stored(value!)],
  );
  return loop({ ...source, body: inner, reads });
}

/** For each axis of a view of a row-major array, the run of the array's axes [first, last] that it walks; undefined if it is not of that form. */
function axisRuns(v: View, shape: Shape): (readonly [number, number])[] | undefined {
  if (!sameDim(v.offset, 0)) return undefined;
  const full = stridesOf(shape);
  const seen = new Set<number>();
  const runs: (readonly [number, number])[] = [];
  for (let a = 0; a < v.shape.length; a++) {
    const size = v.shape[a]!;
    if (sameDim(size, 1)) {
      runs.push([0, -1]);
      continue;
    }
    const last = shape.findLastIndex((d, i) => !seen.has(i) && !sameDim(d, 1) && sameDim(full[i]!, v.strides[a]!));
    if (last < 0) return undefined;
    let first = last;
    let covered: Dim = shape[last]!;
    while (!sameDim(covered, size) && first > 0) covered = mulDims(covered, shape[--first]!);
    if (!sameDim(covered, size)) return undefined;
    for (let i = first; i <= last; i++) {
      if (seen.has(i)) return undefined;
      seen.add(i);
    }
    runs.push([first, last]);
  }
  return shape.every((d, i) => seen.has(i) || sameDim(d, 1)) ? runs : undefined;
}

/** The strides of a view over `shape` along merged runs of its axes, if it walks each run as one. */
function stridesAlong(v: View, runs: readonly (readonly [number, number])[], shape: Shape): Dim[] | undefined {
  const strides: Dim[] = [];
  for (const [first, last] of runs) {
    if (last < first) {
      strides.push(0);
      continue;
    }
    let inner = last;
    for (let i = last - 1; i >= first; i--) {
      if (sameDim(shape[i]!, 1)) continue;
      if (!sameDim(v.strides[i]!, mulDims(v.strides[inner]!, shape[inner]!))) return undefined;
      inner = i;
    }
    strides.push(v.strides[last]!);
  }
  return strides;
}
