/**
 * fluxion beside its peers, on the same work in one run: `npm run bench` at the root. Every result is compared with plain float64 loops before
 * anything is timed. Ratios are fluxion's CPU time over the peer's: below 1, fluxion is faster.
 */
import { parseArgs } from "node:util";
import { type Case, type Contestant, disagreement, type PeerName, type SelfTimed } from "./case.ts";
import { arrayCases } from "./cases/arrays.ts";
import { graphCases } from "./cases/graph.ts";
import { mlpCases } from "./cases/mlp.ts";
import { pinnCases } from "./cases/pinn.ts";
import { threadCases } from "./cases/threads.ts";
import { THREADS } from "./fluxion.ts";
import { profiler } from "./kernels.ts";
import { compare, effort, type Step, type Timing } from "./measure.ts";
import { hasTorch, pytorch } from "./peers/pytorch.ts";
import { yardsticks } from "./yardsticks.ts";

const cases: readonly Case[] = [...arrayCases, ...mlpCases, ...pinnCases, ...graphCases, ...threadCases];
const names = cases.map((c) => c.name);

const help = `npm run bench -- [options]
  --only NAME         this case only (repeatable, or a list with commas): ${names.join(", ")}
  --json              one object a line instead of a table
  --kernels           no times, but fluxion's kernels in each of the cases: which there are, and how long each takes
  --threads N         of fluxion's engines (default 1); CPU times are then of all threads together
  --trials N          how often each contestant is timed (default ${effort.trials})
  --python PROGRAM    a Python that may have PyTorch (default python3)
  --yardsticks DIR    programs that say what the machine can reach (also $FLUXION_YARDSTICKS)`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    kernels: { type: "boolean", default: false },
    threads: { type: "string", default: "1" },
    trials: { type: "string", default: String(effort.trials) },
    python: { type: "string", default: "python3" },
    yardsticks: { type: "string", default: process.env["FLUXION_YARDSTICKS"] ?? "" },
    help: { type: "boolean", default: false },
  },
});

/** What is printed of a case. Times are medians, in the unit of the case. */
interface Result {
  readonly name: string;
  readonly unit: Case["unit"];
  readonly fluxion: number;
  readonly peers: Record<string, number>;
  /** fluxion's time over the peer's. */
  readonly ratio: Record<string, number>;
  /** Whether all results, fluxion's and the peers', agree with the reference. */
  readonly checked: boolean;
  /** Wall time of everyone; the figures above are CPU time, unless the case says otherwise. */
  readonly wall: Record<string, number>;
  /** The largest relative difference from the reference of everyone. */
  readonly error: Record<string, number>;
  /** Kernels a step, nodes, plans, bytes resident and moved; other measures of fluxion. */
  readonly counts: Record<string, number>;
  readonly note?: string;
}

const round = (v: number): number => Number(v.toPrecision(4));
const isSelfTimed = (c: Contestant | SelfTimed): c is SelfTimed => "time" in c;

async function runCase(c: Case, trials: number, torch: boolean, reached: number | undefined): Promise<Result> {
  const contestants = new Map<string, Contestant | SelfTimed>([["fluxion", await c.fluxion()]]);
  for (const [name, build] of Object.entries(c.peers)) contestants.set(name, await build());
  if (torch && c.torch) contestants.set("pytorch" satisfies PeerName, await pytorch(options.python, c.torch, trials));

  const expected = c.reference();
  const error: Record<string, number> = {};
  for (const [name, contestant] of contestants) error[name] = disagreement(await contestant.outputs(), expected);

  const steps: Record<string, Step> = {};
  const timings: Record<string, Timing> = {};
  for (const [name, contestant] of contestants) {
    if (isSelfTimed(contestant)) timings[name] = await contestant.time(trials);
    else steps[name] = contestant.step;
  }
  const fluxion = contestants.get("fluxion")!;
  const also = isSelfTimed(fluxion) ? {} : (fluxion.also ?? {});
  const tried = { ...effort, trials, warmSteps: c.warmSteps ?? effort.warmSteps };
  Object.assign(timings, await compare(steps, tried), await compare(also, tried));
  const counts = (await fluxion.counts?.()) ?? {};
  for (const contestant of contestants.values()) if (!isSelfTimed(contestant)) await contestant.dispose?.();

  const scale = c.unit === "ms" ? 1 : 1e6 / (c.perStep ?? 1);
  const inUnit = (kind: keyof Timing, list: Iterable<string>): Record<string, number> =>
    Object.fromEntries([...list].map((name) => [name, round(timings[name]![kind] * scale)]));
  const peers = [...contestants.keys()].filter((name) => name !== "fluxion");
  const clock = c.clock ?? "cpu";
  const own = timings["fluxion"]![clock];
  return {
    name: c.name,
    unit: c.unit,
    fluxion: round(own * scale),
    peers: inUnit(clock, peers),
    ratio: Object.fromEntries(peers.map((name) => [name, round(own / timings[name]![clock])])),
    checked: Object.values(error).every((e) => e <= c.tolerance),
    wall: inUnit("wall", contestants.keys()),
    error: Object.fromEntries(Object.entries(error).map(([name, e]) => [name, round(e)])),
    counts: { ...counts, ...inUnit("cpu", Object.keys(also)), ...(reached ? { yardstick: reached, share: round(reached / own) } : {}) },
    ...(c.note ? { note: c.note } : {}),
  };
}

async function printKernels(c: Case, trials: number): Promise<void> {
  const profile = profiler();
  const fluxion = await c.fluxion(profile.backend);
  if (isSelfTimed(fluxion)) return console.log(`${c.name}: its processes cannot be looked into`);
  for (let i = 0; i < 10 * trials; i++) {
    // Two changes take turns: after the first few, no plan is made any more.
    if (i === trials) profile.reset();
    await fluxion.step();
  }
  console.log(`${c.name}: ${profile.table()}`);
}

function row({ name, unit, fluxion, peers, ratio, checked, error, counts, note }: Result): string {
  const beside = Object.entries(peers).map(([peer, time]) => `${peer} ${time} (${ratio[peer]}x)`);
  const more = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  const wrong = Object.entries(error).map(([who, e]) => `${who} ${e.toExponential(1)}`);
  return [
    `${name.padEnd(17)} ${String(fluxion).padStart(8)} ${unit.padEnd(8)} ${beside.join("  ")}`,
    ...(more.length > 0 ? [`${" ".repeat(18)}${more.join(", ")}`] : []),
    ...(checked ? [] : [`${" ".repeat(18)}NOT IN AGREEMENT with the reference: relative errors ${wrong.join(", ")}`]),
    ...(note ? [`${" ".repeat(18)}${note}`] : []),
  ].join("\n");
}

async function main(): Promise<void> {
  if (options.help) return console.log(help);
  const only = options.only.flatMap((list) => list.split(","));
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only: there is no case ${unknown}; there are ${names.join(", ")}`);
  const trials = Number(options.trials);
  if (!Number.isInteger(trials) || trials < 1)
    throw new Error(`--trials: ${options.trials} is not a number of trials; use a positive integer`);
  process.env[THREADS] = options.threads;

  const chosen = cases.filter((c) => only.length === 0 || only.includes(c.name));
  if (options.kernels) {
    for (const c of chosen) await printKernels(c, trials);
    return;
  }
  const torch = chosen.some((c) => c.torch) && hasTorch(options.python);
  const reached = options.yardsticks
    ? await yardsticks(options.yardsticks, (name) => chosen.some((c) => c.name === name))
    : new Map<string, number>();
  if (!options.json)
    console.log(
      `CPU time, threads of fluxion: ${options.threads}, of the peers: 1, Node ${process.versions.node}; in brackets: fluxion's time over the peer's`,
    );
  for (const c of chosen) {
    const result = await runCase(c, trials, torch, reached.get(c.name));
    console.log(options.json ? JSON.stringify(result) : row(result));
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
process.exit();
