/**
 * Fusion: fewer kernels that compute the same bits. Passes over the steps of a plan, in order:
 *
 *   group      elementwise loops over one index space become one kernel with several outputs
 *   prologue   what only a reduction reads is computed inside it
 *   emit       values that nobody outside a kernel reads are not stored
 *
 * A step joins the latest group that it depends on, if the index spaces are equal, so that no later step has to wait for an
 * earlier one and the order stays an order. Every operation still rounds to its own type and every sum keeps its tree: no bit changes.
 */
import { type Dim, mulDims, sameDim } from "../core/dim.ts";
import { sizeOf, stridesOf } from "../core/shape.ts";
import * as e from "./expr.ts";
import { body, type Loop, operandsOf, type Slot, type Step } from "./kernel.ts";
import { loop } from "./lowering.ts";
import { isContiguous, type View } from "./view.ts";

/** Beyond these, kernels compile slowly and spill; nothing is gained by larger ones. */
const MOST_EXPRESSIONS = 500;
const MOST_OPERANDS = 40;
/** How much of a group's work a reduction may do over, rather than have it stored and read back. */
const MOST_REPEATED = 16;

interface GroupValue {
  readonly expr: e.Expr;
  readonly write: View;
}

/** Elementwise loops over one index space, becoming one kernel. */
class Group {
  readonly shape: Loop["shape"];
  /** The index space as text: what loops must agree in. */
  readonly space: string;
  readonly reads: View[] = [];
  readonly uniforms: Dim[] = [];
  readonly values = new Map<Slot, GroupValue>();
  /** All expressions of the values, each once however many share it. */
  readonly #expressions = new Set<e.Expr>();

  constructor(shape: Loop["shape"], space: string) {
    this.shape = shape;
    this.space = space;
  }

  /** Whether a loop over the same space may become part of this group. */
  admits(source: Loop): boolean {
    const order = e.exprOrder(source.body.values);
    if (this.#expressions.size + order.length > MOST_EXPRESSIONS) return false;
    if (this.values.size + source.writes.length + this.reads.length + source.reads.length > MOST_OPERANDS) return false;
    const positions = new Set(order.flatMap((x) => (x.op === "at" ? [x.value] : [])));
    return source.reads.every((v, i) => !this.values.has(v.slot) || (isWhole(v) && !positions.has(i)));
  }

  /** Whether they read something in common. Only then do independent loops become one: else kernels would be as many as neighbourhoods. */
  shares(source: Loop): boolean {
    return source.reads.some((v) => this.reads.some((r) => r.slot === v.slot));
  }

  add(source: Loop): void {
    const firstUniform = this.uniforms.length;
    this.uniforms.push(...(source.uniforms ?? []));
    const slots = source.reads.map((v) => {
      const inside = this.values.get(v.slot);
      return inside ? stored(inside.expr) : this.#read(v);
    });
    const values = rewrite(source.body.values, (x, args) => {
      if (x.op === "uniform") return e.uniform(x.value + firstUniform);
      if (x.op !== "read" && x.op !== "at") return undefined;
      const slot = slots[x.value]!;
      if (typeof slot === "number") return { ...x, value: slot, args };
      return args[0] ? e.select(args[0], slot, e.constant(slot.type, 0)) : slot;
    });
    values.forEach((expr, i) => this.values.set(source.writes[i]!.slot, { expr, write: source.writes[i]! }));
    for (const x of e.exprOrder(values, this.#expressions)) this.#expressions.add(x);
  }

  #read(v: View): number {
    const known = this.reads.findIndex((r) => r.slot === v.slot && sameDim(r.offset, v.offset) && sameDims(r.strides, v.strides));
    return known >= 0 ? known : this.reads.push(v) - 1;
  }
}

/** Steps, and groups where several became one, each after all it depends on. */
type Item = Group | Step;

/** What is known of slots outside of the steps. */
export interface SlotUses {
  /** Somebody else wants the slot's values afterwards. */
  readonly keep: (slot: Slot) => boolean;
  /** The slot's memory is shared with others in the order of the steps: its writers stay where they are. */
  readonly temporary: (slot: Slot) => boolean;
}

/** The same computation in fewer kernels. */
export function fuse(steps: readonly Step[], { keep, temporary }: SlotUses): Step[] {
  const items = group(steps, temporary);
  const readers = countReaders(items);
  const producers = new Map<Slot, Group>();
  for (const item of items) if (item instanceof Group) for (const slot of item.values.keys()) producers.set(slot, item);
  const folded = items.map((item) => (item instanceof Group ? item : prologue(item, producers, readers, keep)));
  const needed = countReaders(folded);
  return folded.flatMap((item) => (item instanceof Group ? emit(item, (slot) => keep(slot) || needed.has(slot)) : [item]));
}

// ---- group
function group(steps: readonly Step[], temporary: SlotUses["temporary"]): Item[] {
  const items: Item[] = [];
  /** The last item that writes a slot. */
  const writer = new Map<Slot, number>();
  const latest = new Map<string, number>();
  for (const step of steps) {
    const source = step.loop;
    let after = -1;
    const { reads, writes } = operandsOf(step);
    for (const { slot } of [...reads, ...writes]) after = Math.max(after, writer.get(slot) ?? -1);
    let at = items.length;
    if (source && !source.fold && source.writes.every((w) => isWhole(w) && !writer.has(w.slot) && !temporary(w.slot))) {
      const space = source.shape.join();
      const beside = latest.get(space) ?? -1;
      const candidate = beside > after && (items[beside] as Group).shares(source) ? beside : after;
      const open = items[candidate];
      if (open instanceof Group && open.space === space && open.admits(source)) at = candidate;
      else items.push(new Group(source.shape, space));
      (items[at] as Group).add(source);
      latest.set(space, at);
    } else items.push(step);
    for (const { slot } of writes) writer.set(slot, at);
  }
  return items;
}

/** How many items read each slot from memory. */
function countReaders(items: readonly Item[]): Map<Slot, number> {
  const readers = new Map<Slot, number>();
  for (const item of items) {
    const { reads } = item instanceof Group ? item : operandsOf(item);
    for (const slot of new Set(reads.map((r) => r.slot))) readers.set(slot, (readers.get(slot) ?? 0) + 1);
  }
  return readers;
}

// ---- prologue
/** A reduction that computes what it reads, where it alone reads it and the group's own reads can be walked in the reduction's space. */
function prologue(step: Step, producers: ReadonlyMap<Slot, Group>, readers: ReadonlyMap<Slot, number>, keep: SlotUses["keep"]): Step {
  const source = step.loop;
  if (!source?.fold || source.reads.length !== 1 || source.body.values.some((v) => v.op !== "read")) return step;
  const from = source.reads[0]!;
  const producer = producers.get(from.slot);
  if (!producer || keep(from.slot) || readers.get(from.slot) !== 1) return step;
  const runs = axisRuns(from, producer.shape);
  if (!runs) return step;
  const reads: View[] = [];
  /** Values that are in memory anyway are read, not computed again. */
  const resident = new Map<e.Expr, View>();
  for (const [slot, { expr, write }] of producer.values)
    if (slot !== from.slot && (keep(slot) || readers.has(slot))) resident.set(expr, write);
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
  const alone = resident.size === 0 && producer.values.size === 1;
  if (!fits || reads.length > MOST_OPERANDS || (!alone && e.exprOrder([value!]).length > MOST_REPEATED + reads.length)) return step;
  const inner = body(
    reads.map((r) => r.slot.storage),
    [stored(value!)],
  );
  return loop({ ...source, body: inner, reads });
}

/** For each axis of a view of a row-major array, the run of the array's axes [first, last] that it walks; undefined if it is not of that form. */
function axisRuns(v: View, shape: Loop["shape"]): (readonly [number, number])[] | undefined {
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
function stridesAlong(v: View, runs: readonly (readonly [number, number])[], shape: Loop["shape"]): Dim[] | undefined {
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

// ---- emit
function emit(g: Group, wanted: (slot: Slot) => boolean): Step[] {
  const outputs = [...g.values].filter(([slot]) => wanted(slot));
  if (outputs.length === 0) return [];
  const values = outputs.map(([, v]) => v.expr);
  const order = e.exprOrder(values);
  const used = [...new Set(order.flatMap((x) => (x.op === "read" || x.op === "at" ? [x.value] : [])))].sort((a, b) => a - b);
  const uniforms = [...new Set(order.flatMap((x) => (x.op === "uniform" ? [x.value] : [])))].sort((a, b) => a - b);
  const renumbered = rewrite(values, (x, args) => {
    if (x.op === "read" || x.op === "at") return { ...x, value: used.indexOf(x.value), args };
    return x.op === "uniform" ? e.uniform(uniforms.indexOf(x.value)) : undefined;
  });
  const reads = used.map((i) => g.reads[i]!);
  const merged = body(
    reads.map((r) => r.slot.storage),
    renumbered,
  );
  return [
    loop({ shape: g.shape, body: merged, reads, writes: outputs.map(([, v]) => v.write), uniforms: uniforms.map((k) => g.uniforms[k]!) }),
  ];
}

// ---- expressions
/** A value as its slot holds it: bools are words. */
const stored = (x: e.Expr): e.Expr => (x.type === "bool" ? e.convert("u32", x) : x);
/** A word from memory as the value it was stored for. */
const unstored = (x: e.Expr, type: e.Expr["type"]): e.Expr => (type === "bool" ? e.ne(x, e.constant("u32", 0)) : x);

/** The same DAGs with nodes replaced: `stop` before their operands are looked at, `replace` after. */
function rewrite(
  roots: readonly e.Expr[],
  replace: (x: e.Expr, args: readonly e.Expr[]) => e.Expr | undefined,
  stop: (x: e.Expr) => e.Expr | undefined = () => undefined,
): e.Expr[] {
  const image = new Map<e.Expr, e.Expr>();
  const stack = [...roots];
  while (stack.length > 0) {
    const x = stack[stack.length - 1]!;
    if (!image.has(x)) {
      const stopped = stop(x);
      const waiting = stopped ? [] : x.args.filter((a) => !image.has(a));
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      if (stopped) image.set(x, stopped);
      else {
        const args = x.args.map((a) => image.get(a)!);
        image.set(x, replace(x, args) ?? simplify(args.every((a, i) => a === x.args[i]) ? x : { ...x, args }));
      }
    }
    stack.pop();
  }
  return roots.map((r) => image.get(r)!);
}

/** A bool that was stored as a word and read back is the bool. */
function simplify(x: e.Expr): e.Expr {
  const [a, b] = x.args;
  const readBack =
    x.op === "ne" && b!.op === "const" && b!.value === 0 && a!.op === "convert" && a!.type === "u32" && a!.args[0]!.type === "bool";
  return readBack ? a!.args[0]! : x;
}

const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean => a.length === b.length && a.every((d, i) => sameDim(d, b[i]!));
/** Whether a view is all of its slot, in order. */
const isWhole = (v: View): boolean => sameDim(v.offset, 0) && isContiguous(v) && sameDim(v.slot.length, sizeOf(v.shape));
