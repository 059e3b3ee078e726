/**
 * Rows kernels (kernel/rows.ts): a function that takes tile after tile of rows through other kernels, and adds up what these sum over a tile. It
 * knows the kernels by their places in the function table, and works on their argument blocks: in each, some addresses move on from tile to
 * tile. Sums of tiles wait for their neighbours in the tree as a binary counter, one level a digit.
 */
import { storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep } from "../kernel/backend.ts";
import { resultOf, rowsOf } from "../kernel/rows.ts";
import { BLOCK } from "../kernel/tree.ts";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Pushed } from "./encoder.ts";

/** Words of the lists behind the arguments. */
const STAGE = { place: 0, arguments: 4, bytes: 8 } as const;
const MOVE = { word: 0, from: 4, by: 8, bytes: 12 } as const;
/** Of a sum: a tile's, those that wait, the bytes of a level of these, the shape of vectors, where the result goes and its bytes. */
const SUM_WORDS = 6;
const SHAPES = ["f32x4", "f64x2", "i32x4"] as const;

/** How many words the arguments are. */
export const ROWS_ARGUMENTS = 9;

/** What turning a step into arguments takes of the backend. */
export interface RowsParts {
  /** The kernel's place in the function table. */
  readonly place: (step: BoundStep) => number;
  /** The argument blocks of a step: one for each time its kernel is called. */
  readonly blocks: (step: BoundStep, workspace: number) => readonly (readonly number[])[];
  readonly workspaceOf: (step: BoundStep) => number;
  /** Room that lives as long as the plan. */
  readonly claim: (bytes: number) => number;
  readonly write: (address: number, words: Uint32Array) => void;
}

/** What a rows step calls: the steps of its whole tiles, and of the last, incomplete one. */
export function tileSteps({ sizes, rows }: BoundStep): readonly BoundStep[] {
  const [count] = sizes as [number];
  const [whole, rest] = [Math.floor(count / BLOCK), count % BLOCK];
  return rows!.stages.flatMap((s) => [...(whole > 0 ? [rowsOf(s, 0, BLOCK)] : []), ...(rest > 0 ? [rowsOf(s, whole * BLOCK, rest)] : [])]);
}

/** Numbers of rows that products have code of their own for, beside that of whole tiles. */
const FEW = [1, 2, 3, 4, 64];

/** Steps with all the code that any number of rows takes: it is compiled at once, so that a new number compiles nothing. */
export const stepsOfAnyCount = (step: BoundStep): readonly BoundStep[] => [
  ...tileSteps(step),
  ...step.rows!.stages.filter((s) => s.step.kernel.kind === "matmul").flatMap((s) => FEW.map((count) => rowsOf(s, 0, count))),
];

/** The arguments: how many whole tiles; address and length of the lists of moves, of stages, of those of the last, incomplete tile, and of sums. */
export function rowsArguments(step: BoundStep, parts: RowsParts): number[] {
  const { sizes, rows } = step;
  const [count] = sizes as [number];
  const { stages, bytes } = rows!;
  const [whole, rest] = [Math.floor(count / BLOCK), count % BLOCK];
  const room = parts.claim(bytes);
  const levels = 32 - Math.clz32(whole + 1);
  const sums: number[] = [];
  const current = new Map<BoundOperand, BoundOperand>();
  for (const { step, reduces } of stages)
    for (const write of reduces ? step.writes : []) {
      const { storage, length } = resultOf(step);
      const outBytes = length * storageBytes(storage);
      const levelBytes = Math.max(16, Math.ceil(outBytes / 16) * 16);
      const buffer = parts.claim(levelBytes * (levels + 1));
      current.set(write, { ...write, buffer, offset: 0 });
      const out = write.buffer + write.offset * storageBytes(storage);
      sums.push(buffer, buffer + levelBytes, levelBytes, storage === "f32" ? 0 : storage === "f64" ? 1 : 2, out, outBytes);
    }
  const located = (o: BoundOperand): BoundOperand => current.get(o) ?? (o.local ? { ...o, buffer: room } : o);
  const placed = stages.map((s) => ({ ...s, step: { ...s.step, reads: s.step.reads.map(located), writes: s.step.writes.map(located) } }));
  const workspace = parts.claim(tileSteps(step).reduce((most, s) => Math.max(most, parts.workspaceOf(s)), 0));
  /** The calls for a tile: places, and argument blocks. */
  const tile = (index: number, rowCount: number): { place: number; words: readonly number[] }[] =>
    placed.flatMap((stage) => {
      const part = rowsOf(stage, index * BLOCK, rowCount);
      return parts.blocks(part, workspace).map((words) => ({ place: parts.place(part), words }));
    });
  const first = whole > 0 ? tile(0, BLOCK) : [];
  const second = whole > 1 ? tile(1, BLOCK) : first;
  const last = rest > 0 ? tile(whole, rest) : [];

  const words: number[] = [];
  /** Words that hold places among the words. */
  const links: number[] = [];
  const list = (calls: typeof first): { at: number; blocks: number[] } => {
    const at = words.length;
    words.push(...calls.flatMap(({ place }) => [place, 0]));
    const blocks = calls.map((call, i) => {
      const start = words.push(...call.words) - call.words.length;
      words[at + 2 * i + 1] = 4 * start;
      links.push(at + 2 * i + 1);
      return start;
    });
    return { at, blocks };
  };
  const stageList = list(first);
  const lastList = list(last);
  const moves = words.length;
  first.forEach((call, i) =>
    call.words.forEach((from, w) => {
      const by = second[i]!.words[w]! - from;
      if (by === 0) return;
      links.push(words.push(4 * (stageList.blocks[i]! + w), from, by) - 3);
    }),
  );
  const moveCount = (words.length - moves) / 3;
  const sumList = words.push(...sums) - sums.length;
  const base = parts.claim(4 * words.length);
  for (const w of links) words[w]! += base;
  parts.write(
    base,
    Uint32Array.from(words, (w) => w >>> 0),
  );
  const address = (at: number): number => base + 4 * at;
  return [
    whole,
    ...[address(moves), moveCount],
    ...[address(stageList.at), first.length],
    ...[address(lastList.at), last.length],
    ...[address(sumList), sums.length / SUM_WORDS],
  ];
}

/** b = a + b, vector by vector. (a, b, bytes, shape) -> () */
function emitAdd(module: ModuleBuilder): FunctionBuilder {
  const f = module.function([I32, I32, I32, I32], []);
  const { get, op, i32 } = f;
  const [a, b, bytes, shape] = [0, 1, 2, 3];
  SHAPES.forEach((name, number) =>
    f.if(op("i32.eq", get(shape), i32(number)), () =>
      f.loop((next) => {
        f.store("v128.store", get(b), op(`${name}.add`, f.load("v128.load", get(a)), f.load("v128.load", get(b))));
        f.increase(a, i32(16));
        f.increase(b, i32(16));
        f.brIf(next, op("i32.gt_s", f.tee(bytes, f.sub(get(bytes), i32(16))), i32(0)));
      }),
    ),
  );
  return f;
}

/** A tile's sum joins those that wait for it, and then waits itself. (sum, tile) -> () */
function emitCarry(module: ModuleBuilder, add: FunctionBuilder): FunctionBuilder {
  const f = module.function([I32, I32], []);
  const { get, set, op, i32 } = f;
  const [sum, tile] = [0, 1];
  const [current, waiting, bytes, shape] = f.words(sum);
  f.block((done) =>
    f.loop((next) => {
      f.brIf(done, op("i32.eqz", op("i32.and", get(tile), i32(1))));
      f.call(add, get(waiting), get(current), get(bytes), get(shape));
      f.increase(waiting, get(bytes));
      set(tile, op("i32.shr_u", get(tile), i32(1)));
      f.br(next);
    }),
  );
  f.memoryCopy(get(waiting), get(current), get(bytes));
  return f;
}

/** After the last tile: what waits is added up, the lowest level first. (sum, tiles) -> () */
function emitFinish(module: ModuleBuilder, add: FunctionBuilder): FunctionBuilder {
  const f = module.function([I32, I32], []);
  const { get, set, op, i32 } = f;
  const [sum, tiles] = [0, 1];
  const [, waiting, bytes, shape, out, outBytes] = f.words(sum);
  const total = f.local();
  f.if(op("i32.eqz", get(tiles)), () => {
    f.memoryFill(get(out), i32(0), get(outBytes));
    f.return();
  });
  f.loop((next) => {
    f.if(op("i32.and", get(tiles), i32(1)), () => {
      f.if(
        get(total),
        () => {
          f.call(add, get(waiting), get(total), get(bytes), get(shape));
        },
        () => set(total, get(waiting)),
      );
    });
    f.increase(waiting, get(bytes));
    f.brIf(next, f.tee(tiles, op("i32.shr_u", get(tiles), i32(1))));
  });
  f.memoryCopy(get(out), get(total), get(outBytes));
  return f;
}

export function emitRows(module: ModuleBuilder, f: FunctionBuilder): void {
  const { get, set, op, i32 } = f;
  const add = emitAdd(module);
  const [carry, finish] = [emitCarry(module, add), emitFinish(module, add)];
  const [whole, moves, moveCount, stages, stageCount, rest, restCount, sums, sumCount] = f.words(0);
  const [tile, tiles, at] = f.locals();
  /** Visits the entries of a list. */
  const each = (list: () => Pushed, count: Local, bytes: number, visit: () => void): void =>
    f.if(get(count), () => {
      const left = f.local();
      set(at, list());
      set(left, get(count));
      f.loop((next) => {
        visit();
        f.increase(at, i32(bytes));
        f.brIf(next, f.tee(left, f.sub(get(left), i32(1))));
      });
    });
  const word = (offset: number): Pushed => f.load("i32.load", get(at), offset);
  const run = (list: Local, count: Local): void =>
    each(
      () => get(list),
      count,
      STAGE.bytes,
      () => f.callIndirect(word(STAGE.arguments), word(STAGE.place)),
    );
  set(tiles, f.add(get(whole), op("i32.ne", get(restCount), i32(0))));
  f.block((done) =>
    f.loop((next) => {
      f.brIf(done, op("i32.ge_u", get(tile), get(tiles)));
      f.if(
        op("i32.lt_u", get(tile), get(whole)),
        () => {
          each(
            () => get(moves),
            moveCount,
            MOVE.bytes,
            () => f.store("i32.store", word(MOVE.word), f.add(word(MOVE.from), f.mul(get(tile), word(MOVE.by)))),
          );
          run(stages, stageCount);
        },
        () => run(rest, restCount),
      );
      each(
        () => get(sums),
        sumCount,
        4 * SUM_WORDS,
        () => void f.call(carry, get(at), get(tile)),
      );
      f.increase(tile, i32(1));
      f.br(next);
    }),
  );
  each(
    () => get(sums),
    sumCount,
    4 * SUM_WORDS,
    () => void f.call(finish, get(at), get(tiles)),
  );
}
