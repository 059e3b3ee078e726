/**
 * Observations from a CSV file: columns t, x and u in any order, further columns ignored, lines that begin with # are
 * comments. Whatever is wrong is told with line and column, before anything is computed or written.
 */
import { readFileSync } from "node:fs";

/** Where the wave lives; it is at rest at both ends. */
export const domain = { left: -1, right: 1, latest: 2 };

export interface Parameters {
  readonly viscosity: number;
  readonly amplitude: number;
}

export interface Observations {
  /** When, where and what was measured: observation i is u[i] at time t[i] and position x[i]. */
  readonly t: readonly number[];
  readonly x: readonly number[];
  readonly u: readonly number[];
  /** What made the data, if the file tells: a comment "# truth: viscosity=0.05 amplitude=1.2". */
  readonly truth: Parameters | undefined;
}

/** A mistake in the user's input, told as "file:line:column: what". */
export class InputError extends Error {}

const columns = ["t", "x", "u"] as const;
type Column = (typeof columns)[number];

const limits: Readonly<Record<Column, readonly [low: number, high: number, meaning: string]>> = {
  t: [0, domain.latest, "a time"],
  x: [domain.left, domain.right, "a position"],
  u: [-Infinity, Infinity, "a velocity"],
};

const numeral = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Reads a file. Throws InputError when it cannot be read or what it holds does not fit. */
export function readObservations(path: string): Observations {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(`${path}: ${code === "ENOENT" ? "no such file" : `cannot be read (${code})`}`);
  }
  return parseObservations(text, path);
}

/** Parses the text of a file; `name` stands in messages. */
export function parseObservations(text: string, name: string): Observations {
  const fail = (line: number, column: number, what: string): never => {
    throw new InputError(`${name}:${line}:${column}: ${what}`);
  };
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const rows = lines.flatMap((line, i) => (line.trim() === "" || line.startsWith("#") ? [] : [{ line: i + 1, fields: fieldsOf(line) }]));
  const [header, ...body] = rows;
  if (!header) return fail(lines.length, 1, `no header: the first row must name the columns ${columns.join(", ")}`);

  const names = header.fields.map((f) => f.text);
  const at = Object.fromEntries(columns.map((name) => [name, names.indexOf(name)])) as Record<Column, number>;
  for (const column of columns) {
    if (at[column] < 0)
      fail(header.line, 1, `no column "${column}": the columns are ${names.join(", ")}, needed are ${columns.join(", ")}`);
    const again = names.indexOf(column, at[column] + 1);
    if (again >= 0) fail(header.line, header.fields[again]!.column, `a second column "${column}"`);
  }

  const data: Record<Column, number[]> = { t: [], x: [], u: [] };
  for (const { line, fields } of body) {
    if (fields.length !== names.length) {
      const first = fields[Math.min(fields.length, names.length + 1) - 1]!;
      fail(line, first.column, `${fields.length} fields, but the header names ${names.length} columns: ${names.join(", ")}`);
    }
    for (const column of columns) {
      const { text, column: position } = fields[at[column]]!;
      const [low, high, meaning] = limits[column];
      const value = numeral.test(text) ? Number(text) : NaN;
      if (!Number.isFinite(value)) fail(line, position, `column ${column}: "${text}" is not a number`);
      if (value < low || value > high) fail(line, position, `column ${column}: ${text} is not ${meaning} between ${low} and ${high}`);
      data[column].push(value);
    }
  }

  const end = rows.at(-1)!.line;
  const unknowns = 2;
  if (body.length === 0) fail(end, 1, "no rows after the header: there is nothing to fit");
  if (body.length < unknowns)
    fail(end, 1, `${body.length} observation for ${unknowns} unknowns, viscosity and amplitude: at least ${unknowns} are needed`);
  if (!data.t.some((t) => t > 0)) fail(end, 1, "every observation is at t = 0, where the wave does not depend on the viscosity yet");
  return { ...data, truth: truthOf(text) };
}

interface Field {
  readonly text: string;
  /** Where it starts in its line, from 1. */
  readonly column: number;
}

function fieldsOf(line: string): Field[] {
  let column = 1;
  return line.split(",").map((raw) => {
    const field = { text: raw.trim(), column: column + raw.length - raw.trimStart().length };
    column += raw.length + 1;
    return field;
  });
}

function truthOf(text: string): Parameters | undefined {
  const found = /^# truth: viscosity=(\S+) amplitude=(\S+)\s*$/m.exec(text);
  return found ? { viscosity: Number(found[1]), amplitude: Number(found[2]) } : undefined;
}
