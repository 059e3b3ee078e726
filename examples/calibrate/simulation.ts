/**
 * The viscous Burgers equation in the graph: u_t + u u_x = nu u_xx on -1 < x < 1, u = 0 at both ends, from
 * u(0, x) = -A sin(pi x). Central differences in space, Runge-Kutta-Chebyshev in time, float64 throughout: both errors
 * are of second order, and together a thirtieth of the noise in the observations.
 */
import { mul, pad, slice, tensor, type Tensor } from "fluxion";
import { chebyshevFor } from "./chebyshev.ts";
import { domain, type Observations } from "./csv.ts";

/** Where and when the wave is computed. */
export interface Grid {
  /** The points inside the domain; the ends, where u = 0, are not computed. */
  readonly x: readonly number[];
  readonly dx: number;
  readonly steps: number;
  readonly dt: number;
  /** Above this viscosity the steps are unstable and the wave runs off to infinity: a fit that tries it steps back. */
  readonly largestViscosity: number;
}

/** A grid of 201 points and at least 200 steps that ends at the last observation. */
export function gridFor({ t }: Observations): Grid {
  const points = 201;
  const dx = (domain.right - domain.left) / (points + 1);
  const duration = Math.max(...t);
  const steps = Math.max(200, Math.ceil(duration / 0.004));
  const x = Array.from({ length: points }, (_, i) => domain.left + (i + 1) * dx);
  return { x, dx, steps, dt: duration / steps, largestViscosity: 0.1 };
}

/** The wave at the start and after each step: steps + 1 tensors of the points of the grid. */
export function simulate(viscosity: Tensor, amplitude: Tensor, { x, dx, steps, dt, largestViscosity }: Grid): Tensor[] {
  const n = x.length;
  const diffusion = viscosity.mul(1 / dx ** 2);

  /** The rate of change, with the flux u^2 / 2 in conservation form. */
  const rate = (u: Tensor): Tensor => {
    const padded = pad(u, [[1, 1]]);
    const [left, right] = [slice(padded, [0], [n]), slice(padded, [2], [n + 2])];
    const both = left.add(right);
    const spread = both.sub(u.mul(2)).mul(diffusion);
    const advection = right
      .sub(left)
      .mul(both)
      .mul(1 / (4 * dx));
    return spread.sub(advection);
  };

  const { start, stages } = chebyshevFor((4 * largestViscosity) / dx ** 2, dt);
  const step = (u: Tensor): Tensor => {
    const first = rate(u);
    let [before, value] = [u, u.add(first.mul(start * dt))];
    for (const { mu, nu, rate: r, first: f } of stages) {
      const next = u
        .mul(1 - mu - nu)
        .add(value.mul(mu))
        .add(before.mul(nu))
        .add(rate(value).mul(r * dt))
        .add(first.mul(f * dt));
      [before, value] = [value, next];
    }
    return value;
  };

  const sine = tensor(Float64Array.from(x, (v) => -Math.sin(Math.PI * v)));
  const states = [mul(amplitude, sine).named("u(0)")];
  for (let i = 1; i <= steps; i++) states.push(step(states.at(-1)!).named(`u(${(i * dt).toFixed(4)})`));
  return states;
}
