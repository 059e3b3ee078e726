/**
 * Bytes that kernels move: of each operand the elements that it touches, each once, and again in each round of a loop (rounds.ts). Counted when a
 * plan is bound, so that a flush adds one number.
 */
import type { Dim } from "../core/dim.ts";
import { storageBytes } from "../core/dtype.ts";
import { indexedReads, type Operand, type Slot, type Step } from "../kernel/kernel.ts";
import { inControl } from "./rounds.ts";

export interface Traffic {
  readonly read: number;
  readonly written: number;
}

type Size = (d: Dim) => number;

/** The bytes that steps read and write, with the numbers behind dimensions. */
export function trafficOf(steps: readonly Step[], size: Size): Traffic {
  let [read, written] = [0, 0];
  const reads = new Tally();
  const writes = new Tally();
  for (const step of steps) {
    if (step.control) {
      read += inControl(step.control, size, (list) => trafficOf(list, size).read);
      written += inControl(step.control, size, (list) => trafficOf(list, size).written);
      continue;
    }
    // What is local to a tile does not leave the cache.
    if (step.rows) for (const stage of step.rows.stages) count(stage.step, step.rows.locals, size, reads, writes);
    else count(step, undefined, size, reads, writes);
    read += reads.take(size);
    written += writes.take(size);
  }
  return { read, written };
}

/** Elements by slot, of one kernel. */
class Tally {
  readonly #slots: Slot[] = [];
  readonly #elements: number[] = [];

  add(slot: Slot, elements: number): void {
    const at = this.#slots.indexOf(slot);
    if (at >= 0) this.#elements[at]! += elements;
    else {
      this.#slots.push(slot);
      this.#elements.push(elements);
    }
  }

  /** The bytes so far; begins anew. */
  take(size: Size): number {
    let bytes = 0;
    this.#slots.forEach((slot, i) => (bytes += Math.min(this.#elements[i]!, size(slot.length)) * storageBytes(slot.storage)));
    this.#slots.length = this.#elements.length = 0;
    return bytes;
  }
}

/** The axes of a product's sizes [b, m, n, k] that its operands walk. */
const left = [0, 1, 3];
const right = [0, 3, 2];
const result = [0, 1, 2];

function count(step: Step, locals: ReadonlyMap<Slot, unknown> | undefined, size: Size, reads: Tally, writes: Tally): void {
  const { kernel, sizes } = step;
  const indexed = kernel.kind === "loop" ? indexedReads(kernel.body) : undefined;
  for (const [i, o] of step.reads.entries()) {
    if (locals?.has(o.slot)) continue;
    if (kernel.kind === "matmul") reads.add(o.slot, elementsAlong(sizes, o, i % 2 === 0 ? left : right, size));
    else if (kernel.kind !== "loop") reads.add(o.slot, Infinity);
    else reads.add(o.slot, indexed!.has(i) ? sizes.reduce<number>((n, d) => n * size(d), 1) : elementsAlong(sizes, o, undefined, size));
  }
  for (const o of step.writes) {
    if (locals?.has(o.slot)) continue;
    // What is no loop and no product takes whole operands.
    if (kernel.kind !== "matmul" && kernel.kind !== "loop") writes.add(o.slot, Infinity);
    else writes.add(o.slot, elementsAlong(sizes, o, kernel.kind === "matmul" ? result : undefined, size));
  }
}

/** How many elements an operand walks over: axes along which it stands still repeat what it has touched. */
function elementsAlong(sizes: readonly Dim[], { strides }: Operand, axes: readonly number[] | undefined, size: Size): number {
  let all = 1;
  // A reduction's result lacks the folded axis, which is the last.
  for (let a = 0; a < strides.length; a++) {
    const length = size(sizes[axes ? axes[a]! : a]!);
    if (length === 0) return 0;
    if (size(strides[a]!) !== 0) all *= length;
  }
  return all;
}
