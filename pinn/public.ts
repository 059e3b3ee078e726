/** fluxion/pinn: what a user imports for physics-informed networks. */
export { difference, intersection, over, union } from "./combine.ts";
export { FieldSymbol, Formula, type FormulaValue, pde, symbols } from "./formula.ts";
export { type BoundaryPoint, type Face, type Point, type Region } from "./region.ts";
export {
  type BoundaryPoints,
  type BoundarySampleOptions,
  type Points,
  sampleBoundary,
  sampleInside,
  type SampleOptions,
} from "./sample.ts";
export { halton, latinHypercube, type Sequence, sequence, type SequenceName, sobol, uniform } from "./sequences.ts";
export { box, disk, interval, polygon, type ShapeOptions, sphere } from "./shapes.ts";
export {
  type BoundaryConditionOptions,
  type Condition,
  type ConditionOptions,
  dirichlet,
  type FieldValue,
  initial,
  measured,
  neumann,
  periodic,
  robin,
} from "./conditions.ts";
export { type Coordinates, type FieldOptions, Fields } from "./fields.ts";
export { type Initializer, type InitializerName } from "./initializers.ts";
export {
  type ActivationName,
  fourierFeatures,
  type FourierOptions,
  mlp,
  type MlpOptions,
  modifiedMlp,
  type Network,
  siren,
  type SirenOptions,
} from "./networks.ts";
export { type At, type Equation, type LiveTerm, Problem, type ProblemOptions } from "./problem.ts";
