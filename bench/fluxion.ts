/** What fluxion says of its own work, for the counts beside the times. */
import type { Engine } from "../dist/index.js";

/** Of the last step: kernels run and nodes computed. In all: plans built, and bytes that values hold now. */
export function countsOf({ stats }: Engine): Record<string, number> {
  const { lastFlush, plansBuilt, bytesResident } = stats;
  return { kernels: lastFlush.kernels, nodes: lastFlush.nodesComputed, plans: plansBuilt, bytes: bytesResident };
}
