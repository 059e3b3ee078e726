/** The examples in docs/ run as printed: what a line logs is the comment behind it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";

it.each(["complex", "control-flow", "custom-rules", "implicit", "incremental", "memory", "taylor-mode", "training"])(
  "docs/%s.md",
  async (page) => {
    const text = readFileSync(`docs/${page}.md`, "utf8");
    const code = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map((m) => m[1]!).join("\n");
    const expected = [...code.matchAll(/^await show\(.*\); \/\/ (.*)$/gm)].map((m) => m[1]!);
    const folder = mkdtempSync("test/package/docs-");
    const said: unknown[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((line) => void said.push(line));
    try {
      const file = join(folder, "example.ts");
      writeFileSync(file, code);
      await import(/* @vite-ignore */ join(process.cwd(), file));
      expect(said).toEqual(expected);
      expect(said.length).toBeGreaterThan(5);
    } finally {
      log.mockRestore();
      rmSync(folder, { recursive: true });
    }
  },
);
