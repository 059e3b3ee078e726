/** Routines computed with numbers: how the interpreter runs them. */
import { arrayOf } from "../core/dtype.ts";
import type { Memory } from "./interpreter.ts";
import type { RoutineKernel } from "./kernel.ts";
import { extentOf, type Index, type Machine, roomOf, type Variable } from "./routine.ts";
import { binaryFunction, unaryFunction } from "./scalar.ts";

/** A place is one number: which operand, and which of its elements. */
const SPAN = 2 ** 40;

export function runRoutine(
  { key, routine, storage }: RoutineKernel,
  sizes: readonly number[],
  reads: readonly Memory[],
  writes: readonly Memory[],
): void {
  const extents = [...routine.reads, ...routine.writes].map(({ extent }) => extentOf(extent, sizes));
  const steps = extents.map((n, i) => (routine.reads[i]?.shared ? 0 : n));
  const room = new (arrayOf(storage))(roomOf(routine, sizes)).fill(NaN);
  const operands: readonly Pick<Memory, "get" | "set" | "offset">[] = [...reads, ...writes, { ...checked(room, key), offset: 0 }];
  let item = 0;
  const within = (operand: number): number => operands[operand]!.offset + item * (steps[operand] ?? 0);
  const limit = (operand: number, element: number): number => {
    if (!(element >= 0 && element < (extents[operand] ?? room.length)))
      throw new RangeError(`kernel ${key}: operand ${operand} at element ${element} of ${extents[operand] ?? room.length}`);
    return element;
  };
  const load = (place: number, beyond = 0): number => {
    const operand = Math.floor(place / SPAN);
    return operands[operand]!.get(within(operand) + limit(operand, (place % SPAN) + beyond));
  };
  const store = (place: number, value: number, beyond = 0): void => {
    const operand = Math.floor(place / SPAN);
    operands[operand]!.set(within(operand) + limit(operand, (place % SPAN) + beyond), value);
  };
  const each = (from: number, to: number, body: (i: Index<number>) => void): void => {
    for (let i = from; i < to; i++) body(() => i);
  };
  const variable = (): Variable<number> => {
    let value = NaN;
    return Object.assign(() => value, { set: (v: number) => void (value = v) });
  };
  const machine: Machine<number> = {
    int: (n) => n,
    plus: (a, b) => (a + b) | 0,
    minus: (a, b) => (a - b) | 0,
    times: Math.imul,
    less: (a, b) => +(a < b),
    same: (a, b) => +(a === b),
    real: (x) => (storage === "f32" ? Math.fround(x) : x),
    add: binaryFunction("add", storage),
    sub: binaryFunction("sub", storage),
    mul: binaryFunction("mul", storage),
    div: binaryFunction("div", storage),
    sqrt: unaryFunction("sqrt", storage),
    abs: Math.abs,
    neg: (a) => -a,
    lt: (a, b) => +(a < b),
    eq: (a, b) => +(a === b),
    and: (a, b) => a & b,
    not: (a) => +(a === 0),
    variable,
    counter: variable,
    keep: (value) => () => value,
    at: (operand, element) => operand * SPAN + limit(operand, element),
    load,
    store,
    loadInt: load,
    storeInt: store,
    each,
    down: (from, to, body) => {
      for (let i = from - 1; i >= to; i--) body(() => i);
    },
    lanes: each,
    if: (condition, then, otherwise) => (condition !== 0 ? then() : otherwise?.()),
    while: (condition, body) => {
      while (condition() !== 0) body();
    },
    size: (k) => sizes[k]!,
  };
  for (; item < sizes[0]!; item++) routine.run(machine);
}

const checked = (data: { [i: number]: number; readonly length: number }, key: string): Pick<Memory, "get" | "set"> => {
  const check = (i: number): number => {
    if (!(i >= 0 && i < data.length)) throw new RangeError(`kernel ${key}: the room at element ${i} of ${data.length}`);
    return i;
  };
  return { get: (i) => data[check(i)]!, set: (i, v) => void (data[check(i)] = v) };
};
