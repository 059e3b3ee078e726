/** What the example says: in rows while it runs, and in the end. */
import { styleText } from "node:util";
import type { Observations, Parameters } from "./csv.ts";
import { type Evaluation, type Fit, mismatch, standardErrors } from "./levenberg.ts";
import type { Change, Cost } from "./slider.ts";
import { table } from "./table.ts";

export interface Estimate {
  readonly estimate: number;
  /** Null where the observations do not determine it. */
  readonly stderr: number | null;
  /** Null where nobody knows. */
  readonly truth: number | null;
  readonly relativeError: number | null;
}

type Estimates = Readonly<Record<keyof Parameters, Estimate>>;

/** What `--json` prints. */
export interface Summary extends Estimates {
  readonly iterations: number;
  readonly nodes: number;
  /** The largest distance between the gradients by tangents and by adjoints. */
  readonly mismatch: number;
  readonly slider: Cost;
  readonly sensor: Cost;
  /** The sensor with the adjoint gradient observed too: all of its backward pass follows the residuals. */
  readonly sensorWithAdjoints: Cost;
}

/** The best parameters of a fit, with what is known of their errors. */
export function estimates(best: Evaluation, { u, truth }: Observations): Estimates {
  const errors = standardErrors(best, u.length);
  const estimate = (index: 0 | 1, real: number | undefined): Estimate => ({
    estimate: best.parameters[index],
    stderr: errors[index],
    truth: real ?? null,
    relativeError: real === undefined ? null : Math.abs(best.parameters[index] / real - 1),
  });
  return { viscosity: estimate(0, truth?.viscosity), amplitude: estimate(1, truth?.amplitude) };
}

/** The estimates in one line, to two digits of their standard errors. */
export const caption = (found: Estimates): string =>
  (["viscosity", "amplitude"] as const)
    .map((name) => {
      const { estimate, stderr } = found[name];
      if (!stderr) return `${name} ${estimate.toPrecision(4)}`;
      const digits = Math.max(0, 1 - Math.floor(Math.log10(stderr)));
      return `${name} ${estimate.toFixed(digits)} \u00b1 ${stderr.toFixed(digits)}`;
    })
    .join(", ");

/** Writes to a stream as things happen, in plain text; a terminal gets headings in bold. */
export class Report {
  /** The largest one that an iteration showed. */
  mismatch = 0;
  readonly #stream: NodeJS.WriteStream;
  readonly #iteration: (cells: readonly string[]) => void;

  constructor(stream: NodeJS.WriteStream, observations: number) {
    this.#stream = stream;
    this.#heading(`Fitting a viscous Burgers wave to ${observations} observations`);
    this.#iteration = this.#table([9, 11, 11, 11, 21], ["iteration", "loss", "viscosity", "amplitude", "|tangent \u2212 adjoint|"]);
  }

  iteration({ trial, evaluations, improved }: Fit): void {
    const apart = mismatch(trial);
    // A trial that overflowed has no gradients to compare.
    if (Number.isFinite(trial.loss)) this.mismatch = Math.max(this.mismatch, apart);
    const numbers = [trial.loss.toExponential(4), ...trial.parameters.map((p) => p.toFixed(6)), apart.toExponential(1)];
    this.#iteration([String(evaluations), ...numbers, ...(improved ? [] : ["rejected"])]);
  }

  /** Opens the table of a slider; each change becomes a row of it. */
  slider(title: string, value: string): (change: Change) => void {
    this.#heading(title);
    const row = this.#table([6, 12, 14, 9], ["change", value, "nodes computed", "ms"]);
    let change = 0;
    return ({ value, nodesRecomputed, ms }) => row([String(++change), value.toFixed(6), count(nodesRecomputed), ms.toFixed(2)]);
  }

  closing(summary: Summary, file: string): void {
    const { iterations, slider, sensor, sensorWithAdjoints } = summary;
    this.#heading("What was found");
    const found = this.#table([9, 10, 10, 10, 10], ["", "estimate", "std. error", "truth", "off by"]);
    for (const name of ["viscosity", "amplitude"] as const) {
      const { estimate, stderr, truth, relativeError } = summary[name];
      const off = relativeError === null ? "" : `${(100 * relativeError).toFixed(2)}%`;
      found([name, estimate.toFixed(6), stderr?.toFixed(6) ?? "unknown", truth?.toFixed(6) ?? "unknown", off]);
    }
    if (summary.viscosity.stderr === null)
      this.#line(
        "\n  The fit found no minimum: these observations do not determine both parameters, or the wave is beyond this simulation.",
      );
    this.#line(`\n  ${iterations} iterations; tangents and adjoints gave gradients at most ${summary.mismatch.toExponential(1)} apart.`);

    this.#heading("What a change costs");
    const cost = this.#table([30, 14, 9, 11], ["a change of", "nodes computed", "of", "median ms"]);
    for (const [name, { nodesRecomputed, nodesTotal, msMedian }] of [
      ["the viscosity", slider],
      ["an observation", sensorWithAdjoints],
      ["an observation, adjoints unseen", sensor],
    ] as const)
      cost([name, count(nodesRecomputed), count(nodesTotal), msMedian.toFixed(2)]);
    this.#line(`\n  Picture: ${file}\n`);
  }

  #table(widths: readonly number[], titles: readonly string[]): (cells: readonly string[]) => void {
    return table((line) => this.#line(line), widths, titles);
  }

  #heading(text: string): void {
    this.#line(`\n  ${this.#stream.isTTY ? styleText("bold", text) : text}\n`);
  }

  #line(text: string): void {
    this.#stream.write(`${text}\n`);
  }
}

const count = (n: number): string => n.toLocaleString("en-US");
