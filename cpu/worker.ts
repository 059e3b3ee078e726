/**
 * What a worker runs, as source text: a script of its own that imports nothing, so that bundlers, loaders of TypeScript and pages alike
 * start it from a string. It links the driver with the memory of the engine, then serves: carries out parts, sleeps, and comes back here to
 * link modules, which lie in memory one after the other (see threads.ts).
 */
import { mathFunctions } from "../kernel/expr.ts";
import { Control, Reason } from "./parallel.ts";

/** What a worker is told when it starts. */
export interface Task {
  readonly memory: WebAssembly.Memory;
  readonly driver: WebAssembly.Module;
  readonly control: number;
  readonly thread: number;
  readonly scratch: number;
}

const serve = `
"use strict";
function serve({ memory, driver, control, thread, scratch }) {
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 8 });
  const env = { memory, table, scratch: new WebAssembly.Global({ value: "i32" }, scratch), rem: (a, b) => a % b, late: () => 0 };
  for (const name of ${JSON.stringify(mathFunctions)}) env[name] = Math[name];
  // Growing by nothing makes sure that the view is of all there is.
  const words = () => (memory.grow(0), new Int32Array(memory.buffer));
  const at = (offset) => (control + offset) >>> 2;
  let version = 0;
  let last = 0;
  const link = () => {
    const w = words();
    last = version === 0 ? w[at(${Control.firstModule})] : w[last >>> 2];
    const [, bytes, count] = w.subarray(last >>> 2, (last >>> 2) + 3);
    const places = w.slice((last >>> 2) + 3, (last >>> 2) + 3 + count);
    const start = last + 4 * (3 + count);
    const code = new Uint8Array(memory.buffer).slice(start, start + bytes);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env });
    places.forEach((place, i) => {
      if (place < 0) return;
      if (place >= table.length) table.grow(place + 1 - table.length);
      table.set(place, exports["k" + i]);
    });
    Atomics.store(w, at(${Control.versions}) + thread, ++version);
  };
  try {
    const { exports } = new WebAssembly.Instance(driver, { env });
    Atomics.add(words(), at(${Control.workers}), 1);
    while (exports.serve(control, thread, version) === ${Reason.modules}) link();
  } catch (error) {
    Atomics.store(words(), at(${Control.failed}), 1);
    throw error;
  }
}
`;

/** For node:worker_threads, and for a page. */
export const nodeWorker = `${serve} serve(require("node:worker_threads").workerData);`;
export const webWorker = `${serve} self.onmessage = ({ data }) => serve(data);`;
