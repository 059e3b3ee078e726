/** Least squares for users, over operators that are functions. */
import type { Tensor } from "../../core/tensor.ts";
import { concatenate } from "../../ops/concatenate.ts";
import { mul } from "../../ops/arithmetic.ts";
import { zerosLike } from "../../ops/creation.ts";
import { showArgument } from "../../ops/describe.ts";
import { convert } from "../../ops/convert.ts";
import type { Operand } from "../../ops/operand.ts";
import { toTensor } from "../../ops/operand.ts";
import { lsmr as solver } from "../solvers/lsmr.ts";
import type { KrylovOptions } from "../solvers/krylov.ts";
import type { Tensors } from "../trace.ts";
import { solveLeastSquares } from "./least-squares.ts";
import type { Unconverged } from "./linear-solve.ts";
import { operatorOf } from "./operator.ts";
import { checkTolerances } from "./settings.ts";
import { spaceOf } from "./space.ts";
import type { Solution } from "./systems.ts";

export interface LsmrOptions extends KrylovOptions {
  /** Makes |b - A x|^2 + damping^2 |x|^2 least instead; derivatives flow through it. The residual is the root of both. */
  readonly damping?: Operand;
  readonly unconverged?: Unconverged;
}

/**
 * The x for which |b - matvec(x)| is least, and of those the one of least length. matvec is a linear function from trees like `like`, of
 * which only structure and types count, to trees like b: any shape, any rank. Derivatives are those along operators of the same rank.
 */
export function lsmr<X, B>(matvec: (x: Tensors<X>) => unknown, b: B, like: X, options: LsmrOptions = {}): Solution<Tensors<X>> {
  const op = "lsmr";
  if (typeof matvec !== "function") throw new Error(`${op}: the operator must be a function, got ${showArgument(matvec)}`);
  const { damping, unconverged = "nan", ...tolerances } = options;
  checkTolerances(op, options);
  const from = spaceOf(op, like, "like");
  const to = spaceOf(op, b, "the right-hand side");
  const image = (v: Tensor): Tensor => to.vector(matvec(from.tree(v) as Tensors<X>), "what the operator gives");
  const weight = damping === undefined ? undefined : convert(toTensor(op, damping), from.like.dtype);
  const damped = (v: Tensor): Tensor => (weight ? concatenate([image(v), mul(weight, v)]) : image(v));
  const right = to.vector(b, "the right-hand side");
  const { operator, closures } = operatorOf(damped, from.like, false);
  const problem = { operator, solver: solver(tolerances), unconverged, independent: weight !== undefined };
  const { x, ...rest } = solveLeastSquares(problem, closures, weight ? concatenate([right, zerosLike(from.like)]) : right);
  return { x: from.tree(x), ...rest } as Solution<Tensors<X>>;
}
