/**
 * Whose turn it is. What is asked for gathers until it is time for a flush and the worker has answered the last one: then everything goes as one
 * batch, the newest values only. What observers ask for while they are told of an answer is the next batch at once, as it would be in one thread.
 */
import type { SchedulerLike } from "rxjs";
import { CHAIN_LIMIT } from "../scheduler/flush.ts";

interface Parts {
  /** When batches go that nobody forces: in a microtask, or when this says so. */
  readonly scheduler: SchedulerLike | undefined;
  /** Sends a batch. Whether there was one. */
  readonly begin: () => boolean;
  /** Whether something is left that makes another flush. */
  readonly busy: () => boolean;
  /** Whether the process has to wait for an answer. */
  readonly keepAlive: (on: boolean) => void;
}

export class Turns {
  readonly #parts: Parts;
  #waiting: (() => void)[] = [];
  /** Those of `#waiting` whose batch is under way. */
  #ending: (() => void)[] = [];
  #scheduled = false;
  #forced = false;
  /** The time has come, but the worker has not answered. */
  #due = false;
  #underWay = false;
  #telling = false;
  /** Observers asked for something. */
  #chain = false;
  #chained = 0;
  #awaited = 0;
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether observers have written in so many flushes in a row that they may not go on. */
  get exhausted(): boolean {
    return this.#chained >= CHAIN_LIMIT;
  }

  /** Something was asked for. */
  schedule(): void {
    const { scheduler } = this.#parts;
    if (this.#telling || !scheduler) return this.force();
    if (this.#scheduled) return;
    this.#scheduled = true;
    scheduler.schedule(() => {
      this.#scheduled = false;
      this.#go();
    });
  }

  /** Something was asked for that waits for no scheduler. */
  force(): void {
    if (this.#telling) this.#chain = true;
    else if (!this.#forced) {
      this.#forced = true;
      queueMicrotask(() => {
        this.#forced = false;
        this.#go();
      });
    }
  }

  /** Resolves when all that is pending has been told. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      (this.#telling ? this.#ending : this.#waiting).push(resolve);
      this.force();
    });
  }

  /** Runs what tells observers. */
  tell(tell: () => void): void {
    this.#telling = true;
    try {
      tell();
    } finally {
      this.#telling = false;
    }
  }

  /** The batch has been answered, and everybody told. */
  ended(): void {
    if (this.#chain) {
      this.#chain = false;
      if (this.#parts.busy()) this.#chained++;
      this.#begin();
    } else this.#rest();
  }

  #go(): void {
    this.#due = true;
    if (this.#underWay || this.#stopped) return;
    this.#underWay = true;
    this.wait(1);
    this.#begin();
  }

  #begin(): void {
    this.#due = false;
    this.#ending.push(...this.#waiting.splice(0));
    if (!this.#parts.begin()) this.#rest();
  }

  #rest(): void {
    this.#underWay = false;
    this.#chained = 0;
    this.wait(-1);
    for (const resolve of this.#ending.splice(0)) resolve();
    if (this.#due) this.#go();
  }

  /** So many answers more are awaited. */
  wait(more: number): void {
    const before = this.#awaited;
    this.#awaited += more;
    if (before === 0 || this.#awaited === 0) this.#parts.keepAlive(this.#awaited > 0);
  }

  stop(): void {
    this.#stopped = true;
    for (const resolve of [...this.#ending.splice(0), ...this.#waiting.splice(0)]) resolve();
  }
}
