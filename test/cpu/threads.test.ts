/** Steps that several threads carry out in parts have the bits of one thread, whatever happens to the threads. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { createEngine, exp, flip, reshape, scan, sin, sum, tanh, type Tensor } from "fluxion";
import { cpu } from "../../cpu/backend.ts";
import { Control } from "../../cpu/parallel.ts";
import { Threads } from "../../cpu/threads.ts";
import type { TypedArray } from "../../core/dtype.ts";
import type { Backend } from "../../kernel/backend.ts";
import * as e from "../../kernel/expr.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { body, type Fold, loopKernel, matmulKernel, routineKernel } from "../../kernel/kernel.ts";
import { lu } from "../../kernel/routines/lu.ts";
import { svd } from "../../kernel/routines/svd.ts";
import { sameBits } from "../../scheduler/bits.ts";
import { collectGarbage } from "../tooling/gc.ts";
import { type Case, difference, outputsOn, someData, someLayout, someLoop, Tape, tape } from "./cases.ts";

const threadsOf = (backend: Backend): Threads => (backend as unknown as { readonly threads: Threads }).threads;

/** A backend that shares out steps of any size, once it has done something. */
const eager = (threads: number, patience?: number): Backend => cpu({ threads, eager: true, ...(patience ? { patience } : {}) });
const one = cpu({ threads: 1 });
const [two, three] = [eager(2), eager(3)];
afterAll(() => [one, two, three].forEach((b) => b.dispose()));

/** Starts the workers of a backend, and waits for them. */
async function ready(backend: Backend, workers: number): Promise<void> {
  outputsOn(backend, chain(64));
  await vi.waitFor(() => expect(threadsOf(backend).ready).toBe(workers), { timeout: 10_000 });
}

/** x + c x x over a row. */
function chain(n: number, c = 1): Case {
  const row = { storage: "f32", inner: 1 } as const;
  const x = e.read(0, "f32");
  return {
    kernel: loopKernel(1, [row], [row], body(["f32"], [e.add(x, e.mul(e.constant("f32", c), e.mul(x, x)))]), undefined),
    sizes: [n],
    reads: [{ data: Float32Array.from({ length: n }, (_, i) => Math.sin(i)), offset: 0, strides: [1] }],
    writes: [{ storage: "f32", length: n, offset: 0, strides: [1] }],
    uniforms: [],
  };
}

function expectSameBits(c: Case, backends: readonly Backend[] = [two, three]): void {
  const wanted = outputsOn(one, c);
  for (const backend of backends)
    outputsOn(backend, c).forEach((got, i) => {
      const found = difference(got, wanted[i]!);
      if (found !== undefined) expect.fail(`${c.kernel.key} over [${c.sizes.join()}]: output ${i}, ${found}`);
    });
}

describe("bits do not depend on the number of threads", () => {
  const size = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 10, max: 70 }));
  const sizes = fc.array(size, { minLength: 1, maxLength: 3 });
  const workers = Promise.all([ready(two, 1), ready(three, 2)]);

  test("of elementwise loops", async () => {
    await workers;
    fc.assert(
      fc.property(tape, sizes, (numbers, s) => expectSameBits(someLoop(numbers, s))),
      { numRuns: 300 },
    );
  });

  test.each<Fold>(["sum", "prod", "max", "min", "argmax", "cumsum"])("of %s", async (fold) => {
    await workers;
    const folded = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(256, 257, 512, 1000, 1024, 1025, 2300, 5000));
    fc.assert(
      fc.property(tape, fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 2 }), folded, (numbers, outer, n) =>
        expectSameBits(someLoop(numbers, [...outer, n], fold)),
      ),
      { numRuns: 60 },
    );
  });

  test("of routines, some items each, with room of their own", async () => {
    await workers;
    fc.assert(
      fc.property(
        tape,
        fc.constantFrom("f32", "f64"),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        (numbers, storage, items, n) => {
          const t = new Tape(numbers);
          const row = (length: number) => ({ data: someData(t, storage, length, false), offset: 0, strides: [1] });
          const out = (length: number, type: typeof storage | "i32" = storage) => ({ storage: type, length, offset: 0, strides: [1] });
          const square = items * n * n;
          const common = { sizes: [items, n, n, n], reads: [row(square)], uniforms: [] };
          expectSameBits({ ...common, kernel: routineKernel(svd.real, storage), writes: [out(square), out(items * n), out(square)] });
          expectSameBits({
            ...common,
            kernel: routineKernel(lu.real, storage),
            writes: [out(square), out(items * n, "i32"), out(items * n, "i32")],
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  test("of products, whichever axis is cut", async () => {
    await workers;
    const side = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(1, 2, 64, 130, 200));
    const depth = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(256, 257, 700, 1300, 3000));
    const shape = fc.tuple(fc.integer({ min: 1, max: 9 }), side, side, depth).filter(([b, m, n, k]) => b * m * n * k < 4e6);
    fc.assert(
      fc.property(tape, fc.constantFrom("f32", "f64", "i32"), shape, fc.integer({ min: 1, max: 3 }), (numbers, storage, s, count) => {
        const [b, m, n, k] = s;
        const t = new Tape(numbers);
        const operand = (shape: readonly number[]) => {
          const { length, ...layout } = someLayout(t, shape, true);
          return { data: someData(t, storage, length), ...layout };
        };
        expectSameBits({
          kernel: matmulKernel(storage),
          sizes: s,
          reads: Array.from({ length: 2 * count }, (_, i) => operand(i % 2 === 0 ? [b, m, k] : [b, k, n])),
          writes: Array.from({ length: count }, () => ({ storage, ...someLayout(t, [b, m, n], false) })),
          uniforms: [],
        });
      }),
      { numRuns: 80 },
    );
  });
});

describe("when a worker is lost, its engine goes on with one thread and says so", () => {
  const backends: Backend[] = [];
  afterEach(() => {
    vi.restoreAllMocks();
    for (const b of backends.splice(0)) b.dispose();
  });
  const data = Float32Array.from({ length: 2 ** 18 }, (_, i) => Math.sin(i));
  const formula = (x: Tensor): Tensor => sin(x.mul(x).add(1)).mul(exp(x)).sub(tanh(x));
  /** A loop whose addresses are others in each round. */
  const loop = (x: Tensor): Tensor => {
    const rows = reshape(x, [8, 2 ** 15]);
    return scan((c: Tensor, row: Tensor) => [flip(c, 0).mul(0.5).add(tanh(row)), null], sum(rows, { axis: 0 }) as Tensor, rows)[0];
  };

  /** An engine whose workers are ready, what it warns of, and a step that checks its values. */
  async function started(patience?: number, graphOf = formula) {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const backend = eager(2, patience);
    backends.push(backend);
    await ready(backend, 1);
    const alone = await createEngine({ threads: 1 });
    // Unfused, so that there are steps that write over their operands.
    const engine = await createEngine({ backend, fusion: false });
    const x = engine.variable(data);
    const scale = engine.variable(1);
    const y = graphOf(x.mul(scale));
    const wanted: TypedArray[] = [];
    for (const s of [0, 1]) wanted.push((await alone.read(graphOf(alone.variable(data).mul(s)))).data);
    let i = 0;
    const step = async (): Promise<void> => {
      scale.set(++i % 2);
      expect(sameBits((await engine.read(y)).data, wanted[i % 2]!)).toBe(true);
    };
    return { backend, warn, threads: threadsOf(backend), step };
  }
  async function expectAlone({ warn, threads, step }: Awaited<ReturnType<typeof started>>): Promise<void> {
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/a worker thread was lost \(.*\); this backend goes on with one thread/)]]);
    expect(threads.control).toBe(0);
    for (let i = 0; i < 4; i++) await step();
    expect(warn).toHaveBeenCalledTimes(1);
  }

  test("at rest", async () => {
    const at = await started();
    await at.threads.workers[0]!.terminate();
    await expectAlone(at);
  });

  test("terminated while plans run", async () => {
    const at = await started(300);
    const gone = at.threads.workers[0]!.terminate();
    for (let i = 0; i < 10; i++) await at.step();
    await gone;
    await expectAlone(at);
  });

  /** Takes a part as a worker does, and never does it. Before that it writes to the word at `report`, if there is one. */
  const thief = `
    const { workerData: { buffer, control, report } } = require("node:worker_threads");
    const tickets = new BigInt64Array(buffer);
    for (;;) {
      const ticket = Atomics.load(tickets, control / 8);
      if ((ticket & 0xffffffffn) === 0n || Atomics.compareExchange(tickets, control / 8, ticket, ticket - 1n) !== ticket) continue;
      if (report) Atomics.store(new Int32Array(buffer), report / 4, 1);
      break;
    }`;

  test.each([
    ["and says nothing", 0, /did not finish in 300 ms/, formula],
    ["and says that it failed", Control.failed, /it failed/, formula],
    ["in the midst of a loop", 0, /did not finish in 300 ms/, loop],
  ])("with a part that it had taken, %s", async (_, report, why, graphOf) => {
    const at = await started(300, graphOf);
    const { backend, warn, threads, step } = at;
    const buffer = backend.view(64, "f32", 1).buffer;
    const worker = new Worker(thief, {
      eval: true,
      workerData: { buffer, control: threads.control, report: report && threads.control + report },
    });
    const ended = new Promise((resolve) => worker.on("exit", resolve));
    await new Promise((resolve) => worker.on("online", resolve));
    for (let i = 0; i < 5000 && threads.control !== 0; i++) await step();
    await expectAlone(at);
    expect(warn.mock.calls[0]![0]).toMatch(why);
    await ended;
  });
});

describe("threads of an engine", () => {
  afterEach(() => vi.unstubAllGlobals());
  const x = Float32Array.from({ length: 2 ** 18 }, (_, i) => Math.cos(i));

  test("end when it is disposed of", async () => {
    const backend = eager(3);
    await ready(backend, 2);
    const workers = threadsOf(backend).workers as Worker[];
    expect(workers.map((w) => w.threadId)).not.toContain(-1);
    backend.dispose();
    await vi.waitFor(() => expect(workers.map((w) => w.threadId)).toEqual([-1, -1]));
  });

  test("end when nobody holds it any more", async () => {
    const workers = await (async () => {
      const backend = eager(2);
      await ready(backend, 1);
      return threadsOf(backend).workers as Worker[];
    })();
    await vi.waitFor(
      async () => {
        await collectGarbage();
        expect(workers.map((w) => w.threadId)).toEqual([-1]);
      },
      { timeout: 10_000 },
    );
  });

  test("hold no module in memory that all of them have", async () => {
    const backend = eager(2);
    await ready(backend, 1);
    /** Kernels that were not there before, until the worker has them. */
    const compile = async (from: number, until: number): Promise<number> => {
      for (let i = from; i < until; i++) outputsOn(backend, chain(64, i));
      await vi.waitFor(() => expect(threadsOf(backend).behind).toBe(0));
      outputsOn(backend, chain(64, until));
      return backend.bytesInUse;
    };
    const before = await compile(1, 2);
    expect((await compile(3, 20)) - before).toBeLessThan(2000);
    backend.dispose();
  });

  test("are not there for small plans", async () => {
    const backend = cpu({ threads: 2 });
    const engine = await createEngine({ backend });
    const v = engine.variable(x.slice(0, 1000));
    await engine.read(v.mul(v));
    expect(threadsOf(backend)).toBeUndefined();
    const w = engine.variable(x);
    await engine.read(w.mul(w).exp().sin());
    await vi.waitFor(() => expect(threadsOf(backend).ready).toBe(1));
    await engine.dispose();
  });

  test.each([
    ["SharedArrayBuffer", undefined],
    ["crossOriginIsolated", false],
  ])("are one, silently, where %s is %s", async (name, value) => {
    vi.stubGlobal(name, value);
    const warn = vi.spyOn(console, "warn");
    const backend = eager(4);
    expectSameBits(chain(5000), [backend]);
    expect(threadsOf(backend)).toBeUndefined();
    expect(warn).not.toHaveBeenCalled();
    backend.dispose();
  });

  test("createEngine takes their number there, too, and computes on one", async () => {
    const used = vi.spyOn(Threads.prototype, "beforeRun");
    const results: TypedArray[] = [];
    for (const shared of [globalThis.SharedArrayBuffer, undefined]) {
      vi.stubGlobal("SharedArrayBuffer", shared);
      used.mockClear();
      const engine = await createEngine({ threads: 4 });
      const v = engine.variable(x);
      results.push((await engine.read(v.mul(v).exp().sin())).data);
      expect(used).toHaveBeenCalledTimes(shared ? 1 : 0);
      await engine.dispose();
    }
    used.mockRestore();
    expect(sameBits(results[0]!, results[1]!)).toBe(true);
  });

  test("are Web Workers where there is no node:worker_threads", async () => {
    /** As much of a page's Worker as is asked for, over a thread of Node. */
    class PageWorker {
      readonly #worker: Promise<Worker>;
      constructor(url: string) {
        const script = (async () => (await fetch(url)).text())();
        const onMessage = 'require("node:worker_threads").parentPort.on("message", (data) => onmessage({ data }));';
        this.#worker = script.then((text) => new Worker(`globalThis.self = globalThis; ${text}; ${onMessage}`, { eval: true }));
      }
      postMessage(data: unknown): void {
        void this.#worker.then((w) => w.postMessage(data));
      }
      terminate(): void {
        void this.#worker.then((w) => w.terminate());
      }
    }
    vi.stubGlobal("Worker", PageWorker);
    vi.stubGlobal("process", { ...process, getBuiltinModule: undefined });
    const backend = eager(2);
    await ready(backend, 1);
    for (let i = 0; i < 20; i++) expectSameBits(chain(2 ** 16), [backend]);
    backend.dispose();
  });

  test("refuse numbers that are none, and backends that are not theirs", async () => {
    for (const threads of [0, 1.5, 65, NaN])
      await expect(createEngine({ threads })).rejects.toThrow(`createEngine: threads must be an integer from 1 to 64, got ${threads}`);
    await expect(createEngine({ threads: 2, backend: one })).rejects.toThrow(/give it to yours, as in backend: cpu\(\{ threads \}\)/);
  });

  test("do not keep a process alive", async () => {
    const program = `
      import { createEngine } from "./index.ts";
      const engine = await createEngine({ threads: 2 });
      const x = engine.variable(new Float32Array(1 << 20));
      await engine.read(x.mul(x).exp().sin());
      await new Promise((resolve) => setTimeout(resolve, 300));
      console.log("done");`;
    const options = ["--import", "tsx", "--input-type=module", "--eval", program];
    const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 20_000 });
    expect(stdout).toBe("done\n");
  });
});

test("without WebAssembly SIMD there is no engine, and a clear error", async () => {
  const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  const missing = /createEngine: this JavaScript engine has no WebAssembly SIMD, .* or another backend$/;
  await expect(createEngine()).rejects.toThrow(missing);
  // The judge, say, needs none.
  await (await createEngine({ backend: interpreter() })).dispose();
  validate.mockRestore();
  vi.stubGlobal("WebAssembly", undefined);
  await expect(createEngine({ threads: 2 })).rejects.toThrow(missing);
  vi.unstubAllGlobals();
  await (await createEngine()).dispose();
});
