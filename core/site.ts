/**
 * Where a node was made: a stack captured when the node is built and formatted only when a message needs it.
 */
const root = new URL("..", import.meta.url).pathname;
const rooms = /^(core|kernel|ops|ad|scheduler|worker|cpu|gpu)\//;
/** Whether a stack line is inside the library: stacks name files by path or by URL. */
const isOurs = (line: string): boolean => {
  const at = line.indexOf(root);
  return at < 0 ? line.includes("node:internal") : rooms.test(line.slice(at + root.length));
};

let depth = 8;
let inherited: { readonly site: object | undefined } | undefined;

/** How many stack frames a node keeps (default 8). 0 keeps none, which makes building large graphs cheaper. */
export function keepSites(frames: number): void {
  depth = frames;
}

/** The nodes that `build` makes come from where another was made: a derivative points at the line of its function. */
export function withSite<T>(site: object | undefined, build: () => T): T {
  const outer = inherited;
  inherited = { site };
  try {
    return build();
  } finally {
    inherited = outer;
  }
}

/** The stack below `from`, unformatted. About 2 us and half a kilobyte, so transforms inherit sites instead. */
export function captureSite(from: (abstract new (...args: never[]) => unknown) | ((...args: never[]) => unknown)): object | undefined {
  if (inherited) return inherited.site;
  if (depth === 0 || !Error.captureStackTrace) return undefined;
  const site = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  Error.captureStackTrace(site, from);
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
