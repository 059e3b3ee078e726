/** Fusion changes no bit and needs fewer kernels: random graphs, run step by step and fused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrayOf, storageBytes, type TypedArray } from "../../core/dtype.ts";
import { topological } from "../../core/graph.ts";
import { type ConstantParams, constantData, constantPrimitive } from "../../core/leaves.ts";
import { outputPrimitive, type Tensor } from "../../core/tensor.ts";
import { fuse } from "../../kernel/fuse.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import type { Kernel, Operand, Slot, Step } from "../../kernel/kernel.ts";
import { outputView } from "../../kernel/lowering.ts";
import type { View } from "../../kernel/view.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { greater, isNaN, logicalAnd, logicalNot, where } from "../../ops/compare.ts";
import { convert } from "../../ops/convert.ts";
import { concatenate } from "../../ops/concatenate.ts";
import { iota } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { exp, sin, tanh } from "../../ops/functions.ts";
import { take } from "../../ops/indexing.ts";
import { broadcastTo } from "../../ops/operand.ts";

import { maximum } from "../../ops/piecewise.ts";
import { ownRules } from "../../ops/primitive.ts";
import { random as keyed } from "../../ops/random.ts";
import { argmax, max, mean, prod, sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { transpose } from "../../ops/transpose.ts";
import { Random } from "../ad/cases.ts";
import { pad, slice } from "../../ops/pad.ts";

interface Lowered {
  readonly steps: Step[];
  readonly views: Map<Tensor, readonly View[]>;
  readonly constants: Map<Slot, TypedArray>;
}

function lower(roots: readonly Tensor[]): Lowered {
  const views = new Map<Tensor, readonly View[]>();
  const steps: Step[] = [];
  const constants = new Map<Slot, TypedArray>();
  for (const t of topological(roots)) {
    if (t.primitive === constantPrimitive) {
      const view = outputView(t.outputs[0]!);
      constants.set(view.slot, constantData(t.params as ConstantParams));
      views.set(t, [view]);
    } else if (t.primitive === outputPrimitive) views.set(t, [views.get(t.inputs[0]!)![(t.params as { index: number }).index]!]);
    else {
      const call = {
        params: t.params,
        inputs: t.inputs.map((x) => views.get(x)![0]!),
        inputTypes: t.inputs.map((x) => x.outputs[0]!),
        outputTypes: t.outputs,
      };
      const lowered = ownRules.rule(t.primitive, "lower")(call);
      steps.push(...lowered.steps);
      views.set(t, lowered.outputs);
    }
  }
  return { steps, views, constants };
}

/** Runs steps in order and gives what some slots hold. Slots that nothing wrote hold a pattern that no result has. */
function run(steps: readonly Step[], constants: ReadonlyMap<Slot, TypedArray>, wanted: readonly Slot[]): number[][] {
  const device = interpreter();
  const buffers = new Map<Slot, number>();
  const bufferOf = (slot: Slot): number => {
    let b = buffers.get(slot);
    if (b === undefined) {
      buffers.set(slot, (b = device.allocate(Math.max(8, (slot.length as number) * storageBytes(slot.storage)))));
      device.write(b, constants.get(slot) ?? new (arrayOf(slot.storage))(slot.length as number).fill(123456));
    }
    return b;
  };
  const bind = ({ slot, offset, strides }: Operand) => ({ buffer: bufferOf(slot), offset: offset as number, strides: strides as number[] });
  const bound = steps.map(({ kernel, sizes, reads, writes, uniforms }) => ({
    kernel: kernel as Kernel,
    sizes: sizes as number[],
    reads: reads.map(bind),
    writes: writes.map(bind),
    uniforms: uniforms as number[],
  }));
  device.prepare([{ kind: "run", steps: bound }]).run();
  return wanted.map((slot) => Array.from(device.view(bufferOf(slot), slot.storage, slot.length as number)));
}

/** A random graph over [n, m], its rows and columns, and scalars. */
function randomGraph(r: Random): Tensor[] {
  const [n, m] = [r.integer(1, 5), r.integer(1, 5)];
  const full = [n, m];
  const floats: Tensor[] = [r.tensor(full), r.tensor(full), r.tensor([m]), r.tensor([n, 1]), r.tensor([])];
  const any = (): Tensor => r.pick(floats);
  const whole = (): Tensor => broadcastTo(any(), full);
  const makers: (() => Tensor)[] = [
    () => add(any(), any()),
    () => sub(any(), any()),
    () => mul(any(), any()),
    () => maximum(any(), any()),
    () => sin(any()),
    () => tanh(any()),
    () => exp(any()),
    () => where(greater(any(), any()), any(), any()),
    () => where(logicalAnd(greater(any(), 0), logicalNot(isNaN(any()))), whole(), any()),
    () => sum(whole(), { axis: r.integer(0, 1), keepdims: true }),
    () => sum(mul(whole(), whole())),
    () => mean(whole(), { axis: 1, keepdims: true }),
    () => max(whole(), { axis: 0 }),
    () => prod(whole(), { axis: 1, keepdims: true }),
    () => cumsum(whole(), r.integer(0, 1)),
    () => transpose(transpose(whole())),
    () => transpose(sin(transpose(whole()))),
    () => reshape(tanh(reshape(whole(), [n * m])), full),
    () => convert(iota(full, r.integer(0, 1)), "float64"),
    () =>
      slice(
        pad(sin(whole()), [
          [1, 0],
          [0, 2],
        ]),
        [1],
        [null],
        [1],
      ),
    () => slice(concatenate([mul(any(), whole()), whole()], 0), [0, 0], [n, m]),
    () => take(whole(), [r.integer(0, n - 1)], 0),
    () => slice(take(mul(whole(), 2), argmax(transpose(whole()), 0), 0), [0], [1]),
    () => keyed.uniform(keyed.key(r.integer(0, 9)), full, { dtype: "float64" }),
  ];
  for (let i = r.integer(3, 25); i > 0; i--) {
    const t = r.pick(makers)();
    const fits = t.shape.every((d, k) => d === 1 || d === full[k + 2 - t.rank]);
    if (t.rank <= 2 && fits) floats.push(t);
  }
  return floats;
}

describe("fusion", () => {
  it("changes no bit of what is kept, whatever is kept", () => {
    let before = 0;
    let after = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const r = new Random(seed);
        const { steps, views, constants } = lower(randomGraph(r));
        const results = new Set([...views.values()].flatMap((v) => v.map((x) => x.slot)).filter((s) => !constants.has(s)));
        const kept = [...results].filter(() => r.next() < 0.3);
        const fused = fuse(steps, (s) => kept.includes(s));
        before += steps.length;
        after += fused.length;
        expect(fused.length).toBeLessThanOrEqual(steps.length);
        expect(run(fused, constants, kept)).toEqual(run(steps, constants, kept));
      }),
      { numRuns: 300 },
    );
    expect(after).toBeLessThan(before * 0.6);
  });

  it("makes one kernel of a chain, and none of what nobody wants", () => {
    const r = new Random(1);
    const x = r.tensor([4, 3]);
    const y = mul(sin(add(x, 1)), tanh(x));
    const { steps, views } = lower([y]);
    const of = (t: Tensor): Slot => views.get(t)![0]!.slot;
    expect(fuse(steps, (s) => s === of(y))).toHaveLength(1);
    expect(fuse(steps, () => false)).toHaveLength(0);
  });

  it("computes a loss inside its sum, and reads the residual that the gradient needs instead of computing it again", () => {
    const r = new Random(2);
    const [a, b] = [r.tensor([5, 4]), r.tensor([4])];
    const residual = sub(sin(a), b);
    const loss = sum(mul(residual, residual));
    const { steps, views } = lower([loss]);
    const of = (t: Tensor): Slot => views.get(t)![0]!.slot;
    const alone = fuse(steps, (s) => s === of(loss));
    expect(alone).toHaveLength(2); // the broadcast of b keeps two axes, which a sum over one cannot walk
    const both = fuse(steps, (s) => s === of(loss) || s === of(residual));
    expect(both).toHaveLength(2);
    expect(both[1]!.reads.map((o) => o.slot)).toEqual([of(residual)]);
  });
});
