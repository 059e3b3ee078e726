/**
 * Where a step's time goes, kernel by kernel: a backend that runs each kernel as a program of its own and keeps its least time. Timing costs
 * about as much as a small kernel; the order of the table is what counts.
 */
import { cpu } from "../dist/cpu/backend.js";
import type { EngineOptions } from "../dist/index.js";

type Backend = NonNullable<EngineOptions["backend"]>;
type Segment = Parameters<Backend["prepare"]>[0][number];
type BoundStep = Extract<Segment, { kind: "run" }>["steps"][number];
type LoopKernel = Extract<BoundStep["kernel"], { kind: "loop" }>;
type Expr = LoopKernel["body"]["values"][number];

export interface Profile {
  readonly backend: Backend;
  /** Forgets what was measured so far. */
  reset(): void;
  /** The kernels of the programs that ran since then, the slowest first. */
  table(): string;
}

export function profiler(): Profile {
  const device = cpu({ threads: 1 });
  /** Least milliseconds, by what the kernel does and where it is in its program. */
  const least = new Map<string, number>();
  const timed = (segments: readonly Segment[], what: string): { run(): void; release(): void } => {
    const program = device.prepare(segments);
    const run = (): void => {
      const start = performance.now();
      program.run();
      const ms = performance.now() - start;
      least.set(what, Math.min(least.get(what) ?? Infinity, ms));
    };
    return { run, release: () => program.release() };
  };
  const backend: Backend = {
    name: device.name,
    get bytesInUse() {
      return device.bytesInUse;
    },
    allocate: (bytes) => device.allocate(bytes),
    free: (buffer) => device.free(buffer),
    write: (buffer, data) => device.write(buffer, data),
    view: (buffer, storage, length) => device.view(buffer, storage, length),
    dispose: () => device.dispose(),
    prepare: (segments) => {
      const parts = segments.flatMap((segment) =>
        segment.kind === "run"
          ? segment.steps.map((step, i) => timed([{ kind: "run", steps: [step] }], `${String(i).padStart(3)}  ${describe(step)}`))
          : [timed([segment], segment.kind)],
      );
      return { run: () => parts.forEach((p) => p.run()), release: () => parts.forEach((p) => p.release()) };
    },
  };
  const table = (): string => {
    const rows = [...least].sort(([, a], [, b]) => b - a);
    const total = rows.reduce((sum, [, ms]) => sum + ms, 0);
    return [
      `${rows.length} kernels, ${total.toFixed(3)} ms when each takes its least time (us, place in the plan, what it does):`,
      ...rows.map(([what, ms]) => `${(ms * 1e3).toFixed(1).padStart(8)}  ${what}`),
    ].join("\n");
  };
  return { backend, reset: () => least.clear(), table };
}

/** Sizes and strides, and for loops the operations of the body. */
function describe({ kernel, sizes, reads, writes }: BoundStep): string {
  const strides = (list: BoundStep["reads"]): string => list.map((o) => `[${o.strides.join()}]`).join("");
  const name = kernel.kind === "loop" ? (kernel.fold ?? "loop") : kernel.kind;
  const body = kernel.kind === "loop" ? operations(kernel.body.values) : "";
  return `${name} ${sizes.join("x")}  reads ${strides(reads)} writes ${strides(writes)}  ${body}`;
}

/** How often each operation occurs in a body. */
function operations(values: readonly Expr[]): string {
  const counts = new Map<string, number>();
  const seen = new Set<Expr>();
  const stack = [...values];
  for (let x = stack.pop(); x; x = stack.pop()) {
    if (seen.has(x)) continue;
    seen.add(x);
    stack.push(...x.args);
    if (x.op !== "read" && x.op !== "const") counts.set(x.op, (counts.get(x.op) ?? 0) + 1);
  }
  return [...counts].map(([op, count]) => `${op} ${count}`).join(", ");
}
