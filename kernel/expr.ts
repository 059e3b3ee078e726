/**
 * Scalar expressions: what a kernel computes at one point of its index space.
 *
 * An expression is an immutable DAG over lanes of one type each. Every operation is IEEE in its own type (float32
 * rounds at every step), so that all executors give the same bits and fusing changes none. The vocabulary is what
 * WebAssembly SIMD and WGSL share; float64, its words, and calls into Math for it, exist on the CPU alone.
 */
import type { Lane } from "../core/dtype.ts";

export type ExprOp =
  // leaves
  | "const" // value
  | "index" // value = axis: the position along an axis of the index space (i32)
  | "uniform" // value = k: the k-th i32 argument of the invocation (a size, a stride, an offset)
  | "read" // value = slot: the element of a read at this point; with a mask argument, 0 where the mask is false
  | "at" // value = slot, args[0] = i32 element position in that read's buffer, relative to its offset; optional mask as above
  // arithmetic on f32, f64, i32, u32 (integers wrap)
  | "add"
  | "sub"
  | "mul"
  | "neg"
  | "abs"
  | "min"
  | "max"
  | "div"
  | "sqrt"
  | "floor"
  | "ceil"
  | "trunc"
  | "nearest" // floats; nearest rounds half to even
  | "rem" // sign of the dividend, exact (C fmod, JavaScript %); for integers x rem 0 is x
  // comparisons of equal types to bool; equality and order as IEEE
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  // bool, i32, u32
  | "and"
  | "or"
  | "xor"
  | "not"
  // i32, u32 by a shift count of the same type, taken modulo 32; shr is arithmetic for i32 and logical for u32
  | "shl"
  | "shr"
  // select(cond, a, b) is cond ? a : b. rare(cond, a, b) is the same value; it tells that cond is seldom true, so that
  // an executor may skip a altogether when it is true in no lane
  | "select"
  | "rare"
  // between types: convert rounds f64 -> f32, truncates float -> int with saturation (NaN gives 0), and maps bool to 0 and 1, non-zero (and NaN) to true
  | "convert"
  // reinterprets the 32 bits of f32, i32, u32
  | "bitcast"
  // f64 to and from its two halves of 32 bits, as u32. The words of a NaN are those of any NaN
  | "highWord" // sign, exponent and the 20 upper bits of the fraction
  | "lowWord"
  | "fromWords" // args: high, low
  // f64 only: a function of Math, named by `fn`; one JavaScript call for each lane
  | "call";

/** The functions of Math that an expression may call. */
export const mathFunctions = [
  "exp",
  "expm1",
  "log",
  "log1p",
  "log2",
  "log10",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
  "atan2",
  "pow",
] as const;
export type MathFunction = (typeof mathFunctions)[number];

export interface Expr {
  readonly op: ExprOp;
  readonly type: Lane;
  readonly args: readonly Expr[];
  /** const: the value (bool 0 or 1); index: the axis; uniform: its number; read and at: the slot. */
  readonly value: number;
  readonly fn: MathFunction | undefined;
}

const expr = (op: ExprOp, type: Lane, args: readonly Expr[] = [], value = 0, fn?: MathFunction): Expr => ({ op, type, args, value, fn });

function agree(op: string, ...args: Expr[]): Lane {
  const type = args[0]!.type;
  for (const a of args) if (a.type !== type) throw new Error(`kernel: ${op} of ${args.map((x) => x.type).join(" and ")}`);
  return type;
}

// ---- leaves
export const constant = (type: Lane, value: number): Expr =>
  expr("const", type, [], type === "f32" ? Math.fround(value) : type === "i32" ? value | 0 : type === "u32" ? value >>> 0 : value);
export const index = (axis: number): Expr => expr("index", "i32", [], axis);
export const uniform = (k: number): Expr => expr("uniform", "i32", [], k);
export const read = (slot: number, type: Lane, mask?: Expr): Expr => expr("read", type, mask ? [mask] : [], slot);
export const at = (slot: number, type: Lane, position: Expr, mask?: Expr): Expr =>
  expr("at", type, mask ? [position, mask] : [position], slot);

// ---- arithmetic
const binary =
  (op: ExprOp) =>
  (a: Expr, b: Expr): Expr =>
    expr(op, agree(op, a, b), [a, b]);
const unary =
  (op: ExprOp) =>
  (a: Expr): Expr =>
    expr(op, a.type, [a]);
export const add = binary("add");
export const sub = binary("sub");
export const mul = binary("mul");
export const div = binary("div");
export const rem = binary("rem");
/** NaN if either is NaN; +0 is greater than -0 (IEEE 754-2019 minimum and maximum, as Math.min and Math.max). */
export const min = binary("min");
export const max = binary("max");
export const and = binary("and");
export const or = binary("or");
export const xor = binary("xor");
export const shl = binary("shl");
export const shr = binary("shr");
export const neg = unary("neg");
export const abs = unary("abs");
export const sqrt = unary("sqrt");
export const floor = unary("floor");
export const ceil = unary("ceil");
export const trunc = unary("trunc");
export const nearest = unary("nearest");
export const not = unary("not");

// ---- comparisons and choice
const compare =
  (op: ExprOp) =>
  (a: Expr, b: Expr): Expr => (agree(op, a, b), expr(op, "bool", [a, b]));
export const eq = compare("eq");
export const ne = compare("ne");
export const lt = compare("lt");
export const le = compare("le");
export const gt = compare("gt");
export const ge = compare("ge");
export const select = (c: Expr, a: Expr, b: Expr): Expr => expr("select", agree("select", a, b), [c, a, b]);
export const rare = (c: Expr, a: Expr, b: Expr): Expr => expr("rare", agree("rare", a, b), [c, a, b]);

// ---- between types
export const convert = (type: Lane, a: Expr): Expr => (a.type === type ? a : expr("convert", type, [a]));
export const bitcast = (type: "f32" | "i32" | "u32", a: Expr): Expr => (a.type === type ? a : expr("bitcast", type, [a]));
function words(op: "highWord" | "lowWord" | "fromWords", from: Lane, to: Lane, ...args: Expr[]): Expr {
  for (const a of args) if (a.type !== from) throw new Error(`kernel: ${op} of ${a.type}, not of ${from}`);
  return expr(op, to, args);
}
export const highWord = (a: Expr): Expr => words("highWord", "f64", "u32", a);
export const lowWord = (a: Expr): Expr => words("lowWord", "f64", "u32", a);
export const fromWords = (high: Expr, low: Expr): Expr => words("fromWords", "u32", "f64", high, low);
export const call = (fn: MathFunction, ...args: Expr[]): Expr => expr("call", "f64", args, 0, fn);

/** Inputs before users, without what is `known` and below it. Iterative, so that long fused chains are fine. */
export function exprOrder(roots: readonly Expr[], known?: ReadonlySet<Expr>): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const stack: [Expr, number][] = [];
  const enter = (x: Expr): void => {
    if (seen.has(x) || known?.has(x)) return;
    seen.add(x);
    stack.push([x, 0]);
  };
  for (const root of roots) {
    enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const arg = top[0].args[top[1]++];
      if (arg === undefined) (order.push(top[0]), stack.pop());
      else enter(arg);
    }
  }
  return order;
}

/** The distinct expressions under `roots`, equal ones merged, and a text that is equal exactly for equal DAGs. */
export function canonicalize(roots: readonly Expr[]): { roots: Expr[]; key: string } {
  const byText = new Map<string, number>();
  const merged: Expr[] = [];
  const number = new Map<Expr, number>();
  for (const e of exprOrder(roots)) {
    const args = e.args.map((a) => number.get(a)!);
    const text = `${e.op}:${e.type}:${Object.is(e.value, -0) ? "-0" : e.value}:${e.fn ?? ""}(${args.join()})`;
    let n = byText.get(text);
    if (n === undefined) {
      byText.set(text, (n = merged.length));
      merged.push(e.args.every((a, i) => a === merged[args[i]!]) ? e : { ...e, args: args.map((i) => merged[i]!) });
    }
    number.set(e, n);
  }
  const out = roots.map((r) => number.get(r)!);
  return { roots: out.map((n) => merged[n]!), key: `${[...byText.keys()].join(" ")} -> ${out.join()}` };
}
