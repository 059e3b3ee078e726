/** The steps of a plan within so many bytes: values are let go and computed again where they do not fit otherwise. */
import type { Slot, Step } from "../../kernel/kernel.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type Arena, layOut } from "../transient.ts";
import { byScores } from "./greedy.ts";
import { type CachePolicy, nameOf, PolicyError } from "./policy.ts";
import { record, type Recording, replay } from "./steps.ts";
import { bottleneck, DoesNotFit, follow, type Schedule, type Tape } from "./tape.ts";

export interface Room {
  readonly bytes: number;
  /** Each is asked for a schedule, unless the one before has one that repeats nothing. */
  readonly policies: readonly CachePolicy[];
  readonly minBytes: number;
}

/** What the arrangement needs to know of slots and steps. */
export interface Contents {
  readonly isTransient: (slot: Slot) => boolean;
  readonly bytes: (slot: Slot) => number;
  readonly tags: (slot: Slot) => readonly string[];
  readonly cost: (steps: readonly Step[]) => number;
  /** Whose value a slot holds, for messages. */
  readonly owner: (slot: Slot) => Tensor | undefined;
}

/** Beyond so many steps no schedule is looked for. */
const MOST_STEPS = 50_000;
/** So often a schedule is made for less room, because its values cannot be laid out without gaps. */
const ATTEMPTS = 6;

/** The cheapest arrangement within the room, of those that these orders of the steps lead to and the policies find. */
export function arrangeWithin(orders: readonly (readonly Step[])[], room: Room, contents: Contents): Arena | undefined {
  let [best, least]: [Arena | undefined, number] = [undefined, Infinity];
  for (const steps of orders) {
    const recording = recordingOf(steps, contents);
    const found = recording && within(recording, room, contents);
    if (found && !(found instanceof DoesNotFit) && found.extra < least) [best, least] = [found.arena, found.extra];
  }
  return best;
}

function recordingOf(steps: readonly Step[], { isTransient, bytes, tags, cost }: Contents): Recording | undefined {
  if (steps.length > MOST_STEPS) return undefined;
  return record(steps, { bytes, tags, cost, stays: (slot) => !isTransient(slot) });
}

interface Found {
  readonly arena: Arena;
  readonly extra: number;
}

/** The cheapest of what the policies find. */
function within(recording: Recording, room: Room, contents: Contents): Found | DoesNotFit {
  let best: Found | undefined;
  const failures: DoesNotFit[] = [];
  for (const policy of room.policies) {
    const found = withinBy(policy, recording, room, contents);
    if (found instanceof DoesNotFit) failures.push(found);
    else if (!best || found.extra < best.extra) best = found;
    if (best?.extra === 0) break;
  }
  return best ?? failures.find((f) => f.held) ?? failures[0]!;
}

function withinBy(policy: CachePolicy, recording: Recording, room: Room, contents: Contents): Found | DoesNotFit {
  let budget = room.bytes;
  for (let k = 0; k < ATTEMPTS && budget > 0; k++) {
    const schedule = scheduleWithin(recording.tape, budget, policy, room.minBytes);
    if (schedule instanceof DoesNotFit) return schedule;
    const { repeated, extra } = follow(recording.tape, schedule);
    const arena = laidOut(recording, schedule, contents);
    if (arena.bytes <= room.bytes) return { arena: { ...arena, repeated, repeatedCost: extra }, extra };
    budget -= Math.max(arena.bytes - room.bytes, budget * 0.02);
  }
  return new DoesNotFit(0, room.bytes);
}

function laidOut(recording: Recording, schedule: Schedule, { isTransient, bytes }: Contents): Arena {
  const { steps, copies } = replay(recording, schedule);
  return layOut(steps, (slot) => copies.has(slot) || isTransient(slot), bytes);
}

/** The policy's schedule, or one by its scores; or why there is none. */
function scheduleWithin(tape: Tape, budget: number, policy: CachePolicy, minBytes: number): Schedule | DoesNotFit {
  const { op, bytes } = bottleneck(tape);
  if (bytes > budget) return new DoesNotFit(op, bytes);
  const planned = planOf(policy, tape, budget);
  if (planned) return planned;
  try {
    return byScores(tape, budget, policy, minBytes);
  } catch (error) {
    if (error instanceof DoesNotFit) return error;
    throw error;
  }
}

/** What a policy plans, checked. */
function planOf(policy: CachePolicy, tape: Tape, budget: number): Schedule | undefined {
  if (!policy.plan) return undefined;
  let peak: number;
  let schedule: Schedule | undefined;
  try {
    schedule = policy.plan(tape, budget);
    if (!schedule) return undefined;
    ({ peak } = follow(tape, schedule));
  } catch (cause) {
    throw new PolicyError(`the plan of cache policy ${nameOf(policy)} is none: ${String(cause)}`, { cause });
  }
  if (peak > budget)
    throw new PolicyError(`the plan of cache policy ${nameOf(policy)} takes ${peak} bytes, more than the ${budget} that it may`);
  return schedule;
}

/** What stands in the way of less room, and how much there has to be for a schedule to be found. */
export interface Advice {
  readonly tensor: Tensor | undefined;
  readonly bytes: number;
  readonly enough: number;
  /** Whether less would have done, had the policy not scored values Infinity. */
  readonly held: boolean;
}

/** So often the room is halved between what is known to be too little and what is known to do. */
const HALVINGS = 8;

/** `known`: the bytes of an arrangement without repetitions. */
export function advise(steps: readonly Step[], known: number, by: Omit<Room, "bytes">, contents: Contents): Advice | undefined {
  const recording = recordingOf(steps, contents);
  if (!recording || recording.tape.ops.length === 0) return undefined;
  const { op, bytes } = bottleneck(recording.tape);
  const tensor = contents.owner(recording.slots[recording.tape.ops[op]!.writes[0]!]!);
  let [low, enough, held] = [bytes, known, false];
  for (let k = 0; k < HALVINGS && low < enough; k++) {
    const middle = Math.floor(k === 0 ? low : (low + enough) / 2);
    const found = within(recording, { ...by, bytes: middle }, contents);
    if (found instanceof DoesNotFit) {
      low = middle + 1;
      held ||= found.held;
    } else enough = middle;
  }
  return { tensor, bytes, enough, held };
}
