/** Equations for users: `root` and `fixedPoint`, whose derivatives are those of the equation, whatever iteration solves it. */
import type { Tensor } from "../../core/tensor.ts";
import { neg, sub } from "../../ops/arithmetic.ts";
import { showArgument } from "../../ops/describe.ts";
import { anderson } from "../solvers/anderson.ts";
import { newton } from "../solvers/newton.ts";
import type { Nonlinear, NonlinearOptions } from "../solvers/nonlinear.ts";
import type { Tensors } from "../trace.ts";
import { type Equation, type Method, solveEquation } from "./equation.ts";
import { checkTolerances, type LinearOptions, mapped, settingsOf } from "./settings.ts";
import { type Space, spaceOf } from "./space.ts";
import type { Unconverged } from "./linear-solve.ts";
import type { Solution } from "./systems.ts";

export interface EquationOptions extends NonlinearOptions {
  /** How the systems of derivatives, and of Newton's steps, are solved. */
  readonly linear?: Omit<LinearOptions, "unconverged">;
  /** "nan" (default): derivatives of what is no solution are NaN. "allow": they are what the equation gives there. */
  readonly unconverged?: Unconverged;
  /** Gives { x, residual, iterations, converged } instead of x. */
  readonly diagnostics?: boolean;
}

/** What an option asks for: the solution, or all that is known of it. */
export type Found<X, O> = O extends { readonly diagnostics: true } ? Solution<Tensors<X>> : Tensors<X>;

/** Throws unless there is a function, and what it is to be solved by. */
export function checkEquation(op: string, f: unknown, options: EquationOptions): void {
  if (typeof f !== "function") throw new Error(`${op}: needs a function, got ${showArgument(f)}`);
  checkTolerances(op, options);
}

/** The options for linear systems that belong to those of an equation. */
export const linearOf = ({ linear, unconverged }: EquationOptions): LinearOptions => ({ ...linear, ...(unconverged && { unconverged }) });

export const found = (space: Space, { x, residual, iterations, converged }: Nonlinear, { diagnostics }: EquationOptions): unknown =>
  diagnostics ? { x: space.tree(x), residual, iterations, converged } : space.tree(x);

const newtons =
  (options: EquationOptions): Method =>
  ({ residual, direction }: Equation, x0) =>
    newton(residual, direction, x0, options);

/**
 * The x near x0 with F(x, theta) = 0, F of the structure of x. By Newton's method with a line search. Its derivatives, -F_x^-1 F_theta
 * and all beyond, flow through theta and through whatever F closes over; x0 is where to begin, and nothing else.
 */
export function root<X, T = undefined, const O extends EquationOptions = EquationOptions>(
  F: (x: Tensors<X>, theta: T) => unknown,
  x0: X,
  theta?: T,
  options?: O,
): Found<X, O> {
  const given: EquationOptions = options ?? {};
  checkEquation("root", F, given);
  const space = spaceOf("root", x0, "x0");
  const residual = mapped((x) => F(x, theta as T), space, "what F gives");
  const start = space.vector(x0, "x0");
  const solved = solveEquation("root", { residual }, newtons(given), start, settingsOf("root", space, linearOf(given)));
  return found(space, solved, given) as Found<X, O>;
}

export interface FixedPointOptions extends EquationOptions {
  /** "anderson" (default) mixes the last few steps; "picard" repeats f; "newton" solves x - f(x) = 0. */
  readonly method?: "anderson" | "picard" | "newton";
  /** How many steps "anderson" mixes (default 5). */
  readonly memory?: number;
}

/**
 * The x with x = f(x, theta), reached from x0. Its derivatives, (1 - f_x)^-1 f_theta and all beyond, flow through theta and through
 * whatever f closes over.
 */
export function fixedPoint<X, T = undefined, const O extends FixedPointOptions = FixedPointOptions>(
  f: (x: Tensors<X>, theta: T) => unknown,
  x0: X,
  theta?: T,
  options?: O,
): Found<X, O> {
  const given: FixedPointOptions = options ?? {};
  checkEquation("fixedPoint", f, given);
  const { method = "anderson", memory } = given;
  if (!["anderson", "picard", "newton"].includes(method))
    throw new Error(`fixedPoint: the method must be "anderson", "picard" or "newton", got ${showArgument(method)}`);
  if (memory !== undefined && !(Number.isInteger(memory) && memory >= 0))
    throw new Error(`fixedPoint: memory must be a number of steps, at least 0, got ${showArgument(memory)}`);
  const space = spaceOf("fixedPoint", x0, "x0");
  const image = mapped((x) => f(x, theta as T), space, "what f gives");
  const residual = (x: Tensor): Tensor => sub(x, image(x));
  const repeated: Method = (equation, start) =>
    anderson((x) => neg(equation.residual(x)), start, { ...given, ...(method === "picard" && { memory: 0 }) });
  const iteration = method === "newton" ? newtons(given) : repeated;
  const start = space.vector(x0, "x0");
  const solved = solveEquation("fixedPoint", { residual }, iteration, start, settingsOf("fixedPoint", space, linearOf(given)));
  return found(space, solved, given) as Found<X, O>;
}
