/**
 * Matrix products. Large ones go through packed panels and a register-blocked micro-kernel; narrow ones read their operands where they
 * lie (narrow.ts); tiny ones and integers are reductions like any other. All sum over k by the fixed tree of kernel/tree.ts.
 *
 * Packing takes strides as they are, so that transposed operands cost nothing extra, and puts the k's of a block in the order
 * k mod 4 = 0, then 1, 2, 3. The micro-kernel runs through one of these classes at a time: its accumulators are the tree's
 * partial results. Blocks of 256 are joined pairwise, tile by tile, with waiting tiles kept in the workspace.
 */
import { type Storage, storageBytes } from "../core/dtype.ts";
import * as e from "../kernel/expr.ts";
import { BLOCK } from "../kernel/tree.ts";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Pushed, V128 } from "./encoder.ts";
import { emitReduction, type ReductionPlan } from "./fold.ts";
import { Scratch } from "./memory.ts";
import { emitNarrow } from "./narrow.ts";
import { emitPack } from "./pack.ts";
import {
  columnsOf,
  type Float,
  isFloat,
  Method,
  PACKED_ROWS,
  ROWS,
  STRIPE_COLUMNS,
  STRIPE_ROWS,
  TILE_BYTES,
  VECTORS,
  Word,
} from "./product.ts";
import { addWaitingTiles } from "./waiting.ts";

/** Small products: vectors along k where both operands are contiguous there, else along n. */
function emitDirect(module: ModuleBuilder, storage: Storage): (f: FunctionBuilder) => void {
  const plan = (columns: boolean, along: readonly ["same" | "unit", "either" | "unit"]): ReductionPlan => ({
    rank: 4,
    columns,
    reads: along.map((a) => ({ storage, along: a, fixed: false })),
    write: { storage, inner: "strided" },
    value: e.mul(e.read(0, storage), e.read(1, storage)),
    fold: "sum",
  });
  const rows = module.function([I32], []);
  emitReduction(rows, plan(false, ["unit", "unit"]));
  const columns = module.function([I32], []);
  emitReduction(columns, plan(true, ["same", "either"]));
  return (f) => {
    const contiguous = (word: number): Pushed => f.op("i32.eq", f.load("i32.load", f.get(0), 4 * (word + 4)), f.i32(storageBytes(storage)));
    const narrow = f.op("i32.ne", f.load("i32.load", f.get(0), 4 * (Word.b + 3)), f.i32(storageBytes(storage)));
    f.if(
      f.op("i32.and", narrow, f.op("i32.and", contiguous(Word.a), contiguous(Word.b))),
      () => void f.call(rows, f.get(0)),
      () => void f.call(columns, f.get(0)),
    );
  };
}

/**
 * tile = the products of `steps` packed columns of A and rows of B, summed in order from -0. (a, b, steps, tile) -> ()
 * V8 schedules all loads of a basic block first, and would spill; an exit that is never taken ends the block after each step.
 */
function emitMicroKernel(module: ModuleBuilder, storage: Float): FunctionBuilder {
  const f = module.function([I32, I32, I32, I32], []);
  const { get, set, op, i32 } = f;
  const [a, b, steps, tile] = [0, 1, 2, 3];
  const shape = storage === "f32" ? "f32x4" : "f64x2";
  const bytes = storageBytes(storage);
  const sums = Array.from({ length: ROWS * VECTORS }, () => f.local(V128));
  const vectors = Array.from({ length: VECTORS }, () => f.local(V128));
  const [weight, weights] = [f.local(V128), f.local()];
  const UNROLL = 4;
  const step = (u: number): void => {
    vectors.forEach((v, j) => set(v, f.load("v128.load", get(b), (u * VECTORS + j) * 16)));
    set(weights, f.add(get(a), i32(u * ROWS * bytes)));
    for (let i = 0; i < ROWS; i++) {
      set(weight, f.load(storage === "f32" ? "v128.load32_splat" : "v128.load64_splat", get(weights), i * bytes));
      vectors.forEach((v, j) => {
        const sum = sums[i * VECTORS + j]!;
        set(sum, op(`${shape}.add`, op(`${shape}.mul`, get(weight), get(v)), get(sum)));
      });
    }
  };
  const repeat = (count: number): void =>
    f.block((done) => {
      f.brIf(done, op("i32.lt_s", get(steps), i32(count)));
      f.loop((next) => {
        for (let u = 0; u < count; u++) {
          if (u > 0) f.brIf(done, op("i32.eq", get(steps), i32(0x7ffffff0 - u)));
          step(u);
        }
        f.increase(a, i32(count * ROWS * bytes));
        f.increase(b, i32(count * VECTORS * 16));
        f.brIf(next, op("i32.ge_s", f.tee(steps, f.sub(get(steps), i32(count))), i32(count)));
      });
    });
  const zero = f.constant(storage, -0);
  set(sums[0]!, zero);
  for (const s of sums.slice(1)) set(s, get(sums[0]!));
  repeat(UNROLL);
  repeat(1);
  sums.forEach((s, v) => f.store("v128.store", get(tile), get(s), 16 * v));
  return f;
}

/**
 * Joins the four partial tiles of a block, adds the waiting tiles that it completes, and leaves the result waiting or,
 * after the last block, in C. (block, last, waiting, level bytes, c, row stride, column stride, rows, columns) -> ()
 */
function emitJoin(module: ModuleBuilder, storage: Float): FunctionBuilder {
  const f = module.function(new Array<typeof I32>(9).fill(I32), []);
  const { get, set, op, i32 } = f;
  const [block, last, waiting, levelBytes, c, rowStride, columnStride, rows, columns] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const shape = storage === "f32" ? "f32x4" : "f64x2";
  const bytes = storageBytes(storage);
  const width = columnsOf(storage);
  const sums = Array.from({ length: ROWS * VECTORS }, () => f.local(V128));
  const tiles = f.local();
  set(tiles, f.add(f.global(0), i32(Scratch.tiles)));
  const plus = (x: Pushed, y: Pushed): Pushed => op(`${shape}.add`, x, y);
  const part = (p: number, v: number): Pushed => f.load("v128.load", get(tiles), p * TILE_BYTES + 16 * v);
  sums.forEach((s, v) => set(s, plus(plus(part(0, v), part(1, v)), plus(part(2, v), part(3, v)))));
  const at = addWaitingTiles(f, storage, sums, { block, last, waiting, levelBytes });
  const storeTile = (to: Local): void => sums.forEach((s, v) => f.store("v128.store", get(to), get(s), 16 * v));
  f.if(op("i32.eqz", get(last)), () => {
    storeTile(at);
    f.return();
  });
  const whole = op(
    "i32.and",
    op("i32.and", op("i32.ge_s", get(rows), i32(ROWS)), op("i32.ge_s", get(columns), i32(width))),
    op("i32.eq", get(columnStride), i32(bytes)),
  );
  f.if(whole, () => {
    sums.forEach((s, v) => {
      f.store("v128.store", get(c), get(s), 16 * (v % VECTORS));
      if (v % VECTORS === VECTORS - 1) f.increase(c, get(rowStride));
    });
    f.return();
  });
  // At an edge, or with gaps in C: element by element out of the tile.
  storeTile(tiles);
  const [i, j, element] = f.locals();
  const clip = (count: Local, most: number): void => set(count, op("select", get(count), i32(most), op("i32.lt_s", get(count), i32(most))));
  clip(rows, ROWS);
  clip(columns, width);
  f.loop((nextRow) => {
    set(j, i32(0));
    set(element, get(c));
    f.loop((nextColumn) => {
      const offset = (): Pushed => op("i32.shl", f.add(f.mul(get(i), i32(width)), get(j)), i32(Math.log2(bytes)));
      f.store(`${storage}.store`, get(element), f.load(`${storage}.load`, f.add(get(tiles), offset())));
      f.increase(element, get(columnStride));
      f.brIf(nextColumn, op("i32.lt_s", f.tee(j, f.add(get(j), i32(1))), get(columns)));
    });
    f.increase(c, get(rowStride));
    f.brIf(nextRow, op("i32.lt_s", f.tee(i, f.add(get(i), i32(1))), get(rows)));
  });
  return f;
}

export function emitMatmul(module: ModuleBuilder, f: FunctionBuilder, storage: Storage): void {
  const direct = emitDirect(module, storage);
  if (!isFloat(storage)) return direct(f);
  const { get, set, op, i32 } = f;
  const bytes = storageBytes(storage);
  const width = columnsOf(storage);
  const [microKernel, join] = [emitMicroKernel(module, storage), emitJoin(module, storage)];
  const [packA, packB] = [emitPack(module, storage, ROWS), emitPack(module, storage, width)];
  const argument = (word: number): Pushed => f.load("i32.load", get(0), 4 * word);
  const narrow = emitNarrow(module, storage);
  const when = (method: number, then: () => void): void =>
    f.if(op("i32.eq", argument(Word.method), i32(method)), () => {
      then();
      f.return();
    });
  when(Method.direct, () => direct(f));
  when(Method.narrow, () => void f.call(narrow, get(0)));
  const [batches, m, n, k] = f.words(0);
  const [a, ab, am, , ak] = f.words(0, Word.a);
  const [b, bb, , bn, bk] = f.words(0, Word.b);
  const [c, cb, cm, cn] = f.words(0, Word.c);
  const [packedA, packedB, waitingTiles, levelBytes] = f.words(0, Word.workspace);
  const tiles = f.local();
  set(tiles, f.add(f.global(0), i32(Scratch.tiles)));

  /** for (i = from; i < until; i += step), at least once; `extent` is min(step, until - i). */
  const each = (from: () => Pushed, until: Local, step: number, body: (i: Local, extent: Local) => void): void => {
    const [i, extent] = f.locals();
    set(i, from());
    f.loop((next) => {
      set(extent, f.sub(get(until), get(i)));
      set(extent, op("select", get(extent), i32(step), op("i32.lt_u", get(extent), i32(step))));
      body(i, extent);
      f.brIf(next, op("i32.lt_u", f.tee(i, f.add(get(i), i32(step))), get(until)));
    });
  };
  const start = (): Pushed => i32(0);
  const place = (base: Local, i: Local, iStride: Local, j: Local, jStride: Local): Pushed =>
    f.add(f.add(get(base), f.mul(get(i), get(iStride))), f.mul(get(j), get(jStride)));
  const counts = [f.local(), f.local(), f.local(), f.local()];
  const [panelA, panelB, waiting, until, stripeEnd] = f.locals();

  /** The four classes of k of one block, for one tile. */
  const tile = (): void => {
    const [ap, bp] = f.locals();
    set(ap, get(panelA));
    set(bp, get(panelB));
    counts.forEach((count, r) => {
      f.call(microKernel, get(ap), get(bp), get(count), f.add(get(tiles), i32(r * TILE_BYTES)));
      f.increase(ap, f.mul(get(count), i32(ROWS * bytes)));
      f.increase(bp, f.mul(get(count), i32(width * bytes)));
    });
  };

  each(start, batches, 1, () => {
    each(start, n, STRIPE_COLUMNS, (jc, columns) => {
      each(start, m, STRIPE_ROWS, (ic, rows) => {
        set(stripeEnd, f.add(get(ic), get(rows)));
        each(start, k, BLOCK, (k0, depth) => {
          counts.forEach((count, r) => set(count, op("i32.shr_u", f.add(get(depth), i32(3 - r)), i32(2))));
          const last = (): Pushed => op("i32.ge_u", f.add(get(k0), i32(BLOCK)), get(k));
          set(until, f.add(get(jc), get(columns)));
          set(panelB, get(packedB));
          each(
            () => get(jc),
            until,
            width,
            (j, present) => {
              f.call(packB, get(panelB), place(b, j, bn, k0, bk), get(bn), get(bk), get(depth), get(present));
              f.increase(panelB, f.mul(get(depth), i32(width * bytes)));
            },
          );
          set(waiting, get(waitingTiles));
          each(
            () => get(ic),
            stripeEnd,
            PACKED_ROWS,
            (i0, packedRows) => {
              const rowsEnd = f.local();
              set(rowsEnd, f.add(get(i0), get(packedRows)));
              set(panelA, get(packedA));
              each(
                () => get(i0),
                rowsEnd,
                ROWS,
                (i, present) => {
                  f.call(packA, get(panelA), place(a, i, am, k0, ak), get(am), get(ak), get(depth), get(present));
                  f.increase(panelA, f.mul(get(depth), i32(ROWS * bytes)));
                },
              );
              set(panelB, get(packedB));
              each(
                () => get(jc),
                until,
                width,
                (j, presentColumns) => {
                  set(panelA, get(packedA));
                  each(
                    () => get(i0),
                    rowsEnd,
                    ROWS,
                    (i, presentRows) => {
                      tile();
                      f.call(
                        join,
                        op("i32.shr_u", get(k0), i32(Math.log2(BLOCK))),
                        last(),
                        get(waiting),
                        get(levelBytes),
                        place(c, i, cm, j, cn),
                        get(cm),
                        get(cn),
                        get(presentRows),
                        get(presentColumns),
                      );
                      f.increase(waiting, i32(TILE_BYTES));
                      f.increase(panelA, f.mul(get(depth), i32(ROWS * bytes)));
                    },
                  );
                  f.increase(panelB, f.mul(get(depth), i32(width * bytes)));
                },
              );
            },
          );
        });
      });
    });
    f.increase(a, get(ab));
    f.increase(b, get(bb));
    f.increase(c, get(cb));
  });
}
