/** Comparisons, logic and choice. Nothing flows through a condition; `where` passes derivatives to the chosen side. */
import { complexOf, isComplexTensor, partsOf } from "../core/complex.ts";
import type { DType } from "../core/dtype.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { scalar } from "../core/leaves.ts";
import { anySame, bits, defineElementwise, integers, noTangent } from "./elementwise.ts";
import { broadcastAll, commonDType, type Operand, toTensor, unify } from "./operand.ts";
import { broadcastLast, zeroPart } from "./broadcast.ts";
import { convert } from "./convert.ts";
import type { ComplexRule, Maybe, PrimitiveFunction, RuledPrimitive } from "./primitive.ts";
import type { Binary, Ternary, Unary } from "./signatures.ts";

/** What this file defines, for table.ts. */
export const primitives: RuledPrimitive[] = [];

const toBool = (): readonly DType[] => ["bool"];

// ---- comparisons
function comparison(name: string, value: (a: e.Expr, b: e.Expr) => e.Expr, complex?: ComplexRule): Binary {
  const words = (x: e.Expr): e.Expr => e.convert("u32", x);
  const apply = defineElementwise({
    name,
    accepts: anySame,
    results: toBool,
    value: ([a, b]) => [a!.type === "bool" ? value(words(a!), words(b!)) : value(a!, b!)],
    jvp: noTangent,
    ...(complex && { complex }),
  });
  primitives.push(apply.primitive);
  return (a: Operand, b: Operand) => apply(unify(name, [a, b]), {});
}
/** Of complex numbers: both parts compared, and the answers joined. */
const ofParts =
  (compare: () => Binary, join: () => Binary): ComplexRule =>
  ({ inputs }) => {
    const [x, y] = inputs.map(partsOf);
    const of = (part: "re" | "im"): Tensor => compare()(x![part] ?? zeroPart(inputs[0]!), y![part] ?? zeroPart(inputs[1]!));
    return [join()(of("re"), of("im"))];
  };
/** a == b, elementwise; NaN equals nothing. */
export const equal: Binary = comparison(
  "equal",
  e.eq,
  ofParts(
    () => equal,
    () => logicalAnd,
  ),
);
export const notEqual: Binary = comparison(
  "notEqual",
  e.ne,
  ofParts(
    () => notEqual,
    () => logicalOr,
  ),
);
export const less = comparison("less", e.lt);
export const lessEqual = comparison("lessEqual", e.le);
export const greater = comparison("greater", e.gt);
export const greaterEqual = comparison("greaterEqual", e.ge);
/** Whether x is NaN. */
export const isNaN: Unary = (x) => {
  const t = toTensor("isNaN", x);
  return notEqual(t, t);
};

// ---- logic on bools, bit by bit on integers
function bitwise(name: string, value: (a: e.Expr, b: e.Expr) => e.Expr): { logical: Binary; bitwise: Binary } {
  const apply = defineElementwise({ name, accepts: bits, value: ([a, b]) => [value(a!, b!)], jvp: noTangent });
  primitives.push(apply.primitive);
  return {
    logical: (a: Operand, b: Operand) => apply(broadcastAll(name, [truth(name, a), truth(name, b)], [a, b]), {}),
    bitwise: (a: Operand, b: Operand) => apply(unify(name, [a, b]), {}),
  };
}
const both = bitwise("and", e.and);
const either = bitwise("or", e.or);
const exclusive = bitwise("xor", e.xor);
const notPrimitive = defineElementwise({ name: "not", accepts: bits, value: ([a]) => [e.not(a!)], jvp: noTangent });

/** x as a condition: non-zero is true. */
function truth(op: string, x: Operand): Tensor {
  const t = toTensor(op, x);
  return isComplexTensor(t) ? notEqual(t, 0) : convert(t, "bool");
}

export const logicalAnd = both.logical;
export const logicalOr = either.logical;
export const logicalXor = exclusive.logical;
export const logicalNot: Unary = (x) => notPrimitive([truth("logicalNot", x)], {});
export const bitwiseAnd = both.bitwise;
export const bitwiseOr = either.bitwise;
export const bitwiseXor = exclusive.bitwise;
export const bitwiseNot: Unary = (x) => notPrimitive([toTensor("bitwiseNot", x)], {});

function shift(name: string, value: (a: e.Expr, b: e.Expr) => e.Expr): Binary {
  const apply = defineElementwise({ name, accepts: integers, value: ([a, b]) => [value(a!, b!)], jvp: noTangent });
  primitives.push(apply.primitive);
  return (a: Operand, b: Operand) => apply(unify(name, [a, b]), {});
}
/** a shifted left by b bits, b taken modulo 32. */
export const leftShift = shift("leftShift", e.shl);
/** a shifted right by b bits: keeping the sign for int32, with zeros for uint32. */
export const rightShift = shift("rightShift", e.shr);

// ---- choice
const selectPrimitive: PrimitiveFunction<object> = defineElementwise({
  name: "where",
  complex: ({ inputs: [c, a, b] }) => {
    const [x, y] = [partsOf(a!), partsOf(b!)];
    const choose = (s: Maybe, t: Maybe): Maybe => (s ?? t) && selectPrimitive([c!, s ?? zeroPart(a!), t ?? zeroPart(a!)], {});
    return [complexOf({ re: choose(x.re, y.re), im: choose(x.im, y.im) })];
  },
  accepts: ([c, a, b]) => (c === "bool" && a === b ? undefined : "a bool condition and two operands of one dtype"),
  results: ([, a]) => [a!],
  value: ([c, a, b]) => [e.select(c!, a!, b!)],
  jvp: ({ inputs: [c, x], tangents: [, da, db] }) => {
    const zero = (): Tensor => broadcastLast(scalar(0, x!.dtype), x!.shape);
    return [selectPrimitive([c!, da ?? zero(), db ?? zero()], {})];
  },
  transpose: ({ inputs: [c], cotangents: [ct], linear }) => {
    const zero = broadcastLast(scalar(0, ct!.dtype), ct!.shape);
    return [
      undefined,
      linear[1] ? selectPrimitive([c!, ct!, zero], {}) : undefined,
      linear[2] ? selectPrimitive([c!, zero, ct!], {}) : undefined,
    ];
  },
});

/** a where the condition holds, else b; all three broadcast. The derivative flows to the chosen side, with 0 on the other. */
export const where: Ternary = (condition: Operand, a: Operand, b: Operand) => {
  const dtype = commonDType("where", [a, b]);
  const [c, x, y] = broadcastAll(
    "where",
    [truth("where", condition), toTensor("where", a, dtype), toTensor("where", b, dtype)],
    [condition, a, b],
  );
  return selectPrimitive([c!, x!, y!], {});
};

primitives.push(notPrimitive.primitive, selectPrimitive.primitive);
