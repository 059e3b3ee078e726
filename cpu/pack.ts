/**
 * Packing for matrix products: a panel of a few rows, any strides, becomes contiguous, one k after the other, in the order
 * k mod 4 = 0, then 1, 2, 3.
 */
import { storageBytes } from "../core/dtype.ts";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Pushed, V128 } from "./encoder.ts";

/**
 * (to, from, row stride, k stride, depth, rows present) -> ()
 * Missing rows repeat the last one there is: their products are computed and never used.
 */
export function emitPack(module: ModuleBuilder, storage: "f32" | "f64", rows: number): FunctionBuilder {
  const f = module.function([I32, I32, I32, I32, I32, I32], []);
  const { get, set, op, i32 } = f;
  const [to, from, rowStride, kStride, depth, present] = [0, 1, 2, 3, 4, 5];
  const bytes = storageBytes(storage);
  const [first, k, source, stride4] = f.locals();
  set(stride4, op("i32.shl", get(kStride), i32(2)));
  const all = (): Pushed => op("i32.eq", get(present), i32(rows));

  /** Copies what `copy` takes from `source`, for all k in order of their classes, each moving `to` by one packed k. */
  const byClass = (copy: () => void): void => {
    set(first, i32(0));
    f.loop((nextClass) => {
      set(k, get(first));
      set(source, f.add(get(from), f.mul(get(first), get(kStride))));
      f.block((done) =>
        f.loop((next) => {
          f.brIf(done, op("i32.ge_u", get(k), get(depth)));
          copy();
          f.increase(to, i32(rows * bytes));
          f.increase(source, get(stride4));
          f.increase(k, i32(4));
          f.br(next);
        }),
      );
      f.brIf(nextClass, op("i32.lt_u", f.tee(first, f.add(get(first), i32(1))), i32(4)));
    });
  };

  // Rows next to each other: whole vectors.
  f.if(op("i32.and", all(), op("i32.eq", get(rowStride), i32(bytes))), () => {
    byClass(() => {
      for (let at = 0; at < rows * bytes; at += 16) f.store("v128.store", get(to), f.load("v128.load", get(source), at), at);
    });
    f.return();
  });

  const pointers = Array.from({ length: rows }, () => f.local());
  const scalar = (): void => {
    const element = f.local();
    byClass(() => {
      set(element, get(source));
      for (let i = 0; i < rows; i++) {
        f.store(`${storage}.store`, get(to), f.load(`${storage}.load`, get(element)), i * bytes);
        if (i < rows - 1)
          set(element, op("select", f.add(get(element), get(rowStride)), get(element), op("i32.gt_u", get(present), i32(i + 1))));
      }
    });
  };
  // k's next to each other: four of them from four rows are a transposition, one row of it for each class.
  if (storage === "f32")
    f.if(
      op("i32.and", all(), op("i32.and", op("i32.eq", get(kStride), i32(bytes)), op("i32.eqz", op("i32.and", get(depth), i32(3))))),
      () => {
        transposed(f, rows, pointers, { to, from, rowStride, depth });
        f.return();
      },
    );
  scalar();
  return f;
}

function transposed(
  f: FunctionBuilder,
  rows: number,
  pointers: readonly Local[],
  { to, from, rowStride, depth }: Record<"to" | "from" | "rowStride" | "depth", Local>,
): void {
  const { get, set, i32 } = f;
  const [classBytes, k] = f.locals();
  const classes = [f.local(), f.local(), f.local(), f.local()];
  const [a, b, c, d] = f.locals(V128);
  const vectors = [a, b, c, d];
  const pairs = [f.local(V128), f.local(V128), f.local(V128), f.local(V128)] as const;
  set(classBytes, f.mul(get(depth), i32(rows)));
  classes.forEach((p, r) => set(p, f.add(get(to), f.mul(get(classBytes), i32(r)))));
  pointers.forEach((p, i) => set(p, f.add(get(from), f.mul(get(rowStride), i32(i)))));
  set(k, get(depth));
  f.loop((next) => {
    for (let group = 0; group < rows; group += 4) {
      vectors.forEach((v, i) => set(v, f.load("v128.load", get(pointers[group + i]!))));
      set(pairs[0], f.shuffle(get(a), get(b), [0, 4, 1, 5]));
      set(pairs[1], f.shuffle(get(a), get(b), [2, 6, 3, 7]));
      set(pairs[2], f.shuffle(get(c), get(d), [0, 4, 1, 5]));
      set(pairs[3], f.shuffle(get(c), get(d), [2, 6, 3, 7]));
      classes.forEach((p, r) => {
        const high = r >> 1;
        f.store(
          "v128.store",
          get(p),
          f.shuffle(get(pairs[high]!), get(pairs[2 + high]!), r % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7]),
          group * 4,
        );
      });
    }
    for (const p of pointers) f.increase(p, i32(16));
    for (const p of classes) f.increase(p, i32(rows * 4));
    f.brIf(next, f.tee(k, f.sub(get(k), i32(4))));
  });
}
