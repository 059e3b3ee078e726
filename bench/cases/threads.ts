/** What a second thread is worth: fluxion on two threads beside fluxion on one, by the wall clock. */
import { cpu } from "../../dist/cpu/backend.js";
import type { Case } from "../case.ts";
import { arrayCases, matmulCase } from "./arrays.ts";
import { pinnCases } from "./pinn.ts";

const named = (name: string): Case => [...arrayCases, ...pinnCases].find((c) => c.name === name)!;

export const threadCases: readonly Case[] = [matmulCase(1024), named("chain-1M"), named("pinn-10000")].map(
  ({ name, unit, tolerance, reference, fluxion }) => ({
    name: `threads-2-${name}`,
    unit,
    tolerance,
    clock: "wall",
    reference,
    fluxion: () => fluxion(cpu({ threads: 2 })),
    note: "by the wall clock",
    peers: { "threads-1": () => fluxion(cpu({ threads: 1 })) },
  }),
);
