/**
 * Conditions by name: what holds on the boundary, at the start, or where something was measured. A condition becomes a term: points, with whatever belongs to
 * each of them as further columns, and a residual that is to vanish at each.
 */
import { Tensor } from "../core/tensor.ts";
import { addN } from "../ops/addN.ts";
import { add, mul, sub } from "../ops/arithmetic.ts";
import type { Coordinates, Fields } from "./fields.ts";
import type { Formula } from "./formula.ts";
import type { Region } from "./region.ts";
import { type BoundarySampleOptions, sampleBoundary, sampleInside, type SampleOptions } from "./sample.ts";

/** A number, a tensor (live), a function of the coordinates, or a formula of the variables. */
export type FieldValue = number | Tensor | ((at: Coordinates) => Tensor | number) | Formula;

/** What a term is made of, for one problem. */
export interface Setting {
  readonly region: Region;
  readonly fields: Fields;
  readonly sample: SampleOptions;
}

export interface Term {
  readonly name: string;
  /** The columns of its points; the first are the region's variables. */
  readonly columns: readonly string[];
  /** So many rows of these columns. */
  readonly data: Float64Array;
  /** What is to vanish, at points: one tensor of the columns' shape, or several. */
  readonly residual: (params: unknown, columns: Coordinates) => readonly Tensor[];
}

export interface Condition {
  readonly name: string;
  readonly term: (setting: Setting) => Term;
}

export interface ConditionOptions {
  /** What the term is called (default: the kind of condition and the field). */
  readonly name?: string;
  /** How many points (default 100). */
  readonly points?: number;
}
export interface BoundaryConditionOptions extends ConditionOptions {
  /** Only these faces, or only points for which this is true (default: the whole boundary). */
  readonly on?: BoundarySampleOptions["on"];
}

function valueAt(value: FieldValue, at: Coordinates): Tensor | number {
  if (typeof value === "number" || value instanceof Tensor) return value;
  return typeof value === "function" ? value(at) : value.evaluate((name) => at[name]!);
}

/** A condition on a field, once it is known that there is such a field. */
const condition = (op: string, field: string, name: string, make: (setting: Setting) => Omit<Term, "name">): Condition => ({
  name,
  term: (setting) => {
    const known = setting.fields.options.fields;
    if (!known.includes(field)) throw new Error(`${op}: there is no field "${field}"; the fields are ${known.join(", ")}`);
    return { name, ...make(setting) };
  },
});

/** The field minus a value. */
const difference =
  ({ fields }: Setting, field: string, value: FieldValue): Term["residual"] =>
  (params, at) => [sub(fields.at(params, at)[field]!, valueAt(value, at)) as Tensor];

/** Points inside, moved to where one variable is the least. */
function startRows({ region, sample }: Setting, count: number, axis: number): Float64Array {
  const { data } = sampleInside(region, count, sample);
  for (let i = 0; i < count; i++) data[i * region.variables.length + axis] = region.bounds[axis]![0];
  return data;
}

/** Names of the columns that hold the outward normal. */
const normalsOf = (region: Region): string[] => region.variables.filter((v) => v !== "t").map((v) => `normal ${v}`);

/** Points of the boundary, with normals where they are asked for. */
function boundaryRows({ region, sample }: Setting, count: number, on: BoundarySampleOptions["on"], normals: boolean): Float64Array {
  const found = sampleBoundary(region, count, { ...sample, ...(on !== undefined && { on }) });
  if (!normals) return found.data;
  const [d, kept] = [region.variables.length, normalsOf(region).length];
  const rows = new Float64Array(count * (d + kept));
  for (let i = 0; i < count; i++) {
    rows.set(found.data.subarray(i * d, (i + 1) * d), i * (d + kept));
    rows.set(found.normals.subarray(i * d, i * d + kept), i * (d + kept) + d);
  }
  return rows;
}

/** The derivative of a field along the outward normal. */
function normalDerivative(field: string, { region, fields }: Setting, params: unknown, at: Coordinates): Tensor {
  const variables = region.variables.filter((v) => v !== "t");
  const of = fields.derivativesAt(
    variables.map((v) => `${field}_${v}`),
    params,
    at,
  );
  return addN(variables.map((v) => mul(of(`${field}_${v}`), at[`normal ${v}`]!) as Tensor));
}

/** The field has a given value on the boundary. */
export const dirichlet = (
  field: string,
  value: FieldValue,
  { name = `dirichlet ${field}`, points = 100, on }: BoundaryConditionOptions = {},
): Condition =>
  condition("dirichlet", field, name, (setting) => ({
    columns: setting.region.variables,
    data: boundaryRows(setting, points, on, false),
    residual: difference(setting, field, value),
  }));

/** Its derivative along the outward normal has a given value there. */
export const neumann = (field: string, value: FieldValue, options: BoundaryConditionOptions = {}): Condition =>
  robin(field, 0, 1, value, { name: `neumann ${field}`, ...options });

/** a times the field plus b times its normal derivative has a given value there. */
export const robin = (
  field: string,
  a: number | Tensor,
  b: number | Tensor,
  value: FieldValue,
  { name = `robin ${field}`, points = 100, on }: BoundaryConditionOptions = {},
): Condition =>
  condition("robin", field, name, (setting) => ({
    columns: [...setting.region.variables, ...normalsOf(setting.region)],
    data: boundaryRows(setting, points, on, true),
    residual: (params, at) => {
      const slope = mul(b, normalDerivative(field, setting, params, at));
      const left = a === 0 ? slope : add(mul(a, setting.fields.at(params, at)[field]!), slope);
      return [sub(left, valueAt(value, at)) as Tensor];
    },
  }));

/** The field has a given value at the start, t = the earliest time of the region. */
export const initial = (field: string, value: FieldValue, { name = `initial ${field}`, points = 100 }: ConditionOptions = {}): Condition =>
  condition("initial", field, name, (setting) => {
    const { region } = setting;
    const t = region.variables.indexOf("t");
    if (t < 0) throw new Error(`initial: ${region.name} has no time; make a region through time with over(region, start, end)`);
    return { columns: region.variables, data: startRows(setting, points, t), residual: difference(setting, field, value) };
  });

/** The field, and its derivatives below an order, are the same at both ends of a variable. */
export const periodic = (
  field: string,
  variable: string,
  { name = `periodic ${field}`, points = 100, order = 2 }: ConditionOptions & { readonly order?: number } = {},
): Condition =>
  condition("periodic", field, name, (setting) => {
    const { region, fields } = setting;
    const axis = region.variables.indexOf(variable);
    if (axis < 0 || variable === "t")
      throw new Error(`periodic: ${region.name} has no variable "${variable}" in space; it has ${region.variables.join(", ")}`);
    const [low, high] = region.bounds[axis]!;
    const names = Array.from({ length: order }, (_, k) => (k === 0 ? field : `${field}_${variable.repeat(k)}`));
    const residual = (params: unknown, at: Coordinates): Tensor[] => {
      const shifted = { ...at, [variable]: add(at[variable]!, high - low) as Tensor };
      const [here, there] = [fields.derivativesAt(names, params, at), fields.derivativesAt(names, params, shifted)];
      return names.map((n) => sub(there(n), here(n)) as Tensor);
    };
    return { columns: region.variables, data: startRows(setting, points, axis), residual };
  });

/** The field was measured: rows of the region's variables and the value there. */
export const measured = (
  field: string,
  rows: readonly (readonly number[])[],
  { name = `measured ${field}` }: { readonly name?: string } = {},
): Condition =>
  condition("measured", field, name, (setting) => {
    const { region } = setting;
    const d = region.variables.length;
    rows.forEach((row, i) => {
      if (row.length !== d + 1 || !row.every(Number.isFinite))
        throw new Error(`measured: row ${i} must have ${region.variables.join(", ")} and the value of ${field}, got [${row.join(", ")}]`);
      if (!region.contains(row.slice(0, d)))
        throw new Error(`measured: row ${i}, at [${row.slice(0, d).join(", ")}], is outside of ${region.name}`);
    });
    return {
      columns: [...region.variables, field],
      data: Float64Array.from(rows.flat()),
      residual: difference(setting, field, (at) => at[field]!),
    };
  });
