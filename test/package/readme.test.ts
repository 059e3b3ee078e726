/** The README's example runs as printed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";

const readme = readFileSync("README.md", "utf8");
const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;

it("the example has at most 15 lines of code", () => {
  expect(example.split("\n").filter((line) => line.trim()).length).toBeLessThanOrEqual(15);
});

it("the example runs as printed, and the second change runs no network", async () => {
  const folder = mkdtempSync("test/package/readme-");
  const said: unknown[][] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...args) => void said.push(args));
  try {
    const file = join(folder, "example.ts");
    writeFileSync(file, `${example}\nexport { engine, loss, dw };\n`);
    const { engine, dw } = (await import(/* @vite-ignore */ join(process.cwd(), file))) as {
      engine: import("fluxion").Engine;
      dw: import("fluxion").Tensor;
    };
    const { nodesComputed, nodesTotal } = engine.stats.lastFlush;
    expect(nodesComputed).toBeLessThan(nodesTotal / 2);
    expect(said).toHaveLength(2);
    const [[, first], [, second]] = said as [[string, number[][]], [string, number[][]]];
    expect(said.map(([loss]) => loss)).toEqual(["0.4353", "0.3626"]);
    expect(first).not.toEqual(second);
    expect((await engine.read(dw)).toArray()).toEqual(second);
    await engine.dispose();
  } finally {
    log.mockRestore();
    rmSync(folder, { recursive: true });
  }
});
