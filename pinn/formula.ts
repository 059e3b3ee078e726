/**
 * Equations as formulas: pde`u_t + u*u_x = ${nu}*u_xx`. Names are fields (u), their derivatives (u_xx), variables (x, t); what stands in ${} is a
 * number, a tensor (such as a variable behind a slider), or one of `symbols`. A formula is parsed once, knows which derivatives it needs, is computed with tensors, and
 * is shown as LaTeX.
 */
import { Tensor } from "../core/tensor.ts";
import { showArgument } from "../ops/describe.ts";
import { functionNamed, functions, operators } from "./functions.ts";

/** A field, or a derivative of one: u_xx is { field: "u", by: "xx" }. */
export class FieldSymbol {
  readonly field: string;
  readonly by: string;
  constructor(field: string, by = "") {
    this.field = field;
    this.by = by;
  }
  get name(): string {
    return this.by ? `${this.field}_${this.by}` : this.field;
  }
}

/** Any names of fields and derivatives, to be taken apart: const { u, u_t, u_xx } = symbols(). */
export const symbols = (): Readonly<Record<string, FieldSymbol>> =>
  new Proxy({} as Record<string, FieldSymbol>, {
    get: (_, name) => {
      const parts = typeof name === "string" ? /^([a-zA-Z]\w*?)(?:_([a-z]+))?$/.exec(name) : null;
      return parts ? new FieldSymbol(parts[1]!, parts[2]) : undefined;
    },
  });

/** What may stand in ${}. */
export type FormulaValue = number | Tensor | FieldSymbol;

type Node =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "value"; readonly value: Tensor | number; readonly index: number }
  | { readonly kind: "name"; readonly name: string; readonly at: number }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] }
  | { readonly kind: "negate"; readonly of: Node }
  | { readonly kind: "operation"; readonly symbol: Operator; readonly left: Node; readonly right: Node };
type Operator = "+" | "-" | "*" | "/" | "^";

/** A parsed formula: left minus right, where it is an equation. */
export class Formula {
  readonly text: string;
  readonly #left: Node;
  readonly #right: Node | undefined;
  /** The names in it, in order of appearance: fields, derivatives, variables. */
  readonly names: readonly string[];
  readonly #places: ReadonlyMap<string, number>;

  /** @internal */
  constructor(text: string, left: Node, right: Node | undefined) {
    this.text = text;
    this.#left = left;
    this.#right = right;
    const places = new Map<string, number>();
    for (const node of [left, ...(right ? [right] : [])])
      visit(node, (n) => {
        if (n.kind === "name" && !places.has(n.name)) places.set(n.name, n.at);
      });
    this.#places = places;
    this.names = [...places.keys()];
  }

  /** Throws, with the place in the formula, where a name is not among those known. */
  check(known: (name: string) => boolean, describe: string): void {
    for (const [name, at] of this.#places) if (!known(name)) throw misfit(this.text, at, `there is no "${name}"; ${describe}`);
  }

  /** The residual, with the tensors behind the names. */
  evaluate(named: (name: string) => Tensor): Tensor | number {
    const all = new Map<Node, Tensor | number>();
    const valueOf = (n: Node): Tensor | number => all.get(n)!;
    const compute = (root: Node): Tensor | number => {
      visit(root, (n) => all.set(n, this.#value(n, valueOf, named)));
      return valueOf(root);
    };
    const left = compute(this.#left);
    return this.#right ? operators["-"](left, compute(this.#right)) : left;
  }

  #value(n: Node, valueOf: (n: Node) => Tensor | number, named: (name: string) => Tensor): Tensor | number {
    switch (n.kind) {
      case "number":
      case "value":
        return n.value;
      case "name":
        return n.name === "pi" ? Math.PI : named(n.name);
      case "call":
        return functionNamed(n.name)!.compute(...n.args.map(valueOf));
      case "negate":
        return operators["-"](0, valueOf(n.of));
      case "operation":
        return operators[n.symbol](valueOf(n.left), valueOf(n.right));
    }
  }

  /** As LaTeX: derivatives as subscripts, tensors by their labels. */
  latex(): string {
    const left = latexOf(this.#left, 0);
    return this.#right ? `${left} = ${latexOf(this.#right, 0)}` : left;
  }

  toString(): string {
    return this.text;
  }
}

/** A formula from a template: see the top of this file. Throws, with the place, what it cannot read. */
export function pde(strings: TemplateStringsArray, ...values: readonly FormulaValue[]): Formula {
  let text = strings[0]!;
  const slots = new Map<number, { readonly value: FormulaValue; readonly index: number }>();
  values.forEach((value, index) => {
    if (!(typeof value === "number" || value instanceof Tensor || value instanceof FieldSymbol))
      throw new Error(`pde: what stands in \${} must be a number, a tensor or a symbol, got ${showArgument(value)} after "${text.trim()}"`);
    slots.set(text.length, { value, index });
    // In messages a value stands by its name.
    text += (value instanceof Tensor ? (value.label ?? "value") : value instanceof FieldSymbol ? value.name : String(value)).replace(
      /[^\w.]/g,
      "_",
    );
    text += strings[index + 1]!;
  });
  const parser = new Parser(text, slots);
  return parser.equation();
}

const misfit = (text: string, at: number, why: string): Error => new Error(`pde: ${why}\n  ${text}\n  ${" ".repeat(at)}^`);

/** A parser by recursive descent: sums of products of powers. */
class Parser {
  #at = 0;
  readonly #text: string;
  readonly #slots: ReadonlyMap<number, { readonly value: FormulaValue; readonly index: number }>;

  constructor(text: string, slots: ReadonlyMap<number, { readonly value: FormulaValue; readonly index: number }>) {
    this.#text = text;
    this.#slots = slots;
  }

  equation(): Formula {
    const left = this.#sum();
    const right = this.#takes("=") ? this.#sum() : undefined;
    this.#skip();
    if (this.#at < this.#text.length) throw this.#error(`"${this.#text[this.#at]}" was not expected here`);
    return new Formula(this.#text, left, right);
  }

  #sum(): Node {
    return this.#leftToRight(["+", "-"], () => this.#product());
  }

  #product(): Node {
    return this.#leftToRight(["*", "/"], () => this.#signed());
  }

  #leftToRight(symbols: readonly ("+" | "-" | "*" | "/")[], operand: () => Node): Node {
    let left = operand();
    for (;;) {
      const symbol = symbols.find((s) => this.#takes(s));
      if (!symbol) return left;
      left = { kind: "operation", symbol, left, right: operand() };
    }
  }

  #signed(): Node {
    if (this.#takes("-")) return { kind: "negate", of: this.#signed() };
    if (this.#takes("+")) return this.#signed();
    return this.#power();
  }

  /** From the right: a^b^c is a^(b^c), and -a^2 is -(a^2). */
  #power(): Node {
    const base = this.#atom();
    return this.#takes("^") || this.#takes("**") ? { kind: "operation", symbol: "^", left: base, right: this.#signed() } : base;
  }

  #atom(): Node {
    this.#skip();
    const start = this.#at;
    const slot = this.#slots.get(start);
    if (slot) return this.#slot(slot.value, slot.index, start);
    if (this.#takes("(")) {
      const inner = this.#sum();
      if (!this.#takes(")")) throw this.#error('a ")" is missing', start);
      return inner;
    }
    const number = this.#match(/(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/iy);
    if (number) return { kind: "number", value: Number(number) };
    const name = this.#match(/[a-zA-Z]\w*/y);
    if (!name)
      throw this.#error(
        start >= this.#text.length ? "the formula ends here, where a value is missing" : `"${this.#text[start]}" was not expected here`,
      );
    return this.#takes("(") ? this.#call(name, start) : { kind: "name", name, at: start };
  }

  #slot(value: FormulaValue, index: number, start: number): Node {
    const shown = this.#match(/[\w.]+/y) ?? "";
    // A negative number is written with its sign.
    if (shown === "") this.#at = start + 1;
    if (value instanceof FieldSymbol) return { kind: "name", name: value.name, at: start };
    return { kind: "value", value, index };
  }

  #call(name: string, start: number): Node {
    const known = functionNamed(name);
    if (!known) throw this.#error(`there is no function "${name}"; there are ${Object.keys(functions).join(", ")}`, start);
    const args = [this.#sum()];
    while (this.#takes(",")) args.push(this.#sum());
    if (!this.#takes(")")) throw this.#error(`a ")" is missing`, start);
    if (args.length !== known.arity)
      throw this.#error(`${name} takes ${known.arity} value${known.arity === 1 ? "" : "s"}, got ${args.length}`, start);
    return { kind: "call", name, args };
  }

  #skip(): void {
    this.#match(/\s*/y);
  }

  #takes(symbol: string): boolean {
    this.#skip();
    // What stands in ${} is no symbol, whatever it is shown as.
    if (this.#slots.has(this.#at) || !this.#text.startsWith(symbol, this.#at)) return false;
    if (symbol === "*" && this.#text.startsWith("**", this.#at)) return false;
    this.#at += symbol.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #error(why: string, at = this.#at): Error {
    return misfit(this.#text, at, why);
  }
}

/** A node after its parts. */
function visit(node: Node, enter: (n: Node) => void): void {
  if (node.kind === "call") for (const arg of node.args) visit(arg, enter);
  if (node.kind === "negate") visit(node.of, enter);
  if (node.kind === "operation") {
    visit(node.left, enter);
    visit(node.right, enter);
  }
  enter(node);
}

const precedence: Readonly<Record<Operator, number>> = { "+": 1, "-": 1, "*": 2, "/": 2, "^": 4 };
const greek = new Set("alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega".split(" "));

/** LaTeX of a node, in parentheses where what is around it binds more strongly. */
function latexOf(n: Node, around: number): string {
  const inside = (text: string, own: number): string => (own < around ? `\\left(${text}\\right)` : text);
  switch (n.kind) {
    case "number":
      return String(n.value);
    case "value":
      return nameAsLatex(n.value instanceof Tensor ? (n.value.label ?? `c_${n.index + 1}`) : String(n.value));
    case "name":
      return nameAsLatex(n.name);
    case "call":
      return functionNamed(n.name)!.latex(n.args.map((a) => latexOf(a, 0)));
    case "negate":
      return inside(`-${latexOf(n.of, 2)}`, 1);
    case "operation": {
      const own = precedence[n.symbol];
      if (n.symbol === "/") return `\\frac{${latexOf(n.left, 0)}}{${latexOf(n.right, 0)}}`;
      if (n.symbol === "^") return inside(`{${latexOf(n.left, 5)}}^{${latexOf(n.right, 0)}}`, own);
      const between = n.symbol === "*" ? " \\, " : ` ${n.symbol} `;
      return inside(`${latexOf(n.left, own)}${between}${latexOf(n.right, own + 1)}`, own);
    }
  }
}

function nameAsLatex(name: string): string {
  const [head, ...rest] = name.split("_");
  const shown = greek.has(head!) ? `\\${head}` : head!.length > 1 && !/^[\d.]+$/.test(head!) ? `\\mathrm{${head}}` : head!;
  return rest.length > 0 ? `${shown}_{${rest.join(" ")}}` : shown;
}
