/** A slider, played: many small changes of one source, and what each of them costs. */
import type { Engine } from "fluxion";

export interface Change {
  /** What the slider is set to. */
  readonly value: number;
  readonly nodesRecomputed: number;
  readonly ms: number;
}

export interface Cost {
  /** Of the last change; only the first may differ. */
  readonly nodesRecomputed: number;
  /** All nodes that something observed depends on. */
  readonly nodesTotal: number;
  readonly msMedian: number;
}

/** Sets each value in turn, waits until everything observed is up to date, and tells each change as it is done. */
export async function play(
  engine: Engine,
  values: readonly number[],
  set: (value: number) => void,
  tell: (change: Change) => void,
): Promise<Cost> {
  const changes: Change[] = [];
  for (const value of values) {
    const before = engine.stats.nodesComputed;
    const start = performance.now();
    set(value);
    await engine.flush();
    const ms = performance.now() - start;
    const change = { value, nodesRecomputed: engine.stats.nodesComputed - before, ms };
    changes.push(change);
    tell(change);
  }
  const times = changes.map((change) => change.ms).sort((a, b) => a - b);
  return {
    nodesRecomputed: changes.at(-1)!.nodesRecomputed,
    nodesTotal: engine.stats.nodesNecessary,
    msMedian: times[times.length >> 1]!,
  };
}
