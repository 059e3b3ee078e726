/** What users hand to operations: tensors and literals. Literals are weak; dtypes are promoted; shapes are broadcast. */
import { checkShape, type Complex, isComplexNumber } from "../core/data.ts";
import { complexOf } from "../core/complex.ts";
import { type DType, isComplex, isFloat, isInexact, partDType, promote, promoteLiteral } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import { broadcastShapes, type Shape, showShape } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import type { Stretch } from "../core/types/broadcast.ts";
import type { DimsOf, Fit, ShapeOf } from "../core/types/shape.ts";
import { broadcastLast } from "./broadcast.ts";
import { convert } from "./convert.ts";

/** A number or boolean that takes the dtype of what it meets; a complex one makes that complex. */
export type Literal = number | boolean | Complex;
/** A tensor, or a literal. */
export type Operand = Tensor | Literal;

export const isLiteral = (x: unknown): x is Literal =>
  typeof x === "number" || typeof x === "boolean" || (!(x instanceof Tensor) && isComplexNumber(x));
const dtypeOfLiteral = (x: Literal): DType => (typeof x === "boolean" ? "bool" : typeof x === "number" ? "float32" : "complex64");

export function checkOperand(op: string, x: unknown, position?: string): void {
  if (x instanceof Tensor || isLiteral(x)) return;
  const got = Array.isArray(x)
    ? "an array; wrap it in tensor(...)"
    : x === null
      ? "null"
      : typeof x === "object"
        ? `a ${x.constructor?.name ?? "object"}`
        : x === undefined
          ? "undefined"
          : `${typeof x} ${String(x)}`;
  throw new Error(`${op}: ${position ?? "the operand"} must be a tensor or a number, got ${got}`);
}

/** Throws, naming the position, unless all are operands. */
export const checkOperands = (op: string, operands: readonly unknown[]): void =>
  operands.forEach((x, i) => checkOperand(op, x, `operand ${i + 1}`));

/** A literal in a dtype. A real one has no imaginary part, in complex dtypes too. */
const literal = (x: Literal, dtype: DType): Tensor =>
  isComplex(dtype) && typeof x !== "object" ? complexOf({ re: scalar(x, partDType(dtype)), im: undefined }) : scalar(x, dtype);

/** A tensor from one operand alone: a literal becomes float32, bool or complex64. */
export function toTensor(op: string, x: Operand, dtype?: DType): Tensor {
  checkOperand(op, x);
  if (isLiteral(x)) return literal(x, dtype ?? dtypeOfLiteral(x));
  return dtype ? convert(x, dtype) : x;
}

/** As toTensor, in a float dtype or a complex one: integers and bools become float32. */
export function toInexact(op: string, x: Operand): Tensor {
  const t = toTensor(op, x);
  return isInexact(t.dtype) ? t : convert(t, "float32");
}

/** As toInexact, where complex numbers do not fit. */
export function toFloat(op: string, x: Operand): Tensor {
  const t = toInexact(op, x);
  if (!isFloat(t.dtype))
    throw new Error(`${op}: is not defined for complex numbers, got ${t.describe()}; use real(z), imag(z) or abs(z) of them`);
  return t;
}

/** The dtype that operands have in common: tensors by promotion, then literals weakly. Throws on what is no operand. */
export function commonDType(op: string, operands: readonly Operand[]): DType {
  checkOperands(op, operands);
  const tensors = operands.filter((x) => !isLiteral(x)) as Tensor[];
  const literals = operands.filter(isLiteral);
  if (tensors.length === 0) return literals.map(dtypeOfLiteral).reduce(promote);
  return literals.reduce<DType>((d, l) => promoteLiteral(l, d), tensors.map((t) => t.dtype).reduce(promote));
}

/** As commonDType, where integers and bools become float32. */
export function commonInexact(op: string, operands: readonly Operand[]): DType {
  const dtype = commonDType(op, operands);
  return isInexact(dtype) ? dtype : "float32";
}

/** As commonInexact, where complex numbers do not fit. */
export function commonFloat(op: string, operands: readonly Operand[]): DType {
  const dtype = commonInexact(op, operands);
  if (!isFloat(dtype))
    throw new Error(
      `${op}: is not defined for complex numbers, got ${operands.map(showOperand).join(" and ")}; use real(z), imag(z) or abs(z) of them`,
    );
  return dtype;
}

/** Operands in one dtype and one shape, by NumPy's rules. */
export function unify(op: string, operands: readonly Operand[], dtype?: DType): Tensor[] {
  const to = dtype ?? commonDType(op, operands);
  return broadcastAll(
    op,
    operands.map((x) => (isLiteral(x) ? literal(x, to) : convert(x, to))),
    operands,
  );
}

/** Tensors broadcast to one shape. The originals are for the message. */
export function broadcastAll(op: string, tensors: readonly Tensor[], originals: readonly Operand[] = tensors): Tensor[] {
  const shape = broadcastShapes(...tensors.map((t) => t.shape));
  if (!shape)
    throw new Error(
      `${op}: shapes do not broadcast: ${originals.map(showOperand).join(" and ")}; sizes must be equal, or 1, counted from the last axis`,
    );
  return tensors.map((t) => broadcastLast(t, shape));
}

const showOperand = (x: Operand): string => (!isLiteral(x) ? x.describe() : typeof x === "object" ? `${x.re} + ${x.im}i` : String(x));

/** x broadcast to a shape. Throws, naming both, when it does not fit. */
export function broadcastTo<A extends Operand, const T extends Shape>(
  x: A,
  shape: Fit<Stretch<ShapeOf<A>, DimsOf<T>>, T>,
): Tensor<DimsOf<T>>;
export function broadcastTo(x: Operand, shape: Shape): Tensor {
  const t = toTensor("broadcastTo", x);
  checkShape("broadcastTo", shape);
  if (t.rank > shape.length) throw new Error(`broadcastTo: ${t.describe()} has more axes than ${showShape(shape)}`);
  return broadcastLast(t, shape);
}
