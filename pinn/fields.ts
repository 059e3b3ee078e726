/** Fields at points: the outputs of a network by their names, and such derivatives of them as equations ask for, all from one pass. */
import type { Tensor } from "../core/tensor.ts";
import { derivatives, type Orders } from "../ad/derivatives.ts";
import type { Network } from "./networks.ts";

/** Tensors of one shape, by the variables' names. */
export type Coordinates = Readonly<Record<string, Tensor>>;

export interface FieldOptions {
  readonly network: Network;
  /** Names of the network's outputs. */
  readonly fields: readonly string[];
  /** Names of its inputs. */
  readonly variables: readonly string[];
  /** What is made of the outputs, where conditions are built in: must treat points one by one. */
  readonly transform?: ((fields: Readonly<Record<string, Tensor>>, at: Coordinates) => Readonly<Record<string, Tensor>>) | undefined;
}

/** A derivative with its variables in the region's order: u_tx is u_xt. */
function sorted(by: string, variables: readonly string[]): string {
  return [...by].sort((a, b) => variables.indexOf(a) - variables.indexOf(b)).join("");
}

export class Fields {
  readonly options: FieldOptions;

  constructor(options: FieldOptions) {
    const { network, fields, variables } = options;
    if (network.outputs !== fields.length)
      throw new Error(`pinn: the network "${network.name}" has ${network.outputs} outputs for the fields ${fields.join(", ")}`);
    if (network.inputs !== variables.length)
      throw new Error(`pinn: the network "${network.name}" has ${network.inputs} inputs for the variables ${variables.join(", ")}`);
    this.options = options;
  }

  /** Whether a name is a field's, or a derivative's of one by these variables. */
  knows(name: string): boolean {
    const { fields, variables } = this.options;
    const [field, by, ...rest] = name.split("_");
    return (
      rest.length === 0 && fields.includes(field!) && (by === undefined || (by.length > 0 && [...by].every((v) => variables.includes(v))))
    );
  }

  /** The fields alone. */
  at(params: unknown, coordinates: Coordinates): Record<string, Tensor> {
    const { network, fields, variables, transform } = this.options;
    const outputs = network.apply(
      params,
      variables.map((v) => coordinates[v]!),
    );
    const named = Object.fromEntries(fields.map((name, i) => [name, outputs[i]!]));
    return transform ? { ...transform(named, coordinates) } : named;
  }

  /** These fields and derivatives, by name. */
  derivativesAt(names: readonly string[], params: unknown, coordinates: Coordinates): (name: string) => Tensor {
    const { variables } = this.options;
    const asked = new Set(names.map((name) => sorted(name.split("_")[1] ?? "", variables)));
    const orders: Record<string, number | true> = Object.fromEntries(variables.map((v) => [v, 0]));
    for (const by of asked) {
      const first = by[0];
      if (first === undefined) continue;
      if ([...by].every((v) => v === first)) orders[first] = Math.max(orders[first] as number, by.length);
      else orders[by] = true;
    }
    const all = derivatives((at: Coordinates) => this.at(params, at), orders as Orders)({ ...coordinates }) as Record<string, Tensor>;
    return (name) => {
      const [field, by] = name.split("_");
      return all[by === undefined ? field! : `${field}_${sorted(by, variables)}`]!;
    };
  }
}
