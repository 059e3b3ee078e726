/**
 * Loop nests: how a kernel walks its index space, and how it reads and writes the four elements at hand.
 *
 * One axis is walked four elements at a time, the lane axis. At its end a group may be incomplete: it is computed like
 * the others, with `live` telling which lanes count. Lanes beyond the end read what the last group's vectors cover (memory
 * has slack for it) or the same element as lane 0, and write nothing.
 */
import { type Storage, storageBytes } from "../core/dtype.ts";
import type { Access } from "../kernel/kernel.ts";
import { type FunctionBuilder, I32, type Local, type Pushed, V128 } from "./encoder.ts";
import type { Leaves } from "./lanes.ts";
import { Scratch } from "./memory.ts";
import type { Lanes } from "./vectors.ts";

/** How an operand's address moves from lane to lane: not, by one element, by a stride, or by one or a stride as the stride turns out. */
export type Along = "same" | "unit" | "strided" | "either";

/** The parameter of every kernel: the address of its arguments. */
export const ARGS: Local = 0;
const SCRATCH_GLOBAL = 0;

/** An operand in the argument block and in locals. */
export interface OperandCode {
  readonly storage: Storage;
  readonly along: Along;
  /** Byte offsets in the argument block: of the address, and of the byte stride of each axis. */
  readonly base: number;
  readonly strides: readonly number[];
  /** The element at the position of the outer loops. */
  readonly pointer: Local;
  /** Of strided operands: the element of lane 0, and the byte distances of lanes 1 to 3 from it. */
  readonly run: Local;
  readonly distances: readonly Local[];
  /** Of outputs along "unit": where element 0 of the lane axis is written; elsewhere in the last, incomplete group. */
  readonly out: Local;
  /** Of operands along "either": whether lanes are adjacent. */
  readonly adjacent: Local;
}

/**
 * The argument block: sizes; for each read and write its address and byte strides; where positions count, the first one along each axis; uniforms.
 * All i32.
 */
export interface ArgumentShape {
  readonly rank: number;
  readonly writeRank: number;
  readonly positional: boolean;
}

export class Nest implements Leaves {
  readonly f: FunctionBuilder;
  readonly sizes: readonly Local[];
  readonly positions: readonly Local[];
  readonly reads: readonly OperandCode[];
  readonly writes: readonly OperandCode[];
  readonly laneAxis: number;
  readonly scratch: Local;
  /** Which lanes of the present group exist. */
  readonly live: Local;
  /** Number of elements in all complete groups, and in the last, incomplete one. */
  readonly #complete: Local;
  readonly #rest: Local;
  readonly #iota: Local;
  readonly #last: Local;
  readonly #addresses: Local;
  readonly #nowhere: Local;
  readonly #uniforms: number;
  /** Where the index space begins, an axis: in the argument block, and in all lanes; of bodies that positions count for. */
  readonly #originWord: number;
  readonly #origins: readonly Local[];
  /** Within `ahead`: how far reads and positions are ahead of where the walk along the lane axis is. */
  #ahead: number | undefined;

  constructor(
    f: FunctionBuilder,
    shape: ArgumentShape,
    laneAxis: number,
    reads: readonly (readonly [Storage, Along])[],
    writes: readonly Access[],
  ) {
    this.f = f;
    this.laneAxis = laneAxis;
    const locals = (n: number): Local[] => Array.from({ length: n }, () => f.local(I32));
    this.sizes = locals(shape.rank);
    this.positions = locals(shape.rank);
    [this.scratch, this.#complete, this.#rest] = f.locals();
    [this.live, this.#iota, this.#last, this.#addresses, this.#nowhere] = f.locals(V128);
    let word = shape.rank;
    const operand = (storage: Storage, along: Along, rank: number): OperandCode => {
      const base = 4 * word++;
      const strides = Array.from({ length: rank }, () => 4 * word++);
      const walks = along === "strided" || along === "either";
      return {
        storage,
        along,
        base,
        strides,
        pointer: f.local(),
        run: f.local(),
        out: f.local(),
        adjacent: f.local(),
        distances: locals(walks ? 3 : 0),
      };
    };
    this.reads = reads.map(([storage, along]) => operand(storage, along, shape.rank));
    this.writes = writes.map((w) => operand(w.storage, w.inner === 1 ? "unit" : "strided", shape.writeRank));
    this.#originWord = 4 * word;
    this.#origins = shape.positional ? Array.from({ length: shape.rank }, () => f.local(V128)) : [];
    this.#uniforms = 4 * (word + this.#origins.length);
  }

  // ---- the nest

  /** Loads the arguments; returns from the kernel if one of the first `axes` sizes is 0. */
  prologue(axes: number): void {
    const { f } = this;
    this.sizes.forEach((size, axis) => f.set(size, f.load("i32.load", f.get(ARGS), 4 * axis)));
    for (const size of this.sizes.slice(0, axes)) f.if(f.op("i32.eqz", f.get(size)), () => f.return());
    for (const o of [...this.reads, ...this.writes]) f.set(o.pointer, f.load("i32.load", f.get(ARGS), o.base));
    f.set(this.scratch, f.global(SCRATCH_GLOBAL));
    f.set(this.#nowhere, f.op("i32x4.splat", f.add(f.get(this.scratch), f.i32(Scratch.nowhere))));
    f.set(this.#iota, f.constant("i32", [0, 1, 2, 3]));
    const n = this.sizes[this.laneAxis]!;
    f.set(this.#complete, f.op("i32.and", f.get(n), f.i32(-4)));
    f.set(this.#rest, f.op("i32.and", f.get(n), f.i32(3)));
    f.set(this.#last, f.op("i32x4.splat", f.sub(f.get(n), f.i32(1))));
    this.#origins.forEach((o, axis) => f.set(o, f.op("i32x4.splat", f.load("i32.load", f.get(ARGS), this.#originWord + 4 * axis))));
  }

  /** Loops over the first `axes` axes around `body`. */
  outer(axes: number, body: () => void, axis = 0): void {
    if (axis === axes) return body();
    const { f } = this;
    const { get, i32 } = f;
    const position = this.positions[axis]!;
    const size = this.sizes[axis]!;
    const operands = [...this.reads, ...this.writes];
    const stride = (o: OperandCode): Pushed => f.load("i32.load", get(ARGS), o.strides[axis]!);
    f.set(position, i32(0));
    f.loop((next) => {
      this.outer(axes, body, axis + 1);
      for (const o of operands) f.increase(o.pointer, stride(o));
      f.brIf(next, f.op("i32.lt_u", f.tee(position, f.add(get(position), i32(1))), get(size)));
    });
    if (axis > 0) for (const o of operands) f.set(o.pointer, f.sub(get(o.pointer), f.mul(stride(o), get(size))));
  }

  /** Puts reads and writes at the beginning of the lane axis. */
  startLanes(walkedWrites: readonly OperandCode[] = this.writes): void {
    const { f } = this;
    f.set(this.positions[this.laneAxis]!, f.i32(0));
    f.set(this.live, f.constant("i32", -1));
    for (const o of [...this.reads, ...walkedWrites]) this.#startOperand(o);
  }

  #startOperand(o: OperandCode): void {
    const { f } = this;
    if (o.along === "same") return;
    if (o.along === "unit") return f.set(o.out, f.get(o.pointer));
    f.set(o.run, f.get(o.pointer));
    const stride = (): Pushed => f.load("i32.load", f.get(ARGS), o.strides[this.laneAxis]!);
    o.distances.forEach((d, l) => f.set(d, f.mul(stride(), f.i32(l + 1))));
    if (o.along === "either") f.set(o.adjacent, f.op("i32.eq", stride(), f.i32(storageBytes(o.storage))));
  }

  /** Walks the lane axis from where it is to `end` around `group`, which reads and writes four elements. */
  lanesUntil(end: Local, group: () => void, walkedWrites: readonly OperandCode[]): void {
    const { f } = this;
    const i = this.positions[this.laneAxis]!;
    f.loop((next) => {
      f.if(f.op("i32.eq", f.get(i), f.get(this.#complete)), () => this.#incomplete(walkedWrites));
      group();
      this.advance(walkedWrites);
      f.brIf(next, f.op("i32.lt_u", f.get(i), f.get(end)));
    });
  }

  /** Walks pairs of complete groups as long as there are: their addresses are computed together. For what moves by one or not at all. */
  pairs(group: () => void): void {
    const { f } = this;
    const i = this.positions[this.laneAxis]!;
    const pairsEnd = f.local();
    f.set(pairsEnd, f.op("i32.and", f.get(this.#complete), f.i32(-8)));
    f.if(f.get(pairsEnd), () =>
      f.loop((next) => {
        for (const distance of [0, 4]) this.ahead(distance, group);
        f.brIf(next, f.op("i32.lt_u", f.tee(i, f.add(f.get(i), f.i32(8))), f.get(pairsEnd)));
      }),
    );
  }

  /** Walks the whole lane axis around `complete`; the last, incomplete group is `incomplete`. Nothing is written on the way. */
  groups(complete: () => void, incomplete: () => void): void {
    const { f } = this;
    const i = this.positions[this.laneAxis]!;
    f.if(f.get(this.#complete), () =>
      f.loop((next) => {
        complete();
        this.advance([]);
        f.brIf(next, f.op("i32.lt_u", f.get(i), f.get(this.#complete)));
      }),
    );
    f.if(f.get(this.#rest), () => {
      this.#incomplete([]);
      incomplete();
    });
  }

  /** Walks what is left of the lane axis. Needs `startLanes` before. */
  lanes(group: () => void): void {
    const { f } = this;
    const size = this.sizes[this.laneAxis]!;
    f.if(f.op("i32.lt_u", f.get(this.positions[this.laneAxis]!), f.get(size)), () => this.lanesUntil(size, group, this.writes));
    this.finishLanes();
  }

  /** Brings what the last, incomplete group wrote to its place. */
  finishLanes(): void {
    this.f.if(this.f.get(this.#rest), () => this.writes.forEach((o, k) => this.#copyRest(o, k)));
  }

  /** Moves on by one group. */
  advance(walkedWrites: readonly OperandCode[] = this.writes): void {
    const { f } = this;
    f.increase(this.positions[this.laneAxis]!, f.i32(4));
    for (const o of [...this.reads, ...walkedWrites])
      if (o.along === "strided" || o.along === "either")
        f.increase(o.run, f.op("i32.shl", f.load("i32.load", f.get(ARGS), o.strides[this.laneAxis]!), f.i32(2)));
  }

  /** Prepares for the last group, of which only some lanes exist. */
  #incomplete(walkedWrites: readonly OperandCode[]): void {
    const { f } = this;
    const { get, i32 } = f;
    f.set(this.live, f.op("i32x4.lt_s", get(this.#iota), f.op("i32x4.splat", get(this.#rest))));
    for (const o of this.reads)
      if (o.along === "strided" || o.along === "either")
        o.distances.forEach((d, l) => f.set(d, f.op("select", get(d), i32(0), f.op("i32.gt_u", get(this.#rest), i32(l + 1)))));
    walkedWrites.forEach((o, k) => {
      const bytes = storageBytes(o.storage);
      const place = (): Pushed => f.add(get(this.scratch), i32(this.#tail(k)));
      if (o.along === "unit") return f.set(o.out, f.sub(place(), f.mul(get(this.#complete), i32(bytes))));
      f.set(o.run, place());
      o.distances.forEach((d, l) => f.set(d, i32(bytes * (l + 1))));
    });
  }

  #tail(k: number): number {
    if (k >= Scratch.outputs) throw new Error(`cpu: a kernel has at most ${Scratch.outputs} outputs`);
    return Scratch.tails + 32 * k;
  }

  /** Copies the elements of the last, incomplete group to where they belong. */
  #copyRest(o: OperandCode, k: number): void {
    const { f } = this;
    const { get, i32 } = f;
    const bytes = storageBytes(o.storage);
    const stride = (): Pushed => (o.along === "unit" ? i32(bytes) : f.load("i32.load", get(ARGS), o.strides[this.laneAxis]!));
    f.set(o.run, f.add(get(o.pointer), f.mul(stride(), get(this.#complete))));
    const copy = (l: number): void => {
      const from = (): Pushed => get(this.scratch);
      const offset = this.#tail(k) + l * bytes;
      if (bytes === 4) f.store("i32.store", get(o.run), f.load("i32.load", from(), offset));
      else f.store("f64.store", get(o.run), f.load("f64.load", from(), offset));
    };
    copy(0);
    for (const l of [1, 2])
      f.if(f.op("i32.gt_u", get(this.#rest), i32(l)), () => {
        f.increase(o.run, stride());
        copy(l);
      });
  }

  // ---- leaves of expressions

  /** Lets `body` read the four elements that come `distance` later, which must exist; reads move by one or not at all from lane to lane. */
  ahead(distance: number, body: () => void): void {
    this.#ahead = distance;
    body();
    this.#ahead = undefined;
  }

  index(axis: number): Pushed {
    const { f } = this;
    const here = f.get(this.positions[axis]!);
    let position = f.op("i32x4.splat", axis === this.laneAxis && this.#ahead ? f.add(here, f.i32(this.#ahead)) : here);
    if (axis === this.laneAxis) position = f.op("i32x4.min_s", f.op("i32x4.add", position, f.get(this.#iota)), f.get(this.#last));
    const origin = this.#origins[axis];
    return origin === undefined ? position : f.op("i32x4.add", position, f.get(origin));
  }

  uniform(k: number): Pushed {
    return this.f.op("i32x4.splat", this.f.load("i32.load", this.f.get(ARGS), this.#uniforms + 4 * k));
  }

  read(slot: number, out: Lanes, mask: Local | undefined): void {
    const { f } = this;
    const { get } = f;
    const o = this.reads[slot]!;
    const shift = (this.#ahead ?? 0) * storageBytes(o.storage);
    const vector = (): void => out.forEach((l, h) => f.set(l, f.load("v128.load", this.#address(o), 16 * h + shift)));
    const exists = (): Pushed => f.op("v128.and", get(mask!), get(this.live));
    const single = (): void =>
      this.#gather(out, (l) => this.#guarded(mask === undefined ? undefined : this.#addresses, l, () => this.#lane(o, l)));
    if (o.along === "same") {
      const address =
        mask === undefined ? get(o.pointer) : f.op("select", get(o.pointer), get(this.scratch), f.op("v128.any_true", exists()));
      f.set(out[0]!, f.load(o.storage === "f64" ? "v128.load64_splat" : "v128.load32_splat", address));
      if (out[1] !== undefined && out[1] !== out[0]) f.set(out[1], get(out[0]!));
      return;
    }
    if (mask !== undefined) {
      f.set(this.#addresses, exists());
      if (o.along === "unit") f.if(f.op("i32x4.all_true", get(mask)), vector, single);
      else single();
    } else if (o.along === "unit" || this.#ahead !== undefined) vector();
    else if (o.along === "either") f.if(get(o.adjacent), vector, single);
    else single();
  }

  at(slot: number, position: Local, out: Lanes, mask: Local | undefined): void {
    const { f } = this;
    const { get } = f;
    const o = this.reads[slot]!;
    const base = f.op("i32x4.splat", f.load("i32.load", get(ARGS), o.base));
    const address = f.op("i32x4.add", base, f.op("i32x4.shl", get(position), f.i32(o.storage === "f64" ? 3 : 2)));
    const exists =
      mask === undefined ? [get(this.#nowhere), get(this.live)] : [get(this.#nowhere), f.op("v128.and", get(mask), get(this.live))];
    f.set(this.#addresses, f.op("v128.bitselect", address, ...exists));
    this.#gather(out, (l) => f.lane("i32x4.extract_lane", l, get(this.#addresses)));
  }

  /** The address of lane 0. */
  #address(o: OperandCode): Pushed {
    const { f } = this;
    if (o.along !== "unit") return f.get(o.run);
    return f.add(f.get(o.out), f.op("i32.shl", f.get(this.positions[this.laneAxis]!), f.i32(o.storage === "f64" ? 3 : 2)));
  }

  #lane(o: OperandCode, l: number): Pushed {
    const { f } = this;
    const first = this.#address(o);
    const distance = l + (this.#ahead ?? 0);
    if (distance === 0) return first;
    const adjacent = o.along === "unit" || this.#ahead !== undefined;
    return f.add(first, adjacent ? f.i32(distance * storageBytes(o.storage)) : f.get(o.distances[l - 1]!));
  }

  /** The address, or one that may always be read where the lane's flag is not set. */
  #guarded(flags: Local | undefined, l: number, address: () => Pushed): Pushed {
    const { f } = this;
    return flags === undefined ? address() : f.op("select", address(), f.get(this.scratch), f.lane("i32x4.extract_lane", l, f.get(flags)));
  }

  #gather(out: Lanes, address: (l: number) => Pushed): void {
    const { f } = this;
    const wide = out.length === 2;
    for (let l = 0; l < 4; l++) {
      const target = wide ? out[l >> 1]! : out[0]!;
      const place = wide ? l & 1 : l;
      if (place === 0) f.set(target, f.load(wide ? "v128.load64_splat" : "v128.load32_splat", address(l)));
      else f.set(target, f.loadLane(wide ? "v128.load64_lane" : "v128.load32_lane", place, address(l), f.get(target)));
    }
  }

  // ---- writes

  /** Stores four lanes through a write at the present group. */
  write(o: OperandCode, value: Lanes): void {
    const { f } = this;
    const shift = (this.#ahead ?? 0) * storageBytes(o.storage);
    if (o.along === "unit") return value.forEach((v, h) => f.store("v128.store", this.#address(o), f.get(v), 16 * h + shift));
    for (let l = 0; l < 4; l++) {
      if (value.length === 2) f.storeLane("v128.store64_lane", l & 1, this.#lane(o, l), f.get(value[l >> 1]!));
      else f.storeLane("v128.store32_lane", l, this.#lane(o, l), f.get(value[0]!));
    }
  }
}
