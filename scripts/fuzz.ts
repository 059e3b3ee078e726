/**
 * Random programs against the reference engine, for as long as one likes:
 *
 *   npm run fuzz -- --sequences 100000 [--seed S] [--backend cpu|interpreter] [--budget BYTES] [--cache BYTES] [--remote]
 *
 * With --remote over the two halves of an engine in a worker, which exchange messages within this thread. Prints progress, and at the first difference a shrunk program with the arguments that find it again.
 */
import { parseArgs } from "node:util";
import { cpu } from "../cpu/backend.ts";
import { interpreter } from "../kernel/interpreter.ts";
import { createEngine } from "../scheduler/engine.ts";
import { checkMany, programs } from "../test/scheduler/model.ts";
import { channelHere } from "../test/worker/channels.ts";
import { remotePrograms } from "../test/worker/programs.ts";
import { connect } from "../worker/remote.ts";

const BATCH = 500;
const { values } = parseArgs({
  options: {
    sequences: { type: "string", default: "10000" },
    seed: { type: "string" },
    backend: { type: "string", default: "cpu" },
    budget: { type: "string" },
    cache: { type: "string" },
    remote: { type: "boolean", default: false },
  },
});
const backends: Readonly<Record<string, () => ReturnType<typeof interpreter>>> = { cpu, interpreter };
const total = Number(values.sequences);
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const budgetBytes = Number(values.budget ?? Infinity);
const cache = values.cache === undefined ? {} : { budgetBytes: Number(values.cache) };
const backend = backends[values.backend];
const { remote } = values;
if (!Number.isInteger(total) || total < 1) throw new Error(`fuzz: --sequences takes a positive integer, got ${values.sequences}`);
if (!Number.isInteger(first)) throw new Error(`fuzz: --seed takes an integer, got ${values.seed}`);
if (!(budgetBytes > 0)) throw new Error(`fuzz: --budget takes bytes, got ${values.budget}`);
if (!backend) throw new Error(`fuzz: --backend takes ${Object.keys(backends).join(" or ")}, got ${values.backend}`);

console.log(`${total} sequences over ${values.backend}, seed ${first}`);
for (let done = 0, seed = first; done < total; seed++) {
  const numRuns = Math.min(BATCH, total - done);
  try {
    await checkMany(
      numRuns,
      seed,
      () => (remote ? connect({ budgetBytes, cache }, channelHere(backend)) : createEngine({ backend: backend(), budgetBytes, cache })),
      remote ? remotePrograms : programs,
    );
  } catch (error) {
    console.log(
      `\n${(error as Error).message}\n\nAgain: npm run fuzz -- --sequences ${BATCH} --seed ${seed} --backend ${values.backend}${values.budget ? ` --budget ${values.budget}` : ""}${values.cache ? ` --cache ${values.cache}` : ""}${remote ? " --remote" : ""}`,
    );
    process.exit(1);
  }
  done += numRuns;
  console.log(`${done} of ${total} agree (seed ${seed})`);
}
