/** The random programs that an engine in a worker can run: all but what needs its values in this thread, or its kernels in another. */
import type fc from "fast-check";
import { type NodeSpec, operationNames } from "../oracle/random-graph.ts";
import { type Command, type Program, programs } from "../scheduler/model.ts";

/** Reads wait for their answers. */
const awaited = (c: Command): Command => {
  if (c.do === "readSync") return { ...c, do: "read" };
  if (c.do === "transaction") return { ...c, reads: false };
  return c.do === "observe" && c.action === "readSync" ? { ...c, action: "read" } : c;
};
/** The random graphs have one primitive with a kernel of its own. */
const shared = (spec: NodeSpec): NodeSpec => (operationNames[spec.op] === "butterfly" ? { ...spec, op: spec.op + 1 } : spec);

export const remotePrograms: fc.Arbitrary<Program> = programs.map(({ sources, nodes, commands }) => ({
  sources,
  nodes: nodes.map(shared),
  commands: commands.map(awaited),
}));
