/** Counters: what the engine did, in numbers that do not depend on the machine. They only grow; take differences. */

export interface FlushStats {
  /** Nodes computed, of how many that were necessary. */
  readonly nodesComputed: number;
  readonly nodesTotal: number;
  /** Kernels run. */
  readonly kernels: number;
  readonly ms: number;
}

export interface EngineStats {
  readonly epochs: number;
  readonly flushes: number;
  /** Nodes found dirty while plans were made; a change whose plan is ready marks nothing. */
  readonly nodesMarked: number;
  readonly nodesComputed: number;
  /** Those of them that were up to date, and were computed again because their values had not been stored or had been let go. */
  readonly nodesRecomputed: number;
  readonly kernels: number;
  readonly plansBuilt: number;
  readonly plansReused: number;
  /** Plans whose sizes or addresses were written anew; their kernels were not compiled again. */
  readonly plansBound: number;
  /** Now, not in total: */
  readonly nodesNecessary: number;
  readonly bytesResident: number;
  readonly lastFlush: FlushStats;
}

export class Counters {
  epochs = 0;
  flushes = 0;
  nodesMarked = 0;
  nodesComputed = 0;
  nodesRecomputed = 0;
  kernels = 0;
  plansBuilt = 0;
  plansReused = 0;
  plansBound = 0;
  lastFlush: FlushStats = { nodesComputed: 0, nodesTotal: 0, kernels: 0, ms: 0 };
}
