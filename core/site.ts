/**
 * Where a node was made: a stack captured when the node is built and formatted only when a message needs it.
 */
const roomOf = new URL("..", import.meta.url).href;
const isOurs = (line: string): boolean => {
  const at = line.indexOf(roomOf);
  if (at < 0) return line.includes("node:internal");
  return /^(core|kernel|ops|ad|scheduler|cpu|gpu)\//.test(line.slice(at + roomOf.length));
};

let depth = 12;

/** How many stack frames a node keeps (default 12). 0 keeps none, which makes building large graphs cheaper. */
export function keepSites(frames: number): void {
  depth = frames;
}

export function captureSite(): object | undefined {
  if (depth === 0 || !Error.captureStackTrace) return undefined;
  const site = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  Error.captureStackTrace(site, captureSite);
  Error.stackTraceLimit = limit;
  return site;
}

export function formatSite(site: object | undefined): string | undefined {
  const stack = (site as { stack?: string } | undefined)?.stack;
  const line = stack
    ?.split("\n")
    .slice(1)
    .find((l) => !isOurs(l));
  return line?.trim().replace(/^at /, "");
}
