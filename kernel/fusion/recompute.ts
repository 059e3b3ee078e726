/**
 * A value that costs little to compute from what is in memory anyway is not stored and read back, but computed where it is wanted.
 * Derivatives are full of such: 1 - a*a of a layer's activations a, and its products with what the layers below gave.
 */
import { type Dim, sameDim } from "../../core/dim.ts";
import { sizeOf } from "../../core/shape.ts";
import * as e from "../expr.ts";
import type { Slot } from "../kernel.ts";
import { isWhole, type View } from "../view.ts";
import { addTo, Group, type GroupValue, type Item, readersOf, sameView, writtenOnce } from "./items.ts";
import { rewrite, unstored } from "./rewrite.ts";

/** Values with fewer elements are stored: that costs next to nothing, and a later change may find them there. */
const LEAST_ELEMENTS = 4096;
/** How many operations a value may cost to be computed again. */
const MOST_OPERATIONS = 12;
/** What operations cost that are many of the machine's. */
const DEAR: ReadonlySet<e.ExprOp> = new Set(["div", "sqrt", "rem", "call", "rare", "at"]);

/** A value on its way into other groups. */
interface Moved {
  readonly slot: Slot;
  readonly expr: e.Expr;
  readonly consumers: readonly Group[];
}

export function recompute(items: readonly Item[], keep: (slot: Slot) => boolean): void {
  const readers = readersOf(items);
  const final = writtenOnce(items);
  for (const item of items) {
    if (!(item instanceof Group)) continue;
    const size = sizeOf(item.shape);
    const single = sameDim(size, 1);
    if (typeof size === "number" && size < LEAST_ELEMENTS && !single) continue;
    /** What is in memory anyway, by its expression. */
    const resident = new Map<e.Expr, View>();
    const candidates: [Slot, GroupValue, Group[]][] = [];
    for (const [slot, value] of item.values) {
      if (!final(slot)) continue;
      const wanted = [...(readers.get(slot) ?? [])];
      if (!keep(slot) && wanted.length > 0 && wanted.every((r) => r instanceof Group && mayCompute(r, slot, item, single)))
        candidates.push([slot, value, wanted as Group[]]);
      else if (keep(slot) || wanted.length > 0) resident.set(value.expr, value.write);
    }
    const moved: Moved[] = [];
    /** What consumers have taken on so far. */
    const taken = new Map<Group, number>();
    for (const [slot, value, consumers] of candidates) {
      const cut = cutAt(value.expr, item, resident);
      if (cost(cut.expr) <= MOST_OPERATIONS && pays(cut, consumers, single, taken)) {
        moved.push({ slot, expr: value.expr, consumers });
        for (const c of consumers) taken.set(c, (taken.get(c) ?? 0) + 1);
      } else resident.set(value.expr, value.write);
    }
    move(moved, item, resident, single);
    for (const { slot, consumers } of moved) {
      readers.delete(slot);
      for (const c of consumers) for (const { slot: read } of c.reads) addTo(readers, read, c);
    }
  }
}

/** Whether a group reads all of a slot element by element, or the only element there is. */
function mayCompute(reader: Group, slot: Slot, producer: Group, single: boolean): boolean {
  if (reader === producer || !(single || reader.space === producer.space)) return false;
  const numbers = new Set<number>();
  for (const [k, v] of reader.reads.entries())
    if (v.slot === slot) {
      if (!single && !isWhole(v)) return false;
      numbers.add(k);
    }
  return !reader.readsAtPositions(numbers);
}

interface Cut {
  readonly expr: e.Expr;
  /** What it reads, over the producer's space. */
  readonly reads: readonly View[];
}

/** A value over memory: what is there anyway is read. */
function cutAt(expr: e.Expr, { reads }: Group, resident: ReadonlyMap<e.Expr, View>): Cut {
  const views = [...reads];
  const [cut] = rewrite(
    [expr],
    () => undefined,
    (x) => {
      const view = resident.get(x);
      return view && unstored(e.read(views.push(view) - 1, view.slot.storage), x.type);
    },
  );
  const order = e.exprOrder([cut!]);
  const used = new Set(order.flatMap((x) => (x.op === "read" || x.op === "at" ? [x.value] : [])));
  return { expr: cut!, reads: views.filter((_, k) => used.has(k)) };
}

const cost = (x: e.Expr): number =>
  e.exprOrder([x]).reduce((sum, { op, args }) => sum + (args.length === 0 ? 0 : DEAR.has(op) ? MOST_OPERATIONS : 1), 0);

/** Whether less goes through memory when the consumers compute a value themselves. */
function pays({ reads }: Cut, consumers: readonly Group[], single: boolean, taken: ReadonlyMap<Group, number>): boolean {
  let more = 0;
  for (const c of consumers) {
    const extra = reads.filter((v) => !c.reads.some((r) => r.slot === v.slot && (single || sameView(r, v))));
    const before = taken.get(c) ?? 0;
    if (!c.hasRoom(MOST_OPERATIONS * (before + 1), extra.length + before)) return false;
    more += extra.filter((v) => !repeats(v)).length;
  }
  return single || more <= 1 + consumers.length;
}

/** Whether a view gives an element more than once: then it is small. */
const repeats = (v: View): boolean => v.strides.some((s, i) => sameDim(s, 0) && !sameDim(v.shape[i]!, 1));

/** Lets consumers compute what they have read so far. */
function move(moved: readonly Moved[], producer: Group, resident: ReadonlyMap<e.Expr, View>, single: boolean): void {
  const consumers = new Set(moved.flatMap((m) => m.consumers));
  for (const consumer of consumers) {
    const wanted = moved.filter((m) => m.consumers.includes(consumer));
    const reads: View[] = [...producer.reads];
    const expressions = rewrite(
      wanted.map((m) => m.expr),
      // The one point there is has position 0 on every axis.
      (x) => (single && x.op === "index" ? e.constant("i32", 0) : undefined),
      (x) => {
        const view = resident.get(x);
        return view && unstored(e.read(reads.push(view) - 1, view.slot.storage), x.type);
      },
    );
    const inSpace = single ? reads.map((v) => everywhere(v, consumer)) : reads;
    consumer.inline(
      wanted.map((m) => m.slot),
      expressions,
      inSpace,
      producer.uniforms,
    );
  }
}

/** The one element of a view, at each point of a group's space. */
const everywhere = (v: View, { shape }: Group): View => ({ ...v, shape, strides: shape.map((): Dim => 0) });
