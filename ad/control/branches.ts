/** Choice for users: `cond` and `switchCase`. */
import { type DType, dtypeInfo } from "../../core/dtype.ts";
import { sameShape, showShape } from "../../core/shape.ts";
import { Tensor } from "../../core/tensor.ts";
import { convert } from "../../ops/convert.ts";
import { showArgument } from "../../ops/describe.ts";
import { commonDType, type Operand, toTensor } from "../../ops/operand.ts";
import { minimum } from "../../ops/piecewise.ts";
import { type Fn, tensorsOf, type Tensors } from "../trace.ts";
import { switchOf } from "./switch.ts";
import { inOrderOf, joined, leavesOf, literalIn, partsIn, recordedOf, standFor } from "./trees.ts";

type Case<A extends readonly unknown[], R> = (...operands: { [K in keyof A]: Tensors<A[K]> }) => R;

/**
 * One of two functions of the operands, by a scalar: only the one that is chosen is computed (for a choice element by element see `where`).
 * Both give the same structure, shapes and dtypes. What is computed inside of a function counts as its own, whatever it closes over. A boolean or a number
 * chooses at once; under vmap, where examples may choose differently, both are computed.
 */
export function cond<A extends readonly unknown[], R>(
  predicate: Operand,
  whenTrue: Case<A, R>,
  whenFalse: Case<A, R>,
  ...operands: A
): Tensors<R> {
  if (typeof predicate === "boolean" || typeof predicate === "number")
    return choose("cond", [predicate ? whenTrue : whenFalse], undefined, operands) as Tensors<R>;
  if (!(predicate instanceof Tensor) || predicate.rank !== 0)
    throw new Error(`cond: the predicate must be a scalar, got ${showArgument(predicate)}; use where to choose element by element`);
  const index = convert(convert(predicate, "bool"), "int32");
  return choose("cond", [whenFalse, whenTrue], index, operands) as Tensors<R>;
}

/** As `cond`, between several cases by an integer scalar; out of range it means the nearest. */
export function switchCase<A extends readonly unknown[], R>(
  index: Tensor | number,
  cases: readonly Case<A, R>[],
  ...operands: A
): Tensors<R> {
  if (!Array.isArray(cases) || cases.length === 0)
    throw new Error(`switchCase: needs a list of at least one function, got ${showArgument(cases)}`);
  const last = cases.length - 1;
  if (typeof index === "number") {
    if (!Number.isInteger(index)) throw new Error(`switchCase: the index must be an integer, got ${index}`);
    return choose("switchCase", [cases[Math.max(0, Math.min(index, last))] as Fn], undefined, operands) as Tensors<R>;
  }
  if (!(index instanceof Tensor) || index.rank !== 0 || dtypeInfo(index.dtype).kind !== "int")
    throw new Error(`switchCase: the index must be an integer scalar, got ${showArgument(index)}`);
  // As int32, a large uint32 would be negative.
  const at = index.dtype === "uint32" ? convert(minimum(index, last), "int32") : index;
  return choose("switchCase", cases as readonly Fn[], at, operands) as Tensors<R>;
}

function choose(op: string, cases: readonly Fn[], index: Tensor | undefined, operands: readonly unknown[]): unknown {
  for (const f of cases) if (typeof f !== "function") throw new Error(`${op}: needs a function, got ${showArgument(f)}`);
  const args = tensorsOf(op, operands, "an operand");
  const stands = index ? args.leaves.map((t) => standFor(t)) : args.leaves;
  const own = new Set<Tensor>();
  const given = cases.map((f) => {
    const { result, applied } = recordedOf(stands, () => f(...(args.rebuild(stands) as unknown[])));
    for (const t of applied) own.add(t);
    return leavesOf(op, result, "the result of a case");
  });
  const first = given[0]!;
  const names = (k: number): [string, string] => (op === "cond" ? ["whenFalse", "whenTrue"] : ["case 0", `case ${k}`]);
  const lists = given.map((leaves, k) => inOrderOf(op, leaves, first, "the cases give different structures", names(k)));
  const like = first.leaves.map((_, i) =>
    typeOf(
      op,
      lists.map((list) => list[i]!),
    ),
  );
  const results = lists.map((list) => list.map((x, i) => (x instanceof Tensor ? x : (literalIn(op, x, like[i]!) ?? toTensor(op, x)))));
  results.forEach((list, k) =>
    list.forEach((t, i) => {
      const expected = results[0]![i]!;
      if (sameShape(t.shape, expected.shape) && t.dtype === expected.dtype) return;
      const at = first.paths[i] ? ` at ${first.paths[i]}` : "";
      const [a, b] = names(k);
      throw new Error(
        `${op}: ${a} gives ${expected.dtype}${showShape(expected.shape)}${at}, ${b} gives ${t.dtype}${showShape(t.shape)}; shapes and dtypes must be equal. Broadcast or convert inside of the cases`,
      );
    }),
  );
  if (!index) return first.rebuild(results[0]!);
  const inputs = partsIn(args.leaves);
  const chosen = switchOf(index, new Map(partsIn(stands).map((t, i) => [t, inputs[i]!])), results.map(partsIn), (t) => own.has(t));
  return first.rebuild(joined(chosen, results[0]!));
}

/** The dtype of one result: that of the first case that gives a tensor, for numbers have none of their own. */
function typeOf(op: string, given: readonly Operand[]): DType {
  return given.find((x) => x instanceof Tensor)?.dtype ?? commonDType(op, given);
}
