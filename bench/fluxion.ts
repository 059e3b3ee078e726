/** How the benchmark uses fluxion, and what fluxion says of its own work. */
import { createEngine, type Engine, type EngineOptions } from "../dist/index.js";

/** The backend of all engines of the benchmark; the default when there is none. */
export type Backend = EngineOptions["backend"];

/** How many threads the default has: one, unless `--threads` says otherwise. In the environment, for the processes that cases start. */
export const THREADS = "FLUXION_BENCH_THREADS";
export const newEngine = (backend: Backend): Promise<Engine> =>
  createEngine(backend ? { backend } : { threads: Number(process.env[THREADS] ?? 1) });

/** Of the last step: kernels run and nodes computed. In all: plans built, and bytes that values hold now. */
export function countsOf({ stats }: Engine): Record<string, number> {
  const { lastFlush, plansBuilt, bytesResident } = stats;
  return { kernels: lastFlush.kernels, nodes: lastFlush.nodesComputed, plans: plansBuilt, bytes: bytesResident };
}
