/**
 * Products with one column: dot products of rows of A with a vector, over at most one block of k. The four lanes of an accumulator are the
 * partial results of kernel/tree.ts; four rows go at a time, so that one transposition joins the lanes of all.
 */
import { storageBytes } from "../core/dtype.ts";
import { PARTIALS } from "../kernel/tree.ts";
import { type FunctionBuilder, type Local, type ModuleBuilder, type Pushed, V128 } from "./encoder.ts";
import { emitCopy } from "./pack.ts";
import { emitTransposition, shapeOf } from "./panel.ts";
import { type Float, lanesOf, Word } from "./product.ts";

/** Rows at a time. */
const ROWS = 4;

export function emitDots(module: ModuleBuilder, f: FunctionBuilder, storage: Float): void {
  const { get, set, op, i32 } = f;
  const bytes = storageBytes(storage);
  const lanes = lanesOf(storage);
  const shape = shapeOf(storage);
  /** Vectors that four k take. */
  const parts = Array.from({ length: PARTIALS / lanes }, (_, h) => h);
  const copy = emitCopy(module, storage);
  const [batches, m, , k] = f.words(0);
  const [a, ab, am] = f.words(0, Word.a);
  const [b, bb, , , bk] = f.words(0, Word.b);
  const [c, cb, cm] = f.words(0, Word.c);
  const [workspace] = f.words(0, Word.workspace);
  const [right, vector, i, at, most, rest, target] = f.locals();
  const rows = Array.from({ length: ROWS }, () => f.local());
  const sums = rows.map(() => parts.map(() => f.local(V128)));
  const factors = parts.map(() => f.local(V128));
  const live = parts.map(() => f.local(V128));
  const none = f.local(V128);
  const groupBytes = PARTIALS * bytes;
  const plus = (x: Pushed, y: Pushed): Pushed => op(`${shape}.add`, x, y);

  /** The products of four k, `ahead` groups from where the pointers are. */
  const group = (ahead: number, masked: boolean): void => {
    factors.forEach((v, h) => set(v, f.load("v128.load", get(vector), ahead * groupBytes + 16 * h)));
    rows.forEach((row, r) =>
      factors.forEach((v, h) => {
        const sum = sums[r]![h]!;
        const product = (): Pushed => op(`${shape}.mul`, f.load("v128.load", get(row), ahead * groupBytes + 16 * h), get(v));
        set(sum, plus(masked ? op("v128.bitselect", product(), get(none), get(live[h]!)) : product(), get(sum)));
      }),
    );
  };
  const repeat = (count: number): void =>
    f.block((fewer) => {
      f.brIf(fewer, op("i32.lt_u", get(rest), i32(count * PARTIALS)));
      f.loop((next) => {
        for (let u = 0; u < count; u++) group(u, false);
        for (const pointer of [vector, ...rows]) f.increase(pointer, i32(count * groupBytes));
        f.brIf(next, op("i32.ge_u", f.tee(rest, f.sub(get(rest), i32(count * PARTIALS))), i32(count * PARTIALS)));
      });
    });
  set(none, f.constant(storage, -0));
  live.forEach((mask, h) => {
    const numbers = lanes === 4 ? [0, 1, 2, 3] : [2 * h, 2 * h, 2 * h + 1, 2 * h + 1];
    set(mask, op("i32x4.lt_s", f.constant("i32", numbers), op("i32x4.splat", op("i32.and", get(k), i32(PARTIALS - 1)))));
  });
  set(most, f.sub(get(m), i32(ROWS)));
  set(most, op("select", get(most), i32(0), op("i32.gt_u", get(m), i32(ROWS))));
  f.loop((nextBatch) => {
    set(right, get(b));
    f.if(op("i32.ne", get(bk), i32(bytes)), () => {
      f.call(copy, get(workspace), i32(bytes), i32(0), get(b), get(bk), i32(0), get(k), i32(1));
      set(right, get(workspace));
    });
    set(i, i32(0));
    f.loop((next) => {
      set(at, f.min(i, most));
      set(vector, get(right));
      /** The address of row `r`, from that of the row before it; the same where there is no such row. */
      const following = (row: Local, stride: Local, r: number): Pushed =>
        op("select", f.add(get(row), get(stride)), get(row), op("i32.gt_u", get(m), i32(r)));
      rows.forEach((row, r) => set(row, r === 0 ? f.add(get(a), f.mul(get(at), get(am))) : following(rows[r - 1]!, am, r)));
      set(rest, get(k));
      for (const sum of sums.flat()) set(sum, get(none));
      repeat(2);
      repeat(1);
      f.if(get(rest), () => group(0, true));
      set(target, f.add(get(c), f.mul(get(at), get(cm))));
      for (let g = 0; g < ROWS; g += lanes) {
        const [p0, p1, p2, p3] = parts.flatMap((h) =>
          emitTransposition(
            f,
            storage,
            sums.slice(g, g + lanes).map((s) => s[h]!),
          ),
        ) as [number, number, number, number];
        const result = f.local(V128);
        set(result, plus(plus(get(p0), get(p1)), plus(get(p2), get(p3))));
        for (let r = 0; r < lanes; r++) {
          f.storeLane(storage === "f32" ? "v128.store32_lane" : "v128.store64_lane", r, get(target), get(result));
          if (g + r + 1 < ROWS) set(target, following(target, cm, g + r + 1));
        }
      }
      f.brIf(next, op("i32.lt_u", f.tee(i, f.add(get(i), i32(ROWS))), get(m)));
    });
    f.increase(a, get(ab));
    f.increase(b, get(bb));
    f.increase(c, get(cb));
    f.brIf(nextBatch, f.tee(batches, f.sub(get(batches), i32(1))));
  });
}
