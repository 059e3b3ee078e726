/**
 * Where values lie that live inside one run of a plan: temporaries of single nodes, and values that do not stay. All share one arena, each at an
 * offset of its own from the step that first touches it to the step that last does. An elementwise loop writes over an operand that dies in it.
 *
 * Which offsets need the least room is a hard question with good simple answers. Two are tried, and the better one is taken: in order of
 * time, each value into the smallest gap that is free then; and in order of size, the largest first, each as low as it can lie.
 */
import { bodiesOf } from "../kernel/control.ts";
import type { Operand, Slot, Step } from "../kernel/kernel.ts";
import { mayWriteOver } from "../kernel/overwrite.ts";

export interface Arena {
  /** In the order in which they are to run. */
  readonly steps: readonly Step[];
  /** In bytes. */
  readonly offsets: ReadonlyMap<Slot, number>;
  readonly bytes: number;
  /** The most bytes of values that are alive at one step: no arrangement needs less. */
  readonly live: number;
  /** The values at that step. */
  readonly fullest: readonly Slot[];
  /** How many of the steps run once more because what they had computed was let go, and what that costs. */
  readonly repeated?: number;
  readonly repeatedCost?: number;
}

/** Room that one value, or several in turn, hold from one step to another, both included. */
interface Block {
  readonly slots: Slot[];
  readonly bytes: number;
  readonly first: number;
  last: number;
  offset: number;
}

/** Offsets begin on cache lines. */
const LINE = 64;
/** Beyond so many, looking at all pairs of blocks takes too long. */
const MOST_PAIRED = 3000;

export const emptyArena = (steps: readonly Step[]): Arena => ({ steps, offsets: new Map(), bytes: 0, live: 0, fullest: [] });
const aligned = (bytes: number): number => Math.ceil(bytes / LINE) * LINE;

/** Lays out those slots that steps, run in this order, do not leave behind. */
export function layOut(steps: readonly Step[], isTransient: (slot: Slot) => boolean, bytesOf: (slot: Slot) => number): Arena {
  const times = timeline(steps);
  const blocks = blocksOf(times, isTransient, bytesOf);
  if (blocks.length === 0) return emptyArena(steps);
  const { live, fullest } = mostLive(blocks, times.length);
  let bytes = arrangeByTime(blocks, times.length);
  // Alignment alone may keep an arrangement from the bound.
  if (bytes > live + LINE && blocks.length <= MOST_PAIRED) {
    const byTime = blocks.map((b) => b.offset);
    const bySize = arrangeBySize(blocks);
    if (bySize < bytes) bytes = bySize;
    else blocks.forEach((b, i) => (b.offset = byTime[i]!));
  }
  return { steps, offsets: new Map(blocks.flatMap((b) => b.slots.map((slot) => [slot, b.offset] as const))), bytes, live, fullest };
}

/** For which part of the steps' time each slot is needed: from its first use to its last. */
export function spans(steps: readonly Step[]): ReadonlyMap<Slot, number> {
  const first = new Map<Slot, number>();
  const parts = new Map<Slot, number>();
  steps.forEach(({ reads, writes }, i) => {
    for (const { slot } of [...reads, ...writes]) {
      if (!first.has(slot)) first.set(slot, i);
      parts.set(slot, (i + 1 - first.get(slot)!) / steps.length);
    }
  });
  return parts;
}

/**
 * The steps in order of time, with those inside of control steps where they run. What these have in common with the outside, and what goes from
 * round to round, is touched before and after them: there may be another round. What only a round knows lives from its first use in it to its last.
 */
function timeline(steps: readonly Step[]): readonly Step[] {
  if (!steps.some((s) => s.control)) return steps;
  return steps.flatMap((step): readonly Step[] => {
    const { control } = step;
    if (!control) return [step];
    const turns = control.kind === "switch" ? [] : control.carries.filter((c) => c.way === "turns").map((c) => whole(c.from));
    const around = { ...step, reads: [...step.reads, ...turns] };
    const inside = bodiesOf(control).map(timeline);
    // Between the condition and the body the test is looked at.
    if (control.kind === "while") inside.splice(1, 0, [{ ...step, reads: [control.test], writes: [] }]);
    return [around, ...inside.flat(), around];
  });
}

const whole = (slot: Slot): Operand => ({ slot, offset: 0, strides: [] });

/** From where to where each slot lives, and which takes over from which. */
function blocksOf(steps: readonly Step[], isTransient: (slot: Slot) => boolean, bytesOf: (slot: Slot) => number): Block[] {
  const touched = steps.map(({ reads, writes }) => [...new Set([...reads, ...writes].map((o) => o.slot))].filter(isTransient));
  const lastUse = new Map<Slot, number>();
  touched.forEach((slots, i) => slots.forEach((slot) => lastUse.set(slot, i)));
  const blocks: Block[] = [];
  const blockOf = new Map<Slot, Block>();
  steps.forEach((step, i) => {
    for (const slot of touched[i]!) {
      if (blockOf.has(slot)) continue;
      const dying = takesOver(step, slot, (operand) => {
        const block = blockOf.get(operand);
        return block?.last === i && block.slots.at(-1) === operand;
      });
      const block = dying ? blockOf.get(dying)! : { slots: [], bytes: bytesOf(slot), first: i, last: i, offset: 0 };
      if (!dying) blocks.push(block);
      block.slots.push(slot);
      block.last = lastUse.get(slot)!;
      blockOf.set(slot, block);
    }
  });
  return blocks;
}

/** An operand that dies in a step and that another slot may be written over. */
const takesOver = (step: Step, slot: Slot, dies: (slot: Slot) => boolean): Slot | undefined =>
  step.reads.find((r) => dies(r.slot) && mayWriteOver(step, slot, r.slot))?.slot;

function mostLive(blocks: readonly Block[], steps: number): { readonly live: number; readonly fullest: readonly Slot[] } {
  const change = new Array<number>(steps + 1).fill(0);
  for (const { first, last, bytes } of blocks) {
    change[first]! += bytes;
    change[last + 1]! -= bytes;
  }
  let [now, live, at] = [0, 0, 0];
  change.forEach((c, step) => {
    now += c;
    if (now > live) [live, at] = [now, step];
  });
  return { live, fullest: blocks.filter((b) => b.first <= at && at <= b.last).map((b) => b.slots[0]!) };
}

/** In order of time, each block into the smallest gap that is free when it begins, or at the end. How many bytes that takes. */
function arrangeByTime(blocks: readonly Block[], steps: number): number {
  const ending: Block[][] = Array.from({ length: steps }, () => []);
  for (const b of blocks) ending[b.last]!.push(b);
  /** In order of offset; never touching each other. */
  const gaps: { offset: number; bytes: number }[] = [];
  let end = 0;
  let next = 0;
  for (let step = 0; step < steps; step++) {
    for (; next < blocks.length && blocks[next]!.first === step; next++) {
      const block = blocks[next]!;
      const bytes = aligned(block.bytes);
      let best = -1;
      gaps.forEach((g, i) => {
        if (g.bytes >= bytes && (best < 0 || g.bytes < gaps[best]!.bytes)) best = i;
      });
      const last = gaps.at(-1);
      if (best >= 0) {
        const gap = gaps[best]!;
        block.offset = gap.offset;
        gap.offset += bytes;
        gap.bytes -= bytes;
        if (gap.bytes === 0) gaps.splice(best, 1);
      } else {
        // The last gap may reach the end: then the end moves by what is missing.
        block.offset = last && last.offset + last.bytes === end ? gaps.pop()!.offset : end;
        end = block.offset + bytes;
      }
    }
    for (const block of ending[step]!) free(gaps, block.offset, aligned(block.bytes));
  }
  return end;
}

function free(gaps: { offset: number; bytes: number }[], offset: number, bytes: number): void {
  if (bytes === 0) return;
  let at = gaps.findIndex((g) => g.offset > offset);
  if (at < 0) at = gaps.length;
  gaps.splice(at, 0, { offset, bytes });
  for (const i of [at, at - 1]) {
    const [gap, above] = [gaps[i], gaps[i + 1]];
    if (!gap || !above || gap.offset + gap.bytes !== above.offset) continue;
    gap.bytes += above.bytes;
    gaps.splice(i + 1, 1);
  }
}

/** The largest first, each as low as those let it that live at the same time. How many bytes that takes. */
function arrangeBySize(blocks: readonly Block[]): number {
  const order = [...blocks].sort((a, b) => b.bytes - a.bytes || b.last - b.first - (a.last - a.first));
  /** In order of offset. */
  const placed: Block[] = [];
  let end = 0;
  for (const block of order) {
    const bytes = aligned(block.bytes);
    let offset = 0;
    for (const other of placed) {
      if (other.last < block.first || other.first > block.last) continue;
      if (other.offset - offset >= bytes) break;
      offset = Math.max(offset, other.offset + aligned(other.bytes));
    }
    block.offset = offset;
    end = Math.max(end, offset + bytes);
    const at = placed.findIndex((other) => other.offset > offset);
    placed.splice(at < 0 ? placed.length : at, 0, block);
  }
  return end;
}
