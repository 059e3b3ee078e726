/** Changing expressions: leaves replaced, and simplifications that keep every bit. */
import * as e from "../expr.ts";
import { foldConstants } from "./constants.ts";

/** A value as its slot holds it: bools are words. */
export const stored = (x: e.Expr): e.Expr => (x.type === "bool" ? e.convert("u32", x) : x);
/** A word from memory as the value it was stored for. */
export const unstored = (x: e.Expr, type: e.Expr["type"]): e.Expr => (type === "bool" ? e.ne(x, e.constant("u32", 0)) : x);

/** The same DAGs with nodes replaced: `stop` before their operands are looked at, `replace` after. */
export function rewrite(
  roots: readonly e.Expr[],
  replace: (x: e.Expr, args: readonly e.Expr[]) => e.Expr | undefined,
  stop: (x: e.Expr) => e.Expr | undefined = () => undefined,
): e.Expr[] {
  const image = new Map<e.Expr, e.Expr>();
  const stack = [...roots];
  while (stack.length > 0) {
    const x = stack[stack.length - 1]!;
    if (!image.has(x)) {
      const stopped = stop(x);
      const waiting = stopped ? [] : x.args.filter((a) => !image.has(a));
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      if (stopped) image.set(x, stopped);
      else {
        const args = x.args.map((a) => image.get(a)!);
        image.set(x, replace(x, args) ?? simplify(args.every((a, i) => a === x.args[i]) ? x : { ...x, args }));
      }
    }
    stack.pop();
  }
  return roots.map((r) => image.get(r)!);
}

const isConstant = (x: e.Expr | undefined, value: number): boolean => x?.op === "const" && Object.is(x.value, value);
const isFloat = (x: e.Expr): boolean => x.type === "f32" || x.type === "f64";

/**
 * The same value in fewer operations, bit by bit (signs and payloads of NaNs aside): x*1, x/1, x+(-0) and x-0 are x, but x+0 is not where x
 * is -0, nor x*0 anywhere. A negation goes into a sum or a difference beside it.
 */
function simplify(x: e.Expr): e.Expr {
  const [a, b] = x.args as [e.Expr, e.Expr];
  switch (x.op) {
    case "mul":
      if (isConstant(b, 1)) return a;
      if (isConstant(a, 1)) return b;
      if (isFloat(x) && isConstant(b, -1)) return simplify(e.neg(a));
      if (isFloat(x) && isConstant(a, -1)) return simplify(e.neg(b));
      break;
    case "div":
      if (isConstant(b, 1)) return a;
      break;
    case "add":
      if (isConstant(b, isFloat(x) ? -0 : 0)) return a;
      if (isConstant(a, isFloat(x) ? -0 : 0)) return b;
      if (b.op === "neg") return simplify(e.sub(a, b.args[0]!));
      if (a.op === "neg") return simplify(e.sub(b, a.args[0]!));
      break;
    case "sub":
      if (isConstant(b, 0)) return a;
      if (b.op === "neg") return simplify(e.add(a, b.args[0]!));
      break;
    case "neg":
      if (a.op === "neg") return a.args[0]!;
      break;
    case "select":
    case "rare":
      if (a.op === "const") return a.value === 0 ? x.args[2]! : b;
      break;
    case "ne":
      // A bool that was stored as a word and read back is the bool.
      if (isConstant(b, 0) && a.op === "convert" && a.type === "u32" && a.args[0]!.type === "bool") return a.args[0]!;
  }
  return foldConstants(x);
}
