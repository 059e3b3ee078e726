/** Answers "what would be computed again if this changed, and why" in words, from the graph below a tensor. */
import { topological } from "../core/graph.ts";
import { isSource, type Source } from "../core/source.ts";
import { dimNames } from "../core/dim.ts";
import type { Tensor } from "../core/tensor.ts";
import { bodyOf } from "./body.ts";
import { type Suspect, suspectsAmong, type Trouble } from "./diagnosis.ts";
import type { Necessary } from "./necessary.ts";
import type { NodeState } from "./node.ts";

export interface Cause {
  readonly source: Source;
  /** A shortest way from the source to the tensor, both included. */
  readonly path: readonly Tensor[];
  /** How many nodes on the ways from the source to the tensor would be computed again, of `Explanation.nodes`. */
  readonly recomputes: number;
  /** The first node on the path that would stop the change if its bits came out the same. */
  readonly cutoff: Tensor | undefined;
}

export interface Explanation {
  readonly tensor: Tensor;
  readonly state: "computed when read" | "up to date" | "dirty" | "failed";
  /** Nodes that the tensor is made of, leaves aside. */
  readonly nodes: number;
  readonly causes: readonly Cause[];
  /** Named dimensions that its shape follows. */
  readonly dims: readonly string[];
  /**
   * What it is made of that has failed for the numbers of now: factorizations, by the pivot, and iterations without a solution. Of values
   * that are up to date.
   */
  readonly troubles: readonly Trouble[];
  /** All of it as text. */
  toString(): string;
}

/** `diagnose` computes what suspects have to say. */
export function explain(
  tensor: Tensor,
  necessary: Necessary,
  dirty: ReadonlySet<NodeState>,
  diagnose: (suspects: readonly Suspect[]) => readonly Trouble[],
): Explanation {
  const order = topological([tensor]);
  const nodes = order.filter((t) => t.inputs.length > 0).length;
  const node = necessary.nodes.get(tensor);
  const state = !node ? "computed when read" : node.failure ? "failed" : dirty.has(node) ? "dirty" : "up to date";
  const dims = [...new Set(order.flatMap((t) => t.shape.flatMap(dimNames)))];
  const towards = stepsTowards(tensor, order);
  const causes = order.filter(isSource).map((source): Cause => {
    const path: Tensor[] = [];
    for (let t: Tensor | undefined = source; t; t = towards.get(t)) path.push(t);
    const cutoff = path.find((t) => necessary.nodes.get(t)?.cutoff);
    return { source, path, cutoff, recomputes: countAbove(source, order) };
  });
  const suspects = state === "up to date" ? suspectsAmong(order) : [];
  const troubles = suspects.length > 0 ? diagnose(suspects) : [];
  const told = (): string => text(tensor, state, nodes, causes, dims, troubles, node);
  return { tensor, state, nodes, causes, dims, troubles, toString: told, [Symbol.for("nodejs.util.inspect.custom")]: told } as Explanation;
}

/** For each node below a tensor, the next node on a shortest way up to it. */
function stepsTowards(tensor: Tensor, order: readonly Tensor[]): Map<Tensor, Tensor | undefined> {
  const next = new Map<Tensor, Tensor | undefined>([[tensor, undefined]]);
  const distance = new Map([[tensor, 0]]);
  for (let i = order.length - 1; i >= 0; i--) {
    const t = order[i]!;
    const d = distance.get(t)! + 1;
    for (const input of t.inputs)
      if (d < (distance.get(input) ?? Infinity)) {
        distance.set(input, d);
        next.set(input, t);
      }
  }
  return next;
}

function countAbove(source: Tensor, order: readonly Tensor[]): number {
  const above = new Set([source]);
  for (const t of order) if (t.inputs.some((input) => above.has(input))) above.add(t);
  return above.size - 1;
}

const LONGEST = 12;

function text(
  tensor: Tensor,
  state: string,
  nodes: number,
  causes: readonly Cause[],
  dims: readonly string[],
  troubles: readonly Trouble[],
  node: NodeState | undefined,
): string {
  const name = (t: Tensor): string => {
    const inside = topological(bodyOf(t)).filter((x) => x.inputs.length > 0).length;
    return `${t.primitive.name}${t.label ? ` "${t.label}"` : ""}${inside > 0 ? ` (over ${inside} node${inside === 1 ? "" : "s"})` : ""}`;
  };
  const show = (path: readonly Tensor[]): string =>
    (path.length <= LONGEST
      ? path.map(name)
      : [...path.slice(0, LONGEST / 2).map(name), `... ${path.length - LONGEST} more ...`, ...path.slice(-LONGEST / 2).map(name)]
    ).join(" -> ");
  const failed = node?.failure ? `: ${node.failure.tensor.describe()}: ${String(node.failure.error)}` : "";
  return [
    `${tensor.describe()} is ${state}${failed}; it is made of ${nodes} node${nodes === 1 ? "" : "s"}.`,
    ...(causes.length === 0 ? ["It depends on no source: it is never computed again."] : []),
    ...causes.map(
      ({ source, path, recomputes, cutoff }) =>
        `A change of ${source.describe()} recomputes ${recomputes} of them: ${show(path)}${cutoff ? `; it ends at ${name(cutoff)} when its bits stay the same` : ""}`,
    ),
    ...troubles.map(({ message }) => message),
    ...(dims.length > 0 ? [`Sizes follow ${dims.join(", ")}.`] : []),
  ].join("\n");
}
