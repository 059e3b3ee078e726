/** What is known of the solutions that a tensor is made of: those that it asks for, and those that derivatives have added. */
import { topological } from "../../core/graph.ts";
import { outputsOf, type Tensor } from "../../core/tensor.ts";
import type { ComposedParams } from "../composed.ts";
import { tensorsOf } from "../trace.ts";
import { equationPrimitive } from "./equation.ts";
import { leastSquaresPrimitive } from "./least-squares.ts";
import { linearSolvePrimitive } from "./linear-solve.ts";

/** A solution below a tensor. Its tensors can be observed and read as any others. */
export interface Solve {
  /** What was called ("root", "argmin", ...), or the solver of a linear system. */
  readonly name: string;
  /** Whether a derivative asked for it: it is a tangent's or a cotangent's system. */
  readonly derivative: boolean;
  readonly residual: Tensor;
  readonly iterations: Tensor;
  readonly converged: Tensor;
}

const names = new Set([equationPrimitive, linearSolvePrimitive, leastSquaresPrimitive].map((p) => p.name));

/**
 * The solutions that tensors are made of, inputs before users: of a gradient both the solution that is differentiated and the system of
 * the adjoint. With vmap each has one residual for every example. Those inside of loops and branches are not listed.
 */
export function solvesIn(tree: unknown): Solve[] {
  const { leaves } = tensorsOf("solvesIn", tree, "the argument");
  return topological(leaves)
    .filter((t) => names.has(t.primitive.name) && "own" in t.params)
    .map((t) => {
      const own = (t.params as ComposedParams).own as { name?: string; solver?: { name: string }; strict?: boolean };
      const [, residual, iterations, converged] = outputsOf(t) as [Tensor, Tensor, Tensor, Tensor];
      return { name: own.name ?? own.solver!.name, derivative: own.strict ?? false, residual, iterations, converged };
    });
}
