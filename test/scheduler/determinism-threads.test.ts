/** verifyDeterminism really has threads compute: one that computes something else is found out, however little there is to do. */
import { expect, it, vi } from "vitest";
import { rem, sum, type Tensor, verifyDeterminism } from "fluxion";

/** Workers whose remainder is none. */
vi.mock("../../cpu/worker.ts", async (original) => {
  const { nodeWorker, ...rest } = await original<{ readonly nodeWorker: string }>();
  return { ...rest, nodeWorker: nodeWorker.replace("(a, b) => a % b", "() => 0.125") };
});

const fours = (n: number): number[] => Array.from({ length: n }, () => 4);

it.each([
  ["elements", (x: Tensor) => rem(x, 3), 40, 0.125, 1],
  // Were one part this thread's, the sum were greater.
  ["all parts of a sum", (x: Tensor) => sum(rem(x, 3)), 1024, 128, 1024],
])("%s are computed by workers alone", async (_, f, n, got, was) =>
  expect(verifyDeterminism(f, [fours(n)])).rejects.toThrow(
    `differs under fused, 2 threads, computed from scratch: element 0 is ${got}, and was ${was}`,
  ),
);
