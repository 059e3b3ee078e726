/** docs/specification.md: each row names tests that exist, or says that what is asked is declined or comes later. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const rows = readFileSync("docs/specification.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| asked |"))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));

describe("the specification table", () => {
  it.each(rows.map((row) => [row[1], row] as const))("%s", (_, [, asked, answer, tests, ...end]) => {
    expect(end).toEqual([""]);
    expect(asked).not.toBe("");
    const named = [...tests!.matchAll(/`([^`]+)`/g)].map((m) => m[1]!);
    // Nothing but names of tests, separated by commas.
    expect(tests!.replaceAll(/`[^`]+`/g, "").replaceAll(/[, ]/g, "")).toBe("");
    if (named.length === 0) expect(answer).toMatch(/\b(later|declined)\b/);
    expect(named.filter((file) => !/^test\/[\w/-]+\.test\.ts$/.test(file) || !existsSync(file))).toEqual([]);
  });
  it("covers all five documents", () => {
    expect(rows.length).toBeGreaterThan(90);
  });
});
