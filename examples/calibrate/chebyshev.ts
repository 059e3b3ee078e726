/**
 * Coefficients of the Runge-Kutta-Chebyshev method of second order (Verwer, Hundsdorfer and Sommeijer, Numer. Math.
 * 57, 1990): an explicit method whose stable step grows with the square of the number of stages, made for diffusion.
 */

/** Stage j is (1 - mu - nu) y0 + mu y[j-1] + nu y[j-2] + dt (rate f(y[j-1]) + first f(y0)). */
export interface Stage {
  readonly mu: number;
  readonly nu: number;
  readonly rate: number;
  readonly first: number;
}

export interface Chebyshev {
  /** Stage 1 is y0 + dt start f(y0). */
  readonly start: number;
  /** Stages 2 and following; the last is the value after the step. */
  readonly stages: readonly Stage[];
  /** The method is stable for decay rates up to reach / dt. */
  readonly reach: number;
}

/** The method with s >= 2 stages. */
export function chebyshev(s: number): Chebyshev {
  const damping = 2 / 13;
  const w0 = 1 + damping / s ** 2;
  // The Chebyshev polynomials at w0, with first and second derivatives.
  const [t, t1, t2] = [
    [1, w0],
    [0, 1],
    [0, 0],
  ] as [number[], number[], number[]];
  for (let j = 2; j <= s; j++) {
    t.push(2 * w0 * t[j - 1]! - t[j - 2]!);
    t1.push(2 * t[j - 1]! + 2 * w0 * t1[j - 1]! - t1[j - 2]!);
    t2.push(4 * t1[j - 1]! + 2 * w0 * t2[j - 1]! - t2[j - 2]!);
  }
  const w1 = t1[s]! / t2[s]!;
  const b = t.map((_, j) => t2[Math.max(j, 2)]! / t1[Math.max(j, 2)]! ** 2);
  const stages = Array.from({ length: s - 1 }, (_, i) => {
    const j = i + 2;
    const rate = (2 * b[j]! * w1) / b[j - 1]!;
    return { mu: (2 * b[j]! * w0) / b[j - 1]!, nu: -b[j]! / b[j - 2]!, rate, first: (b[j - 1]! * t[j - 1]! - 1) * rate };
  });
  return { start: b[1]! * w1, stages, reach: ((w0 + 1) * t2[s]!) / t1[s]! };
}

/** The method with the fewest stages that is stable for decay rates up to `fastest` with steps of dt. */
export function chebyshevFor(fastest: number, dt: number): Chebyshev {
  for (let s = 2; ; s++) {
    const method = chebyshev(s);
    if (method.reach >= fastest * dt) return method;
  }
}
