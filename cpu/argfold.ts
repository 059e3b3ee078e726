/** argmax and argmin over vectors: the state that a reduction carries from element to element. */
import { F32, F64, type FunctionBuilder, I32, type Local, type Pushed } from "./encoder.ts";
import type { Op } from "./opcodes.ts";
import { highest, type Home, type Kind, lowest } from "./tree.ts";
import type { Lanes, Vectors } from "./vectors.ts";

/** argmax, argmin: the best value so far and its position. The first one wins, and a NaN beats every number. */
export class ArgFold {
  /** Positions, as i32. */
  readonly result: Lanes;
  readonly #f: FunctionBuilder;
  readonly #live: Local;
  readonly #position: () => Pushed;
  readonly #vectors: Vectors;
  readonly #kind: Kind;
  readonly #better: "gt" | "lt";
  readonly #worst: number;
  readonly #best: Lanes;
  readonly #masks: Lanes;
  readonly #candidate: Lanes;
  readonly #worstLanes: Lanes;

  /** `position` pushes the positions of the four elements at hand along the folded axis. */
  constructor({ f, live }: Home, vectors: Vectors, fold: "argmax" | "argmin", kind: Kind, position: () => Pushed) {
    this.#f = f;
    this.#live = live;
    this.#position = position;
    this.#vectors = vectors;
    this.#kind = kind;
    this.#better = fold === "argmax" ? "gt" : "lt";
    this.#worst = (fold === "argmax" ? lowest : highest)[kind];
    this.result = vectors.allocate("i32");
    [this.#best, this.#masks, this.#candidate, this.#worstLanes] = [0, 1, 2, 3].map(() => vectors.allocate(kind)) as [
      Lanes,
      Lanes,
      Lanes,
      Lanes,
    ];
  }

  empty(): void {
    this.#vectors.fill("i32", this.result, 0);
  }

  /** Before the first element: worse than all or equal to it, at position 0. */
  begin(): void {
    this.empty();
    for (const lanes of [this.#best, this.#worstLanes]) this.#vectors.fill(this.#kind, lanes, this.#worst);
  }

  stepRows(value: Lanes): void {
    this.#vectors.select(this.#kind, this.#candidate, this.#live, value, this.#worstLanes);
    this.#step(this.#candidate);
  }

  stepColumns(value: Lanes): void {
    this.#step(value);
  }

  #step(value: Lanes): void {
    const f = this.#f;
    const { get } = f;
    value.forEach((v, h) => {
      const best = this.#best[h]!;
      f.set(this.#masks[h]!, this.#isBetter(v, best));
      f.set(best, f.op("v128.bitselect", get(v), get(best), get(this.#masks[h]!)));
    });
    const position = this.#position();
    const [low, high] = this.#masks as [Local, Local];
    const mask = (): Pushed => (value.length === 1 ? get(low) : f.shuffle(get(low), get(high), [0, 2, 4, 6]));
    f.set(this.result[0]!, f.op("v128.bitselect", position, get(this.result[0]!), mask()));
  }

  #isBetter(v: Local, best: Local): Pushed {
    const f = this.#f;
    const { get } = f;
    const kind = this.#kind;
    if (kind === "i32" || kind === "u32") return f.op(`i32x4.${this.#better}_${kind === "i32" ? "s" : "u"}`, get(v), get(best));
    const shape = kind === "f32" ? "f32x4" : "f64x2";
    const order = f.op(`${shape}.${this.#better}`, get(v), get(best));
    const firstNaN = f.op("v128.and", f.op(`${shape}.ne`, get(v), get(v)), f.op(`${shape}.eq`, get(best), get(best)));
    return f.op("v128.or", order, firstNaN);
  }

  beginBlock(): void {}
  endBlock(): void {}
  joinBlocks(): void {}
  joinColumns(): void {}

  /** The best of the four lanes; of equal ones the one with the lowest position. */
  joinLanes(): void {
    const f = this.#f;
    const { get } = f;
    const scalar = this.#kind === "f64" ? F64 : this.#kind === "f32" ? F32 : I32;
    const [best, other] = f.locals(scalar);
    const [position, otherPosition] = f.locals();
    const read = (value: Local, place: Local, l: number): void => {
      if (this.#kind === "f64") f.set(value, f.lane("f64x2.extract_lane", l & 1, get(this.#best[l >> 1]!)));
      else f.set(value, f.lane(this.#kind === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", l, get(this.#best[0]!)));
      f.set(place, f.lane("i32x4.extract_lane", l, get(this.result[0]!)));
    };
    const type = this.#kind === "u32" ? "i32" : this.#kind;
    const suffix = this.#kind === "i32" ? "_s" : this.#kind === "u32" ? "_u" : "";
    const compare = (op: string, a: Local, b: Local): Pushed => f.op(`${type}.${op}` as Op, get(a), get(b));
    const isNaN = (a: Local): Pushed => compare("ne", a, a);
    const and = (a: Pushed, b: Pushed): Pushed => f.op("i32.and", a, b);
    const or = (a: Pushed, b: Pushed): Pushed => f.op("i32.or", a, b);
    read(best, position, 0);
    for (let l = 1; l < 4; l++) {
      read(other, otherPosition, l);
      const better = or(compare(this.#better + suffix, other, best), and(isNaN(other), compare("eq", best, best)));
      const equal = or(compare("eq", other, best), and(isNaN(other), isNaN(best)));
      f.if(or(better, and(equal, f.op("i32.lt_u", get(otherPosition), get(position)))), () => {
        f.set(best, get(other));
        f.set(position, get(otherPosition));
      });
    }
    f.set(this.result[0]!, f.op("i32x4.splat", get(position)));
  }
}
