/**
 * An engine in a worker publishes what the reference engine does: the same values, to the bit, in the same epochs, told in the same order, for
 * random programs of writes, transactions, ticks, observers that write, reads and collected garbage. More with `npm run fuzz -- --remote`.
 */
import { describe, it } from "vitest";
import { startWorker } from "../../worker/channel.ts";
import { connect } from "../../worker/remote.ts";
import { checkMany } from "../scheduler/model.ts";
import { channelHere } from "./channels.ts";
import { remotePrograms } from "./programs.ts";

describe("an engine whose halves exchange messages publishes what a fresh evaluation gives", () => {
  it.each([11, 12])("in 60 sequences from seed %i", (seed) => checkMany(60, seed, () => connect({}, channelHere()), remotePrograms));

  it("within a budget of memory, in 40 sequences", () =>
    checkMany(40, 14, () => connect({ budgetBytes: 20_000 }, channelHere()), remotePrograms));

  it("in another thread, in 3 sequences", () => checkMany(3, 13, () => connect({}, startWorker()), remotePrograms));
});
