/** The graph as a picture: text in the language of Graphviz (https://graphviz.org), which `dot -Tsvg` draws. */
import { topological } from "../core/graph.ts";
import { isSource } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Necessary } from "./necessary.ts";
import type { NodeState } from "./node.ts";

/** Sources are boxes; what is dirty is orange, what has failed red, what nobody needs grey and dashed, what observers see bold. */
export function toDot(roots: readonly Tensor[], necessary: Necessary, dirty: ReadonlySet<NodeState>): string {
  const order = topological(roots);
  const lines = order.map((t) => {
    const node = necessary.nodes.get(t);
    const style = [
      `label=${quote(`${t.label ?? t.primitive.name}\n${t.outputs.map((o) => `${o.dtype}[${o.shape.join(", ")}]`).join(" ")}`)}`,
      ...(isSource(t) ? ["shape=box"] : []),
      ...(!node ? ["style=dashed", "color=grey"] : node.failure ? ["color=red"] : dirty.has(node) ? ["color=orange"] : []),
      ...(node && node.observers > 0 ? ["penwidth=2"] : []),
      ...(node?.cutoff ? ["peripheries=2"] : []),
    ];
    return `  n${t.id} [${style.join(", ")}];`;
  });
  const edges = order.flatMap((t) => t.inputs.map((input) => `  n${input.id} -> n${t.id};`));
  return ["digraph {", "  node [shape=ellipse];", ...lines, ...edges, "}", ""].join("\n");
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
