/** The engines that the tests of the scheduler run over: the same scheduler, on the judge and on the compiled backend. */
import { describe } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Value } from "../../core/value.ts";
import type { Backend } from "../../kernel/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import type { EngineOptions } from "../../scheduler/options.ts";

type MakeEngine = (options?: Omit<EngineOptions, "backend">) => Promise<Engine>;

/** Runs a suite over both backends. What `make` makes is disposed of after each test by the suite, if it cares. */
export function overBackends(name: string, suite: (make: MakeEngine, backend: () => Backend) => void): void {
  describe.each([
    ["interpreter", () => interpreter()],
    ["cpu", cpu],
  ] as const)(`${name}, over the %s`, (_, backend) => suite((options) => createEngine({ backend: backend(), ...options }), backend));
}

/** A backend with methods of its own, the others those of `device`. */
export const around = (device: Backend, own: Partial<Pick<Backend, "prepare" | "dispose">>): Backend => ({
  name: device.name,
  get bytesInUse() {
    return device.bytesInUse;
  },
  allocate: (bytes) => device.allocate(bytes),
  free: (buffer) => device.free(buffer),
  write: (buffer, data) => device.write(buffer, data),
  view: (buffer, storage, length) => device.view(buffer, storage, length),
  prepare: own.prepare ?? ((segments) => device.prepare(segments)),
  dispose: own.dispose ?? (() => device.dispose()),
});

/** What an observer of t has been told: [epoch, value]. */
export function watch(engine: Engine, t: Tensor): [number, unknown][] {
  const seen: [number, unknown][] = [];
  engine.observe(t).subscribe((v: Value) => seen.push([v.epoch, v.toArray()]));
  return seen;
}

/** The errors that the engine reports from now on. */
export function failuresOf(engine: Engine): { readonly epoch: number; readonly tensor: Tensor | undefined; readonly error: unknown }[] {
  const seen: { epoch: number; tensor: Tensor | undefined; error: unknown }[] = [];
  engine.failures.subscribe((f) => seen.push(f));
  return seen;
}

/** Flushes, and checks that the engine's structures agree. */
export async function settle(engine: Engine): Promise<void> {
  await engine.flush();
  engine.invariant();
}

export const macrotask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
