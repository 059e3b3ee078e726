/** Counters: what the engine did, in numbers that do not depend on the machine. They only grow; take differences. */

import type { Peak, Plan } from "./plan.ts";

export interface FlushStats {
  /** Nodes that its changes made dirty; a cutoff may have kept them from that. */
  readonly nodesDirty: number;
  /** Nodes computed, of how many that were necessary. */
  readonly nodesComputed: number;
  readonly nodesTotal: number;
  /** Of those computed, the ones that were up to date. */
  readonly nodesRecomputed: number;
  /** Cutoffs at which a change ended. */
  readonly nodesCutOff: number;
  /** Scalar operations of kernels, as operations.ts counts them. */
  readonly operations: number;
  /** Kernels run; those in the body of a loop or a branch count once, as those of tiles of rows do. */
  readonly kernels: number;
  /** The part of both that ran once more within a plan, because what had been computed was let go for want of room. */
  readonly kernelsRepeated: number;
  readonly operationsRepeated: number;
  /** What kernels read and wrote: of each operand of each kernel the elements that it touches, once. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** The most bytes that values took while a plan ran, and the part of them that was alive at one time: no arrangement needs less. */
  readonly peakBytes: number;
  readonly liveBytes: number;
  /** Milliseconds; NaN when nobody had looked at the stats during the 1,000 flushes before: then the clock is not read. */
  readonly ms: number;
}

export interface EngineStats {
  readonly epochs: number;
  readonly flushes: number;
  /** Nodes found dirty while plans were made; a change whose plan is ready marks nothing. */
  readonly nodesMarked: number;
  /** Nodes that changes made dirty, found by a walk or remembered. */
  readonly nodesDirty: number;
  readonly nodesComputed: number;
  /** Those of them that were up to date, and were computed again because their values had not been stored or had been let go. */
  readonly nodesRecomputed: number;
  /** Cutoffs that were computed and at which a change ended. */
  readonly nodesCutOff: number;
  /** Scalar operations of kernels: each operation at each point, a product's two, a value moved one. */
  readonly operations: number;
  readonly kernels: number;
  /** The part of both that ran once more within a plan, because what had been computed was let go for want of room. */
  readonly kernelsRepeated: number;
  readonly operationsRepeated: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes of values that were let go to make room. */
  readonly bytesEvicted: number;
  readonly plansBuilt: number;
  /** Changes that found a ready plan. */
  readonly plansReused: number;
  /** Of these, the ones for which it computes more than they need: their own plan is made when they come again. */
  readonly plansCovering: number;
  /** Of the plans built, the ones for changes that had been met with a covering plan before. */
  readonly plansSpecialized: number;
  /** Plans whose sizes or addresses were written anew; their kernels were not compiled again. */
  readonly plansBound: number;
  /** Now, not in total: */
  readonly plansHeld: number;
  readonly nodesNecessary: number;
  readonly bytesResident: number;
  readonly lastFlush: FlushStats;
}

const noPeak: Peak = { bytes: 0, live: 0 };

export class Counters {
  epochs = 0;
  flushes = 0;
  nodesMarked = 0;
  nodesDirty = 0;
  nodesComputed = 0;
  nodesRecomputed = 0;
  nodesCutOff = 0;
  operations = 0;
  kernels = 0;
  kernelsRepeated = 0;
  operationsRepeated = 0;
  bytesRead = 0;
  bytesWritten = 0;
  bytesEvicted = 0;
  plansBuilt = 0;
  plansReused = 0;
  plansCovering = 0;
  plansSpecialized = 0;
  plansBound = 0;
  /** When somebody last looked, in flushes. */
  seen = 0;
  /** Of the plans that ran since a flush began. */
  peak: Peak = noPeak;
  readonly lastFlush = {
    nodesDirty: 0,
    nodesComputed: 0,
    nodesTotal: 0,
    nodesRecomputed: 0,
    nodesCutOff: 0,
    operations: 0,
    kernels: 0,
    kernelsRepeated: 0,
    operationsRepeated: 0,
    bytesRead: 0,
    bytesWritten: 0,
    peakBytes: 0,
    liveBytes: 0,
    ms: NaN,
  };
  /** The totals when it began. */
  readonly #before = {
    nodesDirty: 0,
    nodesComputed: 0,
    nodesRecomputed: 0,
    nodesCutOff: 0,
    operations: 0,
    kernels: 0,
    kernelsRepeated: 0,
    operationsRepeated: 0,
    bytesRead: 0,
    bytesWritten: 0,
  };

  /** A flush begins. */
  begin(): void {
    this.peak = noPeak;
    // Name by name: properties that are looked up by a computed name come as new objects.
    const before = this.#before;
    before.nodesDirty = this.nodesDirty;
    before.nodesComputed = this.nodesComputed;
    before.nodesRecomputed = this.nodesRecomputed;
    before.nodesCutOff = this.nodesCutOff;
    before.operations = this.operations;
    before.kernels = this.kernels;
    before.kernelsRepeated = this.kernelsRepeated;
    before.operationsRepeated = this.operationsRepeated;
    before.bytesRead = this.bytesRead;
    before.bytesWritten = this.bytesWritten;
  }

  ended(nodesTotal: number, ms: number): void {
    const last = this.lastFlush;
    const before = this.#before;
    last.nodesDirty = this.nodesDirty - before.nodesDirty;
    last.nodesComputed = this.nodesComputed - before.nodesComputed;
    last.nodesRecomputed = this.nodesRecomputed - before.nodesRecomputed;
    last.nodesCutOff = this.nodesCutOff - before.nodesCutOff;
    last.operations = this.operations - before.operations;
    last.kernels = this.kernels - before.kernels;
    last.kernelsRepeated = this.kernelsRepeated - before.kernelsRepeated;
    last.operationsRepeated = this.operationsRepeated - before.operationsRepeated;
    last.bytesRead = this.bytesRead - before.bytesRead;
    last.bytesWritten = this.bytesWritten - before.bytesWritten;
    last.nodesTotal = nodesTotal;
    last.peakBytes = this.peak.bytes;
    last.liveBytes = this.peak.live;
    last.ms = ms;
  }

  /** A plan has run. */
  ran({ size, kernels, operations, repeated, traffic, peak }: Plan): void {
    this.nodesComputed += size;
    this.operations += operations;
    this.kernels += kernels;
    this.kernelsRepeated += repeated.kernels;
    this.operationsRepeated += repeated.operations;
    this.bytesRead += traffic.read;
    this.bytesWritten += traffic.written;
    if (peak.bytes > this.peak.bytes) this.peak = peak;
  }
}
