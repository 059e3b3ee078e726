/** The parameters that every contestant of the network cases starts from, and the same work by plain loops in float64. */
import { type Floats, uniform } from "./case.ts";

/** Weights [in, out] and biases of the layers, in the order w, b, w, b, ... */
export interface ParameterArray {
  readonly shape: readonly number[];
  readonly data: Floats;
}

/** Uniform weights by Glorot's rule, small biases. */
export function parametersOf(widths: readonly number[], seed: number): ParameterArray[] {
  return widths.slice(1).flatMap((out, k) => {
    const into = widths[k]!;
    const range = Math.sqrt(6 / (into + out));
    return [
      { shape: [into, out], data: uniform(into * out, -range, range, seed + 2 * k) },
      { shape: [out], data: uniform(out, -0.1, 0.1, seed + 2 * k + 1) },
    ];
  });
}

/** The value of the loss mean((u(x) - y)^2) of a tanh network with one output, and its gradient, in the order of the parameters. */
export function meanSquaredError(
  parameters: readonly ArrayLike<number>[],
  widths: readonly number[],
  points: ArrayLike<number>,
  y: ArrayLike<number>,
) {
  const layers = widths.length - 1;
  const gradient = parameters.map((p) => new Float64Array(p.length));
  let loss = 0;
  for (let point = 0; point < y.length; point++) {
    const values: Float64Array[] = [Float64Array.from({ length: widths[0]! }, (_, i) => points[point * widths[0]! + i]!)];
    for (let k = 0; k < layers; k++) {
      const out = Float64Array.from(parameters[2 * k + 1]!);
      for (let i = 0; i < widths[k]!; i++)
        for (let j = 0; j < out.length; j++) out[j]! += values[k]![i]! * parameters[2 * k]![i * out.length + j]!;
      values.push(k < layers - 1 ? out.map(Math.tanh) : out);
    }
    const difference = values[layers]![0]! - y[point]!;
    loss += difference ** 2 / y.length;
    let adjoint = Float64Array.of((2 * difference) / y.length);
    for (let k = layers - 1; k >= 0; k--) {
      const below = new Float64Array(widths[k]!);
      for (let j = 0; j < adjoint.length; j++) {
        gradient[2 * k + 1]![j]! += adjoint[j]!;
        for (let i = 0; i < below.length; i++) {
          gradient[2 * k]![i * adjoint.length + j]! += values[k]![i]! * adjoint[j]!;
          below[i]! += parameters[2 * k]![i * adjoint.length + j]! * adjoint[j]!;
        }
      }
      adjoint = below.map((v, i) => v * (1 - values[k]![i]! ** 2));
    }
  }
  return { loss, gradient };
}
