/**
 * The scalar language as a JavaScript function over arrays: the expression's DAG written out as straight-line code, rounded
 * to float32 at every f32 step. Its inputs are reads: slot k is the k-th argument.
 */
import { type Expr, canonicalize, exprOrder } from "../../kernel/expr.ts";

const float = (v: number): string => (Object.is(v, -0) ? "-0" : `${v}`);

/** f32 values, integers and bools are JavaScript numbers, in their type's range: u32 is non-negative. */
function term(e: Expr, a: readonly string[]): string {
  const [x, y, z] = a;
  const wrap = (text: string): string =>
    e.type === "f32" ? `Math.fround(${text})` : e.type === "i32" ? `(${text}) | 0` : e.type === "u32" ? `(${text}) >>> 0` : text;
  const from = e.args[0]?.type;
  const infix: Partial<Record<Expr["op"], string>> = {
    add: "+",
    sub: "-",
    div: "/",
    rem: "%",
    lt: "<",
    le: "<=",
    gt: ">",
    ge: ">=",
    eq: "===",
    ne: "!==",
    and: "&",
    or: "|",
    xor: "^",
    shl: "<<",
  };
  switch (e.op) {
    case "const":
      return float(e.value);
    case "read":
      return `x${e.value}[i]`;
    case "mul":
      return e.type === "i32" || e.type === "u32" ? wrap(`Math.imul(${x}, ${y})`) : wrap(`${x} * ${y}`);
    case "shr":
      return e.type === "u32" ? `${x} >>> ${y}` : `${x} >> ${y}`;
    case "neg":
      return wrap(`-${x}`);
    case "not":
      return e.type === "bool" ? `!${x}` : wrap(`~${x}`);
    case "abs":
    case "min":
    case "max":
    case "floor":
    case "ceil":
    case "trunc":
      return wrap(`Math.${e.op}(${a.join()})`);
    case "sqrt":
      return wrap(`Math.sqrt(${x})`);
    case "nearest":
      return `nearest(${x})`;
    case "select":
    case "rare":
      return `${x} ? ${y} : ${z}`;
    case "convert":
      return e.type === "f32" || e.type === "f64"
        ? wrap(`+${x}`)
        : e.type === "bool"
          ? `${x} !== 0`
          : from === "bool"
            ? `+${x}`
            : `toInteger(${x}, ${e.type === "u32"})`;
    case "call":
      return `Math.${e.fn}(${a.join()})`;
    default: {
      const sign = infix[e.op];
      if (sign === undefined) throw new Error(`evaluate: no ${e.op} here`);
      return wrap(`${x} ${sign} ${y}`);
    }
  }
}

/** Half to even. */
const nearest = (v: number): number => {
  const floor = Math.floor(v);
  const up = v - floor > 0.5 || (v - floor === 0.5 && floor % 2 !== 0);
  return up ? floor + 1 : floor;
};
const toInteger = (v: number, unsigned: boolean): number =>
  Number.isNaN(v)
    ? 0
    : unsigned
      ? Math.min(Math.max(Math.trunc(v), 0), 2 ** 32 - 1)
      : Math.min(Math.max(Math.trunc(v), -(2 ** 31)), 2 ** 31 - 1);

/** Writes root at every i into `out`, given arrays for its reads. */
export function compile(root: Expr): (out: Float32Array | Float64Array, ...inputs: (Float32Array | Float64Array)[]) => void {
  const order = exprOrder([root]);
  const name = new Map(order.map((e, k) => [e, e.op === "const" ? `(${float(e.value)})` : `v${k}`]));
  const lines = order
    .filter((e) => e.op !== "const")
    .map(
      (e) =>
        bitcasts(e, name) ??
        `const ${name.get(e)} = ${term(
          e,
          e.args.map((a) => name.get(a)!),
        )};`,
    );
  const reads = 1 + Math.max(...order.map((e) => (e.op === "read" ? e.value : 0)));
  const inputs = Array.from({ length: reads }, (_, k) => `x${k}`);
  const body = `return (out, ${inputs.join()}) => { for (let i = 0; i < out.length; i++) {\n${lines.join("\n")}\nout[i] = ${name.get(root)}; } }`;
  const word = new ArrayBuffer(8);
  const views = [new Float32Array(word), new Int32Array(word), new Uint32Array(word), new Float64Array(word)];
  return new Function("toInteger", "nearest", "f32", "i32", "u32", "f64", body)(toInteger, nearest, ...views) as ReturnType<typeof compile>;
}

/** Which of the two u32 that a float64 lies over is its high word. */
const high = new Uint8Array(new Uint16Array([1]).buffer)[0]!;

/** Bits take two statements: a store in one type's view of a shared word, and a load from the other's. */
function bitcasts(e: Expr, name: ReadonlyMap<Expr, string>): string | undefined {
  const [x, y] = e.args.map((a) => name.get(a)!);
  switch (e.op) {
    case "bitcast":
      return `${e.args[0]!.type}[0] = ${x}; const ${name.get(e)} = ${e.type}[0];`;
    case "highWord":
      return `f64[0] = ${x}; const ${name.get(e)} = u32[${high}];`;
    case "lowWord":
      return `f64[0] = ${x}; const ${name.get(e)} = u32[${1 - high}];`;
    case "fromWords":
      return `u32[${high}] = ${x}; u32[${1 - high}] = ${y}; const ${name.get(e)} = f64[0];`;
  }
  return undefined;
}

/** Distinct operations, without leaves, bitcasts and what only rare branches need. */
export function commonOperations(root: Expr): number {
  const seen = new Set<Expr>();
  const stack = [...canonicalize([root]).roots];
  for (let e = stack.pop(); e; e = stack.pop()) {
    if (seen.has(e)) continue;
    seen.add(e);
    stack.push(...(e.op === "rare" ? [e.args[0]!, e.args[2]!] : e.args));
  }
  return [...seen].filter((e) => e.args.length > 0 && e.op !== "bitcast").length;
}
