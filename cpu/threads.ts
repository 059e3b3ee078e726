/**
 * The workers of a backend: started once, over the shared memory, for as long as the backend lives. They join when they are ready; until
 * then, and after one of them is lost, its own thread does everything.
 *
 * Modules reach them through memory, as records: address of the next record, bytes of the module, number of its functions; of each, its place in
 * the function table (or -1); the module.
 */
import type { DeviceMemory } from "./memory.ts";
import { Scratch } from "./memory.ts";
import { Control } from "./parallel.ts";
import { nodeWorker, type Task, webWorker } from "./worker.ts";

/** No more than this by default: what is left to gain is little, and others want to work too. */
const MOST = 8;
/** Milliseconds that the parts of a worker may take longer than everybody else's before it is given up. */
const PATIENCE = 5000;
/** Milliseconds that workers may take to begin, for those who wait for it. */
const BEGINNING = 30_000;
/** Milliseconds between looks once the wait is long. */
const NAP = 0.05;

/** Whether memory can be shared here: not in pages without cross-origin isolation. */
export const canShare = (): boolean =>
  typeof SharedArrayBuffer !== "undefined" && (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;

interface Platform {
  readonly cores: number;
  start(task: Task, ended: (why: string) => void): { terminate(): unknown };
}

let webScript: string | undefined;

/** node:worker_threads where there is such a thing, Web Workers elsewhere. Not imported, so that bundles for pages do not ask for it. */
function platform(): Platform | undefined {
  const builtin = globalThis.process?.getBuiltinModule as typeof process.getBuiltinModule | undefined;
  if (builtin) {
    const { Worker } = builtin("node:worker_threads");
    return {
      cores: builtin("node:os").availableParallelism(),
      start: (workerData, ended) => {
        const worker = new Worker(nodeWorker, { eval: true, workerData, execArgv: [], name: "fluxion" });
        worker.on("error", (error) => ended(error instanceof Error ? error.message : String(error)));
        worker.on("exit", (code) => ended(`it exited with code ${code}`));
        // A process ends although its workers wait.
        worker.unref();
        return worker;
      },
    };
  }
  if (typeof Worker === "undefined") return undefined;
  return {
    cores: globalThis.navigator?.hardwareConcurrency ?? 1,
    start: (task, ended) => {
      const worker = new Worker((webScript ??= URL.createObjectURL(new Blob([webWorker], { type: "text/javascript" }))));
      worker.onerror = (event) => ended(event.message);
      worker.postMessage(task);
      return worker;
    },
  };
}

/** The number of threads that an option comes to: by default the cores, up to a number; 1 where threads cannot share memory. */
export function threadCount(wanted: number | undefined): number {
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= 64))
    throw new Error(`createEngine: threads must be an integer from 1 to 64, got ${wanted}`);
  if (wanted === 1 || !canShare()) return 1;
  const here = platform();
  return here ? (wanted ?? Math.min(MOST, here.cores)) : 1;
}

/** A module and the places of its functions, -1 for those that are gone. */
export interface Unit {
  readonly bytes: Uint8Array;
  readonly places: number[];
}

export class Threads {
  readonly #memory: DeviceMemory;
  readonly #driver: WebAssembly.Module;
  readonly #control: number;
  readonly workers: { terminate(): unknown }[] = [];
  readonly #count: number;
  /** Records of modules that some worker may still have to read, and the number of the first of them. */
  readonly #records: number[] = [];
  #firstRecord = 0;
  #runs = 0;
  #started = false;
  #stopped = false;
  #waitingSince = 0;
  #patience: number;

  /** For a memory that is shared already, and the driver of such. `threads` includes the calling one, which with `aside` takes no parts. */
  constructor(
    memory: DeviceMemory,
    driver: WebAssembly.Module,
    threads: number,
    { patience = PATIENCE, aside = false }: { readonly patience?: number | undefined; readonly aside?: boolean },
  ) {
    this.#memory = memory;
    this.#driver = driver;
    this.#count = threads - 1;
    this.#patience = patience;
    this.#control = memory.allocate(Control.bytes);
    const words = new Int32Array(Control.bytes / 4);
    words[Control.aside / 4] = Number(aside);
    memory.write(this.#control, words);
  }

  /** The address of the control block, or 0 when there is nobody to work with. */
  get control(): number {
    return this.#stopped ? 0 : this.#control;
  }

  /** Workers that have begun to serve. */
  get ready(): number {
    return this.#stopped ? 0 : Atomics.load(this.#words(), this.#at(Control.workers));
  }

  #words(): Int32Array {
    return new Int32Array(this.#memory.memory.buffer);
  }

  #at(offset: number): number {
    return (this.#control + offset) / 4;
  }

  #signal(): void {
    const words = this.#words();
    Atomics.add(words, this.#at(Control.signal), 1);
    Atomics.notify(words, this.#at(Control.signal));
  }

  /** The first plan does not wait for workers to be started: that is for when there is time, or for the second. */
  beforeRun(): void {
    this.#runs++;
    if (this.#runs === 2) this.#start();
    if (this.#runs > 1) return;
    const timer: unknown = setTimeout(() => this.#start(), 0);
    // A process that is done does not wait for it.
    if (typeof timer === "object") (timer as NodeJS.Timeout).unref();
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    const { start } = platform()!;
    const { memory } = this.#memory;
    try {
      for (let thread = 1; thread <= this.#count && !this.#stopped; thread++) {
        const scratch = this.#memory.allocate(Scratch.bytes);
        const task = { memory, driver: this.#driver, control: this.#control, thread, scratch };
        this.workers.push(start(task, (why) => this.lose(why)));
      }
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
    }
  }

  /** Starts the workers where that is still to do; resolves when all serve, or one is lost. */
  async begun(): Promise<void> {
    this.#start();
    const since = performance.now();
    while (!this.#stopped && this.ready < this.#count) {
      if (performance.now() - since > BEGINNING) return this.lose(`it did not begin in ${BEGINNING} ms`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Lets workers have a module before they carry out what is published after this. */
  share({ bytes, places }: Unit): void {
    if (this.#stopped) return;
    const head = 3 + places.length;
    const record = this.#memory.allocate(4 * head + bytes.length);
    const words = this.#words();
    words.set([0, bytes.length, places.length, ...places], record / 4);
    new Uint8Array(words.buffer).set(bytes, record + 4 * head);
    const last = this.#records[this.#records.length - 1];
    words[last === undefined ? this.#at(Control.firstModule) : last / 4] = record;
    this.#records.push(record);
    this.#forgetRecords(words);
    Atomics.add(words, this.#at(Control.version), 1);
    this.#signal();
  }

  /** How many modules the slowest worker has. */
  #slowest(words: Int32Array): number {
    return Math.min(...Array.from({ length: this.#count }, (_, i) => Atomics.load(words, this.#at(Control.versions) + i + 1)));
  }

  /** How many modules it still has to link. */
  get behind(): number {
    const words = this.#words();
    return Atomics.load(words, this.#at(Control.version)) - this.#slowest(words);
  }

  /** Frees the records that all workers have gone beyond. They find the next one through the last that they read. */
  #forgetRecords(words: Int32Array): void {
    for (const slowest = this.#slowest(words); this.#firstRecord < slowest - 1; this.#firstRecord++)
      this.#memory.free(this.#records.shift()!);
  }

  /** Asked by the thread that waits for the last parts, again and again: whether to give them up. */
  late(times: number): boolean {
    const now = performance.now();
    if (times === 1) this.#waitingSince = now;
    const words = this.#words();
    if (Atomics.load(words, this.#at(Control.failed)) !== 0) return (this.lose("it failed"), true);
    if (now - this.#waitingSince > this.#patience) return (this.lose(`it did not finish in ${this.#patience} ms`), true);
    if (times > 4) nap(words, this.#at(Control.versions));
    return false;
  }

  /** Goes on without workers, and says so. */
  lose(why: string): void {
    if (this.#stopped) return;
    console.warn(`cpu: a worker thread was lost (${why}); this backend goes on with one thread`);
    this.stop();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    Atomics.store(this.#words(), this.#at(Control.stop), 1);
    this.#signal();
    for (const worker of this.workers) worker.terminate();
  }
}

let mayNap = true;
/** Leaves the core to others for a moment, where a thread may block: a page may not. */
function nap(words: Int32Array, word: number): void {
  if (!mayNap) return;
  try {
    // Word 0 of the versions belongs to nobody: it stays 0.
    Atomics.wait(words, word, 0, NAP);
  } catch {
    mayNap = false;
  }
}
