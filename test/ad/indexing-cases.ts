/** Indexing, scattering, windows, diagonals and einsum, with arguments they are checked at. See cases.ts. */
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { convert } from "../../ops/convert.ts";
import { diag } from "../../ops/diagonal.ts";
import { einsum } from "../../ops/einsum.ts";
import { sin } from "../../ops/functions.ts";
import { dynamicSlice, dynamicUpdateSlice, gather, scatterAdd, take, takeAlongAxis } from "../../ops/indexing.ts";
import { random } from "../../ops/random.ts";
import { argmax } from "../../ops/reductions.ts";
import { sort } from "../../ops/sort.ts";
import type { Case, Random } from "./cases.ts";

const positions = (r: Random, shape: readonly number[], below: number): Tensor =>
  constant(
    Int32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => r.integer(0, below - 1)),
    { shape },
  );
const bent = (x: Tensor): Tensor => mul(x, sin(x));
/** A position that depends on an argument, so that batching meets batched positions. */
const computed = (x: Tensor): Tensor => argmax(x);

export const indexingCases: readonly Case[] = [
  {
    name: "take along an axis",
    draw: (r) => {
      const shape = r.shape(1);
      const axis = r.integer(0, shape.length - 1);
      const indices = positions(r, r.shape(0, 2), shape[axis]!);
      return { f: (x) => take(bent(x), indices, axis), args: [r.tensor(shape)] };
    },
  },
  {
    name: "take at a computed position",
    draw: (r) => ({ f: (x, y) => take(bent(x), computed(y), 0), args: [r.tensor([4, 2]), r.distinct([3])] }),
  },
  {
    name: "take with fill",
    draw: (r) => ({
      f: (x, y) => take(bent(x), add(computed(y), 3), { axis: 0, mode: "fill", fillValue: 7 }),
      args: [r.tensor([4, 2]), r.distinct([3])],
    }),
  },
  {
    name: "takeAlongAxis",
    draw: (r) => {
      const indices = positions(r, [2, 5], 3);
      return { f: (x) => takeAlongAxis(bent(x), indices, 1), args: [r.tensor([2, 3])] };
    },
  },
  {
    name: "gather at points",
    draw: (r) => {
      const points = constant(
        Int32Array.from({ length: 8 }, (_, i) => r.integer(0, i % 2 === 0 ? 2 : 3)),
        { shape: [2, 2, 2] },
      );
      return { f: (x) => gather(bent(x), points), args: [r.tensor([3, 4, 2])] };
    },
  },
  {
    name: "scatterAdd",
    draw: (r) => {
      const shape = r.shape(1);
      const axis = r.integer(0, shape.length - 1);
      const m = r.integer(1, 5);
      const indices = positions(r, [m], shape[axis]!);
      const updates = shape.map((d, i) => (i === axis ? m : d));
      return { f: (x, u) => scatterAdd(bent(x), indices, mul(u, u), { axis }), args: [r.tensor(shape), r.tensor(updates)] };
    },
  },
  {
    name: "scatterAdd at a computed position",
    draw: (r) => ({
      f: (x, u, y) => scatterAdd(bent(x), add(computed(y), constant([0, 1, 9], { dtype: "int32" })), mul(u, u)),
      args: [r.tensor([4]), r.tensor([3]), r.distinct([3])],
    }),
  },
  {
    name: "dynamicSlice",
    draw: (r) => ({ f: (x, y) => dynamicSlice(bent(x), [computed(y), 1], [2, 2]), args: [r.tensor([4, 3]), r.distinct([4])] }),
  },
  {
    name: "dynamicUpdateSlice",
    draw: (r) => ({
      f: (x, u, y) => dynamicUpdateSlice(bent(x), mul(u, u), [computed(y), 1]),
      args: [r.tensor([4, 3]), r.tensor([2, 2]), r.distinct([4])],
    }),
  },
  { name: "diag of a vector", draw: (r) => ({ f: (x) => diag(bent(x), 1), args: [r.tensor([3])] }) },
  { name: "diag of a matrix", draw: (r) => ({ f: (x) => diag(bent(x), -1), args: [r.tensor([3, 4])] }) },
  { name: "sort", draw: (r) => ({ f: (x) => bent(sort(x, 0)), args: [r.distinct([4, 2])] }) },
  {
    name: "a random field scaled by a parameter",
    draw: (r) => ({ f: (s) => bent(mul(s, convert(random.normal(random.key(7), [3]), "float64"))), args: [r.tensor([])] }),
  },
  ...(
    [
      ["ij,jk->ik", [2, 3], [3, 4]],
      ["bij,bjk->bik", [2, 3, 2], [2, 2, 3]],
      ["ij,ij->", [2, 3], [2, 3]],
      ["ij,j", [2, 3], [3]],
      ["...i,ij->...j", [2, 2, 3], [3, 2]],
      ["ii,j->ij", [3, 3], [2]],
      ["ijk,ilk->jl", [2, 3, 2], [2, 2, 2]],
    ] as const
  ).map(
    ([text, a, b]): Case => ({
      name: `einsum ${text}`,
      draw: (r) => ({ f: (x, y) => einsum(text, x, y), args: [r.tensor(a), r.tensor(b)] }),
    }),
  ),
  {
    name: "einsum of one and of three",
    draw: (r) => ({
      f: (x, y, z) => einsum("ij,jk,kl->il", einsum("ij->ji", x), y, z),
      args: [r.tensor([3, 2]), r.tensor([3, 2]), r.tensor([2, 2])],
    }),
  },
];
