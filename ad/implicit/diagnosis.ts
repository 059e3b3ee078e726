/**
 * What is said of solutions that are none: by `engine.explain`, from the residual, iterations and flag that each node of a solution
 * offers.
 */
import type { Diagnosis } from "../../ops/primitive.ts";
import type { ComposedParams } from "../composed.ts";

/** Of nodes whose outputs are [x, residual, iterations, converged]. */
export function unconverged<P extends object>(name: (own: P) => string): Diagnosis<ComposedParams<P>> {
  return {
    outputs: [1, 2, 3],
    trouble: ([residuals, iterations, flags], { params: { own } }) => {
      const item = Array.from(flags!).findIndex((flag) => !flag);
      if (item < 0) return undefined;
      const which = flags!.length > 1 ? ` for example ${item} of ${flags!.length}` : "";
      return `${name(own)} has not converged${which}: the residual is ${residuals![item]} after ${iterations![item]} iterations`;
    },
  };
}
