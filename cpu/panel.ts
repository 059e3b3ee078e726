/**
 * The inner part of matrix products: a panel of C, one or two vectors of columns wide, in tiles of four rows, or two.
 *
 * A tile runs through the classes k mod 4 = 0, then 1, 2, 3 of a block: its accumulators are the partial results of the tree of
 * kernel/tree.ts, each of which begins with a product instead of adding to -0 (the bits are the same). Elements of A are broadcast, at
 * distances known here; rows of B are read as vectors. Either lies packed or in place.
 *
 * V8 schedules all loads of a basic block before its arithmetic, and would spill: an exit that is never taken ends the block after each k. It
 * leads to where the accumulators are used, else they would be computed there.
 */
import { storageBytes } from "../core/dtype.ts";
import { type FunctionBuilder, I32, type Label, type Local, type ModuleBuilder, type Pushed, V128 } from "./encoder.ts";
import { type Float, lanesOf, type TiledCode } from "./product.ts";
import { addWaitingTiles } from "./waiting.ts";

/** k's of a class that one round of its loop takes. */
const UNROLL = 4;
const CLASSES = [0, 1, 2, 3] as const;

export const shapeOf = (storage: Float): "f32x4" | "f64x2" => (storage === "f32" ? "f32x4" : "f64x2");
export const splatOf = (storage: Float): "v128.load32_splat" | "v128.load64_splat" =>
  storage === "f32" ? "v128.load32_splat" : "v128.load64_splat";

/** What a panel is called with, in this order. */
export interface PanelArguments<T> {
  /** In place: row 0 of A at the block's first k. Packed: the first tile. */
  readonly a: T;
  /** Bytes from one k to the next, where A lies in place. */
  readonly aStride: T;
  /** The panel's first column at the block's first k, and bytes from one k to the next where B lies in place. */
  readonly b: T;
  readonly bStride: T;
  readonly depth: T;
  /** The panel's first column in row 0. */
  readonly c: T;
  readonly rowStride: T;
  readonly columnStride: T;
  /** The rows of tiles from `first` on before `end`, none of them after `most`: the last tile overlaps the one before it. */
  readonly first: T;
  readonly end: T;
  readonly most: T;
  readonly block: T;
  readonly last: T;
  readonly waiting: T;
  readonly levelBytes: T;
}

/** Returns a function and how to call it: it runs one block of k and returns where the tiles of the next panel wait. */
export function emitPanel(
  module: ModuleBuilder,
  { storage, rows, a: apart, depth, b: placeB, store, blocks }: TiledCode,
  vectors: number,
): (f: FunctionBuilder, args: PanelArguments<() => Pushed>) => Pushed {
  const names = ["a", "aStride", "b", "bStride", "depth", "c", "rowStride", "columnStride"] as const;
  const more = ["first", "end", "most", "block", "last", "waiting", "levelBytes"] as const;
  const parameters = [...names, ...more];
  const f = module.function(new Array<typeof I32>(parameters.length).fill(I32), [I32]);
  const p = Object.fromEntries(parameters.map((name, i) => [name, i])) as unknown as PanelArguments<Local>;
  const { get, set, op, i32 } = f;
  const placeA = apart !== undefined;
  const shape = shapeOf(storage);
  const bytes = storageBytes(storage);
  // Made once: looking names up that are put together each time takes longer than all else.
  const [addition, multiplication] = [`${shape}.add`, `${shape}.mul`] as const;
  const splat = splatOf(storage);
  const plus = (x: Pushed, y: Pushed): Pushed => op(addition, x, y);
  const partials = CLASSES.map(() => Array.from({ length: rows * vectors }, () => f.local(V128)));
  const right = Array.from({ length: vectors }, () => f.local(V128));
  const left = f.local(V128);
  const [tile, i, at, pa, pb, here, rest, stepA, stepB] = f.locals();
  /** Bytes from one k to the next of packed operands. */
  const [packedA, packedB] = [rows * bytes, vectors * 16];
  if (placeA) set(stepA, op("i32.shl", get(p.aStride), i32(2)));
  if (placeB) set(stepB, op("i32.shl", get(p.bStride), i32(2)));

  /** The products of one k: elements of A from the pointer `from`, rows of B from `pb` and `offset`. */
  const products = (sums: readonly Local[], from: Local, offset: number, initial: boolean): void => {
    right.forEach((v, j) => set(v, f.load("v128.load", get(pb), offset + 16 * j)));
    for (let r = 0; r < rows; r++) {
      set(left, f.load(splat, get(from), r * (apart ?? bytes)));
      right.forEach((v, j) => {
        const sum = sums[r * vectors + j]!;
        const product = op(multiplication, get(left), get(v));
        set(sum, initial ? product : plus(product, get(sum)));
      });
    }
  };
  /** Those at `ahead` steps from where the pointers are. */
  const step = (sums: readonly Local[], ahead: number, initial: boolean): void => {
    if (!placeA) set(here, f.add(get(pa), i32(ahead * 4 * packedA)));
    products(sums, placeA ? pa : here, placeB ? 0 : ahead * 4 * packedB, initial);
  };
  const repeat = (sums: readonly Local[], count: number, done: Label): void =>
    f.block((fewer) => {
      f.brIf(fewer, op("i32.lt_s", get(rest), i32(count)));
      f.loop((next) => {
        for (let u = 0; u < count; u++) {
          if (u > 0) f.brIf(done, op("i32.eq", get(rest), i32(0x7ffffff0 - u)));
          if (placeA) f.increase(pa, get(stepA));
          if (placeB) f.increase(pb, get(stepB));
          step(sums, u + 1, false);
        }
        if (!placeA) f.increase(pa, i32(count * 4 * packedA));
        if (!placeB) f.increase(pb, i32(count * 4 * packedB));
        f.brIf(next, op("i32.ge_s", f.tee(rest, f.sub(get(rest), i32(count))), i32(count)));
      });
    });
  const sumKnown = (number: number, k: number): void =>
    f.block((done) => {
      for (let i = number; i < k; i += 4) {
        if (i > number) f.brIf(done, op("i32.eq", get(p.depth), i32(0x7ffffff0 - i)));
        set(here, f.add(get(tile), i32(i * bytes)));
        products(partials[number]!, here, i * packedB, i === number);
      }
    });
  const sumClass = (number: number): void => {
    if (depth !== undefined) return sumKnown(number, depth);
    const sums = partials[number]!;
    set(pa, f.add(get(tile), placeA ? f.mul(get(p.aStride), i32(number)) : i32(number * packedA)));
    set(pb, f.add(get(p.b), placeB ? f.mul(get(p.bStride), i32(number)) : i32(number * packedB)));
    set(rest, f.sub(op("i32.shr_s", f.add(get(p.depth), i32(3 - number)), i32(2)), i32(1)));
    f.block((done) => {
      step(sums, 0, true);
      repeat(sums, UNROLL, done);
      repeat(sums, 1, done);
    });
  };
  const [sums, second, third, fourth] = partials as [Local[], Local[], Local[], Local[]];
  const add = (to: readonly Local[], from: readonly Local[]): void => to.forEach((s, v) => set(s, plus(get(s), get(from[v]!))));

  set(i, get(p.first));
  set(tile, get(p.a));
  set(pb, get(p.b));
  f.loop((next) => {
    set(at, f.min(i, p.most));
    if (placeA) set(tile, f.add(get(p.a), f.mul(get(at), i32(apart))));
    // A class without k's is -0 and changes nothing.
    const ifDeep = (least: number, then: () => void): void => {
      if (depth === undefined) f.if(op("i32.ge_s", get(p.depth), i32(least)), then);
      else if (depth >= least) then();
    };
    sumClass(0);
    ifDeep(2, () => {
      sumClass(1);
      add(sums, second);
    });
    ifDeep(3, () => {
      sumClass(2);
      ifDeep(4, () => {
        sumClass(3);
        add(third, fourth);
      });
      add(sums, third);
    });
    const storeTile = (): void => {
      if (store === "columns") storeColumns(f, storage, sums, vectors, { c: p.c, at, columnStride: p.columnStride });
      else {
        set(at, f.add(get(p.c), f.mul(get(at), get(p.rowStride))));
        sums.forEach((s, v) => {
          f.store("v128.store", get(at), get(s), 16 * (v % vectors));
          if (v % vectors === vectors - 1 && v < sums.length - 1) f.increase(at, get(p.rowStride));
        });
      }
    };
    if (blocks) {
      const { block, last, waiting, levelBytes } = p;
      const waits = addWaitingTiles(f, storage, sums, { block, last, waiting, levelBytes });
      f.if(get(last), storeTile, () => sums.forEach((s, v) => f.store("v128.store", get(waits), get(s), 16 * v)));
      f.increase(waiting, i32(sums.length * 16));
    } else storeTile();
    if (!placeA) f.increase(tile, f.mul(get(p.depth), i32(packedA)));
    f.brIf(next, op("i32.lt_u", f.tee(i, f.add(get(i), i32(rows))), get(p.end)));
  });
  get(p.waiting);
  return (caller, args) => caller.call(f, ...parameters.map((name) => args[name]()));
}

/** Stores a tile whose columns are adjacent in memory. */
function storeColumns(
  f: FunctionBuilder,
  storage: Float,
  tile: readonly Local[],
  vectors: number,
  { c, at, columnStride }: { c: Local; at: Local; columnStride: Local },
): void {
  const { get, set } = f;
  set(at, f.add(get(c), f.mul(get(at), f.i32(storageBytes(storage)))));
  const lanes = lanesOf(storage);
  for (let v = 0; v < vectors; v++) {
    const squares = Array.from({ length: tile.length / vectors / lanes }, (_, g) =>
      emitTransposition(
        f,
        storage,
        Array.from({ length: lanes }, (_, r) => tile[(g * lanes + r) * vectors + v]!),
      ),
    );
    for (let q = 0; q < lanes; q++) {
      squares.forEach((columns, g) => f.store("v128.store", get(at), get(columns[q]!), 16 * g));
      f.increase(at, get(columnStride));
    }
  }
}

/** The columns of a square whose rows are vectors. */
export function emitTransposition(f: FunctionBuilder, storage: Float, rows: readonly Local[]): Local[] {
  const { get, set } = f;
  const shuffled = (x: Local, y: Local, lanes: readonly [number, number, number, number]): Local => {
    const out = f.local(V128);
    set(out, f.shuffle(get(x), get(y), lanes));
    return out;
  };
  const [low, high] = [[0, 1, 4, 5] as const, [2, 3, 6, 7] as const];
  const [a, b, c, d] = rows as [Local, Local, Local, Local];
  if (storage === "f64") return [shuffled(a, b, low), shuffled(a, b, high)];
  const pairs = ([left, right]: readonly [Local, Local]): [Local, Local] => [
    shuffled(left, right, [0, 4, 1, 5]),
    shuffled(left, right, [2, 6, 3, 7]),
  ];
  const [above, below] = [pairs([a, b]), pairs([c, d])];
  return [0, 1].flatMap((q) => [shuffled(above[q]!, below[q]!, low), shuffled(above[q]!, below[q]!, high)]);
}
