/** Compiles snippets against the library as the repository's own configuration would, for tests of what the compiler says. */
import { join } from "node:path";
import ts from "typescript";

const root = process.cwd();
const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const parsed = new Map<string, ts.SourceFile | undefined>();
let previous: ts.Program | undefined;

export interface Complaint {
  /** Of the text, from 1. */
  readonly line: number;
  /** The whole message, with the lines that explain it. */
  readonly message: string;
}

/** What the compiler says of a module with this text, placed in test/types. Other files are not judged. */
export function compile(text: string): Complaint[] {
  const path = join(root, "test/types/snippet.ts");
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target) => {
    if (name === path) return ts.createSourceFile(path, text, target, true);
    if (!parsed.has(name)) parsed.set(name, read(name, target));
    return parsed.get(name);
  };
  const exists = host.fileExists.bind(host);
  host.fileExists = (name) => name === path || exists(name);
  const program = ts.createProgram([path], { ...options, noUnusedLocals: false, noUnusedParameters: false }, host, previous);
  previous = program;
  const source = program.getSourceFile(path)!;
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(({ start, messageText }) => ({
    line: source.getLineAndCharacterOfPosition(start!).line + 1,
    message: ts.flattenDiagnosticMessageText(messageText, "\n"),
  }));
}
