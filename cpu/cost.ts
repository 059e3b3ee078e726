/** About how long steps take on one thread: enough to tell what is worth sharing out. Constants as measured, of a machine of 2024. */
import { storageBytes } from "../core/dtype.ts";
import type { BoundStep, Segment } from "../kernel/backend.ts";
import { exprOrder } from "../kernel/expr.ts";
import type { Kernel, LoopKernel } from "../kernel/kernel.ts";

/** Nanoseconds. */
const INSTRUCTION = 0.02;
const ACCESS = 0.1;
const CALL = 20;
const PRODUCT = 0.04;
const SCATTER = 1;
const COMPARISON = 4;
const ROUTINE = 1;

const costs = new WeakMap<Kernel, number>();

/** Of one element. */
function elementCost(kernel: LoopKernel): number {
  let cost = costs.get(kernel);
  if (cost !== undefined) return cost;
  cost = 0;
  for (const x of exprOrder(kernel.body.values)) {
    if (x.op === "call") cost += CALL;
    else if (x.op === "read" || x.op === "at") cost += ACCESS;
    else if (x.args.length > 0) cost += INSTRUCTION * (x.type === "f64" ? 2 : 1);
  }
  for (const w of kernel.writes) cost += (ACCESS * storageBytes(w.storage)) / 4;
  costs.set(kernel, cost);
  return cost;
}

/** Of a plan: with all rounds of its loops, one round of those whose number nobody knows, and the dearest case of a branch. */
export const nanosecondsOf = (segments: readonly Segment[]): number => segments.reduce((sum, s) => sum + ofSegment(s), 0);

function ofSegment(s: Segment): number {
  switch (s.kind) {
    case "run":
      return s.steps.reduce((sum, step) => sum + nanoseconds(step), 0);
    case "copy":
      return 0;
    case "loop":
      return s.count * nanosecondsOf(s.body);
    case "while":
      return nanosecondsOf(s.condition) + nanosecondsOf(s.body);
    case "branch":
      return Math.max(...s.cases.map(nanosecondsOf));
  }
}

export function nanoseconds({ kernel, sizes, writes, rows }: BoundStep): number {
  const count = sizes.reduce((product, s) => product * s, 1);
  switch (kernel.kind) {
    case "loop":
      return count * elementCost(kernel);
    case "matmul":
      return count * writes.length * PRODUCT * (storageBytes(kernel.storage) / 4);
    case "scatterAdd":
      return count * SCATTER;
    case "rows":
      return rows!.stages.reduce((sum, s) => sum + nanoseconds(s.step), 0);
    case "routine":
      return sizes[0]! * kernel.routine.cost(sizes) * ROUTINE;
    case "argsort":
      return count * COMPARISON * Math.log2(Math.max(2, sizes[1]!));
  }
}
