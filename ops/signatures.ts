/** The types of whole families of functions, in one place: shapes in types are added here once for all of them. */
import type { Tensor } from "../core/tensor.ts";
import type { Operand } from "./operand.ts";

/** An elementwise function of one operand. */
export interface Unary {
  (x: Operand): Tensor;
}

/** An elementwise function of two operands, broadcast by NumPy's rules. */
export interface Binary {
  (a: Operand, b: Operand): Tensor;
}
