/**
 * Matrix products. Most are tiled (panel.ts): operands are packed, whatever their strides, unless they are small and lie well as they are.
 * Products with few k, with one column, tiny ones and integers have code of their own. All sum over k by the fixed tree of kernel/tree.ts.
 *
 * Blocks of 256 k are joined pairwise, tile by tile, with waiting tiles kept in the workspace. The last tile of a column of them overlaps the one
 * before it, and so does the last panel: they compute the same bits again.
 */
import { type Storage, storageBytes } from "../core/dtype.ts";
import * as e from "../kernel/expr.ts";
import { BLOCK } from "../kernel/tree.ts";
import { emitDots } from "./dots.ts";
import { type FunctionBuilder, type Local, type ModuleBuilder, type Pushed } from "./encoder.ts";
import { emitReduction } from "./fold.ts";
import { emitCopy, emitMirror, emitPack } from "./pack.ts";
import { emitPanel } from "./panel.ts";
import { lanesOf, PACKED_ROWS, type ProductCode, STRIPE_COLUMNS, type TiledCode, Word } from "./product.ts";
import { emitShallow } from "./shallow.ts";

/** Code for one product, from its argument block. */
export function emitProduct(module: ModuleBuilder, f: FunctionBuilder, code: ProductCode): void {
  switch (code.method) {
    case "rows":
      return emitDirect(f, code.storage, false, ["unit", "unit"]);
    case "columns":
      return emitDirect(f, code.storage, true, ["same", "either"]);
    case "shallow":
      return emitShallow(module, f, code.storage, code.depth);
    case "dots":
      return emitDots(module, f, code.storage);
    case "tiled":
      return emitTiled(module, f, code);
  }
}

/** A product as a reduction like any other. */
function emitDirect(f: FunctionBuilder, storage: Storage, columns: boolean, along: readonly ["same" | "unit", "either" | "unit"]): void {
  emitReduction(f, {
    rank: 4,
    columns,
    reads: along.map((a) => ({ storage, along: a, fixed: false })),
    write: { storage, inner: "strided" },
    value: e.mul(e.read(0, storage), e.read(1, storage)),
    fold: "sum",
  });
}

function emitTiled(module: ModuleBuilder, f: FunctionBuilder, code: TiledCode): void {
  const { storage, rows, store, symmetric } = code;
  const { get, set, op, i32 } = f;
  const bytes = storageBytes(storage);
  const lanes = lanesOf(storage);
  const [batches, m, n, k] = f.words(0);
  const [a, ab, am, , ak] = f.words(0, Word.a);
  const [b, bb, , bn, bk] = f.words(0, Word.b);
  const [c, cb, cm, cn] = f.words(0, Word.c);
  const [packedA, bytesA, bytesB, bytesTiles, levelBytes, stripeRows] = f.words(0, Word.workspace);
  const [packedB, tiles, waitingTiles, most, width] = f.locals();
  set(packedB, f.add(get(packedA), get(bytesA)));
  set(tiles, f.add(get(packedB), get(bytesB)));
  set(waitingTiles, f.add(get(tiles), get(bytesTiles)));
  const lessBy = (size: Local, count: number): Pushed =>
    op("select", f.sub(get(size), i32(count)), i32(0), op("i32.gt_u", get(size), i32(count)));
  set(most, lessBy(m, rows));

  /** for (i = from; i < until; i += step), at least once. */
  const each = (from: Pushed, until: () => Pushed, step: () => Pushed, body: (i: Local) => void): void => {
    const i = f.local();
    set(i, from);
    f.loop((next) => {
      body(i);
      f.brIf(next, op("i32.lt_u", f.tee(i, f.add(get(i), step())), until()));
    });
  };
  const bounded = (to: Local, start: Local, count: Pushed, end: Local): void => {
    set(to, f.add(count, get(start)));
    set(to, f.min(to, end));
  };
  const place = (base: Local, i: Local, iStride: Local): Pushed => f.add(get(base), f.mul(get(i), get(iStride)));

  const packRows = code.a !== undefined ? undefined : emitPack(module, storage, rows);
  const kinds = ([2, 1] as const)
    .filter((vectors) => (vectors === 2 ? code.wide : code.narrow))
    .map((vectors) => ({
      columns: vectors * lanes,
      run: emitPanel(module, code, vectors),
      pack: code.b ? undefined : emitPack(module, storage, vectors * lanes),
    }));
  type PanelKind = (typeof kinds)[number];
  const [jc, columnsEnd, k0, depth, last, aBlock, bBlock, at, waiting] = f.locals();
  /** Goes through the panels of a stripe, from left to right. `at` is a panel's first column. */
  const panels = (body: (kind: PanelKind) => void): void =>
    each(
      get(jc),
      () => get(columnsEnd),
      () => get(width),
      (j) => {
        const panel = (kind: PanelKind): void => {
          set(width, i32(kind.columns));
          set(at, lessBy(n, kind.columns));
          set(at, f.min(j, at));
          body(kind);
        };
        const [first, second] = kinds;
        if (!second) return panel(first!);
        f.if(
          op("i32.gt_u", f.sub(get(n), get(j)), i32(lanes)),
          () => panel(first!),
          () => panel(second),
        );
      },
    );

  const copy = store === "copy" ? emitCopy(module, storage) : undefined;
  const [ic, rowsEnd, i0, chunkEnd, end, panelB, target] = f.locals();
  const runPanel = ({ columns, run, pack }: PanelKind): void => {
    const panel = (): void => {
      // The first tile may begin up to three rows before the chunk.
      if (copy) set(target, f.sub(f.add(get(tiles), i32(rows * columns * bytes)), f.mul(get(i0), i32(columns * bytes))));
      else set(target, place(c, at, cn));
      const next = run(f, {
        a: () => get(packRows ? packedA : aBlock),
        aStride: () => get(ak),
        b: () => (pack ? get(panelB) : f.add(get(bBlock), f.mul(get(at), i32(bytes)))),
        bStride: () => get(bk),
        depth: () => get(depth),
        c: () => get(target),
        rowStride: () => (copy ? i32(columns * bytes) : get(cm)),
        columnStride: () => get(cn),
        first: () => get(i0),
        end: () => get(end),
        most: () => get(most),
        block: () => op("i32.shr_u", get(k0), i32(Math.log2(BLOCK))),
        last: () => get(last),
        waiting: () => get(waiting),
        levelBytes: () => get(levelBytes),
      });
      set(waiting, next);
      if (copy)
        f.if(get(last), () => {
          const present = f.local();
          set(present, f.sub(get(n), get(at)));
          f.call(
            copy,
            f.add(place(c, at, cn), f.mul(get(i0), get(cm))),
            get(cm),
            get(cn),
            f.add(get(tiles), i32(rows * columns * bytes)),
            i32(columns * bytes),
            i32(bytes),
            f.sub(get(end), get(i0)),
            f.min(present, width),
          );
        });
    };
    set(end, get(chunkEnd));
    if (symmetric) {
      // Rows below the panel's last column are mirrored later.
      const diagonal = f.local();
      set(diagonal, f.add(get(at), i32(columns)));
      set(end, f.min(end, diagonal));
      f.if(op("i32.gt_u", get(end), get(i0)), panel);
    } else panel();
    if (pack) f.increase(panelB, f.mul(get(depth), i32(columns * bytes)));
  };

  const stripe = (): void =>
    each(
      i32(0),
      () => get(k),
      () => i32(BLOCK),
      (block) => {
        set(k0, get(block));
        set(depth, f.sub(get(k), get(k0)));
        set(last, op("i32.le_u", get(depth), i32(BLOCK)));
        set(depth, op("select", get(depth), i32(BLOCK), get(last)));
        set(aBlock, place(a, k0, ak));
        set(bBlock, place(b, k0, bk));
        set(waiting, get(waitingTiles));
        if (!code.b) {
          set(panelB, get(packedB));
          panels(({ pack }) => {
            const bounds = [get(panelB), get(bBlock), get(bn), get(bk), get(depth), get(at), f.add(get(at), i32(1)), get(at), get(n)];
            set(panelB, f.call(pack!, ...bounds));
          });
        }
        each(
          get(ic),
          () => get(rowsEnd),
          () => i32(PACKED_ROWS),
          (i) => {
            set(i0, get(i));
            bounded(chunkEnd, i0, i32(PACKED_ROWS), rowsEnd);
            if (packRows) {
              const bounds = [get(packedA), get(aBlock), get(am), get(ak), get(depth), get(i0), get(chunkEnd), get(most), get(m)];
              f.drop(f.call(packRows, ...bounds));
            }
            set(panelB, get(packedB));
            panels(runPanel);
          },
        );
      },
    );

  const mirror = symmetric ? emitMirror(module, storage) : undefined;
  f.loop((nextBatch) => {
    each(
      i32(0),
      () => get(n),
      () => i32(STRIPE_COLUMNS),
      (j) => {
        set(jc, get(j));
        bounded(columnsEnd, jc, i32(STRIPE_COLUMNS), n);
        each(
          i32(0),
          () => get(m),
          () => get(stripeRows),
          (i) => {
            set(ic, get(i));
            bounded(rowsEnd, ic, get(stripeRows), m);
            stripe();
          },
        );
      },
    );
    if (mirror) f.call(mirror, get(c), get(cm), get(cn), get(m));
    f.increase(a, get(ab));
    f.increase(b, get(bb));
    f.increase(c, get(cb));
    f.brIf(nextBatch, f.tee(batches, f.sub(get(batches), i32(1))));
  });
}
