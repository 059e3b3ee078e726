/** The command line of the example. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { InputError } from "./csv.ts";

export const usage = `Finds the viscosity and the initial amplitude of a viscous Burgers wave from observations of it.

usage: npm start -- [options]
  --data FILE   your observations: a CSV file with columns t, x and u, where 0 <= t <= 2 and -1 <= x <= 1
  --json        one JSON object on standard output; the report goes to standard error
  --help        this text

The picture of fit and residuals is written to out/calibrate.svg.
`;

export interface Options {
  readonly data: string;
  readonly json: boolean;
  readonly help: boolean;
}

/** Throws InputError on anything it does not know. */
export function parseOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { data: { type: "string" }, json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
    });
    return { ...values, data: values.data ?? fileURLToPath(new URL("observations.csv", import.meta.url)) };
  } catch (error) {
    throw new InputError(`${(error as Error).message}\n\n${usage}`);
  }
}
