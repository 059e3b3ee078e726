/** Plans as commands for the driver: kernels with their arguments, copies, loops and branches; and behind the end of a plan what its commands point to. */
import { type BoundOperand, type BoundStep, type Segment, stepsIn } from "../kernel/backend.ts";
import { movedBy } from "../kernel/part.ts";
import { argumentsOf, pushArguments, singles, workspaceArguments, workspaceOf } from "./arguments.ts";
import { Opcode } from "./driver.ts";
import { parallelOperands } from "./parallel.ts";
import type { Spread } from "./parts.ts";
import { ROWS_ARGUMENTS, rowsArguments, type RowsParts } from "./rows.ts";

const rowsParts = (places: Places): RowsParts => ({
  place: (step) => places.kernel(step),
  blocks: (step, workspace) => singles(step).map((single) => argumentsOf(single, workspace)),
  workspaceOf,
  claim: (bytes) => places.stage(bytes),
  write: (address, words) => places.write(address, words),
});

/** What encoding a plan needs to know of the backend. */
export interface Places {
  /** The kernel's place in the function table. */
  kernel(step: BoundStep): number;
  /** Memory that the plan's steps may use one after the other; how far that of the next thread is. */
  readonly workspace: number;
  readonly workspaceStride: number;
  /** The parts of a step that several threads are to carry out. */
  spread(step: BoundStep): Spread | undefined;
  /** Whether there are such steps. */
  readonly parallel: boolean;
  /** Room for `bytes` bytes that live as long as the plan. */
  stage(bytes: number): number;
  write(address: number, words: Uint32Array): void;
}

/** What changes from round to round of a loop: words that hold addresses, and how many bytes are added to them. */
interface Round {
  /** After every round. */
  readonly moves: Entry[];
  /** After the last one: back to where they began. */
  readonly back: Entry[];
  /** Added and taken away in turns. */
  readonly turns: Entry[];
  readonly count: number;
}
type Entry = readonly [word: number, by: number];

/** The commands of a plan, and which of their words are addresses of commands, counted from the first one. */
export function encodeCommands(segments: readonly Segment[], places: Places): { words: Uint32Array; relative: readonly number[] } {
  const words: number[] = [];
  const relative: number[] = [];
  /** Returns the index of the command's first operand. */
  const command = (opcode: number, pushOperands: () => void): number => {
    const start = words.push(opcode, 0);
    pushOperands();
    words[start - 1] = 4 * (words.length - start + 2);
    return start;
  };
  const fixed = (opcode: number, ...operands: number[]): number => command(opcode, () => words.push(...operands));
  /** Lets an operand be the address of the command that begins at word `at`. */
  const link = (operand: number, at = words.length): void => {
    words[operand] = 4 * at;
    relative.push(operand);
  };
  const invoke = (step: BoundStep, loops: readonly Round[]): void => {
    if (step.kernel.kind === "rows") {
      if (step.rows!.stages.some((s) => isMoving(s.step)))
        throw new Error("cpu: what a rows kernel works on does not move from round to round");
      return void command(places.kernel(step), () => words.push(...rowsArguments(step, rowsParts(places))));
    }
    for (const single of singles(step)) {
      const workspace = workspaceOf(single) > 0 ? places.workspace : 0;
      const start = command(places.kernel(single), () => pushArguments(words, single, workspace));
      if (isMoving(single)) follow(single, start, loops, (s) => argumentsOf(s, workspace));
    }
  };
  /** Notes how the words from `start` on that belong to a step change with the rounds. */
  const follow = (step: BoundStep, start: number, loops: readonly Round[], wordsOf: (step: BoundStep) => readonly number[]): void => {
    const now = wordsOf(step);
    const differing = (other: BoundStep, visit: (entry: Entry) => void): void =>
      wordsOf(other).forEach((w, i) => w !== now[i] && visit([start + i, w - now[i]!]));
    loops.forEach(({ moves, back, turns, count }, k) => {
      const shift = (o: BoundOperand): BoundOperand => movedBy(o, o.rounds?.[k] ?? 0);
      const swap = (o: BoundOperand): BoundOperand => (o.odd?.loop === k ? { ...o, buffer: o.odd.buffer, offset: o.odd.offset } : o);
      differing(withOperands(step, shift), ([word, by]) => {
        moves.push([word, by]);
        back.push([word, -count * by]);
      });
      differing(withOperands(step, swap), (entry) => turns.push(entry));
    });
  };
  const word = (o: BoundOperand): number => o.buffer + 4 * o.offset;
  /** A command whose first operand is the address of an operand. */
  const looking = (o: BoundOperand, opcode: number, loops: readonly Round[], ...rest: number[]): number => {
    const start = fixed(opcode, word(o), ...rest);
    follow({ reads: [o], writes: [] } as unknown as BoundStep, start, loops, ({ reads }) => [word(reads[0]!)]);
    return start;
  };
  /** What follows the plan's end: parts, and lists, and the operands that are to be their addresses. */
  const parts: { readonly operand: number; readonly steps: readonly BoundStep[]; readonly loops: readonly Round[] }[] = [];
  const lists: { readonly operand: number; readonly entries: readonly Entry[] }[] = [];
  const parallel = (steps: readonly BoundStep[], loops: readonly Round[]): void => {
    const first = steps[0]!;
    const bytes = 4 * ((first.kernel.kind === "rows" ? ROWS_ARGUMENTS : argumentsOf(first, 0).length) + 2);
    const relocations = workspaceArguments(steps);
    const operands = parallelOperands({ count: steps.length, bytes, workspaceStride: places.workspaceStride, relocations });
    parts.push({ operand: fixed(Opcode.parallel, ...operands), steps, loops });
  };
  const carryOut = (step: BoundStep, loops: readonly Round[]): void => {
    const spread = places.spread(step);
    if (!spread) return invoke(step, loops);
    parallel(spread.parts.flatMap(singles), loops);
    for (const join of spread.joins) carryOut(join, loops);
  };
  const visit = (segments: readonly Segment[], loops: readonly Round[]): void => {
    for (const s of segments)
      switch (s.kind) {
        case "run":
          for (const step of s.steps) carryOut(step, loops);
          break;
        case "copy":
          for (const c of orderCopies(s.copies, places)) fixed(Opcode.copy, c.to, c.from, c.bytes);
          break;
        case "loop": {
          if (s.count <= 0) break;
          const round: Round = { moves: [], back: [], turns: [], count: s.count };
          const start = fixed(Opcode.startLoop, s.count, 0);
          const body = words.length;
          visit(s.body, [...loops, round]);
          const change = (opcode: number, entries: readonly Entry[]): void => void lists.push({ operand: fixed(opcode, 0, 0), entries });
          const { moves, turns } = changesIn(s.body, loops.length);
          if (moves) change(Opcode.move, round.moves);
          if (turns) change(Opcode.turn, round.turns);
          link(start + 1);
          link(fixed(Opcode.endLoop, 0, 0) + 1, body);
          if (moves) change(Opcode.move, round.back);
          if (turns && s.count % 2 === 1) change(Opcode.turn, round.turns);
          break;
        }
        case "while": {
          const round: Round = { moves: [], back: [], turns: [], count: 0 };
          const begin = words.length;
          visit(s.condition, [...loops, round]);
          const test = looking(s.test, Opcode.jumpIfZero, [...loops, round], 0);
          visit(s.body, [...loops, round]);
          link(fixed(Opcode.jump, 0), begin);
          link(test + 1);
          break;
        }
        case "branch": {
          const test = looking(s.index, Opcode.branch, loops, s.cases.length, ...s.cases.map(() => 0));
          const over: number[] = [];
          s.cases.forEach((steps, i) => {
            link(test + 2 + i);
            visit(steps, loops);
            if (i < s.cases.length - 1) over.push(fixed(Opcode.jump, 0));
          });
          for (const operand of over) link(operand);
        }
      }
  };
  if (places.parallel) fixed(Opcode.wake);
  visit(segments, []);
  fixed(Opcode.end);
  for (const { operand, steps, loops } of parts) {
    link(operand);
    for (const step of steps) invoke(step, loops);
  }
  const linked = new Map<readonly Entry[], number>();
  for (const { operand, entries } of lists) {
    // Both times that addresses turn it is by one list, which knows which way.
    let at = linked.get(entries);
    if (at === undefined) {
      linked.set(entries, (at = words.length));
      for (const [w, by] of entries) link(words.push(0, by) - 2, w);
    }
    link(operand, at);
    words[operand + 1] = entries.length;
  }
  return { words: Uint32Array.from(words, (w) => w >>> 0), relative };
}

const isMoving = ({ reads, writes }: BoundStep): boolean => [...reads, ...writes].some((o) => o.rounds || o.odd);

const withOperands = (step: BoundStep, change: (o: BoundOperand) => BoundOperand): BoundStep => ({
  ...step,
  reads: step.reads.map(change),
  writes: step.writes.map(change),
});

/** Whether any address in the body of a loop, of so many around it, moves on or turns with its rounds. */
function changesIn(body: readonly Segment[], depth: number): { readonly moves: boolean; readonly turns: boolean } {
  const operands = [...stepsIn(body).flatMap((s) => [...s.reads, ...s.writes]), ...operandsOfControl(body)];
  return { moves: operands.some((o) => (o.rounds?.[depth] ?? 0) !== 0), turns: operands.some((o) => o.odd?.loop === depth) };
}

const operandsOfControl = (segments: readonly Segment[]): BoundOperand[] =>
  segments.flatMap((s) => {
    switch (s.kind) {
      case "run":
      case "copy":
        return [];
      case "loop":
        return operandsOfControl(s.body);
      case "while":
        return [s.test, ...operandsOfControl(s.condition), ...operandsOfControl(s.body)];
      case "branch":
        return [s.index, ...s.cases.flatMap(operandsOfControl)];
    }
  });

type Copies = Extract<Segment, { kind: "copy" }>["copies"];

/** All sources are read before any destination is written: what a later copy reads goes through a staging buffer. */
function orderCopies(copies: Copies, places: Places): Copies {
  const written = new Set<number>();
  const staged = new Map<number, number>();
  const first: { from: number; to: number; bytes: number }[] = [];
  for (const c of copies) {
    if (written.has(c.from) && !staged.has(c.from)) {
      const bytes = Math.max(...copies.filter((d) => d.from === c.from).map((d) => d.bytes));
      const stage = places.stage(bytes);
      staged.set(c.from, stage);
      first.push({ from: c.from, to: stage, bytes });
    }
    written.add(c.to);
  }
  return [...first, ...copies.filter((c) => c.from !== c.to).map((c) => ({ ...c, from: staged.get(c.from) ?? c.from }))];
}
