/** The nodes that a node runs inside: bodies of loops and branches, for those who look at a graph. */
import { ownedBy } from "../core/graph.ts";
import type { Tensor } from "../core/tensor.ts";
import type { RuledPrimitive } from "../ops/primitive.ts";

/** Parameters and results of the bodies of a node. What rules of a user's own remember is no body. */
export const bodyOf = (t: Tensor): Tensor[] => ((t.primitive as RuledPrimitive).composed ? [] : ownedBy(t));
