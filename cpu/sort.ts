/** Stable argsort: positions merged bottom-up between the output and the workspace. */
import { type Storage, storageBytes } from "../core/dtype.ts";
import { F32, F64, type FunctionBuilder, I32, type Local, type Pushed } from "./encoder.ts";
import type { Op } from "./opcodes.ts";

/** Room for one row of positions. Arguments: sizes [rows, n], addresses of keys and positions, workspace. */
export const argsortWorkspace = ([, n]: readonly number[]): number => 4 * n!;

export function emitArgsort(f: FunctionBuilder, storage: Storage): void {
  const { get, set, op, i32 } = f;
  const [rows, n, keys, positions, workspace] = f.words(0);
  const [from, to, width, start, i, iEnd, j, jEnd, o, takeRight, swap] = f.locals();
  const value = storage === "f32" ? F32 : storage === "f64" ? F64 : I32;
  const [left, right] = f.locals(value);
  const rowBytes = f.local();
  set(rowBytes, op("i32.shl", get(n), i32(2)));

  const type = storage === "u32" ? "i32" : storage;
  const compare = (name: string, a: Local, b: Local): Pushed => op(`${type}.${name}` as Op, get(a), get(b));
  const less = storage === "i32" ? "lt_s" : storage === "u32" ? "lt_u" : "lt";
  const key = (list: Local, at: Local): Pushed => {
    const position = f.load("i32.load", f.add(get(list), op("i32.shl", get(at), i32(2))));
    const address = f.add(op("i32.shl", position, i32(Math.log2(storageBytes(storage)))), get(keys));
    return f.load(`${type}.load`, address);
  };
  /** Whether the right one comes before the left one: it is less, or a number beside a NaN. */
  const rightFirst = (): Pushed =>
    op("i32.or", compare(less, right, left), op("i32.and", compare("ne", left, left), compare("eq", right, right)));
  const clip = (l: Local): void => set(l, f.min(l, n));

  const mergeRuns = (): void => {
    set(i, get(start));
    set(iEnd, f.add(get(start), get(width)));
    clip(iEnd);
    set(j, get(iEnd));
    set(jEnd, f.add(get(iEnd), get(width)));
    clip(jEnd);
    set(o, get(start));
    f.loop((next) => {
      f.if(
        op("i32.eq", get(i), get(iEnd)),
        () => set(takeRight, i32(1)),
        () =>
          f.if(
            op("i32.eq", get(j), get(jEnd)),
            () => set(takeRight, i32(0)),
            () => {
              set(left, key(from, i));
              set(right, key(from, j));
              set(takeRight, rightFirst());
            },
          ),
      );
      // i or j, without a branch that nothing predicts.
      const taken = (): Pushed => op("i32.xor", get(i), op("i32.and", op("i32.xor", get(i), get(j)), f.sub(i32(0), get(takeRight))));
      const element = (list: Local, at: Pushed): Pushed => f.add(op("i32.shl", at, i32(2)), get(list));
      f.store("i32.store", element(to, get(o)), f.load("i32.load", element(from, taken())));
      f.increase(j, get(takeRight));
      f.increase(i, op("i32.eqz", get(takeRight)));
      f.brIf(next, op("i32.lt_u", f.tee(o, f.add(get(o), i32(1))), get(jEnd)));
    });
  };

  f.if(op("i32.eqz", get(n)), () => f.return());
  f.if(op("i32.eqz", get(rows)), () => f.return());
  f.loop((nextRow) => {
    set(from, get(positions));
    set(to, get(workspace));
    set(i, i32(0));
    f.loop((next) => {
      f.store("i32.store", f.add(get(from), op("i32.shl", get(i), i32(2))), get(i));
      f.brIf(next, op("i32.lt_u", f.tee(i, f.add(get(i), i32(1))), get(n)));
    });
    set(width, i32(1));
    f.block((sorted) =>
      f.loop((wider) => {
        f.brIf(sorted, op("i32.ge_u", get(width), get(n)));
        set(start, i32(0));
        f.loop((next) => {
          mergeRuns();
          f.brIf(next, op("i32.lt_u", f.tee(start, get(jEnd)), get(n)));
        });
        set(swap, get(from));
        set(from, get(to));
        set(to, get(swap));
        set(width, op("i32.shl", get(width), i32(1)));
        f.br(wider);
      }),
    );
    f.if(op("i32.ne", get(from), get(positions)), () => f.memoryCopy(get(positions), get(from), get(rowBytes)));
    f.increase(positions, get(rowBytes));
    f.increase(keys, f.mul(get(n), i32(storageBytes(storage))));
    f.brIf(nextRow, f.tee(rows, f.sub(get(rows), i32(1))));
  });
}
