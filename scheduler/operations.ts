/**
 * Scalar operations of steps: what their expressions compute at each point of their index spaces. Like bytes (traffic.ts) they are counted when a
 * plan is bound, so that a flush adds one number, and they do not depend on the machine.
 *
 *   loop       each operation of its expressions, however cheap, at each point; a value that is only moved counts as one, and so does each value
 *              that a fold takes in
 *   matmul     2 k for each element
 *   scatterAdd one for each element of the result and of the updates
 *   argsort    n log2 n for each row
 *   routine    what it says that an item costs
 *
 * and for what is inside a loop or a branch as often as rounds.ts says.
 */
import type { Dim } from "../core/dim.ts";
import type { Control } from "../kernel/control.ts";
import { type Expr, exprOrder } from "../kernel/expr.ts";
import type { Body, ControlKernel, Kernel, LoopKernel } from "../kernel/kernel.ts";
import { inControl } from "./rounds.ts";

/** A step, or a bound one. */
interface Counted {
  readonly kernel: Kernel | ControlKernel;
  readonly sizes: readonly Dim[];
  readonly writes: readonly unknown[];
  readonly rows?: { readonly stages: readonly { readonly step: Counted }[] } | undefined;
  readonly control?: Control;
}

/** How many scalar operations steps come to, with the numbers behind dimensions. */
export function operationsOf(steps: readonly Counted[], size: (d: Dim) => number): number {
  let all = 0;
  for (const step of steps)
    if (step.control) all += inControl(step.control, size, (list) => operationsOf(list, size));
    else if (step.rows)
      all += operationsOf(
        step.rows.stages.map((s) => s.step),
        size,
      );
    else all += ofStep(step, size);
  return all;
}

function ofStep({ kernel, sizes, writes }: Counted, size: (d: Dim) => number): number {
  const lengths = sizes.map(size);
  const points = lengths.reduce((product, n) => product * n, 1);
  switch (kernel.kind) {
    case "loop":
      return points * atPoint(kernel);
    case "matmul":
      return 2 * points * writes.length;
    case "scatterAdd": {
      const [b, o, n, i, m] = lengths as [number, number, number, number, number];
      return b * o * i * (n + m);
    }
    case "argsort":
      return Math.ceil(points * Math.log2(Math.max(2, lengths[1]!)));
    case "routine":
      return lengths[0]! * kernel.routine.cost(lengths);
    case "rows":
    case "control":
      return 0;
  }
}

const inBodies = new WeakMap<Body, number>();

function atPoint({ body, fold }: LoopKernel): number {
  let n = inBodies.get(body);
  if (n === undefined) {
    n = exprOrder(body.values).filter(isOperation).length;
    inBodies.set(body, n);
  }
  return fold ? n + 1 : n + body.values.filter((x) => !isOperation(x)).length;
}

const isOperation = (x: Expr): boolean => x.args.length > 0 && x.op !== "read" && x.op !== "at";
