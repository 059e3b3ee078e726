/**
 * Column reductions a cache line at a time: several adjacent groups of columns go down the rows together. Rows that are far apart, by
 * a power of two most of all, do not stay in the cache until the next group comes for its part of their lines.
 *
 * A block's rows are taken in the order k mod 4 = 0, then 1, 2, 3, so that each group needs one partial result at a time, and every line is
 * still read once.
 */
import { BLOCK, PARTIALS } from "../kernel/tree.ts";
import type { FunctionBuilder, Local, Pushed } from "./encoder.ts";
import type { Nest } from "./nest.ts";
import { Partial } from "./partial.ts";
import { BlockStack, combinationOf, identityOf, type Kind, type TreeReduction } from "./tree.ts";
import type { Lanes, Vectors } from "./vectors.ts";

const LINE_BYTES = 64;

/** Where reads stand on the way down the rows, and the bytes to the next row. */
export interface Moving {
  readonly pointer: Local;
  readonly stride: Local;
}

/**
 * Reduces as many whole cache lines of columns as there are and leaves the rest to others. Needs `startLanes` before, at least one row,
 * reads that move by one or not at all along the lanes, and a body that `element` computes at once.
 */
export function emitLinesOfColumns(
  { f, nest, vectors }: { f: FunctionBuilder; nest: Nest; vectors: Vectors },
  fold: TreeReduction,
  kind: Kind,
  moving: readonly Moving[],
  element: () => Lanes,
): void {
  const { get, set, op, i32 } = f;
  const size = nest.sizes[nest.laneAxis]!;
  const column = nest.positions[nest.laneAxis]!;
  const [n, k] = [nest.sizes[nest.laneAxis + 1]!, nest.positions[nest.laneAxis + 1]!];
  const groups = LINE_BYTES / (kind === "f64" ? 32 : 16);
  const line = (): Lanes => Array.from({ length: groups }, () => vectors.allocate(kind)).flat();
  const combination = combinationOf(fold);
  const partials = Array.from({ length: groups }, () => new Partial(vectors, combination, kind));
  const [partial, even, half, result] = [partials.flatMap((p) => p.lanes), line(), line(), line()];
  const combine = (out: Lanes, a: Lanes, b: Lanes): void => vectors.combine(combination, kind, out, a, b);
  const stack = new BlockStack(nest, combine, line());
  const identity = vectors.allocate(kind);
  const [start, end, first] = f.locals();
  const saved = moving.map(() => f.local());
  const strides = moving.map(() => f.local());

  /** The partial results of rows first, first + 4, ... before `end`. */
  const descend = (): void => {
    for (const p of partials) p.begin(identity);
    set(k, f.add(get(start), get(first)));
    moving.forEach(({ pointer, stride }, i) => set(pointer, f.add(get(saved[i]!), f.mul(get(stride), get(k)))));
    f.if(op("i32.lt_u", get(k), get(end)), () =>
      f.loop((next) => {
        partials.forEach((p, g) => nest.ahead(4 * g, () => p.add(element())));
        moving.forEach(({ pointer }, i) => f.increase(pointer, get(strides[i]!)));
        f.brIf(next, op("i32.lt_u", f.tee(k, f.add(get(k), i32(PARTIALS))), get(end)));
      }),
    );
    for (const p of partials) p.settle();
  };
  /** (p0 + p1) + (p2 + p3), each as soon as it is known. */
  const block = (): void => {
    set(first, i32(0));
    f.loop((next) => {
      descend();
      f.if(
        op("i32.and", get(first), i32(1)),
        () => {
          combine(partial, even, partial);
          f.if(
            op("i32.eq", get(first), i32(1)),
            () => vectors.move(half, partial),
            () => combine(result, half, partial),
          );
        },
        () => vectors.move(even, partial),
      );
      f.brIf(next, op("i32.lt_u", f.tee(first, f.add(get(first), i32(1))), i32(PARTIALS)));
    });
  };
  const allBlocks = (): void =>
    f.block((done) => {
      set(start, i32(0));
      stack.begin();
      f.loop((next) => {
        set(end, f.add(get(start), i32(BLOCK)));
        set(end, f.min(end, n));
        block();
        f.brIf(done, op("i32.le_u", get(n), i32(BLOCK)));
        stack.push(result);
        f.brIf(next, op("i32.lt_u", f.tee(start, get(end)), get(n)));
      });
      stack.join(result);
    });

  vectors.fill(kind, identity, identityOf(fold, kind));
  moving.forEach(({ stride }, i) => set(strides[i]!, op("i32.shl", get(stride), i32(2))));
  const left = (): Pushed => f.sub(get(size), get(column));
  f.block((rest) =>
    f.loop((next) => {
      f.brIf(rest, op("i32.lt_u", left(), i32(4 * groups)));
      moving.forEach(({ pointer }, i) => set(saved[i]!, get(pointer)));
      allBlocks();
      moving.forEach(({ pointer }, i) => set(pointer, get(saved[i]!)));
      const width = result.length / groups;
      for (let g = 0; g < groups; g++) {
        nest.write(nest.writes[0]!, result.slice(g * width, (g + 1) * width));
        nest.advance();
      }
      f.br(next);
    }),
  );
}
