/** Operations on constants, done once. */
import * as e from "../expr.ts";
import { binaryFunction, compareFunction, convertFunction, unaryFunction } from "../scalar.ts";

const binary = new Set<e.ExprOp>(["add", "sub", "mul", "div", "min", "max", "rem", "and", "or", "xor", "shl", "shr"]);
const unary = new Set<e.ExprOp>(["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest", "not"]);
const comparisons = new Set<e.ExprOp>(["eq", "ne", "lt", "le", "gt", "ge"]);

/** The value of an operation on constants, as the lanes would compute it; any other expression as it is. */
export function foldConstants(x: e.Expr): e.Expr {
  if (x.args.length === 0 || x.args.some((a) => a.op !== "const")) return x;
  const [a, b] = x.args.map((arg) => arg.value) as [number, number];
  const type = x.args[0]!.type;
  if (binary.has(x.op)) return e.constant(x.type, binaryFunction(x.op, x.type)(a, b));
  if (unary.has(x.op)) return e.constant(x.type, unaryFunction(x.op, x.type)(a));
  if (comparisons.has(x.op)) return e.constant("bool", compareFunction(x.op)(a, b));
  if (x.op === "convert") return e.constant(x.type, convertFunction(type, x.type)(a));
  return x;
}
