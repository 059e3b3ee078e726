/** The graph as a picture: text in the language of Graphviz (https://graphviz.org), which `dot -Tsvg` draws. */
import { topological } from "../core/graph.ts";
import { isSource } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import { bodyOf } from "./body.ts";
import type { Necessary } from "./necessary.ts";
import { isAskedFor, isPinned, type NodeState } from "./node.ts";

/**
 * Sources are boxes; what is dirty is orange, what has failed red, what nobody needs grey and dashed, what observers see bold. What is in memory is
 * filled: blue where somebody asks for it or it is a leaf, gold where it is pinned, green where the cache keeps it. The body of a loop or a branch is
 * a cluster of its own, to whose results a dotted line leads.
 */
export function toDot(
  roots: readonly Tensor[],
  necessary: Necessary,
  dirty: ReadonlySet<NodeState>,
  isResident: (node: NodeState) => boolean,
): string {
  const order = topological(roots);
  const lines = order.map((t) => {
    const node = necessary.nodes.get(t);
    const style = [
      labelOf(t),
      ...(isSource(t) ? ["shape=box"] : []),
      ...(!node ? ["style=dashed", "color=grey"] : node.failure ? ["color=red"] : dirty.has(node) ? ["color=orange"] : []),
      ...(node && node.observers > 0 ? ["penwidth=2"] : []),
      ...(node?.cutoff ? ["peripheries=2"] : []),
      ...(node && isResident(node) ? ["style=filled", `fillcolor=${fillOf(node)}`] : []),
    ];
    return `  n${t.id} [${style.join(", ")}];`;
  });
  const edges = order.flatMap((t) => t.inputs.map((input) => `  n${input.id} -> n${t.id};`));
  const clusters = order.flatMap((t) => clusterOf(t, `n${t.id}`));
  return ["digraph {", "  node [shape=ellipse];", ...lines, ...edges, ...clusters, "}", ""].join("\n");
}

const labelOf = (t: Tensor): string =>
  `label=${quote(`${t.label ?? t.primitive.name}\n${t.outputs.map((o) => `${o.dtype}[${o.shape.join(", ")}]`).join(" ")}`)}`;

/** The bodies that a node of this name runs. Bodies share nodes, which are drawn once in each. */
function clusterOf(t: Tensor, name: string): string[] {
  const owned = bodyOf(t);
  if (owned.length === 0) return [];
  const inside = topological(owned);
  const nameOf = (x: Tensor): string => `${name}_${x.id}`;
  const used = new Set(inside.flatMap((x) => x.inputs));
  return [
    `  subgraph cluster_${name} {`,
    `    label=${quote(t.label ?? t.primitive.name)};`,
    ...inside.map((x) => `    ${nameOf(x)} [${labelOf(x)}];`),
    ...inside.flatMap((x) => x.inputs.map((input) => `    ${nameOf(input)} -> ${nameOf(x)};`)),
    ...inside.flatMap((x) => clusterOf(x, nameOf(x))),
    "  }",
    ...owned.filter((x) => !used.has(x)).map((x) => `  ${name} -> ${nameOf(x)} [style=dotted];`),
  ];
}

const fillOf = (node: NodeState): string => (isPinned(node) ? "gold" : isAskedFor(node) ? "lightblue" : "palegreen");

const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
