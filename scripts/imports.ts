/**
 * Imports point one way. Checks every import of the library, type imports included, against the order of the rooms;
 * refuses barrels (modules of a room that pass on another's names) and cycles that exist at run time, where the order
 * in which modules start would matter. `npm run imports` prints what is wrong and exits with 1.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** What the files of each room may import besides their own room: a room, or one file. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  kernel: ["core"],
  ops: ["core", "kernel"],
  ad: ["core", "kernel", "ops"],
  scheduler: ["core", "kernel", "ops", "ad"],
  cpu: ["kernel", "core/dtype.ts"],
  gpu: ["kernel", "core/dtype.ts"],
  "index.ts": ["core", "kernel", "ops", "ad", "scheduler", "cpu", "gpu"],
  // What a user writes: the package by its name, nothing behind it.
  examples: [],
};
const packages = ["fluxion", "fluxion/cpu"];

interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
  readonly passedOn: boolean;
}

const roomOf = (file: string): string => file.split("/")[0]!;

function importsOf(file: string, text: string): Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const found: Import[] = [];
  const add = (at: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean, passedOn: boolean): void => {
    if (!specifier || !ts.isStringLiteral(specifier)) return;
    found.push({ specifier: specifier.text, line: source.getLineAndCharacterOfPosition(at.getStart()).line + 1, typeOnly, passedOn });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node, node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword, false);
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly, true);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, true, false);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node, node.arguments[0], false, false);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** What is wrong with a set of files, given as path from the root to text: one message each, none if all is well. */
export function violations(files: ReadonlyMap<string, string>, dependencies: readonly string[]): string[] {
  const messages: string[] = [];
  const runtime = new Map<string, string[]>();
  for (const [file, text] of files) {
    const room = roomOf(file);
    const fits = allowed[room];
    if (!fits) continue;
    const edges: string[] = [];
    runtime.set(file, edges);
    for (const { specifier, line, typeOnly, passedOn } of importsOf(file, text)) {
      const complain = (what: string): unknown => messages.push(`${file}:${line}: ${what}`);
      if (!specifier.startsWith(".")) {
        const name = specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/")[0]!;
        const known = specifier.startsWith("node:") || builtinModules.includes(name) || dependencies.includes(name);
        if (!known && !(room === "examples" && packages.includes(specifier)))
          complain(`imports "${specifier}", which users of the package do not have: dependencies are ${dependencies.join(", ")}`);
        continue;
      }
      const target = posix.join(posix.dirname(file), specifier);
      if (passedOn && room !== "index.ts") complain(`passes on names of ${target}: no barrels, import them where they are declared`);
      if (roomOf(target) !== room && !fits.includes(roomOf(target)) && !fits.includes(target))
        complain(`${room} may not import ${target}: ${room} imports ${fits.join(", ") || "no other room"}`);
      if (!typeOnly) edges.push(target);
    }
  }
  return [...messages, ...cycles(runtime)];
}

/** Each cycle once, as a path back to where it starts. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const messages: string[] = [];
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      messages.push(`${file}: imports itself: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
      return;
    }
    state.set(file, "open");
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file);
  return messages;
}

/** The TypeScript files that the rules speak of, below a root: path to text. */
function ruledFiles(root: string): Map<string, string> {
  const paths = Object.keys(allowed)
    .filter((room) => existsSync(join(root, room)))
    .flatMap((room) =>
      room.endsWith(".ts") ? [room] : readdirSync(join(root, room), { recursive: true, encoding: "utf8" }).map((path) => `${room}/${path}`),
    );
  return new Map(paths.filter((path) => path.endsWith(".ts")).map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

/** What is wrong with the repository below a root. */
export function check(root: string): string[] {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return violations(ruledFiles(root), Object.keys({ ...dependencies, ...peerDependencies }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const messages = check(process.cwd());
  for (const message of messages) console.error(message);
  process.exitCode = messages.length > 0 ? 1 : 0;
}
