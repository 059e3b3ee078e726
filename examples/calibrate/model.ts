/**
 * What there is to know about a guess of the parameters, as one graph: the wave, what the sensors would read of it, how
 * far that is from what they did read, and how that changes with the parameters, by tangents and by adjoints.
 */
import { type Engine, grad, jvp, matmul, square, stack, sum, type Tensor, transpose, type Variable } from "fluxion";
import type { Observations } from "./csv.ts";
import { readings } from "./sensors.ts";
import { type Grid, simulate } from "./simulation.ts";

export interface Model {
  /** The sources: the unknowns, at a first guess, and the observations. */
  readonly viscosity: Variable;
  readonly amplitude: Variable;
  readonly measured: Variable;
  /** The wave at the start and after each step. */
  readonly wave: readonly Tensor[];
  readonly residuals: Tensor;
  /** Half the sum of squared residuals. */
  readonly loss: Tensor;
  /** J^T r and J^T J, where J holds the derivatives of the readings by the logarithms of the two unknowns. */
  readonly gradient: Tensor;
  readonly curvature: Tensor;
  /** The gradient again, without J. */
  readonly adjoint: Tensor;
}

export function buildModel(engine: Engine, observations: Observations, grid: Grid): Model {
  const viscosity = engine.variable(0.02, { dtype: "float64", label: "viscosity" });
  const amplitude = engine.variable(0.8, { dtype: "float64", label: "amplitude" });
  const measured = engine.variable(Float64Array.from(observations.u), { label: "measured" });

  const wave = simulate(viscosity, amplitude, grid);
  const predicted = readings(wave, observations, grid);
  const residuals = predicted.sub(measured);
  const loss = sum(square(residuals)).mul(0.5);

  // Forward through time, once for each unknown. A derivative by a logarithm: each unknown moves in its own direction.
  const jacobian = stack([jvp(predicted, viscosity, viscosity), jvp(predicted, amplitude, amplitude)]);
  const gradient = matmul(jacobian, residuals);
  const curvature = matmul(jacobian, transpose(jacobian));

  // Backward through time, once for both.
  const slope = grad(loss, { viscosity, amplitude });
  const adjoint = stack([slope.viscosity.mul(viscosity), slope.amplitude.mul(amplitude)]);

  return { viscosity, amplitude, measured, wave, residuals, loss, gradient, curvature, adjoint };
}
