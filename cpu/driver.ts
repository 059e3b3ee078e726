/**
 * The WebAssembly function that carries plans out, so that running one is one call. A plan lies in memory as a list of commands (commands.ts).
 *
 * A command is a list of 32-bit words: its opcode, its length in bytes, its operands. Opcodes from FIRST_KERNEL on are
 * kernels, by their place in the function table; their operands are the kernel's arguments.
 */
import { I32, ModuleBuilder } from "./encoder.ts";
import { emitParallel } from "./parallel.ts";

export const Opcode = {
  end: 0,
  copy: 1,
  startLoop: 2,
  endLoop: 3,
  move: 4,
  turn: 5,
  jumpIfZero: 6,
  jump: 7,
  branch: 8,
  parallel: 9,
  wake: 10,
} as const;
/** Places of the function table below are never kernels. */
export const FIRST_KERNEL = 16;

/**
 * The module that exports `run(address of the first command, address of the control block or 0)`, which returns 1 if workers were lost in the midst
 * of it, else 0; over a shared memory also what threads need.
 */
export function driverModule(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const parallel = shared ? emitParallel(module) : undefined;
  const f = module.function([I32, I32], [I32], "run");
  const { get, i32 } = f;
  const [at, control] = [0, 1];
  const [opcode, entry, left, place] = f.locals();
  const word = (offset: number): ReturnType<typeof get> => f.load("i32.load", get(at), offset);
  const inEntry = (offset: number): ReturnType<typeof get> => f.load("i32.load", get(entry), offset);
  /** For each entry of the list at word 8, of word 12 entries: adds its second word to what its first is the address of. */
  const addAll = (then: () => void = () => {}): void => {
    f.set(entry, word(8));
    f.set(left, word(12));
    f.if(get(left), () =>
      f.loop((more) => {
        f.set(place, inEntry(0));
        f.store("i32.store", get(place), f.add(f.load("i32.load", get(place)), inEntry(4)));
        then();
        f.increase(entry, i32(8));
        f.brIf(more, f.tee(left, f.sub(get(left), i32(1))));
      }),
    );
  };
  f.loop((next) => {
    const following = (): void => {
      f.increase(at, word(4));
      f.br(next);
    };
    const when = (code: number, then: () => void): void => f.if(f.op("i32.eq", get(opcode), i32(code)), then);
    f.set(opcode, word(0));
    f.if(f.op("i32.ge_u", get(opcode), i32(FIRST_KERNEL)), () => {
      f.callIndirect(f.add(get(at), i32(8)), get(opcode));
      following();
    });
    when(Opcode.copy, () => {
      f.memoryCopy(word(8), word(12), word(16));
      following();
    });
    // startLoop: count, where its endLoop is. A count of 0 is never emitted.
    when(Opcode.startLoop, () => {
      f.store("i32.store", word(12), word(8), 8);
      following();
    });
    // endLoop: rounds left, where the body begins.
    when(Opcode.endLoop, () => {
      f.store("i32.store", get(at), f.sub(word(8), i32(1)), 8);
      f.if(word(8), () => {
        f.set(at, word(12));
        f.br(next);
      });
      following();
    });
    // move: list, length. Addresses move on.
    when(Opcode.move, () => {
      addAll();
      following();
    });
    // turn: list, length. Addresses change places: next time they change back.
    when(Opcode.turn, () => {
      addAll(() => f.store("i32.store", get(entry), f.sub(i32(0), inEntry(4)), 4));
      following();
    });
    // branch: address of the index, how many cases, where each begins.
    when(Opcode.branch, () => {
      f.set(left, f.load("i32.load", word(8)));
      f.set(entry, f.sub(word(12), i32(1)));
      f.set(left, f.op("select", get(left), get(entry), f.op("i32.lt_s", get(left), get(entry))));
      f.set(left, f.op("select", get(left), i32(0), f.op("i32.gt_s", get(left), i32(0))));
      f.set(at, f.load("i32.load", f.add(get(at), f.op("i32.shl", get(left), i32(2))), 16));
      f.br(next);
    });
    // jumpIfZero: address of the word, target
    when(Opcode.jumpIfZero, () => {
      f.if(f.op("i32.eqz", f.load("i32.load", word(8))), () => {
        f.set(at, word(12));
        f.br(next);
      });
      following();
    });
    when(Opcode.jump, () => {
      f.set(at, word(8));
      f.br(next);
    });
    if (!parallel) return;
    when(Opcode.parallel, () => {
      f.if(f.call(parallel.publish, get(at), get(control)), () => {
        i32(1);
        f.return();
      });
      following();
    });
    when(Opcode.wake, () => {
      f.if(get(control), () => void f.call(parallel.wake, get(control)));
      following();
    });
  });
  i32(0);
  return module.encode(shared);
}
