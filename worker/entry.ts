/** What a worker runs: one half of an engine, behind the port that the worker was started with. */
import { keepSites } from "../core/site.ts";
import { cpu } from "../cpu/backend.ts";
import { serve } from "./host.ts";
import type { Request } from "./wire.ts";

// Nodes are made by messages here: where is known on the other side.
keepSites(0);

const builtin = globalThis.process?.getBuiltinModule as typeof process.getBuiltinModule | undefined;
const parent = builtin?.("node:worker_threads").parentPort;
if (parent) {
  parent.on(
    "message",
    serve({ post: (answer, transfer) => parent.postMessage(answer, transfer) }, ({ threads }) => cpu({ threads })),
  );
} else {
  const scope = globalThis as unknown as { onmessage: unknown; postMessage(message: unknown, transfer: ArrayBuffer[]): void };
  const take = serve({ post: (answer, transfer) => scope.postMessage(answer, transfer) }, ({ threads }) => cpu({ threads }));
  scope.onmessage = ({ data }: MessageEvent<Request>) => take(data);
}
