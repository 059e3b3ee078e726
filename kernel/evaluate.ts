/**
 * Compiles a kernel's body into JavaScript closures: one register for each distinct expression, one closure for each
 * instruction, built once for each Body. No source text is generated, because some pages forbid eval.
 */
import type { Lane, Storage, TypedArray } from "../core/dtype.ts";
import { type Expr, exprOrder } from "./expr.ts";
import type { Body } from "./kernel.ts";
import {
  binaryFunction,
  bitcastFunction,
  compareFunction,
  convertFunction,
  fromWords,
  highWord,
  lowWord,
  unaryFunction,
} from "./scalar.ts";

/** What the instructions of one body read and write while they visit the points of an index space. */
export interface Frame {
  readonly registers: Float64Array;
  /** The point: a position on each axis. */
  position: Int32Array;
  uniforms: readonly number[];
  /** The memory behind each read, the offset of the read in it, and the element that belongs to the point. */
  readonly data: TypedArray[];
  readonly offset: number[];
  readonly element: number[];
  /** Who reads, for messages. */
  key: string;
}

export interface Compiled {
  readonly frame: Frame;
  /** Computes all registers at the frame's point. */
  readonly evaluate: () => void;
  /** The register and the type of each value. */
  readonly values: readonly { readonly register: number; readonly type: Lane }[];
}

type Instruction = (f: Frame) => void;

/** Reads with the judge's duty: memory that no kernel may touch is never silently undefined. */
function load(f: Frame, slot: number, element: number): number {
  const data = f.data[slot]!;
  if (!(element >= 0 && element < data.length))
    throw new RangeError(`kernel ${f.key}: read ${slot} at element ${element} of ${data.length}, at point [${[...f.position].join()}]`);
  return data[element]!;
}

function masked(compute: (f: Frame) => number, out: number, mask: number | undefined): Instruction {
  if (mask === undefined) return (f) => void (f.registers[out] = compute(f));
  return (f) => void (f.registers[out] = f.registers[mask] === 0 ? 0 : compute(f));
}

function instruction(e: Expr, out: number, args: readonly number[], reads: readonly Storage[]): Instruction {
  const [a = 0, b = 0, c = 0] = args;
  const unary =
    (g: (x: number) => number): Instruction =>
    (f) =>
      void (f.registers[out] = g(f.registers[a]!));
  const binary =
    (g: (x: number, y: number) => number): Instruction =>
    (f) =>
      void (f.registers[out] = g(f.registers[a]!, f.registers[b]!));
  const checkRead = (): void => {
    if (reads[e.value] !== e.type) throw new Error(`kernel: ${e.op} takes slot ${e.value} as ${e.type}, which holds ${reads[e.value]}`);
  };
  const { value } = e;
  switch (e.op) {
    case "const":
      return (f) => void (f.registers[out] = value);
    case "index":
      return (f) => void (f.registers[out] = f.position[value]!);
    case "uniform":
      return (f) => void (f.registers[out] = f.uniforms[value]!);
    case "read":
      checkRead();
      return masked((f) => load(f, value, f.element[value]!), out, args[0]);
    case "at":
      checkRead();
      return masked((f) => load(f, value, f.offset[value]! + f.registers[a]!), out, args[1]);
    case "select":
    case "rare":
      return (f) => void (f.registers[out] = f.registers[f.registers[a] !== 0 ? b : c]!);
    case "convert":
      return unary(convertFunction(e.args[0]!.type, e.type));
    case "bitcast":
      return unary(bitcastFunction(e.args[0]!.type, e.type));
    case "highWord":
      return unary(highWord);
    case "lowWord":
      return unary(lowWord);
    case "fromWords":
      return binary(fromWords);
    case "call": {
      const g = Math[e.fn!] as (...x: number[]) => number;
      return e.args.length === 1 ? unary(g) : binary(g);
    }
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return binary(compareFunction(e.op));
  }
  return e.args.length === 1 ? unary(unaryFunction(e.op, e.type)) : binary(binaryFunction(e.op, e.type));
}

const compiled = new WeakMap<Body, Compiled>();

/** The body as closures over one frame. The frame is shared by all runs of the body, which never overlap. */
export function compileBody(body: Body): Compiled {
  const found = compiled.get(body);
  if (found) return found;
  const order = exprOrder(body.values);
  const register = new Map(order.map((e, i) => [e, i]));
  const program = order.map((e, i) =>
    instruction(
      e,
      i,
      e.args.map((x) => register.get(x)!),
      body.reads,
    ),
  );
  const frame: Frame = {
    registers: new Float64Array(order.length),
    position: new Int32Array(0),
    uniforms: [],
    data: [],
    offset: [],
    element: [],
    key: "",
  };
  const result: Compiled = {
    frame,
    evaluate: () => {
      for (const step of program) step(frame);
    },
    values: body.values.map((e) => ({ register: register.get(e)!, type: e.type })),
  };
  compiled.set(body, result);
  return result;
}
