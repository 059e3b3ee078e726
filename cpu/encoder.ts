/**
 * The WebAssembly binary format, as far as kernels need it: modules, functions, structured control, SIMD instructions.
 *
 * WebAssembly is a stack machine and JavaScript evaluates arguments before the call, so an instruction is written as
 * a call whose operands are calls: `op("i32.add", get(a), i32(4))` emits local.get, i32.const, i32.add in this order.
 * The operands' values are tokens (`Pushed`) that only say that something was left on the stack.
 */
import { atomics, laneAccesses, laneOps, loads, type Op, plain, type PlainOp, simd, type SimdOp, stores } from "./opcodes.ts";

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof V128;

/** A value that the code before has left on the stack. */
export interface Pushed {
  readonly onStack: true;
}
const pushed: Pushed = { onStack: true };

/** A local variable or parameter of the function being built. */
export type Local = number;

/** Locals to be taken apart, `const [a, b] = ...`: each is made when it is taken. To the compiler, twelve of them. */
type Several = Iterable<Local> & readonly [Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local];
function* generate(next: () => Local): Generator<Local, never> {
  for (;;) yield next();
}
const several = (next: () => Local): Several => generate(next) as Iterable<Local> as Several;

/** A target of branches: the end of a block, or the start of a loop. */
export interface Label {
  readonly depth: number;
}

function unsigned(out: number[], n: number): void {
  for (n >>>= 0; n >= 128; n >>>= 7) out.push((n & 127) | 128);
  out.push(n);
}

function signed(out: number[], n: number): void {
  for (n |= 0; ; n >>= 7) {
    if (n >= -64 && n < 64) return void out.push(n & 127);
    out.push((n & 127) | 128);
  }
}

/** The lanes of constants: vectors of every type over the same 16 bytes. */
const constantBytes = new Uint8Array(16);
const constantLanes = {
  f32: new Float32Array(constantBytes.buffer),
  f64: new Float64Array(constantBytes.buffer),
  i32: new Int32Array(constantBytes.buffer),
};

/** Pages of 64 KiB that a memory may have. */
export const MAX_PAGES = 65536;

/** A function outside the module. */
export interface Import {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** The body of one function. Its methods may be taken out of it: `const { get, set, op } = f`. */
export class FunctionBuilder {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly exportName: string | undefined;
  readonly localTypes: ValueType[] = [];
  readonly code: number[] = [];
  /** Calls whose function numbers are known when the module is complete. */
  readonly calls: { readonly position: number; readonly target: Import | FunctionBuilder }[] = [];
  #depth = 0;

  constructor(params: readonly ValueType[], results: readonly ValueType[], exportName?: string) {
    this.params = params;
    this.results = results;
    this.exportName = exportName;
  }

  readonly local = (type: ValueType = I32): Local => this.params.length + this.localTypes.push(type) - 1;
  /** Fresh locals, as many as are taken: `const [i, j] = f.locals()`. */
  locals(type: ValueType = I32): Several {
    return several(() => this.local(type));
  }
  /** Fresh locals that hold the 32-bit words of memory behind the address in `base`, from word `first` on, as many as are taken. */
  words(base: Local, first = 0): Several {
    let word = first;
    return several(() => {
      const l = this.local();
      this.set(l, this.load("i32.load", this.get(base), 4 * word++));
      return l;
    });
  }
  readonly get = (l: Local): Pushed => this.#withNumber(0x20, l);
  readonly set = (l: Local, _value: Pushed): void => void this.#withNumber(0x21, l);
  readonly tee = (l: Local, _value: Pushed): Pushed => this.#withNumber(0x22, l);
  readonly global = (index: number): Pushed => this.#withNumber(0x23, index);
  readonly drop = (_value: Pushed): void => void this.code.push(0x1a);
  readonly i32 = (n: number): Pushed => (this.code.push(0x41), signed(this.code, n), pushed);

  readonly i64 = (n: number): Pushed => (this.code.push(0x42), signed(this.code, n), pushed);

  readonly op = (name: Op, ..._operands: Pushed[]): Pushed => {
    if (name in plain) this.code.push(plain[name as PlainOp]);
    else (this.code.push(0xfd), unsigned(this.code, simd[name as SimdOp]));
    return pushed;
  };

  // The i32 arithmetic that addresses and counters are made of.
  readonly add = (a: Pushed, b: Pushed): Pushed => this.op("i32.add", a, b);
  readonly sub = (a: Pushed, b: Pushed): Pushed => this.op("i32.sub", a, b);
  readonly mul = (a: Pushed, b: Pushed): Pushed => this.op("i32.mul", a, b);
  /** l += value */
  readonly increase = (l: Local, value: Pushed): void => this.set(l, this.add(value, this.get(l)));
  /** Unsigned minimum of two locals. */
  readonly min = (a: Local, b: Local): Pushed => this.op("select", this.get(a), this.get(b), this.op("i32.lt_u", this.get(a), this.get(b)));

  /** A vector constant: its lanes, or one value for all of them. */
  readonly constant = (type: keyof typeof constantLanes, value: number | readonly number[]): Pushed => {
    if (typeof value === "number") constantLanes[type].fill(value);
    else constantLanes[type].set(value);
    this.code.push(0xfd, 0x0c);
    for (let i = 0; i < 16; i++) this.code.push(constantBytes[i]!);
    return pushed;
  };
  /** Four 32-bit lanes out of eight: 0..3 of a, 4..7 of b. */
  readonly shuffle = (a: Pushed, b: Pushed, lanes: readonly [number, number, number, number]): Pushed => {
    (void a, void b);
    this.code.push(0xfd, 0x0d);
    for (const l of lanes) this.code.push(4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3);
    return pushed;
  };
  readonly lane = (name: keyof typeof laneOps, number: number, ..._operands: Pushed[]): Pushed => (
    this.code.push(0xfd, laneOps[name], number),
    pushed
  );

  readonly load = (name: keyof typeof loads, _address: Pushed, offset = 0): Pushed => this.#access(loads[name], offset);
  readonly store = (name: keyof typeof stores, _address: Pushed, _value: Pushed, offset = 0): void =>
    void this.#access(stores[name], offset);
  /** Replaces one lane of a vector by an element of memory. */
  readonly loadLane = (name: "v128.load32_lane" | "v128.load64_lane", number: number, _address: Pushed, _vector: Pushed): Pushed => {
    this.#access([0xfd, laneAccesses[name]], 0);
    this.code.push(number);
    return pushed;
  };
  readonly storeLane = (
    name: "v128.store32_lane" | "v128.store64_lane",
    number: number,
    _address: Pushed,
    _vector: Pushed,
    offset = 0,
  ): void => {
    this.#access([0xfd, laneAccesses[name]], offset);
    this.code.push(number);
  };
  /** An atomic access of the address that is the first operand. Stores leave nothing. */
  readonly atomic = (name: keyof typeof atomics, offset: number, ..._operands: Pushed[]): Pushed => {
    const [code, alignment] = atomics[name];
    this.code.push(0xfe, code, alignment);
    unsigned(this.code, offset);
    return pushed;
  };
  readonly memoryCopy = (_to: Pushed, _from: Pushed, _bytes: Pushed): void => void this.code.push(0xfc, 0x0a, 0, 0);
  readonly memoryFill = (_to: Pushed, _byte: Pushed, _bytes: Pushed): void => void this.code.push(0xfc, 0x0b, 0);

  readonly block = (body: (end: Label) => void): void => this.#structure(0x02, body);
  readonly loop = (body: (start: Label) => void): void => this.#structure(0x03, body);
  readonly if = (_condition: Pushed, then: (end: Label) => void, otherwise?: () => void): void =>
    this.#structure(0x04, (end) => {
      then(end);
      if (otherwise) (this.code.push(0x05), otherwise());
    });
  readonly br = (to: Label): void => void this.#withNumber(0x0c, this.#depth - to.depth);
  readonly brIf = (to: Label, _condition: Pushed): void => void this.#withNumber(0x0d, this.#depth - to.depth);
  readonly return = (): void => void this.code.push(0x0f);

  readonly call = (target: Import | FunctionBuilder, ..._args: Pushed[]): Pushed => {
    this.code.push(0x10);
    this.calls.push({ position: this.code.length, target });
    this.code.push(0x80, 0x80, 0x80, 0x80, 0x00);
    return pushed;
  };
  /** Calls the function of type (i32) -> () at a place of the table. */
  readonly callIndirect = (_argument: Pushed, _place: Pushed): void => void this.code.push(0x11, 0, 0);

  #withNumber(opcode: number, n: number): Pushed {
    this.code.push(opcode);
    unsigned(this.code, n);
    return pushed;
  }

  #access(opcode: readonly number[], offset: number): Pushed {
    this.code.push(...opcode, 2);
    unsigned(this.code, offset);
    return pushed;
  }

  #structure(opcode: number, body: (label: Label) => void): void {
    this.code.push(opcode, 0x40);
    body({ depth: ++this.#depth });
    this.#depth--;
    this.code.push(0x0b);
  }
}

/**
 * A module over one imported memory, one imported function table and one imported i32 global (the scratch address).
 * Type 0 is (i32) -> (), the type of kernels.
 */
export class ModuleBuilder {
  readonly #functions: FunctionBuilder[] = [];
  readonly #types: string[] = [];

  constructor() {
    this.#typeOf([I32], []);
  }

  function(params: readonly ValueType[], results: readonly ValueType[], exportName?: string): FunctionBuilder {
    const f = new FunctionBuilder(params, results, exportName);
    this.#functions.push(f);
    return f;
  }

  /** `shared`: the memory is one that threads share. */
  encode(shared = false): Uint8Array<ArrayBuffer> {
    const imports = [
      ...new Set(this.#functions.flatMap((f) => f.calls.map((c) => c.target)).filter((t): t is Import => !(t instanceof FunctionBuilder))),
    ];
    const numbers = new Map<Import | FunctionBuilder, number>([...imports, ...this.#functions].map((f, i) => [f, i]));
    const importTypes = imports.map((i) => this.#typeOf(i.params, i.results));
    const functionTypes = this.#functions.map((f) => this.#typeOf(f.params, f.results));

    const out = new Chunks();
    out.add([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, items: readonly Chunk[]): void => {
      const head = leb(items.length);
      out.add([id, ...leb(items.reduce((sum, item) => sum + item.length, head.length)), ...head]);
      for (const item of items) out.add(item);
    };
    section(
      1,
      this.#types.map((t) => [
        0x60,
        ...t.split("|").flatMap((list) => counted(list === "" ? [] : list.split(",").map((n) => [Number(n)]))),
      ]),
    );
    section(2, [
      [...named("env"), ...named("memory"), 2, ...(shared ? [3, 0, ...leb(MAX_PAGES)] : [0, 0])],
      [...named("env"), ...named("table"), 1, 0x70, 0, 0],
      [...named("env"), ...named("scratch"), 3, I32, 0],
      ...imports.map((f, i) => [...named("env"), ...named(f.name), 0, ...leb(importTypes[i]!)]),
    ]);
    section(3, functionTypes.map(leb));
    section(
      7,
      this.#functions.filter((f) => f.exportName !== undefined).map((f) => [...named(f.exportName!), 0, ...leb(numbers.get(f)!)]),
    );
    section(
      10,
      this.#functions.map((f) => functionBody(f, numbers)),
    );
    return out.bytes();
  }

  #typeOf(params: readonly ValueType[], results: readonly ValueType[]): number {
    const text = `${params.join()}|${results.join()}`;
    const found = this.#types.indexOf(text);
    return found >= 0 ? found : this.#types.push(text) - 1;
  }
}

function leb(n: number): number[] {
  const out: number[] = [];
  unsigned(out, n);
  return out;
}

const counted = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()];
const named = (name: string): number[] => [...leb(name.length), ...new TextEncoder().encode(name)];

/** Bytes as a list of pieces. */
type Chunk = readonly number[] | Uint8Array;
class Chunks {
  readonly #list: Chunk[] = [];
  #length = 0;

  add(chunk: Chunk): void {
    this.#list.push(chunk);
    this.#length += chunk.length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#list) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}

function functionBody(f: FunctionBuilder, numbers: ReadonlyMap<Import | FunctionBuilder, number>): Uint8Array {
  for (const { position, target } of f.calls) {
    let n = numbers.get(target)!;
    for (let i = 0; i < 5; i++, n >>>= 7) f.code[position + i] = (n & 127) | (i < 4 ? 128 : 0);
  }
  const runs: [number, ValueType][] = [];
  for (const type of f.localTypes) {
    const last = runs[runs.length - 1];
    if (last?.[1] === type) last[0]++;
    else runs.push([1, type]);
  }
  const locals = counted(runs.map(([n, type]) => [...leb(n), type]));
  const out = new Chunks();
  out.add(leb(locals.length + f.code.length + 1));
  out.add(locals);
  out.add(f.code);
  out.add([0x0b]);
  return out.bytes();
}
