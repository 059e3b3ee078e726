/**
 * Elementwise loops over one index space become one kernel with several outputs.
 *
 * Every item has a level, the longest way to it through kernels. A loop joins the groups of its space on the highest level that it depends on,
 * and these become one group; or else a group of that level that reads something it reads. What it depends on, directly or not, is then in its
 * group or on lower levels, so that kernels never wait for each other in a circle.
 */
import { sameDim } from "../../core/dim.ts";
import * as e from "../expr.ts";
import { body, type Loop, operandsOf, type Slot, type Step } from "../kernel.ts";
import { isWhole, type View } from "../view.ts";
import { Group, type Item } from "./items.ts";
import { type Literal, withLiterals } from "./literals.ts";
import { rewrite } from "./rewrite.ts";

export function group(steps: readonly Step[], literal: Literal): Item[] {
  const grouping = new Grouping(literal);
  steps.forEach((step, place) => grouping.take(step, place));
  return grouping.items.filter((item) => !(item instanceof Group && item.into));
}

class Grouping {
  readonly items: Item[] = [];
  /** The last item that writes a slot, and the highest level on which it is read. */
  readonly #writers = new Map<Slot, Item>();
  readonly #read = new Map<Slot, number>();
  /** Of each level and space, the group that last came to read a slot. */
  readonly #readers = new Map<string, Map<Slot, Group>>();
  readonly #literal: Literal;

  constructor(literal: Literal) {
    this.#literal = literal;
  }

  take(step: Step, place: number): void {
    const { reads, writes } = operandsOf(step);
    const source = step.loop && !step.loop.fold ? withLiterals(withoutUnitAxes(step.loop), this.#literal) : undefined;
    let item: Item;
    if (source?.writes.every((w) => isWhole(w) && !this.#writers.has(w.slot))) {
      item = this.#home(source);
      item.add(source, place);
      const beside = this.#readersOf(item);
      for (const { slot } of source.reads) beside.set(slot, item);
    } else {
      item = { step, level: this.#levelOf(step), place };
      this.items.push(item);
    }
    for (const { slot } of reads) this.#read.set(slot, Math.max(this.#read.get(slot) ?? 0, item.level));
    for (const { slot } of writes) this.#writers.set(slot, item);
  }

  #writer(slot: Slot): Item | undefined {
    return current(this.#writers.get(slot));
  }

  /** Above what it reads, and what was done to the slots that it writes. Several steps that write one slot keep their order on one level. */
  #levelOf(step: Step): number {
    let level = 0;
    const { reads, writes } = operandsOf(step);
    const above = (item: Item | undefined, by: number): void => void (item && (level = Math.max(level, item.level + by)));
    for (const { slot } of reads) above(this.#writer(slot), 1);
    for (const { slot } of writes) {
      const before = this.#writer(slot);
      above(before, before instanceof Group ? 1 : 0);
      const readAt = this.#read.get(slot);
      if (readAt !== undefined) level = Math.max(level, readAt + 1);
    }
    return level;
  }

  /** The group that an elementwise loop joins. */
  #home(source: Loop): Group {
    const space = source.shape.join();
    let level = 0;
    let below = new Set<Group>();
    for (const { slot } of source.reads) {
      const writer = this.#writer(slot);
      if (!writer) continue;
      const same = writer instanceof Group && writer.space === space;
      const least = same ? writer.level : writer.level + 1;
      if (least > level) [level, below] = [least, new Set()];
      if (same && writer.level === level) below.add(writer);
    }
    if (below.size > 0) {
      const [home, ...others] = below;
      if (home && fits(source, home, others)) {
        for (const other of others) home.absorb(other);
        return home;
      }
      level++;
    }
    const home = new Group(source.shape, space, level);
    const readers = this.#readersOf(home);
    for (const { slot } of source.reads) {
      const beside = current(readers.get(slot));
      if (beside instanceof Group && beside.admits(source)) return beside;
    }
    this.items.push(home);
    return home;
  }

  #readersOf({ level, space }: Group): Map<Slot, Group> {
    const key = `${level} ${space}`;
    let readers = this.#readers.get(key);
    if (!readers) this.#readers.set(key, (readers = new Map()));
    return readers;
  }
}

/** The group that took over, where one did. */
function current(item: Item | undefined): Item | undefined {
  while (item instanceof Group && item.into) item = item.into;
  return item;
}

/** The same loop over an index space without axes of size 1: what reshapes put in and take away keeps nobody apart. */
function withoutUnitAxes(source: Loop): Loop {
  const kept = source.shape.flatMap((d, i) => (sameDim(d, 1) ? [] : [i]));
  if (kept.length === source.shape.length) return source;
  const squeeze = (v: View): View => ({ ...v, shape: kept.map((i) => v.shape[i]!), strides: kept.map((i) => v.strides[i]!) });
  const renumber = (x: e.Expr): e.Expr | undefined => {
    if (x.op !== "index") return undefined;
    const axis = kept.indexOf(x.value);
    return axis < 0 ? e.constant("i32", 0) : e.index(axis);
  };
  const { reads, values, positional } = source.body;
  return {
    ...source,
    shape: kept.map((i) => source.shape[i]!),
    body: positional ? body(reads, rewrite(values, renumber)) : source.body,
    reads: source.reads.map(squeeze),
    writes: source.writes.map(squeeze),
  };
}

/** Whether a loop and the groups that it depends on may all be one. */
function fits(source: Loop, home: Group, others: readonly Group[]): boolean {
  if (![home, ...others].every((g) => g.admits(source))) return false;
  const expressions = others.reduce((n, g) => n + g.size, e.exprOrder(source.body.values).length);
  const reads = others.reduce((n, g) => n + g.reads.length, source.reads.length);
  return home.hasRoom(expressions, reads);
}
