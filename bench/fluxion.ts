/** How the benchmark uses fluxion, and what fluxion says of its own work. */
import { createEngine, type Engine, type EngineOptions } from "../dist/index.js";

/** The backend of all engines of the benchmark; the default when there is none. */
export type Backend = EngineOptions["backend"];

/** How many threads the default has: one, unless `--threads` says otherwise. In the environment, for the processes that cases start. */
export const THREADS = "FLUXION_BENCH_THREADS";
export const newEngine = (backend: Backend, options: Pick<EngineOptions, "cache"> = {}): Promise<Engine> =>
  createEngine({ ...options, ...(backend ? { backend } : { threads: Number(process.env[THREADS] ?? 1) }) });

/**
 * Of the last step: kernels run, nodes computed, scalar operations, bytes that kernels read and wrote, the most bytes that values took, and how many of them were
 * alive at one time. In all: plans built, and bytes that values hold now.
 */
export function countsOf({ stats }: Engine): Record<string, number> {
  const { lastFlush, plansBuilt, bytesResident } = stats;
  const { kernels, nodesComputed, operations, bytesRead, bytesWritten, peakBytes, liveBytes } = lastFlush;
  return {
    kernels,
    nodes: nodesComputed,
    operations,
    plans: plansBuilt,
    bytes: bytesResident,
    bytesRead,
    bytesWritten,
    peakBytes,
    liveBytes,
  };
}
