/** How weights begin: distributions whose width keeps signals and gradients of about the same size from layer to layer. */
import { randomNumbers } from "./sequences.ts";

/** Numbers of a layer's weights [into, out], one row after the other. */
export type Initializer = (into: number, out: number, random: () => number) => Float64Array;
export type InitializerName = "glorotNormal" | "glorotUniform" | "heNormal" | "heUniform" | "lecunNormal";

/** A normal number by the polar form of Box and Muller (Marsaglia and Bray 1964). */
function normal(random: () => number): number {
  for (;;) {
    const [a, b] = [2 * random() - 1, 2 * random() - 1];
    const s = a * a + b * b;
    if (s > 0 && s < 1) return a * Math.sqrt((-2 * Math.log(s)) / s);
  }
}

/** Uniform between -limit and limit. */
export const uniformWeights =
  (limit: (into: number, out: number) => number): Initializer =>
  (into, out, random) => {
    const width = limit(into, out);
    return Float64Array.from({ length: into * out }, () => (2 * random() - 1) * width);
  };
const normalWeights =
  (deviation: (into: number, out: number) => number): Initializer =>
  (into, out, random) => {
    const width = deviation(into, out);
    return Float64Array.from({ length: into * out }, () => width * normal(random));
  };

/** Glorot and Bengio 2010, He et al. 2015 (arXiv:1502.01852), LeCun et al. 1998. */
const initializers: Readonly<Record<InitializerName, Initializer>> = {
  glorotNormal: normalWeights((into, out) => Math.sqrt(2 / (into + out))),
  glorotUniform: uniformWeights((into, out) => Math.sqrt(6 / (into + out))),
  heNormal: normalWeights((into) => Math.sqrt(2 / into)),
  heUniform: uniformWeights((into) => Math.sqrt(6 / into)),
  lecunNormal: normalWeights((into) => Math.sqrt(1 / into)),
};

/** An initializer by its name. */
export function initializerOf(given: InitializerName | Initializer): Initializer {
  if (typeof given === "function") return given;
  const found = initializers[given];
  if (!found) throw new Error(`network: there is no initializer "${String(given)}"; there are ${Object.keys(initializers).join(", ")}`);
  return found;
}

/** Numbers in [0, 1), and normal ones, from a seed. */
export const randomFrom = (seed: number): { readonly uniform: () => number; readonly normal: () => number } => {
  const uniform = randomNumbers(seed);
  return { uniform, normal: () => normal(uniform) };
};
