/** The exact wave: viscous Burgers u_t + u u_x = nu u_xx from u(0, x) = -A sin(pi x), which is at rest at x = -1 and 1. */
import type { Parameters } from "./csv.ts";
import { gaussHermite } from "./hermite.ts";

const { nodes, weights } = gaussHermite(100);

/**
 * u(t, x) by the Cole-Hopf transform, which turns Burgers' equation into the heat equation: with y = x - sqrt(4 nu t) z,
 * u is the mean of -A sin(pi y) over z under the weight exp(-z^2 - A cos(pi y) / (2 pi nu)) (Basdevant et al.,
 * Comput. Fluids 14, 1986). The largest exponent is subtracted from all: they would overflow at small viscosity.
 */
export function coleHopf(t: number, x: number, { viscosity, amplitude }: Parameters): number {
  if (t === 0) return -amplitude * Math.sin(Math.PI * x);
  const spread = Math.sqrt(4 * viscosity * t);
  const origins = nodes.map((z) => x - spread * z);
  const exponents = origins.map((y) => (-amplitude * Math.cos(Math.PI * y)) / (2 * Math.PI * viscosity));
  const largest = Math.max(...exponents);
  let [total, mass] = [0, 0];
  origins.forEach((y, i) => {
    const weight = weights[i]! * Math.exp(exponents[i]! - largest);
    total -= weight * amplitude * Math.sin(Math.PI * y);
    mass += weight;
  });
  return total / mass;
}
