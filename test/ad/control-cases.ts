/** Loops and branches with arguments that their rules are checked at: functions of float64 tensors, drawn from a seed. */
import { associativeScan } from "../../ad/control/associative.ts";
import { cond, switchCase } from "../../ad/control/branches.ts";
import { fold, fori, scan, whileLoop } from "../../ad/control/loops.ts";
import { grad } from "../../ad/grad.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { greater, less } from "../../ops/compare.ts";
import { concatenate } from "../../ops/concatenate.ts";
import { convert } from "../../ops/convert.ts";
import { cos, exp, sin, tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { sum } from "../../ops/reductions.ts";
import { ravel } from "../../ops/rearrange.ts";
import type { Case } from "./cases.ts";

type Pair = [Tensor, Tensor];

/** All tensors as one vector. */
const together = (...all: Tensor[]): Tensor => concatenate(all.map((t) => ravel(t)) as never, 0);
const steps = 3;

export const controlCases: readonly Case[] = [
  {
    name: "scan over a closed-over matrix, carry, xs and ys",
    draw: (r) => ({
      f: (w, start, xs) => {
        const [last, ys] = scan(
          (c: Tensor, x: Tensor) => {
            const next: Tensor = tanh(add(matmul(w!, c), mul(x, c)));
            return [next, sum(mul(next, x))] as const;
          },
          start!,
          xs!,
        );
        return together(last, ys);
      },
      args: [r.tensor([2, 2]), r.tensor([2]), r.tensor([steps, 2])],
    }),
  },
  {
    name: "scan in reverse, with several carries of which one is given back and one counts",
    draw: (r) => ({
      f: (k, u, xs) => {
        const [{ v, i }, ys] = scan(
          (c: { k: Tensor; v: Tensor; i: Tensor }, x: Tensor) => {
            const next = add(mul(c.v, cos(mul(c.k, x))), mul(c.i, 0.1));
            return [
              { k: c.k, v: next, i: add(c.i, 1) },
              { before: mul(c.v, x), x: square(x) },
            ] as const;
          },
          { k: k!, v: u!, i: constant(0, { dtype: "int32" }) },
          xs!,
          { reverse: true },
        ) as unknown as [{ v: Tensor; i: Tensor }, { before: Tensor; x: Tensor }];
        return together(v, mul(convert(i, "float64"), ys.before), ys.x);
      },
      args: [r.tensor([]), r.tensor([2]), r.tensor([steps])],
    }),
  },
  {
    name: "a scan in a scan, closing over the outer carry",
    draw: (r) => ({
      f: (a, xs) =>
        fold(
          (c: Tensor, x: Tensor) => {
            const inner = fold((d: Tensor, z: Tensor) => add(sin(mul(d, c)), mul(z, a!)), x, mul(xs!, c));
            return add(c, mul(inner, 0.5));
          },
          a!,
          xs!,
        ),
      args: [r.tensor([], -1, 1), r.tensor([steps], -1, 1)],
    }),
  },
  {
    name: "a scan whose carry is forgotten",
    draw: (r) => ({
      f: (c, xs) => {
        const [last, ys] = scan((before: Tensor, x: Tensor) => [exp(x), mul(before, x)] as const, c!, xs!);
        return together(last, ys);
      },
      args: [r.tensor([]), r.tensor([steps])],
    }),
  },
  {
    name: "a scan of gradients",
    draw: (r) => ({
      f: (x, k) => fori(0, 3, (i, y: Tensor) => sub(y, mul(0.1, grad((z: Tensor) => sum(mul(exp(mul(k!, sin(z))), add(i, 1))))(y))), x!),
      args: [r.tensor([2]), r.tensor([])],
    }),
  },
  {
    name: "a while loop of at most so many steps",
    draw: (r) => ({
      // The last steps are not taken.
      f: (x, k) =>
        whileLoop(
          ([, i]: Pair) => less(i, 2.5),
          ([y, i]: Pair) => [mul(y, add(sin(k!), 1.5)), add(i, 1)] as const,
          [x!, 0] as unknown as Pair,
          { maxSteps: 4 },
        )[0],
      args: [r.tensor([2]), r.tensor([])],
    }),
  },
  {
    name: "cond, by a number that is apart from the choice",
    draw: (r) => ({
      f: (x, y) =>
        cond(
          greater(sum(x!), 0),
          (a: Tensor) => mul(sin(a), y!),
          (a: Tensor) => add(sum(a), exp(a)),
          x!,
        ),
      args: [r.distinct([3], 0.4), r.tensor([])],
    }),
  },
  {
    name: "switchCase in a scan, by its counter",
    draw: (r) => ({
      f: (x, k) =>
        fori(
          -1,
          3,
          (i, c: Tensor) => switchCase(i, [(a: Tensor) => mul(a, k!), (a: Tensor) => add(sin(a), k!), (a: Tensor) => square(a)], c),
          x!,
        ),
      args: [r.tensor([2]), r.tensor([])],
    }),
  },
  {
    name: "associativeScan of affine maps",
    draw: (r) => ({
      f: (a, b) => {
        const [slopes, offsets] = associativeScan(
          ([a1, b1]: Pair, [a2, b2]: Pair) => [mul(a1, a2), add(mul(a2, b1), b2)],
          [a!, b!] as Pair,
          { reverse: true },
        );
        return together(slopes, offsets);
      },
      args: [r.tensor([5]), r.tensor([5])],
    }),
  },
];
