/**
 * The layers of a network that works on rows, and of its derivatives, take a tile of rows through all of them before the next one.
 * What they leave each other is then in a cache, and needs room for a tile only; sums over rows, such as the gradients of weights, are added up tile
 * by tile, in the order of the one tree. This is also where the bias and the activation behind a product are computed while its result is at hand.
 *
 * Steps are put in phases: what works on rows and waits for no sum over them, then what needs such sums, then what works on rows and waits for
 * that, and so on. The steps on rows of one phase become one kernel.
 */
import { type Dim, divideDims, sameDim } from "../../core/dim.ts";
import { sizeOf, stridesOf } from "../../core/shape.ts";
import { exprOrder } from "../expr.ts";
import { type Loop, type Operand, operandsOf, rowsKernel, type Slot, type Stage, type Step } from "../kernel.ts";
import { isContiguous, isWhole } from "../view.ts";

/** With fewer rows, everything is in a cache anyway. */
const LEAST_ROWS = 512;
/** Products with larger sides are better off with all rows at once: their operands are packed. */
const WIDEST = 96;

type RowStage = Stage<Step, Dim>;

/** What is `moving`, in a loop around, is no part of a tile: a rows kernel finds things where they were. */
export function rows(steps: readonly Step[], keep: (slot: Slot) => boolean, moving: ReadonlySet<Slot>): Step[] {
  const count = rowCount(steps);
  if (count === undefined) return [...steps];
  const phases = new Phases(steps, count, moving);
  return phases.inOrder().flatMap((phase) => {
    const stages = phase.flatMap((step) => phases.stages.get(step) ?? []);
    if (stages.length < phase.length || !stages.some((s) => s.step.kernel.kind === "matmul")) return phase;
    return together(stages, count, steps, keep) ?? phase;
  });
}

/** The size that most products have as rows. */
function rowCount(steps: readonly Step[]): Dim | undefined {
  const found = new Map<Dim, number>();
  for (const { kernel, sizes } of steps) {
    if (kernel.kind !== "matmul") continue;
    const [, m, , k] = sizes as [Dim, Dim, Dim, Dim];
    for (const d of new Set([m, k])) if (typeof d !== "number" || d >= LEAST_ROWS) found.set(d, (found.get(d) ?? 0) + 1);
  }
  let best: Dim | undefined;
  for (const [d, n] of found) if (n >= 2 && (best === undefined || n > found.get(best)!)) best = d;
  return best;
}

class Phases {
  readonly stages = new Map<Step, RowStage>();
  readonly #phases = new Map<Step, number>();
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[], count: Dim, moving: ReadonlySet<Slot>) {
    this.#steps = steps;
    const writers = new Map<Slot, number>();
    for (const step of steps) for (const { slot } of operandsOf(step).writes) writers.set(slot, (writers.get(slot) ?? 0) + 1);
    /** Who wrote a slot last, and who has read it in the latest phase since then. */
    const written = new Map<Slot, Step>();
    const read = new Map<Slot, Step>();
    for (const step of steps) {
      const { reads, writes } = operandsOf(step);
      const still = ![...reads, ...writes].some(({ slot }) => moving.has(slot));
      const stage = still && writes.every(({ slot }) => writers.get(slot) === 1) ? stageOf(step, count) : undefined;
      if (stage) this.stages.set(step, stage);
      const aligned = stage ? slotsByRow(stage, count) : new Set<Slot>();
      let phase = stage ? 0 : -1;
      const after = (other: Step | undefined, sameTile: boolean): void => {
        if (!other) return;
        const at = this.#phases.get(other)!;
        const onRows = this.stages.has(other);
        phase = Math.max(phase, sameTile ? at : stage ? at + (onRows ? 2 : 1) : at + (onRows ? 1 : 0));
      };
      for (const { slot } of reads) {
        const w = written.get(slot);
        after(w, aligned.has(slot) && w !== undefined && this.stages.get(w)?.reduces === false);
      }
      for (const { slot } of writes) {
        after(written.get(slot), false);
        after(read.get(slot), false);
      }
      this.#phases.set(step, phase);
      for (const { slot } of reads) {
        const before = read.get(slot);
        if (!before || this.#phases.get(before)! < phase) read.set(slot, step);
      }
      for (const { slot } of writes) written.set(slot, step);
    }
  }

  /** The steps of each phase, in their order. */
  inOrder(): Step[][] {
    const lists = new Map<number, Step[]>();
    for (const step of this.#steps) {
      const phase = this.#phases.get(step)!;
      const list = lists.get(phase);
      if (list) list.push(step);
      else lists.set(phase, [step]);
    }
    return [...lists].sort(([a], [b]) => a - b).map(([, list]) => list);
  }
}

/** How rows lie in a step, if each of its results is of one row, or a sum over all. */
function stageOf(step: Step, count: Dim): RowStage | undefined {
  return step.loop ? loopStage(step, step.loop, count) : step.kernel.kind === "matmul" ? productStage(step, count) : undefined;
}

function loopStage(step: Step, source: Loop, count: Dim): RowStage | undefined {
  const { shape, fold, writes } = source;
  const last = shape.length - 1;
  const overRows = fold === "sum" && sameDim(shape[last]!, count) && !sameDim(shape[0]!, count);
  const isVector = fold === "sum" && last === 0 && sameDim(shape[0]!, count);
  if (overRows || isVector) {
    if (usesAxis(source, last) || !writes.every((w) => isContiguous(w) && sameDim(w.offset, 0))) return undefined;
    return { step, axis: step.sizes.length - 1, unit: 1, reduces: true };
  }
  if (shape.length === 0 || !sameDim(shape[0]!, count) || (fold !== undefined && last === 0) || usesAxis(source, 0)) return undefined;
  // Where axes were merged into that of the rows, a row has several positions of it.
  const unit = divideDims(step.sizes[0]!, count);
  return writes.every(isWhole) && unit !== undefined ? { step, axis: 0, unit, reduces: false } : undefined;
}

/** Whether it counts which position on an axis an element has: by its index, or to find others by position. */
function usesAxis({ body, reads }: Loop, axis: number): boolean {
  return exprOrder(body.values).some(
    (x) => (x.op === "index" && x.value === axis) || (x.op === "at" && !sameDim(reads[x.value]!.strides[axis]!, 0)),
  );
}

function productStage(step: Step, count: Dim): RowStage | undefined {
  const [b, m, n, k] = step.sizes as [Dim, Dim, Dim, Dim];
  const small = (d: Dim): boolean => typeof d === "number" && d <= WIDEST;
  if (!sameDim(b, 1) || !small(n)) return undefined;
  const whole = step.writes.every((w) => sameDim(w.offset, 0) && sameDim(w.strides[2]!, 1) && sameDim(w.strides[1]!, n));
  if (!whole) return undefined;
  if (sameDim(m, count) && small(k)) return { step, axis: 1, unit: 1, reduces: false };
  return sameDim(k, count) && small(m) ? { step, axis: 3, unit: 1, reduces: true } : undefined;
}

/** The slots that a stage reads so that a row of it needs the same row of them and no other. */
function slotsByRow({ step, axis, reduces }: RowStage, count: Dim): Set<Slot> {
  const { reads } = operandsOf(step);
  const aligned = new Map<Slot, boolean>();
  reads.forEach((o, i) => {
    const length = divideDims(o.slot.length, count);
    const shape = step.loop ? step.loop.shape : productShape(step, i);
    const rowAxis = step.loop ? (reduces ? shape.length - 1 : 0) : productRows(axis, i);
    const ok = length !== undefined && rowAxis !== undefined && inRow(shape, rowAxis, o, length);
    aligned.set(o.slot, ok && (aligned.get(o.slot) ?? true));
  });
  return new Set([...aligned].flatMap(([slot, ok]) => (ok ? [slot] : [])));
}

/** Whether an operand walks rows of `length` elements one by one along an axis, and stays in each. */
function inRow(shape: readonly Dim[], axis: number, { strides, offset }: Pick<Operand, "strides" | "offset">, length: Dim): boolean {
  if (!sameDim(strides[axis]!, length)) return false;
  const others = shape.flatMap((d, i) => (i === axis || sameDim(d, 1) || sameDim(strides[i]!, 0) ? [] : [i]));
  const inOrder = stridesOf(others.map((i) => shape[i]!));
  if (
    sameDim(offset, 0) &&
    sameDim(sizeOf(others.map((i) => shape[i]!)), length) &&
    others.every((i, k) => sameDim(strides[i]!, inOrder[k]!))
  )
    return true;
  let reach = offset;
  for (const i of others) {
    const [d, stride] = [shape[i]!, strides[i]!];
    if (typeof d !== "number" || typeof stride !== "number" || typeof reach !== "number" || stride < 0) return false;
    reach += (d - 1) * stride;
  }
  return typeof reach === "number" && typeof offset === "number" && offset >= 0 && typeof length === "number" && reach < length;
}

/** Where operand `slot` of a product has the rows, if they are this axis of its sizes [b, m, n, k]. */
function productRows(axis: number, slot: number): number | undefined {
  if (axis === 1) return slot % 2 === 0 ? 1 : undefined;
  return slot % 2 === 0 ? 2 : 1;
}

function productShape({ sizes }: Step, slot: number): Dim[] {
  const [b, m, n, k] = sizes as [Dim, Dim, Dim, Dim];
  return slot % 2 === 0 ? [b, m, k] : [b, k, n];
}

/** One kernel of the stages, if they leave each other something that nobody else wants. */
function together(stages: readonly RowStage[], count: Dim, steps: readonly Step[], keep: (slot: Slot) => boolean): Step | undefined {
  const inside = new Set(stages.map((s) => s.step));
  const wanted = new Set<Slot>();
  for (const step of steps) if (!inside.has(step)) for (const { slot } of operandsOf(step).reads) wanted.add(slot);
  const locals = new Map<Slot, Dim>();
  for (const { step, reduces } of stages)
    for (const { slot } of reduces ? [] : operandsOf(step).writes)
      if (!keep(slot) && !wanted.has(slot)) locals.set(slot, divideDims(slot.length, count)!);
  if (locals.size === 0) return undefined;
  const outside = (o: Operand): boolean => !locals.has(o.slot);
  return {
    kernel: rowsKernel,
    sizes: [count],
    reads: stages.flatMap((s) => s.step.reads.filter(outside)),
    writes: stages.flatMap((s) => s.step.writes.filter(outside)),
    uniforms: [],
    rows: { stages, locals },
  };
}
