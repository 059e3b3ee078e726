/** Products of matrices and tensors, with arguments they are checked at. See cases.ts. */
import { dot, matmul, outer, tensordot } from "../../ops/matmul.ts";
import type { Case, Random } from "./cases.ts";

const product = (name: string, shapes: (r: Random) => readonly [number[], number[]]): Case => ({
  name,
  draw: (r) => {
    const [a, b] = shapes(r);
    return { f: matmul, args: [r.tensor(a), r.tensor(b)] };
  },
});
const n = (r: Random): number => r.integer(1, 4);

export const contractionCases: readonly Case[] = [
  product("matmul of matrices", (r) => {
    const k = n(r);
    return [
      [n(r), k],
      [k, n(r)],
    ];
  }),
  product("matmul of vectors and matrices", (r) => {
    const k = n(r);
    return r.pick([
      [[k], [k]],
      [[n(r), k], [k]],
      [[k], [k, n(r)]],
    ] as const) as readonly [number[], number[]];
  }),
  product("matmul of batches", (r) => {
    const [b, c, k] = [n(r), n(r), n(r)];
    return r.pick([
      [
        [b, n(r), k],
        [b, k, n(r)],
      ],
      [
        [b, n(r), k],
        [k, n(r)],
      ],
      [
        [n(r), k],
        [b, k, n(r)],
      ],
      [
        [c, 1, n(r), k],
        [b, k, n(r)],
      ],
      [[c, b, n(r), k], [k]],
    ] as const) as readonly [number[], number[]];
  }),
  { name: "dot", draw: (r) => ({ f: dot, args: [r.tensor([2, 3]), r.tensor([2, 3, 2])] }) },
  { name: "outer", draw: (r) => ({ f: outer, args: [r.tensor([n(r)]), r.tensor([n(r)])] }) },
  {
    name: "tensordot",
    draw: (r) => ({
      f: (a, b) =>
        tensordot(a, b, [
          [0, 2],
          [1, 0],
        ]),
      args: [r.tensor([2, 3, 4]), r.tensor([4, 2, 2])],
    }),
  },
];
