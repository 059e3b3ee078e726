/** Bytes that kernels move: of each operand the elements that it touches, each once. Counted when a plan is bound, so that a flush adds one number. */
import type { Dim } from "../core/dim.ts";
import { storageBytes } from "../core/dtype.ts";
import { indexedReads, type Operand, type Slot, type Step } from "../kernel/kernel.ts";

export interface Traffic {
  readonly read: number;
  readonly written: number;
}

/** The bytes that steps read and write, with the numbers behind dimensions. */
export function trafficOf(steps: readonly Step[], size: (d: Dim) => number): Traffic {
  let [read, written] = [0, 0];
  for (const step of steps) {
    // What is local to a tile does not leave the cache.
    const inner = step.rows?.stages.map((s) => s.step) ?? [step];
    const walks = inner.map((s) => walksOf(s, s.sizes.map(size), size));
    const through = ({ slot }: Operand): boolean => !step.rows?.locals.has(slot);
    const list = (operands: readonly Operand[], walk: Walk): Walked[] =>
      operands.flatMap((operand, i) => (through(operand) ? [{ slot: operand.slot, elements: walk(operand, i) }] : []));
    read += touched(
      inner.flatMap((s, k) => list(s.reads, walks[k]!.read)),
      size,
    );
    written += touched(
      inner.flatMap((s, k) => list(s.writes, walks[k]!.write)),
      size,
    );
  }
  return { read, written };
}

interface Walked {
  readonly slot: Slot;
  readonly elements: number;
}

/** How many elements operand i walks over. */
type Walk = (operand: Operand, i: number) => number;

const product = (sizes: readonly number[]): number => sizes.reduce((n, s) => n * s, 1);

function walksOf({ kernel }: Step, sizes: readonly number[], size: (d: Dim) => number): { read: Walk; write: Walk } {
  /** Axes along which an operand stands still repeat what it has touched. */
  const along = (axes: readonly number[], { strides }: Operand): number =>
    axes.includes(0) ? 0 : product(axes.filter((_, axis) => size(strides[axis]!) !== 0));
  if (kernel.kind === "loop") {
    const written = kernel.fold !== undefined && kernel.fold !== "cumsum" ? sizes.slice(0, -1) : sizes;
    const indexed = indexedReads(kernel.body);
    return { read: (o, i) => (indexed.has(i) ? product(sizes) : along(sizes, o)), write: (o) => along(written, o) };
  }
  if (kernel.kind === "matmul") {
    const [b, m, n, k] = sizes as [number, number, number, number];
    return { read: (o, i) => along(i % 2 === 0 ? [b, m, k] : [b, k, n], o), write: (o) => along([b, m, n], o) };
  }
  // The others take whole, contiguous operands.
  return { read: () => Infinity, write: () => Infinity };
}

function touched(walked: readonly Walked[], size: (d: Dim) => number): number {
  const elements = new Map<Slot, number>();
  for (const w of walked) elements.set(w.slot, Math.min((elements.get(w.slot) ?? 0) + w.elements, size(w.slot.length)));
  let bytes = 0;
  for (const [slot, count] of elements) bytes += count * storageBytes(slot.storage);
  return bytes;
}
