/** Elementwise loop nests: the body at each point, its values stored through the writes. */
import { type Expr, exprOrder } from "../kernel/expr.ts";
import type { LoopKernel } from "../kernel/kernel.ts";
import { type FunctionBuilder, type Pushed } from "./encoder.ts";
import { LaneCode } from "./lanes.ts";
import { type Along, Nest } from "./nest.ts";
import { Level, schedule } from "./schedule.ts";
import type { Lanes } from "./vectors.ts";

export const alongOf = (inner: 0 | 1 | "strided"): Along => (inner === 0 ? "same" : inner === 1 ? "unit" : "strided");

/** On which level leaves are known when the innermost axis is the lane axis. */
export function levelOfLeaf(kernel: LoopKernel): (e: Expr) => Level {
  return (e) => {
    if (e.op === "at") return Level.row;
    if (e.op === "index") return e.value === kernel.rank - 1 ? Level.element : Level.row;
    if (e.op === "read") return kernel.reads[e.value]!.inner === 0 ? Level.row : Level.element;
    return Level.entry;
  };
}

/** Stored bools are 0 and 1. */
export function stored(code: LaneCode, value: Expr, lanes: Lanes): Lanes {
  if (value.type !== "bool") return lanes;
  const { f } = code;
  const out = code.allocate("u32");
  const masked: Pushed = f.op("v128.and", f.get(lanes[0]!), code.splatConstant("u32", 1));
  f.set(out[0]!, masked);
  return out;
}

/** Instructions of a body up to which walking, and not the body, takes the time. */
export const SIMPLE = 16;

export function emitLoop(f: FunctionBuilder, kernel: LoopKernel): void {
  const { rank, body } = kernel;
  const nest = new Nest(
    f,
    { rank, writeRank: rank, positional: body.positional },
    rank - 1,
    kernel.reads.map((r) => [r.storage, alongOf(r.inner)]),
    kernel.writes,
  );
  const code = new LaneCode(f, nest);
  const { levels, values } = schedule(body.values, exprOrder(body.values), levelOfLeaf(kernel));
  const inPairs = levels[Level.element]!.length <= SIMPLE && [...nest.reads, ...nest.writes].every((o) => o.along !== "strided");
  nest.prologue(rank);
  code.emit(levels[Level.entry]!);
  nest.outer(rank - 1, () => {
    nest.startLanes();
    code.emit(levels[Level.row]!);
    const group = (): void => {
      code.emit(levels[Level.element]!);
      values.forEach((v, k) => nest.write(nest.writes[k]!, stored(code, v.expr, code.lanesOf(v))));
    };
    if (inPairs) nest.pairs(group);
    nest.lanes(group);
  });
}
