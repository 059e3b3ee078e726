/**
 * The CPU backend: kernels compiled to WebAssembly SIMD, one memory, one call a plan. Needs nothing but WebAssembly.
 */
import type { Storage, TypedArray } from "../core/dtype.ts";
import type { Backend, BoundStep, Buffer, Program, Segment } from "../kernel/backend.ts";
import { mathFunctions } from "../kernel/expr.ts";
import { isScan, type Kernel } from "../kernel/kernel.ts";
import { driverModule, encodeCommands, FIRST_KERNEL, workspaceOf } from "./driver.ts";
import { type FunctionBuilder, I32, ModuleBuilder } from "./encoder.ts";
import { emitReduction, planReduction } from "./fold.ts";
import { emitLoop } from "./loops.ts";
import { emitMatmul } from "./matmul.ts";
import { DeviceMemory, Scratch } from "./memory.ts";
import { emitScan } from "./scan.ts";
import { emitScatterAdd } from "./scatter.ts";
import { emitArgsort } from "./sort.ts";

/** Compiled kernels that are kept although no plan uses them now. */
const IDLE_KERNELS = 2000;

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
}

function emitKernel(module: ModuleBuilder, f: FunctionBuilder, kernel: Kernel): void {
  switch (kernel.kind) {
    case "loop":
      if (kernel.fold === undefined) return emitLoop(f, kernel);
      if (isScan(kernel.fold)) return emitScan(f, kernel, kernel.fold);
      return emitReduction(f, planReduction(kernel));
    case "matmul":
      return emitMatmul(module, f, kernel.storage);
    case "scatterAdd":
      return emitScatterAdd(f, kernel.storage);
    case "argsort":
      return emitArgsort(f, kernel.storage);
  }
}

let driver: WebAssembly.Module | undefined;
const math = Object.fromEntries(mathFunctions.map((name) => [name, Math[name]]));

class CpuBackend implements Backend {
  readonly name = "cpu";
  /** undefined once disposed, so that the memory itself can go. */
  #memory: DeviceMemory | undefined = new DeviceMemory();
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: FIRST_KERNEL });
  #imports: WebAssembly.Imports;
  #run: (commands: number) => void;
  /** In order of last preparation, so that idle kernels at the front go first. */
  readonly #kernels = new Map<Kernel, CompiledKernel>();
  readonly #freePlaces: number[] = [];
  #workspace = noWorkspace();

  constructor() {
    const { memory } = this.#live;
    const scratch = new WebAssembly.Global({ value: "i32" }, Scratch.address);
    this.#imports = { env: { memory, table: this.#table, scratch, rem: (a: number, b: number) => a % b, ...math } };
    driver ??= new WebAssembly.Module(driverModule());
    this.#run = new WebAssembly.Instance(driver, this.#imports).exports["run"] as (commands: number) => void;
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
    const memory = this.#live;
    const steps = stepsOf(segments);
    const kernels = this.#compile(steps);
    const workspace = this.#borrowWorkspace(steps);
    for (const k of kernels) k.users++;
    const blocks: number[] = [];
    const claim = (bytes: number): number => {
      blocks.push(memory.allocate(bytes));
      return blocks[blocks.length - 1]!;
    };
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      if (this.#memory === undefined) return;
      for (const block of blocks) memory.free(block);
      for (const k of kernels) k.users--;
      this.#evict();
      this.#returnWorkspace(workspace);
    };
    try {
      const { words, relative } = encodeCommands(segments, {
        kernel: (step) => this.#kernels.get(step.kernel)!.place,
        workspace: workspace.address,
        stage: claim,
      });
      const commands = claim(words.byteLength);
      for (const i of relative) words[i]! += commands;
      memory.write(commands, words);
      const run = (): void => {
        if (released) throw new Error("cpu: this program was released");
        this.#run(commands);
      };
      return { run, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  dispose(): void {
    this.#memory = undefined;
    this.#imports = {};
    this.#run = () => this.#live;
    this.#kernels.clear();
    for (let i = FIRST_KERNEL; i < this.#table.length; i++) this.#table.set(i, null);
  }

  get #live(): DeviceMemory {
    if (this.#memory === undefined) throw new Error("cpu: this backend was disposed");
    return this.#memory;
  }

  /** The distinct kernels of the steps; those not seen before are compiled, in one module. */
  #compile(steps: readonly BoundStep[]): CompiledKernel[] {
    const wanted = [...new Set(steps.map((s) => s.kernel))];
    const missing = wanted.filter((k) => !this.#kernels.has(k));
    if (missing.length > 0) {
      const module = new ModuleBuilder();
      missing.forEach((k, i) => emitKernel(module, module.function([I32], [], `k${i}`), k));
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), this.#imports);
      missing.forEach((k, i) => {
        const place = this.#freePlaces.pop() ?? this.#table.grow(1);
        this.#table.set(place, exports[`k${i}`] as () => void);
        this.#kernels.set(k, { place, users: 0 });
      });
    }
    return wanted.map((k) => {
      const compiled = this.#kernels.get(k)!;
      this.#kernels.delete(k);
      this.#kernels.set(k, compiled);
      return compiled;
    });
  }

  /** A workspace that is large enough for all steps. A smaller one lives on until its plans are gone. */
  #borrowWorkspace(steps: readonly BoundStep[]): Workspace {
    const bytes = steps.reduce((most, s) => Math.max(most, workspaceOf(s)), 0);
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
    for (const [kernel, { place, users }] of this.#kernels) {
      if (users > 0) continue;
      this.#kernels.delete(kernel);
      this.#table.set(place, null);
      this.#freePlaces.push(place);
      if (--excess <= 0) return;
    }
  }
}

function stepsOf(segments: readonly Segment[]): BoundStep[] {
  return segments.flatMap((s) => {
    switch (s.kind) {
      case "run":
        return s.steps;
      case "copy":
        return [];
      case "loop":
        return stepsOf(s.body);
      case "branch":
        return [...stepsOf(s.then), ...stepsOf(s.otherwise)];
    }
  });
}

/** The backend that runs everywhere: WebAssembly SIMD on this thread, up to 4 GiB of memory. */
export const cpu = (): Backend => new CpuBackend();
