/**
 * What the passes of fusion work on: the steps of a plan as items, some of which are groups, that is, elementwise loops over one index space on
 * their way to become one kernel.
 */
import { type Dim, sameDim } from "../../core/dim.ts";
import type { Shape } from "../../core/shape.ts";
import * as e from "../expr.ts";
import { type Loop, operandsOf, type Slot, type Step } from "../kernel.ts";
import { isWhole, type View } from "../view.ts";
import { rewrite, stored } from "./rewrite.ts";

/** Beyond these, kernels compile slowly and spill; nothing is gained by larger ones. */
const MOST_EXPRESSIONS = 500;
export const MOST_READS = 40;

export interface GroupValue {
  readonly expr: e.Expr;
  readonly write: View;
}

/** A step that is a kernel by itself: a reduction, a product, whatever writes parts of a slot. */
export interface Single {
  readonly step: Step;
  /** The longest way to it through kernels: what it depends on is on lower levels. */
  readonly level: number;
  /** Its place among the steps. */
  readonly place: number;
}

export type Item = Group | Single;

/** Elementwise loops over one index space: each value is an expression over what the group reads from memory. */
export class Group {
  readonly shape: Shape;
  /** The index space as text: what loops must agree in. */
  readonly space: string;
  readonly level: number;
  /** The place of its last loop among the steps. */
  place = 0;
  reads: View[] = [];
  uniforms: Dim[] = [];
  readonly values = new Map<Slot, GroupValue>();
  /** The group that took this one's loops over. */
  into: Group | undefined;
  /** All expressions of the values, each once however many share it. */
  #expressions = new Set<e.Expr>();

  constructor(shape: Shape, space: string, level: number) {
    this.shape = shape;
    this.space = space;
    this.level = level;
  }

  get size(): number {
    return this.#expressions.size;
  }

  /** Whether so many more expressions and reads fit. (Most values stay inside the kernel: how many it writes is not known yet.) */
  hasRoom(expressions: number, reads: number): boolean {
    return this.#expressions.size + expressions <= MOST_EXPRESSIONS && this.reads.length + reads <= MOST_READS;
  }

  /** Whether a loop over the same space may become part of this group. */
  admits(source: Loop): boolean {
    const order = e.exprOrder(source.body.values);
    if (!this.hasRoom(order.length, source.reads.length)) return false;
    const positions = new Set(order.flatMap((x) => (x.op === "at" ? [x.value] : [])));
    return source.reads.every((v, i) => !this.values.has(v.slot) || (isWhole(v) && !positions.has(i)));
  }

  /** Whether it takes elements of these reads at computed positions. */
  readsAtPositions(reads: ReadonlySet<number>): boolean {
    for (const x of this.#expressions) if (x.op === "at" && reads.has(x.value)) return true;
    return false;
  }

  add(source: Loop, place: number): void {
    this.place = place;
    const values = this.#adopt(source.body.values, source.reads, source.uniforms ?? []);
    values.forEach((expr, i) => this.values.set(source.writes[i]!.slot, { expr, write: source.writes[i]! }));
    for (const x of e.exprOrder(values, this.#expressions)) this.#expressions.add(x);
  }

  /** Takes over the loops of another group of the same space and level: neither depends on the other. */
  absorb(other: Group): void {
    other.into = this;
    this.place = Math.max(this.place, other.place);
    const slots = [...other.values];
    const values = this.#adopt(
      slots.map(([, v]) => v.expr),
      other.reads,
      other.uniforms,
    );
    values.forEach((expr, i) => this.values.set(slots[i]![0], { expr, write: slots[i]![1].write }));
    for (const x of e.exprOrder(values, this.#expressions)) this.#expressions.add(x);
  }

  /** Computes what it reads from these slots itself: as expressions over views in this group's space. */
  inline(slots: readonly Slot[], expressions: readonly e.Expr[], reads: readonly View[], uniforms: readonly Dim[]): void {
    const adopted = this.#adopt(expressions, reads, uniforms);
    const replaced = this.#rewriteValues((x, args) => {
      if (x.op !== "read") return undefined;
      const k = slots.indexOf(this.reads[x.value]!.slot);
      return k < 0 ? undefined : masked(stored(adopted[k]!), args[0]);
    });
    this.#prune(replaced);
  }

  /** Expressions of elsewhere over this group's own reads. What the group computes is taken from it. */
  #adopt(values: readonly e.Expr[], reads: readonly View[], uniforms: readonly Dim[]): e.Expr[] {
    const firstUniform = this.uniforms.length;
    this.uniforms.push(...uniforms);
    const slots = reads.map((v) => {
      const inside = this.values.get(v.slot);
      return inside ? stored(inside.expr) : this.#read(v);
    });
    if (firstUniform === 0 && slots.every((slot, i) => slot === i)) return [...values];
    return rewrite(values, (x, args) => {
      if (x.op === "uniform") return e.uniform(x.value + firstUniform);
      if (x.op !== "read" && x.op !== "at") return undefined;
      const slot = slots[x.value]!;
      return typeof slot === "number" ? { ...x, value: slot, args } : masked(slot, args[0]);
    });
  }

  #read(v: View): number {
    const known = this.reads.findIndex((r) => sameView(r, v));
    return known >= 0 ? known : this.reads.push(v) - 1;
  }

  #rewriteValues(replace: Parameters<typeof rewrite>[1]): e.Expr[] {
    return rewrite(
      [...this.values.values()].map((v) => v.expr),
      replace,
    );
  }

  /** Sets the values, and forgets reads and uniforms that none of them uses. */
  #prune(values: readonly e.Expr[]): void {
    const order = e.exprOrder(values);
    const reads = numbersOf(order, "read", "at");
    const uniforms = numbersOf(order, "uniform");
    const unchanged = reads.length === this.reads.length && uniforms.length === this.uniforms.length;
    const renumbered = unchanged
      ? values
      : rewrite(values, (x, args) => {
          if (x.op === "read" || x.op === "at") return { ...x, value: reads.indexOf(x.value), args };
          return x.op === "uniform" ? e.uniform(uniforms.indexOf(x.value)) : undefined;
        });
    this.reads = reads.map((k) => this.reads[k]!);
    this.uniforms = uniforms.map((k) => this.uniforms[k]!);
    [...this.values].forEach(([slot, { write }], i) => this.values.set(slot, { expr: renumbered[i]!, write }));
    this.#expressions = new Set(e.exprOrder(renumbered));
  }

  /** Forgets values that nobody wants, and what only they needed. */
  keepOnly(wanted: (slot: Slot) => boolean): void {
    for (const slot of [...this.values.keys()]) if (!wanted(slot)) this.values.delete(slot);
    this.#prune([...this.values.values()].map((v) => v.expr));
  }
}

/** The numbers of the leaves of these kinds, ascending. */
const numbersOf = (order: readonly e.Expr[], ...ops: readonly e.ExprOp[]): number[] =>
  [...new Set(order.flatMap((x) => (ops.includes(x.op) ? [x.value] : [])))].sort((a, b) => a - b);

const masked = (value: e.Expr, mask: e.Expr | undefined): e.Expr => (mask ? e.select(mask, value, e.constant(value.type, 0)) : value);

const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean => a.length === b.length && a.every((d, i) => sameDim(d, b[i]!));
/** Whether two views over one index space are the same elements. */
export const sameView = (a: View, b: View): boolean => a.slot === b.slot && sameDim(a.offset, b.offset) && sameDims(a.strides, b.strides);

/** Where an item reads from memory, and the slots that it writes. */
export const readsOf = (item: Item): readonly { readonly slot: Slot }[] =>
  item instanceof Group ? item.reads : operandsOf(item.step).reads;
export const writtenBy = (item: Item): readonly Slot[] =>
  item instanceof Group ? [...item.values.keys()] : operandsOf(item.step).writes.map((w) => w.slot);

/** Which slots one item alone writes: what a group stores and another writes over in part, as padding does, is not what readers find. */
export function writtenOnce(items: readonly Item[]): (slot: Slot) => boolean {
  const written = new Set<Slot>();
  const again = new Set<Slot>();
  for (const item of items) for (const slot of new Set(writtenBy(item))) (written.has(slot) ? again : written).add(slot);
  return (slot) => !again.has(slot);
}

/** The items that read each slot from memory. */
export function readersOf(items: readonly Item[]): Map<Slot, Set<Item>> {
  const readers = new Map<Slot, Set<Item>>();
  for (const item of items) for (const { slot } of readsOf(item)) addTo(readers, slot, item);
  return readers;
}

export function addTo(sets: Map<Slot, Set<Item>>, slot: Slot, item: Item): void {
  const set = sets.get(slot);
  if (set) set.add(item);
  else sets.set(slot, new Set([item]));
}
