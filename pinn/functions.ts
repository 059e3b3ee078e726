/** The operators and functions that formulas know: how they are computed, and how they are written. */
import type { Tensor } from "../core/tensor.ts";
import { add, div, mul, sub } from "../ops/arithmetic.ts";
import { cos, cosh, exp, log, sin, sinh, sqrt, tan, tanh } from "../ops/functions.ts";
import { abs, maximum, minimum } from "../ops/piecewise.ts";
import { pow } from "../ops/power.ts";

type Value = Tensor | number;

/** Numbers alone stay a number. */
const operator =
  (numbers: (a: number, b: number) => number, tensors: (a: Value, b: Value) => Tensor) =>
  (a: Value, b: Value): Value =>
    typeof a === "number" && typeof b === "number" ? numbers(a, b) : tensors(a, b);

export const operators = {
  "+": operator((a, b) => a + b, add),
  "-": operator((a, b) => a - b, sub),
  "*": operator((a, b) => a * b, mul),
  "/": operator((a, b) => a / b, div),
  "^": operator((a, b) => a ** b, pow),
} as const;

export interface FormulaFunction {
  readonly arity: number;
  readonly compute: (...args: Value[]) => Value;
  readonly latex: (args: readonly string[]) => string;
}

type OfNumbers = "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "exp" | "log" | "sqrt" | "abs" | "max" | "min";

/** Numbers alone stay a number here, too: of no tensor's dtype. */
const named = (
  name: OfNumbers,
  arity: number,
  tensors: (...args: any[]) => Tensor,
  latex: FormulaFunction["latex"],
): [string, FormulaFunction] => [
  name,
  {
    arity,
    compute: (...args) =>
      args.every((x) => typeof x === "number") ? (Math[name] as (...x: number[]) => number)(...args) : tensors(...args),
    latex,
  },
];
const unary = (
  name: OfNumbers,
  tensors: (x: Value) => Tensor,
  latex = (x: string): string => `\\${name}\\left(${x}\\right)`,
): [string, FormulaFunction] => named(name, 1, tensors, ([x]) => latex(x!));
const binary = (name: OfNumbers, tensors: (x: Value, y: Value) => Tensor): [string, FormulaFunction] =>
  named(name, 2, tensors, (args) => `\\${name}\\left(${args.join(", ")}\\right)`);

export const functions: Readonly<Record<string, FormulaFunction>> = Object.fromEntries([
  unary("sin", sin),
  unary("cos", cos),
  unary("tan", tan),
  unary("sinh", sinh),
  unary("cosh", cosh),
  unary("tanh", tanh),
  unary("exp", exp),
  unary("log", log),
  unary("sqrt", sqrt, (x) => `\\sqrt{${x}}`),
  unary("abs", abs, (x) => `\\left|${x}\\right|`),
  binary("max", maximum),
  binary("min", minimum),
]);

export const functionNamed = (name: string): FormulaFunction | undefined => (Object.hasOwn(functions, name) ? functions[name] : undefined);
