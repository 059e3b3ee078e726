/**
 * One command on several threads. The plan's own thread publishes a parallel command, whose parts are commands that do not depend on each
 * other; whoever is free takes the next part, the plan's own thread too; when all are done the plan goes on. So a thread that is slow, asleep or
 * still starting delays nobody, and a plan needs no knowledge of how many there are.
 *
 * What threads tell each other is in a control block. The ticket is one word of 64 bits, the command's address and how many of its parts
 * nobody has taken yet, so that a part is taken by one compare-and-exchange, and never one of another command.
 */
import { type FunctionBuilder, I32, I64, type Import, type Label, type ModuleBuilder, type Pushed } from "./encoder.ts";
import { Scratch } from "./memory.ts";

/** The control block: byte offsets of its words. */
export const Control = {
  ticket: 0,
  /** Changes whenever there is something to do, after it was written. */
  signal: 8,
  sleepers: 12,
  /** How many workers have begun to serve. */
  workers: 16,
  /** How many modules the workers must have, and the first of them (see threads.ts). */
  version: 20,
  firstModule: 24,
  stop: 28,
  /** Set by a worker that cannot go on. */
  failed: 32,
  /** Set where the plan's own thread is to leave all parts to workers, which then carry them out for certain. */
  aside: 36,
  /** How many modules each worker has. */
  versions: 64,
  bytes: 64 + 4 * 64,
} as const;

/**
 * A parallel command, behind opcode and length: where the first part is, how many there are, the length of each in bytes; how many are done;
 * how far the workspaces of two threads are apart, the number of arguments that are addresses in them, and where in the arguments each of
 * these is.
 */
const Word = { first: 8, parts: 12, partBytes: 16, done: 20, workspaceStride: 24, relocations: 28, list: 32 } as const;

export interface Parts {
  readonly count: number;
  readonly bytes: number;
  readonly workspaceStride: number;
  /** Which arguments, in bytes, are addresses in the workspace. */
  readonly relocations: readonly number[];
}

/** The operands of a parallel command. The first must become the address of the first part; they follow each other. */
export const parallelOperands = ({ count, bytes, workspaceStride, relocations }: Parts): number[] => [
  0,
  count,
  bytes,
  0,
  workspaceStride,
  relocations.length,
  ...relocations,
];

/** Bytes of arguments with addresses in the workspace, at most: a thread changes a copy of them. */
export const ARGUMENT_BYTES = Scratch.tails - Scratch.arguments;

/** Rounds that a worker with nothing to do goes on looking before it sleeps: about 100 us, longer than what lies between two commands. */
const IDLE_ROUNDS = 100_000;
/** Rounds between two questions whether to go on waiting for the last parts. */
const WAIT_ROUNDS = 16_384;

/** Why `serve` returns. */
export const Reason = { modules: 1, stop: 2 } as const;

/** Asked while waiting, with how often it was: other than 0 to give the missing parts up. */
const late: Import = { name: "late", params: [I32], results: [I32] };

/** Carries out one part. (command, part, thread) -> () */
function emitRun(module: ModuleBuilder): FunctionBuilder {
  const f = module.function([I32, I32, I32], []);
  const { get, set, i32 } = f;
  const [command, part, thread] = [0, 1, 2];
  const word = (offset: number): Pushed => f.load("i32.load", get(command), offset);
  const [source, args, at, end, place] = f.locals();
  set(source, f.add(word(Word.first), f.mul(get(part), word(Word.partBytes))));
  set(args, f.add(get(source), i32(8)));
  f.if(word(Word.relocations), () => {
    set(args, f.add(f.global(0), i32(Scratch.arguments)));
    f.memoryCopy(get(args), f.add(get(source), i32(8)), f.sub(word(Word.partBytes), i32(8)));
    set(at, f.add(get(command), i32(Word.list)));
    set(end, f.add(get(at), f.op("i32.shl", word(Word.relocations), i32(2))));
    f.loop((next) => {
      set(place, f.add(get(args), f.load("i32.load", get(at))));
      f.store("i32.store", get(place), f.add(f.load("i32.load", get(place)), f.mul(get(thread), word(Word.workspaceStride))));
      f.brIf(next, f.op("i32.lt_u", f.tee(at, f.add(get(at), i32(4))), get(end)));
    });
  });
  f.callIndirect(get(args), f.load("i32.load", get(source)));
  return f;
}

/** Takes parts and carries them out until none is left, or one that needs modules beyond `version`. (control, thread, version) -> () */
function emitWork(module: ModuleBuilder, run: FunctionBuilder): FunctionBuilder {
  const f = module.function([I32, I32, I32], []);
  const { get, set, op, i32, i64 } = f;
  const [control, thread, version] = [0, 1, 2];
  const ticket = f.local(I64);
  const [command, part] = f.locals();
  const left = (): Pushed => op("i32.wrap_i64", get(ticket));
  const word = (offset: number): Pushed => f.load("i32.load", get(command), offset);
  f.loop((next) => {
    set(ticket, f.atomic("i64.atomic.load", Control.ticket, get(control)));
    f.if(op("i32.eqz", left()), () => f.return());
    // The ticket first: what it needs was announced before it.
    f.if(op("i32.ne", f.atomic("i32.atomic.load", Control.version, get(control)), get(version)), () => f.return());
    const fewer = (): Pushed => op("i64.sub", get(ticket), i64(1));
    const found = f.atomic("i64.atomic.rmw.cmpxchg", Control.ticket, get(control), get(ticket), fewer());
    f.brIf(next, op("i32.eqz", op("i64.eq", found, get(ticket))));
    set(command, op("i32.wrap_i64", op("i64.shr_u", get(ticket), i64(32))));
    set(part, f.sub(word(Word.parts), left()));
    f.call(run, get(command), get(part), get(thread));
    f.drop(f.atomic("i32.atomic.rmw.add", Word.done, get(command), i32(1)));
    f.br(next);
  });
  return f;
}

/** What a worker does all day. (control, thread, version) -> reason */
function emitServe(module: ModuleBuilder, work: FunctionBuilder): void {
  const f = module.function([I32, I32, I32], [I32], "serve");
  const { get, set, op, i32 } = f;
  const [control, thread, version] = [0, 1, 2];
  const [signal, idle, reason] = f.locals();
  const word = (offset: number): Pushed => f.atomic("i32.atomic.load", offset, get(control));
  const until = (condition: Pushed, why: number, end: Label): void => {
    f.if(condition, () => {
      set(reason, i32(why));
      f.br(end);
    });
  };
  f.block((end) =>
    f.loop((next) => {
      // Before all else that it speaks of, so that nothing is missed between looking and sleeping.
      set(signal, word(Control.signal));
      until(word(Control.stop), Reason.stop, end);
      until(op("i32.ne", word(Control.version), get(version)), Reason.modules, end);
      f.if(op("i32.wrap_i64", f.atomic("i64.atomic.load", Control.ticket, get(control))), () => {
        f.call(work, get(control), get(thread), get(version));
        set(idle, i32(0));
        f.br(next);
      });
      f.brIf(next, op("i32.lt_u", f.tee(idle, f.add(get(idle), i32(1))), i32(IDLE_ROUNDS)));
      f.drop(f.atomic("i32.atomic.rmw.add", Control.sleepers, get(control), i32(1)));
      f.drop(f.atomic("memory.atomic.wait32", Control.signal, get(control), get(signal), f.i64(-1)));
      f.drop(f.atomic("i32.atomic.rmw.add", Control.sleepers, get(control), i32(-1)));
      set(idle, i32(0));
      f.br(next);
    }),
  );
  get(reason);
}

/** Tells workers that something has changed. (control) -> () */
function emitWake(module: ModuleBuilder): FunctionBuilder {
  const f = module.function([I32], []);
  const { get, i32 } = f;
  f.drop(f.atomic("i32.atomic.rmw.add", Control.signal, get(0), i32(1)));
  f.if(f.atomic("i32.atomic.load", Control.sleepers, get(0)), () =>
    f.drop(f.atomic("memory.atomic.notify", Control.signal, get(0), i32(-1))),
  );
  return f;
}

/** Carries out a parallel command with whoever helps. (command, control) -> 1 if parts were lost, else 0 */
function emitPublish(module: ModuleBuilder, run: FunctionBuilder, work: FunctionBuilder, wake: FunctionBuilder): FunctionBuilder {
  const f = module.function([I32, I32], [I32]);
  const { get, set, op, i32, i64 } = f;
  const [command, control] = [0, 1];
  const [part, rounds] = f.locals();
  const parts = (): Pushed => f.load("i32.load", get(command), Word.parts);
  const returning = (value: Pushed): void => (void value, f.return());

  f.if(get(control), () =>
    f.if(f.atomic("i32.atomic.load", Control.workers, get(control)), () => {
      f.atomic("i32.atomic.store", Word.done, get(command), i32(0));
      const address = (): Pushed => op("i64.shl", op("i64.extend_i32_u", get(command)), i64(32));
      f.atomic("i64.atomic.store", Control.ticket, get(control), op("i64.or", address(), op("i64.extend_i32_u", parts())));
      f.call(wake, get(control));
      f.if(op("i32.eqz", f.load("i32.load", get(control), Control.aside)), () =>
        f.call(work, get(control), i32(0), f.atomic("i32.atomic.load", Control.version, get(control))),
      );
      f.loop((next) => {
        f.if(op("i32.eq", f.atomic("i32.atomic.load", Word.done, get(command)), parts()), () => returning(i32(0)));
        set(rounds, f.add(get(rounds), i32(1)));
        f.brIf(next, op("i32.and", get(rounds), i32(WAIT_ROUNDS - 1)));
        f.brIf(next, op("i32.eqz", f.call(late, op("i32.shr_u", get(rounds), i32(Math.log2(WAIT_ROUNDS))))));
      });
      returning(i32(1));
    }),
  );
  f.loop((next) => {
    f.call(run, get(command), get(part), i32(0));
    f.brIf(next, op("i32.lt_u", f.tee(part, f.add(get(part), i32(1))), parts()));
  });
  i32(0);
  return f;
}

/** Adds to the driver what parallel commands need: `publish` and `wake`, and the export `serve` for workers. */
export function emitParallel(module: ModuleBuilder): { readonly publish: FunctionBuilder; readonly wake: FunctionBuilder } {
  const run = emitRun(module);
  const work = emitWork(module, run);
  emitServe(module, work);
  const wake = emitWake(module);
  return { publish: emitPublish(module, run, work, wake), wake };
}
