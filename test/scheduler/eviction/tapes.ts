/** Tapes that tests of schedules share. */
import type { Tape, TapeOp, TapeValue } from "../../../scheduler/eviction/tape.ts";

/** Numbers between 0 and 1, the same in every run. */
export function random(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
}

/**
 * The reverse mode of a chain: steps from each state to the next, then the adjoints, which read the states from the last to the first. Values take one byte;
 * the first state is there in any case. costs[k] is that of the step from state k; the last one is not taken, because nobody needs its result.
 */
export function chainTape(costs: readonly number[]): Tape {
  const values: TapeValue[] = [];
  const ops: TapeOp[] = [];
  const value = (stays = false): number => values.push({ bytes: 1, stays, tags: [] }) - 1;
  const states = [value(true)];
  costs.slice(1).forEach((_, k) => {
    states.push(value());
    ops.push({ reads: [states[k]!], writes: [states[k + 1]!], cost: costs[k]! });
  });
  let adjoint: number | undefined;
  for (const state of [...states].reverse()) {
    const next = value(state === states[0]);
    ops.push({ reads: adjoint === undefined ? [state] : [state, adjoint], writes: [next], cost: 0 });
    adjoint = next;
  }
  return { ops, values };
}
