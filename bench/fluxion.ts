/** How the benchmark uses fluxion, and what fluxion says of its own work. */
import { createEngine, type Engine, type EngineOptions } from "../dist/index.js";

/** The backend of all engines of the benchmark; the default when there is none. */
export type Backend = EngineOptions["backend"];

export const newEngine = (backend: Backend): Promise<Engine> => createEngine(backend ? { backend } : {});

/** Of the last step: kernels run and nodes computed. In all: plans built, and bytes that values hold now. */
export function countsOf({ stats }: Engine): Record<string, number> {
  const { lastFlush, plansBuilt, bytesResident } = stats;
  return { kernels: lastFlush.kernels, nodes: lastFlush.nodesComputed, plans: plansBuilt, bytes: bytesResident };
}
