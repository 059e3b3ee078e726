/**
 * Random kernels, and what both executors make of them. A case is built from a tape of numbers, so that fast-check can
 * shrink it: an empty tape gives the simplest kernel.
 */
import fc from "fast-check";
import { expect } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import { arrayOf, type Lane, type Storage, type TypedArray } from "../../core/dtype.ts";
import type { Backend, BoundStep, Segment } from "../../kernel/backend.ts";
import * as e from "../../kernel/expr.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { type Access, body, type Fold, type Inner, isScan, type Kernel, loopKernel } from "../../kernel/kernel.ts";

export interface ReadCase {
  readonly data: TypedArray;
  readonly offset: number;
  readonly strides: readonly number[];
}

export interface WriteCase {
  readonly storage: Storage;
  readonly length: number;
  readonly offset: number;
  readonly strides: readonly number[];
}

export interface Case {
  readonly kernel: Kernel;
  readonly sizes: readonly number[];
  readonly reads: readonly ReadCase[];
  readonly writes: readonly WriteCase[];
  readonly uniforms: readonly number[];
}

/** Written around and into outputs beforehand: whoever writes where it must not, shows. */
const CANARY = 0x7a;
const MARGIN = 16;

/** One device for all cases: what one leaves behind must not disturb the next. */
const device = cpu();

/** The whole output buffers, margins included, after running the case. */
export function outputsOn(backend: Backend, c: Case): TypedArray[] {
  const buffer = (data: TypedArray): number => {
    const b = backend.allocate(data.byteLength);
    backend.write(b, data);
    return b;
  };
  /** Reads of the same data read the same buffer. */
  const sources = new Map(c.reads.map((r) => [r.data, 0]));
  for (const data of sources.keys()) sources.set(data, buffer(data));
  const reads = c.reads.map((r) => sources.get(r.data)!);
  const blank = (w: WriteCase): TypedArray => {
    const data = new (arrayOf(w.storage))(w.length + 2 * MARGIN);
    new Uint8Array(data.buffer).fill(CANARY);
    return data;
  };
  const writes = c.writes.map((w) => buffer(blank(w)));
  const step: BoundStep = {
    kernel: c.kernel,
    sizes: c.sizes,
    reads: c.reads.map((r, i) => ({ buffer: reads[i]!, offset: r.offset, strides: r.strides })),
    writes: c.writes.map((w, i) => ({ buffer: writes[i]!, offset: w.offset + MARGIN, strides: w.strides })),
    uniforms: c.uniforms,
  };
  const program = backend.prepare([{ kind: "run", steps: [step] } satisfies Segment]);
  program.run();
  const out = c.writes.map((w, i) => backend.view(writes[i]!, w.storage, w.length + 2 * MARGIN).slice());
  program.release();
  for (const b of [...sources.values(), ...writes]) backend.free(b);
  return out;
}

/** The first place where two arrays differ in their bits; all NaNs are equal. */
export function difference(a: TypedArray, b: TypedArray): string | undefined {
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return `element ${i - MARGIN}: ${a[i]} instead of ${b[i]}`;
  return undefined;
}

export function expectAgreement(c: Case): void {
  const got = outputsOn(device, c);
  const wanted = outputsOn(interpreter(), c);
  got.forEach((g, i) => {
    const found = difference(g, wanted[i]!);
    if (found !== undefined) expect.fail(`${c.kernel.key} over [${c.sizes.join()}]: output ${i}, ${found}`);
  });
}

/** For Tape: long and uniform, so that kernels are large and various. */
export const tape = fc.noBias(fc.array(fc.nat(1 << 16), { maxLength: 200, size: "max" }));

/** Decisions, from a list of numbers. When they run out, every answer is 0. */
export class Tape {
  readonly #numbers: readonly number[];
  #at = 0;
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }
  /** 0..n-1 */
  below(n: number): number {
    return (this.#numbers[this.#at++] ?? 0) % n;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  get rest(): number {
    return Math.max(0, this.#numbers.length - this.#at);
  }
}

export const specials: Record<Storage, readonly number[]> = {
  f32: [0, -0, 1, -1, 0.5, 3, NaN, Infinity, -Infinity, 1e-40, -1e-45, 3.4e38, 2.5, -1.5, 8388609],
  f64: [0, -0, 1, -1, 0.5, 3, NaN, Infinity, -Infinity, 5e-324, 1e308, 1e39, 4294967296, -2.5, 1e-50],
  i32: [0, 1, -1, 2, 7, 31, 33, -(2 ** 31), 2 ** 31 - 1, 1000, -5],
  u32: [0, 1, 2, 7, 31, 33, 2 ** 31, 2 ** 32 - 1, 1000, 5],
};

/** Numbers of all kinds: some special, most of ordinary size with full mantissas. */
export function someData(tape: Tape, storage: Storage, length: number, special = true): TypedArray {
  const data = new (arrayOf(storage))(length);
  let state = tape.below(1 << 16) + 1;
  const next = (): number => (state = (Math.imul(state, 48271) >>> 0) % 2147483647) / 2147483647;
  const list = specials[storage];
  for (let i = 0; i < length; i++) {
    if (special && next() < 0.2) data[i] = list[Math.floor(next() * list.length)]!;
    else if (storage === "f32" || storage === "f64") data[i] = (next() - 0.5) * 8;
    else data[i] = Math.floor(next() * (storage === "u32" ? 50 : 100)) - (storage === "u32" ? 0 : 50);
  }
  return data;
}

/**
 * Strides that reach every position of an index space: axes in any order, with gaps, backwards, and for reads also
 * repeated; with the offset of the first position and the length of the buffer they need.
 */
export function someLayout(tape: Tape, sizes: readonly number[], repeats: boolean): { strides: number[]; offset: number; length: number } {
  const strides = new Array<number>(sizes.length).fill(0);
  const axes = sizes.map((_, i) => i).reverse();
  if (tape.below(3) === 1) axes.sort((a, b) => ((a * 7 + 3) % 5) - ((b * 7 + 3) % 5));
  let step = tape.below(4) === 1 ? 2 : 1;
  let offset = tape.below(3);
  let length = offset + 1;
  for (const axis of axes) {
    const n = sizes[axis]!;
    if (repeats && tape.below(5) === 1) continue;
    const backwards = tape.below(6) === 1;
    strides[axis] = backwards ? -step : step;
    const reach = step * Math.max(0, n - 1);
    if (backwards) offset += reach;
    length += reach;
    step = step * Math.max(1, n) + (tape.below(4) === 1 ? 1 : 0);
  }
  return { strides, offset, length };
}

export const innerOf = (tape: Tape, strides: readonly number[]): Inner => {
  const last = strides[strides.length - 1];
  return (last === 0 || last === 1) && tape.below(5) !== 1 ? last : "strided";
};

export const arithmetic = {
  f32: ["add", "sub", "mul", "div", "min", "max", "rem"],
  f64: ["add", "sub", "mul", "div", "min", "max", "rem"],
  i32: ["add", "sub", "mul", "min", "max", "rem", "and", "or", "xor", "shl", "shr"],
  u32: ["add", "sub", "mul", "min", "max", "rem", "and", "or", "xor", "shl", "shr"],
  bool: ["and", "or", "xor"],
} as const;
export const unary = {
  f32: ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"],
  f64: ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"],
  i32: ["neg", "abs", "not"],
  u32: ["neg", "abs", "not"],
  bool: ["not"],
} as const;
export const comparisons = ["eq", "ne", "lt", "le", "gt", "ge"] as const;
export const lanes: readonly Lane[] = ["f32", "f64", "i32", "u32", "bool"];
const storages: readonly Storage[] = ["f32", "f64", "i32", "u32"];

type Pool = Record<Lane, e.Expr[]>;

/** One more expression over those there are. */
function grow(tape: Tape, pool: Pool): void {
  const type = tape.pick(lanes);
  const any = (t: Lane): e.Expr => tape.pick(pool[t].slice(0, 8));
  const add = (x: e.Expr): void => void pool[x.type].unshift(x);
  switch (tape.below(8)) {
    case 0:
    case 1:
      return add(e[tape.pick<"add">(arithmetic[type] as readonly "add"[])](any(type), any(type)));
    case 2:
      return add(e[tape.pick<"neg">(unary[type] as readonly "neg"[])](any(type)));
    case 3:
      return add(e[tape.pick(comparisons)](any(type), any(type)));
    case 4:
      return add(e[tape.pick(["select", "rare"] as const)](any("bool"), any(type), any(type)));
    case 5:
      return add(e.convert(tape.pick(lanes), any(type)));
    case 6: {
      // The payload of a NaN is nobody's business.
      if (tape.below(3) === 1) {
        const wide = any("f64");
        const number = e.select(e.eq(wide, wide), wide, e.constant("f64", 1));
        return add(tape.pick([() => e.fromWords(any("u32"), any("u32")), () => e.highWord(number), () => e.lowWord(number)])());
      }
      const x = any("f32");
      return add(
        tape.below(2)
          ? e.bitcast("f32", any("i32"))
          : e.bitcast(tape.pick(["i32", "u32"] as const), e.select(e.eq(x, x), x, e.constant("f32", 1))),
      );
    }
    case 7: {
      const fn = tape.pick(["exp", "log", "sin", "tanh", "atan2", "pow"] as const);
      return add(fn === "atan2" || fn === "pow" ? e.call(fn, any("f64"), any("f64")) : e.call(fn, any("f64")));
    }
  }
}

const constants: Record<Lane, readonly number[]> = {
  f32: [1, -0, 0.1, NaN, 100],
  f64: [1, -0, 0.1, Infinity, 1e10],
  i32: [1, 0, -3, 40],
  u32: [1, 0, 3, 2 ** 32 - 2],
  bool: [1, 0],
};

/** A random loop kernel with its data. `sizes` are chosen by the caller. */
export function someLoop(numbers: readonly number[], sizes: readonly number[], fold?: Fold): Case {
  const tape = new Tape(numbers);
  const pool: Pool = { f32: [], f64: [], i32: [], u32: [], bool: [] };
  for (const t of lanes) for (const v of constants[t]) pool[t].push(e.constant(t, v));
  const uniforms = [3, -7];
  uniforms.forEach((_, k) => pool.i32.push(e.uniform(k)));
  sizes.forEach((_, axis) => pool.i32.push(e.index(axis)));

  const reads: ReadCase[] = [];
  const accesses: Access[] = [];
  const addRead = (storage: Storage, layout: { strides: number[]; offset: number; length: number }): number => {
    reads.push({ data: someData(tape, storage, layout.length), offset: layout.offset, strides: layout.strides });
    return accesses.push({ storage, inner: innerOf(tape, layout.strides) }) - 1;
  };
  const count = 1 + tape.below(3);
  for (let i = 0; i < count; i++) {
    const storage = tape.pick(storages);
    pool[storage].unshift(e.read(addRead(storage, someLayout(tape, sizes, true)), storage));
  }
  if (tape.below(3) === 1) {
    // Padding: only positions from..until along one axis exist in memory.
    const axis = tape.below(sizes.length);
    const from = tape.below(Math.max(1, sizes[axis]!));
    const until = from + tape.below(sizes[axis]! - from + 1);
    const layout = someLayout(
      tape,
      sizes.map((n, a) => (a === axis ? until - from : n)),
      true,
    );
    const storage = tape.pick(storages);
    const mask = e.and(e.ge(e.index(axis), e.constant("i32", from)), e.lt(e.index(axis), e.constant("i32", until)));
    const slot = addRead(storage, { ...layout, offset: layout.offset });
    reads[slot] = { ...reads[slot]!, offset: layout.offset - from * layout.strides[axis]! };
    pool[storage].unshift(e.read(slot, storage, mask));
  }
  const steps = Math.floor(tape.rest / 6);
  for (let i = 0; i < steps; i++) {
    if (tape.below(10) === 9) {
      const storage = tape.pick(storages);
      const length = 1 + tape.below(20);
      const offset = tape.below(length);
      const slot = addRead(storage, { strides: sizes.map(() => 0), offset, length });
      const p = tape.pick(pool.i32);
      const [low, high] = [e.constant("i32", -offset), e.constant("i32", length - 1 - offset)];
      pool[storage].unshift(
        tape.below(2) ? e.at(slot, storage, p, e.and(e.ge(p, low), e.le(p, high))) : e.at(slot, storage, e.min(e.max(p, low), high)),
      );
    } else grow(tape, pool);
  }

  const reduces = fold !== undefined && !isScan(fold);
  // The newest of each type: most of what was grown is below them.
  const values = fold ? [pool[tape.pick(lanes)][0]!] : lanes.slice(tape.below(lanes.length)).map((t) => pool[t][0]!);
  const outSizes = reduces ? sizes.slice(0, -1) : sizes;
  const writes = values.map((v): WriteCase => {
    const storage: Storage = fold === "argmax" || fold === "argmin" ? "i32" : v.type === "bool" ? "u32" : v.type;
    return { storage, ...someLayout(tape, outSizes, false) };
  });
  const writeAccess = writes.map((w): Access => ({ storage: w.storage, inner: innerOf(tape, w.strides) }));
  const kernel = loopKernel(
    sizes.length,
    accesses,
    writeAccess,
    body(
      accesses.map((a) => a.storage),
      values,
    ),
    fold,
  );
  return { kernel, sizes, reads, writes, uniforms };
}
