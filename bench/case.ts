/** What a case of the benchmark is: the same work for every contestant, and what its results must agree with. */
import type { Backend } from "./fluxion.ts";
import type { Step, Timing } from "./measure.ts";

export type Numbers = ArrayLike<number>;
/** What inputs are made of. Not shared: jax-js takes no other. */
export type Floats = Float32Array<ArrayBuffer>;
/** The first three are fluxion itself: on one thread, with everything changed, with nothing changed before but what is timed. */
export type PeerName = "threads-1" | "from-scratch" | "own-plan" | "jax-js" | "tfjs" | "pytorch" | "alien-signals" | "preact-signals";

/** One library, set up to do the work of a case again and again. */
export interface Contestant {
  /** Does the work once, with inputs that are not those of the step before. */
  readonly step: Step;
  /** The results for the inputs that all contestants share. Called once, before the first step. */
  outputs(): Numbers[] | Promise<Numbers[]>;
  /** Counts of its own to print beside the times. */
  counts?(): Record<string, number> | Promise<Record<string, number>>;
  /** Other work to time: a name, and its step. */
  readonly also?: Readonly<Record<string, Step>>;
  dispose?(): void | Promise<void>;
}

/** A contestant that times itself, because every measurement needs a process of its own. */
export interface SelfTimed {
  outputs(): Numbers[] | Promise<Numbers[]>;
  time(trials: number): Promise<Timing>;
  counts?(): Record<string, number>;
}

/** Work for bench/peers/pytorch.py: the name of a function there, and its arguments. */
export interface TorchWork {
  readonly work: string;
  readonly inputs: readonly { readonly shape: readonly number[]; readonly data: Floats }[];
}

export interface Case {
  readonly name: string;
  /** The unit of the figures; `perStep` of them make a step. */
  readonly unit: "ms" | "ns/node" | "ns";
  readonly perStep?: number;
  /** Steps before timing, where it takes many until they repeat each other. */
  readonly warmSteps?: number;
  /** The largest difference from the reference, relative to the largest element of the array, that float32 explains. */
  readonly tolerance: number;
  /** What the work comes to, computed by plain loops in float64. */
  reference(): Numbers[];
  fluxion(backend?: Backend): Promise<Contestant | SelfTimed>;
  readonly peers: Partial<Record<PeerName, () => Promise<Contestant | SelfTimed>>>;
  readonly torch?: TorchWork;
  /** What the figures are; CPU time unless stated, of all threads together. */
  readonly clock?: "wall";
  /** How this case is stated, where its name does not say it. */
  readonly note?: string;
}

/** The largest difference between corresponding arrays, relative to the largest element of the expected one. */
export function disagreement(actual: readonly Numbers[], expected: readonly Numbers[]): number {
  if (actual.length !== expected.length) return Infinity;
  let worst = 0;
  for (const [k, want] of expected.entries()) {
    const got = actual[k]!;
    if (got.length !== want.length) return Infinity;
    let error = 0;
    let scale = 0;
    for (let i = 0; i < want.length; i++) {
      // A NaN must not pass for agreement.
      const d = Math.abs(got[i]! - want[i]!);
      if (!(d <= error)) error = d;
      scale = Math.max(scale, Math.abs(want[i]!));
    }
    const relative = error === 0 ? 0 : error / scale;
    if (!(relative <= worst)) worst = relative;
  }
  return worst;
}

/** Numbers that are the same in every run: uniform on [low, high). */
export function uniform(count: number, low: number, high: number, seed = 1): Floats {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + (high - low) * (state / 2 ** 32);
  });
}
