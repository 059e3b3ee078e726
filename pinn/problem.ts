/**
 * A problem: a differential equation with its conditions, over a region, for a network. It is a set of named terms; each has its points and its weight as sources of
 * an engine, so that both may change while something trains: whatever depends on them is computed anew, and nothing else.
 */
import type { Variable } from "../core/source.ts";
import { Tensor } from "../core/tensor.ts";
import { addN } from "../ops/addN.ts";
import { mul, square } from "../ops/arithmetic.ts";
import { stack } from "../ops/concatenate.ts";
import { sqrt } from "../ops/functions.ts";
import { sliceAxis } from "../ops/pad.ts";
import { mean } from "../ops/reductions.ts";
import { reshape } from "../ops/reshape.ts";
import type { PointResidual } from "../optim/residuals.ts";
import type { BaseEngine } from "../scheduler/base.ts";
import type { Condition, Setting, Term } from "./conditions.ts";
import { type Coordinates, Fields } from "./fields.ts";
import { Formula } from "./formula.ts";
import type { Network } from "./networks.ts";
import type { Region } from "./region.ts";
import { sampleInside, type SampleOptions } from "./sample.ts";

/** What an equation sees: fields and derivatives by name (d("u", "xx") or d("u")), coordinates, and the network's parameters beside the weights. */
export interface At {
  readonly d: (field: string, by?: string) => Tensor;
  readonly at: Coordinates;
}
/** A formula, or a function; what it gives is to vanish everywhere in the region. */
export type Equation = Formula | ((here: At) => Tensor | readonly Tensor[]);

export interface ProblemOptions {
  readonly region: Region;
  readonly network: Network;
  /** Default ["u"]. */
  readonly fields?: readonly string[];
  readonly equations: Readonly<Record<string, Equation>>;
  readonly conditions?: readonly Condition[];
  /** How many points the equations hold at (default 1000). */
  readonly points?: number;
  readonly sample?: SampleOptions;
  /** What the loss weighs a term with (default 1). */
  readonly weights?: Readonly<Record<string, number>>;
  /** See FieldOptions. */
  readonly transform?: (fields: Readonly<Record<string, Tensor>>, at: Coordinates) => Readonly<Record<string, Tensor>>;
}

/** A term over sources. */
export interface LiveTerm extends Term {
  /** [points, columns]: set it to move, add or remove points (rows must stay as many where a method needs to know). */
  readonly points: Variable;
  readonly weight: Variable;
  /** The mean of squared residuals. */
  readonly loss: (params: unknown) => Tensor;
}

export class Problem {
  readonly region: Region;
  readonly fields: Fields;
  readonly terms: ReadonlyMap<string, LiveTerm>;
  readonly #network: Network;

  constructor(engine: BaseEngine, options: ProblemOptions) {
    const { region, network, fields = ["u"], equations, conditions = [], points = 1000, sample = {}, weights = {}, transform } = options;
    this.region = region;
    this.#network = network;
    this.fields = new Fields({ network, fields, variables: region.variables, transform });
    const setting: Setting = { region, fields: this.fields, sample };
    const inside = sampleInside(region, points, sample).data;
    const terms = [
      ...Object.entries(equations).map(
        ([name, e]): Term => ({ name, columns: region.variables, data: inside, residual: residualOf(name, e, this.fields) }),
      ),
      ...conditions.map((c) => c.term(setting)),
    ];
    for (const name of Object.keys(weights))
      if (!terms.some((t) => t.name === name))
        throw new Error(`pinn: there is no term "${name}" to weigh; the terms are ${terms.map((t) => t.name).join(", ")}`);
    this.terms = new Map(terms.map((t) => [t.name, liveTerm(engine, t, weights[t.name] ?? 1)]));
    if (this.terms.size < terms.length) throw new Error(`pinn: two terms have one name: ${terms.map((t) => t.name).join(", ")}`);
  }

  /** The numbers that the network's parameters begin with. */
  init(seed = 0): unknown {
    return this.#network.init(seed);
  }

  /** The weighted sum of the terms' mean squares. */
  readonly loss = (params: unknown): Tensor => addN([...this.terms.values()].map((t) => mul(t.weight, t.loss(params)) as Tensor));

  /** The same as least squares, for methods that see single residuals. */
  get residuals(): readonly PointResidual<any>[] {
    return [...this.terms.values()].map((t) => ({
      of: (params: unknown, row: Tensor) => {
        const all = t.residual(params, columnsOf(row, t.columns));
        return all.length === 1 ? all[0]! : (stack(all) as Tensor);
      },
      at: t.points,
      weight: mul(sqrt(t.weight), Math.sqrt(2 / (t.points.shape[0] as number))) as Tensor,
    }));
  }
}

/** A column of points, or of one point. */
function columnsOf(rows: Tensor, names: readonly string[]): Coordinates {
  const last = rows.rank - 1;
  return Object.fromEntries(names.map((name, i) => [name, reshape(sliceAxis(rows, last, i, i + 1), rows.shape.slice(0, -1)) as Tensor]));
}

function liveTerm(engine: BaseEngine, term: Term, weight: number): LiveTerm {
  const { name, columns, data } = term;
  const rows = data.length / columns.length;
  const points = engine.variable(data, { shape: [rows, columns.length], dtype: "float64", label: `points of ${name}` });
  const loss = (params: unknown): Tensor => {
    const means = term.residual(params, columnsOf(points, columns)).map((r) => mean(square(r)) as Tensor);
    return means.length === 1 ? means[0]! : addN(means);
  };
  return { ...term, points, weight: engine.variable(weight, { dtype: "float64", label: `weight of ${name}` }), loss };
}

function residualOf(name: string, equation: Equation, fields: Fields): Term["residual"] {
  const { variables, fields: names } = fields.options;
  const known = (n: string): boolean => fields.knows(n) || variables.includes(n) || n === "pi";
  const about = `the fields are ${names.join(", ")}, the variables ${variables.join(", ")}`;
  if (equation instanceof Formula) {
    equation.check(known, about);
    const asked = equation.names.filter((n) => fields.knows(n));
    return (params, at) => {
      const of = fields.derivativesAt(asked, params, at);
      const r = equation.evaluate((n) => at[n] ?? of(n));
      if (!(r instanceof Tensor)) throw new Error(`pinn: the equation ${name}, ${equation.text}, is a number`);
      return [r];
    };
  }
  return (params, at) => {
    // Asked once for names, then answered for all of them from one pass.
    const asked: string[] = [];
    const nameOf = (field: string, by = ""): string => {
      const full = by ? `${field}_${by}` : field;
      if (!fields.knows(full)) throw new Error(`pinn: the equation ${name} asks for ${full}; ${about}`);
      return full;
    };
    const placeholder = at[variables[0]!]!;
    equation({ at, d: (field, by) => (asked.push(nameOf(field, by)), placeholder) });
    const of = fields.derivativesAt(asked, params, at);
    const given = equation({ at, d: (field, by) => of(nameOf(field, by)) });
    return given instanceof Tensor ? [given] : given;
  };
}
