import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import ts from "typescript";
import { build, type Rollup } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

// The package as its users get it: built, and imported by name from a project of their own.
const project = mkdtempSync(join(tmpdir(), "consumer-"));
const installed = join(project, "node_modules/fluxion");
const node = (...args: string[]): string => execFileSync(process.execPath, args, { encoding: "utf8", cwd: project });

beforeAll(() => {
  mkdirSync(installed, { recursive: true });
  cpSync("package.json", join(installed, "package.json"));
  for (const dependency of ["rxjs", "immer"]) symlinkSync(resolve("node_modules", dependency), join(project, "node_modules", dependency));
  writeFileSync(join(project, "package.json"), `{ "type": "module" }`);
  node(resolve("node_modules/typescript/bin/tsc"), "-p", resolve("tsconfig.build.json"), "--outDir", join(installed, "dist"));
}, 120_000);
afterAll(() => rmSync(project, { recursive: true }));

test.each([
  ["nodenext", ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
  ["a bundler", ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
])("its declarations carry shapes, resolved as %s does", (_, module, moduleResolution) => {
  const file = join(project, "typed.ts");
  writeFileSync(
    file,
    `import { createEngine, grad, matmul, mean, tensor, type Tensor } from "fluxion";
import { cpu } from "fluxion/cpu";
const engine = await createEngine({ backend: cpu() });
const w = engine.variable([[1, 2], [3, 4]]);
export const dw: Tensor<[2, 2]> = grad(mean(w.mul(w)), w);
matmul(w, tensor([1, 2, 3]));
`,
  );
  const program = ts.createProgram([file], {
    ...{ module, moduleResolution, strict: true, noEmit: true, types: [], skipLibCheck: false },
    ...{ target: ts.ScriptTarget.ES2022, lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"] },
  });
  const complaints = ts.getPreEmitDiagnostics(program).map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n"));
  const sentence = "matmul: inner dimensions 2 and 3 differ ([2, 2] times [3])";
  expect(complaints).toEqual([`Argument of type 'Tensor<[3]>' is not assignable to parameter of type '"${sentence}"'.`]);
});

test("it runs", () => {
  const file = join(project, "main.mjs");
  writeFileSync(file, `import { add, read } from "fluxion";\nconsole.log((await read(add(1, 2).mul(2))).item());\n`);
  expect(node(file)).toBe("6\n");
});

const remote = `import { createEngine, tanh } from "fluxion";
const engine = await createEngine({ worker: true });
const x = engine.variable([0, 1]);
console.log((await engine.read(x.mul(2))).toArray(), tanh(x).shape);
`;

test("its engine runs in a worker", () => {
  const file = join(project, "remote.mjs");
  writeFileSync(file, remote);
  expect(node(file)).toBe("[ 0, 2 ] [ 2 ]\n");
});

test("a bundler for pages finds the worker", async () => {
  writeFileSync(join(project, "page.js"), remote);
  writeFileSync(join(project, "index.html"), `<script type="module" src="./page.js"></script>`);
  const { output } = (await build({
    root: project,
    logLevel: "error",
    build: { write: false, minify: false, target: "es2022" },
  })) as Rollup.RollupOutput;
  const text = (o: (typeof output)[number]): string => (o.type === "chunk" ? o.code : String(o.source));
  const worker = output.find((o) => /entry-.*\.js$/.test(o.fileName))!;
  expect(text(worker)).toContain("onmessage");
  expect(output.filter((o) => o !== worker && text(o).includes(worker.fileName))).toHaveLength(1);
  // Node's modules are asked for at run time, where there are any.
  expect(output.filter((o) => /from "node:|import\("node:/.test(text(o))).map((o) => o.fileName)).toEqual([]);
});
