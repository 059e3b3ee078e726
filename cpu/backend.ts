/**
 * The CPU backend: kernels compiled to WebAssembly SIMD, one memory, one call a plan. Needs nothing but WebAssembly. Once a plan is heavy
 * enough, its large steps are cut into parts that other threads help with; everything then moves into a memory that threads can share.
 */
import type { Storage, TypedArray } from "../core/dtype.ts";
import { type Backend, type BoundStep, type Buffer, Interrupted, type Program, type Segment, stepsIn } from "../kernel/backend.ts";
import { mathFunctions } from "../kernel/expr.ts";
import { isScan, type Kernel, type MatmulKernel } from "../kernel/kernel.ts";
import { singles, workspaceOf } from "./arguments.ts";
import { encodeCommands } from "./commands.ts";
import { driverModule, FIRST_KERNEL } from "./driver.ts";
import { type FunctionBuilder, I32, ModuleBuilder } from "./encoder.ts";
import { emitReduction, planReduction } from "./fold.ts";
import { emitLoop } from "./loops.ts";
import { emitProduct } from "./matmul.ts";
import { nanosecondsOf } from "./cost.ts";
import { DeviceMemory, MAX_BYTES, Scratch } from "./memory.ts";
import { type Spread, spreadStep } from "./parts.ts";
import { emitRoutine } from "./routine.ts";
import { emitRows, stepsOfAnyCount } from "./rows.ts";
import { type ProductCode, productCode } from "./product.ts";
import { emitScan } from "./scan.ts";
import { emitScatterAdd } from "./scatter.ts";
import { emitArgsort } from "./sort.ts";
import { threadCount, Threads, type Unit } from "./threads.ts";

/** Compiled kernels that are kept although no plan uses them now. */
const IDLE_KERNELS = 2000;

/** What of a plan is worth sharing out: nanoseconds of one thread, for the plan and for a part. */
const LEAST_PLAN = 50_000;
const LEAST_PART = 5000;
/** Parts for each thread: with more than one, who was late has less left to do. */
const PARTS = 4;

export interface CpuOptions {
  /** How many threads work on large plans. Default: as many as there are cores, at most 8. One where threads cannot share memory. */
  readonly threads?: number | undefined;
  /** @internal Shares out steps of any size, with "workers" to workers only, as soon as there are any. For tests, which are small. */
  readonly eager?: boolean | "workers";
  /** @internal Milliseconds to wait for a worker that does not finish. */
  readonly patience?: number;
}

/** Memory for intermediate results of kernels. Plans share it, since they run one after the other. */
interface Workspace {
  readonly address: number;
  readonly bytes: number;
  users: number;
}

const noWorkspace = (): Workspace => ({ address: 0, bytes: 0, users: 0 });

interface CompiledKernel {
  /** Where it is in the function table. */
  readonly place: number;
  /** How many plans use it. */
  users: number;
  /** The module that it is in. */
  unit: Unit;
}

/** What is compiled: a code, or the way in which a product is computed. */
type Code = Exclude<Kernel, MatmulKernel> | ProductCode;

const codeOf = (step: BoundStep): Code => (step.kernel.kind === "matmul" ? productCode(step, step.kernel.storage) : step.kernel);

function emitCode(module: ModuleBuilder, f: FunctionBuilder, code: Code): void {
  switch (code.kind) {
    case "loop":
      if (code.fold === undefined) return emitLoop(f, code);
      if (isScan(code.fold)) return emitScan(f, code, code.fold);
      return emitReduction(f, planReduction(code));
    case "product":
      return emitProduct(module, f, code);
    case "scatterAdd":
      return emitScatterAdd(f, code.storage);
    case "argsort":
      return emitArgsort(f, code.storage);
    case "routine":
      return emitRoutine(f, code);
    case "rows":
      return emitRows(module, f);
  }
}

const drivers = new Map<boolean, WebAssembly.Module>();
function driverFor(shared: boolean): WebAssembly.Module {
  let driver = drivers.get(shared);
  if (!driver) drivers.set(shared, (driver = new WebAssembly.Module(driverModule(shared))));
  return driver;
}

/** A function of one instruction: i32x4.splat. */
const simd = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 17, 11);

/** Workers of backends that nobody disposed of. */
const abandoned = new FinalizationRegistry<Threads>((threads) => threads.stop());

const math = Object.fromEntries(mathFunctions.map((name) => [name, Math[name]]));

const disposed = (): Error => new Error("cpu: this backend was disposed");

class CpuBackend implements Backend {
  readonly name = "cpu";
  readonly maxBytes = MAX_BYTES;
  /** undefined once disposed, so that the memory itself can go. */
  #memory: DeviceMemory | undefined = new DeviceMemory();
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: FIRST_KERNEL });
  #imports: WebAssembly.Imports = {};
  #run: (commands: number, control: number) => number = () => 0;
  /** In order of last preparation, so that idle kernels at the front go first. */
  readonly #kernels = new Map<Code, CompiledKernel>();
  readonly #freePlaces: number[] = [];
  #workspace = noWorkspace();
  readonly #options: CpuOptions;
  #threadCount: number;
  /** From the first plan on that is heavy enough. */
  #threads: Threads | undefined;
  /** Modules that the workers have. */
  readonly #shared = new WeakSet<Unit>();

  constructor(options: CpuOptions) {
    this.#options = options;
    this.#threadCount = threadCount(options.threads);
    this.#link(false);
  }

  /** @internal */
  get threads(): Threads | undefined {
    return this.#threads;
  }

  /** @internal Resolves when there are workers, or none can be had. */
  async begun(): Promise<void> {
    if (!this.#threads && this.#threadCount > 1) this.#makeThreads();
    await this.#threads?.begun();
  }

  get bytesInUse(): number {
    return this.#memory?.bytesInUse ?? 0;
  }

  allocate(bytes: number): Buffer {
    return this.#live.allocate(bytes);
  }

  free(buffer: Buffer): void {
    this.#memory?.free(buffer);
  }

  write(buffer: Buffer, data: TypedArray): void {
    this.#live.write(buffer, data);
  }

  view(buffer: Buffer, storage: Storage, length: number): TypedArray {
    return this.#live.view(buffer, storage, length);
  }

  prepare(segments: readonly Segment[]): Program {
    const cost = nanosecondsOf(segments);
    this.#considerThreads(cost);
    const memory = this.#live;
    const blocks: number[] = [];
    const kernels: CompiledKernel[] = [];
    let workspace: Workspace | undefined;
    let released = false;
    const claim = (bytes: number): number => {
      blocks.push(memory.allocate(bytes));
      return blocks[blocks.length - 1]!;
    };
    const release = (): void => {
      if (released) return;
      released = true;
      if (this.#memory === undefined) return;
      for (const block of blocks) memory.free(block);
      for (const k of kernels) k.users--;
      this.#evict();
      if (workspace) this.#returnWorkspace(workspace);
    };
    try {
      const { spreads, serial } = this.#spread(stepsIn(segments), cost, claim);
      const parts = [...spreads.values()].flatMap((s) => s.parts);
      for (const k of this.#compile([...serial, ...parts].flatMap(withTiles))) (kernels.push(k), k.users++);
      this.#shareKernels(parts.flatMap(withTiles));
      const most = (steps: readonly BoundStep[]): number => steps.reduce((bytes, s) => Math.max(bytes, workspaceOf(s)), 0);
      const workspaceStride = Math.ceil(most(parts) / 64) * 64;
      workspace = this.#borrowWorkspace(Math.max(most(serial), workspaceStride * this.#threadCount));
      const { words, relative } = encodeCommands(segments, {
        kernel: (step) => this.#kernels.get(codeOf(step))!.place,
        workspace: workspace.address,
        workspaceStride,
        spread: (step) => spreads.get(step),
        parallel: spreads.size > 0,
        stage: claim,
        write: (address, words) => memory.write(address, words),
      });
      const commands = claim(words.byteLength);
      for (const i of relative) words[i]! += commands;
      memory.write(commands, words);
      const run = (): void => {
        if (released) throw new Error("cpu: this program was released");
        try {
          this.#carryOut(commands);
        } catch (error) {
          // Loops change the commands as they go, and back at their end.
          memory.write(commands, words);
          throw error;
        }
      };
      return { run, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #carryOut(commands: number): void {
    const threads = this.#threads;
    if (!threads) return void this.#run(commands, 0);
    threads.beforeRun();
    let lost;
    try {
      lost = this.#run(commands, threads.control);
    } catch (error) {
      // Parts of what was broken off must not go on.
      threads.lose(String(error));
      throw error;
    }
    if (lost) throw new Interrupted("cpu: a worker thread was lost while it worked on this program; run it again");
  }

  dispose(): void {
    this.#threads?.stop();
    this.#memory = undefined;
    this.#imports = {};
    this.#run = () => {
      throw disposed();
    };
    this.#kernels.clear();
    for (let i = FIRST_KERNEL; i < this.#table.length; i++) this.#table.set(i, null);
  }

  get #live(): DeviceMemory {
    if (this.#memory === undefined) throw disposed();
    return this.#memory;
  }

  /** Makes the functions over the present memory: the driver, and all kernels there are. */
  #link(shared: boolean): void {
    const { memory } = this.#live;
    const scratch = new WebAssembly.Global({ value: "i32" }, Scratch.address);
    const late = (times: number): number => Number(this.#threads?.late(times) ?? true);
    this.#imports = { env: { memory, table: this.#table, scratch, rem: (a: number, b: number) => a % b, late, ...math } };
    const driver = new WebAssembly.Instance(driverFor(shared), this.#imports);
    this.#run = driver.exports["run"] as (commands: number, control: number) => number;
    const kernels = [...this.#kernels.keys()];
    const unit = this.#instantiate(
      kernels,
      [...this.#kernels.values()].map((k) => k.place),
      shared,
    );
    for (const compiled of this.#kernels.values()) compiled.unit = unit;
  }

  /** Compiles kernels, in one module, and puts them into the function table. */
  #instantiate(kernels: readonly Code[], places: number[], shared: boolean): Unit {
    if (kernels.length === 0) return { bytes: new Uint8Array(), places };
    const module = new ModuleBuilder();
    kernels.forEach((k, i) => emitCode(module, module.function([I32], [], `k${i}`), k));
    const bytes = module.encode(shared);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.#imports);
    places.forEach((place, i) => this.#table.set(place, exports[`k${i}`] as () => void));
    return { bytes, places };
  }

  /** The distinct kernels of the steps; those not seen before are compiled. */
  #compile(steps: readonly BoundStep[]): CompiledKernel[] {
    const wanted = [...new Set(steps.flatMap(singles).map(codeOf))];
    const missing = wanted.filter((k) => !this.#kernels.has(k));
    if (missing.length > 0) {
      const places = missing.map(() => this.#freePlaces.pop() ?? this.#table.grow(1));
      const unit = this.#instantiate(missing, places, this.#threads !== undefined);
      missing.forEach((k, i) => this.#kernels.set(k, { place: places[i]!, users: 0, unit }));
    }
    return wanted.map((k) => {
      const compiled = this.#kernels.get(k)!;
      this.#kernels.delete(k);
      this.#kernels.set(k, compiled);
      return compiled;
    });
  }

  // ---- threads

  /** At the first plan that is heavy enough: moves into shared memory, where workers will join. */
  #considerThreads(cost: number): void {
    if (this.#threads || this.#threadCount === 1) return;
    if (this.#options.eager || cost >= LEAST_PLAN) this.#makeThreads();
  }

  #makeThreads(): void {
    const { eager, patience } = this.#options;
    try {
      this.#live.share();
    } catch {
      this.#threadCount = 1;
      return;
    }
    const threads = new Threads(this.#live, driverFor(true), this.#threadCount, { patience, aside: eager === "workers" });
    this.#threads = threads;
    this.#link(true);
    abandoned.register(this, threads);
  }

  /** Those steps that are worth it, in parts, and the others; steps that join parts may be worth it too. */
  #spread(
    given: readonly BoundStep[],
    planCost: number,
    stage: (bytes: number) => number,
  ): { spreads: Map<BoundStep, Spread>; serial: readonly BoundStep[] } {
    const spreads = new Map<BoundStep, Spread>();
    const eager = Boolean(this.#options.eager);
    if (!this.#threads?.control || !(eager || planCost >= LEAST_PLAN)) return { spreads, serial: given };
    const most = PARTS * this.#threadCount;
    const parts = (cost: number): number => (eager ? most : Math.min(most, Math.floor(cost / LEAST_PART)));
    const steps = [...given];
    for (const step of steps) {
      const spread = spreadStep(step, { parts, stage });
      if (!spread) continue;
      spreads.set(step, spread);
      steps.push(...spread.joins);
    }
    return { spreads, serial: steps.filter((s) => !spreads.has(s)) };
  }

  #shareKernels(parts: readonly BoundStep[]): void {
    for (const part of parts.flatMap(singles)) {
      const { unit } = this.#kernels.get(codeOf(part))!;
      if (this.#shared.has(unit)) continue;
      this.#shared.add(unit);
      this.#threads!.share(unit);
    }
  }

  /** A workspace of at least so many bytes. A smaller one lives on until its plans are gone. */
  #borrowWorkspace(bytes: number): Workspace {
    if (bytes > this.#workspace.bytes) this.#workspace = { address: this.#live.allocate(bytes), bytes, users: 0 };
    this.#workspace.users++;
    return this.#workspace;
  }

  #returnWorkspace(w: Workspace): void {
    if (--w.users > 0 || w.bytes === 0) return;
    this.#live.free(w.address);
    if (w === this.#workspace) this.#workspace = noWorkspace();
  }

  #evict(): void {
    let excess = this.#kernels.size - IDLE_KERNELS;
    if (excess <= 0) return;
    for (const [kernel, { place, users, unit }] of this.#kernels) {
      if (users > 0) continue;
      this.#kernels.delete(kernel);
      unit.places[unit.places.indexOf(place)] = -1;
      this.#table.set(place, null);
      this.#freePlaces.push(place);
      if (--excess <= 0) return;
    }
  }
}

/** A step, and those within it. */
const withTiles = (step: BoundStep): readonly BoundStep[] => (step.rows ? [step, ...stepsOfAnyCount(step)] : [step]);

function make(options: CpuOptions): CpuBackend {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(simd))
    throw new Error(
      "createEngine: this JavaScript engine has no WebAssembly SIMD, which the CPU backend needs; use a newer one, or another backend",
    );
  return new CpuBackend(options);
}

/** The backend that runs everywhere: WebAssembly SIMD, up to 4 GiB of memory; on this thread, and large plans on several. */
export const cpu = (options: CpuOptions = {}): Backend => make(options);

/** @internal A backend that leaves steps of any size to workers, which are there already; undefined where there can be none. */
export async function cpuOnWorkers(threads: number): Promise<Backend | undefined> {
  const backend = make({ threads, eager: "workers" });
  await backend.begun();
  if (backend.threads?.control) return backend;
  backend.dispose();
  return undefined;
}
