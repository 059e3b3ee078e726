import { expect, test } from "vitest";
import { check, violations } from "../../scripts/imports.ts";

const problems = (files: Record<string, string>): string[] => violations(new Map(Object.entries(files)), ["rxjs"]);

test("the repository's imports point one way", () => {
  expect(check(process.cwd())).toEqual([]);
});

test.each([
  ["core/a.ts", "../kernel/b.ts", "core may not import kernel/b.ts"],
  ["kernel/a.ts", "../ops/b.ts", "kernel may not import ops/b.ts"],
  ["ops/a.ts", "../ad/b.ts", "ops may not import ad/b.ts"],
  ["ad/a.ts", "../scheduler/b.ts", "ad may not import scheduler/b.ts"],
  ["scheduler/a.ts", "../cpu/b.ts", "scheduler may not import cpu/b.ts"],
  ["cpu/a.ts", "../ops/b.ts", "cpu may not import ops/b.ts"],
  ["cpu/a.ts", "../core/tensor.ts", "cpu may not import core/tensor.ts"],
  ["gpu/wgsl/a.ts", "../../core/tensor.ts", "gpu may not import core/tensor.ts"],
  ["ops/a.ts", "../index.ts", "ops may not import index.ts"],
  ["core/a.ts", "../test/b.ts", "core may not import test/b.ts"],
  ["examples/wave/main.ts", "../../ops/a.ts", "examples may not import ops/a.ts"],
])("%s must not import %s, in any form", (file, target, message) => {
  const forms = [
    `import { x } from "${target}";`,
    `import type { X } from "${target}";`,
    `import "${target}";`,
    `const x = await import("${target}");`,
    `type X = import("${target}").X;`,
  ];
  for (const form of forms)
    expect(problems({ [file]: `// first line\n${form}` })).toEqual([expect.stringContaining(`${file}:2: ${message}`)]);
});

test("imports along the order of the rooms are accepted", () => {
  const imports = (...targets: string[]): string => targets.map((t) => `import "../${t}";`).join("\n");
  expect(
    problems({
      "kernel/a.ts": imports("core/a.ts", "kernel/b.ts"),
      "ops/a.ts": imports("core/a.ts", "kernel/a.ts"),
      "ad/a.ts": imports("core/a.ts", "kernel/a.ts", "ops/a.ts"),
      "scheduler/a.ts": `${imports("core/a.ts", "kernel/a.ts", "ops/a.ts", "ad/a.ts")}\nimport "rxjs";\nimport "rxjs/operators";`,
      "cpu/a.ts": `${imports("kernel/a.ts", "core/dtype.ts")}\nimport "node:worker_threads";`,
      "index.ts": `export * from "./scheduler/a.ts";\nexport { a } from "./cpu/a.ts";`,
      "examples/wave/main.ts": `import "fluxion";\nimport "fluxion/cpu";\nimport "./plot.ts";`,
    }),
  ).toEqual([]);
});

test("a barrel is refused", () => {
  expect(problems({ "ops/all.ts": `export * from "./a.ts";` })).toEqual([expect.stringContaining("no barrels")]);
  expect(problems({ "ops/all.ts": `export { a } from "./a.ts";` })).toEqual([expect.stringContaining("no barrels")]);
});

test("a package that users do not install is refused", () => {
  expect(problems({ "core/a.ts": `import "vitest";` })).toEqual([expect.stringContaining(`imports "vitest"`)]);
});

test("cycles at run time are refused, and type imports make none", () => {
  const ring = (form: string): string[] =>
    problems({ "core/a.ts": `import "./b.ts";`, "core/b.ts": `import "./c.ts";`, "core/c.ts": form });
  expect(ring(`import { a } from "./a.ts";`)).toEqual([expect.stringContaining("core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts")]);
  expect(ring(`import type { A } from "./a.ts";`)).toEqual([]);
});
