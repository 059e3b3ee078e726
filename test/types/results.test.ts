import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "./compile.ts";

test.each(readdirSync(import.meta.dirname).filter((name) => name.endsWith(".test-d.ts")))("%s compiles as it says", (name) => {
  expect(compile(readFileSync(`${import.meta.dirname}/${name}`, "utf8"))).toEqual([]);
});
