/**
 * The kernel language in plain JavaScript: the executor that judges the others. It follows expr.ts, kernel.ts and
 * tree.ts to the letter, checks every access, and makes no attempt to be quick.
 */
import { arrayOf, type Storage, storageBytes, type TypedArray } from "../core/dtype.ts";
import { type Backend, type BoundOperand, type BoundStep, type Buffer, OutOfMemory, type Program, type Segment } from "./backend.ts";
import { compileBody } from "./evaluate.ts";
import { foldFunction, treeSum } from "./fold.ts";
import {
  type ArgsortKernel,
  isScan,
  type Kernel,
  type LoopKernel,
  type MatmulKernel,
  rowsKernel,
  type ScatterAddKernel,
} from "./kernel.ts";
import { resultOf, rowsOf } from "./rows.ts";
import { storagesOf } from "./routine.ts";
import { runRoutine } from "./routine-numbers.ts";
import { binaryFunction } from "./scalar.ts";
import { BLOCK } from "./tree.ts";

/** A typed array behind an operand, with every access checked. */
export interface Memory {
  get(element: number): number;
  set(element: number, value: number): void;
  readonly data: TypedArray;
  readonly offset: number;
  readonly strides: readonly number[];
}

const dot = (position: ArrayLike<number>, strides: readonly number[], offset: number): number =>
  strides.reduce((sum, s, i) => sum + s * position[i]!, offset);

/** Calls `visit` at every position of an index space, in row-major order. The position is one array, changed in place. */
function forEachPosition(sizes: readonly number[], visit: (position: Int32Array) => void): void {
  const position = new Int32Array(sizes.length);
  if (sizes.some((n) => n <= 0)) return;
  for (;;) {
    visit(position);
    let axis = sizes.length - 1;
    while (axis >= 0 && ++position[axis]! === sizes[axis]!) position[axis--] = 0;
    if (axis < 0) return;
  }
}

/** Where an operand lies in one round of each loop around it. */
function inRound(o: BoundOperand, rounds: readonly number[]): BoundOperand {
  const { buffer, offset } = o.odd && rounds[o.odd.loop]! % 2 === 1 ? o.odd : o;
  return { ...o, buffer, offset: o.rounds ? dot(rounds, o.rounds, offset) : offset };
}

function placed(step: BoundStep, rounds: readonly number[]): BoundStep {
  if (rounds.length === 0) return step;
  return { ...step, reads: step.reads.map((o) => inRound(o, rounds)), writes: step.writes.map((o) => inRound(o, rounds)) };
}

class Interpreter implements Backend {
  readonly name = "interpreter";
  bytesInUse = 0;
  readonly #limit: number;
  readonly #buffers = new Map<Buffer, ArrayBuffer>();
  #next = 1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  allocate(bytes: number): Buffer {
    const size = Math.ceil(bytes / 8) * 8;
    if (this.bytesInUse + size > this.#limit)
      throw new OutOfMemory(`interpreter: ${bytes} bytes do not fit: ${this.bytesInUse} of ${this.#limit} are in use`);
    const memory = new ArrayBuffer(size);
    // NaN, -1 or 2^32-1: whoever reads what nobody wrote shall notice.
    new Uint8Array(memory).fill(0xff);
    this.#buffers.set(this.#next, memory);
    this.bytesInUse += size;
    return this.#next++;
  }

  free(buffer: Buffer): void {
    this.bytesInUse -= this.#memory(buffer).byteLength;
    this.#buffers.delete(buffer);
  }

  write(buffer: Buffer, data: TypedArray): void {
    new Uint8Array(this.#memory(buffer)).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  view(buffer: Buffer, storage: Storage, length: number): TypedArray {
    return new (arrayOf(storage))(this.#memory(buffer), 0, length);
  }

  prepare(segments: readonly Segment[]): Program {
    return { run: () => this.#run(segments, []), release: () => {} };
  }

  dispose(): void {
    this.#buffers.clear();
    this.bytesInUse = 0;
  }

  #memory(buffer: Buffer): ArrayBuffer {
    const memory = this.#buffers.get(buffer);
    if (!memory) throw new Error(`interpreter: buffer ${buffer} is not allocated`);
    return memory;
  }

  /** `rounds`: which round each of the loops around is in, the outermost first. */
  #run(segments: readonly Segment[], rounds: readonly number[]): void {
    for (const s of segments)
      switch (s.kind) {
        case "run":
          for (const step of s.steps) this.#step(placed(step, rounds));
          break;
        case "copy": {
          const sources = s.copies.map(({ from, bytes }) => new Uint8Array(this.#memory(from).slice(0, bytes)));
          s.copies.forEach(({ to }, i) => new Uint8Array(this.#memory(to)).set(sources[i]!));
          break;
        }
        case "loop":
          for (let i = 0; i < s.count; i++) this.#run(s.body, [...rounds, i]);
          break;
        case "while":
          for (let i = 0; ; i++) {
            this.#run(s.condition, [...rounds, i]);
            if (this.#word(s.test, [...rounds, i]) === 0) break;
            this.#run(s.body, [...rounds, i]);
          }
          break;
        case "branch":
          this.#run(s.cases[Math.max(0, Math.min(this.#word(s.index, rounds), s.cases.length - 1))]!, rounds);
      }
  }

  #word(operand: BoundOperand, rounds: readonly number[]): number {
    const { buffer, offset } = inRound(operand, rounds);
    return new Int32Array(this.#memory(buffer))[offset]!;
  }

  #bind(kernel: Kernel, role: string, slot: number, operand: BoundOperand, storage: Storage): Memory {
    const memory = this.#memory(operand.buffer);
    const data = new (arrayOf(storage))(memory, 0, memory.byteLength / storageBytes(storage));
    const check = (element: number): number => {
      if (!(element >= 0 && element < data.length))
        throw new RangeError(`kernel ${kernel.key}: ${role} ${slot} at element ${element} of ${data.length}`);
      return element;
    };
    return {
      get: (element) => data[check(element)]!,
      set: (element, value) => void (data[check(element)] = value),
      data,
      offset: operand.offset,
      strides: operand.strides,
    };
  }

  #step(step: BoundStep): void {
    const { kernel } = step;
    const bind = (role: "read" | "write", storages: readonly Storage[]): Memory[] => {
      const operands = role === "read" ? step.reads : step.writes;
      if (operands.length !== storages.length)
        throw new Error(`kernel ${kernel.key}: ${operands.length} operands for ${storages.length} ${role}s`);
      return operands.map((o, i) => this.#bind(kernel, role, i, o, storages[i]!));
    };
    switch (kernel.kind) {
      case "loop":
        return runLoop(
          kernel,
          step,
          bind(
            "read",
            kernel.reads.map((r) => r.storage),
          ),
          bind(
            "write",
            kernel.writes.map((w) => w.storage),
          ),
        );
      case "matmul":
        return runMatmul(
          kernel,
          step.sizes,
          bind("read", new Array<Storage>(2 * step.writes.length).fill(kernel.storage)),
          bind("write", new Array<Storage>(step.writes.length).fill(kernel.storage)),
        );
      case "scatterAdd":
        return runScatterAdd(kernel, step.sizes, bind("read", [kernel.storage, "i32", kernel.storage]), bind("write", [kernel.storage]));
      case "argsort":
        return runArgsort(kernel, step.sizes, bind("read", [kernel.storage]), bind("write", ["i32"]));
      case "routine":
        return runRoutine(
          kernel,
          step.sizes,
          bind("read", storagesOf(kernel.routine.reads, kernel.storage)),
          bind("write", storagesOf(kernel.routine.writes, kernel.storage)),
        );
      case "rows":
        return this.#rows(step);
    }
  }

  /** Tile by tile, as the compiled kernels do it; what is summed over rows is kept for all tiles, and joined at the end. */
  #rows({ sizes: [count], rows }: BoundStep): void {
    const room = this.allocate(rows!.bytes);
    const partial = new Map<BoundOperand, TypedArray[]>();
    const located = (o: BoundOperand): BoundOperand => (o.local ? { ...o, buffer: room } : o);
    for (let start = 0; start < count!; start += BLOCK)
      for (const stage of rows!.stages) {
        const part = rowsOf(stage, start, Math.min(BLOCK, count! - start));
        const results = stage.reduces ? stage.step.writes : [];
        const { storage, length } = resultOf(part);
        const targets = results.map(() => this.allocate(length * storageBytes(storage)));
        this.#step({
          ...part,
          reads: part.reads.map(located),
          writes: part.writes.map((o, i) => (stage.reduces ? { ...o, buffer: targets[i]!, offset: 0 } : located(o))),
        });
        results.forEach((write, i) => {
          const values = this.view(targets[i]!, storage, length).slice();
          partial.set(write, [...(partial.get(write) ?? []), values]);
          this.free(targets[i]!);
        });
      }
    for (const { step, reduces } of rows!.stages)
      (reduces ? step.writes : []).forEach((write, i) => {
        const { storage, length } = resultOf(step);
        const total = joinPairwise(partial.get(write) ?? [new (arrayOf(storage))(length)], binaryFunction("add", storage));
        total.forEach((v, at) => this.#bind(rowsKernel, "write", i, write, storage).set(write.offset + at, v));
      });
    this.free(room);
  }
}

/** Adjacent pairs, level by level; an odd one at the end moves up as it is. */
function joinPairwise(parts: readonly TypedArray[], plus: (a: number, b: number) => number): TypedArray {
  let level = parts;
  while (level.length > 1)
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, p) => {
      const [a, b] = [level[2 * p]!, level[2 * p + 1]];
      return b ? a.map((v: number, i: number) => plus(v, b[i]!)) : a;
    });
  return level[0]!;
}

const storageOf = (type: string): string => (type === "bool" ? "u32" : type);

function checkLoop({ key, rank, writes, reads, body, fold }: LoopKernel, step: BoundStep): void {
  const fail = (what: string): never => {
    throw new Error(`kernel ${key}: ${what}`);
  };
  if (step.sizes.length !== rank || rank < 1) fail(`${step.sizes.length} sizes for rank ${rank}`);
  const writeRank = fold && !isScan(fold) ? rank - 1 : rank;
  for (const [role, operands, accesses, expected] of [
    ["read", step.reads, reads, rank],
    ["write", step.writes, writes, writeRank],
  ] as const)
    operands.forEach(({ strides }, i) => {
      const { inner } = accesses[i]!;
      if (strides.length !== expected) fail(`${role} ${i} has ${strides.length} strides for ${expected} axes`);
      if (expected > 0 && inner !== "strided" && strides[expected - 1] !== inner)
        fail(`${role} ${i} has inner stride ${strides[expected - 1]}, compiled for ${inner}`);
    });
  if (body.values.length !== writes.length || (fold && writes.length !== 1))
    fail(`${body.values.length} values for ${writes.length} writes`);
  body.reads.forEach((storage, i) => {
    if (storage !== reads[i]?.storage) fail(`the body reads ${storage} from slot ${i}, which holds ${reads[i]?.storage}`);
  });
  writes.forEach(({ storage }, i) => {
    const value = fold === "argmax" || fold === "argmin" ? "i32" : storageOf(body.values[i]!.type);
    if (value !== storage) fail(`value ${i} is ${value}, written as ${storage}`);
  });
}

function runLoop(kernel: LoopKernel, step: BoundStep, reads: readonly Memory[], writes: readonly Memory[]): void {
  checkLoop(kernel, step);
  const { sizes } = step;
  const { frame, evaluate, values } = compileBody(kernel.body);
  frame.key = kernel.key;
  frame.uniforms = step.uniforms;
  reads.forEach((r, i) => {
    frame.data[i] = r.data;
    frame.offset[i] = r.offset;
  });
  const evaluateAt = (position: Int32Array): void => {
    frame.position = position;
    reads.forEach((r, i) => (frame.element[i] = dot(position, r.strides, r.offset)));
    evaluate();
  };

  if (!kernel.fold) {
    forEachPosition(sizes, (position) => {
      evaluateAt(position);
      writes.forEach((w, i) => w.set(dot(position, w.strides, w.offset), frame.registers[values[i]!.register]!));
    });
    return;
  }

  const [value] = values;
  const fold = foldFunction(kernel.fold, storageOf(value!.type) as Storage);
  const [out] = writes;
  const length = sizes[sizes.length - 1]!;
  const row = new Float64Array(length);
  const position = new Int32Array(sizes.length);
  forEachPosition(sizes.slice(0, -1), (outer) => {
    position.set(outer);
    for (let k = 0; k < length; k++) {
      position[outer.length] = k;
      evaluateAt(position);
      row[k] = frame.registers[value!.register]!;
    }
    const start = dot(outer, out!.strides.slice(0, outer.length), out!.offset);
    fold(row, length).forEach((v, k) => out!.set(start + k * (out!.strides[outer.length] ?? 0), v));
  });
}

function runMatmul({ storage }: MatmulKernel, sizes: readonly number[], reads: readonly Memory[], writes: readonly Memory[]): void {
  const multiply = binaryFunction("mul", storage);
  const k = sizes[3]!;
  const products = new Float64Array(k);
  writes.forEach((c, which) => {
    const [a, b] = [reads[2 * which]!, reads[2 * which + 1]!];
    forEachPosition(sizes.slice(0, 3), ([i, m, n]) => {
      for (let p = 0; p < k; p++)
        products[p] = multiply(a.get(dot([i!, m!, p], a.strides, a.offset)), b.get(dot([i!, p, n!], b.strides, b.offset)));
      c.set(dot([i!, m!, n!], c.strides, c.offset), treeSum(products, storage));
    });
  });
}

function runScatterAdd(
  { storage }: ScatterAddKernel,
  sizes: readonly number[],
  [operand, indices, updates]: readonly Memory[],
  [out]: readonly Memory[],
): void {
  const plus = binaryFunction("add", storage);
  const [, o, n, i, m] = sizes as [number, number, number, number, number];
  forEachPosition(sizes.slice(0, 4), ([ib, io, j, ii]) => {
    const added: number[] = [];
    for (let p = 0; p < m; p++)
      if (indices!.get(indices!.offset + ib! * m + p) === j)
        added.push(updates!.get(updates!.offset + ((ib! * o + io!) * m + p) * i + ii!));
    const at = ((ib! * o + io!) * n + j!) * i + ii!;
    const value = operand!.get(operand!.offset + at);
    out!.set(out!.offset + at, added.length === 0 ? value : plus(value, treeSum(added, storage)));
  });
}

function runArgsort(_: ArgsortKernel, [rows, n]: readonly number[], [keys]: readonly Memory[], [out]: readonly Memory[]): void {
  for (let r = 0; r < rows!; r++) {
    const row = Array.from({ length: n! }, (_, k) => keys!.get(keys!.offset + r * n! + k));
    // Array.prototype.sort is stable; NaNs compare greater than numbers and equal to each other.
    const order = row
      .map((_, k) => k)
      .sort((x, y) => {
        const a = row[x]!;
        const b = row[y]!;
        return a < b ? -1 : a > b ? 1 : +Number.isNaN(a) - +Number.isNaN(b);
      });
    order.forEach((k, p) => out!.set(out!.offset + r * n! + p, k));
  }
}

/** A backend that interprets kernels. `limitBytes` bounds its memory (default: no bound). */
export const interpreter = ({ limitBytes = Infinity }: { readonly limitBytes?: number } = {}): Backend => new Interpreter(limitBytes);
