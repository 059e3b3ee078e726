/**
 * Reductions along the last axis of the index space, by the fixed tree of kernel/tree.ts, in two shapes with the same bits:
 * - rows: the folded axis is the lane axis, and the four partial results of a block are the four lanes;
 * - columns: the lane axis is the one before it, four results at a time with four partial results each.
 * The body is computed for each element on the way.
 */
import type { Storage } from "../core/dtype.ts";
import { type Expr, exprOrder } from "../kernel/expr.ts";
import type { Access, Fold, LoopKernel } from "../kernel/kernel.ts";
import { BLOCK } from "../kernel/tree.ts";
import { F32, F64, type FunctionBuilder, I32, type Label, type Local, type Op, type Pushed } from "./encoder.ts";
import { LaneCode, type Lanes } from "./lanes.ts";
import { alongOf, stored } from "./loops.ts";
import { Scratch } from "./memory.ts";
import { type Along, Nest } from "./nest.ts";
import { Level, schedule } from "./schedule.ts";

export type Reduction = Exclude<Fold, "cumsum">;

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

type Kind = "f32" | "f64" | "i32" | "u32";

export function emitReduction(f: FunctionBuilder, plan: ReductionPlan): void {
  const { rank, columns, value } = plan;
  const folded = rank - 1;
  const nest = new Nest(f, { rank, writeRank: rank - 1 }, columns ? rank - 2 : folded, plan.reads.map((r) => [r.storage, r.along]), [plan.write]);
  const code = new LaneCode(f, nest);
  const kind = (value.type === "bool" ? "u32" : value.type) as Kind;
  const folder = plan.fold === "argmax" || plan.fold === "argmin" ? new ArgFold(nest, code, plan.fold, kind) : new TreeFold(nest, code, plan.fold, kind);
  const levelOfLeaf = (e: Expr): Level => {
    const invariant = columns ? Level.group : Level.row;
    if (e.op === "at") return invariant;
    if (e.op === "index") return e.value === folded ? Level.element : e.value === rank - 2 ? invariant : Level.row;
    if (e.op === "read") return plan.reads[e.value]!.fixed ? invariant : Level.element;
    return Level.entry;
  };
  const { levels, values } = schedule([value], exprOrder([value]), levelOfLeaf);
  const element = (): Lanes => (code.emit(levels[Level.element]!), stored(code, value, code.lanesOf(values[0]!)));
  const k = nest.positions[folded]!;
  const n = nest.sizes[folded]!;
  const end = f.local();
  /** Runs `block` on each block of the folded axis; the folder leaves early when there is only one. */
  const blocks = (block: () => void): void =>
    f.block((done) => {
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
  if (!columns)
    return nest.outer(folded, () => {
      f.if(
        f.op("i32.eqz", f.get(n)),
        () => folder.empty(),
        () => {
          nest.startLanes([]);
          code.emit(levels[Level.row]!);
          folder.begin();
          blocks(() => nest.lanesUntil(end, () => folder.stepRows(element()), []));
          folder.joinLanes();
        },
      );
      storeFirst(f, nest, folder.result);
    });

  const strides = nest.reads.map(() => f.local());
  const saved = nest.reads.map(() => f.local());
  const moving = (slot: number): Local => (nest.reads[slot]!.along === "same" ? nest.reads[slot]!.pointer : nest.reads[slot]!.run);
  nest.reads.forEach((r, slot) => f.set(strides[slot]!, f.load("i32.load", f.get(0), r.strides[folded]!)));
  nest.outer(rank - 2, () => {
    nest.startLanes();
    code.emit(levels[Level.row]!);
    nest.lanes(() => {
      f.if(
        f.op("i32.eqz", f.get(n)),
        () => folder.empty(),
        () => {
          code.emit(levels[Level.group]!);
          saved.forEach((s, slot) => f.set(s, f.get(moving(slot))));
          f.set(k, f.i32(0));
          folder.begin();
          blocks(() => {
            f.loop((next) => {
              folder.stepColumns(element());
              strides.forEach((s, slot) => f.increase(moving(slot), f.get(s)));
              f.brIf(next, f.op("i32.lt_u", f.tee(k, f.add(f.get(k), f.i32(1))), f.get(end)));
            });
            folder.joinColumns(k);
          });
          saved.forEach((s, slot) => f.set(moving(slot), f.get(s)));
        },
      );
      nest.write(nest.writes[0]!, folder.result);
    });
  });
}

/** Stores lane 0 as the result of a row. */
function storeFirst(f: FunctionBuilder, nest: Nest, result: Lanes): void {
  f.storeLane(result.length === 2 ? "v128.store64_lane" : "v128.store32_lane", 0, f.get(nest.writes[0]!.pointer), f.get(result[0]!));
}

const lowest: Record<Kind, number> = { f32: -Infinity, f64: -Infinity, i32: -(2 ** 31), u32: 0 };
const highest: Record<Kind, number> = { f32: Infinity, f64: Infinity, i32: 2 ** 31 - 1, u32: 2 ** 32 - 1 };

function identityOf(fold: "sum" | "prod" | "max" | "min", kind: Kind): number {
  if (fold === "sum") return kind === "f32" || kind === "f64" ? -0 : 0;
  return fold === "prod" ? 1 : fold === "max" ? lowest[kind] : highest[kind];
}

/** sum, prod, max, min: partial results, blocks, and the pairwise tree above them. */
class TreeFold {
  readonly result: Lanes;
  readonly #f: FunctionBuilder;
  readonly #nest: Nest;
  readonly #code: LaneCode;
  readonly #kind: Kind;
  readonly #op: "add" | "mul" | "max" | "min";
  readonly #identity: Lanes;
  readonly #identityValue: number;
  readonly #emptyValue: number;
  /** In rows the lanes of one vector are the partial results of an element; in columns four vectors are. */
  readonly #partials: readonly Lanes[];
  readonly #stack: BlockStack;
  readonly #phase: Local;

  constructor(nest: Nest, code: LaneCode, fold: "sum" | "prod" | "max" | "min", kind: Kind) {
    this.#f = nest.f;
    this.#nest = nest;
    this.#code = code;
    this.#kind = kind;
    this.#op = fold === "sum" ? "add" : fold === "prod" ? "mul" : fold;
    this.#identityValue = identityOf(fold, kind);
    this.#emptyValue = fold === "sum" ? 0 : this.#identityValue;
    this.#identity = code.allocate(kind);
    this.#partials = [0, 1, 2, 3].map(() => code.allocate(kind));
    this.result = code.allocate(kind);
    this.#phase = nest.f.local();
    this.#stack = new BlockStack(nest, (out, a, b) => code.combine(this.#op, kind, out, a, b), code.allocate(kind));
  }

  #fill(lanes: Lanes, value: number): void {
    for (const l of lanes) this.#f.set(l, this.#code.splatConstant(this.#kind, value));
  }

  empty(): void {
    this.#fill(this.result, this.#emptyValue);
  }

  begin(): void {
    this.#fill(this.#identity, this.#identityValue);
    this.#stack.begin();
  }

  beginBlock(): void {
    for (const p of this.#partials) p.forEach((l, h) => this.#f.set(l, this.#f.get(this.#identity[h]!)));
  }

  /** Lanes that do not exist add the identity, which changes nothing. */
  stepRows(value: Lanes): void {
    const [p] = this.#partials;
    this.#code.select(this.#kind, this.result, this.#nest.live, value, this.#identity);
    this.#code.combine(this.#op, this.#kind, p!, p!, this.result);
  }

  /** The partial results take turns by going round, so that one piece of code serves all four. */
  stepColumns(value: Lanes): void {
    this.#code.combine(this.#op, this.#kind, this.result, this.#partials[0]!, value);
    this.#rotate();
  }

  #rotate(): void {
    const p = this.#partials;
    for (let i = 0; i < 4; i++) p[i]!.forEach((l, h) => this.#f.set(l, this.#f.get((p[i + 1] ?? this.result)[h]!)));
  }

  joinColumns(k: Local): void {
    const f = this.#f;
    const [p0, p1, p2, p3] = this.#partials as [Lanes, Lanes, Lanes, Lanes];
    // Complete the last turn, so that p0 is the partial result of k mod 4 = 0 again.
    f.set(this.#phase, f.get(k));
    f.block((round) =>
      f.loop((again) => {
        f.brIf(round, f.op("i32.eqz", f.op("i32.and", f.get(this.#phase), f.i32(3))));
        p0.forEach((l, h) => f.set(this.result[h]!, f.get(l)));
        this.#rotate();
        f.increase(this.#phase, f.i32(1));
        f.br(again);
      }),
    );
    const join = (out: Lanes, a: Lanes, b: Lanes): void => this.#code.combine(this.#op, this.#kind, out, a, b);
    join(p0, p0, p1);
    join(p2, p2, p3);
    join(this.result, p0, p2);
  }

  /** (p0 + p1) + (p2 + p3) of one vector of partial results, in lane 0. Called at the end of a block of rows. */
  #joinRow(): void {
    const f = this.#f;
    const [p] = this.#partials as [Lanes];
    const join = (out: Lanes, b: Lanes): void => this.#code.combine(this.#op, this.#kind, out, out, b);
    const turned = (l: Local, lanes: [number, number, number, number]): Local => (f.set(this.result[0]!, f.shuffle(f.get(l), f.get(l), lanes)), this.result[0]!);
    if (p.length === 1) {
      join(p, [turned(p[0]!, [1, 0, 3, 2])]);
      join(p, [turned(p[0]!, [2, 3, 0, 1])]);
    } else {
      for (const half of p) join([half], [turned(half, [2, 3, 0, 1])]);
      join([p[0]!], [p[1]!]);
    }
    f.set(this.result[0]!, f.get(p[0]!));
  }

  endBlock(done: Label, n: Local): void {
    if (this.#rows) this.#joinRow();
    this.#f.brIf(done, this.#f.op("i32.le_u", this.#f.get(n), this.#f.i32(BLOCK)));
    this.#stack.push(this.result);
  }

  joinBlocks(): void {
    this.#stack.join(this.result);
  }

  joinLanes(): void {}

  get #rows(): boolean {
    return this.#nest.laneAxis === this.#nest.sizes.length - 1;
  }
}

/** Results of blocks waiting for their neighbour: a binary counter, which is the pairwise tree. */
export class BlockStack {
  readonly #nest: Nest;
  readonly #combine: (out: Lanes, a: Lanes, b: Lanes) => void;
  readonly #left: Lanes;
  readonly #top: Local;
  readonly #count: Local;
  readonly #carry: Local;

  constructor(nest: Nest, combine: (out: Lanes, a: Lanes, b: Lanes) => void, left: Lanes) {
    this.#nest = nest;
    this.#combine = combine;
    this.#left = left;
    [this.#top, this.#count, this.#carry] = [nest.f.local(), nest.f.local(), nest.f.local()];
  }

  begin(): void {
    const { f, scratch } = this.#nest;
    f.set(this.#top, f.add(f.get(scratch), f.i32(Scratch.stack)));
    f.set(this.#count, f.i32(0));
  }

  #pop(): void {
    const { f } = this.#nest;
    f.set(this.#top, f.sub(f.get(this.#top), f.i32(32)));
    this.#left.forEach((l, h) => f.set(l, f.load("v128.load", f.get(this.#top), 16 * h)));
  }

  /** Adds the next block's result. Overwrites it with the sum of the subtree that it completes. */
  push(result: Lanes): void {
    const { f } = this.#nest;
    f.set(this.#carry, f.get(this.#count));
    f.block((rest) =>
      f.loop((again) => {
        f.brIf(rest, f.op("i32.eqz", f.op("i32.and", f.get(this.#carry), f.i32(1))));
        this.#pop();
        this.#combine(result, this.#left, result);
        f.set(this.#carry, f.op("i32.shr_u", f.get(this.#carry), f.i32(1)));
        f.br(again);
      }),
    );
    result.forEach((l, h) => f.store("v128.store", f.get(this.#top), f.get(l), 16 * h));
    f.increase(this.#top, f.i32(32));
    f.increase(this.#count, f.i32(1));
  }

  /** The result of all blocks. The smallest subtrees are at the end: an odd one moves up as it is. */
  join(result: Lanes): void {
    const { f, scratch } = this.#nest;
    this.#pop();
    result.forEach((l, h) => f.set(l, f.get(this.#left[h]!)));
    f.block((end) =>
      f.loop((again) => {
        f.brIf(end, f.op("i32.eq", f.get(this.#top), f.add(f.get(scratch), f.i32(Scratch.stack))));
        this.#pop();
        this.#combine(result, this.#left, result);
        f.br(again);
      }),
    );
  }
}

/** argmax, argmin: the best value so far and its position. The first one wins, and a NaN beats every number. */
class ArgFold {
  /** Positions, as i32. */
  readonly result: Lanes;
  readonly #f: FunctionBuilder;
  readonly #nest: Nest;
  readonly #code: LaneCode;
  readonly #kind: Kind;
  readonly #better: "gt" | "lt";
  readonly #worst: number;
  readonly #best: Lanes;
  readonly #masks: Lanes;
  readonly #candidate: Lanes;
  readonly #worstLanes: Lanes;

  constructor(nest: Nest, code: LaneCode, fold: "argmax" | "argmin", kind: Kind) {
    this.#f = nest.f;
    this.#nest = nest;
    this.#code = code;
    this.#kind = kind;
    this.#better = fold === "argmax" ? "gt" : "lt";
    this.#worst = (fold === "argmax" ? lowest : highest)[kind];
    this.result = code.allocate("i32");
    [this.#best, this.#masks, this.#candidate, this.#worstLanes] = [0, 1, 2, 3].map(() => code.allocate(kind)) as [Lanes, Lanes, Lanes, Lanes];
  }

  empty(): void {
    this.#f.set(this.result[0]!, this.#code.splatConstant("i32", 0));
  }

  /** Before the first element: worse than all or equal to it, at position 0. */
  begin(): void {
    this.empty();
    for (const lanes of [this.#best, this.#worstLanes]) for (const l of lanes) this.#f.set(l, this.#code.splatConstant(this.#kind, this.#worst));
  }

  stepRows(value: Lanes): void {
    this.#code.select(this.#kind, this.#candidate, this.#nest.live, value, this.#worstLanes);
    this.#step(this.#candidate);
  }

  stepColumns(value: Lanes): void {
    this.#step(value);
  }

  #step(value: Lanes): void {
    const f = this.#f;
    const { get } = f;
    const folded = this.#nest.sizes.length - 1;
    value.forEach((v, h) => {
      const best = this.#best[h]!;
      f.set(this.#masks[h]!, this.#isBetter(v, best));
      f.set(best, f.op("v128.bitselect", get(v), get(best), get(this.#masks[h]!)));
    });
    const position = this.#nest.index(folded);
    const [low, high] = this.#masks as [Local, Local];
    const mask = (): Pushed => (value.length === 1 ? get(low) : f.shuffle(get(low), get(high), [0, 2, 4, 6]));
    f.set(this.result[0]!, f.op("v128.bitselect", position, get(this.result[0]!), mask()));
  }

  #isBetter(v: Local, best: Local): Pushed {
    const f = this.#f;
    const { get } = f;
    const kind = this.#kind;
    if (kind === "i32" || kind === "u32") return f.op(`i32x4.${this.#better}_${kind === "i32" ? "s" : "u"}`, get(v), get(best));
    const shape = kind === "f32" ? "f32x4" : "f64x2";
    const order = f.op(`${shape}.${this.#better}`, get(v), get(best));
    const firstNaN = f.op("v128.and", f.op(`${shape}.ne`, get(v), get(v)), f.op(`${shape}.eq`, get(best), get(best)));
    return f.op("v128.or", order, firstNaN);
  }

  beginBlock(): void {}
  endBlock(): void {}
  joinBlocks(): void {}
  joinColumns(): void {}

  /** The best of the four lanes; of equal ones the one with the lowest position. */
  joinLanes(): void {
    const f = this.#f;
    const { get } = f;
    const scalar = this.#kind === "f64" ? F64 : this.#kind === "f32" ? F32 : I32;
    const [best, other] = [f.local(scalar), f.local(scalar)];
    const [position, otherPosition] = [f.local(), f.local()];
    const read = (value: Local, place: Local, l: number): void => {
      if (this.#kind === "f64") f.set(value, f.lane("f64x2.extract_lane", l & 1, get(this.#best[l >> 1]!)));
      else f.set(value, f.lane(this.#kind === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", l, get(this.#best[0]!)));
      f.set(place, f.lane("i32x4.extract_lane", l, get(this.result[0]!)));
    };
    const type = this.#kind === "u32" ? "i32" : this.#kind;
    const suffix = this.#kind === "i32" ? "_s" : this.#kind === "u32" ? "_u" : "";
    const compare = (op: string, a: Local, b: Local): Pushed => f.op(`${type}.${op}` as Op, get(a), get(b));
    const isNaN = (a: Local): Pushed => compare("ne", a, a);
    const and = (a: Pushed, b: Pushed): Pushed => f.op("i32.and", a, b);
    const or = (a: Pushed, b: Pushed): Pushed => f.op("i32.or", a, b);
    read(best, position, 0);
    for (let l = 1; l < 4; l++) {
      read(other, otherPosition, l);
      const better = or(compare(this.#better + suffix, other, best), and(isNaN(other), compare("eq", best, best)));
      const equal = or(compare("eq", other, best), and(isNaN(other), isNaN(best)));
      f.if(or(better, and(equal, f.op("i32.lt_u", get(otherPosition), get(position)))), () => {
        f.set(best, get(other));
        f.set(position, get(otherPosition));
      });
    }
    f.set(this.result[0]!, f.op("i32x4.splat", get(position)));
  }
}
