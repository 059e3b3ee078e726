/**
 * fluxion beside its peers, on the same work in one run: `npm run bench` at the root. Every result is compared with plain float64 loops before
 * anything is timed. Ratios are fluxion's CPU time over the peer's: below 1, fluxion is faster.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Case } from "./case.ts";
import { cases } from "./cases.ts";
import { THREADS } from "./fluxion.ts";
import { profiler } from "./kernels.ts";
import { effort } from "./measure.ts";
import { hasTorch } from "./peers/pytorch.ts";
import { isSelfTimed, type Result, type Task } from "./run.ts";
import { yardsticks } from "./yardsticks.ts";

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

/** Runs a case in a process of its own: what was compiled and optimized for the cases before it would show in its times. */
async function inOwnProcess(task: Task): Promise<Result> {
  const child = fork(fileURLToPath(new URL("one.ts", import.meta.url)), [JSON.stringify(task)], { execArgv: process.execArgv });
  const [result] = (await Promise.race([once(child, "message"), once(child, "exit").then(() => [undefined])])) as [Result | undefined];
  if (!result) throw new Error(`${task.name}: its process ended without a result`);
  return result;
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
    const result = await inOwnProcess({ name: c.name, trials, python: torch ? options.python : undefined, reached: reached.get(c.name) });
    console.log(options.json ? JSON.stringify(result) : row(result));
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
process.exit();
