/**
 * Solutions of equations F(x) = 0 as a primitive. The value is what an iteration found, as ordinary nodes; derivatives know the equation
 * alone: F_x x' = -F' (the implicit function theorem), a linear system, so that all transforms and orders follow from those of linear
 * solves.
 */
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, neg } from "../../ops/arithmetic.ts";
import { type JvpCall, type Maybe, ownRules } from "../../ops/primitive.ts";
import { applyComposed, composedPrimitive } from "../composed.ts";
import type { Nonlinear } from "../solvers/nonlinear.ts";
import { unconverged } from "./diagnosis.ts";
import { solveLinear, systemOf, trusted } from "./linear-solve.ts";
import { functionOf, type VectorFunction } from "./operator.ts";
import { linearProblem, type Settings } from "./settings.ts";

/** An equation as iterations see it. */
export interface Equation {
  readonly residual: (x: Tensor) => Tensor;
  /** The function of which F is the gradient, if it is one. */
  readonly objective: (x: Tensor) => Tensor;
  /** d with (F_x(x) + shift) d = r. */
  readonly direction: (x: Tensor, r: Tensor, shift?: Tensor) => Tensor;
}

export type Method = (equation: Equation, x0: Tensor) => Nonlinear;

interface Own {
  /** What messages call it. */
  readonly name: string;
  readonly residual: VectorFunction;
  readonly objective: VectorFunction | undefined;
  /** How to solve with F_x. */
  readonly linear: Omit<Settings, "preconditioning">;
}

interface Operands {
  readonly closures: readonly Tensor[];
  readonly ofObjective: readonly Tensor[];
  readonly preconditioning: readonly Tensor[];
}

/** Operands in a row, by what they are; the last one is where the iteration begins. */
function parted<T>(list: readonly T[], { residual, objective }: Own): { closures: T[]; ofObjective: T[]; preconditioning: T[]; x0: T } {
  const own = residual.closures;
  const all = own + (objective?.closures ?? 0);
  return { closures: list.slice(0, own), ofObjective: list.slice(own, all), preconditioning: list.slice(all, -1), x0: list.at(-1)! };
}

/** The system of F_x at x, shifted. */
function linearized({ residual, linear }: Own, { closures, preconditioning }: Operands, x: Tensor, rules = ownRules, shift?: Tensor) {
  const apply = (v: Tensor): Tensor => {
    const moved = residual.along(closures, x, v, rules);
    return shift ? add(moved, mul(shift, v)) : moved;
  };
  return linearProblem(apply, { ...linear, preconditioning }, x);
}

/** What a method finds, with the derivatives of the equation. `residual` and `objective` are functions of a vector. */
export function solveEquation(
  name: string,
  functions: { readonly residual: (x: Tensor) => Tensor; readonly objective?: (x: Tensor) => Tensor },
  method: Method,
  x0: Tensor,
  { preconditioning, ...linear }: Settings,
): Nonlinear {
  const residual = functionOf(functions.residual, x0);
  const objective = functions.objective && functionOf(functions.objective, x0);
  const own: Own = { name, residual: residual.map, objective: objective?.map, linear };
  const operands = [...residual.closures, ...(objective?.closures ?? []), ...preconditioning, x0];
  const [x, size, iterations, converged] = applyComposed(equationPrimitive, operands, (stands) => {
    const { x0: start, ...given } = parted(stands, own);
    const found = method(
      {
        residual: (x) => own.residual.of(given.closures, x),
        objective: (x) => own.objective!.of(given.ofObjective, x),
        direction: (x, r, shift) => {
          const { problem, operands } = linearized(own, given, x, ownRules, shift);
          return problem.solver.solve(systemOf(problem, operands, name), r, undefined).x;
        },
      },
      start,
    );
    return { values: [found.x, found.residual, found.iterations, found.converged], own };
  }) as [Tensor, Tensor, Tensor, Tensor];
  return { x, residual: size, iterations, converged };
}

function jvp({ params, inputs, tangents, outputs: [x, , , converged], rules, mode }: JvpCall<Own>): readonly Maybe[] {
  const operands = parted(inputs, params);
  const moved = params.residual.push(operands.closures, parted(tangents, params).closures, x!, rules, mode);
  if (!moved) return [];
  const { problem, operands: given } = linearized(params, operands, x!, rules);
  const b = trusted(neg(moved), converged!, params.linear.problem.unconverged);
  return [solveLinear(problem, { ...given, b }, true).x];
}

export const equationPrimitive = composedPrimitive<Own>(
  "equation",
  { jvp },
  unconverged((own) => own.name),
);
