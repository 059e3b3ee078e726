import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^fluxion$/, replacement: here("index.ts") },
      { find: /^fluxion\/cpu$/, replacement: here("cpu/backend.ts") },
      { find: /^fluxion\/optim$/, replacement: here("optim/public.ts") },
      { find: /^fluxion\/pinn$/, replacement: here("pinn/public.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/tooling/seed.ts"],
    reporters: ["default", here("test/tooling/tally.ts")],
    // Garbage collection is part of what is tested.
    execArgv: ["--expose-gc"],
    testTimeout: 60_000,
  },
});
