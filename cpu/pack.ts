/** Copies for matrix products: panels packed k by k, results out of a temporary matrix, the lower half of a symmetric one. */
import { storageBytes } from "../core/dtype.ts";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Pushed, V128 } from "./encoder.ts";
import { emitTransposition } from "./panel.ts";
import { type Float, lanesOf } from "./product.ts";

/**
 * Packs rows `first`, `first` + width, ... before `end`, so many at a time as are wide, none after `most`: all k's of a panel, each with the
 * elements of its rows side by side. Where there are fewer rows than a panel has, the last one is repeated.
 * (to, from, row stride, k stride, depth, first, end, most, rows there are) -> where the packed panels end
 */
export function emitPack(module: ModuleBuilder, storage: Float, width: number): FunctionBuilder {
  const f = module.function(new Array<typeof I32>(9).fill(I32), [I32]);
  const { get, set, op, i32 } = f;
  const [to, from, rowStride, kStride, depth, i, end, most, present] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const bytes = storageBytes(storage);
  const lanes = lanesOf(storage);
  const [k, source, at] = f.locals();
  const rows = Array.from({ length: width }, () => f.local());
  const inVectors = width >= lanes;

  /** Rows next to each other: whole vectors. */
  const vectors = (): void => {
    set(source, get(at));
    set(k, get(depth));
    f.loop((next) => {
      for (let offset = 0; offset < width * bytes; offset += 16)
        f.store("v128.store", get(to), f.load("v128.load", get(source), offset), offset);
      f.increase(to, i32(width * bytes));
      f.increase(source, get(kStride));
      f.brIf(next, f.tee(k, f.sub(get(k), i32(1))));
    });
  };
  /** Squares of k's next to each other are transposed; the k's that are left, or all if they are apart, go one by one. */
  const elements = (): void => {
    rows.forEach((row, r) => {
      if (r === 0) return set(row, get(at));
      const previous = rows[r - 1]!;
      set(row, op("select", f.add(get(previous), get(rowStride)), get(previous), op("i32.gt_u", get(present), i32(r))));
    });
    set(k, get(depth));
    if (inVectors)
      f.block((rest) => {
        f.brIf(rest, op("i32.ne", get(kStride), i32(bytes)));
        f.loop((next) => {
          f.brIf(rest, op("i32.lt_u", get(k), i32(lanes)));
          const square = Array.from({ length: lanes }, () => f.local(V128));
          for (let group = 0; group < width; group += lanes) {
            square.forEach((v, r) => {
              set(v, f.load("v128.load", get(rows[group + r]!)));
              f.increase(rows[group + r]!, i32(16));
            });
            emitTransposition(f, storage, square).forEach((v, q) => f.store("v128.store", get(to), get(v), (q * width + group) * bytes));
          }
          f.increase(to, i32(lanes * width * bytes));
          f.increase(k, i32(-lanes));
          f.br(next);
        });
      });
    f.block((done) => {
      f.brIf(done, op("i32.eqz", get(k)));
      f.loop((next) => {
        rows.forEach((row, r) => {
          f.store(`${storage}.store`, get(to), f.load(`${storage}.load`, get(row)), r * bytes);
          f.increase(row, get(kStride));
        });
        f.increase(to, i32(width * bytes));
        f.brIf(next, f.tee(k, f.sub(get(k), i32(1))));
      });
    });
  };

  f.loop((next) => {
    set(at, f.add(get(from), f.mul(f.min(i, most), get(rowStride))));
    const adjacent = (): Pushed => op("i32.and", op("i32.ge_u", get(present), i32(width)), op("i32.eq", get(rowStride), i32(bytes)));
    if (inVectors) f.if(adjacent(), vectors, elements);
    else elements();
    f.brIf(next, op("i32.lt_u", f.tee(i, f.add(get(i), i32(width))), get(end)));
  });
  get(to);
  return f;
}

/** Copies a matrix, any strides. (to, row stride, column stride, from, row stride, column stride, rows, columns) -> () */
export function emitCopy(module: ModuleBuilder, storage: Float): FunctionBuilder {
  const f = module.function(new Array<typeof I32>(8).fill(I32), []);
  const { get, set, i32 } = f;
  const [to, toRow, toColumn, from, fromRow, fromColumn, rows, columns] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [source, target, j] = f.locals();
  f.loop((nextRow) => {
    set(source, get(from));
    set(target, get(to));
    set(j, get(columns));
    f.loop((next) => {
      f.store(`${storage}.store`, get(target), f.load(`${storage}.load`, get(source)));
      f.increase(target, get(toColumn));
      f.increase(source, get(fromColumn));
      f.brIf(next, f.tee(j, f.sub(get(j), i32(1))));
    });
    f.increase(from, get(fromRow));
    f.increase(to, get(toRow));
    f.brIf(nextRow, f.tee(rows, f.sub(get(rows), i32(1))));
  });
  return f;
}

/** Rows of a square that are mirrored at a time: what they touch stays in the cache. */
const MIRRORED = 16;

/** Copies what is above the diagonal of a square matrix to below it. (matrix, row stride, column stride, rows) -> () */
export function emitMirror(module: ModuleBuilder, storage: Float): FunctionBuilder {
  const f = module.function([I32, I32, I32, I32], []);
  const { get, set, op, i32 } = f;
  const [c, rowStride, columnStride, n] = [0, 1, 2, 3];
  const [top, i, j, until, from, to] = f.locals();
  const place = (row: Local, column: Local): Pushed =>
    f.add(get(c), f.add(f.mul(get(row), get(rowStride)), f.mul(get(column), get(columnStride))));
  // Bands of rows, from left to right; in a band, row i of column j becomes column i of row j.
  f.loop((nextBand) => {
    set(until, f.add(get(top), i32(MIRRORED)));
    set(until, f.min(until, n));
    set(j, f.add(get(top), i32(1)));
    f.block((done) =>
      f.loop((nextColumn) => {
        f.brIf(done, op("i32.ge_u", get(j), get(n)));
        set(i, get(top));
        set(from, place(i, j));
        set(to, place(j, i));
        f.loop((next) => {
          f.store(`${storage}.store`, get(to), f.load(`${storage}.load`, get(from)));
          f.increase(from, get(rowStride));
          f.increase(to, get(columnStride));
          f.increase(i, i32(1));
          f.brIf(next, op("i32.and", op("i32.lt_u", get(i), get(until)), op("i32.lt_u", get(i), get(j))));
        });
        f.increase(j, i32(1));
        f.br(nextColumn);
      }),
    );
    f.brIf(nextBand, op("i32.lt_u", f.tee(top, get(until)), get(n)));
  });
  return f;
}
