/** What a second thread is worth: fluxion on two threads beside fluxion on one, by the wall clock. The bits must be the same. */
import { cpu } from "../../dist/cpu/backend.js";
import { type Case, type Contestant, disagreement } from "../case.ts";
import { arrayCases, matmulCase } from "./arrays.ts";
import { pinnCases } from "./pinn.ts";

const named = (name: string): Case => [...arrayCases, ...pinnCases].find((c) => c.name === name)!;

function onThreads({ name, unit, tolerance, reference, fluxion }: Case, threads: number): Case {
  const on = async (count: number): Promise<Contestant> => (await fluxion(cpu({ threads: count }))) as Contestant;
  const outputs = async (several: Contestant): Promise<ArrayLike<number>[]> => {
    const one = await on(1);
    const [got, expected] = [await several.outputs(), await one.outputs()];
    await one.dispose?.();
    if (disagreement(got, expected) !== 0) throw new Error(`${name}: the results on ${threads} threads are not those on one`);
    return got;
  };
  return {
    name: `threads-${threads}-${name}`,
    unit,
    tolerance,
    clock: "wall",
    reference,
    fluxion: async () => {
      const several = await on(threads);
      return { ...several, outputs: () => outputs(several) };
    },
    peers: { "threads-1": () => on(1) },
    note: "by the wall clock",
  };
}

export const threadCases: readonly Case[] = [matmulCase(1024), named("chain-1M"), named("pinn-10000")].map((c) => onThreads(c, 2));
