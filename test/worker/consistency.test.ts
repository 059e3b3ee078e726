/**
 * An engine in a worker publishes what the reference engine does: the same values, to the bit, in the same epochs, told in the same order, for
 * random programs of writes, transactions, ticks, observers that write, reads and collected garbage.
 */
import fc from "fast-check";
import { describe, it } from "vitest";
import { startWorker } from "../../worker/channel.ts";
import { connect } from "../../worker/remote.ts";
import { type NodeSpec, operationNames } from "../oracle/random-graph.ts";
import { check, type Command, type Program, programs } from "../scheduler/model.ts";
import { channelHere } from "./channels.ts";

/** Without what only an engine in the same thread can do. */
const awaited = (c: Command): Command => {
  if (c.do === "readSync") return { ...c, do: "read" };
  if (c.do === "transaction") return { ...c, reads: false };
  return c.do === "observe" && c.action === "readSync" ? { ...c, action: "read" } : c;
};
/** And without the primitive that the random graphs define themselves. */
const shared = (spec: NodeSpec): NodeSpec => (operationNames[spec.op] === "butterfly" ? { ...spec, op: spec.op + 1 } : spec);
const remotePrograms: fc.Arbitrary<Program> = programs.map(({ sources, nodes, commands }) => ({
  sources,
  nodes: nodes.map(shared),
  commands: commands.map(awaited),
}));

describe("an engine whose halves exchange messages publishes what a fresh evaluation gives", () => {
  it.each([11, 12])("in 60 sequences from seed %i", (seed) =>
    fc.assert(
      fc.asyncProperty(remotePrograms, (program) => check(program, () => connect({}, channelHere()))),
      { numRuns: 60, seed },
    ),
  );

  it("in another thread, in 3 sequences", () =>
    fc.assert(
      fc.asyncProperty(remotePrograms, (program) => check(program, () => connect({}, startWorker()))),
      { numRuns: 3, seed: 13 },
    ));
});
