/**
 * scatterAdd: a stable counting sort of the updates by their target row, then for each row the tree sum of its updates,
 * four elements of the contiguous inner axis at a time.
 */
import { type Storage, storageBytes } from "../core/dtype.ts";
import { BLOCK } from "../kernel/tree.ts";
import { type FunctionBuilder, type Local, type Pushed, V128 } from "./encoder.ts";
import { TreeFold } from "./tree.ts";
import { type Lanes, Vectors } from "./vectors.ts";

/** For each row the end of its updates in the sorted order, then the order. Sizes are [b, o, n, i, m]. */
export const scatterWorkspace = ([, , n, , m]: readonly number[]): number => 4 * (n! + 1) + 4 * m!;

/** Arguments: sizes [b, o, n, i, m], addresses of operand, indices, updates and output, workspace. */
export function emitScatterAdd(f: FunctionBuilder, storage: Storage): void {
  const { get, set, op, i32 } = f;
  const [b, o, n, inner, m, operand, indices, updates, out, ends] = f.words(0);
  for (const size of [b, o, n, inner]) f.if(op("i32.eqz", get(size)), () => f.return());
  const bytes = storageBytes(storage);
  const [order, rowBytes, scratch] = f.locals();
  const live = f.local(V128);
  set(order, f.add(get(ends), op("i32.shl", f.add(get(n), i32(1)), i32(2))));
  set(rowBytes, f.mul(get(inner), i32(bytes)));
  set(scratch, f.global(0));
  set(live, f.constant("i32", -1));

  const word = (list: Local, at: Local): Pushed => f.add(get(list), op("i32.shl", get(at), i32(2)));
  /** i = 0, 1, ... until (exclusive), which may be 0. */
  const each = (i: Local, until: Local, body: () => void): void => {
    set(i, i32(0));
    f.block((done) =>
      f.loop((next) => {
        f.brIf(done, op("i32.ge_u", get(i), get(until)));
        body();
        f.increase(i, i32(1));
        f.br(next);
      }),
    );
  };

  const [p, target, sum, place] = f.locals();
  /** ends[j] = where row j's updates end in order. */
  const sort = (): void => {
    f.memoryFill(get(ends), i32(0), op("i32.shl", f.add(get(n), i32(1)), i32(2)));
    const eachUpdate = (body: () => void): void =>
      each(p, m, () => {
        set(target, f.load("i32.load", word(indices, p)));
        f.if(op("i32.lt_u", get(target), get(n)), body);
      });
    eachUpdate(() => {
      set(place, word(ends, target));
      f.store("i32.store", get(place), f.add(f.load("i32.load", get(place), 4), i32(1)), 4);
    });
    set(sum, i32(0));
    each(target, n, () => {
      set(place, word(ends, target));
      set(sum, f.add(f.load("i32.load", get(place)), get(sum)));
      f.store("i32.store", get(place), get(sum));
    });
    // Each update moves the start of its row by one: starts become ends.
    eachUpdate(() => {
      set(place, word(ends, target));
      set(sum, f.load("i32.load", get(place)));
      f.store("i32.store", get(place), f.add(get(sum), i32(1)));
      f.store("i32.store", word(order, sum), get(p));
    });
  };

  const vectors = new Vectors(f);
  const tree = new TreeFold({ f, scratch, live }, vectors, "sum", storage, false);
  const [value, before] = [vectors.allocate(storage), vectors.allocate(storage)];
  const [first, last, count, k, end, at] = f.locals();
  const loadGroup = (to: Lanes, address: () => Pushed): void => to.forEach((l, h) => set(l, f.load("v128.load", address(), 16 * h)));

  /** The elements `at`.. of the present row. */
  const sumGroup = (): void => {
    set(k, i32(0));
    tree.begin();
    f.block((done) => {
      f.loop((next) => {
        set(end, f.add(get(k), i32(BLOCK)));
        set(end, f.min(end, count));
        tree.beginBlock();
        f.loop((nextUpdate) => {
          const update = (): Pushed => f.load("i32.load", f.add(get(order), op("i32.shl", f.add(get(first), get(k)), i32(2))));
          set(place, f.add(f.mul(update(), get(rowBytes)), f.add(get(updates), get(at))));
          loadGroup(value, () => get(place));
          tree.stepColumns(value);
          f.brIf(nextUpdate, op("i32.lt_u", f.tee(k, f.add(get(k), i32(1))), get(end)));
        });
        tree.joinColumns(k);
        tree.endBlock(done, count);
        f.brIf(next, op("i32.lt_u", get(k), get(count)));
      });
      tree.joinBlocks();
    });
    loadGroup(before, () => f.add(get(operand), get(at)));
    vectors.combine("add", storage, before, before, tree.result);
    storeGroup();
  };

  const present = f.local();
  /** Stores those of the four elements that are in the row. */
  const storeGroup = (): void => {
    set(place, f.add(get(out), get(at)));
    set(present, f.sub(get(rowBytes), get(at)));
    f.if(
      op("i32.ge_u", get(present), i32(4 * bytes)),
      () => before.forEach((l, h) => f.store("v128.store", get(place), get(l), 16 * h)),
      () => {
        for (let l = 0; l < 3; l++)
          f.if(op("i32.gt_u", get(present), i32(l * bytes)), () => {
            if (bytes === 8) f.storeLane("v128.store64_lane", l & 1, get(place), get(before[l >> 1]!), 8 * l);
            else f.storeLane("v128.store32_lane", l, get(place), get(before[0]!), 4 * l);
          });
      },
    );
  };

  const [ib, io, j] = f.locals();
  each(ib, b, () => {
    sort();
    each(io, o, () => {
      set(last, i32(0));
      each(j, n, () => {
        set(first, get(last));
        set(last, f.load("i32.load", word(ends, j)));
        set(count, f.sub(get(last), get(first)));
        f.if(
          get(count),
          () => {
            set(at, i32(0));
            f.loop((next) => {
              sumGroup();
              f.brIf(next, op("i32.lt_u", f.tee(at, f.add(get(at), i32(4 * bytes))), get(rowBytes)));
            });
          },
          () => f.memoryCopy(get(out), get(operand), get(rowBytes)),
        );
        f.increase(operand, get(rowBytes));
        f.increase(out, get(rowBytes));
      });
      f.increase(updates, f.mul(get(m), get(rowBytes)));
    });
    f.increase(indices, op("i32.shl", get(m), i32(2)));
  });
}
