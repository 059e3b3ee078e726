/**
 * The WebAssembly binary format, as far as kernels need it: modules, functions, structured control, SIMD.
 *
 * WebAssembly is a stack machine and JavaScript evaluates arguments before the call, so an instruction is written as
 * a call whose operands are calls: `op("i32.add", get(a), i32(4))` emits local.get, i32.const, i32.add in this order.
 * The operands' values are tokens (`Pushed`) that only say that something was left on the stack.
 */

export const I32 = 0x7f;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof F32 | typeof F64 | typeof V128;

/** A value that the code before has left on the stack. */
export interface Pushed {
  readonly onStack: true;
}
const pushed: Pushed = { onStack: true };

/** A local variable or parameter of the function being built. */
export type Local = number;

/** A target of branches: the end of a block, or the start of a loop. */
export interface Label {
  readonly depth: number;
}

/** Instructions without immediates, under the names of the text format. One byte, or 0xfd and a number for SIMD. */
const plain = {
  return: 0x0f, drop: 0x1a, select: 0x1b, unreachable: 0x00,
  "i32.eqz": 0x45, "i32.eq": 0x46, "i32.ne": 0x47, "i32.lt_s": 0x48, "i32.lt_u": 0x49, "i32.gt_s": 0x4a, "i32.gt_u": 0x4b,
  "i32.le_s": 0x4c, "i32.le_u": 0x4d, "i32.ge_s": 0x4e, "i32.ge_u": 0x4f,
  "f32.eq": 0x5b, "f32.ne": 0x5c, "f32.lt": 0x5d, "f32.gt": 0x5e, "f32.le": 0x5f, "f32.ge": 0x60,
  "f64.eq": 0x61, "f64.ne": 0x62, "f64.lt": 0x63, "f64.gt": 0x64, "f64.le": 0x65, "f64.ge": 0x66,
  "i32.add": 0x6a, "i32.sub": 0x6b, "i32.mul": 0x6c, "i32.div_s": 0x6d, "i32.div_u": 0x6e, "i32.rem_s": 0x6f, "i32.rem_u": 0x70,
  "i32.and": 0x71, "i32.or": 0x72, "i32.xor": 0x73, "i32.shl": 0x74, "i32.shr_s": 0x75, "i32.shr_u": 0x76,
  "f32.add": 0x92, "f32.sub": 0x93, "f32.mul": 0x94, "f64.add": 0xa0, "f64.sub": 0xa1, "f64.mul": 0xa2,
  "f32.demote_f64": 0xb6, "f64.promote_f32": 0xbb,
} as const;

const simd = {
  "i32x4.splat": 0x11, "f32x4.splat": 0x13, "f64x2.splat": 0x14,
  "i32x4.eq": 0x37, "i32x4.ne": 0x38, "i32x4.lt_s": 0x39, "i32x4.lt_u": 0x3a, "i32x4.gt_s": 0x3b, "i32x4.gt_u": 0x3c,
  "i32x4.le_s": 0x3d, "i32x4.le_u": 0x3e, "i32x4.ge_s": 0x3f, "i32x4.ge_u": 0x40,
  "f32x4.eq": 0x41, "f32x4.ne": 0x42, "f32x4.lt": 0x43, "f32x4.gt": 0x44, "f32x4.le": 0x45, "f32x4.ge": 0x46,
  "f64x2.eq": 0x47, "f64x2.ne": 0x48, "f64x2.lt": 0x49, "f64x2.gt": 0x4a, "f64x2.le": 0x4b, "f64x2.ge": 0x4c,
  "v128.not": 0x4d, "v128.and": 0x4e, "v128.andnot": 0x4f, "v128.or": 0x50, "v128.xor": 0x51, "v128.bitselect": 0x52, "v128.any_true": 0x53,
  "f32x4.demote_f64x2_zero": 0x5e, "f64x2.promote_low_f32x4": 0x5f,
  "f32x4.ceil": 0x67, "f32x4.floor": 0x68, "f32x4.trunc": 0x69, "f32x4.nearest": 0x6a,
  "f64x2.ceil": 0x74, "f64x2.floor": 0x75, "f64x2.trunc": 0x7a, "f64x2.nearest": 0x94,
  "i32x4.abs": 0xa0, "i32x4.neg": 0xa1, "i32x4.all_true": 0xa3,
  "i32x4.shl": 0xab, "i32x4.shr_s": 0xac, "i32x4.shr_u": 0xad, "i32x4.add": 0xae, "i32x4.sub": 0xb1, "i32x4.mul": 0xb5,
  "i32x4.min_s": 0xb6, "i32x4.min_u": 0xb7, "i32x4.max_s": 0xb8, "i32x4.max_u": 0xb9,
  "i64x2.extend_low_i32x4_s": 0xc7, "i64x2.extend_high_i32x4_s": 0xc8,
  "f32x4.abs": 0xe0, "f32x4.neg": 0xe1, "f32x4.sqrt": 0xe3, "f32x4.add": 0xe4, "f32x4.sub": 0xe5, "f32x4.mul": 0xe6, "f32x4.div": 0xe7,
  "f32x4.min": 0xe8, "f32x4.max": 0xe9,
  "f64x2.abs": 0xec, "f64x2.neg": 0xed, "f64x2.sqrt": 0xef, "f64x2.add": 0xf0, "f64x2.sub": 0xf1, "f64x2.mul": 0xf2, "f64x2.div": 0xf3,
  "f64x2.min": 0xf4, "f64x2.max": 0xf5,
  "i32x4.trunc_sat_f32x4_s": 0xf8, "i32x4.trunc_sat_f32x4_u": 0xf9, "f32x4.convert_i32x4_s": 0xfa, "f32x4.convert_i32x4_u": 0xfb,
  "i32x4.trunc_sat_f64x2_s_zero": 0xfc, "i32x4.trunc_sat_f64x2_u_zero": 0xfd, "f64x2.convert_low_i32x4_s": 0xfe, "f64x2.convert_low_i32x4_u": 0xff,
} as const;

const lane = {
  "i32x4.extract_lane": 0x1b, "i32x4.replace_lane": 0x1c, "f32x4.extract_lane": 0x1f, "f32x4.replace_lane": 0x20,
  "f64x2.extract_lane": 0x21, "f64x2.replace_lane": 0x22,
} as const;

const loads = { "i32.load": [0x28], "f32.load": [0x2a], "f64.load": [0x2b], "v128.load": [0xfd, 0x00], "v128.load32_splat": [0xfd, 0x09], "v128.load64_splat": [0xfd, 0x0a] } as const;
const stores = { "i32.store": [0x36], "f32.store": [0x38], "f64.store": [0x39], "v128.store": [0xfd, 0x0b] } as const;
const laneLoads = { "v128.load32_lane": 0x56, "v128.load64_lane": 0x57 } as const;
const laneStores = { "v128.store32_lane": 0x5a, "v128.store64_lane": 0x5b } as const;

export type PlainOp = keyof typeof plain;
export type SimdOp = keyof typeof simd;
export type Op = PlainOp | SimdOp;

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
const constantLanes = { f32: new Float32Array(constantBytes.buffer), f64: new Float64Array(constantBytes.buffer), i32: new Int32Array(constantBytes.buffer) };

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
  readonly locals: ValueType[] = [];
  readonly code: number[] = [];
  /** Calls whose function numbers are known when the module is complete. */
  readonly calls: { readonly position: number; readonly target: Import | FunctionBuilder }[] = [];
  #depth = 0;

  constructor(params: readonly ValueType[], results: readonly ValueType[], exportName?: string) {
    this.params = params;
    this.results = results;
    this.exportName = exportName;
  }

  readonly local = (type: ValueType = I32): Local => this.params.length + this.locals.push(type) - 1;
  readonly get = (l: Local): Pushed => this.#withNumber(0x20, l);
  readonly set = (l: Local, _value: Pushed): void => void this.#withNumber(0x21, l);
  readonly tee = (l: Local, _value: Pushed): Pushed => this.#withNumber(0x22, l);
  readonly global = (index: number): Pushed => this.#withNumber(0x23, index);
  readonly drop = (_value: Pushed): void => void this.code.push(0x1a);
  readonly i32 = (n: number): Pushed => (this.code.push(0x41), signed(this.code, n), pushed);

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
    void a, void b;
    this.code.push(0xfd, 0x0d);
    for (const l of lanes) this.code.push(4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3);
    return pushed;
  };
  readonly lane = (name: keyof typeof lane, number: number, ..._operands: Pushed[]): Pushed => (this.code.push(0xfd, lane[name], number), pushed);

  readonly load = (name: keyof typeof loads, _address: Pushed, offset = 0): Pushed => this.#access(loads[name], offset);
  readonly store = (name: keyof typeof stores, _address: Pushed, _value: Pushed, offset = 0): void => void this.#access(stores[name], offset);
  /** Replaces one lane of a vector by an element of memory. */
  readonly loadLane = (name: keyof typeof laneLoads, number: number, _address: Pushed, _vector: Pushed): Pushed => {
    this.#access([0xfd, laneLoads[name]], 0);
    this.code.push(number);
    return pushed;
  };
  readonly storeLane = (name: keyof typeof laneStores, number: number, _address: Pushed, _vector: Pushed, offset = 0): void => {
    this.#access([0xfd, laneStores[name]], offset);
    this.code.push(number);
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

  encode(): Uint8Array<ArrayBuffer> {
    const imports = [...new Set(this.#functions.flatMap((f) => f.calls.map((c) => c.target)).filter((t): t is Import => !(t instanceof FunctionBuilder)))];
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
    section(1, this.#types.map((t) => [0x60, ...t.split("|").flatMap((list) => counted(list === "" ? [] : list.split(",").map((n) => [Number(n)])))]));
    section(2, [
      [...named("env"), ...named("memory"), 2, 0, 0],
      [...named("env"), ...named("table"), 1, 0x70, 0, 0],
      [...named("env"), ...named("scratch"), 3, I32, 0],
      ...imports.map((f, i) => [...named("env"), ...named(f.name), 0, ...leb(importTypes[i]!)]),
    ]);
    section(3, functionTypes.map(leb));
    section(7, this.#functions.filter((f) => f.exportName !== undefined).map((f) => [...named(f.exportName!), 0, ...leb(numbers.get(f)!)]));
    section(10, this.#functions.map((f) => functionBody(f, numbers)));
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
  for (const type of f.locals) {
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
