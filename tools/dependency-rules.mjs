/**
 * Imports point one way: core <- kernel <- ops <- ad, the scheduler on those four, the backends on the kernel language and
 * core's dtypes alone, the worker on all of those, optim on all but the backends and the worker, pinn on those and optim, index.ts on everything. Rules for dependency-cruiser.
 */
const rooms = {
  core: [],
  kernel: ["core"],
  ops: ["core", "kernel"],
  ad: ["core", "kernel", "ops"],
  scheduler: ["core", "kernel", "ops", "ad"],
  worker: ["core", "kernel", "ops", "ad", "scheduler", "cpu"],
  cpu: ["kernel", "core/dtype.ts"],
  gpu: ["kernel", "core/dtype.ts"],
  optim: ["core", "kernel", "ops", "ad", "scheduler"],
  pinn: ["core", "kernel", "ops", "ad", "scheduler", "optim"],
  // What a user writes: the package by its name, nothing behind it.
  examples: [],
};
const directions = Object.entries(rooms).map(([room, others]) => ({
  name: `${room} imports ${others.join(", ") || "no other room"}`,
  severity: "error",
  from: { path: `^${room}/` },
  to: {
    path: "^(index\\.ts|test|scripts|tools|bench|core|kernel|ops|ad|scheduler|worker|cpu|gpu|optim|pinn|examples)(/|$)",
    pathNot: [room, ...others].map((r) => (r.endsWith(".ts") ? `^${r.replace(".", "\\.")}$` : `^${r}/`)),
    // "fluxion" and "fluxion/cpu" are aliases of files here.
    ...(room === "examples" && { dependencyTypesNot: ["aliased-tsconfig-paths"] }),
  },
}));

export default {
  forbidden: [
    ...directions,
    { name: "no cycles at run time", severity: "error", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    {
      name: "the library imports only what its users install",
      severity: "error",
      from: { path: "^(index\\.ts|core|kernel|ops|ad|scheduler|worker|cpu|gpu|optim|pinn)" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown", "undetermined"] },
    },
    { name: "every import resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"], extensions: [".ts", ".js"] },
  },
};
