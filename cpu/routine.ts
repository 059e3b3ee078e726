/** Routines as WebAssembly: a machine (kernel/routine.ts) that emits code. What it hands out says only that something is on the stack. */
import { type Storage, storageBytes } from "../core/dtype.ts";
import type { RoutineKernel } from "../kernel/kernel.ts";
import { type Index, type Machine, roomOf, storagesOf, type Variable } from "../kernel/routine.ts";
import { F32, F64, type FunctionBuilder, type Local, type Pushed, V128 } from "./encoder.ts";
import type { Op } from "./opcodes.ts";

export const routineWorkspace = ({ routine, storage }: RoutineKernel, sizes: readonly number[]): number =>
  roomOf(routine, sizes) * storageBytes(storage);

/** Arguments: sizes, addresses of reads and writes, workspace. */
export function emitRoutine(f: FunctionBuilder, { routine, storage }: RoutineKernel): void {
  const { get, set, i32 } = f;
  const operands = [...routine.reads, ...routine.writes];
  const storages = storagesOf(operands, storage);
  const sizeCount = 1 + Math.max(0, ...[...operands, ...(routine.room ?? [])].flatMap(({ extent }) => extent));
  const words = take(f.words(0), sizeCount + operands.length + 1);
  const [sizes, places] = [words.slice(0, sizeCount), words.slice(sizeCount)];
  const [items] = sizes as [Local];
  const bytes = operands.map(({ extent }, i) => {
    if (routine.reads[i]?.shared) return undefined;
    const local = f.local();
    set(
      local,
      extent.reduce<Pushed>((n, k) => f.mul(n, get(sizes[k]!)), i32(storageBytes(storages[i]!))),
    );
    return local;
  });
  const machine = machineOf(f, storage, sizes, places, [...storages, storage]);
  f.if(get(items), () =>
    f.loop((next) => {
      routine.run(machine);
      bytes.forEach((b, i) => b !== undefined && f.increase(places[i]!, get(b)));
      f.brIf(next, f.tee(items, f.sub(get(items), i32(1))));
    }),
  );
}

function take(locals: Iterable<Local>, count: number): Local[] {
  const taken: Local[] = [];
  if (count > 0)
    for (const l of locals) {
      taken.push(l);
      if (taken.length === count) break;
    }
  return taken;
}

function machineOf(
  f: FunctionBuilder,
  storage: Storage,
  sizes: readonly Local[],
  places: readonly Local[],
  storages: readonly Storage[],
): Machine<Pushed> {
  const { get, set, op, i32 } = f;
  const type = storage as "f32" | "f64";
  const [vector, count] = type === "f32" ? (["f32x4", 4] as const) : (["f64x2", 2] as const);
  const bytes = storageBytes(storage);
  /** Whether several lanes are computed at once. */
  let wide = false;
  const real = (name: string, ...operands: Pushed[]): Pushed => op(`${wide ? vector : type}.${name}` as Op, ...operands);
  const splat = (value: Pushed): Pushed => (wide ? op(`${vector}.splat`, value) : value);
  const variable = (local: Local): Variable<Pushed> => Object.assign(() => get(local), { set: (value: Pushed) => set(local, value) });

  /** From i on, `step` at a time, as long as that many are left before the limit. */
  const upTo = (i: Local, limit: Local, step: number, body: (i: Index<Pushed>) => void): void => {
    const more = (): Pushed => op("i32.le_s", f.add(get(i), i32(step)), get(limit));
    f.if(more(), () =>
      f.loop((next) => {
        body(() => get(i));
        f.increase(i, i32(step));
        f.brIf(next, more());
      }),
    );
  };
  /** Takes the two bounds from the stack. */
  const bounds = (): { i: Local; limit: Local } => {
    const [i, limit] = f.locals();
    set(limit, onStack);
    set(i, onStack);
    return { i, limit };
  };
  return {
    int: i32,
    plus: f.add,
    minus: f.sub,
    times: f.mul,
    less: (a, b) => op("i32.lt_s", a, b),
    same: (a, b) => op("i32.eq", a, b),
    real: (x) => (wide ? f.constant(type, x) : f.lane(`${vector}.extract_lane`, 0, f.constant(type, x))),
    add: (a, b) => real("add", a, b),
    sub: (a, b) => real("sub", a, b),
    mul: (a, b) => real("mul", a, b),
    div: (a, b) => real("div", a, b),
    sqrt: (a) => real("sqrt", a),
    abs: (a) => real("abs", a),
    neg: (a) => real("neg", a),
    lt: (a, b) => op(`${type}.lt`, a, b),
    eq: (a, b) => op(`${type}.eq`, a, b),
    and: (a, b) => op("i32.and", a, b),
    not: (a) => op("i32.eqz", a),
    variable: () => {
      const local = f.local(type === "f32" ? F32 : F64);
      return Object.assign(() => splat(get(local)), { set: (value: Pushed) => set(local, value) });
    },
    counter: () => variable(f.local()),
    keep: (value) => {
      const local = f.local(wide ? V128 : type === "f32" ? F32 : F64);
      set(local, value);
      return () => get(local);
    },
    at: (operand, element) => f.add(op("i32.shl", element, i32(Math.log2(storageBytes(storages[operand]!)))), get(places[operand]!)),
    load: (place, beyond = 0) => f.load(wide ? "v128.load" : `${type}.load`, place, beyond * bytes),
    store: (place, value, beyond = 0, step = 1) => {
      if (!wide || step === 1) return f.store(wide ? "v128.store" : `${type}.store`, place, value, beyond * bytes);
      const [to, lanes] = [f.local(), f.local(V128)];
      set(lanes, value);
      set(to, place);
      for (let i = 0; i < count; i++)
        f.storeLane(type === "f32" ? "v128.store32_lane" : "v128.store64_lane", i, get(to), get(lanes), (beyond + i * step) * bytes);
    },
    loadInt: (place) => f.load("i32.load", place),
    storeInt: (place, value) => f.store("i32.store", place, value),
    each: (_from, _to, body) => {
      const { i, limit } = bounds();
      upTo(i, limit, 1, body);
    },
    down: (_from, _to, body) => {
      const { i, limit } = bounds();
      const more = (): Pushed => op("i32.gt_s", get(i), get(limit));
      f.if(more(), () =>
        f.loop((next) => {
          f.increase(i, i32(-1));
          body(() => get(i));
          f.brIf(next, more());
        }),
      );
    },
    lanes: (_from, _to, body) => {
      const { i, limit } = bounds();
      wide = true;
      upTo(i, limit, count, body);
      wide = false;
      upTo(i, limit, 1, body);
    },
    if: f.if,
    while: (condition, body) =>
      f.block((done) =>
        f.loop((next) => {
          f.brIf(done, op("i32.eqz", condition()));
          body();
          f.br(next);
        }),
      ),
    size: (k) => get(sizes[k]!),
  };
}

/** What an operand before this one has left. */
const onStack: Pushed = { onStack: true };
