/**
 * Matrix products that packing would only delay: a small right operand, as in the layers of per-row networks, or few k.
 *
 * Rows of the right operand are read as vectors where they lie, elements of the left one are broadcast, whatever its strides. A tile runs through
 * two of the classes k mod 4 at a time, then through the other two: their accumulators are the partial results of the tree of kernel/tree.ts. A
 * panel is a column of tiles. The last tile and the last panel overlap those before them, and compute the same bits again.
 */
import { storageBytes } from "../core/dtype.ts";
import { BLOCK, PARTIALS } from "../kernel/tree.ts";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Pushed, V128 } from "./encoder.ts";
import { type Float, NARROW, Word } from "./product.ts";
import { addWaitingTiles } from "./waiting.ts";

const vectorShape = (storage: Float): "f32x4" | "f64x2" => (storage === "f32" ? "f32x4" : "f64x2");
const splat = (storage: Float): "v128.load32_splat" | "v128.load64_splat" =>
  storage === "f32" ? "v128.load32_splat" : "v128.load64_splat";

/**
 * One block of k for a panel of tiles. At least as many rows as a tile has.
 * (a, row stride, k stride, b, k stride, depth, c, row stride, rows, block, last, waiting, level bytes) -> ()
 */
function emitPanel(module: ModuleBuilder, storage: Float, rows: number, vectors: number): FunctionBuilder {
  const f = module.function(new Array<typeof I32>(13).fill(I32), []);
  const { get, set, op, i32 } = f;
  const [a, am, ak, b, bk, depth, c, cm, m, block, last, waiting, levelBytes] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  const shape = vectorShape(storage);
  const plus = (x: Pushed, y: Pushed): Pushed => op(`${shape}.add`, x, y);
  const tile = (): Local[] => Array.from({ length: rows * vectors }, () => f.local(V128));
  const [even, odd, sums] = [tile(), tile(), tile()];
  const right = Array.from({ length: vectors }, () => f.local(V128));
  const [left, zero] = f.locals(V128);
  const lefts = Array.from({ length: rows }, () => f.local());
  const [rightEven, rightOdd, remaining, first, i, at, stepA, stepB] = f.locals();
  set(zero, f.constant(storage, -0));
  set(stepA, op("i32.shl", get(ak), i32(2)));
  set(stepB, op("i32.shl", get(bk), i32(2)));

  const step = (partial: readonly Local[], from: Local, leftAt: (r: number) => Pushed): void => {
    right.forEach((v, j) => set(v, f.load("v128.load", get(from), 16 * j)));
    for (let r = 0; r < rows; r++) {
      set(left, f.load(splat(storage), leftAt(r)));
      right.forEach((v, j) => {
        const sum = partial[r * vectors + j]!;
        set(sum, plus(op(`${shape}.mul`, get(left), get(v)), get(sum)));
      });
    }
    f.increase(from, get(stepB));
  };
  /** Partial results of the classes `from` and `from` + 1. The exit between them also ends the basic block: V8 would load too much too early. */
  const twoClasses = (from: number): void => {
    for (const sum of [...even, ...odd]) set(sum, get(zero));
    set(rightEven, f.add(get(b), f.mul(get(bk), i32(from))));
    set(rightOdd, f.add(get(rightEven), get(bk)));
    lefts.forEach((p, r) => set(p, r === 0 ? f.add(get(first), f.mul(get(ak), i32(from))) : f.add(get(lefts[r - 1]!), get(am))));
    set(remaining, f.sub(get(depth), i32(from)));
    f.block((done) =>
      f.loop((next) => {
        step(even, rightEven, (r) => get(lefts[r]!));
        f.brIf(done, op("i32.lt_s", get(remaining), i32(2)));
        step(odd, rightOdd, (r) => f.add(get(lefts[r]!), get(ak)));
        for (const p of lefts) f.increase(p, get(stepA));
        f.brIf(next, op("i32.gt_s", f.tee(remaining, f.sub(get(remaining), i32(PARTIALS))), i32(0)));
      }),
    );
  };

  f.loop((next) => {
    set(at, f.sub(get(m), i32(rows)));
    set(at, f.min(i, at));
    set(first, f.add(get(a), f.mul(get(at), get(am))));
    twoClasses(0);
    sums.forEach((s, v) => set(s, plus(get(even[v]!), get(odd[v]!))));
    // Without k's in them, the other two classes are -0 and change nothing.
    f.if(op("i32.gt_s", get(depth), i32(2)), () => {
      twoClasses(2);
      sums.forEach((s, v) => set(s, plus(get(s), plus(get(even[v]!), get(odd[v]!)))));
    });
    const tileAt = addWaitingTiles(f, storage, sums, { block, last, waiting, levelBytes });
    f.if(
      get(last),
      () => {
        set(at, f.add(get(c), f.mul(get(at), get(cm))));
        sums.forEach((s, v) => {
          f.store("v128.store", get(at), get(s), 16 * (v % vectors));
          if (v % vectors === vectors - 1) f.increase(at, get(cm));
        });
      },
      () => sums.forEach((s, v) => f.store("v128.store", get(tileAt), get(s), 16 * v)),
    );
    f.increase(waiting, i32(sums.length * 16));
    f.brIf(next, op("i32.lt_u", f.tee(i, f.add(get(i), i32(rows))), get(m)));
  });
  return f;
}

/** A panel with at most four k: each partial result is one product. (a, row stride, k stride, b, k stride, c, row stride, rows) -> () */
function emitShallowPanel(module: ModuleBuilder, storage: Float, depth: number, vectors: number): FunctionBuilder {
  const f = module.function(new Array<typeof I32>(8).fill(I32), []);
  const { get, set, op } = f;
  const [a, am, ak, b, bk, c, cm, m] = [0, 1, 2, 3, 4, 5, 6, 7];
  const shape = vectorShape(storage);
  const ks = Array.from({ length: depth }, (_, k) => k);
  const right = ks.map(() => Array.from({ length: vectors }, () => f.local(V128)));
  const left = ks.map(() => f.local(V128));
  const at = f.local();
  for (const row of right) {
    row.forEach((v, j) => set(v, f.load("v128.load", get(b), 16 * j)));
    f.increase(b, get(bk));
  }
  /** The sum of the products from..from + count - 1, adjacent ones first. */
  const sum = (j: number, from: number, count: number): Pushed => {
    if (count === 1) return op(`${shape}.mul`, get(left[from]!), get(right[from]![j]!));
    return op(`${shape}.add`, sum(j, from, Math.min(2, count - 1)), sum(j, from + Math.min(2, count - 1), count - Math.min(2, count - 1)));
  };
  f.loop((next) => {
    set(at, get(a));
    for (const l of left) {
      set(l, f.load(splat(storage), get(at)));
      f.increase(at, get(ak));
    }
    for (let j = 0; j < vectors; j++) f.store("v128.store", get(c), sum(j, 0, depth), 16 * j);
    f.increase(a, get(am));
    f.increase(c, get(cm));
    f.brIf(next, f.tee(m, f.sub(get(m), f.i32(1))));
  });
  return f;
}

/** Copies a matrix, any strides, row by row. (to, from, row stride, column stride, rows, columns) -> () */
function emitCopy(module: ModuleBuilder, storage: Float): FunctionBuilder {
  const f = module.function([I32, I32, I32, I32, I32, I32], []);
  const { get, set, i32 } = f;
  const [to, from, rowStride, columnStride, rows, columns] = [0, 1, 2, 3, 4, 5];
  const [source, j] = f.locals();
  f.loop((nextRow) => {
    set(source, get(from));
    set(j, get(columns));
    f.loop((next) => {
      f.store(`${storage}.store`, get(to), f.load(`${storage}.load`, get(source)));
      f.increase(to, i32(storageBytes(storage)));
      f.increase(source, get(columnStride));
      f.brIf(next, f.tee(j, f.sub(get(j), i32(1))));
    });
    f.increase(from, get(rowStride));
    f.brIf(nextRow, f.tee(rows, f.sub(get(rows), i32(1))));
  });
  return f;
}

/** The whole product, from its argument block. */
export function emitNarrow(module: ModuleBuilder, storage: Float): FunctionBuilder {
  const wide = emitPanel(module, storage, NARROW.wide.rows, NARROW.wide.vectors);
  const tall = emitPanel(module, storage, NARROW.tall.rows, NARROW.tall.vectors);
  const shallow = Array.from({ length: PARTIALS }, (_, k) => ({
    wide: emitShallowPanel(module, storage, k + 1, NARROW.wide.vectors),
    tall: emitShallowPanel(module, storage, k + 1, NARROW.tall.vectors),
  }));
  const copy = emitCopy(module, storage);
  const f = module.function([I32], []);
  const { get, set, op, i32 } = f;
  const bytes = storageBytes(storage);
  const [batches, m, n, k] = f.words(0);
  const [a, ab, am, , ak] = f.words(0, Word.a);
  const [b, bb, , bn, bk] = f.words(0, Word.b);
  const [c, cb, cm] = f.words(0, Word.c);
  const [, copied, waitingTiles, levelBytes] = f.words(0, Word.workspace);
  const [right, rightStride, j, columns, offset, k0, depth, last, waiting] = f.locals();

  /** Calls the panels of C from left to right; `offset` is where in its row a panel begins, in bytes. */
  const panels = (tallFits: () => Pushed, callWide: () => void, callTall: () => void): void => {
    const [wideColumns, tallColumns] = [NARROW.wide, NARROW.tall].map((t) => (t.vectors * 16) / bytes) as [number, number];
    const panel = (width: number, call: () => void): void => {
      set(columns, f.sub(get(n), i32(width)));
      set(offset, f.mul(f.min(j, columns), i32(bytes)));
      call();
      f.increase(j, i32(width));
    };
    set(j, i32(0));
    f.loop((next) => {
      const oneVectorLeft = op("i32.le_u", f.sub(get(n), get(j)), i32(tallColumns));
      const asTall = op("i32.or", oneVectorLeft, op("i32.lt_u", get(n), i32(wideColumns)));
      f.if(
        op("i32.and", asTall, tallFits()),
        () => panel(tallColumns, callTall),
        () => panel(wideColumns, callWide),
      );
      f.brIf(next, op("i32.lt_u", get(j), get(n)));
    });
  };

  f.loop((nextBatch) => {
    set(right, get(b));
    set(rightStride, get(bk));
    f.if(op("i32.ne", get(bn), i32(bytes)), () => {
      f.call(copy, get(copied), get(b), get(bk), get(bn), get(k), get(n));
      set(right, get(copied));
      set(rightStride, f.mul(get(n), i32(bytes)));
    });
    const shifted = (p: Local): Pushed => f.add(get(p), get(offset));
    f.block((done) => {
      shallow.forEach(({ wide, tall }, few) =>
        f.if(op("i32.eq", get(k), i32(few + 1)), () => {
          const call = (panel: FunctionBuilder) => (): void =>
            void f.call(panel, get(a), get(am), get(ak), shifted(right), get(rightStride), shifted(c), get(cm), get(m));
          panels(() => i32(1), call(wide), call(tall));
          f.br(done);
        }),
      );
      set(k0, i32(0));
      f.loop((nextBlock) => {
        set(depth, f.sub(get(k), get(k0)));
        set(last, op("i32.le_u", get(depth), i32(BLOCK)));
        set(depth, op("select", get(depth), i32(BLOCK), get(last)));
        set(waiting, get(waitingTiles));
        const call =
          (panel: FunctionBuilder, { rows, vectors }: { rows: number; vectors: number }) =>
          (): void => {
            const left = f.add(get(a), f.mul(get(k0), get(ak)));
            const block = (): Pushed => op("i32.shr_u", get(k0), i32(Math.log2(BLOCK)));
            const rightBlock = (): Pushed => f.add(shifted(right), f.mul(get(k0), get(rightStride)));
            f.call(
              panel,
              left,
              get(am),
              get(ak),
              rightBlock(),
              get(rightStride),
              get(depth),
              shifted(c),
              get(cm),
              get(m),
              block(),
              get(last),
              get(waiting),
              get(levelBytes),
            );
            const tiles = op("i32.div_u", f.add(get(m), i32(rows - 1)), i32(rows));
            f.increase(waiting, f.mul(tiles, i32(rows * vectors * 16)));
          };
        panels(() => op("i32.ge_u", get(m), i32(NARROW.tall.rows)), call(wide, NARROW.wide), call(tall, NARROW.tall));
        f.brIf(nextBlock, op("i32.lt_u", f.tee(k0, f.add(get(k0), i32(BLOCK))), get(k)));
      });
    });
    f.increase(a, get(ab));
    f.increase(b, get(bb));
    f.increase(c, get(cb));
    f.brIf(nextBatch, f.tee(batches, f.sub(get(batches), i32(1))));
  });
  return f;
}
