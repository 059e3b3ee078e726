/**
 * Minima for users: `argmin`, whose derivatives are those of the equation that the gradient is 0. Of a tensor it is the position of the
 * least element.
 */
import type { Tensor } from "../../core/tensor.ts";
import { toTensor } from "../../ops/operand.ts";
import { type ArgOptions, argmin as position } from "../../ops/reductions.ts";
import type { Reducer } from "../../ops/signatures.ts";
import { grad } from "../grad.ts";
import { minimize } from "../solvers/minimize.ts";
import type { Tensors } from "../trace.ts";
import { solveEquation } from "./equation.ts";
import { checkEquation, type EquationOptions, found, type Found, linearOf } from "./root.ts";
import { settingsOf } from "./settings.ts";
import { spaceOf } from "./space.ts";

export interface Argmin extends Reducer<"argmin", number | ArgOptions> {
  /**
   * The x near x0 for which objective(x, theta), a scalar, is least. By Newton's method, damped until it goes down. Its derivatives,
   * -H^-1 d(gradient)/d(theta) and all beyond, flow through theta and through whatever the objective closes over; x0 is where to begin,
   * and nothing else.
   */
  <X, T = undefined, const O extends EquationOptions = EquationOptions>(
    objective: (x: Tensors<X>, theta: T) => Tensor,
    x0: X,
    theta?: T,
    options?: O,
  ): Found<X, O>;
}

function minimizer(objective: (x: unknown, theta: unknown) => Tensor, x0: unknown, theta: unknown, options: EquationOptions = {}): unknown {
  checkEquation("argmin", objective, options);
  const space = spaceOf("argmin", x0, "x0");
  const value = (x: Tensor): Tensor => {
    const y = toTensor("argmin", objective(space.tree(x), theta));
    if (y.rank !== 0) throw new Error(`argmin: the objective must give a scalar, got ${y.describe()}; reduce it with sum or mean`);
    return y;
  };
  const solved = solveEquation(
    "argmin",
    { residual: grad(value), objective: value },
    (equation, start) => minimize(equation.objective, equation.residual, equation.direction, start, options),
    space.vector(x0, "x0"),
    settingsOf("argmin", space, { symmetric: true, ...linearOf(options) }),
  );
  return found(space, solved, options);
}

/** Of a function, its argument where it is least; of a tensor, the position (int32) of the first least element along an axis. */
export const argmin = ((first: never, second: never, ...rest: [never, never]) =>
  typeof first === "function" ? minimizer(first, second, ...rest) : position(first, second)) as Argmin;
