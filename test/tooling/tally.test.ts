import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

/** Runs the given test files as `npm test` would; its exit code and the last line it prints. */
function run(files: Record<string, string>): { code: number | null; last: string | undefined } {
  const root = mkdtempSync(join(tmpdir(), "tally-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
    const config = `export default { test: { globals: true, reporters: ["default", ${JSON.stringify(resolve("test/tooling/tally.ts"))}] } };`;
    writeFileSync(join(root, "vitest.config.mjs"), config);
    const { status, stdout } = spawnSync(process.execPath, [resolve("node_modules/vitest/vitest.mjs"), "run", "--root", root], {
      encoding: "utf8",
    });
    return { code: status, last: stdout.trimEnd().split("\n").at(-1) };
  } finally {
    rmSync(root, { recursive: true });
  }
}

const pass = `test("passes", () => {});\n`;

test("a run ends with one line that counts tests", () => {
  expect(run({ "a.test.js": pass + pass, "b.test.js": pass })).toEqual({ code: 0, last: "3 passed, 0 failed" });
  expect(run({ "a.test.js": `${pass}test.skip("later", () => {});\ntest.todo("much later");` })).toEqual({
    code: 0,
    last: "1 passed, 0 failed, 2 skipped",
  });
});

test("a failed test, and whatever else fails a run, counts as failed", () => {
  const fail = `test("fails", () => { throw new Error("no"); });\n`;
  expect(run({ "a.test.js": pass + fail })).toEqual({ code: 1, last: "1 passed, 1 failed" });
  expect(run({ "a.test.js": `throw new Error("does not load");`, "b.test.js": pass })).toEqual({ code: 1, last: "1 passed, 1 failed" });
  expect(run({ "a.test.js": `${pass}test("lets one go", async () => { void Promise.reject(new Error("no")); await 0; });` })).toEqual({
    code: 1,
    last: "2 passed, 1 failed",
  });
  expect(run({ "a.test.js": `describe("s", () => { afterAll(() => { throw new Error("no"); }); ${pass} });` })).toEqual({
    code: 1,
    last: "1 passed, 1 failed",
  });
});
