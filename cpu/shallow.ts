/** Matrix products with at most four k: each partial result of kernel/tree.ts is one product, and writing C is most of the work. */
import { storageBytes } from "../core/dtype.ts";
import { type FunctionBuilder, I32, type ModuleBuilder, type Pushed, V128 } from "./encoder.ts";
import { emitCopy } from "./pack.ts";
import { shapeOf, splatOf } from "./panel.ts";
import { type Float, lanesOf, Word } from "./product.ts";

/** All rows of a panel of so many vectors. (a, row stride, k stride, b, k stride, c, row stride, rows) -> () */
function emitShallowPanel(module: ModuleBuilder, storage: Float, depth: number, vectors: number): FunctionBuilder {
  const f = module.function(new Array<typeof I32>(8).fill(I32), []);
  const { get, set, op } = f;
  const [a, am, ak, b, bk, c, cm, m] = [0, 1, 2, 3, 4, 5, 6, 7];
  const shape = shapeOf(storage);
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
    const half = Math.min(2, count - 1);
    return op(`${shape}.add`, sum(j, from, half), sum(j, from + half, count - half));
  };
  f.loop((next) => {
    set(at, get(a));
    for (const l of left) {
      set(l, f.load(splatOf(storage), get(at)));
      f.increase(at, get(ak));
    }
    for (let j = 0; j < vectors; j++) f.store("v128.store", get(c), sum(j, 0, depth), 16 * j);
    f.increase(a, get(am));
    f.increase(c, get(cm));
    f.brIf(next, f.tee(m, f.sub(get(m), f.i32(1))));
  });
  return f;
}

/** At least one vector of columns, next to each other in C. Rows of B that are not contiguous are copied. The last panel overlaps the one before. */
export function emitShallow(module: ModuleBuilder, f: FunctionBuilder, storage: Float, depth: number): void {
  const { get, set, op, i32 } = f;
  const bytes = storageBytes(storage);
  const [wide, narrow] = [2, 1].map((vectors) => ({
    columns: vectors * lanesOf(storage),
    panel: emitShallowPanel(module, storage, depth, vectors),
  })) as [{ columns: number; panel: FunctionBuilder }, { columns: number; panel: FunctionBuilder }];
  const copy = emitCopy(module, storage);
  const [batches, m, n] = f.words(0);
  const [a, ab, am, , ak] = f.words(0, Word.a);
  const [b, bb, , bn, bk] = f.words(0, Word.b);
  const [c, cb, cm] = f.words(0, Word.c);
  const [workspace] = f.words(0, Word.workspace);
  const [right, rightStride, j, offset] = f.locals();
  const run = ({ columns, panel }: typeof wide): void => {
    set(offset, f.sub(get(n), i32(columns)));
    set(offset, f.mul(f.min(j, offset), i32(bytes)));
    const shifted = (p: number): Pushed => f.add(get(p), get(offset));
    f.call(panel, get(a), get(am), get(ak), shifted(right), get(rightStride), shifted(c), get(cm), get(m));
    f.increase(j, i32(columns));
  };
  f.loop((nextBatch) => {
    set(right, get(b));
    set(rightStride, get(bk));
    f.if(op("i32.ne", get(bn), i32(bytes)), () => {
      set(right, get(workspace));
      set(rightStride, f.mul(get(n), i32(bytes)));
      f.call(copy, get(right), get(rightStride), i32(bytes), get(b), get(bk), get(bn), i32(depth), get(n));
    });
    set(j, i32(0));
    f.loop((next) => {
      const oneLeft = op("i32.le_u", f.sub(get(n), get(j)), i32(narrow.columns));
      f.if(
        op("i32.or", oneLeft, op("i32.lt_u", get(n), i32(wide.columns))),
        () => run(narrow),
        () => run(wide),
      );
      f.brIf(next, op("i32.lt_u", get(j), get(n)));
    });
    f.increase(a, get(ab));
    f.increase(b, get(bb));
    f.increase(c, get(cb));
    f.brIf(nextBatch, f.tee(batches, f.sub(get(batches), i32(1))));
  });
}
