/**
 * Prefix sums, products and extremes along the last axis, by the fixed blocked scan of kernel/tree.ts: a running result inside each block,
 * and on its left the prefix of the totals of the blocks before, which is the same scan one level up. Three levels above the
 * elements reach beyond any memory.
 */
import { exprOrder } from "../kernel/expr.ts";
import { type LoopKernel, type Scan, scans } from "../kernel/kernel.ts";
import { BLOCK } from "../kernel/tree.ts";
import { type FunctionBuilder, type Local, V128 } from "./encoder.ts";
import { LaneCode } from "./lanes.ts";
import { alongOf, levelOfLeaf, stored } from "./loops.ts";
import { Nest } from "./nest.ts";
import { Level, schedule } from "./schedule.ts";
import { combinationOf, identityOf, type Kind } from "./tree.ts";
import type { Lanes, Vectors } from "./vectors.ts";

const LEVELS = 3;
const BLOCK_BITS = Math.log2(BLOCK);

/** A running result that all lanes of one vector hold. */
class Totals {
  readonly #f: FunctionBuilder;
  readonly #vectors: Vectors;
  readonly #kind: Kind;
  readonly #fold: (typeof scans)[Scan];
  /** At each level the running result of its block, and the prefix of the blocks before. */
  readonly #running: readonly Local[];
  readonly #before: readonly Local[];
  readonly #blocks: Local;
  /** What every element of the present block adds on the left, from the second block on. */
  readonly offset: Local;

  constructor(vectors: Vectors, kind: Kind, scan: Scan) {
    this.#f = vectors.f;
    this.#vectors = vectors;
    this.#kind = kind;
    this.#fold = scans[scan];
    const locals = (): Local[] => Array.from({ length: LEVELS }, () => vectors.f.local(V128));
    [this.#running, this.#before] = [locals(), locals()];
    [this.#blocks, this.offset] = [vectors.f.local(), vectors.f.local(V128)];
  }

  begin(): void {
    this.#f.set(this.#blocks, this.#f.i32(0));
  }

  /** Whether there was a block before this one. */
  ifOffset(then: () => void): void {
    this.#f.if(this.#f.get(this.#blocks), then);
  }

  /** out = a + b, or as the scan combines, on splat vectors or halves. */
  combine(out: Local, a: Local, b: Local): void {
    this.#vectors.combine(combinationOf(this.#fold), this.#kind, [out], [a], [b]);
  }

  reset(out: Local): void {
    this.#f.set(out, this.#vectors.splatConstant(this.#kind, identityOf(this.#fold, this.#kind)));
  }

  /** Takes the total of the block that ends here. */
  endBlock(total: Local): void {
    this.#feed(0, total, this.offset);
    this.#f.increase(this.#blocks, this.#f.i32(1));
  }

  /** out = the inclusive prefix of a level's values, when `value` is the next of them. */
  #feed(level: number, value: Local, out: Local): void {
    const f = this.#f;
    const [running, before] = [this.#running[level]!, this.#before[level]!];
    const bits = BLOCK_BITS * (level + 1);
    /** Position of the value in its block. */
    const position = () => f.op("i32.and", f.op("i32.shr_u", f.get(this.#blocks), f.i32(bits - BLOCK_BITS)), f.i32(BLOCK - 1));
    f.if(f.op("i32.eqz", position()), () => this.reset(running));
    this.combine(running, running, value);
    f.set(out, f.get(running));
    if (level + 1 === LEVELS) return;
    f.if(f.op("i32.shr_u", f.get(this.#blocks), f.i32(bits)), () => this.combine(out, before, running));
    f.if(f.op("i32.eq", position(), f.i32(BLOCK - 1)), () => this.#feed(level + 1, running, before));
  }
}

export function emitScan(f: FunctionBuilder, kernel: LoopKernel, scan: Scan): void {
  const { rank, body } = kernel;
  const value = body.values[0]!;
  const kind = (value.type === "bool" ? "u32" : value.type) as Kind;
  const nest = new Nest(
    f,
    { rank, writeRank: rank, positional: body.positional },
    rank - 1,
    kernel.reads.map((r) => [r.storage, alongOf(r.inner)]),
    kernel.writes,
  );
  const code = new LaneCode(f, nest);
  const { levels, values } = schedule([value], exprOrder([value]), levelOfLeaf(kernel));
  const totals = new Totals(code, kind, scan);
  const out = code.allocate(kind);
  const [running, element] = f.locals(V128);
  const end = f.local();
  const k = nest.positions[rank - 1]!;
  const n = nest.sizes[rank - 1]!;

  /** The running result after each of the four elements. */
  const group = (lanes: Lanes): void => {
    for (let l = 0; l < 4; l++) {
      const wide = lanes.length === 2;
      const from = wide ? lanes[l >> 1]! : lanes[0]!;
      const to = wide ? out[l >> 1]! : out[0]!;
      const first = wide ? 2 * (l & 1) : l;
      f.set(element, f.shuffle(f.get(from), f.get(from), wide ? [first, first + 1, first, first + 1] : [l, l, l, l]));
      totals.combine(running, running, element);
      const mixed = [0, 1, 2, 3].map((p) => (p >= first ? p + 4 : p)) as [number, number, number, number];
      f.set(to, f.shuffle(f.get(to), f.get(running), mixed));
    }
    totals.ifOffset(() => {
      for (const o of out) totals.combine(o, totals.offset, o);
    });
  };

  nest.prologue(rank);
  code.emit(levels[Level.entry]!);
  nest.outer(rank - 1, () => {
    nest.startLanes();
    code.emit(levels[Level.row]!);
    totals.begin();
    f.loop((next) => {
      f.set(end, f.add(f.get(k), f.i32(BLOCK)));
      f.set(end, f.min(end, n));
      totals.reset(running);
      nest.lanesUntil(
        end,
        () => {
          code.emit(levels[Level.element]!);
          group(stored(code, value, code.lanesOf(values[0]!)));
          nest.write(nest.writes[0]!, out);
        },
        nest.writes,
      );
      totals.endBlock(running);
      f.brIf(next, f.op("i32.lt_u", f.get(k), f.get(n)));
    });
    nest.finishLanes();
  });
}
