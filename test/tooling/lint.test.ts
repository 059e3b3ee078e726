import ts from "typescript";
import { expect, test } from "vitest";
import { lint } from "../../scripts/lint.ts";

const root = "/lint";
const options: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, strict: true, types: [] };
const host = ts.createCompilerHost(options);
const parsed = new Map<string, ts.SourceFile | undefined>();
const parse = host.getSourceFile;
const library: typeof parse = (name, version) => {
  if (!parsed.has(name)) parsed.set(name, parse(name, version));
  return parsed.get(name);
};

/** What the linter says of one file. */
function said(text: string, file = "core/a.ts"): string[] {
  const path = `${root}/${file}`;
  host.getSourceFile = (name, version) => (name === path ? ts.createSourceFile(path, text, version, true) : library(name, version));
  return lint(ts.createProgram([path], options, host), root);
}

test.each([
  ["async function f() {}\nf();", "a promise that nobody waits for"],
  ["async function f() {}\nexport const g = () => (f() ? 1 : 2);", "a promise is always true"],
  ["export const f = (a: number) => a == 1;", "compare with ==="],
  ["let a = 1;\nexport const b = a;", "a never changes: use const"],
  ["export function f(xs: number[]) { for (let x of xs) f([x]); }", "x never changes: use const"],
  ["export var a = 1;", "use const or let"],
  ["debugger;", "debugger"],
  ["console.log(1);", "console.log in the library"],
  ["const a = 1;\nexport default a;", "default export"],
  ["try { eval('1'); } catch {}", "an error is swallowed"],
  ["throw 'no';", "throw an Error"],
])("%s is refused", (text, message) => {
  expect(said(`/** A file. */\n${text}`)).toEqual([expect.stringContaining(message)]);
});

test("a library file without its opening paragraph, and a test that runs alone, are refused", () => {
  expect(said("export const a = 1;")).toEqual([expect.stringContaining("core/a.ts:1: a file opens with a paragraph")]);
  expect(said(`declare const test: { only(name: string): void };\ntest.only("x");`, "test/a.test.ts")).toEqual([
    expect.stringContaining("only:"),
  ]);
});

test("sound code passes", () => {
  const text = `/** A file. */
async function f() {}
await f();
void f();
let sum = 0, [a, b] = [1, 2];
for (let i = 0; i < 3; i++) sum += i;
for (const x of [a, b]) sum += x;
[a, b] = [b, a];
let later: number;
later = sum;
try { eval("1"); } catch { /* Nothing to clean up. */ }
export const c: unknown = later == null ? undefined : new Error("no");
`;
  expect(said(text)).toEqual([]);
});
