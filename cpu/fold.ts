/**
 * Reductions along the last axis of the index space, by the fixed tree of kernel/tree.ts, in two shapes with the same bits:
 * - rows: the folded axis is the lane axis, and the four partial results of a block are the four lanes;
 * - columns: the lane axis is the one before it, four results at a time with four partial results each, or whole cache lines (columns.ts).
 * The body is computed for each element on the way.
 */
import type { Storage } from "../core/dtype.ts";
import { type Expr, exprOrder } from "../kernel/expr.ts";
import type { Access, LoopKernel, Reduction } from "../kernel/kernel.ts";
import { BLOCK } from "../kernel/tree.ts";
import { ArgFold } from "./argfold.ts";
import { emitLinesOfColumns, type Moving } from "./columns.ts";
import type { FunctionBuilder } from "./encoder.ts";
import { LaneCode } from "./lanes.ts";
import { alongOf, SIMPLE, stored } from "./loops.ts";
import { type Along, Nest } from "./nest.ts";
import { Level, schedule } from "./schedule.ts";
import { type Kind, TreeFold } from "./tree.ts";
import type { Lanes } from "./vectors.ts";

/** A reduction to compile: as a LoopKernel's, with the addressing of each read chosen by the caller. */
export interface ReductionPlan {
  readonly rank: number;
  readonly columns: boolean;
  /** Storage, how lanes move, and whether the folded axis leaves the element where it is. */
  readonly reads: readonly { readonly storage: Storage; readonly along: Along; readonly fixed: boolean }[];
  readonly write: Access;
  readonly value: Expr;
  readonly fold: Reduction;
}

/** Results at a stride of one from columns of reads mostly read across: vectors then hold neighbouring columns. */
export function planReduction(kernel: LoopKernel): ReductionPlan {
  const count = (inner: Access["inner"]): number => kernel.reads.filter((r) => r.inner === inner).length;
  const columns = kernel.rank >= 2 && kernel.writes[0]!.inner === 1 && count("strided") > 0 && count("strided") >= count(1);
  return {
    rank: kernel.rank,
    columns,
    reads: kernel.reads.map((r) => ({ storage: r.storage, along: columns ? "either" : alongOf(r.inner), fixed: r.inner === 0 })),
    write: kernel.writes[0]!,
    value: kernel.body.values[0]!,
    fold: kernel.fold as Reduction,
  };
}

export function emitReduction(f: FunctionBuilder, plan: ReductionPlan): void {
  const { rank, columns, value } = plan;
  const folded = rank - 1;
  const order = exprOrder([value]);
  const nest = new Nest(
    f,
    { rank, writeRank: rank - 1, positional: order.some((x) => x.op === "index") },
    columns ? rank - 2 : folded,
    plan.reads.map((r) => [r.storage, r.along]),
    [plan.write],
  );
  const code = new LaneCode(f, nest);
  const kind = (value.type === "bool" ? "u32" : value.type) as Kind;
  const folder =
    plan.fold === "argmax" || plan.fold === "argmin"
      ? new ArgFold(nest, code, plan.fold, kind, () => nest.index(folded))
      : new TreeFold(nest, code, plan.fold, kind, !columns);
  const levelOfLeaf = (e: Expr): Level => {
    const invariant = columns ? Level.group : Level.row;
    if (e.op === "at") return invariant;
    if (e.op === "index") return e.value === folded ? Level.element : e.value === rank - 2 ? invariant : Level.row;
    if (e.op === "read") return plan.reads[e.value]!.fixed ? invariant : Level.element;
    return Level.entry;
  };
  const { levels, values } = schedule([value], order, levelOfLeaf);
  const element = (): Lanes => (code.emit(levels[Level.element]!), stored(code, value, code.lanesOf(values[0]!)));
  const k = nest.positions[folded]!;
  const n = nest.sizes[folded]!;
  const end = f.local();
  const simple = levels[Level.element]!.length <= SIMPLE;
  /** The tree of rows whose elements cost little, so that it pays to have code of their own for long and for short ones. */
  const tree =
    folder instanceof TreeFold && !columns && simple && nest.reads.every((r) => r.along === "same" || r.along === "unit")
      ? folder
      : undefined;
  /** Walks so many complete blocks of a row at once, as long as there are: then an addition need not wait for the one before. */
  const completeBlocks = (tree: TreeFold, count: 1 | 2 | 4): void =>
    f.block((rest) =>
      f.loop((next) => {
        f.brIf(rest, f.op("i32.lt_u", f.sub(f.get(n), f.get(k)), f.i32(count * BLOCK)));
        f.set(end, f.add(f.get(k), f.i32(BLOCK)));
        tree.beginBlock();
        f.loop((again) => {
          for (let b = 0; b < count; b++) nest.ahead(b * BLOCK, () => tree.step(b, element()));
          f.brIf(again, f.op("i32.lt_u", f.tee(k, f.add(f.get(k), f.i32(4))), f.get(end)));
        });
        f.increase(k, f.i32((count - 1) * BLOCK));
        tree.endBlocks(count);
        f.br(next);
      }),
    );
  /** Runs `block` on each block of the folded axis; the folder leaves early when there is only one. */
  const blocks = (block: () => void): void =>
    f.block((done) => {
      if (tree) {
        completeBlocks(tree, tree.blocksAtOnce);
        completeBlocks(tree, 1);
        f.if(f.op("i32.eq", f.get(k), f.get(n)), () => {
          folder.joinBlocks();
          f.br(done);
        });
      }
      f.loop((next) => {
        f.set(end, f.add(f.get(k), f.i32(BLOCK)));
        f.set(end, f.min(end, n));
        folder.beginBlock();
        block();
        folder.endBlock(done, n);
        f.brIf(next, f.op("i32.lt_u", f.get(k), f.get(n)));
      });
      folder.joinBlocks();
    });

  nest.prologue(folded);
  code.emit(levels[Level.entry]!);
  if (!columns) {
    const rows = (fold: () => void): void =>
      nest.outer(folded, () => {
        f.if(
          f.op("i32.eqz", f.get(n)),
          () => folder.empty(),
          () => {
            nest.startLanes([]);
            code.emit(levels[Level.row]!);
            folder.begin();
            fold();
          },
        );
        storeFirst(f, nest, folder.result);
      });
    const long = (): void =>
      rows(() => {
        blocks(() => nest.lanesUntil(end, () => folder.stepRows(element()), []));
        folder.joinLanes();
      });
    if (!tree) return long();
    const short = (): void =>
      rows(() => {
        tree.beginBlock();
        nest.groups(
          () => tree.step(0, element()),
          () => tree.stepRows(element()),
        );
        tree.endRow();
      });
    return f.if(f.op("i32.le_u", f.get(n), f.i32(BLOCK)), short, long);
  }

  const saved = nest.reads.map(() => f.local());
  const moving: Moving[] = nest.reads.map((r) => ({ pointer: r.along === "same" ? r.pointer : r.run, stride: f.local() }));
  moving.forEach(({ stride }, slot) => f.set(stride, f.load("i32.load", f.get(0), nest.reads[slot]!.strides[folded]!)));
  const group = (): void => {
    f.if(
      f.op("i32.eqz", f.get(n)),
      () => folder.empty(),
      () => {
        code.emit(levels[Level.group]!);
        moving.forEach(({ pointer }, slot) => f.set(saved[slot]!, f.get(pointer)));
        f.set(k, f.i32(0));
        folder.begin();
        blocks(() => {
          f.loop((next) => {
            folder.stepColumns(element());
            for (const { pointer, stride } of moving) f.increase(pointer, f.get(stride));
            f.brIf(next, f.op("i32.lt_u", f.tee(k, f.add(f.get(k), f.i32(1))), f.get(end)));
          });
          folder.joinColumns(k);
        });
        moving.forEach(({ pointer }, slot) => f.set(pointer, f.get(saved[slot]!)));
      },
    );
    nest.write(nest.writes[0]!, folder.result);
  };
  const { fold } = plan;
  const byLines = simple && levels[Level.group]!.length === 0 && fold !== "argmax" && fold !== "argmin";
  nest.outer(rank - 2, () => {
    nest.startLanes();
    code.emit(levels[Level.row]!);
    if (byLines) {
      let fits = f.op("i32.ne", f.get(n), f.i32(0));
      for (const r of nest.reads) if (r.along === "either") fits = f.op("i32.and", fits, f.get(r.adjacent));
      f.if(fits, () => emitLinesOfColumns({ f, nest, vectors: code }, fold, kind, moving, element));
    }
    nest.lanes(group);
  });
}

/** Stores lane 0 as the result of a row. */
function storeFirst(f: FunctionBuilder, nest: Nest, result: Lanes): void {
  f.storeLane(result.length === 2 ? "v128.store64_lane" : "v128.store32_lane", 0, f.get(nest.writes[0]!.pointer), f.get(result[0]!));
}
