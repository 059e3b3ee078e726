/** A process that runs one case and reports to its parent. */
import { cases } from "./cases.ts";
import { runCase, type Task } from "./run.ts";

const task = JSON.parse(process.argv[2]!) as Task;
const result = await runCase(cases.find((c) => c.name === task.name)!, task);
process.send!(result, () => process.exit(0));
