/** A process that trains into a file, and may be killed. */
import { createEngine } from "../../index.ts";
import { minimize } from "../../optim/minimize.ts";
import { initial, loss, optimizer } from "./training.ts";

const engine = await createEngine({ threads: 1 });
const run = minimize(loss, initial, { engine, optimizer, steps: 400, reportEvery: 1, file: process.argv[2]!, saveEvery: 0 });
run.progress.subscribe({ next: () => process.send?.("on its way"), error: () => {} });
await run.done;
await engine.dispose();
process.disconnect?.();
