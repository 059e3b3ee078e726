/**
 * From scheduled expressions to SIMD code, four elements at a time.
 *
 * Every result lives in locals of its own, which are given to later results after its last use.
 */
import type { Lane } from "../core/dtype.ts";
import type { Expr, MathFunction } from "../kernel/expr.ts";
import { F64, type FunctionBuilder, type Import, type Local, type Pushed, V128 } from "./encoder.ts";
import type { Op } from "./opcodes.ts";
import type { Instruction } from "./schedule.ts";
import { type Lanes, simdOp, Vectors } from "./vectors.ts";

/** What the loop around an expression provides: each pushes or returns the four lanes of a leaf. */
export interface Leaves {
  index(axis: number): Pushed;
  uniform(k: number): Pushed;
  /** Loads into `out`. Where the mask is false nothing may be loaded, and the result is not used. */
  read(slot: number, out: Lanes, mask: Local | undefined): void;
  at(slot: number, position: Local, out: Lanes, mask: Local | undefined): void;
}

const comparisons = new Set<string>(["eq", "ne", "lt", "le", "gt", "ge"]);
const binaryMath = new Set<string>(["atan2", "pow", "rem"]);
/** Math.fn, or the remainder, as functions that modules import. */
const mathImports = new Map<string, Import>();
function mathImport(name: MathFunction | "rem"): Import {
  let found = mathImports.get(name);
  if (!found) mathImports.set(name, (found = { name, params: binaryMath.has(name) ? [F64, F64] : [F64], results: [F64] }));
  return found;
}

export class LaneCode extends Vectors {
  readonly #leaves: Leaves;
  readonly #results = new Map<Instruction, Lanes>();
  /** The masks of 64-bit lanes that comparisons of f64 gave, beside their results: choices between f64 take them as they are. */
  readonly #wideMasks = new Map<Instruction, Lanes>();

  constructor(f: FunctionBuilder, leaves: Leaves) {
    super(f);
    this.#leaves = leaves;
  }

  /** The locals of a value that has been computed. */
  lanesOf(i: Instruction): Lanes {
    return this.#results.get(i)!;
  }

  emit(list: readonly Instruction[]): void {
    for (const i of list) this.#instruction(i);
  }

  #release(i: Instruction): void {
    for (const a of new Set(i.args))
      if (a.lastUse === i) {
        this.release(this.#results.get(a)!);
        this.release(this.#wideMasks.get(a) ?? []);
      }
  }

  #instruction(i: Instruction): void {
    const { f } = this;
    const e = i.expr;
    const args = i.args.map((a) => this.#results.get(a)!);
    // Four equal f64 lanes are computed once.
    const equalHalves =
      e.type === "f64" &&
      (e.op === "const" ||
        (e.args.length > 0 &&
          e.op !== "read" &&
          e.op !== "at" &&
          i.block.length === 0 &&
          e.args.every((a) => a.type === "f64") &&
          args.every((a) => a[0] === a[1])));
    const fresh = this.allocate(equalHalves ? "f32" : e.type);
    const out = equalHalves ? [fresh[0]!, fresh[0]!] : fresh;
    if (e.op === "rare") this.#rare(i, out);
    else if (e.op === "read") this.#masked(e, out, args[0]?.[0], (mask) => this.#leaves.read(e.value, out, mask));
    else if (e.op === "at") this.#masked(e, out, args[1]?.[0], (mask) => this.#leaves.at(e.value, args[0]![0]!, out, mask));
    else if (comparisons.has(e.op) && e.args[0]!.type === "f64") this.#compareWide(i, args, out[0]!);
    else fresh.forEach((o, h) => f.set(o, this.#compute(i, args, h)));
    this.#results.set(i, out);
    this.#release(i);
  }

  #compareWide(i: Instruction, [a, b]: readonly Lanes[], out: Local): void {
    const { f } = this;
    const wide = this.allocate("f64");
    wide.forEach((w, h) => f.set(w, f.op(`f64x2.${i.expr.op as "eq"}`, f.get(a![h]!), f.get(b![h]!))));
    f.set(
      out,
      this.#narrow((h) => f.get(wide[h]!)),
    );
    this.#wideMasks.set(i, wide);
  }

  /** The mask that instruction i gave, for half h of a result of a type. */
  #maskFor(type: Lane, i: Instruction, h: number): Pushed {
    const narrow = this.#results.get(i)![0]!;
    if (type !== "f64") return this.f.get(narrow);
    const wide = this.#wideMasks.get(i);
    return wide ? this.f.get(wide[h]!) : this.wideMask(narrow, h);
  }

  /** A read gives 0 where its mask is false. */
  #masked(e: Expr, out: Lanes, mask: Local | undefined, load: (mask: Local | undefined) => void): void {
    const { f } = this;
    load(mask);
    if (mask !== undefined)
      out.forEach((o, h) => f.set(o, f.op("v128.and", f.get(o), e.type === "f64" ? this.wideMask(mask, h) : f.get(mask))));
  }

  #rare(i: Instruction, out: Lanes): void {
    const { f } = this;
    const [condition, , usual] = i.args.map((a) => this.#results.get(a)) as [Lanes, Lanes | undefined, Lanes];
    out.forEach((o, h) => f.set(o, f.get(usual[h]!)));
    f.if(f.op("v128.any_true", f.get(condition[0]!)), () => {
      this.emit(i.block);
      this.select(i.expr.type, out, condition[0]!, this.#results.get(i.args[1]!)!, usual);
    });
  }

  /** Half h of the result of an operation without memory access. */
  #compute(i: Instruction, args: readonly Lanes[], h: number): Pushed {
    const { f } = this;
    const e = i.expr;
    const type = e.args[0]?.type ?? e.type;
    const get = (k: number): Pushed => f.get(args[k]![h]!);
    switch (e.op) {
      case "const":
        return this.splatConstant(e.type, e.value);
      case "index":
        return this.#leaves.index(e.value);
      case "uniform":
        return this.#leaves.uniform(e.value);
      case "select":
        return f.op("v128.bitselect", f.get(args[1]![h]!), f.get(args[2]![h]!), this.#maskFor(e.type, i.args[0]!, h));
      case "bitcast":
        return get(0);
      case "convert":
        return type === "bool" ? this.#fromMask(e.type, i.args[0]!, h) : this.#convert(type, e.type, args[0]!, h);
      case "highWord":
        return f.shuffle(f.get(args[0]![0]!), f.get(args[0]![1]!), [1, 3, 5, 7]);
      case "lowWord":
        return f.shuffle(f.get(args[0]![0]!), f.get(args[0]![1]!), [0, 2, 4, 6]);
      case "fromWords":
        return f.shuffle(f.get(args[1]![0]!), f.get(args[0]![0]!), h === 0 ? [0, 4, 1, 5] : [2, 6, 3, 7]);
      case "call":
        return this.#perLane64(
          mathImport(e.fn!),
          args.map((a) => a[h]!),
        );
      case "rem":
        return type === "f64"
          ? this.#perLane64(
              mathImport("rem"),
              args.map((a) => a[h]!),
            )
          : type === "f32"
            ? this.#floatRem(args[0]![0]!, args[1]![0]!)
            : this.#integerRem(type, args[0]![0]!, args[1]![0]!);
      case "shl":
      case "shr":
        return this.#shift(e, args[0]![0]!, args[1]![0]!);
      case "eq":
      case "ne":
      case "lt":
      case "le":
      case "gt":
      case "ge":
        if (type === "bool") return this.#compareMasks(e.op, args[0]![0]!, args[1]![0]!);
        break;
      case "abs":
        if (type === "u32") return get(0);
    }
    const name = simdOp(e.op, type);
    if (name === undefined) throw new Error(`cpu: ${e.op} is not defined on ${type}`);
    return args.length === 1 ? f.op(name, get(0)) : f.op(name, get(0), get(1));
  }

  /** The mask of 32-bit lanes, from two of 64-bit lanes. */
  #narrow(half: (h: number) => Pushed): Pushed {
    return this.f.shuffle(half(0), half(1), [0, 2, 4, 6]);
  }

  /** false is less than true; masks have all bits set where true. */
  #compareMasks(op: "eq" | "ne" | "lt" | "le" | "gt" | "ge", a: Local, b: Local): Pushed {
    const { f } = this;
    const { get } = f;
    switch (op) {
      case "eq":
        return f.op("i32x4.eq", get(a), get(b));
      case "ne":
        return f.op("v128.xor", get(a), get(b));
      case "lt":
        return f.op("v128.andnot", get(b), get(a));
      case "gt":
        return f.op("v128.andnot", get(a), get(b));
      case "le":
        return f.op("v128.not", f.op("v128.andnot", get(a), get(b)));
      case "ge":
        return f.op("v128.not", f.op("v128.andnot", get(b), get(a)));
    }
  }

  #fromMask(to: Lane, mask: Instruction, h: number): Pushed {
    return this.f.op("v128.and", this.#maskFor(to, mask, h), this.splatConstant(to, 1));
  }

  #convert(from: Lane, to: Lane, a: Lanes, h: number): Pushed {
    const { f } = this;
    const [low, high] = a;
    const signed = from === "u32" || to === "u32" ? "u" : "s";
    /** The 32-bit lanes of half h in lanes 0 and 1. */
    const lower = (): Pushed => (h === 0 ? f.get(low!) : f.shuffle(f.get(low!), f.get(low!), [2, 3, 2, 3]));
    if (to === "bool") {
      if (from === "f64") return this.#narrow((half) => f.op("f64x2.ne", f.get(a[half]!), this.splatConstant("f64", 0)));
      return f.op(from === "f32" ? "f32x4.ne" : "i32x4.ne", f.get(low!), this.splatConstant(from, 0));
    }
    if (from === "f64") {
      const narrow: Op = to === "f32" ? "f32x4.demote_f64x2_zero" : `i32x4.trunc_sat_f64x2_${signed}_zero`;
      return f.shuffle(f.op(narrow, f.get(low!)), f.op(narrow, f.get(high!)), [0, 1, 4, 5]);
    }
    if (to === "f64") return f.op(from === "f32" ? "f64x2.promote_low_f32x4" : `f64x2.convert_low_i32x4_${signed}`, lower());
    if (from === "f32") return f.op(`i32x4.trunc_sat_f32x4_${signed}`, f.get(low!));
    if (to === "f32") return f.op(`f32x4.convert_i32x4_${signed}`, f.get(low!));
    return f.get(low!); // between i32 and u32
  }

  #shift(e: Expr, a: Local, count: Local): Pushed {
    const { f } = this;
    const kind = e.op === "shl" ? "shl" : e.type === "i32" ? "shr_s" : "shr_u";
    const by = e.args[1]!;
    if (by.op === "const") return f.op(`i32x4.${kind}`, f.get(a), f.i32(by.value & 31));
    return this.#perLane32((l) =>
      f.op(`i32.${kind}`, f.lane("i32x4.extract_lane", l, f.get(a)), f.lane("i32x4.extract_lane", l, f.get(count))),
    );
  }

  #perLane32(value: (l: number) => Pushed): Pushed {
    const { f } = this;
    let out = f.op("i32x4.splat", value(0));
    for (let l = 1; l < 4; l++) out = f.lane("i32x4.replace_lane", l, out, value(l));
    return out;
  }

  #perLane64(target: Import, args: readonly Local[]): Pushed {
    const { f } = this;
    const at = (l: number): Pushed => f.call(target, ...args.map((a) => f.lane("f64x2.extract_lane", l, f.get(a))));
    return f.lane("f64x2.replace_lane", 1, f.op("f64x2.splat", at(0)), at(1));
  }

  /** The remainder of floats is exact, so that computing it in f64 changes nothing. */
  #floatRem(a: Local, b: Local): Pushed {
    const { f } = this;
    const wide = (v: Local, l: number): Pushed => f.op("f64.promote_f32", f.lane("f32x4.extract_lane", l, f.get(v)));
    const at = (l: number): Pushed => f.op("f32.demote_f64", f.call(mathImport("rem"), wide(a, l), wide(b, l)));
    let out = f.op("f32x4.splat", at(0));
    for (let l = 1; l < 4; l++) out = f.lane("f32x4.replace_lane", l, out, at(l));
    return out;
  }

  /** x rem 0 is x: the remainder by 1 is computed there instead, and replaced. */
  #integerRem(type: Lane, a: Local, b: Local): Pushed {
    const { f } = this;
    const zero = (): Pushed => f.op("i32x4.eq", f.get(b), this.splatConstant("i32", 0));
    const divisor = f.local(V128);
    f.set(divisor, f.op("v128.bitselect", this.splatConstant("i32", 1), f.get(b), zero()));
    const extract = (v: Local, l: number): Pushed => f.lane("i32x4.extract_lane", l, f.get(v));
    const rest = (): Pushed => this.#perLane32((l) => f.op(type === "i32" ? "i32.rem_s" : "i32.rem_u", extract(a, l), extract(divisor, l)));
    return f.op("v128.bitselect", f.get(a), rest(), zero());
  }
}
