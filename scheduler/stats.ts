/** Counters: what the engine did, in numbers that do not depend on the machine. They only grow; take differences. */

import type { Peak, Plan } from "./plan.ts";

export interface FlushStats {
  /** Nodes computed, of how many that were necessary. */
  readonly nodesComputed: number;
  readonly nodesTotal: number;
  /** Kernels run. */
  readonly kernels: number;
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
  readonly nodesComputed: number;
  /** Those of them that were up to date, and were computed again because their values had not been stored or had been let go. */
  readonly nodesRecomputed: number;
  readonly kernels: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes of values that were let go to make room. */
  readonly bytesEvicted: number;
  readonly plansBuilt: number;
  readonly plansReused: number;
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
  nodesComputed = 0;
  nodesRecomputed = 0;
  kernels = 0;
  bytesRead = 0;
  bytesWritten = 0;
  bytesEvicted = 0;
  plansBuilt = 0;
  plansReused = 0;
  plansBound = 0;
  /** When somebody last looked, in flushes. */
  seen = 0;
  /** Of the plans that ran since a flush began. */
  peak: Peak = noPeak;
  readonly lastFlush = {
    nodesComputed: 0,
    nodesTotal: 0,
    kernels: 0,
    bytesRead: 0,
    bytesWritten: 0,
    peakBytes: 0,
    liveBytes: 0,
    ms: NaN,
  };
  /** The totals when it began. */
  readonly #before = { nodesComputed: 0, kernels: 0, bytesRead: 0, bytesWritten: 0 };

  /** A flush begins. */
  begin(): void {
    const before = this.#before;
    this.peak = noPeak;
    before.nodesComputed = this.nodesComputed;
    before.kernels = this.kernels;
    before.bytesRead = this.bytesRead;
    before.bytesWritten = this.bytesWritten;
  }

  ended(nodesTotal: number, ms: number): void {
    const before = this.#before;
    const last = this.lastFlush;
    last.nodesComputed = this.nodesComputed - before.nodesComputed;
    last.nodesTotal = nodesTotal;
    last.kernels = this.kernels - before.kernels;
    last.bytesRead = this.bytesRead - before.bytesRead;
    last.bytesWritten = this.bytesWritten - before.bytesWritten;
    last.peakBytes = this.peak.bytes;
    last.liveBytes = this.peak.live;
    last.ms = ms;
  }

  /** A plan has run. */
  ran({ nodes, kernels, traffic, peak }: Plan): void {
    this.nodesComputed += nodes.length;
    this.kernels += kernels;
    this.bytesRead += traffic.read;
    this.bytesWritten += traffic.written;
    if (peak.bytes > this.peak.bytes) this.peak = peak;
  }
}
