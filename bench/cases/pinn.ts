/**
 * A physics-informed network for Burgers' equation, u_t + u u_x = nu u_xx: 2-20-20-20-20-1 with tanh, the mean squared residual and its gradient
 * by all parameters. fluxion and jax-js differentiate by nested jvp, the program a user would write; tfjs, which has no second derivative of
 * tanh, by a jet written out by hand; PyTorch by reverse mode in reverse mode.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { burgersLoss } from "../../test/ad/burgers-loop.ts";
import { type Case, type Contestant, type Floats, type Numbers, type SelfTimed, uniform } from "../case.ts";
import { cpuNow, medians, type Timing } from "../measure.ts";
import { parametersOf } from "../network.ts";
import { fluxionPinn } from "./pinn-fluxion.ts";
import { jaxPinn } from "./pinn-jax.ts";
import { tfjsPinn } from "./pinn-tfjs.ts";

export const widths = [2, 20, 20, 20, 20, 1];
export const viscosity = 0.01 / Math.PI;

/** What every contestant starts from: two sets of parameters to change between, and points in 0 < t < 1, -1 < x < 1. */
export interface Problem {
  readonly parameters: readonly [Parameters, Parameters];
  readonly t: Floats;
  readonly x: Floats;
}
type Parameters = ReturnType<typeof parametersOf>;

export function problem(points: number): Problem {
  return {
    parameters: [parametersOf(widths, 31), parametersOf(widths, 32)],
    t: uniform(points, 0, 1, 41),
    x: uniform(points, -1, 1, 42),
  };
}

/** A contestant whose points may be replaced by others, more or fewer. */
export interface Pinn extends Contestant {
  /** Takes other points, and does a step with them. */
  resize(t: Floats, x: Floats): void | Promise<void>;
}

function reference({ parameters: [p], t, x }: Problem): Numbers[] {
  const layers = widths.slice(1).map((outputs, k) => ({
    w: Float64Array.from(p[2 * k]!.data),
    b: Float64Array.from(p[2 * k + 1]!.data),
    inputs: widths[k]!,
    outputs,
  }));
  const points = Float64Array.from({ length: 2 * t.length }, (_, i) => (i % 2 === 0 ? t : x)[i >> 1]!);
  const { loss, gradient } = burgersLoss(layers, points, viscosity);
  return [[loss], ...gradient];
}

function steady(points: number): Case {
  const given = problem(points);
  const shape = [points];
  return {
    name: `pinn-${points}`,
    unit: "ms",
    tolerance: 1e-4,
    reference: () => reference(given),
    fluxion: (backend) => fluxionPinn(given, backend),
    peers: { "jax-js": () => jaxPinn(given), tfjs: () => tfjsPinn(given) },
    torch: { work: "pinn", inputs: [{ shape, data: given.t }, { shape, data: given.x }, ...given.parameters[0]] },
  };
}

/** Derivatives by Taylor mode, beside fluxion's own nested jvp and what the others do. */
function byJet(points: number): Case {
  const given = problem(points);
  const all = steady(points);
  return {
    ...all,
    name: `pinn-jet-${points}`,
    fluxion: async (backend) => {
      const [jets, nested] = [await fluxionPinn(given, backend, { jet: true }), await fluxionPinn(given, backend)];
      return {
        ...jets,
        also: { "nested jvp": nested.step },
        dispose: async () => {
          await jets.dispose?.();
          await nested.dispose?.();
        },
      };
    },
  };
}

// ---- the first call, each in a process of its own

export const builders = { fluxion: fluxionPinn, "jax-js": jaxPinn, tfjs: tfjsPinn };
export type Builder = keyof typeof builders;
/** What bench/cold.ts reports. */
export interface Cold extends Timing {
  readonly outputs: number[][];
}

async function coldRun(name: Builder): Promise<Cold> {
  const child = fork(fileURLToPath(new URL("../cold.ts", import.meta.url)), [name], { execArgv: process.execArgv });
  const [message] = (await Promise.race([once(child, "message"), once(child, "exit").then(() => [undefined])])) as [Cold | undefined];
  if (!message) throw new Error(`pinn-first-call: the process of ${name} ended without a result`);
  return message;
}

function cold(name: Builder): () => Promise<SelfTimed> {
  return async () => ({
    outputs: async () => (await coldRun(name)).outputs,
    time: async (trials) => {
      const runs: Cold[] = [];
      for (let i = 0; i < trials; i++) runs.push(await coldRun(name));
      return medians(runs);
    },
  });
}

// ---- a number of points that was not seen before

function resized(build: (p: Problem) => Promise<Pinn>): () => Promise<SelfTimed> {
  return async () => {
    const pinn = await build(problem(1024));
    await pinn.step();
    return {
      outputs: async () => {
        await pinn.resize(...at(1024));
        return pinn.outputs();
      },
      time: async (trials) => {
        const runs: Timing[] = [];
        for (let i = 0; i < trials; i++) {
          const next = at(1025 + i);
          const [cpu, wall] = [cpuNow(), performance.now()];
          await pinn.resize(...next);
          runs.push({ cpu: cpuNow() - cpu, wall: performance.now() - wall });
        }
        return medians(runs);
      },
    };
  };
}

const at = (points: number): [Floats, Floats] => {
  const { t, x } = problem(points);
  return [t, x];
};

export const pinnCases: readonly Case[] = [
  steady(1024),
  steady(10_000),
  byJet(1024),
  {
    name: "pinn-first-call",
    unit: "ms",
    tolerance: 1e-4,
    reference: () => reference(problem(1024)),
    fluxion: cold("fluxion"),
    peers: { "jax-js": cold("jax-js"), tfjs: cold("tfjs") },
    note: "from the built graph to the first result, 1,024 points, in a new process",
  },
  {
    name: "pinn-new-shape",
    unit: "ms",
    tolerance: 1e-4,
    reference: () => reference(problem(1024)),
    fluxion: resized((p) => fluxionPinn(p, undefined, { named: true })),
    peers: { "jax-js": resized(jaxPinn) },
    note: "the first step after the number of points became 1,025, 1,026, ...",
  },
];
