/**
 * The lint rules of this repository: mistakes that the compiler lets pass, found on its syntax trees and types. Each
 * rule is a function of a node that answers with a sentence, or nothing. `npm run lint` prints file, line and
 * sentence, and exits with 1. (Unused names, fallthrough and unreachable code are the compiler's own.)
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

type Rule = (node: ts.Node, checker: ts.TypeChecker, file: string) => string | undefined;

const equality = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.EqualsEqualsToken, "==="],
  [ts.SyntaxKind.ExclamationEqualsToken, "!=="],
]);

const isRoom = (file: string): boolean => !/^(test|examples|scripts)\/|^[^/]*$/.test(file);

const rules: readonly Rule[] = [
  function floatingPromise(node, checker) {
    if (!ts.isExpressionStatement(node) || ts.isAwaitExpression(node.expression) || ts.isVoidExpression(node.expression)) return undefined;
    const then = checker.getTypeAtLocation(node.expression).getProperty("then");
    return then && "a promise that nobody waits for: await it, or mark it with void";
  },
  function promiseAsCondition(node, checker) {
    const condition = ts.isIfStatement(node) ? node.expression : ts.isConditionalExpression(node) ? node.condition : undefined;
    return condition && checker.getTypeAtLocation(condition).getProperty("then") && "a promise is always true: await it";
  },
  function looseEquality(node) {
    if (!ts.isBinaryExpression(node) || node.right.kind === ts.SyntaxKind.NullKeyword) return undefined;
    const strict = equality.get(node.operatorToken.kind);
    return strict && `compare with ${strict}`;
  },
  function neverAssignedLet(node) {
    if (!ts.isVariableDeclarationList(node)) return undefined;
    if (!(node.flags & ts.NodeFlags.BlockScoped)) return "var: use const or let";
    if (!(node.flags & ts.NodeFlags.Let) || ts.isForStatement(node.parent)) return undefined;
    const assigned = assignedNames(node.getSourceFile());
    const names = node.declarations.flatMap(declaredNames).map((name) => name.text);
    const given = ts.isForInStatement(node.parent) || ts.isForOfStatement(node.parent) || node.declarations.every((d) => d.initializer);
    return given && !names.some((name) => assigned.has(name)) ? `${names.join(", ")} never changes: use const` : undefined;
  },
  function leftBehind(node, _, file) {
    if (node.kind === ts.SyntaxKind.DebuggerStatement) return "debugger statement";
    if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return undefined;
    if (/^(test|it|describe|suite)$/.test(node.expression.text) && node.name.text === "only") return "only: the other tests would not run";
    if (isRoom(file) && node.expression.text === "console" && node.name.text === "log") return "console.log in the library";
    return undefined;
  },
  function defaultExport(node, _, file) {
    return isRoom(file) && ts.isExportAssignment(node) ? "default export: the library exports names" : undefined;
  },
  function opening(node, _, file) {
    if (!ts.isSourceFile(node) || !isRoom(file)) return undefined;
    return /^\s*\/\*\*/.test(node.text) ? undefined : "a file opens with a paragraph that says what it is for";
  },
  function emptyBlock(node) {
    if (!ts.isBlock(node) || node.statements.length > 0 || !ts.isCatchClause(node.parent)) return undefined;
    return node.getText().includes("//") || node.getText().includes("/*") ? undefined : "an error is swallowed: say why in a comment";
  },
  function thrownText(node, checker) {
    if (!ts.isThrowStatement(node)) return undefined;
    const type = checker.getTypeAtLocation(node.expression);
    return type.flags & (ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike) ? "throw an Error: it carries the stack" : undefined;
  },
];

function declaredNames(declaration: ts.VariableDeclaration | ts.BindingElement): ts.Identifier[] {
  if (ts.isIdentifier(declaration.name)) return [declaration.name];
  return declaration.name.elements.flatMap((e) => (ts.isBindingElement(e) ? declaredNames(e) : []));
}

const isAssignment = (kind: ts.SyntaxKind): boolean => kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;

const assignments = new WeakMap<ts.SourceFile, Set<string>>();

/** The names that anything in a file assigns to after their declaration. By name, so a shadowed one may be missed. */
function assignedNames(source: ts.SourceFile): Set<string> {
  const known = assignments.get(source);
  if (known) return known;
  const names = new Set<string>();
  const target = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    else if (ts.isArrayLiteralExpression(node) || ts.isObjectLiteralExpression(node)) ts.forEachChild(node, target);
    else if (ts.isSpreadElement(node) || ts.isSpreadAssignment(node) || ts.isParenthesizedExpression(node)) target(node.expression);
    else if (ts.isPropertyAssignment(node)) target(node.initializer);
    else if (ts.isShorthandPropertyAssignment(node)) target(node.name);
    else if (ts.isBinaryExpression(node)) target(node.left);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) target(node.left);
    else if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) target(node.operand);
    else if ((ts.isForOfStatement(node) || ts.isForInStatement(node)) && !ts.isVariableDeclarationList(node.initializer))
      target(node.initializer);
    ts.forEachChild(node, visit);
  };
  visit(source);
  assignments.set(source, names);
  return names;
}

/** What the rules say of a program's own files: "file:line: sentence" each. */
export function lint(program: ts.Program, root: string): string[] {
  const checker = program.getTypeChecker();
  const messages: string[] = [];
  for (const source of program.getSourceFiles()) {
    const file = relative(root, source.fileName).replaceAll("\\", "/");
    if (source.isDeclarationFile || file.startsWith("..") || file.includes("node_modules/")) continue;
    const visit = (node: ts.Node): void => {
      for (const rule of rules) {
        const sentence = rule(node, checker, file);
        if (sentence === undefined) continue;
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        messages.push(`${file}:${line + 1}: ${sentence} (${rule.name})`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return messages;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.cwd();
  const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const messages = lint(ts.createProgram(fileNames, options), root);
  for (const message of messages) console.error(message);
  process.exitCode = messages.length > 0 ? 1 : 0;
}
