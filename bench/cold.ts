/** A process that makes the first call of one contestant of the Burgers network, times it, and reports to its parent. */
import { type Builder, builders, type Cold, problem } from "./cases/pinn.ts";
import { cpuNow } from "./measure.ts";

const build = builders[process.argv[2] as Builder];
const pinn = await build(problem(1024));
const cpu = cpuNow();
const wall = performance.now();
await pinn.step();
const timing = { cpu: cpuNow() - cpu, wall: performance.now() - wall };
const outputs = (await pinn.outputs()).map((v) => Array.from(v));
process.send!({ ...timing, outputs } satisfies Cold, () => process.exit(0));
