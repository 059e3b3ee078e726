/** The numerical methods of the calibration, each against something independent of it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chebyshev, chebyshevFor } from "../../examples/calibrate/chebyshev.ts";
import { coleHopf } from "../../examples/calibrate/cole-hopf.ts";
import { gaussHermite } from "../../examples/calibrate/hermite.ts";
import { levenberg, type Evaluation, type Fit, type Pair, standardErrors } from "../../examples/calibrate/levenberg.ts";

describe("Gauss-Hermite quadrature", () => {
  it("integrates even powers below degree 2n exactly: Gamma(k + 1/2)", () => {
    for (const n of [1, 2, 5, 12, 100]) {
      const { nodes, weights } = gaussHermite(n);
      let gamma = Math.sqrt(Math.PI);
      for (let k = 0; k < Math.min(n, 30); k++) {
        const got = nodes.reduce((sum, z, i) => sum + weights[i]! * z ** (2 * k), 0);
        expect(Math.abs(got / gamma - 1)).toBeLessThan(2e-13);
        gamma *= k + 0.5;
      }
    }
  });

  it("has n distinct, symmetric nodes", () => {
    const { nodes } = gaussHermite(100);
    expect(new Set(nodes).size).toBe(100);
    nodes.forEach((z, i) => expect(z).toBeCloseTo(-nodes[99 - i]!, 13));
  });
});

describe("the Cole-Hopf solution", () => {
  const point = fc.record({
    t: fc.double({ min: 0.01, max: 1, noNaN: true }),
    x: fc.double({ min: -1, max: 1, noNaN: true }),
    viscosity: fc.double({ min: 0.03, max: 0.2, noNaN: true }),
    amplitude: fc.double({ min: 0.3, max: 1.5, noNaN: true }),
  });

  it("satisfies Burgers' equation by central differences", () => {
    fc.assert(
      fc.property(point, ({ t, x, ...parameters }) => {
        const u = (dt: number, dx: number): number => coleHopf(t + dt, x + dx, parameters);
        const h = 1e-3;
        const slope = (f: (step: number) => number): number => (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
        const [ut, ux] = [slope((d) => u(d, 0)), slope((d) => u(0, d))];
        const uxx = (16 * (u(0, h) + u(0, -h)) - u(0, 2 * h) - u(0, -2 * h) - 30 * u(0, 0)) / (12 * h * h);
        expect(Math.abs(ut + u(0, 0) * ux - parameters.viscosity * uxx)).toBeLessThan(1e-4);
      }),
    );
  });

  it("is odd, rests at the ends and starts as the sine wave", () => {
    fc.assert(
      fc.property(point, ({ t, x, ...parameters }) => {
        expect(coleHopf(t, -x, parameters)).toBeCloseTo(-coleHopf(t, x, parameters), 12);
        expect(coleHopf(t, 1, parameters)).toBeCloseTo(0, 12);
        expect(coleHopf(1e-9, x, parameters)).toBeCloseTo(coleHopf(0, x, parameters), 6);
      }),
    );
  });

  it("is the heat equation's where the wave is too small to steepen", () => {
    const [viscosity, amplitude, t, x] = [0.3, 1e-5, 0.7, 0.4];
    const heat = -amplitude * Math.sin(Math.PI * x) * Math.exp(-viscosity * Math.PI ** 2 * t);
    expect(coleHopf(t, x, { viscosity, amplitude }) / heat).toBeCloseTo(1, 5);
  });

  it("gives the published slope of 152.00516 at the origin for viscosity 0.01 / pi, at t = 1.6037 / pi", () => {
    const [h, parameters] = [1e-6, { viscosity: 0.01 / Math.PI, amplitude: 1 }];
    expect(-coleHopf(1.6037 / Math.PI, h, parameters) / h).toBeCloseTo(152.00516, 2);
  });
});

describe("Runge-Kutta-Chebyshev", () => {
  /** One step of u' = z u from 1, for a step of 1. */
  const amplify = (s: number, z: number): number => {
    const { start, stages } = chebyshev(s);
    let [before, value] = [1, 1 + start * z];
    for (const { mu, nu, rate, first } of stages)
      [before, value] = [value, 1 - mu - nu + mu * value + nu * before + rate * z * value + first * z];
    return value;
  };

  it.each([2, 3, 5, 8])("with %i stages is of second order", (s) => {
    const error = (z: number): number => Math.abs(amplify(s, z) - Math.exp(z));
    for (const z of [-0.1, 0.1]) expect(error(z) / error(z / 2)).toBeGreaterThan(7);
  });

  it.each([2, 3, 5, 8])("with %i stages damps every decay up to its reach, and not those far beyond", (s) => {
    const { reach } = chebyshev(s);
    for (let k = 1; k <= 1000; k++) expect(Math.abs(amplify(s, (-reach * k) / 1000))).toBeLessThan(1);
    expect(Math.abs(amplify(s, -1.5 * reach))).toBeGreaterThan(1);
  });

  it("takes the fewest stages that reach", () => {
    const { stages, reach } = chebyshevFor(15, 1);
    expect(reach).toBeGreaterThanOrEqual(15);
    expect(chebyshev(stages.length).reach).toBeLessThan(15);
  });
});

describe("Levenberg-Marquardt", () => {
  /** y = a exp(-k t) at ten times, with derivatives by the logarithms of k and a. */
  const t = Array.from({ length: 10 }, (_, i) => i / 3);
  const model =
    (y: readonly number[]) =>
    (parameters: Pair): Evaluation => {
      const [k, a] = parameters;
      const wave = t.map((v) => a * Math.exp(-k * v));
      const residuals = wave.map((v, i) => v - y[i]!);
      const rows = [wave.map((v, i) => -k * t[i]! * v), wave];
      const dot = (p: readonly number[], q: readonly number[]): number => p.reduce((sum, v, i) => sum + v * q[i]!, 0);
      const against = (q: readonly number[]): Pair => [dot(rows[0]!, q), dot(rows[1]!, q)];
      return {
        parameters,
        loss: dot(residuals, residuals) / 2,
        gradient: against(residuals),
        adjoint: against(residuals),
        curvature: [against(rows[0]!), against(rows[1]!)],
      };
    };
  const run = (evaluate: (p: Pair) => Evaluation, start: Pair): Fit => {
    let fit = levenberg(undefined, evaluate(start));
    while (fit.next) fit = levenberg(fit, evaluate(fit.next));
    return fit;
  };

  it("finds the parameters of exact data from starting points within a factor of five", () => {
    const start = fc.double({ min: -1.6, max: 1.6, noNaN: true }).map(Math.exp);
    fc.assert(
      fc.property(start, start, (k, a) => {
        const { best } = run(model(t.map((v) => 2 * Math.exp(-0.7 * v))), [0.7 * k, 2 * a]);
        expect(best.parameters[0]).toBeCloseTo(0.7, 6);
        expect(best.parameters[1]).toBeCloseTo(2, 6);
      }),
    );
  });

  it("steps back from trials that overflow, and ends at the best", () => {
    const evaluate = model(t.map((v) => 2 * Math.exp(-0.7 * v)));
    const wall = (p: Pair): Evaluation => {
      const here = evaluate(p);
      return p[0] > 0.8 ? { ...here, loss: NaN, gradient: [NaN, NaN] } : here;
    };
    expect(run(wall, [0.1, 9]).best.parameters[0]).toBeCloseTo(0.7, 6);
  });

  it("never tries the same parameters twice, and ends, however far off the observations are", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e30, max: 1e30 }), { minLength: 10, maxLength: 10 }), (y) => {
        const evaluate = model(y);
        let fit = levenberg(undefined, evaluate([0.5, 1.5]));
        while (fit.next) {
          // The same bits would be no change: nobody would be told of it.
          expect(fit.next).not.toEqual(fit.trial.parameters);
          fit = levenberg(fit, evaluate(fit.next));
        }
      }),
    );
  });

  it("tells no standard error where a fit ends at a wall", () => {
    const evaluate = model(t.map((v) => 2 * Math.exp(-0.7 * v)));
    const wall = (p: Pair): Evaluation => (p[0] > 0.5 ? { ...evaluate(p), loss: NaN, gradient: [NaN, NaN] } : evaluate(p));
    const { best } = run(wall, [0.1, 9]);
    expect(best.parameters[0]).toBeLessThan(0.5);
    expect(standardErrors(best, t.length)).toEqual([null, null]);
  });

  it("gives standard errors that match the spread of many noisy fits", () => {
    let state = 7;
    const uniform = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
    const noise = (): number => 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const fits = Array.from({ length: 400 }, () => run(model(t.map((v) => 2 * Math.exp(-0.7 * v) + noise())), [0.5, 1.5]).best);
    for (const i of [0, 1] as const) {
      const values = fits.map((f) => f.parameters[i]);
      const mean = values.reduce((a, b) => a + b) / values.length;
      const spread = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length);
      const told = fits.reduce((s, f) => s + standardErrors(f, t.length)[i]!, 0) / fits.length;
      expect(told / spread).toBeGreaterThan(0.85);
      expect(told / spread).toBeLessThan(1.15);
    }
  });

  it("tells no standard error where the data determine nothing", () => {
    const flat: Evaluation = {
      parameters: [1, 1],
      loss: 1,
      gradient: [0, 0],
      adjoint: [0, 0],
      curvature: [
        [0, 0],
        [0, 1],
      ],
    };
    expect(standardErrors(flat, 5)).toEqual([null, null]);
  });
});
