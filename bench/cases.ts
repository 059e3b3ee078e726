/** All cases, in the order of the table. */
import type { Case } from "./case.ts";
import { arrayCases } from "./cases/arrays.ts";
import { evictionCases } from "./cases/eviction.ts";
import { graphCases } from "./cases/graph.ts";
import { jacobianCases } from "./cases/jacobian.ts";
import { incrementalCases } from "./cases/incremental.ts";
import { mlpCases } from "./cases/mlp.ts";
import { pinnCases } from "./cases/pinn.ts";
import { threadCases } from "./cases/threads.ts";

export const cases: readonly Case[] = [
  ...arrayCases,
  ...mlpCases,
  ...pinnCases,
  ...jacobianCases,
  ...graphCases,
  ...incrementalCases,
  ...evictionCases,
  ...threadCases,
];
