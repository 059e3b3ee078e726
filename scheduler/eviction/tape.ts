/**
 * A plan as eviction sees it: operations in an order that works, each with its cost, and the values that they read and write, each with its bytes.
 * A **schedule** runs the same operations, some of them more than once, and says when values are let go. What a value is made of does not change, so
 * computing it again gives its bits.
 */

export interface TapeOp {
  /** Values by number, each once. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** At least 0, in whatever unit: scalar operations, mostly. */
  readonly cost: number;
}

export interface TapeValue {
  readonly bytes: number;
  /** Whether it has room of its own, that no schedule gives to others: then its bytes count for nothing here. */
  readonly stays: boolean;
  readonly tags: readonly string[];
}

/** What the first operations read and none writes is there in any case, and is not mentioned. */
export interface Tape {
  readonly ops: readonly TapeOp[];
  readonly values: readonly TapeValue[];
}

/** Operations by number, in the order in which they run; and, as ~number, values that are let go. */
export type Schedule = readonly number[];

/**
 * There is no schedule within a budget, or none that this planner finds: the operation at which it gave up, and what there would be
 * then: no more than the budget, if it gave up because the schedule became too long.
 */
export class DoesNotFit extends Error {
  override readonly name = "DoesNotFit";
  readonly op: number;
  readonly bytes: number;
  /** Whether there are values that could go, had the policy not scored them Infinity. */
  held = false;

  constructor(op: number, bytes: number) {
    super(`operation ${op} takes ${bytes} bytes`);
    this.op = op;
    this.bytes = bytes;
  }
}

/** What a schedule comes to. */
export interface Figures {
  /** The most bytes of values that there are while an operation runs, and which one. */
  readonly peak: number;
  readonly fullest: number;
  readonly cost: number;
  /** How often something ran that had run before, and what that cost. */
  readonly repeated: number;
  readonly extra: number;
}

export const bytesOf = (tape: Tape, values: readonly number[]): number =>
  values.reduce((n, v) => n + (tape.values[v]!.stays ? 0 : tape.values[v]!.bytes), 0);

/** What an operation needs while it runs, whatever else is there. */
export const needOf = (tape: Tape, op: number): number => bytesOf(tape, tape.ops[op]!.reads) + bytesOf(tape, tape.ops[op]!.writes);

/** The operation that needs the most: no schedule takes less. */
export function bottleneck(tape: Tape): { readonly op: number; readonly bytes: number } {
  let most = { op: 0, bytes: 0 };
  for (let op = 0; op < tape.ops.length; op++) {
    const bytes = needOf(tape, op);
    if (bytes > most.bytes) most = { op, bytes };
  }
  return most;
}

/** Follows a schedule and counts. Throws where it runs what cannot run, lets go what is not there, or leaves something undone. */
export function follow(tape: Tape, schedule: Schedule): Figures {
  const { ops, values } = tape;
  const there = new Uint8Array(values.length);
  const runs = new Uint32Array(ops.length);
  const written = new Uint8Array(values.length);
  for (const op of ops) for (const v of op.writes) written[v] = 1;
  let [used, peak, fullest, cost, repeated, extra] = [0, 0, 0, 0, 0, 0];
  const refuse = (at: number, why: string): never => {
    throw new Error(`entry ${at} of the schedule: ${why}`);
  };
  schedule.forEach((entry, at) => {
    if (entry < 0) {
      const v = ~entry;
      if (!values[v] || !there[v] || values[v].stays) refuse(at, `value ${v} cannot be let go`);
      there[v] = 0;
      used -= values[v]!.bytes;
      return;
    }
    const op = ops[entry] ?? refuse(at, `there is no operation ${entry}`);
    for (const v of op.reads) if (written[v] && !there[v]) refuse(at, `operation ${entry} reads value ${v}, which is not there`);
    for (const v of op.writes) {
      if (!there[v] && !values[v]!.stays) used += values[v]!.bytes;
      there[v] = 1;
    }
    if (used > peak) [peak, fullest] = [used, entry];
    cost += op.cost;
    if (runs[entry]!++ > 0) {
      repeated++;
      extra += op.cost;
    }
  });
  runs.forEach((n, op) => n > 0 || refuse(schedule.length, `operation ${op} has not run`));
  return { peak, fullest, cost, repeated, extra };
}
