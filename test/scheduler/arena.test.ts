/**
 * Values that share memory while a plan runs: whatever the cache's budget, with fusion and without, the bits are those of an engine that keeps
 * each value in a buffer of its own; and the room they take is near that of the values alive at one time.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { jvp } from "../../ad/jvp.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Value } from "../../core/value.ts";
import { cpu } from "../../cpu/backend.ts";
import { add, mul, neg, sub } from "../../ops/arithmetic.ts";
import { concatenate } from "../../ops/concatenate.ts";
import { convert } from "../../ops/convert.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { tanh } from "../../ops/functions.ts";
import { take } from "../../ops/indexing.ts";
import { matmul } from "../../ops/matmul.ts";
import { slice } from "../../ops/pad.ts";
import { maximum } from "../../ops/piecewise.ts";
import { mean, sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { sort } from "../../ops/sort.ts";
import { flip, transpose } from "../../ops/transpose.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { sameBits } from "../oracle/evaluate.ts";
import { settle } from "./engines.ts";

const N = 37;
type Op = (a: Tensor, b: Tensor) => Tensor;
/** Of [N, N] and [N, N] to [N, N]: operands in place, at other positions, of other sizes and types in between, twice the same. */
const operations: readonly Op[] = [
  (a) => tanh(a),
  (a) => neg(a),
  (a, b) => add(a, b),
  (a, b) => mul(a, b),
  (a) => mul(a, a),
  (a) => add(a, transpose(a)),
  (a, b) => sub(b, flip(a, 0)),
  (a, b) => maximum(a, slice(b, [0, 0], [N, N])),
  (a, b) => tanh(matmul(a, b)),
  (a) => tanh(matmul(transpose(a), a)),
  (a, b) => add(a, sum(b, { axis: 0 })),
  (a, b) => sub(a, reshape(mean(b, { axis: 1 }), [N, 1])),
  (a, b) => concatenate([slice(a, [0, 0], [20, N]), slice(b, [20, 0], [N, N])], 0),
  (a) => tanh(cumsum(a, 1)),
  (a) => sort(a, 1),
  (a, b) => add(b, take(a, [5, 5, 0, ...Array.from({ length: N - 3 }, (_, i) => N - 1 - i)], { axis: 0 })),
  (a, b) => convert(add(convert(a, "float64"), convert(b, "float64")), "float32"),
  (a, b) => mul(a, convert(convert(b, "int32"), "float32")),
];

interface Node {
  readonly op: number;
  readonly args: readonly [number, number];
}
interface Program {
  readonly nodes: readonly Node[];
  /** Which source is written, step by step. */
  readonly writes: readonly number[];
}
const programs: fc.Arbitrary<Program> = fc.record({
  nodes: fc.array(
    // Most operands are recent, so that values die.
    fc.record({ op: fc.nat(operations.length - 1), args: fc.tuple(fc.oneof(fc.nat(2), fc.nat(30)), fc.oneof(fc.nat(2), fc.nat(30))) }),
    { minLength: 5, maxLength: 40 },
  ),
  writes: fc.array(fc.nat(2), { minLength: 3, maxLength: 5 }),
});

const data = (seed: number): Float32Array => Float32Array.from({ length: N * N }, (_, i) => Math.sin(i * (seed + 1) + seed) * 2);

/** What each flush of a program publishes, and its figures. */
async function run({ nodes, writes }: Program, engine: Engine): Promise<{ values: Value[][]; ratio: number }> {
  const sources = [0, 1, 2].map((k) => engine.variable(data(k), { shape: [N, N] }));
  const pool: Tensor[] = [...sources];
  const operand = (k: number): Tensor => pool[pool.length - 1 - (k % pool.length)]!;
  for (const { op, args } of nodes) pool.push(operations[op]!(operand(args[0]), operand(args[1])));
  const outputs = [sum(pool.at(-1)!), mean(pool.at(-2)!), pool.at(-3)!];
  const values: Value[][] = [];
  let ratio = 0;
  engine.observe(outputs).subscribe((v) => values.push(v));
  for (const k of [undefined, ...writes]) {
    if (k !== undefined) sources[k]!.set(data(k + 10 * values.length));
    await settle(engine);
    const { peakBytes, liveBytes } = engine.stats.lastFlush;
    if (liveBytes > 0) ratio = Math.max(ratio, peakBytes / liveBytes);
  }
  await engine.dispose();
  return { values, ratio };
}

describe("values that share memory", () => {
  it("have the bits of values that do not, and take little more room than those alive at one time", async () => {
    const property = fc.asyncProperty(programs, async (program) => {
      const expected = await run(program, await createEngine({ backend: cpu(), cache: { budgetBytes: Infinity }, fusion: false }));
      for (const fusion of [true, false])
        for (const budgetBytes of [0, 20_000, Infinity]) {
          const got = await run(program, await createEngine({ backend: cpu(), cache: { budgetBytes }, fusion }));
          const agree = got.values.every((list, i) => list.every((v, k) => sameBits(v, expected.values[i]![k]!)));
          if (!agree || got.values.length !== expected.values.length) throw new Error(`other bits: fusion ${fusion}, cache ${budgetBytes}`);
          if (got.ratio > 1.25) throw new Error(`${got.ratio} of the largest live set: fusion ${fusion}, cache ${budgetBytes}`);
        }
    });
    const { failed, counterexample, errorInstance } = await fc.check(property, { numRuns: 40, seed: 5, endOnFailure: true });
    if (failed) expect.fail(`${String(errorInstance)}\n${JSON.stringify(counterexample)}`);
  });
});

describe("a training step", () => {
  const rows = 256;
  const parameters = (engine: Engine, widths: readonly number[]): Tensor[] =>
    widths.slice(1).flatMap((width, k) => {
      const size = widths[k]! * width;
      return [
        engine.variable(
          Float32Array.from({ length: size }, (_, i) => Math.sin(i + k)),
          { shape: [widths[k]!, width], label: `w${k}` },
        ),
        engine.variable(new Float32Array(width).fill(0.1), { label: `b${k}` }),
      ];
    });
  const network = (p: readonly Tensor[], x: Tensor): Tensor => {
    let a = x;
    for (let k = 0; k < p.length; k += 2) {
      a = add(matmul(a, p[k]!), p[k + 1]!);
      if (k + 2 < p.length) a = tanh(a);
    }
    return a;
  };
  const ramp = Float32Array.from({ length: rows }, (_, i) => i / rows);
  const losses: Readonly<Record<string, (engine: Engine) => { readonly loss: Tensor; readonly p: Tensor[] }>> = {
    "of a network": (engine) => {
      const p = parameters(engine, [2, 32, 32, 1]);
      const x = engine.variable(new Float32Array(2 * rows).fill(0.5), { shape: [rows, 2] });
      return { loss: mean(mul(network(p, x), network(p, x))), p };
    },
    "of a residual with second derivatives": (engine) => {
      const p = parameters(engine, [1, 20, 20, 1]);
      const x = engine.variable(ramp);
      const ones = engine.variable(new Float32Array(rows).fill(1));
      const u = (y: Tensor): Tensor => reshape(network(p, reshape(y, [rows, 1])), [rows]);
      const slope = (y: Tensor): Tensor => jvp((z: Tensor) => u(z), [y], [ones])[1];
      const curvature = jvp(slope, [x], [ones])[1];
      return { loss: mean(mul(sub(curvature, u(x)), curvature)), p };
    },
  };

  for (const [name, build] of Object.entries(losses))
    it(`${name} takes little more room than its largest live set`, async () => {
      const figures = new Map<number, Engine["stats"]>();
      for (const budgetBytes of [0, 2 ** 26]) {
        const engine = await createEngine({ backend: cpu(), cache: { budgetBytes } });
        const { loss, p } = build(engine);
        engine.observe([loss, ...grad(loss, p)]).subscribe();
        await settle(engine);
        p.forEach((v, k) => k % 2 === 0 || (v as ReturnType<Engine["variable"]>).set(new Float32Array(v.shape[0] as number).fill(0.2)));
        await settle(engine);
        figures.set(budgetBytes, engine.stats);
      }
      const [none, roomy] = [figures.get(0)!, figures.get(2 ** 26)!];
      for (const { lastFlush } of [none, roomy]) {
        expect(lastFlush.peakBytes).toBeGreaterThanOrEqual(lastFlush.liveBytes);
        expect(lastFlush.peakBytes).toBeLessThanOrEqual(1.25 * lastFlush.liveBytes);
      }
      expect(none.lastFlush.peakBytes).toBeLessThan(0.8 * roomy.lastFlush.peakBytes);
    });
});
