/**
 * Runs a training: ticks its clock in portions, tells of its progress, stops when there is a reason to, and can be paused, resumed, saved and loaded.
 * All that counts is in states, so a run that was loaded goes on bit by bit as the one that was saved.
 */
import { type Observable, ReplaySubject } from "rxjs";
import type { State } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { BaseEngine } from "../scheduler/base.ts";
import type { Clock } from "../scheduler/clock.ts";
import { SnapshotFile } from "./file.ts";
import { readStates, restoreSnapshot, snapshotOf } from "./snapshot.ts";

/** What can be run: the result of `train`, `levenbergMarquardt` and their kind. */
export interface Runnable<P = unknown> {
  readonly params: P;
  readonly loss: Tensor;
  readonly count: State;
  readonly clock: Clock;
  readonly states: readonly State[];
  /** 0 while it runs, else the number of one of `reasons`. */
  readonly status?: State;
  readonly reasons?: readonly string[];
}

export interface RunOptions {
  /** The run ends when so many steps were made, those before a loaded snapshot included. */
  readonly steps: number;
  /** Ends when the loss is not above this. */
  readonly lossTolerance?: number;
  /** About how many milliseconds there are between two reports (default 50). */
  readonly reportEvery?: number;
  /** More tensors to be told of, by name: the terms of a loss, an error, a rate. When the loss is not finite, the first that is not either is named. */
  readonly measures?: Readonly<Record<string, Tensor>>;
  /** A file (Node) to save to, and to begin from when there is one. */
  readonly file?: string;
  /** About how many seconds there are between two saves (default 10). */
  readonly saveEvery?: number;
}

export interface Progress {
  readonly step: number;
  readonly loss: number;
  readonly measures: Readonly<Record<string, number>>;
  /** Seconds that steps have taken in this run, pauses left out. */
  readonly seconds: number;
}

export interface Outcome extends Progress {
  /** Why it ended: "all steps were made", "stopped", a tolerance, or what the method says. */
  readonly reason: string;
}

/** A run that is broken off because the loss has become NaN or infinite. */
export class NotFinite extends Error {
  override readonly name = "NotFinite";
  /** A snapshot of the last state of which the loss was finite: hand it to `load`. */
  readonly lastGood: Uint8Array<ArrayBuffer>;
  constructor(message: string, lastGood: Uint8Array<ArrayBuffer>) {
    super(message);
    this.lastGood = lastGood;
  }
}

export class Run {
  /** Reports: the last one at once, then each as it comes. Completes when the run ends, fails with `NotFinite`. */
  readonly progress: Observable<Progress>;
  /** How it ended. */
  readonly done: Promise<Outcome>;
  readonly #engine: BaseEngine;
  readonly #training: Runnable;
  readonly #options: RunOptions;
  readonly #reports = new ReplaySubject<Progress>(1);
  readonly #file: SnapshotFile | undefined;
  #paused: { readonly over: Promise<void>; end: () => void } | undefined;
  #stopped = false;
  #busy = 0;

  constructor(engine: BaseEngine, training: Runnable, options: RunOptions) {
    if (!(options.steps > 0)) throw new Error(`run: steps must be a positive number, got ${String(options.steps)}`);
    this.#engine = engine;
    this.#training = training;
    this.#options = options;
    this.#file = options.file === undefined ? undefined : new SnapshotFile(options.file);
    this.progress = this.#reports.asObservable();
    this.done = this.#run();
    // Whoever listens to the reports is told of errors there.
    this.done.catch(() => {});
  }

  /** Makes no further steps until `resume`. */
  pause(): void {
    if (this.#paused) return;
    let end = (): void => {};
    const over = new Promise<void>((resolve) => (end = resolve));
    this.#paused = { over, end };
  }

  resume(): void {
    this.#paused?.end();
    this.#paused = undefined;
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  /** Ends the run after the steps that are under way. */
  stop(): void {
    this.#stopped = true;
    this.resume();
  }

  /** Everything that a run goes on from. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { states } = this.#training;
    return snapshotOf(states, await readStates(this.#engine, states));
  }

  /** Goes on from a snapshot. Throws where it does not fit, and changes nothing then. */
  load(snapshot: Uint8Array): void {
    restoreSnapshot(this.#engine, this.#training.states, snapshot);
  }

  async #run(): Promise<Outcome> {
    try {
      const outcome = await this.#steps();
      this.#reports.next(outcome);
      this.#reports.complete();
      return outcome;
    } catch (error) {
      this.#reports.error(error);
      throw error;
    } finally {
      await this.#file?.close();
    }
  }

  async #steps(): Promise<Outcome> {
    const { steps, lossTolerance = -Infinity, reportEvery = 50, saveEvery = 10 } = this.#options;
    const before = await this.#file?.read();
    if (before) this.load(before);
    const { states } = this.#training;
    // Numbers alone: they become bytes when somebody wants them.
    let good = await readStates(this.#engine, states);
    let now = await this.#look();
    let [portion, savedAt] = [1, performance.now()];
    for (;;) {
      if (!Number.isFinite(now.loss)) throw await this.#notFinite(now, snapshotOf(states, good));
      this.#reports.next(now.progress);
      const reason = this.#stopped
        ? "stopped"
        : now.progress.step >= steps
          ? "all steps were made"
          : now.loss <= lossTolerance
            ? `the loss is not above ${lossTolerance}`
            : now.reason;
      good = await readStates(this.#engine, states);
      if (this.#file && (reason !== undefined || performance.now() - savedAt > 1000 * saveEvery)) {
        await this.#file.write(snapshotOf(states, good));
        savedAt = performance.now();
      }
      if (reason !== undefined) return { ...now.progress, reason };
      if (this.#paused) {
        await this.#paused.over;
        now = await this.#look();
        continue;
      }
      const begin = performance.now();
      const count = Math.max(1, Math.min(portion, steps - now.progress.step));
      this.#training.clock.tick(count);
      now = await this.#look();
      const took = performance.now() - begin;
      this.#busy += took;
      now = { ...now, progress: { ...now.progress, seconds: this.#busy / 1000 } };
      // Between portions others have their turn: events, drawing, other runs.
      portion = Math.max(1, Math.min(2 * portion, Math.floor((count * reportEvery) / took)));
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  async #look(): Promise<{ readonly progress: Progress; readonly loss: number; readonly reason: string | undefined }> {
    const { loss, count, status, reasons = [] } = this.#training;
    const { measures = {} } = this.#options;
    const values = await this.#engine.read({ loss, count, measures, ...(status && { status }) });
    const numbers = Object.fromEntries(Object.entries(values.measures).map(([name, v]) => [name, v.item()]));
    const progress = { step: values.count.item(), loss: values.loss.item(), measures: numbers, seconds: this.#busy / 1000 };
    const code = "status" in values ? (values as { status: { item(): number } }).status.item() : 0;
    return { progress, loss: progress.loss, reason: code === 0 ? undefined : (reasons[code] ?? `status ${code}`) };
  }

  async #notFinite(now: { readonly progress: Progress }, good: Uint8Array<ArrayBuffer>): Promise<NotFinite> {
    const { loss, step, measures } = now.progress;
    const term = Object.entries(measures).find(([, v]) => !Number.isFinite(v))?.[0];
    const tensor = await this.#firstNotFinite(good);
    return new NotFinite(
      `run: the loss is ${loss} at step ${step}` +
        (term === undefined ? "" : `; the first of its measures that is not finite is ${term}`) +
        (tensor === undefined ? "" : `; it began with ${tensor}`) +
        "; error.lastGood is a snapshot of the state before: load it, and take shorter steps",
      good,
    );
  }

  /** Goes back, and steps once more while it watches where the first number that is not finite comes up. */
  async #firstNotFinite(good: Uint8Array): Promise<string | undefined> {
    this.load(good);
    let found: string | undefined;
    const listener = this.#engine.failures.subscribe(({ tensor }) => (found ??= tensor?.describe()));
    this.#engine.watch({ nan: true });
    for (let i = 0; i < 3 && found === undefined; i++) {
      this.#training.clock.tick();
      await this.#engine.read(this.#training.loss);
    }
    this.#engine.watch({ nan: false });
    listener.unsubscribe();
    this.load(good);
    return found;
  }
}
