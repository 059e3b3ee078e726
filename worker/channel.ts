/**
 * A worker and the way to it: node:worker_threads where there is such a thing, a Web Worker elsewhere. Node's module is not imported, so that
 * bundles for pages do not ask for it.
 */
import type { Answer, Request } from "./wire.ts";

export interface Channel {
  post(request: Request, transfer?: ArrayBuffer[]): void;
  /** Takes what comes back, and why nothing will come any more. */
  listen(received: (answer: Answer) => void, died: (why: Error) => void): void;
  /** While on, a process waits for the worker. */
  keepAlive(on: boolean): void;
  close(): Promise<void>;
}

/** Starts a worker. Throws where there are none. */
export function startWorker(): Channel {
  const builtin = globalThis.process?.getBuiltinModule as typeof process.getBuiltinModule | undefined;
  if (builtin) return nodeWorker(builtin);
  if (typeof Worker === "undefined")
    throw new Error("createEngine: worker: true needs Web Workers or node:worker_threads, and this platform has neither");
  return webWorker();
}

function nodeWorker(builtin: typeof process.getBuiltinModule): Channel {
  const { Worker } = builtin("node:worker_threads");
  const here = import.meta.url;
  const source = here.endsWith(".ts");
  const entry = new URL(source ? "entry.ts" : "entry.js", here);
  const name = "fluxion";
  const worker = source ? new Worker(fromSource(entry, builtin), { name, eval: true }) : new Worker(entry, { name });
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    listen: (received, died) => {
      worker.on("message", received);
      worker.on("messageerror", died);
      worker.on("error", (error) => died(error instanceof Error ? error : new Error(String(error))));
      worker.on("exit", (code) => died(new Error(`it exited with code ${code}`)));
    },
    keepAlive: (on) => (on ? worker.ref() : worker.unref()),
    close: async () => void (await worker.terminate()),
  };
}

/** A program that runs the TypeScript of a checkout: workers do not inherit what lets their parents read it. */
function fromSource(entry: URL, builtin: typeof process.getBuiltinModule): string {
  const run = `import(${JSON.stringify(entry.href)})`;
  if ((process.features as { typescript?: unknown }).typescript) return run;
  const tsx = builtin("node:url").pathToFileURL(
    builtin("node:module")
      .createRequire(import.meta.url)
      .resolve("tsx/package.json"),
  );
  const api = new URL("dist/esm/api/index.mjs", tsx).href;
  return `import(${JSON.stringify(api)}).then(({ register }) => { register(); return ${run}; })`;
}

function webWorker(): Channel {
  // In these words, which bundlers look for.
  const worker = new Worker(new URL("./entry.js", import.meta.url), { type: "module", name: "fluxion" });
  return {
    post: (request, transfer = []) => worker.postMessage(request, transfer),
    listen: (received, died) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => received(data);
      worker.onmessageerror = () => died(new Error("a message could not be read"));
      worker.onerror = (event) => died(new Error(event.message || "it could not be loaded"));
    },
    keepAlive: () => {},
    close: () => Promise.resolve(worker.terminate()),
  };
}
