/** Tiles of a matrix product whose block of k waits for its neighbour in the tree: a binary counter, one level of tiles a digit. */
import { type FunctionBuilder, type Local } from "./encoder.ts";
import type { Float } from "./product.ts";

/**
 * Adds to a block's tile the waiting tiles that it completes; after the last block, all. Returns where it has to wait itself.
 * `waiting` is the tile's place on the lowest level; it and the other three are not changed.
 */
export function addWaitingTiles(
  f: FunctionBuilder,
  storage: Float,
  tile: readonly Local[],
  { block, last, waiting, levelBytes }: Record<"block" | "last" | "waiting" | "levelBytes", Local>,
): Local {
  const { get, set, op, i32 } = f;
  const [carry, at] = f.locals();
  set(carry, get(block));
  set(at, get(waiting));
  f.block((done) =>
    f.loop((next) => {
      f.brIf(done, op("i32.eqz", get(carry)));
      f.if(
        op("i32.and", get(carry), i32(1)),
        () =>
          tile.forEach((s, v) => set(s, op(storage === "f32" ? "f32x4.add" : "f64x2.add", f.load("v128.load", get(at), 16 * v), get(s)))),
        () => f.brIf(done, op("i32.eqz", get(last))),
      );
      set(carry, op("i32.shr_u", get(carry), i32(1)));
      f.increase(at, get(levelBytes));
      f.br(next);
    }),
  );
  return at;
}
