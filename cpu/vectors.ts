/**
 * Four elements in SIMD vectors: how values of each type are held, and the operations on them that take no expression.
 *
 * A 32-bit value is one vector. An f64 value is two, elements 0 and 1 and elements 2 and 3. A bool is a mask: all bits
 * of a 32-bit lane, set or not.
 */
import type { Lane } from "../core/dtype.ts";
import { type FunctionBuilder, type Local, type Pushed, V128 } from "./encoder.ts";
import type { Op } from "./opcodes.ts";

/** The locals that hold a value: one, or two for f64. Both may be the same where all lanes are equal. */
export type Lanes = readonly Local[];

const shapeOf: Record<Lane, "f32x4" | "f64x2" | "i32x4"> = { f32: "f32x4", f64: "f64x2", i32: "i32x4", u32: "i32x4", bool: "i32x4" };
const logical: Partial<Record<string, Op>> = { and: "v128.and", or: "v128.or", xor: "v128.xor", not: "v128.not" };

/** The SIMD instruction of an operation, where there is exactly one. */
export function simdOp(op: string, type: Lane): Op | undefined {
  if (type !== "f32" && type !== "f64" && op in logical) return logical[op];
  const shape = shapeOf[type];
  if (type === "f32" || type === "f64")
    return ["rem", "eq", "ne", "lt", "le", "gt", "ge"].includes(op) && type === "f64"
      ? undefined
      : op === "rem"
        ? undefined
        : (`${shape}.${op}` as Op);
  if (type === "bool") return op === "eq" ? undefined : op === "ne" ? "v128.xor" : undefined;
  if (["add", "sub", "mul", "neg", "eq", "ne"].includes(op)) return `${shape}.${op}` as Op;
  if (op === "abs" && type === "i32") return "i32x4.abs";
  if (["min", "max", "lt", "le", "gt", "ge"].includes(op)) return `i32x4.${op}_${type === "i32" ? "s" : "u"}` as Op;
  return undefined;
}

export class Vectors {
  readonly f: FunctionBuilder;
  readonly #pool: Local[] = [];

  constructor(f: FunctionBuilder) {
    this.f = f;
  }

  /** Fresh locals for a value of a type. */
  allocate(type: Lane): Lanes {
    const one = (): Local => this.#pool.pop() ?? this.f.local(V128);
    return type === "f64" ? [one(), one()] : [one()];
  }

  /** Gives locals to later values. */
  release(lanes: Lanes): void {
    for (const l of new Set(lanes)) this.#pool.push(l);
  }

  /** All four lanes the same constant. */
  splatConstant(type: Lane, value: number): Pushed {
    if (type === "f32" || type === "f64") return this.f.constant(type, value);
    return this.f.constant("i32", type === "bool" ? -value : value | 0);
  }

  /** out = a op b, lane by lane. */
  combine(op: "add" | "mul" | "max" | "min", type: Lane, out: Lanes, a: Lanes, b: Lanes): void {
    const name = simdOp(op, type)!;
    out.forEach((o, h) => this.f.set(o, this.f.op(name, this.f.get(a[h]!), this.f.get(b[h]!))));
  }

  /** The mask of 32-bit lanes, as the masks of a half of f64 lanes. */
  wideMask(mask: Local, half: number): Pushed {
    return this.f.op(half === 0 ? "i64x2.extend_low_i32x4_s" : "i64x2.extend_high_i32x4_s", this.f.get(mask));
  }

  /** out = mask ? a : b */
  select(type: Lane, out: Lanes, mask: Local, a: Lanes, b: Lanes): void {
    const { f } = this;
    out.forEach((o, h) =>
      f.set(o, f.op("v128.bitselect", f.get(a[h]!), f.get(b[h]!), type === "f64" ? this.wideMask(mask, h) : f.get(mask))),
    );
  }

  /** out = value */
  move(out: Lanes, value: Lanes): void {
    out.forEach((o, h) => this.f.set(o, this.f.get(value[h]!)));
  }

  /** Every lane the same constant. */
  fill(type: Lane, out: Lanes, value: number): void {
    for (const o of out) this.f.set(o, this.splatConstant(type, value));
  }
}
