/**
 * The fixed tree of kernel/tree.ts in vectors: partial results, their sum at the end of a block, and the pairwise tree
 * above the blocks. Used by reductions and by scatterAdd; whoever uses it walks the elements.
 */
import { BLOCK } from "../kernel/tree.ts";
import type { FunctionBuilder, Label, Local } from "./encoder.ts";
import { Scratch } from "./memory.ts";
import { type Combination, Partial } from "./partial.ts";
import type { Lanes, Vectors } from "./vectors.ts";

/** Element types of reductions. */
export type Kind = "f32" | "f64" | "i32" | "u32";

/** Reductions by the tree. */
export type TreeReduction = "sum" | "prod" | "max" | "min";

/** The function that a fold is part of: its scratch address, and which of the four lanes exist. */
export interface Home {
  readonly f: FunctionBuilder;
  readonly scratch: Local;
  readonly live: Local;
}

/** The least and greatest value of each type. */
export const lowest: Record<Kind, number> = { f32: -Infinity, f64: -Infinity, i32: -(2 ** 31), u32: 0 };
export const highest: Record<Kind, number> = { f32: Infinity, f64: Infinity, i32: 2 ** 31 - 1, u32: 2 ** 32 - 1 };

export function identityOf(fold: TreeReduction, kind: Kind): number {
  if (fold === "sum") return kind === "f32" || kind === "f64" ? -0 : 0;
  return fold === "prod" ? 1 : fold === "max" ? lowest[kind] : highest[kind];
}

export const combinationOf = (fold: TreeReduction): Combination => (fold === "sum" ? "add" : fold === "prod" ? "mul" : fold);

/** sum, prod, max, min: partial results, blocks, and the pairwise tree above them. */
export class TreeFold {
  readonly result: Lanes;
  readonly #f: FunctionBuilder;
  readonly #home: Home;
  readonly #vectors: Vectors;
  readonly #rows: boolean;
  readonly #kind: Kind;
  readonly #op: Combination;
  readonly #identity: Lanes;
  readonly #identityValue: number;
  readonly #emptyValue: number;
  /** In rows the lanes of one vector are the partial results of a block, and four blocks may be under way; in columns four vectors are. */
  readonly #blocks: readonly Partial[];
  readonly #partials: readonly Lanes[];
  readonly #stack: BlockStack;
  readonly #phase: Local;

  constructor(home: Home, vectors: Vectors, fold: TreeReduction, kind: Kind, rows: boolean) {
    this.#f = home.f;
    this.#home = home;
    this.#vectors = vectors;
    this.#rows = rows;
    this.#kind = kind;
    this.#op = combinationOf(fold);
    this.#identityValue = identityOf(fold, kind);
    this.#emptyValue = fold === "sum" ? 0 : this.#identityValue;
    this.#identity = vectors.allocate(kind);
    this.#blocks = rows ? [0, 1, 2, 3].map(() => new Partial(vectors, this.#op, kind)) : [];
    this.#partials = rows ? this.#blocks.map((b) => b.lanes) : [0, 1, 2, 3].map(() => vectors.allocate(kind));
    this.result = vectors.allocate(kind);
    this.#phase = home.f.local();
    this.#stack = new BlockStack(home, (out, a, b) => this.#join(out, a, b), vectors.allocate(kind));
  }

  #join(out: Lanes, a: Lanes, b: Lanes): void {
    this.#vectors.combine(this.#op, this.#kind, out, a, b);
  }

  empty(): void {
    this.#vectors.fill(this.#kind, this.result, this.#emptyValue);
  }

  begin(): void {
    this.#vectors.fill(this.#kind, this.#identity, this.#identityValue);
    this.#stack.begin();
  }

  beginBlock(): void {
    for (const b of this.#blocks) b.begin(this.#identity);
    if (!this.#rows) for (const p of this.#partials) this.#vectors.move(p, this.#identity);
  }

  /** Lanes that do not exist add the identity, which changes nothing. */
  stepRows(value: Lanes): void {
    this.#vectors.select(this.#kind, this.result, this.#home.live, value, this.#identity);
    this.#blocks[0]!.add(this.result);
  }

  /** The partial results take turns by going round, so that one piece of code serves all four. */
  stepColumns(value: Lanes): void {
    this.#join(this.result, this.#partials[0]!, value);
    this.#rotate();
  }

  #rotate(): void {
    const p = this.#partials;
    for (let i = 0; i < 4; i++) this.#vectors.move(p[i]!, p[i + 1] ?? this.result);
  }

  joinColumns(k: Local): void {
    const f = this.#f;
    const [p0, p1, p2, p3] = this.#partials as [Lanes, Lanes, Lanes, Lanes];
    // Complete the last turn, so that p0 is the partial result of k mod 4 = 0 again.
    f.set(this.#phase, f.get(k));
    f.block((round) =>
      f.loop((again) => {
        f.brIf(round, f.op("i32.eqz", f.op("i32.and", f.get(this.#phase), f.i32(3))));
        this.#vectors.move(this.result, p0);
        this.#rotate();
        f.increase(this.#phase, f.i32(1));
        f.br(again);
      }),
    );
    this.#join(p0, p0, p1);
    this.#join(p2, p2, p3);
    this.#join(this.result, p0, p2);
  }

  /** The next four elements of a row, of the block whose partial results are vector b. */
  step(b: number, value: Lanes): void {
    this.#blocks[b]!.add(value);
  }

  /** How many blocks of a row may be walked at once: as many as registers hold the state of. */
  get blocksAtOnce(): 2 | 4 {
    return this.#blocks[0]!.locals > 3 ? 2 : 4;
  }

  /** After 1, 2 or 4 complete blocks of a row at once. */
  endBlocks(count: 1 | 2 | 4): void {
    const p = this.#partials;
    for (let b = 0; b < count; b++) this.#joinRow(b);
    for (let apart = 1; apart < count; apart *= 2) for (let b = 0; b < count; b += 2 * apart) this.#join(p[b]!, p[b]!, p[b + apart]!);
    this.#vectors.move(this.result, p[0]!);
    this.#stack.push(this.result, Math.log2(count));
  }

  /** (p0 + p1) + (p2 + p3) of vector b of partial results, in lane 0 of it. Uses `result`. */
  #joinRow(b: number): void {
    const f = this.#f;
    const p = this.#partials[b]!;
    this.#blocks[b]!.settle();
    const join = (out: Lanes, b: Lanes): void => this.#join(out, out, b);
    const turned = (l: Local, lanes: [number, number, number, number]): Local => (
      f.set(this.result[0]!, f.shuffle(f.get(l), f.get(l), lanes)),
      this.result[0]!
    );
    if (p.length === 1) {
      join(p, [turned(p[0]!, [1, 0, 3, 2])]);
      join(p, [turned(p[0]!, [2, 3, 0, 1])]);
    } else {
      for (const half of p) join([half], [turned(half, [2, 3, 0, 1])]);
      join([p[0]!], [p[1]!]);
    }
  }

  /** The result of a row that is one block. */
  endRow(): void {
    this.#joinRow(0);
    this.#vectors.move(this.result, this.#partials[0]!);
  }

  endBlock(done: Label, n: Local): void {
    if (this.#rows) this.endRow();
    this.#f.brIf(done, this.#f.op("i32.le_u", this.#f.get(n), this.#f.i32(BLOCK)));
    this.#stack.push(this.result);
  }

  joinBlocks(): void {
    this.#stack.join(this.result);
  }

  joinLanes(): void {}
}

/** Results of blocks waiting for their neighbour: a binary counter, which is the pairwise tree. */
export class BlockStack {
  readonly #home: Home;
  readonly #combine: (out: Lanes, a: Lanes, b: Lanes) => void;
  readonly #left: Lanes;
  readonly #top: Local;
  readonly #count: Local;
  readonly #carry: Local;

  constructor(home: Home, combine: (out: Lanes, a: Lanes, b: Lanes) => void, left: Lanes) {
    this.#home = home;
    this.#combine = combine;
    this.#left = left;
    [this.#top, this.#count, this.#carry] = [home.f.local(), home.f.local(), home.f.local()];
  }

  begin(): void {
    const { f, scratch } = this.#home;
    f.set(this.#top, f.add(f.get(scratch), f.i32(Scratch.stack)));
    f.set(this.#count, f.i32(0));
  }

  #pop(): void {
    const { f } = this.#home;
    f.set(this.#top, f.sub(f.get(this.#top), f.i32(16 * this.#left.length)));
    this.#left.forEach((l, h) => f.set(l, f.load("v128.load", f.get(this.#top), 16 * h)));
  }

  /** Adds the result of the next 2^level blocks, as many times as many have gone before. Overwrites it with the sum of the subtree that it completes. */
  push(result: Lanes, level = 0): void {
    const { f } = this.#home;
    f.set(this.#carry, f.op("i32.shr_u", f.get(this.#count), f.i32(level)));
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
    f.increase(this.#top, f.i32(16 * result.length));
    f.increase(this.#count, f.i32(2 ** level));
  }

  /** The result of all blocks. The smallest subtrees are at the end: an odd one moves up as it is. */
  join(result: Lanes): void {
    const { f, scratch } = this.#home;
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
